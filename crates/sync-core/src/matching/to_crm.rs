//! Table M: from a prospect without link to its lead or contact.

use crate::config::Mode;
use crate::decision::{HoldReason, ReadMore, SkipReason};
use crate::ids::{CrmId, CrmObject};
use crate::link::IntentKind;
use crate::matching::candidates::choose;
use crate::pair::{Belongs, Candidate, Candidates, Context, Native, Pair};
use crate::record::{CrmRecord, NativeCrmId, ProspectRecord, ShownCrmId, Side};
use crate::trace::Trace;

/// What M2 says, in the words of the vendor's screen.
const PREVIOUSLY_DELETED: &str = "previously been deleted in your CRM and will not be resynced";

/// What table M says about a prospect.
#[derive(Debug, Clone, PartialEq)]
pub enum CrmMatch<'a> {
    /// It belongs to this record.
    Record(&'a CrmRecord),
    /// No record is its partner: on to table C.
    NoMatch,
    /// It does not sync.
    Skip(SkipReason),
    /// The record that was created for it was deleted before the link knew of it (R52).
    Deleted(CrmId),
    /// It waits.
    Hold(HoldReason),
    /// M7: its record is there and the connector user may not see it; never create a second one.
    NoAccess(CrmId),
    /// Look these up first.
    ReadMore(Vec<ReadMore>),
    /// A record with its address is at work: whether a prospect was created for it is not known yet.
    NotYet,
}

/// Applies table M.
pub fn match_prospect<'a>(
    pair: &'a Pair,
    prospect: &ProspectRecord,
    context: Context<'_>,
    trace: &mut Trace,
) -> CrmMatch<'a> {
    if let Some(reason) = switched_off(prospect, trace) {
        return CrmMatch::Skip(reason);
    }
    if let Some(found) = own_unfinished_create(pair, trace) {
        return found;
    }
    if prospect.shown_crm_id == ShownCrmId::CrmDeleted {
        trace.note("M2", PREVIOUSLY_DELETED);
        return CrmMatch::Skip(SkipReason::PreviouslyDeleted);
    }
    if let NativeCrmId::Record(id) = &prospect.native_crm_id {
        match &pair.native {
            Native::NotRead => return CrmMatch::ReadMore(vec![ReadMore::Crm(id.clone())]),
            Native::Read {
                side,
                belongs: Belongs::ToNobody,
            } => {
                if let Some(found) = by_native_id(id, side, trace) {
                    return found;
                }
            }
            Native::Read { side, belongs }
                if side.present().is_some_and(|crm| crm.converted.is_none())
                    && pair.waits_for(*belongs) =>
            {
                return CrmMatch::NotYet;
            }
            Native::Read { .. } => {
                trace.note_rejecting(
                    "R17",
                    "the CRM ID it shows belongs to another prospect",
                    vec![id.clone()],
                );
            }
        }
    }
    by_email(pair, prospect, context, trace)
}

/// M6, and M2 for who asked by hand.
pub(crate) fn note_not_recreated(pair: &Pair, trace: &mut Trace) {
    trace.note("M6", "the record was deleted: not recreated");
    if pair.cause.is_manual() {
        trace.note("M2", PREVIOUSLY_DELETED);
    }
}

/// C3, M1 and M2: whether the prospect's CRM ID field says that it must not sync.
pub(crate) fn switched_off(prospect: &ProspectRecord, trace: &mut Trace) -> Option<SkipReason> {
    match &prospect.native_crm_id {
        NativeCrmId::Ignore => {
            trace.note("M1", "CRM sync is switched off for this prospect");
            Some(SkipReason::SyncDisabled)
        }
        NativeCrmId::CrmDeleted => {
            trace.note("M2", PREVIOUSLY_DELETED);
            Some(SkipReason::PreviouslyDeleted)
        }
        NativeCrmId::None | NativeCrmId::Record(_) => None,
    }
}

