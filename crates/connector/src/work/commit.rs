//! Move 4: settles every pair, commits the links, keeps the error queue, answers for each pair.

use jiff::Timestamp;
use sync_core::decision::Outcome;
use sync_core::error::{ErrorClass, Verdict};
use sync_core::key::{PairKey, RecordRef};
use sync_core::link::Link;
use sync_core::record::Side;
use sync_core::settle::{ErrorChange, Settlement, WriteResult};

use super::Round;
use super::job::{Job, PairVerdict, after_store_error};
use crate::ports::Commit;

impl Job<'_> {
    /// Settles every open pair, and commits link rows and error rows.
    pub(super) async fn finish(mut self, round: &mut Round<'_>) -> Vec<PairVerdict> {
        let now = round.environment.clock.now();
        let mut settled: Vec<(usize, Settlement)> = Vec::new();
        for index in self.open_pairs() {
            let decision = &self.decisions[index];
            let link = &self.links[index];
            let mut settlement = sync_core::settle(link, decision, &self.results[index], now);
            if link
                .prospect_id
                .is_some_and(|id| round.created.contains_key(&id))
            {
                continue_story(&self.pairs.pairs[index].link, &mut settlement);
            }
            if round.is_first || decision.outcome != Outcome::Nothing {
                round
                    .report
                    .note(&self.pairs.pairs[index], decision, &self.results[index]);
            }
            settled.push((index, settlement));
        }
        self.store(round, &settled, now).await;
        for (index, settlement) in settled {
            let verdict = self.verdict(round, index, &settlement).await;
            self.verdicts[index] = Some(verdict);
        }
        let give_back = PairVerdict::GiveBack(Verdict::Retry);
        let verdicts = self.verdicts.into_iter();
        verdicts
            .map(|verdict| verdict.unwrap_or(give_back))
            .collect()
    }

    /// Commits the rows that change, each with its error row.
    async fn store(
        &mut self,
        round: &mut Round<'_>,
        settled: &[(usize, Settlement)],
        now: Timestamp,
    ) {
        let is_changed = |(index, settlement): &&(usize, Settlement)| {
            settlement.link != self.links[*index]
                || settlement.error != ErrorChange::None
                || self.leaves_rows(*index, settlement)
        };
        let changed: Vec<&(usize, Settlement)> = settled.iter().filter(is_changed).collect();
        let commits = changed
            .iter()
            .map(|(index, settlement)| self.commit(*index, settlement, now))
            .collect();
        let stored = round.environment.links.commit(commits).await;
        for ((index, settlement), stored) in changed.into_iter().zip(stored) {
            match (stored, &settlement.error) {
                (Err(error), _) => self.verdicts[*index] = Some(after_store_error(round, &error)),
                (Ok(_), ErrorChange::Open(row)) => {
                    round.report.errors_new += 1;
                    tracing::warn!(
                        run = round.run, pair = %row.pair, code = row.code, class = ?row.class,
                        fields = ?row.fields, owner = row.owner, "A pair needs somebody to act."
                    );
                }
                (Ok(_), ErrorChange::None | ErrorChange::Close) => {}
            }
        }
    }

    fn commit(&self, index: usize, settlement: &Settlement, now: Timestamp) -> Commit {
        let mut link = settlement.link.clone();
        let pair = &self.pairs.pairs[index];
        let decided_on = pair.prospect_of(&self.decisions[index]);
        if link.prospect_id.is_some() || self.decisions[index].outcome != Outcome::Part {
            link.see(self.changed.get(&index).or(decided_on), now);
        }
        let was_linked = pair.link.is_complete();
        let claims: Vec<RecordRef> = if link.is_complete() && !was_linked {
            link.records().collect()
        } else {
            Vec::new()
        };
        Commit {
            claims,
            releases: self.released(index, &link),
            supersedes: self.superseded(index, &link),
            error: settlement.error.clone(),
            ..Commit::of(link, now)
        }
    }

    /// The record of a create that certainly did not land is free again: whoever finds it by its address may
    /// be its partner. So are the two that were parted.
    fn released(&self, index: usize, settled: &Link) -> Vec<RecordRef> {
        if self.decisions[index].outcome == Outcome::Part {
            return self.links[index].records().collect();
        }
        let gave_up = self.links[index].intent.is_some() && settled.intent.is_none();
        if gave_up && !settled.is_complete() {
            settled.records().collect()
        } else {
            Vec::new()
        }
    }

    /// Rows that the records of the pair had on their own, as far as they were looked at: all of a linked pair; before
    /// that those that came by its key, unless a write of theirs is open.
    fn superseded(&self, index: usize, link: &Link) -> Vec<Link> {
        let is_linked = link.is_complete();
        let records: Vec<RecordRef> = if is_linked {
            link.records().collect()
        } else {
            self.pairs.records[index].iter().cloned().collect()
        };
        let own = records.into_iter().map(PairKey::of);
        own.filter(|own| *own != link.key.row())
            .filter_map(|own| self.pairs.own_rows.get(&own).cloned())
            .filter(|own| is_linked || own.intent.is_none())
            .collect()
    }

    /// A worker that died may have linked the pair without them: a held one would be caught up for ever.
    fn leaves_rows(&self, index: usize, settlement: &Settlement) -> bool {
        settlement.verdict.is_none()
            && self.pairs.alias_of(index).is_none()
            && !self.superseded(index, &settlement.link).is_empty()
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
            return self.after_success(round, index, settlement);
        };
        if matches!(self.decisions[index].outcome, Outcome::ReadMore(_)) {
            round.report.deadline_skips += u64::from(round.ran_out_of_time);
        }
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

    /// A partner that was just created is looked at once more, provided that its prospect need not be
    /// read for it: a read right after the write may still be without it (K4).
    fn after_success(
        &self,
        round: &mut Round<'_>,
        index: usize,
        settlement: &Settlement,
    ) -> PairVerdict {
        match (
            &self.decisions[index].outcome,
            &self.pairs.pairs[index].prospect,
        ) {
            (Outcome::CreateCrm { .. }, Side::Present(prospect))
                if matches!(self.results[index].crm, WriteResult::Written(_)) =>
            {
                round.see(prospect);
                PairVerdict::AgainNow
            }
            (Outcome::Part, Side::Present(prospect)) => {
                round.see(prospect);
                PairVerdict::AgainNow
            }
            (Outcome::CreateProspect { .. }, _)
                if settlement
                    .link
                    .prospect_id
                    .is_some_and(|id| round.seen.contains_key(&id)) =>
            {
                PairVerdict::AgainNow
            }
            // What changed while it was in the recycle bin is synced at once.
            (Outcome::Restore { prospect, .. }, _)
                if matches!(self.results[index].prospect, WriteResult::Written(_)) =>
            {
                if round.seen.contains_key(prospect) {
                    PairVerdict::AgainNow
                } else {
                    PairVerdict::GiveBack(Verdict::Retry)
                }
            }
            _ => PairVerdict::Acknowledge,
        }
    }
}

/// The second look at a new partner adds to what the create said instead of replacing it.
fn continue_story(link: &Link, settlement: &mut Settlement) {
    let later = settlement.link.last_trace.take();
    settlement.link.last_trace = match (link.last_trace.clone(), later) {
        (Some(create), Some(later)) if create != later => Some(create.continued_by(later)),
        (create, later) => later.or(create),
    };
}
