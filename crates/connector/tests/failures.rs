//! When a service fails, nothing is lost: each change ends as synced, or as an error row that names it.

mod world;

use serde_json::json;
use sync_core::config::{Config, ConnectorState};
use sync_core::error::ErrorClass;
use sync_core::link::LinkState;
use sync_core::protocol::AdminCommand;
use twin::world::lock;
use world::{Drained, TOM, World, calls_of, writes};

fn email(number: usize) -> String {
    format!("person{number}@example.com")
}

/// Linked pairs at rest; the prospects in the order of their leads.
async fn linked_pairs(count: usize) -> (World, Vec<String>, Vec<u64>) {
    linked_pairs_with(world::example_config(), count).await
}

async fn linked_pairs_with(config: Config, count: usize) -> (World, Vec<String>, Vec<u64>) {
    let world = World::with(config).await;
    let leads: Vec<String> = (0..count)
        .map(|number| world.lead(&email(number)))
        .collect();
    world.settle().await;
    world.assert_in_step();
    let prospects = (0..count).map(|number| {
        let prospect = &world.prospects_of(&email(number))[0];
        prospect["id"].as_u64().expect("an id")
    });
    let prospects = prospects.collect();
    (world, leads, prospects)
}

fn edit_both_sides(world: &World, leads: &[String], prospects: &[u64]) {
    for lead in leads {
        world.update("Lead", lead, json!({ "City": "Paris" }));
    }
    for prospect in prospects {
        world.update_prospect(*prospect, json!({ "country": "France" }));
    }
}

/// Everything is where it belongs, nobody has to act, and the fault really happened.
async fn assert_healed(world: &World, drained: &Drained) {
    assert_eq!(
        json!(*lock(&world.twin.world.faults))["plans"],
        json!([]),
        "the fault was met"
    );
    assert_eq!(drained.dead, 0);
    world.assert_in_step();
    assert_eq!(world.open_errors().await, []);
}

#[tokio::test]
async fn a_service_that_is_away_for_some_calls_costs_time_only() {
    for side in ["salesforce", "engagement"] {
        for fault in [json!({ "status": 503 }), json!("cut_before")] {
            let (world, leads, prospects) = linked_pairs(3).await;
            edit_both_sides(&world, &leads, &prospects);
            world.poll_once().await;
            world.plan(json!({ "side": side, "fault": fault, "count": 3 }));
            let drained = world.drain().await;
            assert!(
                drained.sum(|report| u64::from(report.problem.is_some())) > 0,
                "{side}"
            );
            assert_healed(&world, &drained).await;
        }
    }
}

#[tokio::test]
async fn a_poll_that_fails_moves_no_cursor_of_its_stream_and_loses_nothing() {
    let (world, leads, prospects) = linked_pairs(2).await;
    world.advance(3600);
    let before = world.cursors().await;
    edit_both_sides(&world, &leads, &prospects);
    world.plan(json!({ "side": "salesforce", "fault": { "status": 503 } }));
    assert!(world.poll_once().await.problem.is_some());
    assert_eq!(world.cursors().await, before);
    assert!(world.waiting().is_empty());
    let drained = world.sync().await;
    assert_healed(&world, &drained).await;
}

#[tokio::test]
async fn an_expired_token_is_renewed_once() {
    let (world, leads, prospects) = linked_pairs(3).await;
    edit_both_sides(&world, &leads, &prospects);
    world.poll_once().await;
    lock(&world.twin.world.tokens).expire_all();
    world.forget_calls();
    let drained = world.drain().await;
    assert_eq!(world.calls()["salesforce POST token"], 1);
    assert_eq!(drained.sum(|report| report.auth_failures), 0);
    assert_eq!(drained.delivered, drained.reports.len());
    assert_healed(&world, &drained).await;
}

