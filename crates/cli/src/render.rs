//! Replies as an operator reads them, and what they mean for the exit code.

use std::fmt::Write as _;

use serde_json::Value;
use sync_core::config::ConnectorState;
use sync_core::config::lint::{Finding, Severity};
use sync_core::link::Link;
use sync_core::protocol::{AdminReply, ConnectorStatus, StatusReport};
use sync_core::settle::ErrorRow;

use crate::Exit;
use crate::explain;
use crate::table::table;

/// The reply as text.
pub(crate) fn reply(reply: &AdminReply) -> String {
    match reply {
        AdminReply::Status(report) => status(report),
        AdminReply::Connector { row, caught_up } => {
            let state = row.state.name();
            format!("{} is {state}; {caught_up} held pairs sent to the queue", row.name)
        }
        AdminReply::Queued { run, what } => format!("queued: {what} (run {run})"),
        AdminReply::Errors { rows } => errors(rows),
        AdminReply::Links { rows, next } => links(rows, next.as_deref()),
        AdminReply::Findings { findings: found } if found.is_empty() => "no findings".to_owned(),
        AdminReply::Findings { findings: found } => findings(found),
        AdminReply::Applied { version, findings: found } => {
            format!("version {version} is in force\n{}", findings(found))
        }
        AdminReply::Refused { message } => format!("refused: {message}"),
    }
}

/// What the reply means for the exit code.
pub(crate) fn exit(reply: &AdminReply) -> Exit {
    match reply {
        AdminReply::Refused { .. } => Exit::Refused,
        AdminReply::Findings { findings } => {
            let has_errors = findings.iter().any(|finding| finding.severity == Severity::Error);
            if has_errors { Exit::Refused } else { Exit::Fine }
        }
        AdminReply::Status(report) if needs_attention(report) => Exit::NeedsAttention,
        AdminReply::Status(_)
        | AdminReply::Connector { .. }
        | AdminReply::Queued { .. }
        | AdminReply::Errors { .. }
        | AdminReply::Links { .. }
        | AdminReply::Applied { .. } => Exit::Fine,
    }
}

/// Stopped, open errors, or something in a dead-letter queue.
fn needs_attention(report: &StatusReport) -> bool {
    let is_stopped = |connector: &ConnectorStatus| {
        let state = connector.row.as_ref().map(|row| &row.state);
        matches!(state, Some(ConnectorState::AuthFailed(_)))
    };
    report.connectors.iter().any(|connector| connector.open_errors > 0 || is_stopped(connector))
        || report.queues.iter().any(|queue| queue.name.ends_with("dlq") && queue.waiting > 0)
}

fn status(report: &StatusReport) -> String {
    let mut text = format!(
        "prospect-sync {} (connector version {})\n\n",
        report.version, report.connector_version
    );
    for connector in &report.connectors {
        text.push_str(&connector_status(connector));
        text.push('\n');
    }
    let queues: Vec<Vec<String>> = report
        .queues
        .iter()
        .map(|queue| {
            vec![queue.name.clone(), queue.waiting.to_string(), queue.in_flight.to_string()]
        })
        .collect();
    text.push_str(&table(&["queue", "waiting", "in flight"], &queues));
    text
}

fn connector_status(connector: &ConnectorStatus) -> String {
    let Some(row) = &connector.row else {
        return format!("{}  not configured; run `config apply`\n", connector.business_unit);
    };
    let mut text = format!(
        "{}  {}  {}  configuration version {}\n",
        row.business_unit,
        row.name,
        row.state.name(),
        row.config_version
    );
    if let ConnectorState::AuthFailed(why) = &row.state {
        let _ = writeln!(text, "  stopped: {why}");
    }
    let _ = writeln!(text, "  since {:.0} by {}", row.changed_at, row.changed_by);
    let links: Vec<String> =
        connector.links.iter().map(|(state, count)| format!("{count} {state}")).collect();
    let _ = writeln!(text, "  links: {}", links.join(", "));
    let _ = writeln!(text, "  open errors: {}", connector.open_errors);
    for cursor in &connector.cursors {
        let _ = writeln!(
            text,
            "  {} read to {:.0}, polled {:.0}",
            cursor.stream, cursor.read_to, cursor.polled_at
        );
    }
    text
}

fn errors(rows: &[ErrorRow]) -> String {
    if rows.is_empty() {
        return "no open errors".to_owned();
    }
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let state = if row.closed_at.is_some() { "closed" } else { "open" };
            vec![
                row.pair.to_string(),
                state.to_owned(),
                row.code.clone(),
                row.fields.join(","),
                row.attempts.to_string(),
                format!("{:.0}", row.first_seen),
                row.owner.clone(),
                row.message.clone(),
            ]
        })
        .collect();
    let header = ["pair", "state", "code", "fields", "seen", "since", "to act", "what"];
    table(&header, &cells)
}

fn links(rows: &[Link], next: Option<&str>) -> String {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|link| {
            let rules = link.last_trace.as_ref().map(|trace| trace.rule_numbers().join(","));
            vec![
                link.key.to_string(),
                explain::state(link),
                link.crm_id.as_ref().map_or_else(String::new, ToString::to_string),
                link.prospect_id.map_or_else(String::new, |id| id.to_string()),
                link.synced_at.map_or_else(String::new, |at| format!("{at:.0}")),
                rules.unwrap_or_default(),
            ]
        })
        .collect();
    let mut text = table(&["pair", "state", "record", "prospect", "synced", "rules"], &cells);
    if let Some(next) = next {
        let _ = writeln!(text, "more: --next {next}");
    }
    text
}

fn findings(found: &[Finding]) -> String {
    let cells: Vec<Vec<String>> = found
        .iter()
        .map(|finding| {
            let severity = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            vec![
                severity.to_owned(),
                finding.path.clone(),
                finding.rule.clone(),
                finding.message.clone(),
            ]
        })
        .collect();
    if cells.is_empty() { String::new() } else { table(&["", "where", "rule", "what"], &cells) }
}

/// The reports of a poll, one line per connector.
pub(crate) fn poll(reports: &Value) -> String {
    let number = |report: &Value, name: &str| report.get(name).and_then(Value::as_u64).unwrap_or(0);
    let lines = reports.as_array().map(Vec::as_slice).unwrap_or_default().iter().map(|report| {
        let seen = report.get("seen").and_then(Value::as_object);
        let seen: u64 = seen.map_or(0, |seen| seen.values().filter_map(Value::as_u64).sum());
        let state = report.get("state").and_then(Value::as_str).unwrap_or_default();
        let problem = report.get("problem").and_then(Value::as_str);
        let problem = problem.map(|problem| format!("; {problem}")).unwrap_or_default();
        let (enqueued, caught_up) = (number(report, "enqueued"), number(report, "caught_up"));
        format!("{state}: {seen} changes seen, {enqueued} enqueued, {caught_up} caught up{problem}")
    });
    lines.collect::<Vec<_>>().join("\n")
}
