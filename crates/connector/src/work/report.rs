//! What a delivery did, counted: for the log line, the metrics and the tests.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::{Map, Value, json};
use sync_core::coerce::Service;
use sync_core::decision::{Decision, Outcome};
use sync_core::error::ErrorClass;
use sync_core::hint::ChangeBatch;
use sync_core::ids::BusinessUnit;
use sync_core::pair::Pair;
use sync_core::settle::{WriteFailure, WriteResult, WriteResults};

use super::WorkError;
use super::write_prospects::CHANGED_SINCE_READ;
use crate::events::{Event, MetricName, Metrics, usage_details, usage_metrics};
use crate::ports::Usage;

/// The counts of one delivery for one business unit.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkReport {
    /// The business unit; `None` when no message could be read.
    pub business_unit: Option<BusinessUnit>,
    /// The poll runs whose hints were worked on: the correlation ids.
    pub runs: Vec<String>,
    /// Pairs brought into step.
    pub synced: u64,
    /// Pairs that were in step already.
    pub noop: u64,
    /// Records created, by service and object.
    pub created: BTreeMap<String, u64>,
    /// Records updated, by service.
    pub updated: BTreeMap<String, u64>,
    /// Prospects whose record was deleted (R52).
    pub retired: u64,
    /// Prospects taken out of the recycle bin (R53, R56).
    pub restored: u64,
    /// Fields in which an edit was overruled.
    pub conflicts: u64,
    /// Pairs skipped, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Pairs held, by reason.
    pub held: BTreeMap<String, u64>,
    /// Error rows opened or seen again.
    pub errors_new: u64,
    /// Write failures with a code we do not know.
    pub unclassified: u64,
    /// Records given back to the queue.
    pub retried: u64,
    /// Rows that somebody else had changed.
    pub cas_conflicts: u64,
    /// Writes that were decided on a read that was no longer true: refused by Salesforce for that, or
    /// followed by an answer of Account Engagement that shows it.
    pub stale_overwrite_risk: u64,
    /// Writes not begun because the deadline was near.
    pub deadline_skips: u64,
    /// Log-ins refused.
    pub auth_failures: u64,
    /// Messages that are not change batches.
    pub poison_messages: u64,
    /// How long what was given back has to wait, because a day's allowance is used up.
    pub quota_wait: Option<SignedDuration>,
    /// Calls to Salesforce.
    pub salesforce: Usage,
    /// Calls to Account Engagement.
    pub account_engagement: Usage,
    /// Why the batch could not be worked on at all.
    pub problem: Option<WorkError>,
}

impl WorkReport {
    /// A report about messages that nobody could read.
    pub(super) fn of_poison(messages: u64) -> Self {
        Self {
            poison_messages: messages,
            ..Self::new(None, &[])
        }
    }

    pub(super) fn new(business_unit: Option<BusinessUnit>, batches: &[&ChangeBatch]) -> Self {
        let mut runs: Vec<String> = batches.iter().map(|batch| batch.run.clone()).collect();
        runs.dedup();
        Self {
            business_unit,
            runs,
            synced: 0,
            noop: 0,
            created: BTreeMap::new(),
            updated: BTreeMap::new(),
            retired: 0,
            restored: 0,
            conflicts: 0,
            skipped: BTreeMap::new(),
            held: BTreeMap::new(),
            errors_new: 0,
            unclassified: 0,
            retried: 0,
            cas_conflicts: 0,
            stale_overwrite_risk: 0,
            deadline_skips: 0,
            auth_failures: 0,
            poison_messages: 0,
            quota_wait: None,
            salesforce: Usage::default(),
            account_engagement: Usage::default(),
            problem: None,
        }
    }

    /// Counts one decided pair and writes its log line, without values.
    pub(super) fn note(&mut self, pair: &Pair, decision: &Decision, results: &WriteResults) {
        let outcome = self.count(decision, results);
        if outcome != "nothing" {
            let rules = decision.trace.rule_numbers().join(",");
            tracing::info!(
                runs = ?self.runs, pair = %pair.link.key, cause = ?pair.cause, outcome, rules,
                why = %decision.trace, "Decided."
            );
        }
    }

