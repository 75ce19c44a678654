//! People who change the e-mail address of a lead or a prospect, at times only its capitals.

use crate::kernel::Inner;
use crate::lives;
use crate::users::{enter, live_record};
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
    enter(inner, &record, (person, EMAIL), &address);
}

fn new(inner: &mut Inner, person: usize) -> String {
    let known = &mut inner.world.people[person].addresses;
    let address = format!("Person{person}.{}@example.com", known.len());
    known.push(address.clone());
    address
}
