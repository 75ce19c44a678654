//! People who delete records and take them out of the recycle bins again, and what must follow.

use serde_json::{Map, Value};
use sync_core::ids::{CrmId, ProspectId};
use sync_core::key::RecordRef;
use twin::org::Caller;

use crate::kernel::{Inner, Millis};
use crate::people::Entered;
use crate::releases;
use crate::users::{late_commit, marketer, when_committed};
use crate::world::World;

/// What people did to the records of a person.
#[derive(Debug, Clone, Copy, Default)]
pub struct Life {
    /// When the lead was deleted first since the connector last stored that it was there: an undelete
    /// and another delete between two polls are no news to anybody.
    pub lead_deleted: Option<Millis>,
    /// When the lead was deleted last.
    pub lead_last_deleted: Option<Millis>,
    /// Whether the prospect is in the recycle bin because a user put it there, and the connector has not stored
    /// since that its record is deleted too.
    pub is_prospect_deleted: bool,
    /// When a user last put it there.
    pub prospect_deleted: Option<Millis>,
    /// When the queue last took "Send to Account Engagement" for the lead, unless the lead was deleted since, the pair held or
    /// an error opened: then somebody has to ask again.
    pub sent: Option<Millis>,
    /// Whether the row says that the pair is held.
    pub is_held: bool,
    /// When a user last took the prospect out of the recycle bin.
    pub prospect_undeleted: Option<Millis>,
    /// When a process last stored that the prospect is in the recycle bin, and when it had read it.
    pub prospect_skipped: Option<(Millis, Millis)>,
    /// When a user last took the lead out of the recycle bin.
    pub lead_undeleted: Option<Millis>,
    /// Whether the row says that the lead was deleted and the prospect told so, and nothing is under way.
    pub is_retired: bool,
}

/// Whether it was stored that the prospect of a person is in the recycle bin after a user had taken it out, by a
/// process that had read it before, or may have read an older state (K4).
#[must_use]
pub fn is_skip_late(world: &World, person: usize) -> bool {
    let Some(life) = world.lives.get(&person) else {
        return false;
    };
    let stale_reads = stale_reads(world);
    let times = life.prospect_undeleted.zip(life.prospect_skipped);
    times.is_some_and(|(undeleted, (stored, read))| {
        read < undeleted + stale_reads && undeleted < stored
    })
}

/// How old a read of a prospect may be.
fn stale_reads(world: &World) -> Millis {
    Millis::from(world.config.account_engagement.stale_reads_seconds) * 1_000
}

/// The records of a person on a side, and whether they are in the recycle bin.
#[must_use]
pub fn records(world: &World, person: usize, on_crm: bool) -> Vec<(RecordRef, bool)> {
    let is_theirs = |(record, owner): &(&RecordRef, &usize)| {
        **owner == person && matches!(record, RecordRef::Crm(_)) == on_crm
    };
    let theirs = world.owners.iter().filter(is_theirs);
    let with_state = theirs.filter_map(|(record, _)| {
        let is_deleted = is_in_bin(world, record)?;
        Some((record.clone(), is_deleted))
    });
    with_state.collect()
}

/// All records of a person, in the recycle bins or not.
pub fn on_both_sides(world: &World, person: usize) -> impl Iterator<Item = RecordRef> {
    let records = [true, false].map(|on_crm| records(world, person, on_crm));
    records.into_iter().flatten().map(|(record, _)| record)
}

/// Whether a record is in the recycle bin; nothing when it is not there.
#[must_use]
pub fn is_in_bin(world: &World, record: &RecordRef) -> Option<bool> {
    let is_set = |row: &Map<String, Value>, name| row.get(name) == Some(&Value::Bool(true));
    Some(match record {
        RecordRef::Crm(id) => is_set(world.lead(id)?, "IsDeleted"),
        RecordRef::Prospect(id) => is_set(&world.prospect(*id)?, "isDeleted"),
    })
}

/// Whether a person was entered on both sides, and nobody has linked the two records yet.
#[must_use]
pub fn is_unlinked_double(world: &World, person: usize) -> bool {
    world.people[person].entered == Entered::AsBoth && !world.agreed.contains_key(&(person, 0))
}

/// A user deletes the record of a person on one side, or takes it out of the recycle bin.
pub fn toggle(inner: &mut Inner, person: usize, on_crm: bool) {
    let now = inner.timestamp();
    inner.world.commit_due(now);
    let Some((record, is_deleted)) = records(&inner.world, person, on_crm).into_iter().next()
    else {
        return;
    };
    // Of two records that nobody has linked yet, the other is a person's only one as soon as the first is
    // gone: it gets a partner, and undeleting the first one makes two (N8).
    if is_unlinked_double(&inner.world, person) {
        return;
    }
    let done = match &record {
        RecordRef::Crm(id) => toggle_lead(inner, person, id, is_deleted),
        RecordRef::Prospect(id) => toggle_prospect(inner, person, *id, is_deleted),
    };
    let Some(delay) = done else { return };
    let what = if is_deleted {
        "user undeletes"
    } else {
        "user deletes"
    };
    inner.tell(what, format_args!("{record} {delay:?}"));
}

