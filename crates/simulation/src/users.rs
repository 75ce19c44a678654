//! People at work in both services: they create, edit, put values back, and operate the connector.

use serde_json::{Map, Value, json};
use sync_core::config::Mode;
use sync_core::ids::{CrmId, ProspectId};
use sync_core::key::RecordRef;
use sync_core::protocol::AdminCommand;
use twin::bu::prospects::Writer;
use twin::org::Caller;

use crate::addresses;
use crate::kernel::{Inner, Millis};
use crate::lives;
use crate::people::{Entered, Person};
use crate::remap::{CITY, STATE};
use crate::world::{EMAIL, Edit, NAMES, World};

/// What a marketer enters that does not fit into the field of the lead.
pub const UNFIT: &str = "forty characters are enough for any city's name";
/// The user who works in Account Engagement, and to whom prospects are assigned.
pub const MARKETER: u64 = 3;

/// So many milliseconds later a person is entered on the other side too.
const LATER: Millis = 1_800_000;

/// How values are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// Every value is new.
    Unique,
    /// One of so many values.
    Of(u32),
}

/// A user does something; answers what the user asks of the connector, if that is it.
pub fn act(inner: &mut Inner, domain: Domain, most_people: usize) -> Option<AdminCommand> {
    let people = inner.world.people.len();
    if people == 0 || (people < most_people && inner.rng.u32(0..4) == 0) {
        create(inner, domain);
        return None;
    }
    let person = inner.rng.usize(0..people);
    let on_crm = inner.rng.bool();
    let deletes = inner.faults.deletes;
    if inner.happens(deletes) {
        lives::toggle(inner, person, on_crm);
        return None;
    }
    let addresses = inner.faults.addresses;
    if inner.happens(addresses) {
        addresses::change(inner, person, on_crm);
        return None;
    }
    if inner.rng.u32(0..6) == 0 {
        return sync_now(&inner.world, person, on_crm);
    }
    edit(inner, person, on_crm, domain);
    let hasty = inner.faults.hasty;
    if inner.happens(hasty) {
        let again = move |inner: &mut Inner| edit(inner, person, on_crm, domain);
        let soon = inner.rng.i64(1..=1_000);
        inner.first_after(soon, Box::new(again));
    }
    None
}

/// Somebody does not want to wait for the next poll (R47, R49).
fn sync_now(world: &World, person: usize, on_crm: bool) -> Option<AdminCommand> {
    Some(match live_record(world, person, on_crm)? {
        RecordRef::Crm(record) => AdminCommand::Send { record },
        RecordRef::Prospect(prospect) => AdminCommand::Sync { prospect },
    })
}

fn value(inner: &mut Inner, (field, on_crm): (usize, bool), domain: Domain) -> String {
    let unfit = inner.faults.unfit;
    if field == CITY && !on_crm && inner.happens(unfit) {
        return UNFIT.to_owned();
    }
    // Only the second field may be blank: a blank counts as a value there.
    if field == 1 && inner.rng.u32(0..6) == 0 {
        return String::new();
    }
    match domain {
        Domain::Unique => format!("v{}", inner.world.edits.len()),
        Domain::Of(size) => format!("v{}", inner.rng.u32(0..size)),
    }
}

/// A new person: as a lead, as an assigned prospect, or as both.
fn create(inner: &mut Inner, domain: Domain) {
    let person = inner.world.people.len();
    let (entered, on_crm) = match inner.rng.u32(0..8) {
        0 if inner.world.addresses_tell() => (Entered::AsBoth, true),
        1 if inner.world.addresses_tell() => (Entered::AsBoth, false),
        0 | 2..5 => (Entered::AsLead, true),
        _ => (Entered::AsProspect, false),
    };
    let address = namesake(inner, entered);
    let address = address.unwrap_or_else(|| format!("Person{person}@example.com"));
    inner.world.people.push(Person {
        addresses: vec![address],
        entered,
    });
    create_record(inner, person, on_crm, domain);
    if entered == Entered::AsBoth {
        let is_later = inner.rng.bool();
        let delay = if is_later { inner.rng.i64(0..LATER) } else { 0 };
        let enter = move |inner: &mut Inner| create_second(inner, person, !on_crm, domain);
        inner.first_after(delay, Box::new(enter));
    }
}

/// The other record of a person, unless whoever enters it finds it there, or knows that it is being created.
fn create_second(inner: &mut Inner, person: usize, on_crm: bool, domain: Domain) {
    let now = inner.timestamp();
    inner.world.commit_due(now);
    let is_wanted = inner.world.people[person].entered == Entered::AsBoth;
    if is_wanted && lives::records(&inner.world, person, on_crm).is_empty() {
        create_record(inner, person, on_crm, domain);
    }
}

