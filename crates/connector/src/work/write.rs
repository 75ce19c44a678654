//! Moves 3 and 4: intents, writes on both sides in bulk, settlement, commit.

use jiff::{SignedDuration, Timestamp};
use sync_core::coerce::Service;
use sync_core::decision::{Decision, Outcome};
use sync_core::error::{ErrorClass, Verdict};
use sync_core::link::{Intent, IntentKind, Link, PairKey};
use sync_core::record::RecordRef;
use sync_core::settle::{
    ErrorChange, ErrorRow, Settlement, WriteFailure, WriteResult, WriteResults,
};

use super::load::LoadedPairs;
use super::{Round, WorkError};
use crate::ports::{
    Begin, Commit, CrmWrite, CrmWriteTarget, ProspectWrite, ProspectWriteTarget, Sides, StoreError,
};

/// A write is sent only if its answer can arrive this long before the deadline (reliability 2.2,
/// step 3): the clients' request time-out and a margin.
pub const WRITE_MARGIN: SignedDuration = SignedDuration::from_secs(12);

/// How many prospects are written between two looks at the clock.
const PROSPECT_CHUNK: usize = 100;

/// What the queue is told about a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PairVerdict {
    /// Done.
    Acknowledge,
    /// Somebody else changed the row: read and decide once more, now.
    AgainNow,
    /// The queue gets it back.
    GiveBack(Verdict),
}

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

/// The pairs of a round on their way through the moves, all vectors by the index of the pair.
struct Job<'a> {
    pairs: &'a LoadedPairs,
    decisions: Vec<Decision>,
    links: Vec<Link>,
    results: Vec<WriteResults>,
    verdicts: Vec<Option<PairVerdict>>,
}

impl<'a> Job<'a> {
    fn new(pairs: &'a LoadedPairs, decisions: Vec<Decision>) -> Self {
        let links = pairs.pairs.iter().map(|pair| pair.link.clone()).collect();
        let results = vec![WriteResults::default(); decisions.len()];
        let verdicts = vec![None; decisions.len()];
        Self {
            pairs,
            decisions,
            links,
            results,
            verdicts,
        }
    }

