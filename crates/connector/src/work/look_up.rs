//! The look-ups that a decision may ask for, in bulk.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sync_core::decision::ReadMore;
use sync_core::ids::{CrmId, ProspectId};
use sync_core::key::{PairKey, RecordRef};
use sync_core::pair::{Belongs, Candidate, Candidates, Created, Native, Pair};
use sync_core::record::{CrmRecord, ProspectRecord, Side};
use sync_core::value::{NormalisedEmail, Spelling};

use super::load::LoadedPairs;
use super::{Round, WorkError};
use crate::ports::{Loaded, Sides};

/// How many spellings of addresses are looked up between two looks at the clock.
const LOOK_UP_CHUNK: usize = 20;

/// What the look-ups found, and who has it already.
struct Found {
    crm: Vec<CrmRecord>,
    natives: BTreeMap<CrmId, Side<CrmRecord>>,
    prospects: Vec<ProspectRecord>,
    created: BTreeMap<PairKey, Created>,
    claims: BTreeMap<RecordRef, PairKey>,
    /// Pairs that are being written: a record that carries the key of one was created for it, although
    /// nothing claims it before that is committed.
    under_way: BTreeSet<PairKey>,
    /// The rows of those of them that create the partner, and may not have.
    creates: BTreeSet<PairKey>,
}

impl Found {
    /// The keys that the records carry.
    fn keys(&self) -> impl Iterator<Item = &PairKey> {
        let natives = self.natives.values().filter_map(Side::present);
        let of_crm = self.crm.iter().chain(natives).map(|record| &record.key);
        let of_prospects = self.prospects.iter().map(|prospect| &prospect.key);
        of_crm.chain(of_prospects).flatten()
    }

    /// Which other pair than this has the record, with the key that it carries.
    fn belongs(&self, pair: &PairKey, record: &RecordRef, carried: Option<&PairKey>) -> Belongs {
        let claim = self.claims.get(record).filter(|row| **row != pair.row());
        let is_at_work = |row: &PairKey| row.origin() == record && self.creates.contains(row);
        if carried.is_some_and(|key| key != pair && self.under_way.contains(key)) {
            return Belongs::ToAnotherPair;
        }
        match claim {
            None => Belongs::ToNobody,
            Some(row) if is_at_work(row) => Belongs::ToPairAtWork,
            Some(_) => Belongs::ToAnotherPair,
        }
    }

    /// R54: a prospect that was parted from its record goes on carrying the key of the pair that it was in. That pair
    /// has another key by now, or no row, and the record that it began with another partner.
    fn forget_former_keys(&mut self, loaded: &Loaded) {
        let is_former = |key: &PairKey| match loaded.links.get(&key.row()) {
            Some(row) => row.key != *key,
            None => loaded.claims.contains_key(key.origin()),
        };
        for prospect in &mut self.prospects {
            prospect.key = prospect.key.take().filter(|key| !is_former(key));
        }
    }

    fn records(&self) -> impl Iterator<Item = RecordRef> {
        let of_crm = self.crm.iter().map(|record| &record.id);
        let of_crm = of_crm.chain(self.natives.keys()).cloned();
        let prospects = self.prospects.iter().map(|prospect| prospect.id);
        of_crm
            .map(RecordRef::Crm)
            .chain(prospects.map(RecordRef::Prospect))
    }
}

/// Fills in what the pairs asked for; whether the time was over before everything was asked.
pub(super) async fn look_up(
    round: &Round<'_>,
    sides: &Sides,
    pairs: &mut LoadedPairs,
    mut wanted: BTreeSet<ReadMore>,
    until: Timestamp,
) -> Result<bool, WorkError> {
    let (found, not_asked) = read_wanted(round, sides, pairs, &wanted, until).await?;
    for spelling in &not_asked {
        wanted.remove(&ReadMore::ProspectsByEmail(spelling.clone()));
    }
    for pair in &mut pairs.pairs {
        fill_candidates(pair, &wanted, &found);
    }
    Ok(!not_asked.is_empty())
}