/// The address of somebody else: people who share one. Where an address is what tells that records of both
/// services are one person's, it is somebody who was entered in the same service, and nowhere else.
fn namesake(inner: &mut Inner, entered: Entered) -> Option<String> {
    let shared = inner.faults.shared_addresses;
    let is_unique = inner.world.config.mode == Mode::NonAmpsea;
    if is_unique || entered == Entered::AsBoth || !inner.happens(shared) {
        return None;
    }
    let is_open = |person: &&Person| person.entered == entered || !inner.world.addresses_tell();
    let others = inner.world.people.iter().filter(is_open);
    let addresses: Vec<&String> = others.map(|person| &person.addresses[0]).collect();
    let one = inner.rng.choice(addresses)?;
    Some(one.clone())
}

fn create_record(inner: &mut Inner, person: usize, on_crm: bool, domain: Domain) {
    let Person { addresses, entered } = &inner.world.people[person];
    let (email, is_only) = (addresses[0].clone(), *entered != Entered::AsBoth);
    // The other of two records must be seen before a partner is made.
    let can_be_late = on_crm && is_only;
    let delay = can_be_late.then(|| late_commit(inner)).flatten();
    let mut values: Vec<String> = (0..EMAIL)
        .map(|field| value(inner, (field, on_crm), domain))
        .collect();
    let mut body = fields(&values, on_crm);
    values.push(email.to_ascii_lowercase());
    if on_crm && inner.faults.remaps {
        let state = value(inner, (STATE, on_crm), domain);
        body.insert(NAMES[STATE].1.to_owned(), json!(state));
        values.push(state);
    }
    let now = inner.timestamp();
    let record = if on_crm {
        body.insert("Email".to_owned(), json!(email));
        body.insert("LastName".to_owned(), json!("Person"));
        body.insert("Company".to_owned(), json!("Example"));
        let mut caller = Caller::new(inner.world.user.clone(), now);
        caller.visible_after = delay;
        let id = inner.world.org.create("Lead", &body, &caller);
        id.ok()
            .and_then(|id| id.parse::<CrmId>().ok())
            .map(RecordRef::Crm)
    } else {
        body.insert("email".to_owned(), json!(email));
        body.insert("userId".to_owned(), json!(MARKETER));
        let id = inner.world.unit.create_prospect(&body, marketer(), now);
        id.ok()
            .and_then(|id| ProspectId::try_from(id).ok())
            .map(RecordRef::Prospect)
    };
    let Some(record) = record else { return };
    if let RecordRef::Prospect(id) = &record {
        let at = inner.now;
        inner.world.keep_absence(*id, at);
    }
    inner.world.entered.insert(record.clone(), inner.now);
    inner.tell(
        "user creates",
        format_args!("{record} {values:?} {delay:?}"),
    );
    let stamped = inner.now;
    when_committed(inner, delay, move |inner| {
        for (field, value) in values.into_iter().enumerate() {
            note(inner, &record, person, field, (value, stamped));
        }
    });
}

fn fields(values: &[String], on_crm: bool) -> Map<String, Value> {
    let named = NAMES
        .iter()
        .zip(values)
        .filter(|(_, value)| !value.is_empty());
    named
        .map(|((prospect, crm), value)| {
            let name = if on_crm { crm } else { prospect };
            ((*name).to_owned(), json!(value))
        })
        .collect()
}

/// Whoever works in Account Engagement.
pub(crate) fn marketer() -> Writer {
    Writer {
        user_id: MARKETER,
        is_person: true,
    }
}

/// How many seconds after its stamp a user's transaction in Salesforce commits, unless at once.
pub(crate) fn late_commit(inner: &mut Inner) -> Option<i64> {
    let often = inner.faults.late_commit;
    inner.happens(often).then(|| inner.rng.i64(1..=900))
}

/// What is true from the commit of a user's transaction on.
pub(crate) fn when_committed(
    inner: &mut Inner,
    delay: Option<i64>,
    known: impl FnOnce(&mut Inner) + Send + 'static,
) {
    match delay {
        None => known(inner),
        Some(seconds) => {
            let committed = |inner: &mut Inner| {
                let now = inner.timestamp();
                inner.world.commit_due(now);
                known(inner);
            };
            inner.first_after(seconds * 1_000, Box::new(committed));
        }
    }
}

