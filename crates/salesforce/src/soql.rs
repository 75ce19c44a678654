//! Queries as values: names are checked, literals are escaped, lists are cut to the allowed length.

use std::fmt::{self, Write as _};

use jiff::Timestamp;

/// The longest condition that one query may hold, in characters (apis A3).
pub const MAX_CONDITION_LENGTH: usize = 4_000;

/// A name that is not the API name of a field or object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the API name of a field or object")]
pub struct NameError(pub String);

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// `field = literal`
    Equal(String, Literal),
    /// `field > literal`
    Greater(String, Literal),
    /// `field < literal`
    Less(String, Literal),
    /// `field >= literal`
    AtLeast(String, Literal),
    /// `field IN (literals)`
    In(String, Vec<Literal>),
    /// All of them.
    And(Vec<Condition>),
    /// One of them.
    Or(Vec<Condition>),
}

/// A value in a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// Quoted text; ids too.
    Text(String),
    /// An instant with milliseconds.
    Instant(Timestamp),
    /// `true` or `false`.
    Boolean(bool),
}

impl fmt::Display for Literal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(formatter, "'{}'", escape(text)),
            Self::Instant(instant) => write!(formatter, "{instant:.3}"),
            Self::Boolean(boolean) => write!(formatter, "{boolean}"),
        }
    }
}

/// Escapes text for a quoted literal (apis A3).
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => escaped.push_str("\\\\"),
            '\'' => escaped.push_str("\\'"),
            '"' => escaped.push_str("\\\""),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '\u{8}' => escaped.push_str("\\b"),
            '\u{c}' => escaped.push_str("\\f"),
            other => escaped.push(other),
        }
    }
    escaped
}

impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equal(field, literal) => write!(formatter, "{field} = {literal}"),
            Self::Greater(field, literal) => write!(formatter, "{field} > {literal}"),
            Self::Less(field, literal) => write!(formatter, "{field} < {literal}"),
            Self::AtLeast(field, literal) => write!(formatter, "{field} >= {literal}"),
            Self::In(field, literals) => {
                let listed: Vec<String> = literals.iter().map(ToString::to_string).collect();
                write!(formatter, "{field} IN ({})", listed.join(","))
            }
            Self::And(conditions) => join(formatter, conditions, " AND "),
            Self::Or(conditions) => join(formatter, conditions, " OR "),
        }
    }
}

fn join(formatter: &mut fmt::Formatter<'_>, conditions: &[Condition], by: &str) -> fmt::Result {
    let parts: Vec<String> = conditions.iter().map(|c| format!("({c})")).collect();
    formatter.write_str(&parts.join(by))
}

impl Condition {
    fn names(&self) -> Vec<&str> {
        match self {
            Self::Equal(field, _)
            | Self::Greater(field, _)
            | Self::Less(field, _)
            | Self::AtLeast(field, _)
            | Self::In(field, _) => vec![field],
            Self::And(conditions) | Self::Or(conditions) => {
                conditions.iter().flat_map(Self::names).collect()
            }
        }
    }
}

/// A query whose names have been checked and whose literals are escaped.
#[derive(Clone, PartialEq, Eq)]
pub struct Soql(String);

/// Values of a condition can be personal data.
impl fmt::Debug for Soql {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a query of {} characters", self.0.len())
    }
}

impl Soql {
    /// `SELECT fields FROM object WHERE condition [ORDER BY …] [LIMIT …]`
    ///
    /// # Errors
    /// [`NameError`] when a name could be anything but an API name.
    pub fn select<'a>(
        object: &str,
        fields: impl IntoIterator<Item = &'a str>,
        condition: &Condition,
        order_by: &[&str],
        limit: Option<usize>,
    ) -> Result<Self, NameError> {
        let fields: Vec<&str> = fields.into_iter().collect();
        for name in fields
            .iter()
            .chain(order_by)
            .chain([&object])
            .chain(&condition.names())
        {
            check_name(name)?;
        }
        let mut text = format!(
            "SELECT {} FROM {object} WHERE {condition}",
            fields.join(",")
        );
        if !order_by.is_empty() {
            text.push_str(" ORDER BY ");
            text.push_str(&order_by.join(","));
        }
        if let Some(limit) = limit {
            let _ = write!(text, " LIMIT {limit}");
        }
        Ok(Self(text))
    }

    /// The text of the query.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `Name`, or `Parent.Name`: letters, digits and underscores, a letter first.
