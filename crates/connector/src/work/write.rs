//! Move 3: stores the intents and writes both sides in bulk.

use jiff::{SignedDuration, Timestamp};
use sync_core::coerce::Service;
use sync_core::decision::{Decision, Outcome};
use sync_core::error::{ErrorClass, Verdict};
use sync_core::key::RecordRef;
use sync_core::link::{Intent, IntentKind, Link};
use sync_core::settle::{WriteFailure, WriteResult};

use super::job::{Job, PairVerdict, after_store_error};
use super::load::LoadedPairs;
use super::{Round, WorkError};
use crate::ports::{Begin, CrmWrite, CrmWriteTarget, ProspectWrite, ProspectWriteTarget, Sides};

/// A write is sent only if its answer can arrive this long before the deadline (reliability 2.2,
/// step 3): the clients' request time-out and a margin.
pub const WRITE_MARGIN: SignedDuration = SignedDuration::from_secs(12);

/// How many prospects are written between two looks at the clock.
const PROSPECT_CHUNK: usize = 20;

/// Stores intents, writes, settles and commits. One verdict per pair, in order.
pub(super) async fn write_all(
    round: &mut Round<'_>,
    sides: &Sides,
    pairs: &LoadedPairs,
    decisions: Vec<Decision>,
) -> Result<Vec<PairVerdict>, WorkError> {
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
) -> Result<Vec<PairVerdict>, WorkError> {
    Job::new(pairs, decisions).finish(round).await
}

impl Job<'_> {
    /// Stores an intent and takes the lease of every pair that is going to be written.
    async fn begin(&mut self, round: &mut Round<'_>) {
        let now = round.environment.clock.now();
        let mut indexes = Vec::new();
        let mut begins = Vec::new();
        for index in 0..self.decisions.len() {
            let Some(kind) = intent_kind(&self.decisions[index].outcome) else {
                continue;
            };
            if !may_write(now, round.deadline) {
                self.verdicts[index] = Some(PairVerdict::GiveBack(Verdict::Retry));
                round.report.deadline_skips += 1;
                continue;
            }
            let id = format!("{}/{}", round.run, self.links[index].key);
            let link = Link {
                intent: Some(Intent { id, kind, at: now }),
                lease_until: Some(lease_end(round.deadline)),
                ..self.links[index].clone()
            };
            begins.push(Begin {
                claims: self.claims(index),
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

    /// The records that must belong to this pair: both that are known, once it is not yet linked.
    fn claims(&self, index: usize) -> Vec<RecordRef> {
        let link = &self.links[index];
        if link.is_complete() {
            return Vec::new();
        }
        match &self.decisions[index].outcome {
            Outcome::Update { crm, prospect, .. } => {
                vec![RecordRef::Crm(crm.clone()), RecordRef::Prospect(*prospect)]
            }
            _ => vec![link.key.origin().clone()],
        }
    }

    async fn write_crm(&mut self, round: &mut Round<'_>, sides: &Sides) {
        let mut indexes = Vec::new();
        let mut writes = Vec::new();
        for index in self.open_pairs() {
            if let Some(write) = crm_write(&self.decisions[index].outcome) {
                indexes.push(index);
                writes.push(write);
            }
        }
        if writes.is_empty() {
            return;
        }
        let answers = sides.crm.write(&round.configured.config, &writes).await;
        for (position, index) in indexes.into_iter().enumerate() {
            let answer = answers.get(position).cloned();
            self.results[index].crm = into_result(answer, Service::Salesforce);
        }
    }

    async fn write_prospects(&mut self, round: &mut Round<'_>, sides: &Sides) {
        let mut waiting: Vec<(usize, ProspectWrite)> = Vec::new();
        for index in self.open_pairs() {
            let Some(write) = prospect_write(&self.decisions[index].outcome) else {
                continue;
            };
            if matches!(self.results[index].crm, WriteResult::Failed(_)) {
                self.results[index].prospect = WriteResult::NotTried;
            } else {
                waiting.push((index, write));
            }
        }
        for chunk in waiting.chunks(PROSPECT_CHUNK) {
            if !may_write(round.environment.clock.now(), round.deadline) {
                for (index, _) in chunk {
                    self.results[*index].prospect = WriteResult::Failed(out_of_time());
                    round.report.deadline_skips += 1;
                }
                continue;
            }
            let writes: Vec<ProspectWrite> = chunk.iter().map(|(_, write)| write.clone()).collect();
            let answers = sides
                .marketing
                .write(&round.configured.config, &writes)
                .await;
            for (position, (index, _)) in chunk.iter().enumerate() {
                let answer = answers.get(position).cloned().map(|answer| {
                    answer.map(|written| {
                        let seen = written.record.map(|record| (written.id, record));
                        round.seen.extend(seen);
                        written.id
                    })
                });
                self.results[*index].prospect = into_result(answer, Service::AccountEngagement);
            }
        }
    }
}

/// Whether a write that is sent now can still be answered in time.
pub(super) fn may_write(now: Timestamp, deadline: Timestamp) -> bool {
    deadline.duration_since(now) > WRITE_MARGIN
}

/// The lease outlives every write that can have been sent under it.
fn lease_end(deadline: Timestamp) -> Timestamp {
    deadline
        .saturating_add(SignedDuration::from_secs(1))
        .unwrap_or(deadline)
}

/// What is about to be written; `None` when nothing is.
fn intent_kind(outcome: &Outcome) -> Option<IntentKind> {
    match outcome {
        Outcome::Update {
            to_crm,
            to_prospect,
            ..
        } => (!to_crm.is_empty() || !to_prospect.is_empty()).then_some(IntentKind::Update),
        Outcome::CreateCrm { .. } => Some(IntentKind::CreateCrm),
        Outcome::CreateProspect { .. } => Some(IntentKind::CreateProspect),
        Outcome::Nothing
        | Outcome::Skip(_)
        | Outcome::Hold(_)
        | Outcome::Park(_)
        | Outcome::ReadMore(_)
        | Outcome::NotYet => None,
    }
}

fn crm_write(outcome: &Outcome) -> Option<CrmWrite> {
    match outcome {
        Outcome::Update { crm, to_crm, .. } if !to_crm.is_empty() => Some(CrmWrite {
            target: CrmWriteTarget::Update(crm.clone()),
            fields: to_crm.clone(),
        }),
        Outcome::CreateCrm { object, fields } => Some(CrmWrite {
            target: CrmWriteTarget::Create(*object),
            fields: fields.clone(),
        }),
        _ => None,
    }
}

fn prospect_write(outcome: &Outcome) -> Option<ProspectWrite> {
    match outcome {
        Outcome::Update {
            prospect,
            to_prospect,
            ..
        } if !to_prospect.is_empty() => Some(ProspectWrite {
            target: ProspectWriteTarget::Update(*prospect),
            fields: to_prospect.clone(),
        }),
        Outcome::CreateProspect { fields } => Some(ProspectWrite {
            target: ProspectWriteTarget::Create,
            fields: fields.clone(),
        }),
        _ => None,
    }
}

/// A missing answer is an unknown outcome: the write may have landed.
fn into_result<Id>(answer: Option<Result<Id, WriteFailure>>, service: Service) -> WriteResult<Id> {
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

fn out_of_time() -> WriteFailure {
    WriteFailure {
        service: Service::AccountEngagement,
        class: ErrorClass::Transient,
        code: "DEADLINE".to_owned(),
        fields: Vec::new(),
        message: "not sent, because the function's time was nearly over".to_owned(),
        may_have_landed: false,
    }
}
