//! `errors`: the rows of the error queue.

use jiff::Timestamp;
use sync_core::settle::ErrorRow;

use crate::age::age;
use crate::table::table;

const HEADER: [&str; 10] = [
    "state",
    "code",
    "fields",
    "record",
    "prospect",
    "age",
    "last seen",
    "times",
    "to act",
    "what",
];

/// The rows as a table, oldest first as they come.
pub(super) fn list(rows: &[ErrorRow], more: usize, now: Timestamp) -> String {
    if rows.is_empty() {
        return "no errors".to_owned();
    }
    let cells: Vec<Vec<String>> = rows.iter().map(|row| cells(row, now)).collect();
    let listed = table(&HEADER, &cells);
    if more == 0 {
        return listed;
    }
    format!("{listed}and {more} more; so many have few causes: begin with the codes above")
}

fn cells(row: &ErrorRow, now: Timestamp) -> Vec<String> {
    let state = if row.closed_at.is_some() {
        "closed"
    } else {
        "open"
    };
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let fields = row.fields.join(", ");
    vec![
        state.to_owned(),
        row.code.clone(),
        or_dash(Some(fields).filter(|fields| !fields.is_empty())),
        or_dash(row.crm_id.as_ref().map(ToString::to_string)),
        or_dash(row.prospect_id.map(|id| id.to_string())),
        age(now, row.first_seen),
        format!("{:.0}", row.last_seen),
        row.attempts.to_string(),
        row.owner.clone(),
        row.message.clone(),
    ]
}
