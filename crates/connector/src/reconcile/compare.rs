//! Whether pairs are in step: the stored row first, then both records and the very decision of the worker.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use sync_core::config::Config;
use sync_core::decision::{Decision, HoldReason, Outcome, SkipReason};
use sync_core::hint::Cause;
use sync_core::ids::{CrmId, ProspectId};
use sync_core::key::PairKey;
use sync_core::link::{Link, LinkState};
use sync_core::pair::{Candidates, Context, Created, Native, Pair, UserMap};
use sync_core::record::{CrmRecord, ProspectRecord, Side};
use sync_core::value::FieldName;

use crate::environment::{Configured, Environment};
use crate::poll::PollError;
use crate::ports::{ServiceError, Sides};

/// A change this young is on its way: the poll reads it within five minutes, the worker works on it.
pub const FRESH: SignedDuration = SignedDuration::from_mins(15);

/// An intent this old is not worked on any more: no delivery of a message stays away longer, except
/// when the day's allowance is used up.
pub const ABANDONED: SignedDuration = SignedDuration::from_hours(1);

/// What the comparison says about a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// Nothing would change.
    InStep,
    /// Something would be written, held or parked, and nothing says that somebody is about to.
    Drifted,
    /// A record of the pair is gone and the row does not say so yet. It cannot be told since when, so
    /// the poll may be about to: looked at, and not called drift.
    Gone,
    /// A hold that is over, an intent that nobody works on any more, or equal records of which the row does
    /// not say yet that they are: a field is mapped since then, or is mapped to another one.
    Overdue,
    /// Changed or written a moment ago.
    InFlight,
    /// Held, and rightly so.
    Waiting,
    /// In the errors table: it has an owner and an alarm already.
    InErrors,
}

impl Verdict {
    /// The name under which pairs are counted.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::InStep => "in_step",
            Self::Drifted => "drifted",
            Self::Gone => "gone",
            Self::Overdue => "overdue",
            Self::InFlight => "in_flight",
            Self::Waiting => "waiting",
            Self::InErrors => "in_errors",
        }
    }

    /// Whether the worker is to look at the pair.
    pub(super) fn is_hinted(self) -> bool {
        match self {
            Self::Drifted | Self::Gone | Self::Overdue => true,
            Self::InStep | Self::InFlight | Self::Waiting | Self::InErrors => false,
        }
    }
}

/// What was found about one pair.
pub(super) struct Finding {
    pub(super) pair: PairKey,
    pub(super) verdict: Verdict,
    /// Whether both records were asked for.
    pub(super) is_compared: bool,
    /// The fields that differ; names only.
    pub(super) fields: Vec<FieldName>,
}

/// Compares the pairs of these rows: at most one bulk read on each side.
pub(super) async fn compare(
    environment: &Environment,
    configured: &Configured,
    sides: &Sides,
    links: Vec<Link>,
) -> Result<Vec<Finding>, PollError> {
    let now = environment.clock.now();
    let mut findings = Vec::with_capacity(links.len());
    let mut open = Vec::new();
    for link in links {
        match by_row(&link, now) {
            Some(verdict) => findings.push(Finding {
                pair: link.key,
                verdict,
                is_compared: false,
                fields: Vec::new(),
            }),
            None => open.push(link),
        }
    }
    if open.is_empty() {
        return Ok(findings);
    }
    let config = cheaply_read(&configured.config);
    let pairs = read_pairs(sides, &config, &configured.config, open).await?;
    let unit = &configured.row.business_unit;
    let users = environment.state.users(unit).await?;
    let users = users.map_or_else(UserMap::default, |(users, _)| users);
    let context = Context {
        config: &config,
        connector: &configured.row,
        users: &users,
        connector_user: &sides.crm.connector_user().await?,
        read_at: now,
    };
    findings.extend(pairs.iter().map(|pair| {
        let decision = sync_core::decide(pair, context);
        Finding {
            pair: pair.link.key.clone(),
            verdict: by_decision(pair, &decision, now),
            is_compared: true,
            fields: decision.trace.fields.into_iter().map(|f| f.field).collect(),
        }
    }));
    Ok(findings)
}

/// What the row alone says; `None` means: read both records.
fn by_row(link: &Link, now: Timestamp) -> Option<Verdict> {
    if link.has_open_error {
        return Some(Verdict::InErrors);
    }
    if link.lease_until.is_some_and(|until| now < until) {
        return Some(Verdict::InFlight);
    }
    if link.has_open_create() && link.rests() {
        return Some(Verdict::Waiting);
    }
    if let Some(intent) = &link.intent {
        let is_abandoned = now.duration_since(intent.at) >= ABANDONED;
        return Some(if is_abandoned {
            Verdict::Overdue
        } else {
            Verdict::InFlight
        });
    }
    let last_write = link.prospect_write.as_ref().map(|write| write.at);
    if link
        .synced_at
        .max(last_write)
        .is_some_and(|at| is_fresh(at, now))
    {
        return Some(Verdict::InFlight);
    }
    match link.state {
        // Begun, and neither an intent nor an error says who goes on with it.
        LinkState::Pending => Some(Verdict::Overdue),
        // Every poll catches these up.
        LinkState::Held(HoldReason::Paused | HoldReason::AuthFailed | HoldReason::QuotaUsedUp) => {
            Some(Verdict::InFlight)
        }
        LinkState::Skipped(_) => Some(Verdict::InStep),
        LinkState::Linked | LinkState::Held(_) => None,
    }
}