/// Prospects whose address has one of these spellings, and the spellings for which there was no time.
async fn find_prospects(
    round: &Round<'_>,
    sides: &Sides,
    spellings: &[Spelling],
    until: Timestamp,
) -> Result<(Vec<ProspectRecord>, Vec<Spelling>), WorkError> {
    let mut found = Vec::new();
    for (number, chunk) in spellings.chunks(LOOK_UP_CHUNK).enumerate() {
        if round.environment.clock.now() >= until {
            return Ok((found, spellings[number * LOOK_UP_CHUNK..].to_vec()));
        }
        let config = &round.configured.config;
        found.extend(sides.marketing.find_by_email(config, chunk).await?);
    }
    Ok((found, Vec::new()))
}

/// What is asked for, by kind.
#[derive(Default)]
struct Wanted {
    crm_emails: Vec<NormalisedEmail>,
    crm_keys: Vec<PairKey>,
    prospect_spellings: Vec<Spelling>,
    natives: Vec<CrmId>,
    /// Keys of open creates, and when the first of them was begun.
    created: BTreeSet<PairKey>,
    created_since: Option<Timestamp>,
}

impl Wanted {
    fn of(wanted: &BTreeSet<ReadMore>) -> Self {
        let mut by_kind = Self::default();
        for want in wanted.iter().cloned() {
            match want {
                ReadMore::CrmByEmail(email) => by_kind.crm_emails.push(email),
                ReadMore::CrmByKey(key) => by_kind.crm_keys.push(key),
                ReadMore::ProspectsByEmail(spelling) => by_kind.prospect_spellings.push(spelling),
                ReadMore::Crm(id) => by_kind.natives.push(id),
                ReadMore::CreatedProspect { key, since } => {
                    by_kind.created.insert(key);
                    let first = by_kind
                        .created_since
                        .map_or(since, |first| first.min(since));
                    by_kind.created_since = Some(first);
                }
            }
        }
        // A pair needs all spellings of its address: where time ends, some pairs shall have theirs.
        let spellings = &mut by_kind.prospect_spellings;
        spellings.sort_by_cached_key(Spelling::in_lower_case);
        by_kind
    }
}

async fn read_wanted(
    round: &Round<'_>,
    sides: &Sides,
    pairs: &mut LoadedPairs,
    wanted: &BTreeSet<ReadMore>,
    until: Timestamp,
) -> Result<(Found, Vec<Spelling>), WorkError> {
    let config = &round.configured.config;
    let wanted = Wanted::of(wanted);
    let mut crm = Vec::new();
    if !wanted.crm_emails.is_empty() {
        crm.extend(sides.crm.find_by_email(config, &wanted.crm_emails).await?);
    }
    if !wanted.crm_keys.is_empty() {
        crm.extend(sides.crm.find_by_key(config, &wanted.crm_keys).await?);
    }
    let natives = if wanted.natives.is_empty() {
        BTreeMap::new()
    } else {
        sides.crm.read(config, &wanted.natives).await?
    };
    let created = find_created(round, sides, &wanted).await?;
    let spellings = &wanted.prospect_spellings;
    let (prospects, not_asked) = find_prospects(round, sides, spellings, until).await?;
    let mut found = Found {
        crm,
        natives,
        prospects,
        created,
        claims: BTreeMap::new(),
        under_way: BTreeSet::new(),
        creates: BTreeSet::new(),
    };
    let own = found.records().map(PairKey::of);
    let keys: BTreeSet<PairKey> = own.chain(found.keys().cloned()).collect();
    let keys: Vec<PairKey> = keys.into_iter().collect();
    let origins = found.keys().map(PairKey::origin).cloned();
    let records = found.records().chain(pairs.unlinked_records());
    let records: Vec<RecordRef> = records.chain(origins).collect();
    let links = &round.environment.links;
    let loaded = links.load(&config.business_unit, &records, &keys).await?;
    pairs.note_claims(&loaded.claims);
    found.forget_former_keys(&loaded);
    found.claims = loaded.claims;
    let links = loaded.links.values();
    let under_way = links.clone().filter(|link| link.intent.is_some());
    found.under_way = under_way.map(|link| link.key.clone()).collect();
    let creates = links.filter(|link| link.is_creating());
    found.creates = creates.map(|link| link.key.row()).collect();
    pairs.own_rows.extend(loaded.links);
    Ok((found, not_asked))
}

