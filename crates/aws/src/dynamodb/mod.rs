//! The tables: one item per row, the row itself as a JSON document beside the attributes that
//! conditions and indexes need.

mod errors;
mod links;
mod state;
#[cfg(feature = "testing")]
pub mod testing;

pub use errors::DynamoErrors;
pub use links::DynamoLinks;
pub use state::DynamoState;

use std::collections::HashMap;

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::AttributeValue;
use connector::ports::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An item as DynamoDB holds it.
type Item = HashMap<String, AttributeValue>;

/// The version of the stored form that this code writes.
const SCHEMA: u64 = 1;

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The attributes of a row: keys, document and the version of its form.
fn item<T: Serialize>(pk: String, sk: String, row: &T) -> Result<Item, StoreError> {
    let document = serde_json::to_string(row)
        .map_err(|error| StoreError::Unavailable(format!("a row cannot be stored: {error}")))?;
    Ok(Item::from([
        ("pk".to_owned(), text(pk)),
        ("sk".to_owned(), text(sk)),
        ("doc".to_owned(), text(document)),
        ("schema".to_owned(), number(SCHEMA)),
    ]))
}

/// Reads the row of an item. What a later version wrote is refused: read and written back, it would
/// lose what this version does not know. So is a version that never was: a number that somebody typed.
fn row<T: DeserializeOwned>(item: &Item) -> Result<T, StoreError> {
    let schema = item.get("schema").and_then(|schema| schema.as_n().ok());
    let schema = schema.and_then(|number| number.parse::<u64>().ok());
    if !schema.is_some_and(|schema| (1..=SCHEMA).contains(&schema)) {
        return Err(StoreError::Unavailable(
            "an item was written by a later version of prospect-sync, or by hand".to_owned(),
        ));
    }
    let document = item.get("doc").and_then(|doc| doc.as_s().ok());
    let document =
        document.ok_or_else(|| StoreError::Unavailable("an item has no document".to_owned()))?;
    serde_json::from_str(document).map_err(|error| {
        // The position is enough to find it; the document holds personal data.
        let place = format!("line {}, column {}", error.line(), error.column());
        StoreError::Unavailable(format!("an item's document cannot be read at {place}"))
    })
}

/// A request that lacks a part: our own mistake, and nothing was stored.
#[expect(
    clippy::needless_pass_by_value,
    reason = "what `map_err` calls it with"
)]
fn incomplete(error: BuildError) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

/// What a failed call means: somebody else was faster, or the table is not available.
fn store_error<E: ProvideErrorMetadata>(operation: &str, error: &SdkError<E>) -> StoreError {
    let code = error.code().unwrap_or("no answer");
    match code {
        "ConditionalCheckFailedException" | "TransactionConflictException" => StoreError::Conflict,
        other => StoreError::Unavailable(format!("{operation}: {other}")),
    }
}

/// A transaction is cancelled because somebody else was faster, or because the table cannot take it.
fn transaction_error(error: &SdkError<TransactWriteItemsError>) -> StoreError {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
        error.as_service_error()
    else {
        return store_error("TransactWriteItems", error);
    };
    let mut codes = cancelled
        .cancellation_reasons()
        .iter()
        .filter_map(|reason| reason.code())
        .filter(|code| {
            !matches!(
                *code,
                "None" | "ConditionalCheckFailed" | "TransactionConflict"
            )
        });
    match codes.next() {
        None => StoreError::Conflict,
        Some(code) => StoreError::Unavailable(format!("TransactWriteItems: {code}")),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::http::HttpResponse;
    use aws_sdk_dynamodb::types::CancellationReason;
    use aws_sdk_dynamodb::types::error::TransactionCanceledException;

    use super::*;

    fn cancelled(codes: &[&str]) -> StoreError {
        let reasons = codes
            .iter()
            .map(|code| CancellationReason::builder().code(*code).build());
        let cancelled = TransactionCanceledException::builder()
            .set_cancellation_reasons(Some(reasons.collect()))
            .build();
        let cancelled = TransactWriteItemsError::TransactionCanceledException(cancelled);
        let status = 400.try_into().expect("a status");
        let raw = HttpResponse::new(status, "".into());
        transaction_error(&SdkError::service_error(cancelled, raw))
    }

    #[test]
    fn a_row_of_a_later_version_or_of_none_is_refused() {
        let mut stored = item("pk".to_owned(), "sk".to_owned(), &7).expect("a number is JSON");
        assert_eq!(row::<u64>(&stored), Ok(7));
        for schema in [0, SCHEMA + 1] {
            stored.insert("schema".to_owned(), number(schema));
            assert!(matches!(
                row::<u64>(&stored),
                Err(StoreError::Unavailable(_))
            ));
        }
    }

    #[test]
    fn a_transaction_that_was_throttled_is_no_conflict() {
        for code in ["ConditionalCheckFailed", "TransactionConflict"] {
            assert_eq!(cancelled(&["None", code]), StoreError::Conflict);
        }
        let throttled = cancelled(&["None", "ThrottlingError"]);
        assert_eq!(
            throttled,
            StoreError::Unavailable("TransactWriteItems: ThrottlingError".to_owned())
        );
    }
}
