//! What happens is a struct: it writes its log line and its metrics together (style 1.11).
//!
//! Metrics are CloudWatch embedded metric format: one JSON line on stdout, which CloudWatch turns
//! into metrics. Names come from [`MetricName`] only, so that alarms can be checked against it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sync_core::ids::BusinessUnit;

use crate::ports::Usage;

/// The namespace of all our metrics.
pub const NAMESPACE: &str = "ProspectSync";

/// Every metric there is; the catalogue that alarms and dashboards are checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MetricName {
    /// A poll of the whole deployment ran to its end without a problem.
    PollHeartbeat,
    /// Changed rows seen by the poller.
    ChangesSeen,
    /// Change hints put on a lane.
    HintsEnqueued,
    /// Pairs brought into step by a write.
    PairsSynced,
    /// Pairs that were in step already.
    PairsNoop,
    /// Records created on either side.
    RecordsCreated,
    /// Records updated on either side.
    RecordsUpdated,
    /// Prospects whose record was deleted (R52).
    ProspectsRetired,
    /// Prospects taken out of the recycle bin (R53, R56).
    ProspectsRestored,
    /// Fields in which an edit was overruled.
    ConflictsResolved,
    /// Pairs skipped.
    PairsSkipped,
    /// Pairs held.
    PairsHeld,
    /// Error rows opened.
    ErrorsNew,
    /// Error rows open now.
    ErrorsOpen,
    /// Error rows with a code we do not know.
    Unclassified,
    /// Log-ins refused.
    AuthFailures,
    /// Whether an allowance is used up and nobody calls.
    CircuitOpen,
    /// Pairs given back to the queue.
    PairsRetried,
    /// Links another worker changed first.
    CasConflicts,
    /// Writes decided on a read that was no longer true.
    StaleOverwriteRisk,
    /// Writes not begun because the deadline was near.
    DeadlineSkips,
    /// Messages that could not be read.
    PoisonMessages,
    /// Calls to Salesforce.
    SalesforceCalls,
    /// Calls to Account Engagement.
    AccountEngagementCalls,
    /// Used share of the day's Salesforce calls, in percent.
    SalesforceApiUsedPct,
    /// Used share of the day's Account Engagement calls, in percent.
    AccountEngagementApiUsedPct,
    /// Pairs of which both records were compared.
    ComparedPairs,
    /// Pairs that differed and that nobody was about to bring into step.
    DriftedPairs,
    /// Every comparison that was due is complete.
    ReconcileHeartbeat,
}

impl MetricName {
    /// All of them.
    pub const ALL: [Self; 29] = [
        Self::PollHeartbeat,
        Self::ChangesSeen,
        Self::HintsEnqueued,
        Self::PairsSynced,
        Self::PairsNoop,
        Self::RecordsCreated,
        Self::RecordsUpdated,
        Self::ProspectsRetired,
        Self::ProspectsRestored,
        Self::ConflictsResolved,
        Self::PairsSkipped,
        Self::PairsHeld,
        Self::ErrorsNew,
        Self::ErrorsOpen,
        Self::Unclassified,
        Self::AuthFailures,
        Self::CircuitOpen,
        Self::PairsRetried,
        Self::CasConflicts,
        Self::StaleOverwriteRisk,
        Self::DeadlineSkips,
        Self::PoisonMessages,
        Self::SalesforceCalls,
        Self::AccountEngagementCalls,
        Self::SalesforceApiUsedPct,
        Self::AccountEngagementApiUsedPct,
        Self::ComparedPairs,
        Self::DriftedPairs,
        Self::ReconcileHeartbeat,
    ];

    fn unit(self) -> &'static str {
        match self {
            Self::SalesforceApiUsedPct | Self::AccountEngagementApiUsedPct => "Percent",
            _ => "Count",
        }
    }
}

/// Metrics of one event.
pub type Metrics = BTreeMap<MetricName, u64>;

/// Something that happened: its metrics, and what else the log line says. Never a field value.
pub trait Event {
    /// What happened, in two words.
    fn name(&self) -> &'static str;
    /// The business unit it happened to.
    fn business_unit(&self) -> Option<&BusinessUnit>;
    /// The metrics.
    fn metrics(&self) -> Metrics;
    /// Counts by reason, object and kind of call: too many dimensions for metrics.
    fn details(&self) -> Map<String, Value>;
}

/// Writes the event's line to stdout, where CloudWatch reads log and metrics from the same line.
pub fn emit(event: &dyn Event, stage: &str, run: &str, at: Timestamp) {
    println!("{}", line(event, stage, run, at));
}

/// The line of an event in embedded metric format: per stage, and per stage and business unit.
#[must_use]
pub fn line(event: &dyn Event, stage: &str, run: &str, at: Timestamp) -> Value {
    let metrics = event.metrics();
    let unit = event.business_unit();
    let definitions: Vec<Value> = metrics
        .keys()
        .map(|name| json!({ "Name": format!("{name:?}"), "Unit": name.unit() }))
        .collect();
    let mut dimensions = vec![json!(["Stage"])];
    let mut document = event.details();
    document.insert("event".to_owned(), json!(event.name()));
    if let Some(unit) = unit {
        dimensions.push(json!(["Stage", "BusinessUnit"]));
        document.insert("BusinessUnit".to_owned(), json!(unit.as_str()));
    }
    document.insert("Stage".to_owned(), json!(stage));
    document.insert("run".to_owned(), json!(run));
    for (name, value) in &metrics {
        document.insert(format!("{name:?}"), json!(value));
    }
    document.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": at.as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": dimensions,
                "Metrics": definitions,
            }],
        }),
    );
    Value::Object(document)
}

/// The calls by kind, for the details of an event.
#[must_use]
pub fn usage_details(salesforce: &Usage, account_engagement: &Usage) -> Map<String, Value> {
    Map::from_iter([
        ("salesforce_calls".to_owned(), json!(salesforce.calls)),
        (
            "account_engagement_calls".to_owned(),
            json!(account_engagement.calls),
        ),
    ])
}

/// The metrics of the calls made to both services.
#[must_use]
pub fn usage_metrics(salesforce: &Usage, account_engagement: &Usage) -> Metrics {
    let mut metrics = Metrics::from([
        (MetricName::SalesforceCalls, salesforce.total()),
        (
            MetricName::AccountEngagementCalls,
            account_engagement.total(),
        ),
    ]);
    for (name, usage) in [
        (MetricName::SalesforceApiUsedPct, salesforce),
        (MetricName::AccountEngagementApiUsedPct, account_engagement),
    ] {
        if let Some((used, allowed)) = usage.of_the_day.filter(|(_, allowed)| *allowed > 0) {
            metrics.insert(name, used * 100 / allowed);
        }
    }
    metrics
}