/// A create that was begun and not finished: the record that carries our key is the partner. A deleted one is looked
/// for too, because the create may be forgotten by now.
fn own_unfinished_create<'a>(pair: &'a Pair, trace: &mut Trace) -> Option<CrmMatch<'a>> {
    let may_be_there = pair
        .link
        .intent
        .as_ref()
        .is_some_and(|i| i.kind == IntentKind::CreateCrm)
        || pair.link.is_crm_deleted
        || matches!(pair.crm, Side::Deleted { .. });
    match &pair.crm_by_key {
        Candidates::NotRead if may_be_there => Some(CrmMatch::ReadMore(vec![ReadMore::CrmByKey(
            pair.link.key.clone(),
        )])),
        Candidates::NotRead => None,
        Candidates::Found(found)
            if found.is_empty() && matches!(pair.crm, Side::Deleted { .. }) =>
        {
            note_not_recreated(pair, trace);
            Some(CrmMatch::Skip(SkipReason::CrmDeleted))
        }
        Candidates::Found(found) => live_first(found).map(|candidate| {
            if candidate.record.merged_into.is_some() {
                trace.note(
                    "M5",
                    "the record that this connector created for it lost a merge",
                );
                return CrmMatch::Hold(HoldReason::CrmRecordMerged);
            }
            if candidate.record.is_deleted {
                trace.note(
                    "M6",
                    "the record that this connector created for it was deleted",
                );
                return CrmMatch::Deleted(candidate.record.id.clone());
            }
            if candidate.record.converted.is_some() {
                trace.note(
                    "M4",
                    "the lead that this connector created for it was converted",
                );
                return CrmMatch::Hold(HoldReason::LeadConverted);
            }
            trace.note(
                "N9",
                "linked to the record that this connector had already created for it",
            );
            CrmMatch::Record(&candidate.record)
        }),
    }
}

/// A key is unique among the records that are not in the recycle bin.
fn live_first(found: &[Candidate<CrmRecord>]) -> Option<&Candidate<CrmRecord>> {
    found.iter().min_by_key(|found| found.record.is_deleted)
}

fn by_native_id<'a>(
    id: &CrmId,
    side: &'a Side<CrmRecord>,
    trace: &mut Trace,
) -> Option<CrmMatch<'a>> {
    match side {
        Side::Present(record) if record.converted.is_some() => {
            trace.note("M4", "the lead it is linked to was converted");
            Some(CrmMatch::Hold(HoldReason::LeadConverted))
        }
        Side::Present(record) => {
            trace.note("M3", "linked by the CRM ID that the prospect shows");
            Some(CrmMatch::Record(record))
        }
        Side::Deleted {
            merged_into: Some(_),
        } => {
            trace.note("M5", "the record behind its CRM ID lost a merge");
            Some(CrmMatch::Hold(HoldReason::CrmRecordMerged))
        }
        Side::Deleted { merged_into: None } => {
            trace.note(
                "M6",
                "the record behind its CRM ID was deleted: not recreated",
            );
            Some(CrmMatch::Skip(SkipReason::CrmDeleted))
        }
        Side::Missing => {
            trace.note(
                "M7",
                "the record behind its CRM ID is not visible to the connector user",
            );
            Some(CrmMatch::NoAccess(id.clone()))
        }
        Side::Unlinked => None,
    }
}

fn by_email<'a>(
    pair: &'a Pair,
    prospect: &ProspectRecord,
    context: Context<'_>,
    trace: &mut Trace,
) -> CrmMatch<'a> {
    let mode = context.config.mode;
    if mode == Mode::Ampsea && !context.config.settings.match_by_email {
        trace.note(
            "M9",
            "no CRM ID, and records are not matched by e-mail address",
        );
        return CrmMatch::NoMatch;
    }
    let Some(email) = &prospect.email else {
        return CrmMatch::NoMatch;
    };
    let Candidates::Found(found) = &pair.crm_by_email else {
        return CrmMatch::ReadMore(vec![ReadMore::CrmByEmail(email.clone())]);
    };
    let Some(choice) = choose(found) else {
        let is_live = |candidate: &&Candidate<CrmRecord>| candidate.record.converted.is_none();
        let mut live = found.iter().filter(is_live);
        if live.any(|candidate| pair.waits_for(candidate.belongs)) {
            return CrmMatch::NotYet;
        }
        note_no_match(
            mode,
            found.iter().map(|c| c.record.id.clone()).collect(),
            trace,
        );
        return CrmMatch::NoMatch;
    };
    let is_contact = choice.record.id.object() == CrmObject::Contact;
    let rule = match (mode, is_contact, choice.rejected.is_empty()) {
        (Mode::Ampsea, _, true) => "M11",
        (Mode::Ampsea, _, false) => "M12",
        (Mode::NonAmpsea, true, _) => "M14",
        (Mode::NonAmpsea, false, _) => "M15",
    };
    trace.note_rejecting(rule, choice.by.said(), choice.rejected);
    CrmMatch::Record(choice.record)
}

fn note_no_match(mode: Mode, taken: Vec<CrmId>, trace: &mut Trace) {
    match (mode, taken.is_empty()) {
        (Mode::Ampsea, true) => trace.note("M10", "no record with this e-mail address"),
        (Mode::NonAmpsea, true) => trace.note("M16", "no record with this e-mail address"),
        (_, false) => trace.note_rejecting(
            "M13",
            "every record with this e-mail address is converted or belongs to another prospect",
            taken,
        ),
    }
}
