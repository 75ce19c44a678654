//! The one path that writes: load, read, decide, store intents, write, settle, commit.
//!
//! Each message is parsed alone and answered alone. Pairs of all messages of one business unit go
//! through the steps together, so that reads and writes are bulk. A pair whose row was changed by
//! somebody else meanwhile is read and decided again, at most [`MAX_ROUNDS`] times. So is a pair whose
//! partner was just created: what the service added to it (a score, a default) goes back at once.

mod batch;
mod commit;
mod decide;
mod hinted;
mod job;
mod load;
mod look_up;
mod report;
mod shift;
mod write;
mod write_prospects;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sync_core::coerce::Service;
use sync_core::config::ConnectorState;
use sync_core::error::{ErrorClass, Verdict};
use sync_core::hint::ChangeHint;
use sync_core::ids::{BusinessUnit, ProspectId};
use sync_core::key::{PairKey, RecordRef};
use sync_core::record::ProspectRecord;
use sync_core::settle::WriteFailure;

pub use batch::{BatchError, Delivery, parse_body};
pub(crate) use hinted::{load_rows, pair_of};
pub use report::WorkReport;
pub use write::{CRM_WRITE_MARGIN, LATE_LANDING, LEASE_MARGIN, PROSPECT_WRITE_MARGIN};

use crate::dlq;
use crate::environment::{Configured, Environment};
use crate::poll::stop_connector;
use crate::ports::{ServiceError, StoreError};
use batch::OfUnit;
use job::PairVerdict;
use load::LoadedPairs;
use shift::Shift;

/// How often a pair is read and decided again within one delivery before the queue gets it back.
const MAX_ROUNDS: usize = 3;

/// Why a group of messages could not be worked on at all. Its messages go back to the queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkError {
    /// A call to a service failed for the whole group.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// A table of ours failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The business unit has no configuration; nothing can be decided.
    #[error("business unit {0} has no configuration; run `prospect-sync config apply`")]
    NotConfigured(BusinessUnit),
}

/// What became of one record of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Done: synced, skipped, held or parked.
    Done,
    /// The queue gets it back.
    Retry,
    /// In the errors table, because a message with it does not come again. One that does looks once more.
    GivenUp,
}

/// Works on the messages of one delivery. Returns the ids of those that must be delivered again,
/// and a report per business unit.
pub async fn work(
    environment: &Environment,
    deliveries: Vec<Delivery>,
    run: &str,
    deadline: Timestamp,
) -> (Vec<String>, Vec<WorkReport>) {
    let parsed = batch::parse(deliveries);
    let mut fates: BTreeMap<BusinessUnit, BTreeMap<RecordRef, Fate>> = BTreeMap::new();
    let mut reports = Vec::new();
    for (unit, of_unit) in parsed.by_unit() {
        let mut report = WorkReport::new(Some(unit.clone()), &of_unit.batches);
        let mut unit_fates = BTreeMap::new();
        let worked = work_on_unit(
            environment,
            &unit,
            of_unit,
            (run, deadline),
            &mut unit_fates,
            &mut report,
        );
        if let Err(error) = worked.await {
            tracing::error!(%unit, run, %error, "The batch could not be worked on, it goes back.");
            report.problem = Some(error);
        }
        let left = batch::leftovers(&parsed, &unit, &unit_fates);
        if !left.is_empty() {
            match dlq::give_up(environment, &unit, &left).await {
                Ok(pairs) => {
                    report.errors_new += pairs as u64;
                    unit_fates.extend(left.into_iter().map(|hint| (hint.record, Fate::GivenUp)));
                }
                Err(error) => tracing::error!(%unit, run, %error, "The message dies instead."),
            }
        }
        fates.insert(unit, unit_fates);
        reports.push(report);
    }
    let poisoned = parsed.poisoned.len() as u64;
    if poisoned > 0 {
        reports.push(WorkReport::of_poison(poisoned));
    }
    (batch::failed_messages(&parsed, &fates), reports)
}

async fn work_on_unit(
    environment: &Environment,
    unit: &BusinessUnit,
    of_unit: OfUnit<'_>,
    (run, deadline): (&str, Timestamp),
    fates: &mut BTreeMap<RecordRef, Fate>,
    report: &mut WorkReport,
) -> Result<(), WorkError> {
    let configured = environment
        .configured(unit)
        .await?
        .ok_or_else(|| WorkError::NotConfigured(unit.clone()))?;
    let hints = load::merge_hints(&of_unit.batches);
    let mut shift = Shift {
        environment,
        configured,
        run,
        deadline,
        last_chance: of_unit.last_chance,
        report,
    };
    for chunk in hints.chunks(load::MAX_PAIRS) {
        shift.work_on(chunk, fates).await?;
    }
    Ok(())
}

/// Prospects whose state is known from a reply of this delivery, so that they are not read again.
type SeenProspects = BTreeMap<ProspectId, Seen>;

/// A prospect as it was, and when it was asked for.
struct Seen {
    record: ProspectRecord,
    at: Timestamp,
}