pub(crate) fn note(
    inner: &mut Inner,
    record: &RecordRef,
    person: usize,
    field: usize,
    (value, stamped): (String, Millis),
) {
    let edit = Edit {
        person,
        field,
        value,
        at: inner.now,
        stamped,
        on_crm: matches!(record, RecordRef::Crm(_)),
        is_unlinked: false,
        restores_agreed: false,
        is_replaced: false,
        is_replaced_beside: false,
        was_agreed: false,
        is_merged: false,
        is_decided: false,
        is_overwritten_unread: false,
    };
    inner.world.note_edit(record, edit);
}

/// The live record of a person on one side.
#[must_use]
pub fn live_record(world: &World, person: usize, on_crm: bool) -> Option<RecordRef> {
    let records = lives::records(world, person, on_crm);
    let mut live = records.into_iter().filter(|(_, is_deleted)| !is_deleted);
    live.next().map(|(record, _)| record)
}

/// A user changes one field, or puts an earlier value back.
fn edit(inner: &mut Inner, person: usize, on_crm: bool, domain: Domain) {
    let now = inner.timestamp();
    inner.world.commit_due(now);
    let Some(record) = live_record(&inner.world, person, on_crm) else {
        return;
    };
    let field = match inner.rng.usize(0..EMAIL) {
        CITY if on_crm && inner.faults.remaps && inner.rng.bool() => STATE,
        field => field,
    };
    let puts_back = inner.rng.u32(0..4) == 0;
    let earlier: Vec<String> = inner
        .world
        .edits
        .iter()
        .filter(|edit| (edit.person, edit.field) == (person, field))
        .filter(|edit| !on_crm || edit.value.len() <= 40)
        .map(|edit| edit.value.clone())
        .collect();
    let value = if puts_back && domain != Domain::Unique && !earlier.is_empty() {
        earlier[inner.rng.usize(0..earlier.len())].clone()
    } else {
        value(inner, (field, on_crm), domain)
    };
    if inner.world.shown(&record, field) == value {
        return;
    }
    enter(inner, &record, (person, field), &value);
}

/// An automation of the org answers our own write with one of its own, in the same transaction and in
/// our name: whoever leaves out what the connector user modified last never learns of it.
pub fn automate(inner: &mut Inner, id: &CrmId, caller: &Caller) {
    let record = RecordRef::Crm(id.clone());
    let Some(person) = inner.world.owners.get(&record).copied() else {
        return;
    };
    let field = inner.rng.usize(0..EMAIL);
    let value = format!("a{}", inner.world.edits.len());
    let body = Map::from_iter([(NAMES[field].1.to_owned(), json!(value))]);
    let updated = inner.world.org.update("Lead", id.as_str(), &body, caller);
    if updated.is_ok() {
        inner.tell(
            "automation edits",
            format_args!("{record} {} {value:?}", NAMES[field].1),
        );
        let stamped = inner.now;
        note(inner, &record, person, field, (value, stamped));
    }
}

/// A user enters something in one field of a record. What compares equal to what was there is no edit.
pub(crate) fn enter(
    inner: &mut Inner,
    record: &RecordRef,
    (person, field): (usize, usize),
    text: &str,
) {
    let before = inner.world.shown(record, field);
    let entered = match record {
        RecordRef::Crm(id) => enter_in_lead(inner, id, field, text),
        RecordRef::Prospect(id) => enter_in_prospect(inner, *id, field, text),
    };
    let Some(delay) = entered else { return };
    let (name, record) = (NAMES[field].1, record.clone());
    inner.tell(
        "user edits",
        format_args!("{record} {name} {text:?} {delay:?}"),
    );
    let (value, stamped) = (World::compared(field, text), inner.now);
    if value != before {
        when_committed(inner, delay, move |inner| {
            note(inner, &record, person, field, (value, stamped));
        });
    }
}

/// Answers how many seconds later it is seen, if it was taken.
fn enter_in_lead(inner: &mut Inner, id: &CrmId, field: usize, text: &str) -> Option<Option<i64>> {
    let delay = late_commit(inner);
    let mut caller = Caller::new(inner.world.user.clone(), inner.timestamp());
    caller.visible_after = delay;
    let body = Map::from_iter([(NAMES[field].1.to_owned(), json!(text))]);
    let org = &mut inner.world.org;
    org.update("Lead", id.as_str(), &body, &caller).ok()?;
    Some(delay)
}

/// The same for a prospect, which is seen at once.
fn enter_in_prospect(
    inner: &mut Inner,
    id: ProspectId,
    field: usize,
    text: &str,
) -> Option<Option<i64>> {
    let (now, at) = (inner.timestamp(), inner.now);
    inner.world.keep_earlier(id, at);
    let body = Map::from_iter([(NAMES[field].0.to_owned(), json!(text))]);
    let unit = &mut inner.world.unit;
    let updated = unit.update_prospect(id.get(), &body, marketer(), now);
    updated.ok()?;
    Some(None)
}