    fn count(&mut self, decision: &Decision, results: &WriteResults) -> &'static str {
        match &decision.outcome {
            Outcome::Nothing => {
                self.noop += 1;
                return "nothing";
            }
            Outcome::Skip(reason) => {
                *self.skipped.entry(reason.name().to_owned()).or_default() += 1;
                return "skip";
            }
            Outcome::Hold(reason) => {
                *self.held.entry(reason.name().to_owned()).or_default() += 1;
                return "hold";
            }
            Outcome::Park(_) => return "park",
            Outcome::ReadMore(_) | Outcome::NotYet => return "not_yet",
            Outcome::Part => return "part",
            Outcome::Update { .. }
            | Outcome::CreateCrm { .. }
            | Outcome::CreateProspect { .. }
            | Outcome::Retire { .. }
            | Outcome::Restore { .. } => {}
        }
        let failure = match (&results.crm, &results.prospect) {
            (WriteResult::Failed(failure), _) | (_, WriteResult::Failed(failure)) => Some(failure),
            _ => None,
        };
        if let Some(failure) = failure {
            self.unclassified += u64::from(failure.class == ErrorClass::Unclassified);
            self.stale_overwrite_risk += u64::from(is_refused_as_stale(failure));
            return "failed";
        }
        self.synced += 1;
        self.conflicts += decision.trace.conflicts() as u64;
        self.count_writes(decision, results)
    }

    fn count_writes(&mut self, decision: &Decision, results: &WriteResults) -> &'static str {
        match &decision.outcome {
            Outcome::CreateCrm { object, .. } => {
                *self.created.entry(object.to_string()).or_default() += 1;
                "create_crm"
            }
            Outcome::CreateProspect { .. } => {
                *self.created.entry("Prospect".to_owned()).or_default() += 1;
                "create_prospect"
            }
            Outcome::Retire { .. } => {
                self.retired += 1;
                "retire"
            }
            Outcome::Restore { .. } => {
                self.restored += 1;
                "restore"
            }
            _ => {
                if let WriteResult::Written(id) = &results.crm {
                    *self.updated.entry(id.object().to_string()).or_default() += 1;
                }
                if matches!(results.prospect, WriteResult::Written(_)) {
                    *self.updated.entry("Prospect".to_owned()).or_default() += 1;
                }
                "update"
            }
        }
    }

    fn has_unknown_problem(&self) -> bool {
        matches!(
            &self.problem,
            Some(WorkError::Service(error)) if error.class == ErrorClass::Unclassified
        )
    }

    pub(super) fn note_given_back(&mut self) {
        self.retried += 1;
    }
}

/// Whether a write was refused, or not sent, because the record was changed after it was read.
fn is_refused_as_stale(failure: &WriteFailure) -> bool {
    failure.code == CHANGED_SINCE_READ
        || (failure.service == Service::Salesforce && failure.class == ErrorClass::Stale)
}

impl Event for WorkReport {
    fn name(&self) -> &'static str {
        "batch worked"
    }

    fn business_unit(&self) -> Option<&BusinessUnit> {
        self.business_unit.as_ref()
    }

    fn metrics(&self) -> Metrics {
        let mut metrics = usage_metrics(&self.salesforce, &self.account_engagement);
        metrics.extend([
            (MetricName::PairsSynced, self.synced),
            (MetricName::PairsNoop, self.noop),
            (MetricName::RecordsCreated, self.created.values().sum()),
            (MetricName::RecordsUpdated, self.updated.values().sum()),
            (MetricName::ProspectsRetired, self.retired),
            (MetricName::ProspectsRestored, self.restored),
            (MetricName::ConflictsResolved, self.conflicts),
            (MetricName::PairsSkipped, self.skipped.values().sum()),
            (MetricName::PairsHeld, self.held.values().sum()),
            (MetricName::ErrorsNew, self.errors_new),
            (
                MetricName::Unclassified,
                self.unclassified + u64::from(self.has_unknown_problem()),
            ),
            (MetricName::AuthFailures, self.auth_failures),
            (MetricName::PairsRetried, self.retried),
            (MetricName::CasConflicts, self.cas_conflicts),
            (MetricName::StaleOverwriteRisk, self.stale_overwrite_risk),
            (MetricName::DeadlineSkips, self.deadline_skips),
            (MetricName::PoisonMessages, self.poison_messages),
        ]);
        metrics
    }

    fn details(&self) -> Map<String, Value> {
        let mut details = usage_details(&self.salesforce, &self.account_engagement);
        details.insert("runs".to_owned(), json!(self.runs));
        details.insert("created".to_owned(), json!(self.created));
        details.insert("updated".to_owned(), json!(self.updated));
        details.insert("skipped".to_owned(), json!(self.skipped));
        details.insert("held".to_owned(), json!(self.held));
        let quota_wait = self.quota_wait.map(|wait| wait.as_secs());
        details.insert("quota_wait_seconds".to_owned(), json!(quota_wait));
        let problem = self.problem.as_ref().map(ToString::to_string);
        details.insert("problem".to_owned(), json!(problem));
        details
    }
}

impl Usage {
    /// Adds the calls of another span of time.
    pub fn add(&mut self, other: &Self) {
        for (kind, count) in &other.calls {
            *self.calls.entry(kind.clone()).or_default() += count;
        }
        if other.of_the_day.is_some() {
            self.of_the_day = other.of_the_day;
        }
    }
}
