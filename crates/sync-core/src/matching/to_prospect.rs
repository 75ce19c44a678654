//! Table N: from a lead or contact without link to its prospect.

use std::cmp::Reverse;

use crate::config::Mode;
use crate::decision::{ReadMore, SkipReason};
use crate::hint::Cause;
use crate::ids::ProspectId;
use crate::link::{IntentKind, LinkState};
use crate::matching::to_crm::switched_off;
use crate::pair::{Belongs, Candidate, Candidates, Carrier, Context, Created, Pair};
use crate::record::{CrmRecord, NativeCrmId, ProspectRecord};
use crate::trace::Trace;

/// What table N says about a lead or contact.
#[derive(Debug, Clone, PartialEq)]
pub enum ProspectMatch<'a> {
    /// It belongs to this prospect.
    Prospect(&'a ProspectRecord),
    /// Its prospect is in the recycle bin, put there before the link knew of it (R56).
    Recycled(ProspectId),
    /// A prospect is to be created for it.
    Create,
    /// It does not sync.
    Skip(SkipReason),
    /// Look these up first.
    ReadMore(Vec<ReadMore>),
    /// A prospect with its address is at work: whether a record was created for it is not known yet.
    NotYet,
}

/// Applies table N.
pub fn match_crm_record<'a>(
    pair: &'a Pair,
    crm: &CrmRecord,
    context: Context<'_>,
    trace: &mut Trace,
) -> ProspectMatch<'a> {
    let Some(email) = &crm.email else {
        trace.note("N1", "no e-mail address yet");
        return ProspectMatch::Skip(SkipReason::NoEmail);
    };
    let look_up = || {
        let look_ups = pair.spellings().into_iter().map(ReadMore::ProspectsByEmail);
        ProspectMatch::ReadMore(look_ups.collect())
    };
    let has_open_create = pair
        .link
        .intent
        .as_ref()
        .is_some_and(|i| i.kind == IntentKind::CreateProspect);
    let found = match &pair.prospects_by_email {
        Candidates::Found(found) => Some(found.iter().collect::<Vec<_>>()),
        Candidates::NotRead => None,
    };
    if has_open_create && found.is_none() {
        return look_up();
    }
    if let Some(created) = created_by_us(pair, trace) {
        return created;
    }
    if let (Created::NotRead, Some(look_for)) = (&pair.created, pair.look_for_created()) {
        return ProspectMatch::ReadMore(vec![look_for]);
    }
    if let Some(reason) = not_created_automatically(pair, crm, context, trace) {
        return ProspectMatch::Skip(reason);
    }
    // N8: a prospect in the recycle bin is nobody's match. Nor is one that was found under the address
    // of an open create.
    let found = found.map(|found| {
        let is_match = |found: &&Candidate<ProspectRecord>| {
            let address = found.record.email.as_ref();
            !found.record.is_deleted && address.is_none_or(|address| address == email)
        };
        found.into_iter().filter(is_match).collect::<Vec<_>>()
    });
    match context.config.mode {
        Mode::Ampsea if !context.config.settings.match_by_email => {
            trace.note("N5", "new record: a prospect with this CRM ID is created");
            ProspectMatch::Create
        }
        mode => found.map_or_else(look_up, |found| {
            let matched = if mode == Mode::Ampsea {
                ampsea
            } else {
                non_ampsea
            }(crm, &found, trace);
            let is_partner = matches!(matched, ProspectMatch::Prospect(_));
            let waits = found
                .iter()
                .any(|candidate| pair.waits_for(candidate.belongs));
            if waits && !is_partner {
                ProspectMatch::NotYet
            } else {
                matched
            }
        }),
    }
}

/// N9: what this connector had already created is linked; in the recycle bin it stays (R56).
fn created_by_us<'a>(pair: &'a Pair, trace: &mut Trace) -> Option<ProspectMatch<'a>> {
    let record = match pair.carrier()? {
        Carrier::Recycled(id) => return Some(ProspectMatch::Recycled(id)),
        Carrier::Present(record) => record,
    };
    trace.note(
        "N9",
        "linked to the prospect that this connector had already created",
    );
    Some(of_prospect(record, trace))
}