#[tokio::test]
async fn r7_a_refused_log_in_stops_the_connector_and_drops_nothing() {
    let (world, leads, prospects) = linked_pairs(2).await;
    edit_both_sides(&world, &leads, &prospects);
    world.poll_once().await;
    let connector = |is_active: bool| json!({ "users": [{ "username": "connector@prospect-sync.example", "is_active": is_active }] });
    world.configure_org(connector(false));
    lock(&world.twin.world.tokens).expire_all();
    let drained = world.drain().await;
    assert_eq!(drained.dead, 0);
    assert_eq!(drained.sum(|report| report.auth_failures), 1);
    let row = world
        .environment()
        .configured(&world.unit())
        .await
        .expect("memory")
        .expect("a row");
    assert!(
        matches!(row.row.state, ConnectorState::AuthFailed(_)),
        "{:?}",
        row.row.state
    );
    world.forget_calls();
    assert_eq!(world.poll_once().await.enqueued, 0);
    assert_eq!(
        world.calls(),
        [].into(),
        "a stopped connector does not call"
    );
    for link in world.all_links().await {
        assert!(matches!(link.state, LinkState::Held(_)), "{link:?}");
    }
    world.configure_org(connector(true));
    world.activate().await;
    let drained = world.drain().await;
    assert_healed(&world, &drained).await;
}

/// Code 66, too many calls at once, in the middle of a batch of writes.
#[tokio::test]
async fn too_many_calls_at_once_are_repeated_later() {
    let (world, leads, _) = linked_pairs(8).await;
    edit_both_sides(&world, &leads, &[]);
    world.poll_once().await;
    let fault = json!({ "side": "engagement", "fault": "concurrency", "every": 3, "count": 3 });
    world.plan(fault);
    let drained = world.drain().await;
    assert_eq!(drained.sum(|report| report.retried), 3);
    assert_healed(&world, &drained).await;
}

/// Code 122: everything waits for the next day of the business unit, and nothing for longer.
#[tokio::test]
async fn a_used_up_allowance_is_waited_for_until_it_is_renewed() {
    let (world, leads, _) = linked_pairs(3).await;
    edit_both_sides(&world, &leads, &[]);
    world.poll_once().await;
    // The day of the configuration, which is not the twin's own.
    let zone = &world.config.account_engagement.time_zone;
    world.configure_unit(json!({ "daily_quota": 25_000, "quota_used": 25_000, "time_zone": zone }));
    let began = world.now();
    let drained = world.drain().await;
    world.settle().await;
    assert_healed(&world, &drained).await;
    let waited = world.now().duration_since(began).as_hours();
    assert!((0..=25).contains(&waited), "{waited} hours");
    assert!(drained.delivered <= 10, "{}", drained.delivered);
}

/// What the queue cannot wait for becomes error rows, and one sync by hand closes each.
#[tokio::test]
async fn a_long_outage_ends_as_error_rows_that_a_sync_closes() {
    let (world, leads, prospects) = linked_pairs(3).await;
    edit_both_sides(&world, &leads, &[]);
    world.poll_once().await;
    world.plan(json!({ "side": "engagement", "fault": { "status": 503 }, "count": 100_000 }));
    let drained = world.drain().await;
    assert!(drained.dead > 0);
    let rows = world.open_errors().await;
    assert_eq!(rows.len(), 3, "each change is named: {rows:?}");
    let code = connector::dlq::UNDELIVERABLE;
    assert!(rows.iter().all(|row| row.code == code));
    assert!(world.poll_once().await.problem.is_some());
    lock(&world.twin.world.faults).clear();
    for prospect in prospects {
        let prospect = serde_json::from_value(json!(prospect)).expect("an id");
        world.admin(AdminCommand::Sync { prospect }).await;
    }
    let drained = world.drain().await;
    assert_healed(&world, &drained).await;
}

/// Also when calls are there again before the service's own rule says so.
#[tokio::test]
async fn a_short_lack_of_allowance_costs_time_only() {
    let (world, leads, _) = linked_pairs(3).await;
    edit_both_sides(&world, &leads, &[]);
    world.poll_once().await;
    world.plan(json!({ "side": "engagement", "fault": "daily_limit" }));
    let drained = world.drain().await;
    world.settle().await;
    assert_healed(&world, &drained).await;
}

#[tokio::test]
async fn locked_rows_are_written_later_and_the_others_now() {
    // As rows of a composite, and as a collection.
    for (is_conditional, path) in [(true, "v67.0/composite"), (false, "PATCH")] {
        let mut config = world::example_config();
        config.salesforce.conditional_updates = is_conditional;
        let (world, _, prospects) = linked_pairs_with(config, 10).await;
        edit_both_sides(&world, &[], &prospects);
        world.poll_once().await;
        world.plan(json!({
            "side": "salesforce", "fault": { "lock_row": { "every": 2 } }, "path": path,
            "count": 2,
        }));
        let drained = world.drain().await;
        assert_eq!(drained.sum(|report| report.retried), 5, "{drained:?}");
        assert_eq!(
            drained.sum(|report| report.updated.get("Lead").copied().unwrap_or(0)),
            10
        );
        assert_healed(&world, &drained).await;
    }
}

