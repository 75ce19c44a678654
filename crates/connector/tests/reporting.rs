//! What a poll reports: alarms rest on it, so no number is made up and no failure hides.

mod world;

use connector::events::{Event, MetricName};
use connector::poll::{PollReport, PollRun};
use connector::ports::State;
use serde_json::json;
use sync_core::protocol::{AdminCommand, AdminReply};
use twin::world::lock;
use world::World;

fn heartbeat(reports: &[PollReport]) -> u64 {
    PollRun(reports).metrics()[&MetricName::PollHeartbeat]
}

#[tokio::test]
async fn one_connector_that_fails_is_not_hidden_behind_another() {
    let world = World::active().await;
    let well = world.poll_once().await;
    world.plan(json!({ "side": "salesforce", "fault": { "status": 503 } }));
    let ill = world.poll_once().await;
    assert!(ill.problem.is_some());
    assert_eq!(heartbeat(std::slice::from_ref(&well)), 1);
    assert_eq!(heartbeat(&[well, ill]), 0);
}

#[tokio::test]
async fn r7_a_stopped_connector_says_so_on_every_poll() {
    let world = World::active().await;
    let connector = |is_active: bool| json!({ "users": [{ "username": "connector@prospect-sync.example", "is_active": is_active }] });
    world.configure_org(connector(false));
    lock(&world.twin.world.tokens).expire_all();
    for _ in 0..3 {
        let polled = world.poll_once().await;
        assert_eq!(polled.metrics()[&MetricName::AuthFailures], 1);
    }
    world.configure_org(connector(true));
    world.activate().await;
    let polled = world.poll_once().await;
    assert_eq!(polled.metrics()[&MetricName::AuthFailures], 0);
}

#[test]
fn errors_that_nobody_counted_are_not_reported_as_none() {
    let report = PollReport::default();
    assert!(!report.metrics().contains_key(&MetricName::ErrorsOpen));
}

#[tokio::test]
async fn a_configuration_that_was_stored_and_never_in_force_blocks_nobody() {
    let world = World::active().await;
    // What an apply leaves behind that is cut off before the connector row.
    let left = world.state.put_config(2, &world.config).await;
    assert_eq!(left, Ok(()));
    let config = Box::new(world.config.clone());
    let reply = world.admin(AdminCommand::ConfigApply { config }).await;
    assert!(
        matches!(reply, AdminReply::Applied { version: 3, .. }),
        "{reply:?}"
    );
    let row = world.state.connector(&world.unit()).await;
    assert_eq!(
        row.map(|row| row.map(|row| row.config_version)),
        Ok(Some(3))
    );
}

/// Ines and Tom have one address on both sides; nobody else is asked for when the setting is off.
#[tokio::test]
async fn users_of_salesforce_are_read_only_when_they_are_matched_by_address() {
    for is_on in [false, true] {
        let mut config = world::example_config();
        config.settings.match_users_by_email = is_on;
        let world = World::with(config).await;
        world.forget_calls();
        assert_eq!(world.poll_once().await.problem, None);
        let calls = world.calls();
        let queries = calls.iter().filter(|(name, _)| name.contains("query"));
        let queries: u64 = queries.map(|(_, count)| *count).sum();
        // Leads and contacts, and the users.
        assert_eq!(queries, if is_on { 3 } else { 2 });
    }
}
