//! Move 3: stores the intents and writes both sides in bulk.

use jiff::{SignedDuration, Timestamp};
use sync_core::coerce::Service;
use sync_core::decision::{Decision, Outcome};
use sync_core::error::{ErrorClass, Verdict};
use sync_core::intent::sync_token;
use sync_core::key::RecordRef;
use sync_core::link::Link;
use sync_core::record::CrmRecord;
use sync_core::settle::{WriteFailure, WriteResult};

use super::Round;
use super::job::{Job, PairVerdict, after_store_error};
use super::load::LoadedPairs;
use crate::ports::{Begin, CONDITIONAL_WRITES_PER_CALL, CrmWrite, CrmWriteTarget, Sides};

/// A write to Salesforce is sent only this long before the deadline: longer than the client waits for an
/// answer (reliability 2.2, step 3).
pub const CRM_WRITE_MARGIN: SignedDuration = SignedDuration::from_secs(70);

/// The same for Account Engagement, whose calls are smaller.
pub const PROSPECT_WRITE_MARGIN: SignedDuration = SignedDuration::from_secs(35);

/// How long after a client gave up its request may still be executed (docs/assumptions.md).
pub const LATE_LANDING: SignedDuration = SignedDuration::from_secs(60);

/// How far the clock of the function that looks at a row may be ahead of the one that wrote it (docs/assumptions.md).
pub const LEASE_MARGIN: SignedDuration = SignedDuration::from_secs(30);

/// Stores intents, writes, settles and commits. One verdict per pair, in order.
pub(super) async fn write_all(
    round: &mut Round<'_>,
    sides: &Sides,
    pairs: &LoadedPairs,
    decisions: Vec<Decision>,
) -> Vec<PairVerdict> {
    let mut job = Job::new(pairs, decisions);
    job.begin(round).await;
    job.write_crm(round, sides).await;
    job.write_prospects(round, sides).await;
    job.finish(round).await
}

/// The same for decisions that write nothing to either service.
pub(super) async fn store_only(
    round: &mut Round<'_>,
    pairs: &LoadedPairs,
    decisions: Vec<Decision>,
) -> Vec<PairVerdict> {
    Job::new(pairs, decisions).finish(round).await
}

impl Job<'_> {
    /// Stores an intent and takes the lease of every pair that is going to be written.
    async fn begin(&mut self, round: &mut Round<'_>) {
        let now = round.environment.clock.now();
        let mut indexes = Vec::new();
        let mut begins = Vec::new();
        for index in 0..self.decisions.len() {
            let link = &self.links[index];
            let token = sync_token(round.run, link);
            let times = (now, lease_end(round.deadline));
            let pair = &self.pairs.pairs[index];
            let Some(link) = sync_core::intend(pair, &self.decisions[index], token, times) else {
                continue;
            };
            if !may_write(now, round.deadline, CRM_WRITE_MARGIN) {
                self.verdicts[index] = Some(PairVerdict::GiveBack(Verdict::Retry));
                round.report.deadline_skips += 1;
                continue;
            }
            begins.push(Begin {
                claims: self.claims(index, &link),
                link,
            });
            indexes.push(index);
        }
        let stored = round.environment.links.begin(begins).await;
        for (index, stored) in indexes.into_iter().zip(stored) {
            match stored {
                Ok(link) => self.links[index] = link,
                Err(error) => self.verdicts[index] = Some(after_store_error(round, &error)),
            }
        }
    }

    /// The sync token of a pair's writes: the id of its intent.
    pub(super) fn token(&self, index: usize) -> String {
        let intent = self.links[index].intent.as_ref();
        intent.map(|intent| intent.id.clone()).unwrap_or_default()
    }

    /// The records that must belong to this pair: all that are known, once it is not yet linked. A pair that is
    /// moved before it is linked knows both from then on (R53).
    fn claims(&self, index: usize, begun: &Link) -> Vec<RecordRef> {
        if self.links[index].is_complete() {
            Vec::new()
        } else {
            begun.records().collect()
        }
    }

    /// Updates first, then creates: one call each, and a look at the clock before each. Updates that
    /// are to overwrite nothing unread take more calls.
    async fn write_crm(&mut self, round: &mut Round<'_>, sides: &Sides) {
        let config = &round.configured.config;
        let (mut conditional, mut updates, mut creates) = (Vec::new(), Vec::new(), Vec::new());
        for index in self.open_pairs() {
            let Some(mut write) = crm_write(&self.decisions[index].outcome, self.token(index))
            else {
                continue;
            };
            if let CrmWriteTarget::Update(id) = &write.target
                && config.salesforce.conditional_updates
                && write.fields.overwrites_entries(config, id.object())
            {
                let record = self.pairs.pairs[index].crm_of(&self.decisions[index]);
                write.seen = record.map(CrmRecord::last_change);
            }
            match (&write.target, write.seen) {
                (CrmWriteTarget::Create(_), _) => creates.push((index, write)),
                (CrmWriteTarget::Update(_), Some(_)) => conditional.push((index, write)),
                (CrmWriteTarget::Update(_), None) => updates.push((index, write)),
            }
        }
        for chunk in conditional.chunks(CONDITIONAL_WRITES_PER_CALL) {
            self.write_crm_list(round, sides, chunk.to_vec()).await;
        }
        for list in [updates, creates] {
            self.write_crm_list(round, sides, list).await;
        }
    }

    async fn write_crm_list(
        &mut self,
        round: &mut Round<'_>,
        sides: &Sides,
        list: Vec<(usize, CrmWrite)>,
    ) {
        if list.is_empty() {
            return;
        }
        if let Some(unsent) = round.unsent(Service::Salesforce, CRM_WRITE_MARGIN, list.len()) {
            for (index, _) in list {
                self.results[index].crm = WriteResult::Failed(unsent.clone());
            }
            return;
        }
        let (indexes, writes): (Vec<usize>, Vec<CrmWrite>) = list.into_iter().unzip();
        let answers = sides.crm.write(&round.configured.config, &writes).await;
        for (position, index) in indexes.into_iter().enumerate() {
            let answer = answers.get(position).cloned();
            if let Some(Err(failure)) = &answer {
                round.note_refusal(failure);
            }
            self.results[index].crm = into_result(answer, Service::Salesforce);
        }
    }
}