/// One pass over a chunk of hints.
struct Round<'a> {
    environment: &'a Environment,
    configured: &'a Configured,
    run: &'a str,
    deadline: Timestamp,
    report: &'a mut WorkReport,
    seen: &'a mut SeenProspects,
    /// Records of messages that the queue does not deliver again.
    last_chance: &'a BTreeSet<RecordRef>,
    /// Services that said in this round that their allowance is used up: they are not called again.
    refused: &'a mut BTreeSet<Service>,
    is_first: bool,
    /// When its reading began.
    read_at: Timestamp,
    /// Prospects of pairs that were created in the round before, and when they were read.
    created: BTreeMap<ProspectId, Timestamp>,
    ran_out_of_time: bool,
}

/// What a round came to.
#[derive(Default)]
struct RoundOutcome {
    /// Records to look at once more now.
    again: BTreeSet<RecordRef>,
    /// The fate of the others.
    done: BTreeMap<RecordRef, Fate>,
    /// Keys that some of the records turned out to carry.
    keys: BTreeMap<RecordRef, PairKey>,
}

impl Round<'_> {
    async fn run(mut self, hints: &[ChangeHint]) -> Result<RoundOutcome, WorkError> {
        let mut pairs = load::load(self.environment, self.configured, hints).await?;
        let row = &self.configured.row;
        let needs_services = row.state == ConnectorState::Active
            || (row.state == ConnectorState::Paused
                && pairs.pairs.iter().any(|pair| pair.cause.is_manual()));
        let is_waiting = row.used_up_at(self.environment.clock.now()).is_some();
        if is_waiting || !needs_services {
            return self.hold_everything(&pairs).await;
        }
        let sides = self
            .environment
            .services
            .open(&self.configured.config)
            .await?;
        let result = self.run_with(&sides, &mut pairs, hints).await;
        self.report.salesforce.add(&sides.crm.take_usage());
        self.report
            .account_engagement
            .add(&sides.marketing.take_usage());
        result
    }

    async fn run_with(
        &mut self,
        sides: &crate::ports::Sides,
        pairs: &mut LoadedPairs,
        hints: &[ChangeHint],
    ) -> Result<RoundOutcome, WorkError> {
        let seen = std::mem::take(self.seen);
        self.created = seen.iter().map(|(id, seen)| (*id, seen.at)).collect();
        self.read_at = self.environment.clock.now();
        load::read_both_sides(sides, &self.configured.config, pairs, &seen).await?;
        let keys = pairs.take_misplaced(hints);
        let decisions = decide::decide_all(self, sides, pairs, self.read_at).await?;
        let verdicts = write::write_all(self, sides, pairs, decisions).await;
        let mut outcome = self.fates(pairs, &verdicts);
        outcome.again.extend(keys.keys().cloned());
        outcome.keys = keys;
        Ok(outcome)
    }

    /// C1, C2 and waiting for an allowance need nothing from either service.
    async fn hold_everything(mut self, pairs: &LoadedPairs) -> Result<RoundOutcome, WorkError> {
        let decisions = decide::decide_without_services(&self, pairs);
        let outcomes = write::store_only(&mut self, pairs, decisions).await;
        Ok(self.fates(pairs, &outcomes))
    }

    /// What the verdicts of the pairs mean for the records that were asked about.
    fn fates(&mut self, pairs: &LoadedPairs, verdicts: &[PairVerdict]) -> RoundOutcome {
        let mut outcome = RoundOutcome::default();
        let (again, done) = (&mut outcome.again, &mut outcome.done);
        for (index, records) in pairs.records.iter().enumerate() {
            let verdict = pairs
                .alias_of(index)
                .map_or(verdicts[index], |other| verdicts[other]);
            for record in records {
                match verdict {
                    PairVerdict::Acknowledge => {
                        done.insert(record.clone(), Fate::Done);
                    }
                    PairVerdict::AgainNow => {
                        again.insert(record.clone());
                    }
                    // It would be dead: the next round holds it.
                    PairVerdict::GiveBack(_)
                        if !self.refused.is_empty() && self.last_chance.contains(record) =>
                    {
                        again.insert(record.clone());
                    }
                    PairVerdict::GiveBack(_) => {
                        done.insert(record.clone(), Fate::Retry);
                        self.report.note_given_back();
                    }
                }
            }
        }
        outcome
    }

    /// Keeps a prospect as it was read, for the next look of this delivery.
    fn see(&mut self, prospect: &ProspectRecord) {
        let (record, at) = (prospect.clone(), self.read_at);
        self.seen.insert(prospect.id, Seen { record, at });
    }

    /// Notes that a service has no calls left, if that is why something failed.
    fn note_refusal(&mut self, failure: &WriteFailure) {
        if failure.class == ErrorClass::Quota {
            self.refused.insert(failure.service);
        }
    }

    async fn stop_if_refused(&mut self, verdict: Verdict, failure: &WriteFailure) {
        if verdict == Verdict::StopConnector {
            let (service, code) = (failure.service, &failure.code);
            stop_once(
                self.environment,
                self.configured,
                self.report,
                service,
                code,
            )
            .await;
        }
    }
}

/// Stops the connector at the first log-in that is refused in a delivery; the others are only counted.
async fn stop_once(
    environment: &Environment,
    configured: &Configured,
    report: &mut WorkReport,
    service: Service,
    code: &str,
) {
    if report.auth_failures == 0 {
        stop_connector(environment, &configured.row, service, code).await;
    }
    report.auth_failures += 1;
}
