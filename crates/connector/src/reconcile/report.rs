//! What a comparison found, counted: for the log line, the metrics and the tests.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sync_core::error::ErrorClass;
use sync_core::hint::{Cause, ChangeHint};
use sync_core::ids::BusinessUnit;
use sync_core::quota::UsedUp;

use super::REPAIRS_PER_PASS;
use super::compare::{Finding, Verdict};
use crate::events::{Event, MetricName, Metrics, usage_details, usage_metrics};
use crate::poll::PollError;
use crate::ports::Usage;

/// What one run of the comparison did for one connector.
#[derive(Debug, Clone, PartialEq)]
pub struct ReconcileReport {
    /// The business unit.
    pub business_unit: BusinessUnit,
    /// The state the connector was found in.
    pub state: String,
    /// Whether it runs: one that is paused or stopped is not compared.
    pub is_active: bool,
    /// Whether a pass is due or not complete after this run.
    pub is_owed: bool,
    /// Whether this run completed a pass.
    pub is_complete: bool,
    /// Whether nothing was read, because a poll has its turn.
    pub waits_for_turn: bool,
    /// The allowance that is used up: found so, or told so by this run. The pass waits.
    pub used_up: Option<UsedUp>,
    /// Pairs of which both records were asked for.
    pub compared: u64,
    /// Pairs by what was found: `in_step`, `drifted`, `gone`, `overdue`, `in_flight`, `waiting`,
    /// `in_errors`.
    pub found: BTreeMap<&'static str, u64>,
    /// Pairs sent to the queue.
    pub hinted: u64,
    /// Calls to Salesforce.
    pub salesforce: Usage,
    /// Calls to Account Engagement.
    pub account_engagement: Usage,
    /// What went wrong, if anything; the other connectors were compared all the same.
    pub problem: Option<PollError>,
}

impl ReconcileReport {
    /// About nothing yet.
    pub(super) fn of(unit: &BusinessUnit) -> Self {
        Self {
            business_unit: unit.clone(),
            state: String::new(),
            is_active: false,
            is_owed: true,
            is_complete: false,
            waits_for_turn: false,
            used_up: None,
            compared: 0,
            found: BTreeMap::new(),
            hinted: 0,
            salesforce: Usage::default(),
            account_engagement: Usage::default(),
            problem: None,
        }
    }

    /// How many pairs were found like this.
    #[must_use]
    pub fn found(&self, name: &str) -> u64 {
        self.found.get(name).copied().unwrap_or(0)
    }

    /// Counts findings; answers the hints for those that the worker is to look at, as many as the pass
    /// may still send.
    pub(super) fn note(&mut self, findings: &[Finding], sent: &mut u64) -> Vec<ChangeHint> {
        let mut hints = Vec::new();
        for finding in findings {
            *self.found.entry(finding.verdict.name()).or_default() += 1;
            self.compared += u64::from(finding.is_compared);
            if !finding.verdict.is_hinted() || *sent >= REPAIRS_PER_PASS {
                continue;
            }
            *sent += 1;
            self.hinted += 1;
            tracing::warn!(
                pair = %finding.pair, found = finding.verdict.name(), fields = ?finding.fields,
                "A pair is out of step, the worker looks at it."
            );
            hints.push(ChangeHint {
                record: finding.pair.origin().clone(),
                pair: None,
                cause: Cause::Reconcile,
            });
        }
        hints
    }
}

