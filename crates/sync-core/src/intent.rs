//! From a decision to the row that is stored before anything is written (reliability 2.2, step 5).

use jiff::Timestamp;

use crate::conflict;
use crate::decision::{Decision, Outcome};
use crate::ids::{CrmId, ProspectId};
use crate::link::{Intent, IntentKind, Lifecycle, Link, Plan};
use crate::pair::Pair;
use crate::record::Values;

/// The longest token that the token fields hold.
const TOKEN_LENGTH: usize = 40;

/// The sync token of the next write to a pair: no other attempt of any pair has the same, because a run stores
/// a row of one version at most once. Pair and version go first: where it is too long, the run is cut.
#[must_use]
pub fn sync_token(run: &str, link: &Link) -> String {
    let letters = |text: &str| -> String {
        let letters = text.chars().filter(char::is_ascii_alphanumeric);
        letters.collect()
    };
    let pair = letters(&link.key.row().to_string());
    let token = format!("{pair}.{}.{}", link.version, letters(run));
    token.chars().take(TOKEN_LENGTH).collect()
}

/// The row with intent and lease; `None` when the decision writes to neither service.
#[must_use]
pub fn intend(
    pair: &Pair,
    decision: &Decision,
    token: String,
    (now, lease_until): (Timestamp, Timestamp),
) -> Option<Link> {
    if let Some((lifecycle, crm, prospect)) = lifecycle(&decision.outcome) {
        let begun = intend_lifecycle(pair, decision, (lifecycle, token), (now, lease_until));
        return Some(Link {
            crm_id: Some(crm.clone()),
            prospect_id: Some(prospect),
            ..begun
        });
    }
    let (kind, writes_prospect) = what_is_written(&decision.outcome)?;
    let (crm, prospect) = (pair.crm_of(decision), pair.prospect_of(decision));
    let target = decision.merged.clone();
    let seen = |values: &Values| {
        let others = target
            .iter()
            .filter_map(|(field, value)| Some((field, values.get(field)?, value)))
            .filter(|(_, seen, value)| seen != value);
        others
            .map(|(field, seen, _)| (field.clone(), seen.clone()))
            .collect::<Values>()
    };
    let plan = Plan {
        salesforce: crm.map(|record| seen(&record.values)),
        account_engagement: prospect.map(|record| seen(&record.values)),
        target: target.clone(),
    };
    // Matched records are the pair's from the first write on: should one be deleted before the commit,
    // it was deleted, and never gets a second partner (R52, R56).
    let (crm_id, prospect_id) = match &decision.outcome {
        Outcome::Update { crm, prospect, .. } => (Some(crm.clone()), Some(*prospect)),
        _ => (pair.link.crm_id.clone(), pair.link.prospect_id),
    };
    let (base, base_version) = match kind {
        IntentKind::Update => (decision.agreed.clone(), decision.config_version),
        IntentKind::CreateCrm | IntentKind::CreateProspect => {
            (pair.link.base.clone(), pair.link.base_version)
        }
    };
    let mut link = Link {
        crm_id,
        prospect_id,
        base,
        base_version,
        // A pair that comes back is one again from the first write on: should its record be deleted
        // before the commit, the prospect is retired anew (R52).
        is_crm_deleted: false,
        intent: Some(Intent {
            id: token,
            kind,
            lifecycle: None,
            at: now,
            writes_prospect,
            config_version: decision.config_version,
            plan: Some(plan),
        }),
        lease_until: Some(lease_until),
        last_trace: Some(decision.trace.clone().after(&pair.link)),
        conflicts: conflict::keep(&pair.link.conflicts, &decision.trace, now),
        ..pair.link.clone()
    };
    link.see(prospect, now);
    Some(link)
}

/// What moves, and the records of the pair: a prospect whose creation nobody saw is known by id from now
/// on, because the intent does not tell any more when its create was begun.
fn lifecycle(outcome: &Outcome) -> Option<(Lifecycle, &CrmId, ProspectId)> {
    match outcome {
        Outcome::Retire {
            crm,
            prospect,
            recycles,
            ..
        } => {
            let lifecycle = if *recycles {
                Lifecycle::Retire
            } else {
                Lifecycle::Mark
            };
            Some((lifecycle, crm, *prospect))
        }
        Outcome::Restore { crm, prospect } => Some((Lifecycle::Restore, crm, *prospect)),
        _ => None,
    }
}

/// Retiring, marking and restoring write no mapped field and no token. An open write that is still to be
/// classified keeps its plan and its token, so that it can be once both records are back.
fn intend_lifecycle(
    pair: &Pair,
    decision: &Decision,
    (lifecycle, token): (Lifecycle, String),
    (now, lease_until): (Timestamp, Timestamp),
) -> Link {
    let fresh = Intent {
        id: token,
        kind: IntentKind::Update,
        lifecycle: None,
        at: now,
        writes_prospect: true,
        config_version: decision.config_version,
        plan: None,
    };
    let open = pair.link.intent.clone();
    let intent = open.filter(|open| open.plan.is_some()).unwrap_or(fresh);
    Link {
        intent: Some(Intent {
            lifecycle: Some(lifecycle),
            at: now,
            writes_prospect: true,
            ..intent
        }),
        // What is begun is owed until it is done, also when it is refused. A retirement of which only the
        // intent knew is known by the row from now on (R53); one that has to be made again is not settled
        // any more (R52).
        is_crm_deleted: match lifecycle {
            Lifecycle::Retire => false,
            Lifecycle::Restore => pair.link.is_crm_deleted || pair.link.is_moving(),
            Lifecycle::Mark => pair.link.is_crm_deleted,
        },
        lease_until: Some(lease_until),
        last_trace: Some(decision.trace.clone().after(&pair.link)),
        ..pair.link.clone()
    }
}

fn what_is_written(outcome: &Outcome) -> Option<(IntentKind, bool)> {
    match outcome {
        Outcome::Update {
            to_crm,
            to_prospect,
            ..
        } => {
            let writes_prospect = !to_prospect.is_empty();
            (!to_crm.is_empty() || writes_prospect).then_some((IntentKind::Update, writes_prospect))
        }
        Outcome::CreateCrm { .. } => Some((IntentKind::CreateCrm, false)),
        Outcome::CreateProspect { .. } => Some((IntentKind::CreateProspect, true)),
        Outcome::Retire { .. }
        | Outcome::Restore { .. }
        | Outcome::Part
        | Outcome::Nothing
        | Outcome::Skip(_)
        | Outcome::Hold(_)
        | Outcome::Park(_)
        | Outcome::ReadMore(_)
        | Outcome::NotYet => None,
    }
}