    /// The pairs without verdict yet.
    fn open_pairs(&self) -> Vec<usize> {
        (0..self.verdicts.len())
            .filter(|index| self.verdicts[*index].is_none())
            .collect()
    }

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
                let answer = answers.get(position).cloned();
                self.results[*index].prospect = into_result(answer, Service::AccountEngagement);
            }
        }
    }

    /// Settles every open pair, commits the rows and keeps the error queue.
    async fn finish(mut self, round: &mut Round<'_>) -> Result<Vec<PairVerdict>, WorkError> {
        let now = round.environment.clock.now();
        let mut settled: Vec<(usize, Settlement)> = Vec::new();
        for index in self.open_pairs() {
            let decision = &self.decisions[index];
            let settlement =
                sync_core::settle(&self.links[index], decision, &self.results[index], now);
            round
                .report
                .note(&self.pairs.pairs[index], decision, &self.results[index]);
            settled.push((index, settlement));
        }
        self.close_errors(round, &settled, now).await?;
        let changed: Vec<&(usize, Settlement)> = settled
            .iter()
            .filter(|(index, s)| s.link != self.links[*index])
            .collect();
        let commits = changed
            .iter()
            .map(|(index, s)| self.commit(*index, s))
            .collect();
        let stored = round.environment.links.commit(commits).await;
        for ((index, _), stored) in changed.iter().zip(stored) {
            if let Err(error) = stored {
                self.verdicts[*index] = Some(after_store_error(round, &error));
            }
        }
        self.open_errors(round, &settled).await;
        for (index, settlement) in settled {
            let verdict = self.verdict(round, index, &settlement).await;
            self.verdicts[index] = Some(verdict);
        }
        let give_back = PairVerdict::GiveBack(Verdict::Retry);
        Ok(self
            .verdicts
            .into_iter()
            .map(|verdict| verdict.unwrap_or(give_back))
            .collect())
    }

    fn commit(&self, index: usize, settlement: &Settlement) -> Commit {
        let link = settlement.link.clone();
        let was_complete = self.pairs.pairs[index].link.is_complete();
        let newly_linked = link.is_complete() && !was_complete;
        let claims: Vec<RecordRef> = if newly_linked {
            let crm = link.crm_id.clone().map(RecordRef::Crm);
            let prospect = link.prospect_id.map(RecordRef::Prospect);
            crm.into_iter().chain(prospect).collect()
        } else {
            Vec::new()
        };
        let supersedes = claims
            .iter()
            .cloned()
            .map(PairKey::of)
            .filter(|own| *own != link.key && self.pairs.own_rows.contains(own))
            .collect();
        Commit {
            link,
            claims,
            supersedes,
        }
    }

    /// Rows are closed before the link forgets that there was one; closing twice is harmless.
    async fn close_errors(
        &self,
        round: &Round<'_>,
        settled: &[(usize, Settlement)],
        now: Timestamp,
    ) -> Result<(), WorkError> {
        let pairs: Vec<PairKey> = settled
            .iter()
            .filter(|(_, settlement)| settlement.error == ErrorChange::Close)
            .map(|(_, settlement)| settlement.link.key.clone())
            .collect();
        if !pairs.is_empty() {
            let unit = &round.configured.row.business_unit;
            round.environment.errors.close(unit, &pairs, now).await?;
        }
        Ok(())
    }

    /// Rows are opened after the link knows of them: a crash in between delivers the message again.
    async fn open_errors(&mut self, round: &mut Round<'_>, settled: &[(usize, Settlement)]) {
        let mut indexes = Vec::new();
        let mut rows: Vec<ErrorRow> = Vec::new();
        for (index, settlement) in settled {
            if let ErrorChange::Open(row) = &settlement.error
                && self.verdicts[*index].is_none()
            {
                tracing::warn!(
                    run = round.run, pair = %row.pair, code = row.code, class = ?row.class,
                    fields = ?row.fields, owner = row.owner, "A pair needs somebody to act."
                );
                indexes.push(*index);
                rows.push((**row).clone());
            }
        }
        if rows.is_empty() {
            return;
        }
        round.report.errors_new += rows.len() as u64;
        let stored = round.environment.errors.open(rows).await;
        for (index, stored) in indexes.into_iter().zip(stored) {
            if let Err(error) = stored {
                self.verdicts[index] = Some(after_store_error(round, &error));
            }
        }
    }

    async fn verdict(
        &self,
        round: &mut Round<'_>,
        index: usize,
        settlement: &Settlement,
    ) -> PairVerdict {
        if let Some(verdict) = self.verdicts[index] {
            return verdict;
        }
        let Some(verdict) = settlement.verdict else {
            return PairVerdict::Acknowledge;
        };
        let results = &self.results[index];
        let failure = match (&results.crm, &results.prospect) {
            (WriteResult::Failed(failure), _) | (_, WriteResult::Failed(failure)) => failure,
            _ => return PairVerdict::GiveBack(verdict),
        };
        round.stop_if_refused(verdict, failure).await;
        tracing::warn!(
            run = round.run, pair = %settlement.link.key, service = %failure.service,
            code = failure.code, class = ?failure.class, "A write failed, the pair comes again."
        );
        // The vendor says our picture is out of date: look again at once. A write that may still
        // land is fenced by its lease, so looking again now would only wait.
        let is_out_of_date = matches!(failure.class, ErrorClass::Stale | ErrorClass::LinkRepair);
        if is_out_of_date && !failure.may_have_landed {
            PairVerdict::AgainNow
        } else {
            PairVerdict::GiveBack(verdict)
        }
    }
}

fn may_write(now: Timestamp, deadline: Timestamp) -> bool {
    deadline.duration_since(now) > WRITE_MARGIN
}

/// The lease outlives every write that can have been sent under it.
fn lease_end(deadline: Timestamp) -> Timestamp {
    deadline
        .saturating_add(SignedDuration::from_secs(1))
        .unwrap_or(deadline)
}

fn after_store_error(round: &mut Round<'_>, error: &StoreError) -> PairVerdict {
    match error {
        StoreError::Conflict => {
            round.report.cas_conflicts += 1;
            PairVerdict::AgainNow
        }
        StoreError::Unavailable(reason) => {
            tracing::error!(
                run = round.run,
                reason,
                "A table failed, the pair comes again."
            );
            PairVerdict::GiveBack(Verdict::Retry)
        }
    }
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
