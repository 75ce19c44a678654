//! `pause`, `activate`, `poll`: what became of the connector.

use serde_json::Value;
use sync_core::config::{ConnectorRow, ConnectorState};

use crate::{Answer, Exit};

/// The connector after a change of its state.
pub(super) fn changed(row: &ConnectorRow, caught_up: u64) -> String {
    let who = format!("{} of {}", row.name, row.business_unit);
    match &row.state {
        ConnectorState::Paused => format!(
            "{who} is paused: automatic prospect sync is held; `sync` and `send` still work"
        ),
        ConnectorState::Active => {
            format!("{who} is active; {caught_up} held pairs were sent to the queue")
        }
        ConnectorState::AuthFailed(why) => format!("{who} cannot log in: {why}"),
    }
}

/// The reports of a poll, one line per connector.
pub(super) fn poll(reports: &Value) -> Answer {
    let reports = reports.as_array().map(Vec::as_slice).unwrap_or_default();
    let has_problem = reports.iter().any(|report| problem(report).is_some());
    let lines: Vec<String> = reports.iter().map(report_line).collect();
    Answer {
        text: lines.join("\n"),
        exit: if has_problem {
            Exit::Refused
        } else {
            Exit::Fine
        },
    }
}

fn problem(report: &Value) -> Option<&str> {
    report.get("problem").and_then(Value::as_str)
}

fn report_line(report: &Value) -> String {
    let number = |name: &str| report.get(name).and_then(Value::as_u64).unwrap_or(0);
    let state = report.get("state").and_then(Value::as_str);
    let seen = report.get("seen").and_then(Value::as_object);
    let seen: u64 = seen.map_or(0, |seen| seen.values().filter_map(Value::as_u64).sum());
    let mut line = format!(
        "{}: {seen} changes seen, {} enqueued, {} caught up",
        state.unwrap_or("unknown state"),
        number("enqueued"),
        number("caught_up")
    );
    if let Some(problem) = problem(report) {
        line.push_str("; not finished: ");
        line.push_str(problem);
    }
    line
}
