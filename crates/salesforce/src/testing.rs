//! The readers of answers without HTTP, for the fuzz targets. Not part of production builds.

use jiff::Timestamp;
use serde_json::Value;
use sync_core::ids::SalesforceId;

use crate::auth::Session;
use crate::calls::ApiUsage;
use crate::describe::Field;
use crate::error::Error;
use crate::query::Row;
use crate::settings::Settings;
use crate::write::RecordResult;

/// The body of an answer, as every call reads it.
///
/// # Errors
/// What the body says is wrong, or that nobody knows.
pub fn answer(status: u16, body: &[u8]) -> Result<Value, Error> {
    crate::answer::read("query", "org.example", status, body)
}

/// The rows of a page, and the path of the next one.
///
/// # Errors
/// An answer that is no page.
pub fn page(answer: Value) -> Result<(Vec<Row>, Option<String>), Error> {
    let page = crate::query::read_page(answer)?;
    Ok((page.rows, page.next))
}

/// Where reading the changes goes on behind a row.
///
/// # Errors
/// A row without stamp or id.
pub fn position(row: &Row) -> Result<(Timestamp, SalesforceId), Error> {
    crate::keyset::position(row)
}

/// The parts of a composite answer.
///
/// # Errors
/// An answer that does not fit to its request.
pub fn composite(expected: usize, answer: Value) -> Result<Vec<Result<Value, Error>>, Error> {
    crate::composite::read_answers("query", "org.example", expected, answer)
}

/// The results of a collection of so many records.
#[must_use]
pub fn results(expected: usize, answer: Result<Value, Error>) -> Vec<Result<RecordResult, Error>> {
    crate::write::read_results("collection_create", expected, answer)
}

/// The rows of records read by id.
///
/// # Errors
/// An answer that belongs to other ids.
pub fn retrieved(ids: &[SalesforceId], answer: Value) -> Result<Vec<Option<Row>>, Error> {
    crate::collections::read_rows(ids, answer)
}

/// The fields of a description.
///
/// # Errors
/// An answer that is no description.
pub fn fields(answer: &Value) -> Result<Vec<Field>, Error> {
    crate::describe::read_fields(answer)
}

/// The session of a token reply.
///
/// # Errors
/// Why there is none.
pub fn session(settings: &Settings, status: u16, body: &[u8]) -> Result<Session, Error> {
    crate::login::read_reply(settings, status, body)
}

/// The allowance in the header `Sforce-Limit-Info`.
#[must_use]
pub fn usage(header: &str) -> Option<ApiUsage> {
    ApiUsage::parse(header)
}