pub(crate) fn check_name(name: &str) -> Result<(), NameError> {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let is_name = name.split('.').all(is_part);
    if is_name {
        Ok(())
    } else {
        Err(NameError(name.to_owned()))
    }
}

/// Cuts a list into `IN` conditions that each fit into one query.
#[must_use]
pub fn in_chunks(field: &str, values: &[String]) -> Vec<Condition> {
    let mut chunks = Vec::new();
    let mut current: Vec<Literal> = Vec::new();
    let mut length = 0;
    for value in values {
        let literal = Literal::Text(value.clone());
        let added = literal.to_string().chars().count() + 1;
        if !current.is_empty() && field.len() + 6 + length + added > MAX_CONDITION_LENGTH {
            chunks.push(Condition::In(
                field.to_owned(),
                std::mem::take(&mut current),
            ));
            length = 0;
        }
        length += added;
        current.push(literal);
    }
    if !current.is_empty() {
        chunks.push(Condition::In(field.to_owned(), current));
    }
    chunks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a quoted literal back, the way the service does.
    fn unquote(literal: &str) -> String {
        let inner = literal
            .strip_prefix('\'')
            .unwrap()
            .strip_suffix('\'')
            .unwrap();
        let mut read = String::new();
        let mut characters = inner.chars();
        while let Some(character) = characters.next() {
            assert_ne!(character, '\'', "an unescaped quote ends the literal");
            if character != '\\' {
                read.push(character);
                continue;
            }
            read.push(
                match characters.next().expect("a character after the backslash") {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    other => other,
                },
            );
        }
        read
    }

    proptest! {
        #[test]
        fn any_text_is_read_back_as_it_was(text in ".*") {
            prop_assert_eq!(unquote(&Literal::Text(text.clone()).to_string()), text);
        }

        #[test]
        fn chunks_hold_every_value_once_and_fit(values in prop::collection::vec("[a-z'@]{0,80}", 0..400)) {
            let chunks = in_chunks("Email", &values);
            let mut read = Vec::new();
            for chunk in &chunks {
                prop_assert!(chunk.to_string().chars().count() <= MAX_CONDITION_LENGTH);
                if let Condition::In(_, literals) = chunk {
                    read.extend(literals.iter().map(|literal| unquote(&literal.to_string())));
                }
            }
            prop_assert_eq!(read, values);
        }
    }

    #[test]
    fn a_name_that_is_not_one_is_refused() {
        let anything = Condition::Equal("Id".to_owned(), Literal::Boolean(true));
        for name in ["Id FROM User", "", "1Id", "Account.", "a'b", "Name--"] {
            assert!(
                Soql::select("Lead", [name], &anything, &[], None).is_err(),
                "{name}"
            );
            assert!(
                Soql::select(name, ["Id"], &anything, &[], None).is_err(),
                "{name}"
            );
        }
        assert!(Soql::select("Contact", ["Account.Name"], &anything, &["Id"], Some(1)).is_ok());
    }

    #[test]
    fn a_query_reads_as_expected() {
        let stamp = Literal::Instant("2026-11-23T10:00:00Z".parse().unwrap());
        let condition = Condition::Or(vec![
            Condition::Greater("SystemModstamp".to_owned(), stamp.clone()),
            Condition::And(vec![
                Condition::Equal("SystemModstamp".to_owned(), stamp),
                Condition::Greater("Id".to_owned(), Literal::Text("00Q".to_owned())),
            ]),
        ]);
        let query = Soql::select(
            "Lead",
            ["Id"],
            &condition,
            &["SystemModstamp", "Id"],
            Some(2),
        );
        assert_eq!(
            query.unwrap().as_str(),
            "SELECT Id FROM Lead WHERE (SystemModstamp > 2026-11-23T10:00:00.000Z) OR \
             ((SystemModstamp = 2026-11-23T10:00:00.000Z) AND (Id > '00Q')) \
             ORDER BY SystemModstamp,Id LIMIT 2"
        );
    }
}
