//! The orchestrator: guard, look at both sides, match, create or update. It holds no rule of a table.

use jiff::Timestamp;

use crate::coerce::{CoercionError, Service};
use crate::config::{Config, ConnectorRow, ConnectorState, Direction};
use crate::decision::{
    CrmFields, Decision, HoldReason, Outcome, Problem, ProspectFields, SkipReason,
};
use crate::error::ErrorClass;
use crate::fence::{is_fenced, is_outrun, is_stale, is_too_fresh, seems_moved};
use crate::ids::CrmId;
use crate::key::{PairKey, RecordRef};
use crate::lifecycle::{lifecycle, recycled, retire};
use crate::link::LinkState;
use crate::matching::{CrmMatch, ProspectMatch, match_crm_record, match_prospect, switched_off};
use crate::merge::{Bases, merge, new_crm_fields, new_prospect_fields, values_after_create};
use crate::pair::{Context, Pair};
use crate::put_back::does_not_stay;
use crate::record::{CrmRecord, ProspectRecord, ShownCrmId, Side, Values};
use crate::trace::Trace;

/// Decides what to do about a pair. Total, pure, and the same for the same arguments.
pub fn decide(pair: &Pair, context: Context<'_>) -> Decision {
    if let Some(decision) = decide_unread(pair, context.config, context.connector, context.read_at)
    {
        return decision;
    }
    let mut trace = Trace::default();
    if context.connector.state == ConnectorState::Paused {
        trace.note("R8", "the connector is paused; a manual sync goes on");
    }
    if is_outrun(&pair.link, context) || seems_moved(pair, context) {
        return unwritten(Outcome::NotYet, trace);
    }
    if let Some(outcome) = lifecycle(pair, context, &mut trace) {
        return unwritten(outcome, trace);
    }
    if let Side::Present(prospect) = &pair.prospect
        && is_stale(pair, prospect, context)
    {
        return unwritten(Outcome::NotYet, trace);
    }
    match (&pair.crm, &pair.prospect) {
        (Side::Present(crm), Side::Present(prospect)) => {
            update(pair, crm, prospect, context, trace)
        }
        (_, Side::Present(prospect)) => from_prospect(pair, prospect, context, trace),
        (Side::Present(crm), _) => from_crm(pair, crm, context, trace),
        (_, _) => unwritten(Outcome::NotYet, trace),
    }
}

/// What can be decided before anything is read: C1, C2, a used-up allowance, and the fence around a write that may still
/// be on its way. `None` means: read both sides and call [`decide`].
#[must_use]
pub fn decide_unread(
    pair: &Pair,
    config: &Config,
    connector: &ConnectorRow,
    now: Timestamp,
) -> Option<Decision> {
    let mut trace = Trace::default();
    let outcome = if is_fenced(pair, config, now) {
        Outcome::NotYet
    } else {
        match &connector.state {
            ConnectorState::AuthFailed(_) => {
                trace.note(
                    "C1",
                    "the connector cannot log in; held until it is activated again",
                );
                Outcome::Hold(HoldReason::AuthFailed)
            }
            ConnectorState::Paused if !pair.cause.is_manual() => {
                trace.note("C2", "the connector is paused; held until it is activated");
                Outcome::Hold(HoldReason::Paused)
            }
            ConnectorState::Active | ConnectorState::Paused => {
                let used_up = connector.used_up_at(now)?;
                let rule = match used_up.service {
                    Service::Salesforce => "A2",
                    Service::AccountEngagement => "K5",
                };
                trace.note(rule, "the allowance of calls is used up; held until then");
                Outcome::Hold(HoldReason::QuotaUsedUp)
            }
        }
    };
    Some(unwritten(outcome, trace))
}

pub(crate) fn no_access(crm: Option<&CrmId>) -> Problem {
    let record = crm.map_or_else(String::new, |id| format!("{} {id}", id.object()));
    Problem {
        code: "ACCESS".to_owned(),
        class: ErrorClass::Schema,
        fields: Vec::new(),
        message: format!(
            "{record} is not visible to the connector user; share the record with that user, \
             or, if it was deleted for good, delete the prospect"
        ),
    }
}

/// R96: a value that does not fit its type stops every write of the pair, a match found by e-mail
/// address included; otherwise the field would look blank and be overwritten.
fn unreadable(
    of_crm: &[CoercionError],
    of_prospect: &[CoercionError],
    trace: &mut Trace,
) -> Option<Outcome> {
    let problems: Vec<&CoercionError> = of_crm.iter().chain(of_prospect).collect();
    let first = problems.first()?;
    trace.note("R96", "a value does not fit its type: nothing is written");
    Some(Outcome::Park(Problem {
        code: "TYPE".to_owned(),
        class: ErrorClass::Record,
        fields: problems
            .iter()
            .map(|problem| problem.field.clone())
            .collect(),
        message: first.to_string(),
    }))
}

