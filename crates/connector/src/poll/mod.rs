//! What changed: reads each stream from its cursor, enqueues hints, then moves the cursor.
//!
//! The order is the promise: a cursor moves only after the queue has accepted every message, and it
//! moves on stamps of the servers only. Everything else is repeated harmlessly, because a hint says
//! where to look and never what to write.

mod batches;
mod cursor;
mod users;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sync_core::coerce::Service;
use sync_core::config::{ConnectorRow, ConnectorState};
use sync_core::error::ErrorClass;
use sync_core::hint::{Cause, ChangeHint, Lane};
use sync_core::ids::BusinessUnit;
use sync_core::key::RecordRef;
use sync_core::link::{Link, LinkState};
use sync_core::quota::UsedUp;

pub use batches::{LANE_SHARDS, into_batches};
pub use cursor::OVERLAP_SECONDS;
pub use users::mapped_users;

use crate::circuit;
use crate::environment::{Configured, Environment};
use crate::events::{Event, MetricName, Metrics, usage_details, usage_metrics};
use crate::ports::{Holder, SendFailure, ServiceError, Sides, StoreError, Stream, Usage};
use crate::turn;

/// Why a poll did not finish. The cursors of finished streams stay moved; the rest is polled again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PollError {
    /// A call to a service failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// A table of ours failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue refused; the cursor stays where it was.
    #[error(transparent)]
    Queue(#[from] SendFailure),
    /// Nothing was asked, because an allowance is used up; told as a problem, so that nobody takes a
    /// connector that stands still for one that works.
    #[error("{0}")]
    UsedUp(UsedUp),
}

/// What one poll of one connector did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PollReport {
    /// The business unit; `None` only in a default value.
    pub business_unit: Option<BusinessUnit>,
    /// The state the connector was found in.
    pub state: String,
    /// Whether it is stopped, because a log-in was refused (R7).
    pub is_stopped: bool,
    /// Whether nothing was read, because a comparison has its turn; the next poll reads it.
    pub waits_for_turn: bool,
    /// The allowance that is used up: found so, or told so by this poll.
    pub used_up: Option<UsedUp>,
    /// Changed rows seen, by stream.
    pub seen: BTreeMap<String, u64>,
    /// Hints enqueued.
    pub enqueued: u64,
    /// Held pairs that were sent to the queue again.
    pub caught_up: u64,
    /// Rows open in the errors table; `None` when nobody could count them.
    pub open_errors: Option<u64>,
    /// Calls to Salesforce.
    pub salesforce: Usage,
    /// Calls to Account Engagement.
    pub account_engagement: Usage,
    /// What went wrong, if anything; the other connectors were polled all the same.
    pub problem: Option<PollError>,
}

impl Event for PollReport {
    fn name(&self) -> &'static str {
        "poll finished"
    }

    fn business_unit(&self) -> Option<&BusinessUnit> {
        self.business_unit.as_ref()
    }

    /// A connector that is stopped counts as refused on every poll: its alarm stays on until somebody
    /// has acted. What was not counted is not reported as none.
    fn metrics(&self) -> Metrics {
        let mut metrics = usage_metrics(&self.salesforce, &self.account_engagement);
        metrics.insert(MetricName::ChangesSeen, self.seen.values().sum());
        metrics.insert(MetricName::HintsEnqueued, self.enqueued + self.caught_up);
        if let Some(open) = self.open_errors {
            metrics.insert(MetricName::ErrorsOpen, open);
        }
        let class = match &self.problem {
            Some(PollError::Service(error)) => Some(error.class),
            _ => None,
        };
        let is_refused = self.is_stopped || class == Some(ErrorClass::Auth);
        metrics.insert(MetricName::AuthFailures, u64::from(is_refused));
        let is_open = u64::from(self.used_up.is_some());
        metrics.insert(MetricName::CircuitOpen, is_open);
        let is_unknown = class == Some(ErrorClass::Unclassified);
        metrics.insert(MetricName::Unclassified, u64::from(is_unknown));
        metrics
    }

    fn details(&self) -> Map<String, Value> {
        let mut details = usage_details(&self.salesforce, &self.account_engagement);
        details.insert("state".to_owned(), json!(self.state));
        details.insert("waits_for_turn".to_owned(), json!(self.waits_for_turn));
        let used_up = self.used_up.map(|used_up| used_up.until.to_string());
        details.insert("used_up_until".to_owned(), json!(used_up));
        details.insert("seen".to_owned(), json!(self.seen));
        details.insert("enqueued".to_owned(), json!(self.enqueued));
        details.insert("caught_up".to_owned(), json!(self.caught_up));
        let problem = self.problem.as_ref().map(ToString::to_string);
        details.insert("problem".to_owned(), json!(problem));
        details
    }
}

