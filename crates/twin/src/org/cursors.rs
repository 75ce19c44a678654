//! Query results that are read page by page.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan};
use serde_json::Value;

use super::OrgError;

/// How many hours a cursor lives.
const LIFE_HOURS: i64 = 48;

/// A result, rendered when the query ran.
#[derive(Debug, Clone)]
struct Cursor {
    records: Vec<Value>,
    page_size: usize,
    opened_at: Timestamp,
}

/// One page of a result.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The rows of the whole result.
    pub total_size: usize,
    /// The rows of this page.
    pub records: Vec<Value>,
    /// Where the next page is.
    pub next: Option<String>,
}

/// The open cursors.
#[derive(Debug, Clone, Default)]
pub struct Cursors {
    open: BTreeMap<String, Cursor>,
    opened: u64,
}

impl Cursors {
    /// The first page of a result; opens a cursor when there are more.
    pub fn open(&mut self, mut records: Vec<Value>, page_size: usize, now: Timestamp) -> Page {
        let total_size = records.len();
        if total_size <= page_size {
            return Page {
                total_size,
                records,
                next: None,
            };
        }
        self.opened += 1;
        let fifteen = format!("01g{:0>12}", self.opened);
        let id = super::widen(&fifteen).unwrap_or(fifteen);
        let cursor = Cursor {
            records: records.clone(),
            page_size,
            opened_at: now,
        };
        self.open.insert(id.clone(), cursor);
        records.truncate(page_size);
        Page {
            total_size,
            records,
            next: Some(format!("{id}-{page_size}")),
        }
    }

    /// A later page.
    ///
    /// # Errors
    /// `INVALID_QUERY_LOCATOR` when the cursor is unknown or too old.
    pub fn page(&self, locator: &str, now: Timestamp) -> Result<Page, OrgError> {
        let (id, offset) = locator.split_once('-').ok_or_else(invalid)?;
        let offset: usize = offset.parse().map_err(|_| invalid())?;
        let cursor = self.open.get(id).ok_or_else(invalid)?;
        let ends = cursor.opened_at.checked_add(LIFE_HOURS.hours());
        if ends.is_ok_and(|ends| ends <= now) || offset >= cursor.records.len() {
            return Err(invalid());
        }
        let end = cursor.records.len().min(offset + cursor.page_size);
        let next = (end < cursor.records.len()).then(|| format!("{id}-{end}"));
        let records = cursor.records[offset..end].to_vec();
        Ok(Page {
            total_size: cursor.records.len(),
            records,
            next,
        })
    }
}

fn invalid() -> OrgError {
    OrgError::new("INVALID_QUERY_LOCATOR", "invalid query locator")
}
