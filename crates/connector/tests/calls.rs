//! How many calls a thousand changes cost. The numbers are exact: the twin counts every request.

mod world;

use std::collections::BTreeMap;

use serde_json::json;
use twin::world::lock;
use world::{Fuse, World, calls_of, reads, writes};

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
async fn a_thousand_changed_leads_cost_thirteen_reads() {
    let world = World::active().await;
    let (leads, _) = linked_pairs(&world).await;
    for lead in &leads {
        world.update("Lead", lead, json!({ "City": "Paris" }));
    }
    let calls = calls_of_a_tick(&world, "1,000 changed leads").await;
    assert_eq!(reads(&calls, "salesforce"), 7);
    assert_eq!(reads(&calls, "engagement"), 6);
    assert_eq!(writes(&calls, "salesforce"), 0);
    // Account Engagement takes one prospect a call.
    assert_eq!(writes(&calls, "engagement"), PAIRS as u64);
    world.assert_in_step();
}

/// With a condition an update goes as a row of its own, 25 rows a call; without, 200 a collection.
#[tokio::test]
async fn a_thousand_changed_prospects_cost_thirteen_reads_and_41_or_five_writes() {
    for (is_conditional, kind, calls_of_writes) in [
        // Five messages, each of which rounds up.
        (true, "conditional_update", 41),
        (false, "collection_update", 5),
    ] {
        let mut config = world::example_config();
        config.salesforce.conditional_updates = is_conditional;
        let world = World::with(config).await;
        let (_, prospects) = linked_pairs(&world).await;
        for prospect in prospects.values() {
            world.update_prospect(*prospect, json!({ "city": "Paris" }));
        }
        let calls = calls_of_a_tick(&world, kind).await;
        assert_eq!(reads(&calls, "salesforce"), 7);
        assert_eq!(reads(&calls, "engagement"), 6);
        assert_eq!(writes(&calls, "salesforce"), calls_of_writes);
        assert_eq!(calls[&format!("salesforce {kind}")], calls_of_writes);
        assert_eq!(writes(&calls, "engagement"), 0);
        world.assert_in_step();
    }
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

/// Every stored row, claim and error counts, with those that go in one transaction.
#[tokio::test]
async fn an_update_costs_two_row_writes_and_a_look_without_change_none() {
    let world = World::active().await;
    let lead = world.lead(&email(0));
    world.settle().await;
    let prospect = world.prospects()[0]["id"].as_u64().expect("an id");
    let edits: [&dyn Fn(); 3] = [
        &|| world.update("Lead", &lead, json!({ "City": "Paris" })),
        &|| world.update_prospect(prospect, json!({ "city": "Lyon" })),
        &|| {
            world.update("Lead", &lead, json!({ "City": "Rome", "Country": "Italy" }));
            world.update_prospect(prospect, json!({ "city": "Bern", "phone": "1" }));
        },
    ];
    for (number, edit) in edits.into_iter().enumerate() {
        let before = (version(&world).await, world.links.writes());
        edit();
        let fuse = Fuse::counting();
        *lock(&world.fuse) = Some(fuse.clone());
        let drained = world.sync().await;
        assert_eq!(drained.sum(|report| report.synced), 1, "edit {number}");
        let touched: Vec<&str> = fuse.names();
        let writes = ["links.begin", "links.commit"];
        let made = writes.map(|name| touched.iter().filter(|call| **call == name).count());
        assert_eq!(made, [1, 1], "edit {number}: {touched:?}");
        *lock(&world.fuse) = None;
        let after = (version(&world).await, world.links.writes());
        assert_eq!(after, (before.0 + 2, before.1 + 2), "edit {number}");
        // The poll sees our own write; the look at it stores nothing.
        world.settle().await;
        let later = (version(&world).await, world.links.writes());
        assert_eq!(later, after, "edit {number}");
    }
}

async fn version(world: &World) -> u64 {
    let links = world.all_links().await;
    assert_eq!(links.len(), 1);
    links[0].version
}
