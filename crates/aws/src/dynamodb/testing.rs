//! Rows as the tables hold them, for the fuzz targets. Not part of production builds.

use aws_sdk_dynamodb::types::AttributeValue;
use connector::ports::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Item, item, row, text};

/// The document of the item that a row is stored as.
///
/// # Errors
/// A row that cannot be stored.
pub fn document<T: Serialize>(stored: &T) -> Result<String, StoreError> {
    let item = item("pk".to_owned(), "sk".to_owned(), stored)?;
    match item.get("doc") {
        Some(AttributeValue::S(document)) => Ok(document.clone()),
        _ => Err(StoreError::Unavailable("no document".to_owned())),
    }
}

/// Reads the row of an item with this document, written under this version of the stored form.
///
/// # Errors
/// An item that holds no such row.
pub fn read<T: DeserializeOwned>(schema: &str, document: &str) -> Result<T, StoreError> {
    row(&Item::from([
        ("schema".to_owned(), AttributeValue::N(schema.to_owned())),
        ("doc".to_owned(), text(document)),
    ]))
}
