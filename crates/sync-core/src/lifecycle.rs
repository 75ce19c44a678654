//! Records that were deleted, purged, merged or converted, and what follows for the other side (R52 to
//! R57, table M rows M4 to M7).

use crate::config::Mode;
use crate::decide::no_access;
use crate::decision::{HoldReason, Outcome, ReadMore, SkipReason};
use crate::fence::is_older_than_move;
use crate::hint::Cause;
use crate::ids::{CrmId, ProspectId};
use crate::key::RecordRef;
use crate::link::IntentKind;
use crate::matching::{note_not_recreated, switched_off};
use crate::pair::{Candidates, Carrier, Context, Created, Pair};
use crate::record::{CrmRecord, NativeCrmId, ProspectRecord, ShownCrmId, Side};
use crate::trace::Trace;

/// M7, by which an open error is known to wait for access.
const NO_ACCESS: &str = "M7";
const NEITHER_IS_THERE: &str = "neither the record nor the prospect is there";
const IN_RECYCLE_BIN: &str = "the prospect is in the recycle bin";

/// What the state of the records decides by itself; `None` when both sides can be compared or matched.
pub(crate) fn lifecycle(pair: &Pair, context: Context<'_>, trace: &mut Trace) -> Option<Outcome> {
    match &pair.crm {
        Side::Deleted {
            merged_into: Some(_),
        } if is_linked(pair) => Some(merged(trace)),
        // The record that was created for it was deleted: its key finds it.
        Side::Deleted { .. } if was_created_for_it(pair) => None,
        Side::Deleted { .. } if is_linked(pair) => Some(crm_deleted(pair, context, trace)),
        Side::Missing if is_linked(pair) => Some(crm_missing(pair, context, trace)),
        Side::Deleted { .. } => Some(before_linked(pair, context, trace)),
        Side::Missing if known_crm(pair).is_some() => Some(before_linked(pair, context, trace)),
        Side::Present(crm) if crm.converted.is_some() => Some(converted(pair, crm, trace)),
        Side::Present(crm) => prospect_gone(pair, crm, trace),
        Side::Missing | Side::Unlinked => never_linked(pair, trace),
    }
}

/// Whether the pair ever had both records: by its link, or by the key that the prospect carries when
/// the link did not live to know it.
fn is_linked(pair: &Pair) -> bool {
    let carries_key = |prospect: &ProspectRecord| prospect.key.as_ref() == Some(&pair.link.key);
    pair.link.is_complete() || pair.prospect.present().is_some_and(carries_key)
}

/// Whether nothing but the key can have led the record to the prospect: whoever created it did not live to say so.
fn was_created_for_it(pair: &Pair) -> bool {
    let begins_with_prospect = matches!(pair.link.key.origin(), RecordRef::Prospect(_));
    begins_with_prospect && !pair.link.is_complete() && pair.prospect.present().is_some()
}

fn merged(trace: &mut Trace) -> Outcome {
    trace.note("M5", "the record lost a merge");
    Outcome::Hold(HoldReason::CrmRecordMerged)
}

fn crm_deleted(pair: &Pair, context: Context<'_>, trace: &mut Trace) -> Outcome {
    let Some(prospect) = pair.prospect.present() else {
        return not_recreated(pair, trace);
    };
    if let Some(outcome) = released(pair, prospect, context, trace) {
        return outcome;
    }
    let rests = not_recreated(pair, trace);
    known_crm(pair).map_or(rests, |crm| retire(pair, (crm, prospect), context, trace))
}

fn not_recreated(pair: &Pair, trace: &mut Trace) -> Outcome {
    note_not_recreated(pair, trace);
    Outcome::Skip(SkipReason::CrmDeleted)
}

/// R54: somebody took `[[crm_deleted]]` off a prospect that we had marked. A field that shows a record was written by
/// us, when that came back for a while; and what Account Engagement shows by itself still counts. The prospect is left
/// alone by it: its own message must be there still, or nobody would look at it again.
fn released(
    pair: &Pair,
    prospect: &ProspectRecord,
    context: Context<'_>,
    trace: &mut Trace,
) -> Option<Outcome> {
    let link = &pair.link;
    let native = &prospect.native_crm_id;
    let says_nothing = prospect.shown_crm_id == ShownCrmId::Nothing;
    let says_more = match native {
        NativeCrmId::None => false,
        NativeCrmId::Record(id) => known_crm(pair).as_ref() == Some(id),
        NativeCrmId::CrmDeleted | NativeCrmId::Ignore => true,
    };
    let is_ours = is_marked(pair, context) && link.is_crm_deleted && !link.is_moving();
    if !is_ours || !says_nothing || says_more || !pair.is_prospect_hinted {
        return None;
    }
    if is_older_than_move(link, context) {
        return Some(Outcome::NotYet);
    }
    trace.note(
        "R54",
        "its mark was taken off: the prospect begins again without its deleted record",
    );
    Some(Outcome::Part)
}

