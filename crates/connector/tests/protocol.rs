//! Steps of the write protocol that no other test holds by themselves (docs/reliability.md).

mod world;

use std::sync::Arc;

use connector::ports::Clock;
use connector::work::{CRM_WRITE_MARGIN, PROSPECT_WRITE_MARGIN};
use jiff::SignedDuration;
use serde_json::json;
use sync_core::link::LinkState;
use twin::world::lock;
use world::{Fuse, WORKER_SECONDS, World, calls_of, example_config};

const ANN: &str = "ann@example.com";
const TOKEN: &str = "Prospect_Sync_Token__c";

/// One request a side, and afterwards both records carry the token of the intent.
#[tokio::test]
async fn p8_every_update_carries_its_token_in_the_same_request() {
    for is_conditional in [true, false] {
        let mut config = example_config();
        config.salesforce.conditional_updates = is_conditional;
        let world = World::with(config).await;
        let lead = world.lead(ANN);
        world.settle().await;
        let prospect = world.prospects_of(ANN)[0]["id"].as_u64().expect("an id");
        world.update("Lead", &lead, json!({ "City": "Paris" }));
        world.update_prospect(prospect, json!({ "jobTitle": "Pilot" }));
        let drained = world.sync().await;
        let calls = calls_of(None, &drained);
        let update = if is_conditional {
            "salesforce conditional_update"
        } else {
            "salesforce collection_update"
        };
        assert_eq!(calls[update], 1, "{calls:?}");
        assert_eq!(calls["engagement update"], 1, "{calls:?}");
        let link = world.all_links().await.remove(0);
        let written = link.prospect_write.expect("the prospect was written");
        assert_eq!(world.row("Lead", &lead)[TOKEN], written.token);
        assert_eq!(world.prospect_row(prospect)[TOKEN], written.token);
    }
}

/// A lead whose prospect was created, and the answer was lost; the message waits.
async fn created_unseen() -> (World, String) {
    let world = World::active().await;
    let lead = world.lead(ANN);
    assert_eq!(world.poll_once().await.problem, None);
    // The first request looks the address up, the second one creates.
    world.plan(json!({ "side": "engagement", "fault": "cut_after_commit", "every": 2 }));
    let batch = world.waiting();
    let delivered = world.deliver(world.environment(), &batch).await;
    let (failed, _) = delivered.expect("the worker lives");
    assert_eq!(failed.len(), 1, "the answer was lost");
    world.put_back(&batch, &failed);
    assert_eq!(
        world.prospects_of(ANN).len(),
        1,
        "and the prospect is there"
    );
    world.advance(5);
    (world, lead)
}

async fn assert_one_prospect_under(world: &World, address: &str) {
    world.drain().await;
    world.settle().await;
    let prospects = world.prospects();
    let emails: Vec<_> = prospects.iter().map(|row| &row["email"]).collect();
    assert_eq!(emails, [address]);
    world.assert_in_step();
    let links = world.all_links().await;
    assert_eq!(links.len(), 1, "{links:?}");
    assert_eq!(links[0].state, LinkState::Linked);
}

/// The lead got another address: the prospect is found under the one with which it was created.
#[tokio::test]
async fn p6_an_address_that_changes_while_a_create_is_open_makes_no_second_prospect() {
    let (world, lead) = created_unseen().await;
    world.update("Lead", &lead, json!({ "Email": "ann.new@example.com" }));
    assert_one_prospect_under(&world, "ann.new@example.com").await;
}

/// The prospect got another address: it is found by its key, among what changed since.
#[tokio::test]
async fn p6_a_prospect_whose_address_changes_while_its_create_is_open_gets_no_twin() {
    for is_polled in [false, true] {
        let (world, lead) = created_unseen().await;
        let prospect = world.prospects_of(ANN)[0]["id"].as_u64().expect("an id");
        world.update_prospect(prospect, json!({ "email": "ann.married@example.com" }));
        if is_polled {
            world.advance(60);
            assert_eq!(world.poll_once().await.problem, None);
        }
        assert_one_prospect_under(&world, "ann.married@example.com").await;
        assert_eq!(world.row("Lead", &lead)["Email"], "ann.married@example.com");
    }
}

/// The same, and then it went to the recycle bin, or its lead did.
#[tokio::test]
async fn p6_a_prospect_that_moves_while_its_create_is_open_gets_no_twin() {
    for deletes_lead in [false, true] {
        let (world, lead) = created_unseen().await;
        let prospect = world.prospects_of(ANN)[0]["id"].as_u64().expect("an id");
        world.update_prospect(prospect, json!({ "email": "ann.married@example.com" }));
        if deletes_lead {
            world.delete("Lead", &lead);
        } else {
            world.delete_prospect(prospect);
        }
        world.drain().await;
        world.settle().await;
        assert_eq!(
            world.prospects().len(),
            0,
            "the lead deleted: {deletes_lead}"
        );
        let links = world.all_links().await;
        let states: Vec<&str> = links.iter().map(|link| link.state.name()).collect();
        assert_eq!(states, ["skipped"], "{links:?}");
    }
}

