//! What the queue delivers in vain: given up pair by pair, in the errors table.

mod world;

use connector::dlq::drain;
use connector::ports::{Commit, Links};
use connector::work::{Delivery, work};
use jiff::SignedDuration;
use serde_json::json;
use sync_core::hint::MAX_DELIVERIES;
use sync_core::key::RecordRef;
use sync_core::link::Link;
use sync_core::protocol::AdminCommand;
use world::World;

/// Nobody can work on the lead's pair for a day.
async fn lease(world: &World, lead: &str) {
    let mut links = world.all_links().await.into_iter();
    let is_of_lead = |link: &Link| link.crm_id.as_ref().is_some_and(|id| id.as_str() == lead);
    let link = links.find(is_of_lead);
    let leased = Link {
        lease_until: Some(world.now() + SignedDuration::from_hours(24)),
        ..link.expect("a row")
    };
    let commit = Commit::of(leased, world.now());
    assert!(world.links.commit(vec![commit]).await[0].is_ok());
}

/// A message about these leads, delivered so often.
fn message(world: &World, id: &str, leads: &[&String], deliveries: u32) -> Delivery {
    let records = leads.iter().map(|lead| lead.parse().expect("an id"));
    let records: Vec<RecordRef> = records.map(RecordRef::Crm).collect();
    world.message(id, &records, deliveries)
}

/// Two pairs with something to do, of which nobody can work on the first.
async fn one_of_two_leased() -> (World, [String; 2]) {
    let world = World::active().await;
    let leads = [world.lead("ann@example.com"), world.lead("bea@example.com")];
    world.settle().await;
    for lead in &leads {
        world.update("Lead", lead, json!({ "City": "Paris" }));
    }
    lease(&world, &leads[0]).await;
    (world, leads)
}

/// Delivers; answers which of the messages come again.
async fn deliver(world: &World, deliveries: Vec<Delivery>) -> Vec<String> {
    let deadline = world.now() + SignedDuration::from_secs(300);
    work(&world.environment(), deliveries, "by-hand", deadline)
        .await
        .0
}

/// What is given up with one message is not done for another that comes again.
#[tokio::test]
async fn a_record_that_was_given_up_is_looked_at_again_with_a_message_that_is_not() {
    let (world, leads) = one_of_two_leased().await;
    let [ann, bea] = &leads;
    let last = message(&world, "last", &[ann, bea], MAX_DELIVERIES);
    let first = message(&world, "first", &[ann], 1);
    assert_eq!(deliver(&world, vec![last, first.clone()]).await, ["first"]);
    assert_eq!(world.open_errors().await.len(), 1);
    world.advance(24 * 3_600);
    assert_eq!(deliver(&world, vec![first]).await, [""; 0]);
    world.assert_in_step();
    assert_eq!(world.open_errors().await, []);
}

/// It would die with it, and mark pairs that are in step.
#[tokio::test]
async fn a_finished_message_does_not_wait_behind_one_that_dies() {
    let (world, leads) = one_of_two_leased().await;
    let dying = message(&world, "dying", &[&leads[0]], MAX_DELIVERIES);
    let behind = message(&world, "behind", &[&leads[1]], MAX_DELIVERIES);
    assert_eq!(deliver(&world, vec![dying, behind]).await, ["dying"]);
}

/// A message that dies whole would mark every pair in it.
#[tokio::test]
async fn what_is_left_of_a_message_is_given_up_alone() {
    let world = World::active().await;
    let email = |number: usize| format!("person{number}@example.com");
    let leads: Vec<String> = (0..8).map(|number| world.lead(&email(number))).collect();
    world.settle().await;
    for number in 0..8 {
        let prospect = world.prospects_of(&email(number))[0]["id"].as_u64();
        world.update_prospect(prospect.expect("an id"), json!({ "country": "France" }));
    }
    lease(&world, &leads[0]).await;
    let drained = world.sync().await;
    assert_eq!(drained.dead, 0);
    assert_eq!(drained.sum(|report| report.errors_new), 1);
    let errors = world.open_errors().await;
    let marked = errors
        .iter()
        .map(|row| (&row.code[..], row.crm_id.as_ref()));
    let marked: Vec<_> = marked
        .map(|(code, id)| (code, id.map(ToString::to_string)))
        .collect();
    assert_eq!(marked, [("UNDELIVERABLE", Some(leads[0].clone()))]);
    world.advance(24 * 3_600);
    world
        .admin(AdminCommand::Send {
            record: leads[0].parse().expect("an id"),
        })
        .await;
    let drained = world.drain().await;
    assert_eq!(drained.dead, 0);
    world.assert_in_step();
    assert_eq!(world.open_errors().await, []);
}

/// The row of the one that is no pair any more goes, and nobody would ever close its error.
#[tokio::test]
async fn two_records_that_were_given_up_apart_are_no_error_once_they_are_a_pair() {
    let world = World::active().await;
    let lead = world.lead("ann@example.com");
    let prospect = world.prospect(json!({ "email": "ann@example.com" }));
    let records = [
        RecordRef::Crm(lead.parse().expect("an id")),
        RecordRef::Prospect(prospect.try_into().expect("an id")),
    ];
    let dead = records.map(|record| world.message("dead", &[record], MAX_DELIVERIES));
    let kept = drain(&world.environment(), dead.into(), "by-hand").await;
    assert_eq!(kept, [""; 0]);
    assert_eq!(world.open_errors().await.len(), 2);
    world.settle().await;
    world.assert_in_step();
    assert_eq!(world.all_links().await.len(), 1);
    assert_eq!(world.open_errors().await, []);
}
