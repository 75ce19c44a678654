//! The rows of one object, with an index per unique field.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::schema::{Field, Object};

/// The values of a row by field name. Every field of the object has an entry or is null.
pub type Values = Map<String, Value>;

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The values.
    pub values: Values,
    /// When it was put into the recycle bin.
    pub deleted_at: Option<Timestamp>,
}

impl Row {
    /// The value of a field.
    #[must_use]
    pub fn get(&self, field: &str) -> &Value {
        self.values.get(field).unwrap_or(&Value::Null)
    }

    /// The text of a field, empty when it has none.
    #[must_use]
    pub fn text(&self, field: &str) -> &str {
        self.get(field).as_str().unwrap_or_default()
    }

    /// Whether it is in the recycle bin.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.get("IsDeleted") == &Value::Bool(true)
    }
}

/// The key of a value in the index of its unique field.
#[must_use]
pub fn unique_key(field: &Field, value: &Value) -> Option<String> {
    let text = value.as_str().map(str::to_owned).or_else(|| {
        let is_filled = value.is_number();
        is_filled.then(|| value.to_string())
    })?;
    Some(if field.case_sensitive {
        text
    } else {
        text.to_lowercase()
    })
}

/// The rows of one object.
#[derive(Debug, Clone, Default)]
pub struct Table {
    rows: BTreeMap<String, Row>,
    unique: HashMap<(String, String), String>,
}

impl Table {
    /// A row, deleted or not.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Row> {
        self.rows.get(id)
    }

    /// All rows in the order of their ids.
    pub fn rows(&self) -> impl Iterator<Item = (&String, &Row)> {
        self.rows.iter()
    }

    /// The live row that holds a value of a unique field.
    #[must_use]
    pub fn holder(&self, field: &str, key: &str) -> Option<&String> {
        self.unique.get(&(field.to_owned(), key.to_owned()))
    }

    /// Puts a row, or takes it away, and answers what was there.
    pub fn put(&mut self, object: &Object, id: &str, row: Option<Row>) -> Option<Row> {
        let before = self.rows.remove(id);
        if let Some(before) = &before {
            for entry in keys(object, before) {
                if self.unique.get(&entry).is_some_and(|held| held == id) {
                    self.unique.remove(&entry);
                }
            }
        }
        if let Some(row) = row {
            for entry in keys(object, &row) {
                self.unique.insert(entry, id.to_owned());
            }
            self.rows.insert(id.to_owned(), row);
        }
        before
    }
}

/// The index entries of a row. A deleted row holds nothing.
fn keys(object: &Object, row: &Row) -> Vec<(String, String)> {
    if row.is_deleted() {
        return Vec::new();
    }
    let unique = object.fields.iter().filter(|field| field.unique);
    unique
        .filter_map(|field| Some((field.name.clone(), unique_key(field, row.get(&field.name))?)))
        .collect()
}
