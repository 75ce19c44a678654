//! Moves 1 and 2: the link rows of the hinted pairs, and both records of each pair, in bulk.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::config::Config;
use sync_core::hint::{Cause, ChangeBatch, ChangeHint};
use sync_core::ids::{CrmId, CrmObject, ProspectId};
use sync_core::key::{PairKey, RecordRef};
use sync_core::link::Link;
use sync_core::pair::{Candidates, Created, Native, Pair};
use sync_core::record::Side;

use super::hinted::{load_rows, pair_of};
use super::{SeenProspects, WorkError};
use crate::environment::{Configured, Environment};
use crate::ports::Sides;

/// How many hints are worked on together: one Salesforce composite call, two `idList` reads.
pub(super) const MAX_PAIRS: usize = 1_000;

/// The pairs of one round.
pub(super) struct LoadedPairs {
    /// The pairs, in the order in which they are decided.
    pub(super) pairs: Vec<Pair>,
    /// The hinted records of each pair.
    pub(super) records: Vec<BTreeSet<RecordRef>>,
    /// Rows that records have on their own, by origin: they go when the record joins a pair.
    pub(super) own_rows: BTreeMap<PairKey, Link>,
    /// Pairs whose record belongs to another pair since the rows were loaded: whoever looks again finds that one.
    pub(super) claimed_elsewhere: BTreeSet<usize>,
    /// Pairs whose record was taken over by another pair of the same round.
    aliases: BTreeMap<usize, usize>,
}

impl LoadedPairs {
    /// The pair that took this pair's record over, if one did.
    pub(super) fn alias_of(&self, index: usize) -> Option<usize> {
        self.aliases.get(&index).copied()
    }

    /// Takes out the pairs whose record carries another pair's key that its hint did not name; answers
    /// the key of each such record.
    pub(super) fn take_misplaced(&mut self, hints: &[ChangeHint]) -> BTreeMap<RecordRef, PairKey> {
        let is_named = |record: &RecordRef, key: &PairKey| {
            let mut of_record = hints.iter().filter(|hint| hint.record == *record);
            of_record.any(|hint| hint.pair.as_ref() == Some(key))
        };
        let mut keys = BTreeMap::new();
        for index in (0..self.pairs.len()).rev() {
            let Some(key) = self.pairs[index].foreign_key().cloned() else {
                continue;
            };
            let records = &self.records[index];
            if records.iter().any(|record| is_named(record, &key)) {
                continue;
            }
            self.pairs.remove(index);
            let records = self.records.remove(index);
            keys.extend(records.into_iter().map(|record| (record, key.clone())));
        }
        keys
    }

    /// The records for which pairs without partner were hinted.
    pub(super) fn unlinked_records(&self) -> impl Iterator<Item = RecordRef> {
        let pairs = self.pairs.iter().zip(&self.records);
        let unlinked = pairs.filter(|(pair, _)| !pair.link.is_complete());
        unlinked.flat_map(|(_, records)| records.iter().cloned())
    }

    /// Notes which of them another worker has claimed for another pair since the rows were loaded.
    pub(super) fn note_claims(&mut self, claims: &BTreeMap<RecordRef, PairKey>) {
        for (index, records) in self.records.iter().enumerate() {
            let row = self.pairs[index].link.key.row();
            let is_elsewhere = |record| claims.get(record).is_some_and(|claim| *claim != row);
            if records.iter().any(is_elsewhere) {
                self.claimed_elsewhere.insert(index);
            }
        }
    }

    /// Notes that the record of `index` is handled by the pair `other`.
    pub(super) fn set_alias(&mut self, index: usize, other: usize) {
        self.aliases.insert(index, other);
    }
}

/// One hint per record; a manual cause is never lost behind an automatic one.
pub(super) fn merge_hints(batches: &[&ChangeBatch]) -> Vec<ChangeHint> {
    let mut merged: BTreeMap<RecordRef, ChangeHint> = BTreeMap::new();
    for hint in batches.iter().flat_map(|batch| &batch.hints) {
        let known = merged
            .entry(hint.record.clone())
            .or_insert_with(|| hint.clone());
        known.cause = known.cause.or(hint.cause);
        known.pair = known.pair.take().or_else(|| hint.pair.clone());
    }
    merged.into_values().collect()
}

