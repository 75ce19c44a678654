//! Paused: nothing by itself, one record by hand, and everything once it is active again.

mod world;

use connector::ports::{Commit, Links};
use serde_json::{Value, json};
use sync_core::decision::HoldReason;
use sync_core::key::{PairKey, RecordRef};
use sync_core::link::{Link, LinkState};
use sync_core::protocol::{AdminCommand, AdminReply};
use world::{TOM, World, example_config, person};

fn prospect_id(id: u64) -> sync_core::ids::ProspectId {
    serde_json::from_value(json!(id)).expect("a prospect id")
}

#[tokio::test]
async fn r3_a_new_connector_begins_paused_and_enqueues_nothing() {
    let world = World::paused(example_config()).await;
    world.lead("ann@example.com");
    let polled = world.poll_once().await;
    assert_eq!((polled.state.as_str(), polled.enqueued), ("paused", 0));
    assert_eq!(polled.seen.len(), 0);
    assert!(world.waiting().is_empty());
    assert_eq!(world.cursors().await, [None, None, None]);
    assert_eq!(world.prospects().len(), 0);
}

#[tokio::test]
async fn r8_while_paused_no_edit_travels() {
    let world = World::active().await;
    let (lead, prospect) = world.linked_pair("ann@example.com").await;
    world.pause().await;
    let cursors = world.cursors().await;
    world.update("Lead", &lead, json!({ "City": "Paris" }));
    world.update_prospect(prospect, json!({ "country": "France" }));
    for _ in 0..3 {
        world.advance(60);
        let drained = world.sync().await;
        assert_eq!(drained.delivered, 0);
    }
    assert_eq!(world.cursors().await, cursors);
    assert_eq!(
        world
            .prospect_row(prospect)
            .get("city")
            .filter(|city| !city.is_null()),
        None
    );
    assert_eq!(world.row("Lead", &lead)["Country"], Value::Null);
    // What was edited meanwhile arrives, both ways, also after a long pause.
    world.advance(3 * 24 * 3600);
    world.activate().await;
    world.settle().await;
    assert_eq!(world.prospect_row(prospect)["city"], "Paris");
    assert_eq!(world.row("Lead", &lead)["Country"], "France");
    world.assert_in_step();
}

#[tokio::test]
async fn r8_what_waited_when_the_pause_began_is_held_and_caught_up() {
    let world = World::active().await;
    let (lead, prospect) = world.linked_pair("ann@example.com").await;
    world.update("Lead", &lead, json!({ "City": "Paris" }));
    world.lead("bea@example.com");
    world.advance(60);
    world.poll_once().await;
    world.pause().await;
    world.forget_calls();
    let drained = world.drain().await;
    assert_eq!(drained.sum(|report| report.held["paused"]), 2);
    assert_eq!(world.calls(), [].into(), "a held pair costs no call");
    assert_eq!(world.prospects().len(), 1);
    assert_eq!(world.activate().await, 2);
    let caught_up = world.drain().await;
    assert_eq!(caught_up.sum(|report| report.held.values().sum()), 0);
    assert_eq!(world.prospect_row(prospect)["city"], "Paris");
    assert_eq!(world.prospects_of("bea@example.com").len(), 1);
    world.assert_in_step();
}

#[tokio::test]
async fn r49_sync_now_works_while_paused_for_this_prospect_only() {
    let world = World::active().await;
    let (_, first) = world.linked_pair("ann@example.com").await;
    let (_, second) = world.linked_pair("bea@example.com").await;
    world.pause().await;
    for prospect in [first, second] {
        world.update_prospect(prospect, json!({ "city": "Lyon" }));
    }
    let reply = world
        .admin(AdminCommand::Sync {
            prospect: prospect_id(first),
        })
        .await;
    assert!(matches!(reply, AdminReply::Queued { .. }), "{reply:?}");
    world.drain().await;
    assert_eq!(world.rows_of("Lead", "ann@example.com")[0]["City"], "Lyon");
    assert_eq!(
        world.rows_of("Lead", "bea@example.com")[0]["City"],
        Value::Null
    );
}

#[tokio::test]
async fn r49_sync_now_creates_the_lead_of_an_assigned_prospect_while_paused() {
    let world = World::paused(example_config()).await;
    let fields = json!({ "email": "cem@example.com", "lastName": "Cem" });
    let prospect = world.edit_unit(json!({ "fields": fields, "assign": TOM }));
    world.poll_once().await;
    world
        .admin(AdminCommand::Sync {
            prospect: prospect_id(prospect),
        })
        .await;
    world.drain().await;
    assert_eq!(world.rows("Lead").len(), 1);
    world.assert_in_step();
}

#[tokio::test]
async fn r47_send_works_while_paused_and_for_records_older_than_the_setting() {
    let world = World::bare(example_config()).await;
    let lead = world.create("Lead", person("old@example.com"));
    world.advance(3600);
    world.apply().await;
    let record = lead.parse().expect("an id");
    let reply = world.admin(AdminCommand::Send { record }).await;
    assert!(matches!(reply, AdminReply::Queued { .. }), "{reply:?}");
    world.drain().await;
    assert_eq!(world.prospects_of("old@example.com").len(), 1);
    world.assert_in_step();
}

/// R25, N10: activation is no import.
#[tokio::test]
async fn n10_records_older_than_the_connector_are_not_pulled_on_activation() {
    let world = World::bare(example_config()).await;
    let old = world.lead("old@example.com");
    world.advance(3600);
    world.apply().await;
    world.lead("new@example.com");
    world.activate().await;
    world.settle().await;
    assert_eq!(world.prospects_of("new@example.com").len(), 1);
    assert_eq!(world.prospects_of("old@example.com").len(), 0);
    // Also not when somebody edits it later.
    world.update("Lead", &old, json!({ "City": "Paris" }));
    world.advance(60);
    let drained = world.sync().await;
    assert_eq!(
        drained.sum(|report| report.skipped["created_before_setting"]),
        1
    );
    assert_eq!(world.prospects_of("old@example.com").len(), 0);
}

#[tokio::test]
async fn edits_before_activation_of_a_new_connector_arrive() {
    let world = World::paused(example_config()).await;
    let lead = world.lead("ann@example.com");
    world.advance(3600);
    world.update("Lead", &lead, json!({ "City": "Paris" }));
    world.advance(3600);
    world.activate().await;
    world.settle().await;
    assert_eq!(world.prospects_of("ann@example.com")[0]["city"], "Paris");
    world.assert_in_step();
}

/// Seed 1266475 of the simulation: the worker that linked the lead died, and its row was caught up for ever.
#[tokio::test]
async fn a_held_row_of_a_record_that_has_joined_a_pair_goes_when_it_is_caught_up() {
    let world = World::active().await;
    let fields = json!({ "email": "cem@example.com", "lastName": "Cem", "score": 5 });
    world.edit_unit(json!({ "fields": fields, "assign": TOM }));
    world.settle().await;
    let linked = world.all_links().await;
    let lead = linked[0].crm_id.clone().expect("a lead");
    let stray = Link {
        state: LinkState::Held(HoldReason::Paused),
        ..Link::new(world.unit(), PairKey::of(RecordRef::Crm(lead)))
    };
    let commit = Commit::of(stray, world.now());
    for stored in world.links.commit(vec![commit]).await {
        stored.expect("stored");
    }
    world.settle().await;
    let left = world.all_links().await;
    let keys: Vec<_> = left.iter().map(|link| &link.key).collect();
    assert_eq!(keys, [&linked[0].key]);
}