#[tokio::test]
async fn a_value_that_is_refused_stops_its_own_record_only() {
    let (world, leads, prospects) = linked_pairs(10).await;
    edit_both_sides(&world, &leads[3..4], &prospects);
    world.update_prospect(prospects[3], json!({ "Region__c": "Mars" }));
    let drained = world.sync().await;
    assert_eq!(drained.dead, 0);
    for (number, lead) in leads.iter().enumerate() {
        let arrived = world.row("Lead", lead)["Country"] == "France";
        assert_eq!(arrived, number != 3, "lead {number}");
    }
    let rows = world.open_errors().await;
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!(
        (row.class, row.fields.as_slice()),
        (ErrorClass::Record, &["Region__c".to_owned()][..])
    );
    assert_eq!(row.code, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST");
    assert_eq!(
        row.crm_id.as_ref().map(ToString::to_string).as_ref(),
        Some(&leads[3])
    );
    assert_eq!(
        row.prospect_id.map(|id| id.to_string()),
        Some(prospects[3].to_string())
    );
    assert!(!row.message.contains("Mars"), "no value in an error row");
    // Nobody repeats it while nobody changes it.
    world.settle().await;
    world.advance(60);
    let idle = world.sync().await;
    assert_eq!(writes(&calls_of(None, &idle), ""), 0);
    assert_eq!(world.open_errors().await.len(), 1);
    // Put right at its source, it arrives with everything that waited behind it.
    world.update_prospect(prospects[3], json!({ "Region__c": "Europe" }));
    let drained = world.sync().await;
    assert_eq!(world.row("Lead", &leads[3])["Region__c"], "Europe");
    assert_healed(&world, &drained).await;
    let closed = world.errors_with_closed().await;
    assert!(closed.iter().all(|row| row.closed_at.is_some()));
}

/// Every request of a batch fails once in every way; the batch has creates and updates both ways.
#[tokio::test]
async fn any_request_may_fail_once() {
    let faults = [
        ("cut_after_commit", json!("cut_after_commit")),
        ("cut_before", json!("cut_before")),
        ("503", json!({ "status": 503 })),
        ("401", json!("unauthorised")),
    ];
    let mut points = 0;
    for (name, fault) in &faults {
        for side in ["salesforce", "engagement"] {
            for number in 1.. {
                let (world, leads, prospects) = linked_pairs(2).await;
                world.configure_unit(json!({ "read_cache_seconds": 60 }));
                edit_both_sides(&world, &leads[..1], &prospects[1..]);
                world.lead("new-lead@example.com");
                let fields = json!({ "email": "new@example.com", "lastName": "New" });
                world.edit_unit(json!({ "fields": fields, "assign": TOM }));
                world.advance(60);
                world.poll_once().await;
                world.plan(json!({ "side": side, "fault": fault, "every": number }));
                let drained = world.drain().await;
                let is_met = json!(*lock(&world.twin.world.faults))["plans"] == json!([]);
                println!(
                    "{name} at request {number} of {side}: {} deliveries",
                    drained.delivered
                );
                if !is_met {
                    break;
                }
                points += 1;
                world.settle().await;
                assert_healed(&world, &drained).await;
                assert_eq!(world.rows("Lead").len(), 4);
            }
        }
    }
    println!("any_request_may_fail_once: {points} points");
}

/// A unique field of the org's own is in the way until somebody changes a value; it is not our key.
#[tokio::test]
async fn a_value_that_another_record_has_already_waits_for_a_person_at_once() {
    let (world, _, prospects) = linked_pairs(2).await;
    let region = json!({ "object": "Lead", "name": "Region__c", "type": "string", "length": 80, "unique": true });
    world.configure_org(json!({ "fields": [region] }));
    for prospect in &prospects {
        world.update_prospect(*prospect, json!({ "Region__c": "Europe" }));
    }
    let drained = world.sync().await;
    assert_eq!((drained.dead, drained.sum(|report| report.retried)), (0, 0));
    let errors = world.open_errors().await;
    let [error] = &errors[..] else {
        panic!("{errors:?}")
    };
    assert_eq!(
        (error.class, &error.code[..], &error.fields[..]),
        (
            ErrorClass::Record,
            "DUPLICATE_VALUE",
            &["Region__c".to_owned()][..]
        )
    );
}
