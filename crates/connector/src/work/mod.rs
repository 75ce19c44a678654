//! The one path that writes: load, read, decide, store intents, write, settle, commit.
//!
//! Each message is parsed alone and answered alone. Pairs of all messages of one business unit go
//! through the steps together, so that reads and writes are bulk. A pair whose row was changed by
//! somebody else meanwhile is read and decided again, at most [`MAX_ROUNDS`] times. So is a pair whose
//! partner was just created: what the service added to it (a score, a default) goes back at once.

mod batch;
mod commit;
mod decide;
mod job;
mod load;
mod report;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sync_core::config::ConnectorState;
use sync_core::error::{ErrorClass, Verdict};
use sync_core::hint::{ChangeBatch, quota_delay};
use sync_core::ids::{BusinessUnit, ProspectId};
use sync_core::key::RecordRef;
use sync_core::record::ProspectRecord;

pub use batch::{BatchError, Delivery, parse_body};
pub use report::WorkReport;

use crate::environment::{Configured, Environment};
use crate::poll::stop_connector;
use crate::ports::{ServiceError, StoreError};
use job::PairVerdict;
use load::LoadedPairs;

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
    for (unit, batches) in parsed.by_unit() {
        let mut report = WorkReport::new(Some(unit.clone()), &batches);
        let mut unit_fates = BTreeMap::new();
        let worked = work_on_unit(
            environment,
            &unit,
            &batches,
            (run, deadline),
            &mut unit_fates,
            &mut report,
        );
        if let Err(error) = worked.await {
            tracing::error!(%unit, run, %error, "The batch could not be worked on, it goes back.");
            report.problem = Some(error);
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
    batches: &[&ChangeBatch],
    (run, deadline): (&str, Timestamp),
    fates: &mut BTreeMap<RecordRef, Fate>,
    report: &mut WorkReport,
) -> Result<(), WorkError> {
    let configured = environment
        .configured(unit)
        .await?
        .ok_or_else(|| WorkError::NotConfigured(unit.clone()))?;
    let hints = load::merge_hints(batches);
    for chunk in hints.chunks(load::MAX_PAIRS) {
        if !write::may_write(environment.clock.now(), deadline) {
            let records = chunk.iter().map(|hint| hint.record.clone());
            fates.extend(records.map(|record| (record, Fate::Retry)));
            report.deadline_skips += chunk.len() as u64;
            continue;
        }
        let mut open = chunk.to_vec();
        let mut seen = SeenProspects::new();
        for number in 0..MAX_ROUNDS {
            let round = Round {
                environment,
                configured: &configured,
                run,
                deadline,
                report: &mut *report,
                seen: &mut seen,
                is_first: number == 0,
                created: BTreeSet::new(),
                ran_out_of_time: false,
            };
            let (again, done) = match round.run(&open).await {
                Ok(outcome) => outcome,
                Err(WorkError::Service(error)) if error.class == ErrorClass::Auth => {
                    stop_connector(environment, unit, error.service, &error.code).await;
                    report.auth_failures += 1;
                    return Err(WorkError::Service(error));
                }
                Err(error) => {
                    if let WorkError::Service(refused) = &error
                        && refused.class == ErrorClass::Quota
                    {
                        report.quota_wait = Some(quota_wait(environment, &configured));
                    }
                    return Err(error);
                }
            };
            fates.extend(done);
            open.retain(|hint| again.contains(&hint.record));
            if open.is_empty() {
                break;
            }
        }
        fates.extend(open.into_iter().map(|hint| (hint.record, Fate::Retry)));
    }
    Ok(())
}

/// How long to wait for the next day of the business unit.
fn quota_wait(environment: &Environment, configured: &Configured) -> SignedDuration {
    let zone = &configured.config.account_engagement.time_zone;
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    quota_delay(environment.clock.now(), &zone)
}

/// Prospects whose state is known from a reply of this delivery, so that they are not read again.
type SeenProspects = BTreeMap<ProspectId, ProspectRecord>;

/// One pass over a chunk of hints.
struct Round<'a> {
    environment: &'a Environment,
    configured: &'a Configured,
    run: &'a str,
    deadline: Timestamp,
    report: &'a mut WorkReport,
    seen: &'a mut SeenProspects,
    is_first: bool,
    /// Prospects of pairs that were created in the round before.
    created: BTreeSet<ProspectId>,
    ran_out_of_time: bool,
}

/// Records to look at once more now, and the fate of the others.
type RoundOutcome = (BTreeSet<RecordRef>, BTreeMap<RecordRef, Fate>);

impl Round<'_> {
    async fn run(
        mut self,
        hints: &[sync_core::hint::ChangeHint],
    ) -> Result<RoundOutcome, WorkError> {
        let mut pairs = load::load(self.environment, self.configured, hints).await?;
        let needs_services = self.configured.row.state == ConnectorState::Active
            || (self.configured.row.state == ConnectorState::Paused
                && pairs.pairs.iter().any(|pair| pair.cause.is_manual()));
        if !needs_services {
            return self.hold_everything(&pairs).await;
        }
        let sides = self
            .environment
            .services
            .open(&self.configured.config)
            .await?;
        let result = self.run_with(&sides, &mut pairs).await;
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
    ) -> Result<RoundOutcome, WorkError> {
        let seen = std::mem::take(self.seen);
        self.created = seen.keys().copied().collect();
        load::read_both_sides(sides, &self.configured.config, pairs, &seen).await?;
        let decisions = decide::decide_all(self, sides, pairs).await?;
        let outcomes = write::write_all(self, sides, pairs, decisions).await?;
        Ok(self.fates(pairs, &outcomes))
    }

    /// C1 and C2 need nothing from either service.
    async fn hold_everything(mut self, pairs: &LoadedPairs) -> Result<RoundOutcome, WorkError> {
        let decisions = decide::decide_without_services(self.environment, self.configured, pairs)?;
        let outcomes = write::store_only(&mut self, pairs, decisions).await?;
        Ok(self.fates(pairs, &outcomes))
    }

    /// What the verdicts of the pairs mean for the records that were asked about.
    fn fates(&mut self, pairs: &LoadedPairs, verdicts: &[PairVerdict]) -> RoundOutcome {
        let mut again = BTreeSet::new();
        let mut done = BTreeMap::new();
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
                    PairVerdict::GiveBack(why) => {
                        if why == Verdict::StopLane {
                            let wait = quota_wait(self.environment, self.configured);
                            self.report.quota_wait = Some(wait);
                        }
                        done.insert(record.clone(), Fate::Retry);
                        self.report.note_given_back();
                    }
                }
            }
        }
        (again, done)
    }

    async fn stop_if_refused(
        &mut self,
        verdict: Verdict,
        failure: &sync_core::settle::WriteFailure,
    ) {
        if verdict == Verdict::StopConnector {
            let unit = &self.configured.row.business_unit;
            stop_connector(self.environment, unit, failure.service, &failure.code).await;
            self.report.auth_failures += 1;
        }
    }
}
