//! People who change the e-mail address of a lead or a prospect, at times only its capitals.

use serde_json::{Map, json};
use sync_core::key::RecordRef;
use twin::org::Caller;

use crate::kernel::Inner;
use crate::lives;
use crate::users::{late_commit, live_record, marketer};
use crate::world::World;

/// The address that a record shows.
#[must_use]
pub fn shown(world: &World, record: &RecordRef) -> String {
    match record {
        RecordRef::Crm(id) => world
            .lead(id)
            .map(|row| World::text(row, "Email").to_owned()),
        RecordRef::Prospect(id) => world
            .prospect(*id)
            .map(|row| World::text(&row, "email").to_owned()),
    }
    .unwrap_or_default()
}

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
    let address = if inner.rng.u32(0..3) == 0 {
        shown(&inner.world, &record).to_uppercase()
    } else {
        let known = &mut inner.world.people[person];
        let address = format!("Person{person}.{}@example.com", known.len());
        known.push(address.clone());
        address
    };
    let done = match &record {
        RecordRef::Crm(id) => {
            let mut caller = Caller::new(inner.world.user.clone(), now);
            caller.visible_after = late_commit(inner);
            let body = Map::from_iter([("Email".to_owned(), json!(address))]);
            let org = &mut inner.world.org;
            org.update("Lead", id.as_str(), &body, &caller).is_ok()
        }
        RecordRef::Prospect(id) => {
            let at = inner.now;
            inner.world.keep_earlier(*id, at);
            let body = Map::from_iter([("email".to_owned(), json!(address))]);
            let unit = &mut inner.world.unit;
            unit.update_prospect(id.get(), &body, marketer(), now)
                .is_ok()
        }
    };
    if done {
        inner.tell("user edits", format_args!("{record} Email {address:?}"));
    }
}
