//! Queries and their pages.

use serde_json::{Value, json};

use super::call::{Answer, Call};
use crate::org::cursors::Page;
use crate::org::query::{PAGE, Reading};
use crate::org::{Caller, Org, OrgError};

/// `query` and `queryAll`.
///
/// # Errors
/// What the org refuses the query with.
pub fn query(
    org: &mut Org,
    call: &Call,
    version: &str,
    with_deleted: bool,
    caller: &Caller,
) -> Result<Answer, OrgError> {
    let soql = call
        .parameter("q")
        .ok_or_else(|| OrgError::new("MALFORMED_QUERY", "A query string has to be specified"))?;
    let asked = call.header("sforce-query-options").and_then(|options| {
        let (_, size) = options.split_once('=')?;
        size.trim().parse::<usize>().ok()
    });
    let batch_size = asked.map_or(PAGE, |size| size.clamp(200, PAGE));
    let page = org.query(
        soql,
        Reading {
            with_deleted,
            batch_size,
            version,
        },
        caller,
    )?;
    Ok(Answer::json(200, show(page, version)))
}

/// A later page.
///
/// # Errors
/// `INVALID_QUERY_LOCATOR`.
pub fn page(org: &Org, version: &str, locator: &str, caller: &Caller) -> Result<Answer, OrgError> {
    let page = org.cursors.page(locator, caller.now)?;
    Ok(Answer::json(200, show(page, version)))
}

fn show(page: Page, version: &str) -> Value {
    let mut body = json!({
        "totalSize": page.total_size, "done": page.next.is_none(), "records": page.records,
    });
    if let Some(next) = page.next {
        body["nextRecordsUrl"] = json!(format!("/services/data/{version}/query/{next}"));
    }
    body
}
