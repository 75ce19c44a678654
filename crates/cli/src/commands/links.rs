//! `links`: which prospect belongs to which lead or contact.

use sync_core::link::Link;

use crate::explain;
use crate::table::table;

/// One page of links as a table.
pub(super) fn list(rows: &[Link], next: Option<&str>) -> String {
    if rows.is_empty() && next.is_none() {
        return "no links".to_owned();
    }
    let cells: Vec<Vec<String>> = rows.iter().map(cells).collect();
    let header = ["pair", "state", "record", "prospect", "synced", "rules"];
    table(&header, &cells) + &more(next)
}

/// How the next page is listed, if there is one.
pub(super) fn more(next: Option<&str>) -> String {
    next.map(|next| format!("more: --next {next}\n"))
        .unwrap_or_default()
}

fn cells(link: &Link) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let rules = |trace: &sync_core::trace::Trace| trace.rule_numbers().join(",");
    vec![
        link.key.to_string(),
        explain::state(link),
        or_dash(link.crm_id.as_ref().map(ToString::to_string)),
        or_dash(link.prospect_id.map(|id| id.to_string())),
        or_dash(link.synced_at.map(|at| format!("{at:.0}"))),
        or_dash(link.last_trace.as_ref().map(rules)),
    ]
}
