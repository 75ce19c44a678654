//! No value is overruled without a record of it that lasts.

mod world;

use serde_json::json;
use sync_core::value::FieldValue;
use world::{Failure, Fuse, World};

/// A pair of which both sides were edited in the same field; the hints wait.
async fn edited_on_both_sides() -> (World, String) {
    let world = World::active().await;
    let lead = world.lead("ann@example.com");
    world.settle().await;
    let prospect = world.prospects_of("ann@example.com")[0]["id"].as_u64();
    world.update("Lead", &lead, json!({ "City": "Paris" }));
    world.update_prospect(prospect.expect("an id"), json!({ "city": "Lyon" }));
    world.advance(60);
    assert_eq!(world.poll_once().await.problem, None);
    (world, lead)
}

/// What the pair tells of its conflicts: field, Salesforce's value, Account Engagement's.
async fn conflicts(world: &World) -> Vec<(String, FieldValue, FieldValue)> {
    let links = world.all_links().await;
    let kept = links.into_iter().flat_map(|link| link.conflicts);
    kept.map(|kept| {
        let field = kept.field;
        (field.field.0, field.salesforce, field.account_engagement)
    })
    .collect()
}

fn expected() -> Vec<(String, FieldValue, FieldValue)> {
    let text = |value: &str| FieldValue::Text(value.to_owned());
    vec![("city".to_owned(), text("Paris"), text("Lyon"))]
}

#[tokio::test]
async fn a_conflict_is_kept_when_the_next_sync_has_another_story() {
    let (world, lead) = edited_on_both_sides().await;
    world.drain().await;
    assert_eq!(conflicts(&world).await, expected());
    world.settle().await;
    world.update("Lead", &lead, json!({ "Country": "France" }));
    world.settle().await;
    world.assert_in_step();
    assert_eq!(conflicts(&world).await, expected());
}

/// The worker dies at any call, the connector is paused before the pair is taken up, and activated later.
#[tokio::test]
async fn a_conflict_is_kept_when_the_worker_dies_and_the_pair_is_held() {
    for point in 0.. {
        let (world, _) = edited_on_both_sides().await;
        let fuse = Fuse::at_each(vec![(point, Failure::CrashAfter)]);
        *twin::world::lock(&world.fuse) = Some(fuse.clone());
        let batch = world.waiting();
        let died = world.deliver(world.environment(), &batch).await.is_none();
        *twin::world::lock(&world.fuse) = None;
        world.services.forget();
        world.advance(3_600);
        world.pause().await;
        world.drain().await;
        world.activate().await;
        world.settle().await;
        world.assert_in_step();
        assert_eq!(conflicts(&world).await, expected(), "died at call {point}");
        if !died {
            assert!(point > 5, "a worker makes more calls than {point}");
            return;
        }
    }
}