fn unwritten(outcome: Outcome, trace: Trace) -> Decision {
    Decision {
        outcome,
        trace,
        merged: Values::new(),
        agreed: Values::new(),
        config_version: 0,
    }
}

fn from_prospect(
    pair: &Pair,
    prospect: &ProspectRecord,
    context: Context<'_>,
    mut trace: Trace,
) -> Decision {
    let outcome = match match_prospect(pair, prospect, context, &mut trace) {
        CrmMatch::Record(crm) => return update(pair, crm, prospect, context, trace),
        CrmMatch::NoMatch => return create_crm(pair, prospect, context, trace),
        CrmMatch::Skip(reason) => Outcome::Skip(reason),
        CrmMatch::Deleted(crm) => retire(pair, (crm, prospect), context, &mut trace),
        CrmMatch::Hold(reason) => Outcome::Hold(reason),
        CrmMatch::NoAccess(id) => Outcome::Park(no_access(Some(&id))),
        CrmMatch::ReadMore(plan) => Outcome::ReadMore(plan),
        CrmMatch::NotYet => Outcome::NotYet,
    };
    unwritten(outcome, trace)
}

/// Table C without match: create for an assigned prospect with an address, else skip.
fn create_crm(
    pair: &Pair,
    prospect: &ProspectRecord,
    context: Context<'_>,
    mut trace: Trace,
) -> Decision {
    let skip = |reason, trace| unwritten(Outcome::Skip(reason), trace);
    if prospect.email.is_none() {
        trace.note("C4", "an e-mail address is always required for syncing");
        return skip(SkipReason::NoEmail, trace);
    }
    let Some(user) = prospect.assigned_to else {
        trace.note(
            "C7",
            "unassigned and without match: never creates a record (R41)",
        );
        return skip(SkipReason::UnassignedNoMatch, trace);
    };
    if let Some(outcome) = unreadable(&[], &prospect.unreadable, &mut trace) {
        return unwritten(outcome, trace);
    }
    let object = context.config.settings.create_as;
    let owner = context.users.salesforce_user(user).cloned();
    trace.note(
        "C6",
        format!("assigned and without match: a {object} is created (R40)"),
    );
    if owner.is_none() {
        trace.note(
            "R100",
            "the assigned user has no Salesforce user: owned by the connector user",
        );
    }
    let fields = CrmFields {
        fields: new_crm_fields(context.config, object, prospect),
        key: Some(pair.link.key.clone()),
        owner,
    };
    let merged = values_after_create(
        context.config,
        object,
        &prospect.values,
        Direction::ToProspect,
    );
    Decision {
        outcome: Outcome::CreateCrm { object, fields },
        trace,
        merged,
        agreed: Values::new(),
        config_version: context.connector.config_version,
    }
}

fn from_crm(pair: &Pair, crm: &CrmRecord, context: Context<'_>, mut trace: Trace) -> Decision {
    let outcome = match match_crm_record(pair, crm, context, &mut trace) {
        ProspectMatch::Prospect(prospect) => return update(pair, crm, prospect, context, trace),
        ProspectMatch::Create => return create_prospect(pair, crm, context, trace),
        ProspectMatch::Skip(reason) => Outcome::Skip(reason),
        ProspectMatch::Recycled(prospect) => recycled(pair, (crm, prospect), &mut trace),
        ProspectMatch::ReadMore(plan) => Outcome::ReadMore(plan),
        ProspectMatch::NotYet => Outcome::NotYet,
    };
    unwritten(outcome, trace)
}

fn create_prospect(
    pair: &Pair,
    crm: &CrmRecord,
    context: Context<'_>,
    mut trace: Trace,
) -> Decision {
    let config = context.config;
    if let Some(outcome) = unreadable(&crm.unreadable, &[], &mut trace) {
        return unwritten(outcome, trace);
    }
    note_unmapped_owner(crm, context, &mut trace);
    let fields = ProspectFields {
        fields: new_prospect_fields(config, crm),
        key: Some(pair.link.key.clone()),
        crm_id: mirror(config, crm),
        marks_crm_deleted: false,
        assigned_to: owner_for_prospect(crm, None, context),
        campaign: Some(config.settings.default_campaign_id),
    };
    let object = crm.id.object();
    let merged = values_after_create(config, object, &crm.values, Direction::ToSalesforce);
    Decision {
        outcome: Outcome::CreateProspect { fields },
        trace,
        merged,
        agreed: Values::new(),
        config_version: context.connector.config_version,
    }
}