/// A poll of the whole deployment: alive only when no connector had a problem, so that one that fails
/// is not hidden behind another one that works.
pub struct PollRun<'a>(pub &'a [PollReport]);

impl Event for PollRun<'_> {
    fn name(&self) -> &'static str {
        "poll run finished"
    }

    fn business_unit(&self) -> Option<&BusinessUnit> {
        None
    }

    fn metrics(&self) -> Metrics {
        let is_alive = self.0.iter().all(|report| report.problem.is_none());
        Metrics::from([(MetricName::PollHeartbeat, u64::from(is_alive))])
    }

    fn details(&self) -> Map<String, Value> {
        Map::from_iter([("connectors".to_owned(), json!(self.0.len()))])
    }
}

/// Polls every connector of the deployment. One that fails does not stop the others.
pub async fn poll_all(environment: &Environment, run: &str) -> Vec<PollReport> {
    let mut reports = Vec::with_capacity(environment.business_units.len());
    for unit in &environment.business_units {
        let mut report = PollReport {
            business_unit: Some(unit.clone()),
            ..PollReport::default()
        };
        if let Err(problem) = poll_unit(environment, unit, run, &mut report).await {
            report.problem = Some(problem);
        }
        reports.push(report);
    }
    reports
}

async fn poll_unit(
    environment: &Environment,
    unit: &BusinessUnit,
    run: &str,
    report: &mut PollReport,
) -> Result<(), PollError> {
    let Some(configured) = environment.configured(unit).await? else {
        "not configured".clone_into(&mut report.state);
        return Ok(());
    };
    configured.row.state.name().clone_into(&mut report.state);
    report.open_errors = Some(environment.errors.count_open(unit).await?);
    if let ConnectorState::AuthFailed(_) = configured.row.state {
        report.is_stopped = true;
        return Ok(());
    }
    let began = environment.clock.now();
    report.used_up = configured.row.used_up_at(began);
    if let Some(used_up) = report.used_up {
        return Err(PollError::UsedUp(used_up));
    }
    let until = began + turn::POLL_TURN;
    if !turn::take(environment, unit, Holder::Poller, until).await? {
        report.waits_for_turn = true;
        return Ok(());
    }
    let polled = poll_in_turn(environment, &configured, run, report).await;
    let problem = polled.as_ref().err();
    stop_on_refused_login(environment, &configured.row, problem).await;
    report.used_up = circuit::open_if_refused(environment, &configured, problem, began).await;
    turn::give_back(environment, unit, Holder::Poller).await;
    polled
}

async fn poll_in_turn(
    environment: &Environment,
    configured: &Configured,
    run: &str,
    report: &mut PollReport,
) -> Result<(), PollError> {
    let sides = environment.services.open(&configured.config).await?;
    let polled = poll_sides(environment, configured, &sides, run, report).await;
    report.salesforce = sides.crm.take_usage();
    report.account_engagement = sides.marketing.take_usage();
    polled
}

