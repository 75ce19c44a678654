//! Poller and reconciler share one Account Engagement call.

mod world;

use std::collections::BTreeMap;

use connector::ports::{Holder, State, Turn};
use jiff::SignedDuration;
use world::World;

/// Five calls at once are allowed; four are the workers' (docs/decisions/0010).
#[tokio::test]
async fn poller_and_reconciler_call_account_engagement_in_turns() {
    let world = World::active().await;
    world.lead("ann@example.com");
    world.settle().await;
    world.advance(3_600);
    world.forget_calls();
    let take = async |holder| {
        let until = world.now() + SignedDuration::from_secs(60);
        let turn = Turn { holder, until };
        world
            .state
            .put_turn(&world.unit(), &turn, world.now())
            .await
    };
    assert_eq!(take(Holder::Reconciler).await, Ok(()));
    let polled = world.poll_once().await;
    assert_eq!((polled.waits_for_turn, polled.problem), (true, None));
    assert_eq!(world.calls(), BTreeMap::new());
    // A turn that its process did not give back ends by itself.
    world.advance(61);
    assert!(!world.poll_once().await.waits_for_turn);
    // The poll is over, its turn too.
    assert_eq!(take(Holder::Reconciler).await, Ok(()));
    world.advance(61);
    world.forget_calls();
    assert_eq!(take(Holder::Poller).await, Ok(()));
    let report = world.reconcile().await;
    assert!(report.waits_for_turn && report.is_owed);
    assert_eq!(world.calls(), BTreeMap::new());
    world.advance(61);
    assert!(world.reconcile().await.is_complete);
    assert!(!world.poll_once().await.waits_for_turn);
}
