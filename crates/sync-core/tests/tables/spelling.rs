//! K17: Account Engagement may mind the capitals of an address that it is asked for.

use sync_core::decision::{Outcome, ReadMore};
use sync_core::intend;
use sync_core::pair::{Candidates, Pair};
use sync_core::record::Side;
use sync_core::testing::{World, at, config, crm_pair, field, lead};
use sync_core::value::Spelling;

fn by_email() -> World {
    World::new(config().ampsea().match_by_email())
}

fn assert_asked(world: &World, pair: &Pair, spellings: &[&str]) {
    let spellings = spellings.iter().map(|text| Spelling::new(text).unwrap());
    let asked = spellings.map(ReadMore::ProspectsByEmail).collect();
    assert_eq!(world.decide(pair).outcome, Outcome::ReadMore(asked));
}

#[test]
fn k17_both_spellings_of_an_address_are_asked_for() {
    let pair = crm_pair(lead(1).email(" Ann@X.test "));
    for world in [by_email(), World::new(config().non_ampsea())] {
        assert_asked(&world, &pair, &["Ann@X.test", "ann@x.test"]);
    }
}

#[test]
fn k17_an_address_in_lower_case_is_asked_for_once() {
    let pair = crm_pair(lead(1).email("ann@x.test"));
    assert_asked(&by_email(), &pair, &["ann@x.test"]);
}

/// Mapped as text the address is created with its capitals; the lead was deleted before it was linked.
#[test]
fn k17_a_prospect_is_looked_for_in_the_spelling_it_was_created_with() {
    let mut world = by_email();
    world.config.fields.0.push(field("email", "Email"));
    let ann = lead(1).email("Ann@X.test").value("email", "Ann@X.test");
    let mut open = crm_pair(ann).prospect_hits([]);
    let decision = world.decide(&open);
    open.link = intend(&open, &decision, "token".to_owned(), (at(0), at(0))).unwrap();
    open.crm = Side::Deleted { merged_into: None };
    open.prospects_by_email = Candidates::NotRead;
    world.now = at(3_600);
    assert_asked(&world, &open, &["Ann@X.test", "ann@x.test"]);
}