impl Round<'_> {
    /// Whether the service has calls left, and there is time for one.
    pub(super) fn may_call(&self, service: Service, margin: SignedDuration) -> bool {
        let now = self.environment.clock.now();
        !self.refused.contains(&service) && may_write(now, self.deadline, margin)
    }

    /// Why this many writes to a service are not sent now, if they are not.
    pub(super) fn unsent(
        &mut self,
        service: Service,
        margin: SignedDuration,
        writes: usize,
    ) -> Option<WriteFailure> {
        if self.refused.contains(&service) {
            return Some(no_calls_left(service));
        }
        let now = self.environment.clock.now();
        if may_write(now, self.deadline, margin) {
            return None;
        }
        self.report.deadline_skips += writes as u64;
        Some(out_of_time(service))
    }
}

/// Whether a write that is sent now can still be answered in time.
pub(super) fn may_write(now: Timestamp, deadline: Timestamp, margin: SignedDuration) -> bool {
    deadline.duration_since(now) > margin
}

/// The lease outlives every write that can have been sent under it, also one that lands late, and by the clock
/// of whoever looks.
fn lease_end(deadline: Timestamp) -> Timestamp {
    let end = deadline.saturating_add(LATE_LANDING + LEASE_MARGIN);
    end.unwrap_or(deadline)
}

fn crm_write(outcome: &Outcome, token: String) -> Option<CrmWrite> {
    match outcome {
        Outcome::Update { crm, to_crm, .. } if !to_crm.is_empty() => Some(CrmWrite {
            target: CrmWriteTarget::Update(crm.clone()),
            fields: to_crm.clone(),
            token,
            seen: None,
        }),
        Outcome::CreateCrm { object, fields } => Some(CrmWrite {
            target: CrmWriteTarget::Create(*object),
            fields: fields.clone(),
            token,
            seen: None,
        }),
        _ => None,
    }
}

/// A missing answer is an unknown outcome: the write may have landed.
pub(super) fn into_result<Id>(
    answer: Option<Result<Id, WriteFailure>>,
    service: Service,
) -> WriteResult<Id> {
    match answer {
        Some(Ok(id)) => WriteResult::Written(id),
        Some(Err(failure)) => WriteResult::Failed(failure),
        None => WriteResult::Failed(WriteFailure {
            service,
            class: ErrorClass::Unclassified,
            code: "NO_RESULT".to_owned(),
            fields: Vec::new(),
            message: "the service answered for fewer records than were sent".to_owned(),
            may_have_landed: true,
        }),
    }
}

fn out_of_time(service: Service) -> WriteFailure {
    WriteFailure {
        service,
        class: ErrorClass::Transient,
        code: "DEADLINE".to_owned(),
        fields: Vec::new(),
        message: "not sent, because the function's time was nearly over".to_owned(),
        may_have_landed: false,
    }
}

fn no_calls_left(service: Service) -> WriteFailure {
    WriteFailure {
        service,
        class: ErrorClass::Quota,
        code: "NO_CALLS_LEFT".to_owned(),
        fields: Vec::new(),
        message: "not sent, because the service had just said that no calls are left".to_owned(),
        may_have_landed: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{CRM_WRITE_TIMEOUT, PROSPECT_WRITE_TIMEOUT};

    #[test]
    fn p3_no_write_takes_as_long_as_the_margin_before_the_deadline() {
        assert!(seconds(CRM_WRITE_TIMEOUT) < CRM_WRITE_MARGIN);
        assert!(seconds(PROSPECT_WRITE_TIMEOUT) < PROSPECT_WRITE_MARGIN);
    }

    #[test]
    fn p3_a_write_takes_long_enough_to_hear_from_its_client() {
        assert!(salesforce::CALL_TIMEOUT < CRM_WRITE_TIMEOUT);
        assert!(account_engagement::CALL_TIMEOUT < PROSPECT_WRITE_TIMEOUT);
    }

    #[test]
    fn p3_the_lease_outlives_the_last_write_by_any_clock() {
        let deadline = Timestamp::UNIX_EPOCH;
        let writes = [
            (CRM_WRITE_MARGIN, CRM_WRITE_TIMEOUT),
            (PROSPECT_WRITE_MARGIN, PROSPECT_WRITE_TIMEOUT),
        ];
        for (margin, timeout) in writes {
            let lands = deadline - margin + seconds(timeout) + LATE_LANDING;
            let ahead = SignedDuration::from_secs(30);
            assert!(lease_end(deadline).duration_since(lands) > ahead);
        }
    }

    /// The service answered for fewer records than it was sent.
    #[test]
    fn p3_a_write_without_an_answer_may_have_landed() {
        let result = into_result::<()>(None, Service::Salesforce);
        assert!(matches!(result, WriteResult::Failed(failure) if failure.may_have_landed));
    }

    fn seconds(duration: std::time::Duration) -> SignedDuration {
        SignedDuration::try_from(duration).expect("short")
    }
}