impl Event for ReconcileReport {
    fn name(&self) -> &'static str {
        "comparison finished"
    }

    fn business_unit(&self) -> Option<&BusinessUnit> {
        Some(&self.business_unit)
    }

    /// A run in which nothing was due says nothing about drift: its metrics are left out.
    fn metrics(&self) -> Metrics {
        let mut metrics = usage_metrics(&self.salesforce, &self.account_engagement);
        if !self.found.is_empty() || self.is_complete {
            let drifted = self.found(Verdict::Drifted.name());
            metrics.insert(MetricName::ComparedPairs, self.compared);
            metrics.insert(MetricName::DriftedPairs, drifted);
            metrics.insert(MetricName::HintsEnqueued, self.hinted);
        }
        if let Some(PollError::Service(error)) = &self.problem {
            let is = |class| u64::from(error.class == class);
            metrics.insert(MetricName::AuthFailures, is(ErrorClass::Auth));
            metrics.insert(MetricName::Unclassified, is(ErrorClass::Unclassified));
        }
        metrics
    }

    fn details(&self) -> Map<String, Value> {
        let mut details = usage_details(&self.salesforce, &self.account_engagement);
        details.insert("state".to_owned(), json!(self.state));
        details.insert("is_owed".to_owned(), json!(self.is_owed));
        details.insert("is_complete".to_owned(), json!(self.is_complete));
        details.insert("waits_for_turn".to_owned(), json!(self.waits_for_turn));
        let used_up = self.used_up.map(|used_up| used_up.until.to_string());
        details.insert("used_up_until".to_owned(), json!(used_up));
        details.insert("compared".to_owned(), json!(self.compared));
        details.insert("found".to_owned(), json!(self.found));
        details.insert("hinted".to_owned(), json!(self.hinted));
        let problem = self.problem.as_ref().map(ToString::to_string);
        details.insert("problem".to_owned(), json!(problem));
        details
    }
}

/// A run of the comparison over the whole deployment. It is a heartbeat when it completed a pass and no
/// connector owes one any more, so that one that fails is not hidden behind another one that works;
/// and when no connector runs, because then nothing is owed.
pub struct ReconcileRun<'a>(pub &'a [ReconcileReport]);

impl Event for ReconcileRun<'_> {
    fn name(&self) -> &'static str {
        "comparison run finished"
    }

    fn business_unit(&self) -> Option<&BusinessUnit> {
        None
    }

    fn metrics(&self) -> Metrics {
        let is_owed = self.0.iter().any(|report| report.is_owed);
        let is_complete = self.0.iter().any(|report| report.is_complete);
        let is_idle = !self.0.iter().any(|report| report.is_active);
        let beats = !is_owed && (is_complete || is_idle);
        Metrics::from([(MetricName::ReconcileHeartbeat, u64::from(beats))])
    }

    fn details(&self) -> Map<String, Value> {
        Map::from_iter([("connectors".to_owned(), json!(self.0.len()))])
    }
}

#[cfg(test)]
mod tests {
    use sync_core::key::{PairKey, RecordRef};

    use super::*;

    fn drifted(number: u64) -> Finding {
        let id = (number + 1).to_string();
        let prospect = RecordRef::Prospect(id.parse().expect("a number above zero"));
        Finding {
            pair: PairKey::of(prospect),
            verdict: Verdict::Drifted,
            is_compared: true,
            fields: Vec::new(),
        }
    }

    /// The rest is counted, so that the alarm tells the truth, and repaired by the next pass.
    #[test]
    fn a_pass_repairs_so_many_pairs_and_counts_them_all() {
        let unit = "0Uv000000000001".parse().expect("a business unit");
        let mut sent = REPAIRS_PER_PASS - 3;
        for hinted in [3, 0] {
            let mut report = ReconcileReport::of(&unit);
            let findings: Vec<Finding> = (0..10).map(drifted).collect();
            assert_eq!(report.note(&findings, &mut sent).len() as u64, hinted);
            assert_eq!((report.found("drifted"), report.hinted), (10, hinted));
            assert_eq!(report.metrics()[&MetricName::DriftedPairs], 10);
        }
        assert_eq!(sent, REPAIRS_PER_PASS);
    }

    #[test]
    fn a_run_in_which_nothing_was_due_says_nothing_about_drift() {
        let unit = "0Uv000000000001".parse().expect("a business unit");
        let metrics = ReconcileReport::of(&unit).metrics();
        assert!(!metrics.contains_key(&MetricName::DriftedPairs));
    }
}
