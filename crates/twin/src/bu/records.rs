//! Rows and tables: every object is a map of field values by v5 name.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// One row. Instants are held as UTC text of whole seconds, so text order is time order.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The id, also held under `id` in the values.
    pub id: u64,
    /// Field values by v5 name; a missing field reads as null.
    pub values: Map<String, Value>,
}

impl Record {
    /// A value, null when it was never set.
    pub fn get(&self, field: &str) -> &Value {
        self.values.get(field).unwrap_or(&Value::Null)
    }

    /// A text value, empty when it is no text.
    pub fn text(&self, field: &str) -> &str {
        self.get(field).as_str().unwrap_or_default()
    }

    /// Whether the row is in the recycle bin.
    pub fn is_deleted(&self) -> bool {
        self.get("isDeleted") == &Value::Bool(true)
    }

    /// Sets a value.
    pub fn set(&mut self, field: &str, value: impl Into<Value>) {
        self.values.insert(field.to_owned(), value.into());
    }
}

/// The rows of one object.
#[derive(Debug, Clone)]
pub struct Table {
    /// Rows by id.
    pub rows: BTreeMap<u64, Record>,
    next_id: u64,
}

impl Table {
    /// An empty table whose ids begin at `first_id`.
    pub fn new(first_id: u64) -> Self {
        Self {
            rows: BTreeMap::new(),
            next_id: first_id,
        }
    }

    /// Adds a row under the next id and answers that id.
    pub fn insert(&mut self, values: Map<String, Value>) -> u64 {
        let id = self.next_id;
        self.put(id, values);
        id
    }

    /// Adds a row under its own id, or merges the values into the row that has it.
    pub fn put(&mut self, id: u64, values: Map<String, Value>) {
        self.next_id = self.next_id.max(id + 1);
        let row = self.rows.entry(id).or_insert_with(|| Record {
            id,
            values: Map::new(),
        });
        row.values.extend(values);
        row.set("id", json!(id));
    }

    /// All rows as JSON.
    pub fn dump(&self) -> Value {
        self.rows
            .values()
            .map(|row| Value::Object(row.values.clone()))
            .collect()
    }
}

/// An instant as rows hold it: whole seconds, UTC.
pub fn stamp(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
