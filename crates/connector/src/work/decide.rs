//! The pure step in the middle, repeated while decisions ask for more to be read.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sync_core::decision::{Decision, HoldReason, Outcome, ReadMore};
use sync_core::key::RecordRef;
use sync_core::pair::{Belongs, Candidates, Context, Pair, UserMap};
use sync_core::record::Values;
use sync_core::trace::Trace;

use super::load::LoadedPairs;
use super::look_up::look_up;
use super::write::CRM_WRITE_MARGIN;
use super::{Round, WorkError};
use crate::ports::Sides;

/// How often decisions may ask for more. A prospect with a foreign CRM ID asks twice, and so does an open
/// create whose prospect is under none of its addresses.
const MAX_LOOK_UPS: usize = 3;

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

fn half_of_the_time(now: Timestamp, deadline: Timestamp) -> Timestamp {
    let left = deadline.duration_since(now) - CRM_WRITE_MARGIN;
    now.saturating_add(left / 2).unwrap_or(now)
}

/// The final pass, one pair after the other: a record that a pair has just been given is taken for
/// the pairs after it. A pair whose own record was taken follows the pair that took it.
fn decide_in_order(pairs: &mut LoadedPairs, context: Context<'_>) -> Vec<Decision> {
    let mut reserved: Reserved = BTreeMap::new();
    let mut decisions = Vec::with_capacity(pairs.pairs.len());
    for index in 0..pairs.pairs.len() {
        if pairs.claimed_elsewhere.contains(&index) {
            decisions.push(undecided(Outcome::NotYet));
            continue;
        }
        let origin = pairs.pairs[index].link.key.origin().clone();
        if let Some((owner, _)) = reserved.get(&origin).copied() {
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
        config_version: 0,
    }
}

/// Records that pairs of this round have been given: the index of the pair, and what the record is to the others.
type Reserved = BTreeMap<RecordRef, (usize, Belongs)>;

fn belongs_in(reserved: &Reserved, record: &RecordRef) -> Belongs {
    let given = reserved.get(record);
    given.map_or(Belongs::ToNobody, |(_, belongs)| *belongs)
}

fn mark_reserved(pair: &mut Pair, reserved: &Reserved) {
    for candidates in [&mut pair.crm_by_email, &mut pair.crm_by_key] {
        if let Candidates::Found(found) = candidates {
            for candidate in found {
                let record = RecordRef::Crm(candidate.record.id.clone());
                candidate.belongs = candidate.belongs.max(belongs_in(reserved, &record));
            }
        }
    }
    if let Candidates::Found(found) = &mut pair.prospects_by_email {
        for candidate in found {
            let record = RecordRef::Prospect(candidate.record.id);
            candidate.belongs = candidate.belongs.max(belongs_in(reserved, &record));
        }
    }
}

fn reserve(outcome: &Outcome, origin: RecordRef, index: usize, reserved: &mut Reserved) {
    match outcome {
        Outcome::Update { crm, prospect, .. }
        | Outcome::Retire { crm, prospect, .. }
        | Outcome::Restore { crm, prospect } => {
            let taken = (index, Belongs::ToAnotherPair);
            reserved.insert(RecordRef::Crm(crm.clone()), taken);
            reserved.insert(RecordRef::Prospect(*prospect), taken);
        }
        Outcome::CreateCrm { .. } | Outcome::CreateProspect { .. } => {
            reserved.insert(origin, (index, Belongs::ToPairAtWork));
        }
        _ => {}
    }
}
