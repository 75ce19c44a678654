//! The list of fields a call asks for; mandatory on every read (apis B2).

/// Field names in the order given, each once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields(Vec<String>);

impl Fields {
    /// The names of an array or list.
    pub fn of<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        let mut fields = Self::default();
        for name in names {
            fields.add(name.into());
        }
        fields
    }

    /// The same list, with this name in it.
    #[must_use]
    pub fn with(mut self, name: &str) -> Self {
        self.add(name.to_owned());
        self
    }

    fn add(&mut self, name: String) {
        if !self.0.contains(&name) {
            self.0.push(name);
        }
    }

    /// The names.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// The value of the `fields` parameter.
    pub(crate) fn parameter(&self) -> (&'static str, String) {
        ("fields", self.0.join(","))
    }
}

impl<N: Into<String>> FromIterator<N> for Fields {
    fn from_iter<I: IntoIterator<Item = N>>(names: I) -> Self {
        Self::of(names)
    }
}