/// Loads the rows and builds the pairs, prospects first, then contacts, then leads (R22).
pub(super) async fn load(
    environment: &Environment,
    configured: &Configured,
    hints: &[ChangeHint],
) -> Result<LoadedPairs, WorkError> {
    let unit = &configured.row.business_unit;
    let loaded = load_rows(environment, unit, hints).await?;
    let now = environment.clock.now();
    let mut by_key: BTreeMap<(u8, PairKey), (Pair, BTreeSet<RecordRef>)> = BTreeMap::new();
    for hint in hints {
        let key = pair_of(hint, &loaded, now);
        let entry = by_key.entry((order(&key), key.row())).or_insert_with(|| {
            let stored = loaded.links.get(&key.row()).cloned();
            let link = stored.unwrap_or_else(|| Link::new(unit.clone(), key));
            (new_pair(hint.cause, link), BTreeSet::new())
        });
        entry.0.cause = entry.0.cause.or(hint.cause);
        entry.0.is_prospect_hinted |= matches!(hint.record, RecordRef::Prospect(_));
        entry.1.insert(hint.record.clone());
    }
    let (pairs, records) = by_key.into_values().unzip();
    Ok(LoadedPairs {
        pairs,
        records,
        own_rows: loaded.links,
        claimed_elsewhere: BTreeSet::new(),
        aliases: BTreeMap::new(),
    })
}

fn order(key: &PairKey) -> u8 {
    match key.origin() {
        RecordRef::Prospect(_) => 0,
        RecordRef::Crm(id) if id.object() == CrmObject::Contact => 1,
        RecordRef::Crm(_) => 2,
    }
}

fn new_pair(cause: Cause, link: Link) -> Pair {
    Pair {
        cause,
        is_prospect_hinted: false,
        link,
        crm: Side::Unlinked,
        prospect: Side::Unlinked,
        crm_by_email: Candidates::NotRead,
        crm_by_key: Candidates::NotRead,
        prospects_by_email: Candidates::NotRead,
        created: Created::NotRead,
        native: Native::NotRead,
    }
}

/// Reads both records of every pair: at most one bulk read on each side. Prospects that are in `seen`
/// are taken from there.
pub(super) async fn read_both_sides(
    sides: &Sides,
    config: &Config,
    pairs: &mut LoadedPairs,
    seen: &SeenProspects,
) -> Result<(), WorkError> {
    let crm_ids: Vec<Option<CrmId>> = with_hinted(pairs, |pair, records| {
        pair.link.crm_id.clone().or_else(|| {
            records.iter().find_map(|record| match record {
                RecordRef::Crm(id) => Some(id.clone()),
                RecordRef::Prospect(_) => None,
            })
        })
    });
    let prospect_ids: Vec<Option<ProspectId>> = with_hinted(pairs, |pair, records| {
        pair.link.prospect_id.or_else(|| {
            records.iter().find_map(|record| match record {
                RecordRef::Prospect(id) => Some(*id),
                RecordRef::Crm(_) => None,
            })
        })
    });
    let wanted_crm = distinct(&crm_ids);
    let mut wanted_prospects = distinct(&prospect_ids);
    wanted_prospects.retain(|id| !seen.contains_key(id));
    let (crm, prospects) = futures::join!(
        read_crm(sides, config, &wanted_crm),
        read_prospects(sides, config, &wanted_prospects)
    );
    let (crm, mut prospects) = (crm?, prospects?);
    for (id, seen) in seen {
        prospects.insert(*id, Side::Present(seen.record.clone()));
    }
    for (index, pair) in pairs.pairs.iter_mut().enumerate() {
        pair.crm = side_of(crm_ids[index].as_ref(), &crm);
        pair.prospect = side_of(prospect_ids[index].as_ref(), &prospects);
    }
    Ok(())
}

fn with_hinted<T>(
    pairs: &LoadedPairs,
    id_of: impl Fn(&Pair, &BTreeSet<RecordRef>) -> Option<T>,
) -> Vec<Option<T>> {
    pairs
        .pairs
        .iter()
        .zip(&pairs.records)
        .map(|(pair, records)| id_of(pair, records))
        .collect()
}

fn distinct<T: Ord + Clone>(ids: &[Option<T>]) -> Vec<T> {
    ids.iter()
        .flatten()
        .cloned()
        .collect::<BTreeSet<T>>()
        .into_iter()
        .collect()
}

fn side_of<Id: Ord, R: Clone>(id: Option<&Id>, read: &BTreeMap<Id, Side<R>>) -> Side<R> {
    id.map_or(Side::Unlinked, |id| {
        read.get(id).cloned().unwrap_or(Side::Missing)
    })
}

async fn read_crm(
    sides: &Sides,
    config: &Config,
    ids: &[CrmId],
) -> Result<BTreeMap<CrmId, Side<sync_core::record::CrmRecord>>, WorkError> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    Ok(sides.crm.read(config, ids).await?)
}

async fn read_prospects(
    sides: &Sides,
    config: &Config,
    ids: &[ProspectId],
) -> Result<BTreeMap<ProspectId, Side<sync_core::record::ProspectRecord>>, WorkError> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    Ok(sides.marketing.read(config, ids).await?)
}