/// Prospects that carry one of the keys, recycled or not: one read of what changed since the first of
/// their creates was begun.
async fn find_created(
    round: &Round<'_>,
    sides: &Sides,
    wanted: &Wanted,
) -> Result<BTreeMap<PairKey, Created>, WorkError> {
    let Some(since) = wanted.created_since else {
        return Ok(BTreeMap::new());
    };
    let config = &round.configured.config;
    let changed = sides.marketing.changes(config, since).await?;
    let mut created: BTreeMap<PairKey, Created> = wanted
        .created
        .iter()
        .map(|key| (key.clone(), Created::Nothing))
        .collect();
    let is_wanted = |key: &PairKey| wanted.created.contains(key);
    let found = changed.rows.into_iter().filter_map(|row| {
        let key = row.key.filter(is_wanted)?;
        Some((row.id, key))
    });
    let found: BTreeMap<ProspectId, PairKey> = found.collect();
    if found.is_empty() {
        return Ok(created);
    }
    let ids: Vec<ProspectId> = found.keys().copied().collect();
    let mut read = sides.marketing.read(config, &ids).await?;
    for (id, key) in found {
        match read.remove(&id) {
            Some(Side::Present(prospect)) => {
                created.insert(key, Created::Present(Box::new(prospect)));
            }
            // One that is there goes before another one that is not.
            Some(Side::Deleted { .. }) if created[&key] == Created::Nothing => {
                created.insert(key, Created::Recycled(id));
            }
            Some(Side::Deleted { .. } | Side::Missing | Side::Unlinked) | None => {}
        }
    }
    Ok(created)
}

fn fill_candidates(pair: &mut Pair, wanted: &BTreeSet<ReadMore>, found: &Found) {
    let key = pair.link.key.clone();
    let belongs = |record, carried| found.belongs(&key, &record, carried);
    let crm_candidates = |matches: &dyn Fn(&CrmRecord) -> bool| {
        let matching = found.crm.iter().filter(|record| matches(record));
        let candidates = matching.map(|record| Candidate {
            belongs: belongs(RecordRef::Crm(record.id.clone()), record.key.as_ref()),
            record: record.clone(),
        });
        Candidates::Found(distinct_by_id(candidates.collect(), |record| {
            record.id.clone()
        }))
    };
    if let Some(prospect) = pair.prospect.present() {
        if let Some(email) = asked_email(prospect.email.as_ref(), wanted, ReadMore::CrmByEmail) {
            pair.crm_by_email = crm_candidates(&|record| record.email.as_ref() == Some(email));
        }
        if let sync_core::record::NativeCrmId::Record(id) = &prospect.native_crm_id
            && let Some(side) = found.natives.get(id)
        {
            let carried = side.present().and_then(|record| record.key.as_ref());
            let belongs = belongs(RecordRef::Crm(id.clone()), carried);
            pair.native = Native::Read {
                side: Box::new(side.clone()),
                belongs,
            };
        }
    }
    if wanted.contains(&ReadMore::CrmByKey(key.clone())) {
        pair.crm_by_key = crm_candidates(&|record| record.key.as_ref() == Some(&key));
    }
    if let Some(created) = found.created.get(&key) {
        pair.created = created.clone();
    }
    let spellings = pair.spellings();
    let is_asked =
        |spelling: &Spelling| wanted.contains(&ReadMore::ProspectsByEmail(spelling.clone()));
    if !spellings.is_empty() && spellings.iter().all(is_asked) {
        // Whatever its capitals are: every address is among its spellings in lower case.
        let matching = found.prospects.iter().filter(|prospect| {
            let email = prospect.email.as_ref();
            email.is_some_and(|email| spellings.contains(&Spelling::from(email)))
        });
        let candidates = matching.map(|prospect| Candidate {
            belongs: belongs(RecordRef::Prospect(prospect.id), prospect.key.as_ref()),
            record: prospect.clone(),
        });
        pair.prospects_by_email =
            Candidates::Found(distinct_by_id(candidates.collect(), |prospect| prospect.id));
    }
}

fn asked_email<'a>(
    email: Option<&'a NormalisedEmail>,
    wanted: &BTreeSet<ReadMore>,
    question: fn(NormalisedEmail) -> ReadMore,
) -> Option<&'a NormalisedEmail> {
    email.filter(|email| wanted.contains(&question((*email).clone())))
}

fn distinct_by_id<R, Id: Ord>(
    candidates: Vec<Candidate<R>>,
    id_of: impl Fn(&R) -> Id,
) -> Vec<Candidate<R>> {
    let mut seen = BTreeSet::new();
    candidates
        .into_iter()
        .filter(|candidate| seen.insert(id_of(&candidate.record)))
        .collect()
}
