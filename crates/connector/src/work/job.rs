//! The pairs of a round on their way from decision to commit.

use std::collections::BTreeMap;

use sync_core::decision::Decision;
use sync_core::error::Verdict;
use sync_core::link::Link;
use sync_core::record::ProspectRecord;
use sync_core::settle::WriteResults;

use super::Round;
use super::load::LoadedPairs;
use crate::ports::StoreError;

/// What the queue is told about a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PairVerdict {
    /// Done.
    Acknowledge,
    /// Read and decide once more, now: somebody else changed the row or has the record, or the partner is new.
    AgainNow,
    /// The queue gets it back.
    GiveBack(Verdict),
}

/// The pairs of a round on their way through the moves, all vectors by the index of the pair.
pub(super) struct Job<'a> {
    pub(super) pairs: &'a LoadedPairs,
    pub(super) decisions: Vec<Decision>,
    pub(super) links: Vec<Link>,
    pub(super) results: Vec<WriteResults>,
    pub(super) verdicts: Vec<Option<PairVerdict>>,
    /// Prospects that had changed when they were read again: the row keeps that this state was seen.
    pub(super) changed: BTreeMap<usize, ProspectRecord>,
}

impl<'a> Job<'a> {
    pub(super) fn new(pairs: &'a LoadedPairs, decisions: Vec<Decision>) -> Self {
        let links = pairs.pairs.iter().map(|pair| pair.link.clone()).collect();
        let results = vec![WriteResults::default(); decisions.len()];
        let verdict = |index| {
            let is_claimed = pairs.claimed_elsewhere.contains(&index);
            is_claimed.then_some(PairVerdict::AgainNow)
        };
        let verdicts = (0..decisions.len()).map(verdict).collect();
        Self {
            pairs,
            decisions,
            links,
            results,
            verdicts,
            changed: BTreeMap::new(),
        }
    }

    /// The pairs without verdict yet.
    pub(super) fn open_pairs(&self) -> Vec<usize> {
        (0..self.verdicts.len())
            .filter(|index| self.verdicts[*index].is_none())
            .collect()
    }
}

pub(super) fn after_store_error(round: &mut Round<'_>, error: &StoreError) -> PairVerdict {
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