/// What the worker would do, had it been asked.
fn by_decision(pair: &Pair, decision: &Decision, now: Timestamp) -> Verdict {
    let is_held = matches!(pair.link.state, LinkState::Held(_));
    match &decision.outcome {
        Outcome::Skip(
            SkipReason::CrmDeleted | SkipReason::PreviouslyDeleted | SkipReason::ProspectDeleted,
        ) => {}
        Outcome::Nothing | Outcome::Skip(_) if is_held => return Verdict::Waiting,
        Outcome::Nothing | Outcome::Skip(_) => return Verdict::InStep,
        Outcome::NotYet => return Verdict::InFlight,
        Outcome::Hold(reason) if pair.link.state == LinkState::Held(*reason) => {
            return Verdict::Waiting;
        }
        Outcome::Hold(_)
        | Outcome::Update { .. }
        | Outcome::CreateCrm { .. }
        | Outcome::CreateProspect { .. }
        | Outcome::Retire { .. }
        | Outcome::Restore { .. }
        | Outcome::Part
        | Outcome::Park(_)
        | Outcome::ReadMore(_) => {}
    }
    let stamps = [
        pair.crm.present().map(|record| record.modified),
        pair.prospect.present().map(|prospect| prospect.updated),
    ];
    if stamps.iter().flatten().any(|stamp| is_fresh(*stamp, now)) {
        Verdict::InFlight
    } else if is_held || writes_nothing(&decision.outcome) {
        Verdict::Overdue
    } else if stamps.iter().any(Option::is_none) {
        Verdict::Gone
    } else {
        Verdict::Drifted
    }
}

fn writes_nothing(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Update { to_crm, to_prospect, .. } if to_crm.is_empty() && to_prospect.is_empty()
    )
}

fn is_fresh(stamp: Timestamp, now: Timestamp) -> bool {
    now.duration_since(stamp) < FRESH
}

/// The configuration without the fields that cost a call for each prospect (K7): a comparison of all
/// pairs would take the day's allowance for them.
fn cheaply_read(config: &Config) -> Config {
    let mut cheap = config.clone();
    let left_out = config.fields.single_read_fields();
    let is_left_out = |name: &FieldName| left_out.contains(&name);
    cheap.fields.0.retain(|entry| !is_left_out(&entry.prospect));
    cheap
}

/// The pairs with both records as the worker would see them; what is not compared is not in the base.
async fn read_pairs(
    sides: &Sides,
    cheap: &Config,
    config: &Config,
    links: Vec<Link>,
) -> Result<Vec<Pair>, ServiceError> {
    let crm_ids: BTreeSet<CrmId> = links.iter().filter_map(|l| l.crm_id.clone()).collect();
    let prospect_ids: BTreeSet<ProspectId> = links.iter().filter_map(|l| l.prospect_id).collect();
    let (crm, prospects) = futures::join!(
        read_crm(sides, cheap, crm_ids),
        read_prospects(sides, cheap, prospect_ids)
    );
    let (crm, prospects) = (crm?, prospects?);
    let left_out = config.fields.single_read_fields();
    let pairs = links.into_iter().map(|mut link| {
        link.base.retain(|field, _| !left_out.contains(&field));
        Pair {
            cause: Cause::Reconcile,
            is_prospect_hinted: false,
            crm: side_of(link.crm_id.as_ref(), &crm),
            prospect: side_of(link.prospect_id.as_ref(), &prospects),
            link,
            crm_by_email: Candidates::NotRead,
            crm_by_key: Candidates::NotRead,
            prospects_by_email: Candidates::NotRead,
            created: Created::NotRead,
            native: Native::NotRead,
        }
    });
    Ok(pairs.collect())
}

async fn read_crm(
    sides: &Sides,
    config: &Config,
    ids: BTreeSet<CrmId>,
) -> Result<BTreeMap<CrmId, Side<CrmRecord>>, ServiceError> {
    let ids: Vec<CrmId> = ids.into_iter().collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    sides.crm.read(config, &ids).await
}

async fn read_prospects(
    sides: &Sides,
    config: &Config,
    ids: BTreeSet<ProspectId>,
) -> Result<BTreeMap<ProspectId, Side<ProspectRecord>>, ServiceError> {
    let ids: Vec<ProspectId> = ids.into_iter().collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    sides.marketing.read(config, &ids).await
}

fn side_of<Id: Ord, R: Clone>(id: Option<&Id>, read: &BTreeMap<Id, Side<R>>) -> Side<R> {
    id.map_or(Side::Unlinked, |id| {
        read.get(id).cloned().unwrap_or(Side::Missing)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `None`: both records are read.
    #[test]
    fn the_row_alone_tells_of_a_pair_under_lease_and_of_one_that_nobody_goes_on_with() {
        let unit = "0Uv000000000001CAA".parse().expect("an id");
        let now = Timestamp::constant(1_790_000_000, 0);
        let lease = |minutes| Some(now + SignedDuration::from_mins(minutes));
        let link = Link {
            state: LinkState::Linked,
            ..Link::new(unit, "p:1".parse().expect("a key"))
        };
        for (state, lease_until, verdict) in [
            (LinkState::Linked, None, None),
            (LinkState::Linked, lease(1), Some(Verdict::InFlight)),
            (LinkState::Linked, lease(-1), None),
            (LinkState::Pending, None, Some(Verdict::Overdue)),
        ] {
            let told = format!("{state:?} {lease_until:?}");
            let link = Link {
                state,
                lease_until,
                ..link.clone()
            };
            assert_eq!(by_row(&link, now), verdict, "{told}");
        }
    }
}
