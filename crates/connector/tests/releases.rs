//! A record whose partner could not be created is free for a partner that somebody enters by hand.

mod world;

use connector::ports::{Commit, Links};
use serde_json::json;
use sync_core::decision::{HoldReason, SkipReason};
use sync_core::ids::CrmId;
use sync_core::key::{PairKey, RecordRef};
use sync_core::link::{Link, LinkState};
use sync_core::protocol::AdminCommand;
use world::{Failure, Fuse, INES, Message, World};

const ANN: &str = "ann@example.com";

fn assigned(world: &World, region: Option<&str>) -> u64 {
    let fields =
        json!({ "email": ANN, "lastName": "Ann", "Region__c": region.unwrap_or_default() });
    world.edit_unit(json!({ "fields": fields, "assign": INES }))
}

/// One lead, one prospect, one row that links them, and nothing to do for anybody.
async fn assert_one_pair(world: &World) {
    world.assert_in_step();
    assert_eq!(world.rows("Lead").len(), 1);
    assert_eq!(world.prospects().len(), 1);
    let links = world.all_links().await;
    assert_eq!(links.len(), 1, "{links:?}");
    assert_eq!(links[0].state, LinkState::Linked);
    assert!(!links[0].has_open_error);
    assert_eq!(world.open_errors().await, []);
}

async fn claims(world: &World, record: RecordRef) -> usize {
    let loaded = world.links.load(&world.unit(), &[record], &[]).await;
    loaded.expect("memory").claims.len()
}

/// Somebody sends the prospect by hand, before the messages of `batch` come again; answers whether it must come
/// again too.
async fn send(world: &World, prospect: u64, batch: &[Message]) -> bool {
    world.advance(5);
    let prospect = prospect.try_into().expect("an id");
    world.admin(AdminCommand::Sync { prospect }).await;
    let sent = world.waiting_besides(batch);
    assert_eq!(sent.len(), 1);
    let delivered = world.deliver(world.environment(), &sent).await;
    let (failed, _) = delivered.expect("the worker lives");
    world.put_back(&sent, &failed);
    !failed.is_empty()
}

/// The natural answer to an error row: somebody enters the lead by hand.
#[tokio::test]
async fn p1_a_prospect_whose_lead_was_refused_is_linked_with_one_that_is_entered_by_hand() {
    for is_ampsea in [true, false] {
        let world = World::matching_by_address(is_ampsea).await;
        let prospect = assigned(&world, Some("Mars"));
        world.sync().await;
        let errors = world.open_errors().await;
        assert_eq!(errors.len(), 1);
        let tried = errors[0].attempts;
        assert_eq!(tried, 1, "refused for good, it is not tried again");
        world.settle().await;
        assert_eq!(world.rows("Lead").len(), 0);
        let record = RecordRef::Prospect(prospect.try_into().expect("an id"));
        assert_eq!(claims(&world, record).await, 0);

        world.lead(ANN);
        world.update_prospect(prospect, json!({ "Region__c": "" }));
        world.settle().await;
        assert_one_pair(&world).await;
    }
}

/// Seed 949875. Whoever goes on with a pair that was begun looks for the rows that its records had alone.
#[tokio::test]
async fn p9_the_row_of_a_refused_create_goes_when_the_worker_that_linked_its_record_died() {
    for is_ampsea in [true, false] {
        let world = World::matching_by_address(is_ampsea).await;
        let prospect = assigned(&world, Some("Mars"));
        world.settle().await;
        assert_eq!(world.open_errors().await.len(), 1);
        world.lead(ANN);
        world.advance(5);
        assert_eq!(world.poll_once().await.problem, None);
        let batch = world.waiting();
        world.die_before("links.commit", &batch).await;
        world.services.forget();
        world.update_prospect(prospect, json!({ "Region__c": "" }));
        world.advance(3_600);
        world.drain().await;
        assert_one_pair(&world).await;
    }
}

/// The calls of the day are used up when a lead's prospect is to be created; meanwhile it fills in a form.
#[tokio::test]
async fn p1_a_lead_whose_prospect_waits_for_calls_is_linked_with_one_that_came_meanwhile() {
    for is_ampsea in [true, false] {
        let world = World::matching_by_address(is_ampsea).await;
        world.lead(ANN);
        assert_eq!(world.poll_once().await.problem, None);
        let batch = world.waiting();
        let environment =
            Fuse::failing("marketing.write", Failure::Refused).wrap(world.environment());
        let delivered = world.deliver(environment, &batch).await;
        let (failed, _) = delivered.expect("the worker lives");
        assert_eq!(failed.len(), 1);
        assert_eq!(world.prospects().len(), 0);
        world.put_back(&batch, &failed);

        let prospect = assigned(&world, None);
        assert!(!send(&world, prospect, &batch).await);
        world.advance(3_600);
        world.settle().await;
        assert_one_pair(&world).await;
    }
}

/// A worker dies before it creates the prospect. Nobody knows whether it did when the lead's prospect fills in a
/// form: who looks for its lead waits.
#[tokio::test]
async fn p1_a_prospect_that_came_while_a_create_is_open_waits_for_its_lead() {
    for is_ampsea in [true, false] {
        let world = World::matching_by_address(is_ampsea).await;
        world.lead(ANN);
        assert_eq!(world.poll_once().await.problem, None);
        let batch = world.waiting();
        world.die_before("marketing.write", &batch).await;
        world.services.forget();

        let prospect = assigned(&world, None);
        assert!(send(&world, prospect, &batch).await);
        assert_eq!(world.rows("Lead").len(), 1);
        world.advance(3_600);
        world.drain().await;
        world.settle().await;
        assert_one_pair(&world).await;
    }
}

/// Seed 81293. A lead was sent by hand under its own key, and held, while the pair that created it was not linked yet:
/// the row would be caught up with every poll.
#[tokio::test]
async fn p9_the_held_row_of_a_record_that_another_pair_created_goes_before_they_are_linked() {
    let world = World::matching_by_address(true).await;
    let prospect = assigned(&world, None);
    assert_eq!(world.poll_once().await.problem, None);
    let batch = world.waiting();
    world.die_before("links.commit", &batch).await;
    world.delete_prospect(prospect);
    let lead: CrmId = world.rows("Lead")[0]["Id"]
        .as_str()
        .expect("an id")
        .parse()
        .expect("an id");
    let mut held = Link::new(world.unit(), PairKey::of(RecordRef::Crm(lead)));
    held.state = LinkState::Held(HoldReason::Paused);
    let stored = world
        .links
        .commit(vec![Commit::of(held, world.now())])
        .await;
    assert!(stored[0].is_ok());
    world.advance(3_600);
    world.settle().await;
    let links = world.all_links().await;
    assert_eq!(links.len(), 1, "{links:?}");
    let skipped = LinkState::Skipped(SkipReason::ProspectDeleted);
    assert_eq!(
        (links[0].key.to_string(), &links[0].state),
        (format!("p:{prospect}"), &skipped)
    );
}
