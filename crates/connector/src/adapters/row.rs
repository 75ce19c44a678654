//! Fields of a Salesforce row.

use salesforce::Row;
use serde_json::Value;

/// A field of a row, or of the parent in it: `Account.Name`.
pub(super) fn field<'a>(row: &'a Row, path: &str) -> Option<&'a Value> {
    let mut parts = path.split('.');
    let mut value = row.get(parts.next()?)?;
    for part in parts {
        value = value.get(part)?;
    }
    Some(value)
}

/// The text of a field that is not empty.
pub(super) fn text<'a>(row: &'a Row, name: &str) -> Option<&'a str> {
    field(row, name)?.as_str().filter(|text| !text.is_empty())
}

/// Whether a checkbox is set.
pub(super) fn is(row: &Row, name: &str) -> bool {
    field(row, name).and_then(Value::as_bool).unwrap_or(false)
}
