//! The two services behind their ports: records in and out of our own clients.

mod crm;
pub mod crm_record;
mod crm_users;
mod describe;
mod marketing;
pub mod prospect;
pub mod recycle_bin;
mod row;
mod tokens;

pub use crm::SalesforceCrm;
pub use marketing::EngagementMarketing;
pub use tokens::SalesforceTokens;

use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use sync_core::coerce::{CoercionError, Service, read_value};
use sync_core::config::{Config, FieldEntry};
use sync_core::error::ErrorClass;
use sync_core::record::Values;
use sync_core::settle::WriteFailure;

/// Reads the mapped values of a record; what does not fit its type is told by field.
fn read_values<'a>(
    config: &Config,
    service: Service,
    values_of: impl Fn(&FieldEntry) -> Option<&'a Value>,
) -> (Values, Vec<CoercionError>) {
    let zone = TimeZone::get(&config.account_engagement.time_zone).unwrap_or(TimeZone::UTC);
    let mut values = Values::new();
    let mut unreadable = Vec::new();
    for entry in &config.fields.0 {
        let Some(json) = values_of(entry) else {
            continue;
        };
        match read_value(service, &entry.prospect, entry.field_type, json, &zone) {
            Ok(value) => {
                values.insert(entry.prospect.clone(), value);
            }
            Err(error) => unreadable.push(error),
        }
    }
    (values, unreadable)
}

/// The JSON object of some fields.
fn object(entries: impl IntoIterator<Item = (String, Value)>) -> Map<String, Value> {
    entries.into_iter().collect()
}

/// The service's clock when a read began: what it showed with the last answer, less the time the
/// read took, less the second it rounds to. Without a clock nothing counts as settled.
fn clock_at_start(
    at_the_end: Option<jiff::Timestamp>,
    started: tokio::time::Instant,
) -> jiff::Timestamp {
    let took = started.elapsed() + std::time::Duration::from_secs(1);
    at_the_end
        .and_then(|end| end.checked_sub(took).ok())
        .unwrap_or(jiff::Timestamp::MIN)
}

/// A write within its time, which waits for a slot, a new log-in and repetitions included. Nobody knows
/// what became of one that took longer (reliability 2.2, step 3).
async fn in_time<T>(
    service: Service,
    limit: Duration,
    write: impl Future<Output = T>,
) -> Result<T, WriteFailure> {
    let answered = tokio::time::timeout(limit, write).await;
    answered.map_err(|_| WriteFailure {
        service,
        class: ErrorClass::Transient,
        code: "OUTCOME_UNKNOWN".to_owned(),
        fields: Vec::new(),
        message: format!("no answer within {} seconds", limit.as_secs()),
        may_have_landed: true,
    })
}

/// An error and its causes in one line.
fn full_message(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        cause = inner.source();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was committed in these ten minutes can lie behind a page that was read before.
    #[tokio::test(start_paused = true)]
    async fn a_read_is_complete_up_to_its_beginning_not_its_end() {
        let started = tokio::time::Instant::now();
        tokio::time::advance(Duration::from_secs(600)).await;
        let at = |second| jiff::Timestamp::from_second(second).expect("a second");
        assert_eq!(clock_at_start(Some(at(10_600)), started), at(9_999));
        assert_eq!(clock_at_start(None, started), jiff::Timestamp::MIN);
    }
}
