//! People who let a prospect whose lead was deleted have another one (R54).

use serde_json::{Map, json};
use sync_core::ids::{CrmId, ProspectId};
use sync_core::key::RecordRef;
use twin::org::Caller;

use crate::kernel::{Inner, Millis};
use crate::lives::{self, Life};
use crate::people::{Entered, Person};
use crate::setting::MIRROR;
use crate::users::{MARKETER, marketer, note};
use crate::world::{EMAIL, FIELDS, World};

/// So long after a lead came back, and was deleted again, it is there for everybody to see, and no process goes by
/// having seen it there.
const FORGOTTEN: Millis = 1_200_000;

/// Somebody has deleted a lead. Another one takes its prospect out of the recycle bin later, and lets it be created
/// again, if it has come to that by then.
pub fn plan(inner: &mut Inner, person: usize, delay: Option<i64>) {
    let often = inner.faults.releases;
    if !inner.happens(often) {
        return;
    }
    let deleted = delay.unwrap_or(0) * 1_000;
    let restored = deleted + committed_after(inner) + inner.rng.i64(1..600_000);
    let restore = move |inner: &mut Inner| restore(inner, person);
    inner.first_after(restored, Box::new(restore));
    let released = restored + inner.rng.i64(1..300_000);
    let release = move |inner: &mut Inner| release(inner, person);
    inner.first_after(released, Box::new(release));
}

/// So long after a lead was deleted nothing of what people did to it before is still to be committed.
fn committed_after(inner: &Inner) -> Millis {
    if inner.faults.late_commit > 0 {
        900_000
    } else {
        0
    }
}

fn restore(inner: &mut Inner, person: usize) {
    let on_crm = false;
    let prospects = lives::records(&inner.world, person, on_crm);
    if let [(RecordRef::Prospect(_), true)] = prospects[..] {
        lives::toggle(inner, person, on_crm);
    }
}

/// Takes the mark off, where it stands: from then on the deleted lead is nobody's.
fn release(inner: &mut Inner, person: usize) {
    let (now, at) = (inner.timestamp(), inner.now);
    inner.world.commit_due(now);
    let Some((lead, prospect)) = marked(inner, person) else {
        return;
    };
    inner.world.keep_earlier(prospect, at);
    let body = Map::from_iter([
        (MIRROR.to_owned(), json!("")),
        ("userId".to_owned(), json!(MARKETER)),
    ]);
    let unit = &mut inner.world.unit;
    if unit
        .update_prospect(prospect.get(), &body, marketer(), now)
        .is_err()
    {
        return;
    }
    inner.tell("user releases", format_args!("{prospect} from {lead}"));
    forget(&mut inner.world, person, &lead, prospect);
    // Where an address says nothing, the old lead is somebody else's if it ever comes back.
    if !inner.world.addresses_tell() && inner.rng.bool() {
        let back = inner.rng.i64(1..900_000);
        let come_back = move |inner: &mut Inner| come_back(inner, &lead);
        inner.first_after(back, Box::new(come_back));
    }
}

/// Somebody takes the old lead out of the recycle bin, once the connector has parted it from the prospect.
fn come_back(inner: &mut Inner, lead: &CrmId) {
    let own = RecordRef::Crm(lead.clone());
    let is_parted = !inner.world.linked.contains_key(&own);
    let caller = Caller::new(inner.world.user.clone(), inner.timestamp());
    if !is_parted
        || inner
            .world
            .org
            .undelete("Lead", lead.as_str(), &caller)
            .is_err()
    {
        return;
    }
    inner.tell("user undeletes", format_args!("{own}, which was left"));
    let person = inner.world.people.len();
    let address = inner.world.shown(&own, EMAIL);
    inner.world.people.push(Person {
        addresses: vec![address],
        entered: Entered::AsLead,
    });
    let at = inner.now;
    inner.world.entered.insert(own.clone(), at);
    for field in 0..FIELDS {
        let value = inner.world.shown(&own, field);
        note(inner, &own, person, field, (value, at));
    }
}

/// The lead that a person had and the prospect that says so, where the connector is done with both.
fn marked(inner: &Inner, person: usize) -> Option<(CrmId, ProspectId)> {
    let (world, now) = (&inner.world, inner.now);
    let (leads, prospects) = (
        lives::records(world, person, true),
        lives::records(world, person, false),
    );
    let ([(RecordRef::Crm(lead), true)], [(RecordRef::Prospect(prospect), false)]) =
        (&leads[..], &prospects[..])
    else {
        return None;
    };
    let life = world.lives.get(&person)?;
    let is_gone = life.lead_last_deleted? + committed_after(inner) <= now;
    let last = life.lead_undeleted.max(life.lead_last_deleted)?;
    let was_back = life.lead_undeleted.is_some() && last + FORGOTTEN > now;
    let fields = world.prospect(*prospect)?;
    let is_marked = World::text(&fields, MIRROR) == "[[crm_deleted]]";
    let is_settled = life.is_retired && is_gone && !was_back && is_marked;
    // Whoever shares an address with somebody in the other service would be taken for them.
    let is_alone = !world.addresses_tell() || !has_namesake(world, person);
    (is_settled && is_alone).then(|| (lead.clone(), *prospect))
}

fn has_namesake(world: &World, person: usize) -> bool {
    let own = &world.people[person].addresses;
    let mut others = world.people.iter().enumerate();
    others.any(|(other, known)| {
        let mut theirs = known.addresses.iter();
        other != person
            && theirs.any(|theirs| own.iter().any(|own| own.eq_ignore_ascii_case(theirs)))
    })
}

/// The person is one who was entered as a prospect from now on. What the prospect shows is theirs, whatever replaced it
/// on the lead; what stood there alone went with the lead.
fn forget(world: &mut World, person: usize, lead: &CrmId, prospect: ProspectId) {
    let (lead, prospect) = (RecordRef::Crm(lead.clone()), RecordRef::Prospect(prospect));
    for id in world.origins_of(&lead).into_iter().flatten() {
        world.edits[id].is_replaced = true;
    }
    for id in world.origins_of(&prospect).into_iter().flatten() {
        let edit = &mut world.edits[id];
        edit.is_replaced = false;
        edit.is_merged = false;
        edit.is_overwritten_unread = false;
    }
    world.owners.remove(&lead);
    world.origins.remove(&lead);
    world.based.remove(&person);
    world.agreed.retain(|(known, _), _| *known != person);
    world.planned.retain(|(known, _), _| *known != person);
    world.seen.retain(|(known, _, _), _| *known != person);
    world.people[person].entered = Entered::AsProspect;
    let life = world.life(person);
    *life = Life {
        prospect_undeleted: life.prospect_undeleted,
        prospect_skipped: life.prospect_skipped,
        ..Life::default()
    };
    world.count.released += 1;
}
