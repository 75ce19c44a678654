//! The pure step in the middle, and the look-ups that a decision may ask for, in bulk.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sync_core::decision::{Decision, HoldReason, Outcome, ReadMore};
use sync_core::ids::CrmId;
use sync_core::key::{PairKey, RecordRef};
use sync_core::pair::{Candidate, Candidates, Context, Native, Pair, UserMap};
use sync_core::record::{CrmRecord, ProspectRecord, Side, Values};
use sync_core::trace::Trace;
use sync_core::value::NormalisedEmail;

use super::load::LoadedPairs;
use super::write::CRM_WRITE_MARGIN;
use super::{Round, WorkError};
use crate::ports::Sides;

/// How often decisions may ask for more. A prospect with a foreign CRM ID asks twice.
const MAX_LOOK_UPS: usize = 3;

/// How many addresses are looked up between two looks at the clock.
const LOOK_UP_CHUNK: usize = 20;

/// Decides every pair; reads candidates for those that need them.
///
/// Account Engagement takes one address a call, so look-ups may use half of the time that is left; the
/// other half is for writing what was found. A delivery that is too large gets part of it done.
pub(super) async fn decide_all(
    round: &mut Round<'_>,
    sides: &Sides,
    pairs: &mut LoadedPairs,
    read_at: Timestamp,
) -> Result<Vec<Decision>, WorkError> {
    let (environment, configured) = (round.environment, round.configured);
    let until = half_of_the_time(environment.clock.now(), round.deadline);
    let unit = &configured.row.business_unit;
    let users = environment
        .state
        .users(unit)
        .await?
        .map_or_else(UserMap::default, |(u, _)| u);
    let connector_user = sides.crm.connector_user().await?;
    let context = Context {
        config: &configured.config,
        connector: &configured.row,
        users: &users,
        connector_user: &connector_user,
        read_at,
    };
    for _ in 0..MAX_LOOK_UPS {
        let wanted = look_ups(pairs, context);
        if wanted.is_empty() || round.ran_out_of_time {
            break;
        }
        round.ran_out_of_time = look_up(round, sides, pairs, wanted, until).await?;
    }
    Ok(decide_in_order(pairs, context))
}

/// Decides pairs of a connector that is paused, cannot log in, or has no calls left: nothing is read.
/// What only waits for calls stays in the queue for as long as the queue delivers it again.
pub(super) fn decide_without_services(round: &Round<'_>, pairs: &LoadedPairs) -> Vec<Decision> {
    let (now, configured) = (round.environment.clock.now(), round.configured);
    let mut decisions = Vec::with_capacity(pairs.pairs.len());
    for (pair, records) in pairs.pairs.iter().zip(&pairs.records) {
        // `None`: the calls have come back this very moment.
        let decision =
            sync_core::decide::decide_unread(pair, &configured.config, &configured.row, now)
                .unwrap_or_else(|| undecided(Outcome::NotYet));
        let waits_for_calls = decision.outcome == Outcome::Hold(HoldReason::QuotaUsedUp);
        let comes_again = records.is_disjoint(round.last_chance);
        decisions.push(if waits_for_calls && comes_again {
            undecided(Outcome::NotYet)
        } else {
            decision
        });
    }
    decisions
}

fn look_ups(pairs: &LoadedPairs, context: Context<'_>) -> BTreeSet<ReadMore> {
    let decisions = pairs
        .pairs
        .iter()
        .map(|pair| sync_core::decide(pair, context));
    decisions
        .filter_map(|decision| match decision.outcome {
            Outcome::ReadMore(wanted) => Some(wanted),
            _ => None,
        })
        .flatten()
        .collect()
}

/// What the look-ups found, and who has it already.
struct Found {
    crm: Vec<CrmRecord>,
    natives: BTreeMap<CrmId, Side<CrmRecord>>,
    prospects: Vec<ProspectRecord>,
    claims: BTreeMap<RecordRef, PairKey>,
}

fn half_of_the_time(now: Timestamp, deadline: Timestamp) -> Timestamp {
    let left = deadline.duration_since(now) - CRM_WRITE_MARGIN;
    now.saturating_add(left / 2).unwrap_or(now)
}

/// Fills in what the pairs asked for; whether the time was over before everything was asked.
async fn look_up(
    round: &Round<'_>,
    sides: &Sides,
    pairs: &mut LoadedPairs,
    mut wanted: BTreeSet<ReadMore>,
    until: Timestamp,
) -> Result<bool, WorkError> {
    let (found, not_asked) = read_wanted(round, sides, pairs, &wanted, until).await?;
    for email in &not_asked {
        wanted.remove(&ReadMore::ProspectsByEmail(email.clone()));
    }
    for pair in &mut pairs.pairs {
        fill_candidates(pair, &wanted, &found);
    }
    Ok(!not_asked.is_empty())
}

/// Prospects with one of these addresses, and the addresses for which there was no time.
async fn find_prospects(
    round: &Round<'_>,
    sides: &Sides,
    emails: &[NormalisedEmail],
    until: Timestamp,
) -> Result<(Vec<ProspectRecord>, Vec<NormalisedEmail>), WorkError> {
    let mut found = Vec::new();
    for (number, chunk) in emails.chunks(LOOK_UP_CHUNK).enumerate() {
        if round.environment.clock.now() >= until {
            return Ok((found, emails[number * LOOK_UP_CHUNK..].to_vec()));
        }
        let config = &round.configured.config;
        found.extend(sides.marketing.find_by_email(config, chunk).await?);
    }
    Ok((found, Vec::new()))
}

