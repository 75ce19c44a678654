//! Rows changed and deleted in a span of time.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Caller, Org, OrgError, stamps};

impl Org {
    /// The live rows stamped in `[start, end)`, as `getUpdated` answers.
    ///
    /// # Errors
    /// A span that ends before it starts.
    pub fn updated(
        &self,
        object: &str,
        (start, end): (Timestamp, Timestamp),
        caller: &Caller,
    ) -> Result<Value, OrgError> {
        let object = self.object(object)?.name.clone();
        check(start, end)?;
        let (from, to) = (stamps::show(start), stamps::show(end));
        let ids: Vec<&String> = self
            .rows(&object)
            .filter(|(_, row)| !row.is_deleted())
            .filter(|(_, row)| (from.as_str()..to.as_str()).contains(&row.text("SystemModstamp")))
            .map(|(id, _)| id)
            .collect();
        Ok(json!({ "ids": ids, "latestDateCovered": stamps::show(end.min(caller.now)) }))
    }

    /// The rows deleted in `[start, end)` that are still in the bin, as `getDeleted` answers.
    ///
    /// # Errors
    /// A span that ends before it starts.
    pub fn deleted(
        &self,
        object: &str,
        (start, end): (Timestamp, Timestamp),
        caller: &Caller,
    ) -> Result<Value, OrgError> {
        let object = self.object(object)?.name.clone();
        check(start, end)?;
        let records: Vec<Value> = self
            .rows(&object)
            .filter(|(_, row)| row.is_deleted() && !self.is_gone(row, caller))
            .filter_map(|(id, row)| Some((id, row.deleted_at?)))
            .filter(|(_, at)| (start..end).contains(at))
            .map(|(id, at)| json!({ "id": id, "deletedDate": stamps::stamp(at) }))
            .collect();
        let earliest = caller
            .now
            .checked_sub(jiff::SignedDuration::from_hours(15 * 24));
        Ok(json!({
            "deletedRecords": records,
            "earliestDateAvailable": stamps::show(earliest.unwrap_or(Timestamp::UNIX_EPOCH)),
            "latestDateCovered": stamps::show(end.min(caller.now)),
        }))
    }
}

fn check(start: Timestamp, end: Timestamp) -> Result<(), OrgError> {
    if start < end {
        return Ok(());
    }
    let why = "endDate: End date must be at least one minute greater than the start date";
    Err(OrgError::new("INVALID_REPLICATION_DATE", why))
}