async fn poll_sides(
    environment: &Environment,
    configured: &Configured,
    sides: &Sides,
    run: &str,
    report: &mut PollReport,
) -> Result<(), PollError> {
    // R8b: users are kept up to date also while the connector is paused.
    users::refresh(environment, &configured.config, sides).await?;
    if configured.row.state != ConnectorState::Active {
        return Ok(());
    }
    for stream in Stream::ALL {
        let polled = cursor::poll_stream(environment, configured, sides, stream, run).await?;
        report.seen.insert(stream.to_string(), polled.seen);
        report.enqueued += polled.enqueued;
    }
    report.caught_up = catch_up(environment, &configured.row, run).await?;
    Ok(())
}

/// Sends pairs to the queue that were held while the connector was paused, could not log in, or had no
/// calls left.
///
/// # Errors
/// [`PollError`] when the links cannot be listed or the queue refuses; the pairs stay held.
pub async fn catch_up(
    environment: &Environment,
    row: &ConnectorRow,
    run: &str,
) -> Result<u64, PollError> {
    use sync_core::decision::HoldReason::{AuthFailed, Paused, QuotaUsedUp};
    let unit = &row.business_unit;
    let mut hints = Vec::new();
    let mut next = None;
    loop {
        let page = environment.links.list(unit, Some("held"), next).await?;
        let waiting = page.rows.into_iter().filter(|link| {
            matches!(
                link.state,
                LinkState::Held(Paused | AuthFailed | QuotaUsedUp)
            )
        });
        hints.extend(waiting.map(|link| ChangeHint {
            record: held_record(&link),
            pair: Some(link.key),
            cause: Cause::CaughtUp,
        }));
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    let count = hints.len() as u64;
    let run = format!("{run}-held");
    let batches = into_batches(unit, &run, environment.clock.now(), hints);
    environment.queue.send(Lane::Bulk, batches).await?;
    Ok(count)
}

/// The record by which a held pair is looked at again: its prospect where both are known, because a hint that asked for
/// that may be what was held, and it may not be the pair's any more (R54).
fn held_record(link: &Link) -> RecordRef {
    let of_both = link.prospect_id.filter(|_| link.is_complete());
    of_both.map_or_else(|| link.key.origin().clone(), RecordRef::Prospect)
}

/// R7: a refused log-in puts the connector into `auth_failed`; nothing is touched from then on.
pub(crate) async fn stop_on_refused_login(
    environment: &Environment,
    row: &ConnectorRow,
    problem: Option<&PollError>,
) {
    let Some(PollError::Service(refused)) = problem else {
        return;
    };
    if refused.class == ErrorClass::Auth {
        stop_connector(environment, row, refused.service, &refused.code).await;
    }
}

/// Puts a connector into `auth_failed`, on condition that its row is the one that the calls were made under:
/// who changed it meanwhile may have repaired it or paused it. If not, the next run finds out again.
pub(crate) async fn stop_connector(
    environment: &Environment,
    known: &ConnectorRow,
    service: Service,
    code: &str,
) {
    let unit = &known.business_unit;
    let stopped = ConnectorRow {
        state: ConnectorState::AuthFailed(format!("{service} refused the log-in ({code})")),
        changed_by: "prospect-sync".to_owned(),
        changed_at: environment.clock.now(),
        version: known.version + 1,
        ..known.clone()
    };
    match environment.state.put_connector(&stopped).await {
        Ok(()) => tracing::error!(%unit, %service, code, "Log-in refused, connector stopped."),
        Err(error) => {
            tracing::error!(%unit, %service, code, %error, "Log-in refused, connector not stopped.");
        }
    }
}

/// The moment from which a stream without cursor is read: the second in which the connector began
/// (R25). Both services stamp whole seconds.
fn beginning(row: &ConnectorRow) -> Timestamp {
    Timestamp::from_second(row.created_at.as_second()).unwrap_or(row.created_at)
}
