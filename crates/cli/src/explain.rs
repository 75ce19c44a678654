//! Why a field has its value: the last decision of a pair, with values. For the operator's eyes.

use std::fmt::Write as _;

use sync_core::link::{Link, LinkState};
use sync_core::trace::{FieldTrace, Winner};

/// The last decision of each link.
pub(crate) fn links(rows: &[Link]) -> String {
    if rows.is_empty() {
        return "no link: the record was never looked at, or belongs to another business unit"
            .to_owned();
    }
    rows.iter().map(link).collect::<Vec<_>>().join("\n")
}

fn link(link: &Link) -> String {
    let or_none = |id: Option<String>| id.unwrap_or_else(|| "none".to_owned());
    let crm = or_none(link.crm_id.as_ref().map(ToString::to_string));
    let prospect = or_none(link.prospect_id.map(|id| id.to_string()));
    let mut text = format!(
        "{}  record {crm}  prospect {prospect}  {}\n",
        link.key,
        state(link)
    );
    let Some(trace) = &link.last_trace else {
        text.push_str("  nothing was decided yet\n");
        return text;
    };
    for applied in &trace.rules {
        let _ = writeln!(text, "  {:5} {}", applied.rule.as_str(), applied.said);
        for id in &applied.rejected {
            let _ = writeln!(text, "        not {id}");
        }
    }
    let widest = trace.fields.iter().map(|entry| entry.field.0.len()).max();
    for entry in &trace.fields {
        let _ = writeln!(text, "  {}", field(entry, widest.unwrap_or(0)));
    }
    if trace.fields.is_empty() {
        text.push_str("  no field differed\n");
    }
    text.push_str(&conflicts(link));
    text
}

/// Values that were overruled, the newest first.
fn conflicts(link: &Link) -> String {
    let widest = link.conflicts.iter().map(|kept| kept.field.field.0.len());
    let width = widest.max().unwrap_or(0);
    let lines = link.conflicts.iter().rev().map(|conflict| {
        let at = conflict.at.strftime("%F %R");
        format!("  {at}  {}\n", field(&conflict.field, width))
    });
    let lines: String = lines.collect();
    if lines.is_empty() {
        lines
    } else {
        format!("  conflicts, the newest first (UTC):\n{lines}")
    }
}

/// The state with its reason.
pub(crate) fn state(link: &Link) -> String {
    match &link.state {
        LinkState::Skipped(reason) => format!("skipped ({reason})"),
        LinkState::Held(reason) => format!("held ({reason})"),
        LinkState::Pending | LinkState::Linked => link.state.name().to_owned(),
    }
}

fn field(entry: &FieldTrace, width: usize) -> String {
    let base = entry.base.as_ref().map(ToString::to_string);
    let base = base.unwrap_or_else(|| "none".to_owned());
    let winner = match entry.winner {
        Winner::Same => "equal",
        Winner::Salesforce => "Salesforce's value",
        Winner::AccountEngagement => "Account Engagement's value",
        Winner::Neither => "left as it is",
    };
    let conflict = if entry.conflict { " (conflict)" } else { "" };
    format!(
        "{:5} {:width$}  Salesforce {} | Account Engagement {} | base {base} -> {winner}{conflict}",
        entry.rule.as_str(),
        entry.field.0,
        entry.salesforce,
        entry.account_engagement
    )
}