/// The CRM ID goes into the field that shows it to marketers, when there is one.
fn mirror(config: &Config, crm: &CrmRecord) -> Option<CrmId> {
    config
        .account_engagement
        .crm_id_field
        .as_ref()
        .map(|_| crm.id.clone())
}

/// R101: the Salesforce owner is always right; R102: an unmapped owner changes nothing.
fn owner_for_prospect(
    crm: &CrmRecord,
    assigned_to: Option<u64>,
    context: Context<'_>,
) -> Option<u64> {
    if !context.config.settings.sync_owner {
        return None;
    }
    let owner = crm
        .owner
        .as_ref()
        .filter(|owner| *owner != context.connector_user)?;
    context
        .users
        .account_engagement_user(owner)
        .filter(|user| assigned_to != Some(*user))
}

/// R102: an owner who is no mapped user is worth a warning, never an error.
fn note_unmapped_owner(crm: &CrmRecord, context: Context<'_>, trace: &mut Trace) {
    let owner = crm
        .owner
        .as_ref()
        .filter(|owner| *owner != context.connector_user);
    let is_unmapped =
        owner.is_some_and(|owner| context.users.account_engagement_user(owner).is_none());
    if context.config.settings.sync_owner && is_unmapped {
        trace.note(
            "R102",
            "the Salesforce owner is no mapped user: the assigned user stays as it is",
        );
    }
}

/// Both records are known: merge, and link them if they are not linked yet.
fn update(
    pair: &Pair,
    crm: &CrmRecord,
    prospect: &ProspectRecord,
    context: Context<'_>,
    mut trace: Trace,
) -> Decision {
    let link = &pair.link;
    let config = context.config;
    let is_new = !link.is_complete();
    if let Some(reason) = switched_off(prospect, &mut trace) {
        return unwritten(Outcome::Skip(reason), trace);
    }
    if !is_new {
        trace.note("M3", "linked: the pair is kept in step");
    }
    if let Some(outcome) = unreadable(&crm.unreadable, &prospect.unreadable, &mut trace) {
        return unwritten(outcome, trace);
    }
    note_unmapped_owner(crm, context, &mut trace);
    let bases = Bases::of_pair(context, link, crm, prospect);
    let merged = merge(config, &bases, crm, prospect);
    trace.fields = merged.fields;
    // The record that the pair began with need not carry its key, but none from an earlier pair (R54).
    let is_own = |carried: &Option<PairKey>| carried.as_ref() == Some(&link.key);
    let is_no_other = |carried: &Option<PairKey>| carried.is_none() || is_own(carried);
    let (crm_carries_key, prospect_carries_key) = match link.key.origin() {
        RecordRef::Crm(_) => (is_no_other(&crm.key), is_own(&prospect.key)),
        RecordRef::Prospect(_) => (is_own(&crm.key), is_no_other(&prospect.key)),
    };
    let to_crm = CrmFields {
        fields: merged.to_crm,
        key: (!crm_carries_key).then(|| link.key.clone()),
        owner: None,
    };
    if is_too_fresh(crm, &to_crm, context) {
        return unwritten(Outcome::NotYet, trace);
    }
    let to_prospect = ProspectFields {
        fields: merged.to_prospect,
        key: (!prospect_carries_key).then(|| link.key.clone()),
        crm_id: mirror(config, crm)
            .filter(|id| prospect.shown_crm_id != ShownCrmId::Record(id.clone())),
        marks_crm_deleted: false,
        assigned_to: owner_for_prospect(crm, prospect.assigned_to, context),
        campaign: None,
    };
    if to_prospect.assigned_to.is_some() {
        trace.note(
            "R101",
            "the Salesforce owner becomes the prospect's assigned user",
        );
    }
    let is_agreed_already = *bases.agreed == merged.merged;
    let is_settled = !is_new
        && link.state == LinkState::Linked
        && link.intent.is_none()
        && !link.has_open_error
        && is_agreed_already;
    let writes = (&to_crm, &to_prospect);
    if let Some(problem) = does_not_stay(pair, is_agreed_already, writes, context) {
        trace.note(
            "R129",
            "put back again and again: it waits for somebody to look",
        );
        return unwritten(Outcome::Park(problem), trace);
    }
    let outcome = if to_crm.is_empty() && to_prospect.is_empty() && is_settled {
        trace.note("C10", "equal on both sides: nothing is written");
        Outcome::Nothing
    } else {
        Outcome::Update {
            crm: crm.id.clone(),
            prospect: prospect.id,
            to_crm,
            to_prospect,
        }
    };
    Decision {
        outcome,
        trace,
        merged: merged.merged,
        agreed: merged.agreed,
        config_version: context.connector.config_version,
    }
}
