//! Values of a row: taken out by name, with an error that names the field and not the value.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::calls::CallKind;
use crate::error::ProtocolError;

/// A row of an answer, and the call it came with.
pub(crate) struct Row<'a> {
    pub kind: CallKind,
    pub values: &'a Map<String, Value>,
}

impl Row<'_> {
    fn wrong(&self, name: &str, expected: &str) -> ProtocolError {
        ProtocolError::new(self.kind, format!("`{name}` is not {expected}"))
    }

    /// A whole number, also one written as text; `None` when it is absent or null.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, ProtocolError> {
        let wrong = || self.wrong(name, "a whole number");
        match self.values.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => number.as_u64().map(Some).ok_or_else(wrong),
            Some(Value::String(text)) => text.parse().map(Some).map_err(|_| wrong()),
            Some(_) => Err(wrong()),
        }
    }

    /// The number `id`.
    pub(crate) fn id(&self) -> Result<u64, ProtocolError> {
        self.number("id")?.ok_or_else(|| self.wrong("id", "there"))
    }

    /// A text; `None` when it is absent, null or empty.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, ProtocolError> {
        match self.values.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(self.wrong(name, "text")),
        }
    }

    /// True or false; absent and null are false.
    pub(crate) fn is(&self, name: &str) -> Result<bool, ProtocolError> {
        match self.values.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(_) => Err(self.wrong(name, "true or false")),
        }
    }

    /// An instant with any offset; `None` when it is absent or null.
    pub(crate) fn instant(&self, name: &str) -> Result<Option<Timestamp>, ProtocolError> {
        match self.text(name)? {
            None => Ok(None),
            Some(text) => {
                let instant = text
                    .parse()
                    .map_err(|_| self.wrong(name, "an instant with offset"));
                instant.map(Some)
            }
        }
    }
}