/// The field of a prospect that shows its CRM ID, and `[[crm_deleted]]`, where there is one.
fn mirror(context: Context<'_>) -> Option<&String> {
    context.config.account_engagement.crm_id_field.as_ref()
}

/// Whether the prospect was told in the field that counts now.
fn is_marked(pair: &Pair, context: Context<'_>) -> bool {
    let told = pair.link.marked_in.as_ref();
    told.is_some() && told == mirror(context)
}

/// The record is gone and its pair is not linked. A prospect that was being created for it is looked for: it is
/// retired with a record that was deleted (R52), held with one that lost a merge (M5), and waits for access to one
/// that is out of sight (M7).
fn before_linked(pair: &Pair, context: Context<'_>, trace: &mut Trace) -> Outcome {
    let (spellings, Some(crm)) = (pair.spellings(), known_crm(pair)) else {
        return not_recreated(pair, trace);
    };
    let is_out_of_sight = pair.crm == Side::Missing;
    let is_merged = matches!(
        pair.crm,
        Side::Deleted {
            merged_into: Some(_)
        }
    );
    if pair.prospects_by_email == Candidates::NotRead && !spellings.is_empty() {
        let look_ups = spellings.into_iter().map(ReadMore::ProspectsByEmail);
        return Outcome::ReadMore(look_ups.collect());
    }
    match (pair.carrier(), &pair.created) {
        (Some(Carrier::Present(_)), _) if is_out_of_sight => crm_missing(pair, context, trace),
        (Some(Carrier::Present(_)), _) if is_merged => merged(trace),
        (Some(Carrier::Present(prospect)), _) => retire(pair, (crm, prospect), context, trace),
        (Some(Carrier::Recycled(_)), _) if is_out_of_sight => {
            trace.note("R57", NEITHER_IS_THERE);
            Outcome::Skip(SkipReason::ProspectDeleted)
        }
        (Some(Carrier::Recycled(_)), _) => not_recreated(pair, trace),
        (None, Created::NotRead) if let Some(look_for) = pair.look_for_created() => {
            Outcome::ReadMore(vec![look_for])
        }
        // What its prospect said of it may not be asked again.
        (None, _) if is_out_of_sight && waits_for_access(pair) => crm_missing(pair, context, trace),
        (None, _) if is_out_of_sight => not_visible(trace),
        (None, _) => deleted_unlinked(trace),
    }
}

/// Whether the open error of the pair says that its record is not visible.
fn waits_for_access(pair: &Pair) -> bool {
    let told = pair.link.last_trace.as_ref();
    let last = told.and_then(|trace| trace.rules.last());
    pair.link.has_open_error && last.is_some_and(|last| last.rule.as_str() == NO_ACCESS)
}

fn not_visible(trace: &mut Trace) -> Outcome {
    trace.note("R57", "it cannot be read and has no partner");
    Outcome::Skip(SkipReason::NotVisible)
}

fn deleted_unlinked(trace: &mut Trace) -> Outcome {
    trace.note("R52", "it was deleted before it had a partner");
    Outcome::Skip(SkipReason::DeletedUnlinked)
}

fn known_crm(pair: &Pair) -> Option<CrmId> {
    let of_key = match pair.link.key.origin() {
        RecordRef::Crm(id) => Some(id.clone()),
        RecordRef::Prospect(_) => None,
    };
    pair.link.crm_id.clone().or(of_key)
}

/// R52: the CRM ID field says `[[crm_deleted]]`, and with AMPSEA, or where the setting says so, the
/// prospect goes to the recycle bin, once. R55: one that somebody restored afterwards stays.
pub(crate) fn retire(
    pair: &Pair,
    (crm, prospect): (CrmId, &ProspectRecord),
    context: Context<'_>,
    trace: &mut Trace,
) -> Outcome {
    let was_restored = pair.link.is_crm_deleted && !pair.link.is_moving();
    let config = context.config;
    let is_told = was_restored && is_marked(pair, context);
    let marks = mirror(context).filter(|_| !is_told).cloned();
    let recycles = !was_restored && (config.mode == Mode::Ampsea || config.settings.merge_delete);
    if was_restored {
        trace.note("R55", "the prospect was restored, and does not sync");
    }
    if let Some(reason) = switched_off(prospect, trace)
        && prospect.native_crm_id == NativeCrmId::Ignore
    {
        return Outcome::Skip(reason);
    }
    let said = match (marks.is_some(), recycles) {
        (_, true) => "its record was deleted: the prospect goes to the recycle bin",
        (true, false) => "its record was deleted: the prospect is marked and stays",
        (false, false) => "its record was deleted: the prospect stays as it is",
    };
    if marks.is_some() || !was_restored {
        trace.note("R52", said);
    }
    if marks.is_none() && !recycles {
        return Outcome::Skip(SkipReason::CrmDeleted);
    }
    Outcome::Retire {
        crm,
        prospect: prospect.id,
        marks,
        recycles,
    }
}