/// The intent is stored in time, and then the time is nearly over: nothing is sent whose answer could
/// come too late, and it is sent by the next delivery.
#[tokio::test]
async fn p3_the_clock_is_read_again_before_each_write() {
    let of_crm = CRM_WRITE_MARGIN.as_secs();
    let of_prospect = PROSPECT_WRITE_MARGIN.as_secs();
    for (writes_crm, left, is_sent) in [
        (true, of_crm + 1, true),
        (true, of_crm, false),
        (false, of_prospect + 1, true),
        (false, of_prospect, false),
    ] {
        let world = World::active().await;
        let lead = world.lead(ANN);
        world.settle().await;
        let prospect = world.prospects_of(ANN)[0]["id"].as_u64().expect("an id");
        if writes_crm {
            world.update_prospect(prospect, json!({ "city": "Lyon" }));
        } else {
            world.update("Lead", &lead, json!({ "City": "Lyon" }));
        }
        assert_eq!(world.poll_once().await.problem, None);
        let (ours, theirs) = (Arc::clone(&world.clock), Arc::clone(&world.twin.world));
        let time_passes = move || {
            let by = SignedDuration::from_secs(WORKER_SECONDS - left);
            theirs.clock.advance(by);
            ours.set(ours.now() + by);
        };
        *lock(&world.fuse) = Some(Fuse::meddling("links.begin", time_passes));
        let drained = world.drain().await;
        *lock(&world.fuse) = None;
        let skips = drained.sum(|report| report.deadline_skips);
        assert_eq!(skips, u64::from(!is_sent), "{writes_crm} {left}");
        assert_eq!(drained.delivered, 1 + usize::from(!is_sent));
        world.settle().await;
        world.assert_in_step();
        assert_eq!(world.row("Lead", &lead)["City"], "Lyon");
        assert_eq!(world.prospect_row(prospect)["city"], "Lyon");
    }
}

/// The time is nearly over when both records have been read: nothing is stored that would only keep
/// the others off the pair.
#[tokio::test]
async fn p3_no_intent_is_stored_that_no_write_can_follow() {
    let of_crm = CRM_WRITE_MARGIN.as_secs();
    for (left, is_stored) in [(of_crm + 1, true), (of_crm, false)] {
        let world = World::active().await;
        let lead = world.lead(ANN);
        world.settle().await;
        world.update("Lead", &lead, json!({ "City": "Lyon" }));
        assert_eq!(world.poll_once().await.problem, None);
        let clock = Arc::clone(&world.clock);
        let by = SignedDuration::from_secs(WORKER_SECONDS - left);
        let fuse = Fuse::meddling("crm.read", move || clock.set(clock.now() + by));
        *lock(&world.fuse) = Some(Arc::clone(&fuse));
        let batch = world.waiting();
        let delivered = world.deliver(world.environment(), &batch).await;
        let (failed, reports) = delivered.expect("the worker lives");
        assert_eq!(failed.is_empty(), is_stored, "{left}");
        assert_eq!(fuse.count("links.begin") > 0, is_stored, "{left}");
        assert_eq!(reports[0].deadline_skips, u64::from(!is_stored), "{left}");
    }
}

/// A look-up for each spelling takes all the time there is: pairs that have both of theirs go on, so that the
/// next delivery has fewer.
#[tokio::test]
async fn k17_where_time_ends_some_pairs_have_all_their_look_ups() {
    let world = World::active().await;
    for number in 0..20 {
        world.lead(&format!("Ann{number}@example.com"));
    }
    assert_eq!(world.poll_once().await.enqueued, 20);
    let clock = Arc::clone(&world.clock);
    let half = SignedDuration::from_secs(WORKER_SECONDS) / 2;
    let late = move || clock.set(clock.now() + half);
    let fuse = Fuse::meddling("marketing.find_by_email", late);
    *lock(&world.fuse) = Some(Arc::clone(&fuse));
    let delivered = world.deliver(world.environment(), &world.waiting()).await;
    assert!(delivered.is_some(), "the worker lives");
    assert_eq!(fuse.count("marketing.find_by_email"), 1);
    assert_eq!(world.prospects().len(), 10);
}

/// Prospects one at a time, and two calls to Salesforce: a row under its condition, and a score, which
/// needs none.
#[tokio::test]
async fn p3_the_clock_is_read_between_the_calls_of_a_batch() {
    for (call, left) in [
        ("marketing.write", PROSPECT_WRITE_MARGIN),
        ("crm.write", CRM_WRITE_MARGIN),
    ] {
        let world = World::active().await;
        world.services.set_slots(1);
        let leads = [ANN, "bea@example.com"].map(|email| world.lead(email));
        world.settle().await;
        if call == "marketing.write" {
            for lead in &leads {
                world.update("Lead", lead, json!({ "City": "Lyon" }));
            }
        } else {
            let prospects = world.prospects();
            let id = |number: usize| prospects[number]["id"].as_u64().expect("an id");
            world.update_prospect(id(0), json!({ "city": "Lyon" }));
            world.edit_unit(json!({ "id": id(1), "score_add": 7 }));
        }
        assert_eq!(world.poll_once().await.enqueued, 2);
        let clock = Arc::clone(&world.clock);
        let by = SignedDuration::from_secs(WORKER_SECONDS) - left;
        let fuse = Fuse::meddling(call, move || clock.set(clock.now() + by));
        *lock(&world.fuse) = Some(Arc::clone(&fuse));
        let delivered = world.deliver(world.environment(), &world.waiting()).await;
        let (_, reports) = delivered.expect("the worker lives");
        assert_eq!(fuse.count(call), 1, "{call}");
        assert_eq!(reports[0].deadline_skips, 1, "{call}");
    }
}
