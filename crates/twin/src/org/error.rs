//! Refusals of the org, with the code and HTTP status the API reports.

use serde_json::{Map, Value, json};

/// Why the org refused an operation.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct OrgError {
    /// The HTTP status of a row call.
    pub status: u16,
    /// The error code, such as `STRING_TOO_LONG`.
    pub code: &'static str,
    /// The text.
    pub message: String,
    /// The fields it names.
    pub fields: Vec<String>,
    /// The matches of a duplicate rule.
    pub duplicate_result: Option<Box<Value>>,
}

impl OrgError {
    /// A refusal with status 400.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self::with_status(400, code, message)
    }

    /// A refusal with another status.
    #[must_use]
    pub fn with_status(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            fields: Vec::new(),
            duplicate_result: None,
        }
    }

    /// The same refusal, naming a field.
    #[must_use]
    pub fn on(mut self, field: &str) -> Self {
        self.fields.push(field.to_owned());
        self
    }

    /// No such row.
    #[must_use]
    pub fn not_found() -> Self {
        Self::with_status(404, "NOT_FOUND", "The requested resource does not exist")
    }

    /// The row is in the recycle bin.
    #[must_use]
    pub fn deleted() -> Self {
        Self::with_status(404, "ENTITY_IS_DELETED", "entity is deleted")
    }

    /// Another transaction holds the row.
    #[must_use]
    pub fn locked() -> Self {
        Self::new(
            "UNABLE_TO_LOCK_ROW",
            "unable to obtain exclusive access to this record or 1 records",
        )
    }

    /// A field of a body that the caller cannot see.
    #[must_use]
    pub fn no_column(field: &str, object: &str) -> Self {
        Self::new(
            "INVALID_FIELD",
            format!("No such column '{field}' on sobject of type {object}"),
        )
    }

    /// A value that does not have the type of its field.
    #[must_use]
    pub fn unreadable(kind: &str, value: &Value) -> Self {
        let token = match value {
            Value::String(_) => "VALUE_STRING",
            Value::Bool(true) => "VALUE_TRUE",
            Value::Bool(false) => "VALUE_FALSE",
            Value::Number(number) if number.is_f64() => "VALUE_NUMBER_FLOAT",
            Value::Number(_) => "VALUE_NUMBER_INT",
            Value::Array(_) => "START_ARRAY",
            Value::Object(_) => "START_OBJECT",
            Value::Null => "VALUE_NULL",
        };
        let shown = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        Self::new(
            "JSON_PARSER_ERROR",
            format!("Cannot deserialize instance of {kind} from {token} value {shown}"),
        )
    }

    /// Whether the request as a whole cannot be read, so that no record of it is tried.
    #[must_use]
    pub fn is_malformed_request(&self) -> bool {
        self.code == "JSON_PARSER_ERROR" || self.code == "INVALID_FIELD"
    }

    /// The entry of an array of errors of a row, query or collections call.
    #[must_use]
    pub fn entry(&self) -> Value {
        let mut entry = Map::new();
        entry.insert("message".to_owned(), json!(self.message));
        entry.insert("errorCode".to_owned(), json!(self.code));
        let has_fields = !self.fields.is_empty();
        if has_fields || self.duplicate_result.is_some() {
            entry.insert("fields".to_owned(), json!(self.fields));
        }
        if let Some(result) = &self.duplicate_result {
            entry.insert("duplicateResult".to_owned(), result.as_ref().clone());
        }
        Value::Object(entry)
    }

    /// The entry of the `errors` of one record of a collection.
    #[must_use]
    pub fn record_entry(&self) -> Value {
        let code = if self.code == "NOT_FOUND" {
            "INVALID_CROSS_REFERENCE_KEY"
        } else {
            self.code
        };
        let message = if self.code == "NOT_FOUND" {
            "invalid cross reference id"
        } else {
            &self.message
        };
        let mut entry = json!({ "statusCode": code, "message": message, "fields": self.fields });
        if let Some(result) = &self.duplicate_result {
            entry["duplicateResult"] = result.as_ref().clone();
        }
        entry
    }
}
