//! Values that do not stay (reliability 2.3, 40 and 41): put back a few times, then a person must look.

use jiff::SignedDuration;
use sync_core::MAX_PUT_BACKS;
use sync_core::config::{Config, Direction, FieldEntry};
use sync_core::decision::{Decision, Outcome};
use sync_core::error::ErrorClass;
use sync_core::hint::Cause;
use sync_core::pair::Pair;
use sync_core::record::Side;
use sync_core::settle::{WriteResults, settle};
use sync_core::testing::{World, config, field, lead, linked, prospect, text};
use sync_core::value::FieldName;

const RATE: &str = "rate__c";

fn mapped(direction: Direction) -> Config {
    let rate = FieldEntry {
        direction,
        ..field(RATE, "Rate__c")
    };
    config().mapping(vec![rate])
}

fn pair() -> Pair {
    linked(lead(1).value(RATE, "12.5"), prospect(1).value(RATE, "13")).base(RATE, text("12.5"))
}

fn store(pair: &mut Pair, value: &str) {
    let Side::Present(prospect) = &mut pair.prospect else {
        panic!("the prospect is there");
    };
    prospect.values.insert(FieldName::from(RATE), text(value));
}

/// Puts back until the decision is another one; answers how often, and that decision. The service
/// stores what is written as `13`; a poll later the pair is looked at again.
fn put_back(world: &mut World, pair: &mut Pair, minutes: i64) -> (u32, Decision) {
    for times in 0..100 {
        let decision = world.decide(pair);
        if !matches!(decision.outcome, Outcome::Update { .. }) {
            return (times, decision);
        }
        *pair = world.written(pair, &decision);
        store(pair, "13");
        world.now += SignedDuration::from_mins(minutes);
    }
    panic!("put back a hundred times");
}

#[test]
fn r129_a_value_that_a_service_changes_is_not_put_back_for_ever() {
    let mut world = World::new(mapped(Direction::ToProspect));
    let mut pair = pair();
    let (times, decision) = put_back(&mut world, &mut pair, 2);
    assert_eq!(times, MAX_PUT_BACKS);
    let Outcome::Park(problem) = &decision.outcome else {
        panic!("{decision:?}");
    };
    assert_eq!(
        (problem.code.as_str(), problem.class),
        ("NOT_KEPT", ErrorClass::Record)
    );
    assert_eq!(problem.fields, [FieldName::from(RATE)]);
    pair.link = settle(&pair.link, &decision, &WriteResults::default(), world.now).link;
    assert!(pair.link.has_open_error);
    world.now += SignedDuration::from_hours(48);
    assert!(matches!(world.decide(&pair).outcome, Outcome::Park(_)));
}

#[test]
fn r129_a_new_value_is_written_and_ends_the_error() {
    let mut world = World::new(mapped(Direction::ToProspect));
    let mut pair = pair();
    let (_, decision) = put_back(&mut world, &mut pair, 2);
    pair.link = settle(&pair.link, &decision, &WriteResults::default(), world.now).link;
    let Side::Present(crm) = &mut pair.crm else {
        panic!("the lead is there");
    };
    crm.values.insert(FieldName::from(RATE), text("14"));
    let decision = world.decide(&pair);
    assert!(matches!(decision.outcome, Outcome::Update { .. }));
    let pair = world.written(&pair, &decision);
    assert!(!pair.link.has_open_error);
    assert_eq!(pair.link.put_backs, None);
    assert_eq!(world.decide(&pair).outcome, Outcome::Nothing);
}

#[test]
fn r129_who_asks_by_hand_has_it_put_back_once_more() {
    let mut world = World::new(mapped(Direction::ToProspect));
    let mut pair = pair();
    let _ = put_back(&mut world, &mut pair, 2);
    let by_hand = pair.because(Cause::SyncNow);
    assert!(matches!(
        world.decide(&by_hand).outcome,
        Outcome::Update { .. }
    ));
}

/// Somebody who types into the side that does not count, now and then, is overruled each time.
#[test]
fn r129_edits_that_are_far_apart_are_put_back_each_time() {
    let mut world = World::new(mapped(Direction::ToProspect));
    let mut pair = pair();
    for _ in 0..20 {
        let decision = world.decide(&pair);
        assert!(matches!(decision.outcome, Outcome::Update { .. }));
        pair = world.written(&pair, &decision);
        store(&mut pair, "13");
        world.now += SignedDuration::from_hours(1);
    }
}

/// Where both sides count, the side that holds less wins, and both come to rest.
#[test]
fn r129_a_value_that_is_stored_in_another_form_converges_in_both_directions() {
    let world = World::new(mapped(Direction::Both));
    let mut pair = pair();
    store(&mut pair, "13");
    let decision = world.decide(&pair);
    let pair = world.written(&pair, &decision);
    assert_eq!(world.decide(&pair).outcome, Outcome::Nothing);
    let crm = pair.crm.present().expect("the lead is there");
    assert_eq!(crm.values.get(&FieldName::from(RATE)), Some(&text("13")));
    assert_eq!(pair.link.put_backs, None);
}
