//! `status`: how the deployment is, and what needs attention.

use std::fmt::Write as _;

use jiff::Timestamp;
use sync_core::config::{ConnectorRow, ConnectorState};
use sync_core::protocol::{ConnectorStatus, StatusReport};

use crate::age::age;
use crate::table::table;
use crate::{Answer, Exit};

/// A poll older than this has stopped: the schedule polls every two minutes.
const OLDEST_POLL_SECONDS: i64 = 600;

/// The report as text; ends with 4 when something needs attention.
pub(super) fn show(report: &StatusReport, now: Timestamp) -> Answer {
    let mut text = format!(
        "prospect-sync {} (connector version {})\n",
        report.version, report.connector_version
    );
    for connector in &report.connectors {
        text.push('\n');
        text.push_str(&connector_text(connector, now));
    }
    let queues: Vec<Vec<String>> = report
        .queues
        .iter()
        .map(|queue| {
            vec![
                queue.name.clone(),
                queue.waiting.to_string(),
                queue.in_flight.to_string(),
            ]
        })
        .collect();
    if !queues.is_empty() {
        text.push('\n');
        text.push_str(&table(&["queue", "waiting", "in flight"], &queues));
    }
    let attention = attention(report, now);
    if attention.is_empty() {
        return Answer {
            text,
            exit: Exit::Fine,
        };
    }
    text.push_str("\nneeds attention\n");
    for line in attention {
        let _ = writeln!(text, "  {line}");
    }
    Answer {
        text,
        exit: Exit::NeedsAttention,
    }
}

fn connector_text(connector: &ConnectorStatus, now: Timestamp) -> String {
    let Some(row) = &connector.row else {
        return format!(
            "{}  not configured; run `prospect-sync config apply FILE`\n",
            connector.business_unit
        );
    };
    let mut text = format!(
        "{}  {}  {}  configuration version {}\n",
        row.business_unit,
        row.name,
        row.state.name(),
        row.config_version
    );
    let _ = writeln!(
        text,
        "  changed      {} ago by {}",
        age(now, row.changed_at),
        row.changed_by
    );
    let links: Vec<String> = connector
        .links
        .iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    let links = if links.is_empty() {
        "none".to_owned()
    } else {
        links.join(", ")
    };
    let _ = writeln!(text, "  links        {links}");
    if let Some(used_up) = row.used_up_at(now) {
        let _ = writeln!(text, "  waits        {used_up}");
    }
    let _ = writeln!(text, "  open errors  {}", connector.open_errors);
    let cursors: Vec<Vec<String>> = connector
        .cursors
        .iter()
        .map(|cursor| {
            vec![
                format!("  {}", cursor.stream),
                format!("{:.0}", cursor.read_to),
                format!("{} ago", age(now, cursor.polled_at)),
            ]
        })
        .collect();
    if cursors.is_empty() {
        text.push_str("  never polled\n");
    } else {
        text.push_str(&table(&["  stream", "read to", "polled"], &cursors));
    }
    text
}

/// One line for each thing somebody should look at, with the page that says what to do.
fn attention(report: &StatusReport, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    for connector in &report.connectors {
        let Some(row) = &connector.row else { continue };
        if let ConnectorState::AuthFailed(why) = &row.state {
            lines.push(format!(
                "{} cannot log in: {why} (docs/runbooks/AuthFailed.md)",
                row.name
            ));
        } else if let Some(used_up) = row.used_up_at(now) {
            lines.push(format!(
                "{} waits: {used_up} (docs/runbooks/CircuitOpen.md)",
                row.name
            ));
        } else if row.state == ConnectorState::Active
            && let Some(since) = stopped_since(connector, may_read_since(row), now)
        {
            lines.push(format!(
                "{} was last polled {} ago (docs/runbooks/PollStopped.md)",
                row.name,
                age(now, since)
            ));
        }
        if connector.open_errors > 0 {
            lines.push(format!(
                "{} has {} open errors (docs/runbooks/OpenErrors.md)",
                row.name, connector.open_errors
            ));
        }
    }
    for queue in &report.queues {
        let messages = queue.waiting + queue.in_flight;
        if queue.name.ends_with("dlq") && messages > 0 {
            lines.push(format!(
                "{} holds {messages} messages (docs/runbooks/DlqNotEmpty.md)",
                queue.name
            ));
        }
    }
    lines
}

/// Since when streams could be read: a paused connector reads none, and one that has no calls left
/// neither, so the time counts from the moment that this was over.
fn may_read_since(row: &ConnectorRow) -> Timestamp {
    let renewed = row.used_up.map(|used_up| used_up.until);
    renewed.map_or(row.changed_at, |renewed| renewed.max(row.changed_at))
}

/// When the stream that is farthest behind was polled, if that is too long ago.
fn stopped_since(
    connector: &ConnectorStatus,
    changed: Timestamp,
    now: Timestamp,
) -> Option<Timestamp> {
    let polled = connector.cursors.iter().map(|cursor| cursor.polled_at);
    let last = polled.min().map_or(changed, |last| last.max(changed));
    (now.as_second() - last.as_second() > OLDEST_POLL_SECONDS).then_some(last)
}