async fn read_wanted(
    round: &Round<'_>,
    sides: &Sides,
    pairs: &mut LoadedPairs,
    wanted: &BTreeSet<ReadMore>,
    until: Timestamp,
) -> Result<(Found, Vec<NormalisedEmail>), WorkError> {
    let config = &round.configured.config;
    let (mut crm_emails, mut keys, mut prospect_emails, mut natives) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for want in wanted {
        match want {
            ReadMore::CrmByEmail(email) => crm_emails.push(email.clone()),
            ReadMore::CrmByKey(key) => keys.push(key.clone()),
            ReadMore::ProspectsByEmail(email) => prospect_emails.push(email.clone()),
            ReadMore::Crm(id) => natives.push(id.clone()),
        }
    }
    let mut crm = Vec::new();
    if !crm_emails.is_empty() {
        crm.extend(sides.crm.find_by_email(config, &crm_emails).await?);
    }
    if !keys.is_empty() {
        crm.extend(sides.crm.find_by_key(config, &keys).await?);
    }
    let natives = if natives.is_empty() {
        BTreeMap::new()
    } else {
        sides.crm.read(config, &natives).await?
    };
    let (prospects, not_asked) = find_prospects(round, sides, &prospect_emails, until).await?;
    let records: Vec<RecordRef> = crm
        .iter()
        .map(|record| RecordRef::Crm(record.id.clone()))
        .chain(natives.keys().cloned().map(RecordRef::Crm))
        .chain(
            prospects
                .iter()
                .map(|prospect| RecordRef::Prospect(prospect.id)),
        )
        .collect();
    let own: Vec<PairKey> = records.iter().cloned().map(PairKey::of).collect();
    let loaded = round
        .environment
        .links
        .load(&config.business_unit, &records, &own)
        .await?;
    pairs.own_rows.extend(loaded.links.into_keys());
    let found = Found {
        crm,
        natives,
        prospects,
        claims: loaded.claims,
    };
    Ok((found, not_asked))
}

fn fill_candidates(pair: &mut Pair, wanted: &BTreeSet<ReadMore>, found: &Found) {
    let key = pair.link.key.clone();
    let is_taken = |record: &RecordRef| {
        found
            .claims
            .get(record)
            .is_some_and(|claimant| *claimant != key)
    };
    let crm_candidates = |matches: &dyn Fn(&CrmRecord) -> bool| {
        let matching = found.crm.iter().filter(|record| matches(record));
        let candidates = matching.map(|record| Candidate {
            is_taken: is_taken(&RecordRef::Crm(record.id.clone())),
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
            let is_taken = is_taken(&RecordRef::Crm(id.clone()));
            pair.native = Native::Read {
                side: Box::new(side.clone()),
                is_taken,
            };
        }
    }
    if wanted.contains(&ReadMore::CrmByKey(key.clone())) {
        pair.crm_by_key = crm_candidates(&|record| record.key.as_ref() == Some(&key));
    }
    let addresses = pair.addresses();
    let is_asked =
        |email: &NormalisedEmail| wanted.contains(&ReadMore::ProspectsByEmail(email.clone()));
    if !addresses.is_empty() && addresses.iter().all(is_asked) {
        let matching = found.prospects.iter().filter(|prospect| {
            let email = prospect.email.as_ref();
            email.is_some_and(|email| addresses.contains(email))
        });
        let candidates = matching.map(|prospect| Candidate {
            is_taken: is_taken(&RecordRef::Prospect(prospect.id)),
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

/// The final pass, one pair after the other: a record that a pair has just been given is taken for
/// the pairs after it. A pair whose own record was taken follows the pair that took it.
fn decide_in_order(pairs: &mut LoadedPairs, context: Context<'_>) -> Vec<Decision> {
    let mut reserved: BTreeMap<RecordRef, usize> = BTreeMap::new();
    let mut decisions = Vec::with_capacity(pairs.pairs.len());
    for index in 0..pairs.pairs.len() {
        let origin = pairs.pairs[index].link.key.origin().clone();
        if let Some(owner) = reserved.get(&origin).copied() {
            pairs.set_alias(index, owner);
            decisions.push(undecided(Outcome::Nothing));
            continue;
        }
        mark_reserved(&mut pairs.pairs[index], &reserved);
        let decision = sync_core::decide(&pairs.pairs[index], context);
        reserve(&decision.outcome, origin, index, &mut reserved);
        decisions.push(decision);
    }
    decisions
}

fn undecided(outcome: Outcome) -> Decision {
    Decision {
        outcome,
        trace: Trace::default(),
        merged: Values::new(),
        agreed: Values::new(),
    }
}

fn mark_reserved(pair: &mut Pair, reserved: &BTreeMap<RecordRef, usize>) {
    for candidates in [&mut pair.crm_by_email, &mut pair.crm_by_key] {
        if let Candidates::Found(found) = candidates {
            for candidate in found {
                let record = RecordRef::Crm(candidate.record.id.clone());
                candidate.is_taken |= reserved.contains_key(&record);
            }
        }
    }
    if let Candidates::Found(found) = &mut pair.prospects_by_email {
        for candidate in found {
            let record = RecordRef::Prospect(candidate.record.id);
            candidate.is_taken |= reserved.contains_key(&record);
        }
    }
}

fn reserve(
    outcome: &Outcome,
    origin: RecordRef,
    index: usize,
    reserved: &mut BTreeMap<RecordRef, usize>,
) {
    match outcome {
        Outcome::Update { crm, prospect, .. }
        | Outcome::Retire { crm, prospect, .. }
        | Outcome::Restore { crm, prospect } => {
            reserved.insert(RecordRef::Crm(crm.clone()), index);
            reserved.insert(RecordRef::Prospect(*prospect), index);
        }
        Outcome::CreateCrm { .. } | Outcome::CreateProspect { .. } => {
            reserved.insert(origin, index);
        }
        _ => {}
    }
}
