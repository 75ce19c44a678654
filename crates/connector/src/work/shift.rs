//! One delivery to one business unit: chunk by chunk, round by round, until a service says stop.
//!
//! Once an allowance is used up nobody calls, and the queue gets the pairs back. It gives up on a message
//! after [`MAX_DELIVERIES`](sync_core::hint::MAX_DELIVERIES), however long the day is. Pairs of a message
//! that comes for the last time are therefore held; the first poll afterwards sends them again.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sync_core::coerce::Service;
use sync_core::error::ErrorClass;
use sync_core::hint::ChangeHint;
use sync_core::key::RecordRef;

use super::{
    Fate, MAX_ROUNDS, Round, RoundOutcome, SeenProspects, WorkError, WorkReport, stop_once, write,
};
use crate::circuit;
use crate::environment::{Configured, Environment};

/// What the rounds of a delivery share.
pub(super) struct Shift<'a> {
    pub(super) environment: &'a Environment,
    pub(super) configured: Configured,
    pub(super) run: &'a str,
    pub(super) deadline: Timestamp,
    /// Records of messages that the queue does not deliver again.
    pub(super) last_chance: BTreeSet<RecordRef>,
    pub(super) report: &'a mut WorkReport,
}

impl Shift<'_> {
    /// Works on the pairs of these hints.
    pub(super) async fn work_on(
        &mut self,
        hints: &[ChangeHint],
        fates: &mut BTreeMap<RecordRef, Fate>,
    ) -> Result<(), WorkError> {
        let now = self.environment.clock.now();
        let mut open = hints.to_vec();
        if !write::may_write(now, self.deadline, write::CRM_WRITE_MARGIN) {
            self.report.deadline_skips += open.len() as u64;
            fates.extend(open.into_iter().map(|hint| (hint.record, Fate::Retry)));
            return Ok(());
        }
        let mut seen = SeenProspects::new();
        for number in 0..=MAX_ROUNDS {
            // One round more for those whose last round met a used-up allowance: it calls nobody.
            if open.is_empty() || (number == MAX_ROUNDS && !self.is_waiting()) {
                break;
            }
            let RoundOutcome { again, done, keys } = self.round(number, &open, &mut seen).await?;
            fates.extend(done);
            open.retain(|hint| again.contains(&hint.record));
            for hint in &mut open {
                hint.pair = keys.get(&hint.record).cloned().or(hint.pair.take());
            }
        }
        fates.extend(open.into_iter().map(|hint| (hint.record, Fate::Retry)));
        let now = self.environment.clock.now();
        if let Some(used_up) = self.configured.row.used_up_at(now) {
            self.report.quota_wait = Some(used_up.message_wait(now));
        }
        Ok(())
    }

    fn is_waiting(&self) -> bool {
        let now = self.environment.clock.now();
        self.configured.row.used_up_at(now).is_some()
    }

    async fn round(
        &mut self,
        number: usize,
        open: &[ChangeHint],
        seen: &mut SeenProspects,
    ) -> Result<RoundOutcome, WorkError> {
        let mut refused = BTreeSet::new();
        let began = self.environment.clock.now();
        let round = Round {
            environment: self.environment,
            configured: &self.configured,
            run: self.run,
            deadline: self.deadline,
            report: &mut *self.report,
            seen,
            last_chance: &self.last_chance,
            refused: &mut refused,
            is_first: number == 0,
            read_at: began,
            created: BTreeMap::new(),
            ran_out_of_time: false,
        };
        let mut outcome = round.run(open).await;
        if let Err(WorkError::Service(error)) = &outcome
            && error.class == ErrorClass::Quota
        {
            refused.insert(error.service);
            self.report.problem = outcome.err();
            let records = open.iter().map(|hint| hint.record.clone());
            outcome = Ok(RoundOutcome {
                again: records.collect(),
                ..RoundOutcome::default()
            });
        }
        for service in refused {
            self.note_used_up(service, began).await;
        }
        if let Err(WorkError::Service(error)) = &outcome
            && error.class == ErrorClass::Auth
        {
            let (service, code) = (error.service, &error.code);
            stop_once(
                self.environment,
                &self.configured,
                self.report,
                service,
                code,
            )
            .await;
        }
        outcome
    }

    /// Tells everybody, and the rest of this delivery.
    async fn note_used_up(&mut self, service: Service, began: Timestamp) {
        let used_up = circuit::open(self.environment, &self.configured, service, began).await;
        let known = self.configured.row.used_up;
        if known.is_none_or(|known| known.until < used_up.until) {
            self.configured.row.used_up = Some(used_up);
        }
    }
}
