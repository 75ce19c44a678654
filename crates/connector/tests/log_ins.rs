//! A refused log-in stops the connector that the calls were made under, and no other.

mod world;

use std::sync::Arc;

use connector::ports::State;
use futures::FutureExt;
use serde_json::json;
use sync_core::config::{ConnectorRow, ConnectorState};
use twin::world::lock;
use world::{Fuse, World};

/// The connector as it is stored, after a delivery in which the log-in was refused. In the moment before
/// that `meddle` changes its row.
async fn after_a_refused_log_in(
    meddle: impl FnOnce(ConnectorRow) -> ConnectorRow + Send + 'static,
) -> ConnectorRow {
    let world = World::active().await;
    let lead = world.lead("ann@example.com");
    world.settle().await;
    world.update("Lead", &lead, json!({ "City": "Paris" }));
    world.poll_once().await;
    let inactive = json!([{ "username": "connector@prospect-sync.example", "is_active": false }]);
    world.configure_org(json!({ "users": inactive }));
    lock(&world.twin.world.tokens).expire_all();
    let (state, unit) = (Arc::clone(&world.state), world.unit());
    *lock(&world.fuse) = Some(Fuse::meddling("crm.read", move || {
        let meddling = async {
            let row = state.connector(&unit).await.expect("memory");
            let row = row.expect("a row");
            let version = row.version;
            let changed = meddle(row);
            if changed.version != version {
                state.put_connector(&changed).await.expect("memory");
            }
        };
        meddling.now_or_never().expect("memory answers at once");
    }));
    let delivered = world.deliver(world.environment(), &world.waiting()).await;
    let (failed, reports) = delivered.expect("nobody dies");
    assert_eq!(failed.len(), 1);
    assert_eq!(reports[0].auth_failures, 1);
    let row = world.state.connector(&world.unit()).await;
    row.expect("memory").expect("a row")
}

fn is_stopped(row: &ConnectorRow) -> bool {
    matches!(row.state, ConnectorState::AuthFailed(_))
}

#[tokio::test]
async fn r7_a_refused_log_in_stops_the_connector() {
    assert!(is_stopped(&after_a_refused_log_in(|row| row).await));
}

#[tokio::test]
async fn a_refused_log_in_does_not_undo_what_an_operator_did_meanwhile() {
    let paused = after_a_refused_log_in(|row| ConnectorRow {
        state: ConnectorState::Paused,
        version: row.version + 1,
        ..row
    });
    assert_eq!(paused.await.state, ConnectorState::Paused);
}

/// Repaired and switched on again: the same state, and not the same connector.
#[tokio::test]
async fn a_refused_log_in_does_not_stop_a_connector_that_was_repaired_meanwhile() {
    let repaired = after_a_refused_log_in(|row| ConnectorRow {
        version: row.version + 1,
        ..row
    });
    let row = repaired.await;
    assert_eq!(row.state, ConnectorState::Active);
}