/// M7; but a record that was deleted leaves the recycle bin of Salesforce after 15 days, and one whose
/// prospect was deleted first needs nobody's access.
fn crm_missing(pair: &Pair, context: Context<'_>, trace: &mut Trace) -> Outcome {
    if pair.link.is_moving() && pair.link.is_crm_deleted {
        return not_recreated(pair, trace);
    }
    if pair.link.is_crm_deleted {
        return crm_deleted(pair, context, trace);
    }
    if matches!(pair.prospect, Side::Deleted { .. } | Side::Missing) {
        trace.note("R57", NEITHER_IS_THERE);
        return Outcome::Skip(SkipReason::ProspectDeleted);
    }
    trace.note(NO_ACCESS, "the record is not visible to the connector user");
    Outcome::Park(no_access(pair.crm_id()))
}

fn converted(pair: &Pair, crm: &CrmRecord, trace: &mut Trace) -> Outcome {
    // A lead that never had a prospect: its contact is a record of its own.
    if !is_linked(pair) && !carries_key(pair, crm) && pair.link.intent.is_none() {
        trace.note("M4", "the lead was converted before it had a prospect");
        return Outcome::Skip(SkipReason::ConvertedUnlinked);
    }
    trace.note("M4", "the lead was converted");
    Outcome::Hold(HoldReason::LeadConverted)
}

/// The record is there and the prospect is not.
fn prospect_gone(pair: &Pair, crm: &CrmRecord, trace: &mut Trace) -> Option<Outcome> {
    let prospect = pair.link.prospect_id?;
    let is_linked = pair.link.is_complete() || carries_key(pair, crm);
    match &pair.prospect {
        Side::Deleted { .. } if is_linked => Some(recycled(pair, (crm, prospect), trace)),
        Side::Missing if is_linked => Some(purged(trace)),
        Side::Deleted { .. } => {
            trace.note("R56", IN_RECYCLE_BIN);
            Some(Outcome::Skip(SkipReason::ProspectDeleted))
        }
        Side::Missing => {
            trace.note("R57", "the prospect is not there any more");
            Some(Outcome::Skip(SkipReason::ProspectDeleted))
        }
        Side::Present(_) | Side::Unlinked => None,
    }
}

fn carries_key(pair: &Pair, crm: &CrmRecord) -> bool {
    crm.key.as_ref() == Some(&pair.link.key)
}

fn purged(trace: &mut Trace) -> Outcome {
    trace.note("R57", "the prospect is not in the recycle bin any more");
    Outcome::Hold(HoldReason::ProspectPurged)
}

/// R53: the record came back, so its prospect does. R56: a prospect that somebody deleted stays where it
/// is until its record is sent on purpose.
pub(crate) fn recycled(
    pair: &Pair,
    (crm, prospect): (&CrmRecord, ProspectId),
    trace: &mut Trace,
) -> Outcome {
    // A retirement of ours may have landed, or a restore of ours may not.
    let comes_back = pair.link.is_crm_deleted || pair.link.is_moving();
    if comes_back {
        trace.note("R53", "the record was undeleted: the prospect is restored");
    } else if pair.cause == Cause::SendNow {
        trace.note(
            "R56",
            "the record was sent by hand: the prospect is restored",
        );
    } else {
        trace.note("R56", IN_RECYCLE_BIN);
        return Outcome::Skip(SkipReason::ProspectDeleted);
    }
    Outcome::Restore {
        crm: crm.id.clone(),
        prospect,
    }
}

/// The prospect is gone, and no record is known. One that was being created for it may be there by now.
fn never_linked(pair: &Pair, trace: &mut Trace) -> Option<Outcome> {
    let is_gone = matches!(pair.prospect, Side::Deleted { .. } | Side::Missing);
    let prospect = pair.link.prospect_id.filter(|_| is_gone)?;
    let intent = pair.link.intent.as_ref();
    let creates = intent.is_some_and(|intent| intent.kind == IntentKind::CreateCrm);
    let may_be_there = creates || pair.link.is_crm_deleted;
    if may_be_there && pair.crm_by_key == Candidates::NotRead {
        let key = pair.link.key.clone();
        return Some(Outcome::ReadMore(vec![ReadMore::CrmByKey(key)]));
    }
    let is_purged = pair.prospect == Side::Missing;
    let mut created = pair.crm_by_key.records();
    Some(match created.clone().find(|crm| !crm.is_deleted) {
        Some(_) if is_purged => purged(trace),
        Some(crm) => recycled(pair, (crm, prospect), trace),
        // It may come back, and the prospect too: the create is not forgotten.
        None if created.next().is_some() => not_recreated(pair, trace),
        None if is_purged => not_visible(trace),
        None => deleted_unlinked(trace),
    })
}