/// C3 goes before every link: a prospect that was switched off stays off, whoever finds it.
fn of_prospect<'a>(prospect: &'a ProspectRecord, trace: &mut Trace) -> ProspectMatch<'a> {
    match switched_off(prospect, trace) {
        Some(reason) => ProspectMatch::Skip(reason),
        None => ProspectMatch::Prospect(prospect),
    }
}

/// N2: the prospect that shows this record's CRM ID by itself.
fn by_crm_id<'a>(
    crm: &CrmRecord,
    found: &[&'a Candidate<ProspectRecord>],
    trace: &mut Trace,
) -> Option<&'a ProspectRecord> {
    let shown = NativeCrmId::Record(crm.id.clone());
    let prospect = latest(
        found
            .iter()
            .copied()
            .filter(|candidate| is_free(candidate) && candidate.record.native_crm_id == shown),
    )?;
    trace.note("N2", "linked to the prospect that shows this CRM ID");
    Some(prospect)
}

/// N3 and N10; a person who sends the record on purpose overrides both (R47).
fn not_created_automatically(
    pair: &Pair,
    crm: &CrmRecord,
    context: Context<'_>,
    trace: &mut Trace,
) -> Option<SkipReason> {
    if pair.cause == Cause::SendNow {
        trace.note(
            "R47",
            "sent by hand: created whatever the automatic setting says",
        );
        return None;
    }
    let Some(since) = context.connector.create_prospects_since else {
        trace.note("N3", "prospects are not created automatically");
        return Some(SkipReason::AutoCreateOff);
    };
    // R46: an address that was added later counts as creation.
    let email_was_added =
        pair.link.lacked_email || pair.link.state == LinkState::Skipped(SkipReason::NoEmail);
    if crm.created.as_second() < since.as_second() && !email_was_added {
        trace.note(
            "N10",
            "the record is older than the setting that creates prospects",
        );
        return Some(SkipReason::CreatedBeforeSetting);
    }
    None
}

fn is_free(candidate: &Candidate<ProspectRecord>) -> bool {
    candidate.belongs == Belongs::ToNobody
}

/// R26, made deterministic: the prospect that was updated last, then the lowest id.
fn latest<'a>(
    prospects: impl Iterator<Item = &'a Candidate<ProspectRecord>>,
) -> Option<&'a ProspectRecord> {
    prospects
        .map(|candidate| &candidate.record)
        .min_by_key(|prospect| (Reverse(prospect.updated), prospect.id))
}

fn ampsea<'a>(
    crm: &CrmRecord,
    found: &[&'a Candidate<ProspectRecord>],
    trace: &mut Trace,
) -> ProspectMatch<'a> {
    if let Some(prospect) = by_crm_id(crm, found, trace) {
        return ProspectMatch::Prospect(prospect);
    }
    let free = found.iter().copied().filter(|candidate| {
        is_free(candidate)
            && candidate.record.native_crm_id == NativeCrmId::None
            && candidate.record.key.is_none()
    });
    if let Some(prospect) = latest(free) {
        trace.note(
            "N4",
            "linked to the prospect with this e-mail address and no CRM ID",
        );
        return ProspectMatch::Prospect(prospect);
    }
    trace.note("N5", "new record: a prospect with this CRM ID is created");
    ProspectMatch::Create
}

fn non_ampsea<'a>(
    crm: &CrmRecord,
    found: &[&'a Candidate<ProspectRecord>],
    trace: &mut Trace,
) -> ProspectMatch<'a> {
    if found.is_empty() {
        trace.note(
            "N7",
            "new record: a prospect with this e-mail address is created",
        );
        return ProspectMatch::Create;
    }
    if let Some(prospect) = by_crm_id(crm, found, trace) {
        return ProspectMatch::Prospect(prospect);
    }
    // R17: a prospect that shows another record's CRM ID belongs there.
    let free = found.iter().copied().filter(|candidate| {
        is_free(candidate) && !matches!(candidate.record.native_crm_id, NativeCrmId::Record(_))
    });
    if let Some(prospect) = latest(free) {
        trace.note(
            "N6",
            "the one prospect with this e-mail address is its partner",
        );
        return of_prospect(prospect, trace);
    }
    trace.note(
        "N6",
        "the one prospect with this e-mail address syncs with another record",
    );
    ProspectMatch::Skip(SkipReason::ProspectTaken)
}