/// Answers how many seconds later it is seen, if it was done.
fn toggle_lead(
    inner: &mut Inner,
    person: usize,
    id: &CrmId,
    is_deleted: bool,
) -> Option<Option<i64>> {
    let delay = late_commit(inner);
    let mut caller = Caller::new(inner.world.user.clone(), inner.timestamp());
    caller.visible_after = delay;
    let org = &mut inner.world.org;
    if is_deleted {
        org.undelete("Lead", id.as_str(), &caller).ok()?;
        let at = inner.now;
        inner.world.life(person).lead_undeleted = Some(at);
        return Some(delay);
    }
    org.delete("Lead", id.as_str(), &caller).ok()?;
    releases::plan(inner, person, delay);
    when_committed(inner, delay, move |inner| {
        let at = inner.now;
        let life = inner.world.life(person);
        life.lead_deleted.get_or_insert(at);
        life.lead_last_deleted = Some(at);
        life.sent = None;
    });
    Some(delay)
}

/// The same for a prospect, which is seen at once.
fn toggle_prospect(
    inner: &mut Inner,
    person: usize,
    id: ProspectId,
    is_deleted: bool,
) -> Option<Option<i64>> {
    let (now, at) = (inner.timestamp(), inner.now);
    inner.world.keep_earlier(id, at);
    let unit = &mut inner.world.unit;
    let done = if is_deleted {
        unit.undelete_prospect(id.get(), marketer(), now).map(drop)
    } else {
        unit.delete_prospect(id.get(), marketer(), now).map(drop)
    };
    done.ok()?;
    let life = inner.world.life(person);
    life.is_prospect_deleted = !is_deleted;
    if is_deleted {
        life.prospect_undeleted = Some(at);
    } else {
        life.prospect_deleted = Some(at);
    }
    Some(None)
}

/// The queue has what an operator asks for a lead. A look at a pair that is held already stores nothing.
pub fn note_sent(inner: &mut Inner, record: &RecordRef) {
    let at = inner.now;
    if let Some(person) = inner.world.owner(record) {
        let life = inner.world.life(person);
        life.sent = Some(at).filter(|_| !life.is_held);
    }
}

/// Whether the lead was sent after a user had put the prospect into the recycle bin, and so late that every read showed
/// it there (K4).
fn is_sent_since(life: &Life, stale_reads: Millis) -> bool {
    let times = life.sent.zip(life.prospect_deleted);
    times.is_some_and(|(sent, deleted)| sent > deleted + stale_reads)
}

/// The connector stores that the lead of a person is not in the recycle bin.
pub fn note_lead_there(world: &mut World, person: usize) {
    let leads = records(world, person, true);
    let is_deleted = leads.iter().any(|(_, is_deleted)| *is_deleted);
    let life = world.life(person);
    life.lead_deleted = life.lead_last_deleted.filter(|_| is_deleted);
}

/// Whether the records of a person are in the recycle bins that they belong in; says what is wrong.
///
/// # Errors
/// The invariant that broke.
pub fn check(world: &World, person: usize) -> Result<BothLive, String> {
    let (leads, prospects) = (records(world, person, true), records(world, person, false));
    if leads.len() > 1 || prospects.len() > 1 {
        return Err(format!(
            "duplicate: person {person} has had {} leads and {} prospects",
            leads.len(),
            prospects.len()
        ));
    }
    let life = world.lives.get(&person).copied().unwrap_or_default();
    let stale_reads = stale_reads(world);
    let state = |records: &[(RecordRef, bool)]| records.first().map(|(_, is_deleted)| *is_deleted);
    match (state(&leads), state(&prospects)) {
        (Some(false), Some(false)) => Ok(BothLive(true)),
        // R56: whoever deleted it meant it, until its record is undeleted or sent.
        (Some(false), Some(true))
            if life.is_prospect_deleted && !is_sent_since(&life, stale_reads) =>
        {
            Ok(BothLive(false))
        }
        (Some(false), Some(true)) => Err(format!("not restored: the prospect of person {person}")),
        // R55: whoever restored it while its record was deleted has a prospect that does not sync. And one
        // who did so less than a minute before may not have been seen yet (K4).
        (Some(true), Some(false))
            if life.prospect_undeleted.map(|at| at + stale_reads) > life.lead_deleted =>
        {
            Ok(BothLive(false))
        }
        (Some(true), Some(false)) => Err(format!("not retired: the prospect of person {person}")),
        (Some(true) | None, Some(true) | None) => Ok(BothLive(false)),
        (Some(false), None) | (None, Some(false)) => Err(format!(
            "no partner: person {person} has {} leads and {} prospects",
            leads.len(),
            prospects.len()
        )),
    }
}

/// Whether both records of a person are outside the recycle bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BothLive(pub bool);
