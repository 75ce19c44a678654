//! How many calls a thousand changes cost. The numbers are exact: the twin counts every request.

mod world;

use std::collections::BTreeMap;

use serde_json::json;
use world::{World, calls_of, reads, writes};

const PAIRS: usize = 1_000;

fn email(number: usize) -> String {
    format!("person{number}@example.com")
}

/// A thousand linked pairs at rest: lead ids in order, prospect ids by address.
async fn linked_pairs(world: &World) -> (Vec<String>, BTreeMap<String, u64>) {
    let leads = (0..PAIRS)
        .map(|number| world.lead(&email(number)))
        .collect();
    world.settle().await;
    world.assert_in_step();
    let prospects = world.prospects();
    let ids = prospects.iter().map(|prospect| {
        let address = prospect["email"].as_str().expect("an address").to_owned();
        (address, prospect["id"].as_u64().expect("an id"))
    });
    (leads, ids.collect())
}

/// One tick and everything that follows from it: the calls by kind, which the twin counts too.
async fn calls_of_a_tick(world: &World, what: &str) -> BTreeMap<String, u64> {
    world.forget_calls();
    let polled = world.poll_once().await;
    let drained = world.drain().await;
    let calls = calls_of(Some(&polled), &drained);
    let seen: u64 = world.calls().values().sum();
    assert_eq!(
        calls.values().sum::<u64>(),
        seen,
        "the twin has seen them all"
    );
    println!(
        "{what}: {} deliveries, {} reads, {} Salesforce writes, {} Account Engagement writes",
        drained.delivered,
        reads(&calls, ""),
        writes(&calls, "salesforce"),
        writes(&calls, "engagement"),
    );
    for (kind, count) in &calls {
        println!("  {count:5} {kind}");
    }
    assert_eq!(drained.sum(|report| report.synced), PAIRS as u64);
    calls
}

#[tokio::test]
async fn a_thousand_changed_leads_cost_eleven_reads() {
    let world = World::active().await;
    let (leads, _) = linked_pairs(&world).await;
    for lead in &leads {
        world.update("Lead", lead, json!({ "City": "Paris" }));
    }
    let calls = calls_of_a_tick(&world, "1,000 changed leads").await;
    assert_eq!(reads(&calls, "salesforce"), 6);
    assert_eq!(reads(&calls, "engagement"), 5);
    assert_eq!(writes(&calls, "salesforce"), 0);
    // Account Engagement takes one prospect a call.
    assert_eq!(writes(&calls, "engagement"), PAIRS as u64);
    world.assert_in_step();
}

#[tokio::test]
async fn a_thousand_changed_prospects_cost_eleven_reads_and_four_writes() {
    let world = World::active().await;
    let (_, prospects) = linked_pairs(&world).await;
    for prospect in prospects.values() {
        world.update_prospect(*prospect, json!({ "city": "Paris" }));
    }
    let calls = calls_of_a_tick(&world, "1,000 changed prospects").await;
    assert_eq!(reads(&calls, "salesforce"), 6);
    assert_eq!(reads(&calls, "engagement"), 5);
    assert_eq!(writes(&calls, "salesforce"), 4);
    assert_eq!(writes(&calls, "engagement"), 0);
    world.assert_in_step();
}

/// What new pairs cost is bound by Account Engagement: a look-up and a create for each lead.
#[tokio::test]
async fn a_thousand_new_leads_cost_two_engagement_calls_each() {
    let world = World::active().await;
    for number in 0..PAIRS {
        world.lead(&email(number));
    }
    let calls = calls_of_new_pairs(&world).await;
    assert_eq!(writes(&calls, "engagement"), PAIRS as u64);
    assert!(
        reads(&calls, "engagement") <= PAIRS as u64 + 10,
        "{calls:?}"
    );
    assert!(
        reads(&calls, "salesforce") + writes(&calls, "salesforce") <= 20,
        "{calls:?}"
    );
    world.assert_in_step();
}

async fn calls_of_new_pairs(world: &World) -> BTreeMap<String, u64> {
    let polled = world.poll_once().await;
    let drained = world.drain().await;
    let calls = calls_of(Some(&polled), &drained);
    println!("1,000 new leads: {calls:?}");
    calls
}
