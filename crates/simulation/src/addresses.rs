//! People who change the e-mail address of a lead or a prospect, at times only its capitals.

use serde_json::{Map, json};
use sync_core::ids::{CrmId, ProspectId};
use sync_core::key::RecordRef;
use twin::org::Caller;

use crate::kernel::Inner;
use crate::lives;
use crate::users::{late_commit, live_record, marketer, note, when_committed};
use crate::world::EMAIL;

/// A user changes the address of a person on one side.
pub fn change(inner: &mut Inner, person: usize, on_crm: bool) {
    let now = inner.timestamp();
    inner.world.commit_due(now);
    // Two records that nobody has linked are told to be one person's by their address alone.
    if lives::is_unlinked_double(&inner.world, person) {
        return;
    }
    let Some(record) = live_record(&inner.world, person, on_crm) else {
        return;
    };
    let address = match inner.rng.u32(0..6) {
        0 | 1 => inner.world.shown(&record, EMAIL).to_uppercase(),
        2 => inner
            .rng
            .choice(&inner.world.people[person].addresses)
            .expect("one at least")
            .clone(),
        _ => new(inner, person),
    };
    match &record {
        RecordRef::Crm(id) => change_lead(inner, id, person, &address),
        RecordRef::Prospect(id) => change_prospect(inner, *id, person, &address),
    }
}

fn new(inner: &mut Inner, person: usize) -> String {
    let known = &mut inner.world.people[person].addresses;
    let address = format!("Person{person}.{}@example.com", known.len());
    known.push(address.clone());
    address
}

fn change_lead(inner: &mut Inner, id: &CrmId, person: usize, address: &str) {
    let record = RecordRef::Crm(id.clone());
    let before = inner.world.shown(&record, EMAIL);
    let delay = late_commit(inner);
    let mut caller = Caller::new(inner.world.user.clone(), inner.timestamp());
    caller.visible_after = delay;
    let body = Map::from_iter([("Email".to_owned(), json!(address))]);
    let updated = inner.world.org.update("Lead", id.as_str(), &body, &caller);
    if updated.is_err() {
        return;
    }
    inner.tell(
        "user edits",
        format_args!("{record} Email {address:?} {delay:?}"),
    );
    let (value, stamped) = (address.to_ascii_lowercase(), inner.now);
    if value != before {
        when_committed(inner, delay, move |inner| {
            note(inner, &record, person, EMAIL, (value, stamped));
        });
    }
}

fn change_prospect(inner: &mut Inner, id: ProspectId, person: usize, address: &str) {
    let (record, now, at) = (RecordRef::Prospect(id), inner.timestamp(), inner.now);
    let before = inner.world.shown(&record, EMAIL);
    inner.world.keep_earlier(id, at);
    let body = Map::from_iter([("email".to_owned(), json!(address))]);
    let unit = &mut inner.world.unit;
    if unit
        .update_prospect(id.get(), &body, marketer(), now)
        .is_err()
    {
        return;
    }
    inner.tell("user edits", format_args!("{record} Email {address:?}"));
    let value = address.to_ascii_lowercase();
    if value != before {
        note(inner, &record, person, EMAIL, (value, at));
    }
}
