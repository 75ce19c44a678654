//! What a worker does that loses a condition, or whose write or store is refused (steps 2, 4, 6, 9
//! and 10 of docs/reliability.md).

mod world;

use std::sync::Arc;

use connector::dlq;
use connector::ports::{Clock, Commit, Links};
use connector::work::Delivery;
use futures::FutureExt;
use jiff::SignedDuration;
use serde_json::{Value, json};
use sync_core::link::{Link, LinkState};
use twin::org::Caller;
use twin::org::users::ADMIN;
use twin::world::lock;
use world::{Drained, Failure, Fuse, INES, UNIT, World, calls_of};

const ANN: &str = "ann@example.com";
const KEY: &str = "Prospect_Sync_Key__c";

/// A linked pair at rest.
async fn linked_pair() -> (World, String, u64) {
    let world = World::active().await;
    let (lead, prospect) = world.linked_pair(ANN).await;
    (world, lead, prospect)
}

/// One delivery of everything that waits; answers how many messages it gave back.
async fn deliver_once(world: &World, fuse: &Arc<Fuse>) -> usize {
    let batch = world.waiting();
    *lock(&world.fuse) = Some(Arc::clone(fuse));
    let delivered = world.deliver(world.environment(), &batch).await;
    *lock(&world.fuse) = None;
    let (failed, _) = delivered.expect("the worker lives");
    world.put_back(&batch, &failed);
    failed.len()
}

/// Another worker stores the only row, as it stands and with this change.
fn another_stores<F>(world: &World, change: F) -> impl FnOnce() + Send + use<F>
where
    F: FnOnce(&mut Link) + Send + 'static,
{
    let (links, unit, now) = (Arc::clone(&world.links), world.unit(), world.now());
    move || {
        let listed = links
            .list(&unit, None, None)
            .now_or_never()
            .expect("memory");
        let mut link = listed.expect("memory").rows.remove(0);
        change(&mut link);
        let commit = Commit::of(link, now);
        let stored = links.commit(vec![commit]).now_or_never().expect("memory");
        assert!(stored[0].is_ok(), "{stored:?}");
    }
}

async fn drain(world: &World, fuse: Arc<Fuse>) -> Drained {
    *lock(&world.fuse) = Some(fuse);
    let drained = world.drain().await;
    *lock(&world.fuse) = None;
    assert_eq!((drained.dead, drained.crashed), (0, 0));
    drained
}

/// The messages of the poll alone have brought the pair to rest; no later look was needed.
async fn assert_committed(world: &World, lead: &str, prospect: u64, city: &str) {
    world.assert_in_step();
    assert_eq!(world.row("Lead", lead)["City"], city);
    assert_eq!(world.prospect_row(prospect)["city"], city);
    let link = world.all_links().await.remove(0);
    assert_eq!((&link.state, &link.intent), (&LinkState::Linked, &None));
    let base = serde_json::to_value(&link.base).expect("a base");
    assert!(base["city"].to_string().contains(city), "{base}");
    assert!(world.waiting().is_empty());
}

/// Another worker stores the row between our read and our intent. It has the lease, or is done already.
#[tokio::test]
async fn p2_who_loses_the_condition_writes_nothing_and_reads_again() {
    for has_lease in [true, false] {
        let (world, lead, prospect) = linked_pair().await;
        world.update_prospect(prospect, json!({ "city": "Lyon" }));
        assert_eq!(world.poll_once().await.problem, None);
        let until = world.now() + SignedDuration::from_secs(100);
        let other = another_stores(&world, move |link| {
            link.lease_until = has_lease.then_some(until);
        });
        let fuse = Fuse::meddling("links.begin", other);
        let given_back = deliver_once(&world, &fuse).await;
        assert_eq!(fuse.count("crm.read"), 2, "read again at once");
        if has_lease {
            assert_eq!((fuse.count("crm.write"), given_back), (0, 1));
            world.advance(120);
            world.drain().await;
        } else {
            assert_eq!((fuse.count("crm.write"), given_back), (1, 0));
        }
        assert_committed(&world, &lead, prospect, "Lyon").await;
    }
}

/// The row was stored by somebody else, or the table was away, when the result was to be committed.
#[tokio::test]
async fn p9_a_result_that_was_not_committed_comes_again() {
    for is_conflict in [true, false] {
        let (world, lead, prospect) = linked_pair().await;
        world.update_prospect(prospect, json!({ "city": "Lyon" }));
        assert_eq!(world.poll_once().await.problem, None);
        let fuse = if is_conflict {
            Fuse::meddling("links.commit", another_stores(&world, |_| {}))
        } else {
            Fuse::failing("links.commit", Failure::Refused)
        };
        assert_eq!(deliver_once(&world, &fuse).await, 1, "{is_conflict}");
        assert_eq!(fuse.count("links.commit"), 1);
        world.advance(600);
        world.drain().await;
        assert_committed(&world, &lead, prospect, "Lyon").await;
    }
}

/// Salesforce first: a prospect gets nothing while Salesforce has not taken its part.
#[tokio::test]
async fn p9_a_prospect_is_not_written_when_salesforce_has_not_taken_its_part() {
    for failure in [Failure::Refused, Failure::ReplyLost] {
        let (world, lead, prospect) = linked_pair().await;
        world.update("Lead", &lead, json!({ "Country": "France" }));
        world.update_prospect(prospect, json!({ "city": "Lyon" }));
        world.advance(5);
        assert_eq!(world.poll_once().await.problem, None);
        let fuse = Fuse::failing("crm.write", failure);
        deliver_once(&world, &fuse).await;
        assert_eq!(fuse.count("crm.write"), 1, "{failure:?}");
        assert_eq!(fuse.count("marketing.write"), 0, "{failure:?}");
        world.advance(600);
        world.drain().await;
        assert_committed(&world, &lead, prospect, "Lyon").await;
        assert_eq!(world.prospect_row(prospect)["country"], "France");
    }
}

/// A value that Salesforce refuses, and tables that are away: nobody would learn of it.
#[tokio::test]
async fn p10_a_message_whose_error_row_was_not_stored_comes_again() {
    let (world, _, prospect) = linked_pair().await;
    world.update_prospect(prospect, json!({ "Region__c": "Mars" }));
    assert_eq!(world.poll_once().await.problem, None);
    let fuse = Fuse::failing("links.commit", Failure::Refused);
    assert_eq!(deliver_once(&world, &fuse).await, 1);
    assert_eq!(world.open_errors().await, []);
    assert!(!world.all_links().await[0].has_open_error);
    world.advance(600);
    world.drain().await;
    assert_eq!(world.open_errors().await.len(), 1);
}

#[tokio::test]
async fn p10_a_dead_message_stays_while_a_row_of_it_is_not_stored() {
    let (world, lead, _) = linked_pair().await;
    world.update("Lead", &lead, json!({ "City": "Lyon" }));
    assert_eq!(world.poll_once().await.problem, None);
    let message = world.waiting().remove(0);
    let dead = Delivery {
        message_id: message.id,
        body: message.body,
        deliveries: 1,
    };
    let environment = Fuse::failing("links.commit", Failure::Refused).wrap(world.environment());
    let kept = dlq::drain(&environment, vec![dead.clone()], "dead").await;
    assert_eq!(kept, [dead.message_id.as_str()]);
    let kept = dlq::drain(&environment, vec![dead], "dead").await;
    assert_eq!(kept, [""; 0]);
    let link = world.all_links().await.remove(0);
    assert!(link.has_open_error);
    assert_eq!(world.open_errors().await.len(), 1);
}

/// Somebody inserts the record under our key between our look and our insert: an earlier attempt of ours
/// that landed late.
#[tokio::test]
async fn p6_a_create_whose_key_is_there_already_is_linked_within_the_delivery() {
    let world = World::active().await;
    let fields = json!({ "email": ANN, "lastName": "Ann" });
    let prospect = world.edit_unit(json!({ "fields": fields, "assign": INES }));
    assert_eq!(world.poll_once().await.problem, None);
    let services = Arc::clone(&world.twin.world);
    let insert = move || {
        let mut org = lock(&services.org);
        let user = org.user_id(ADMIN).expect("a user of the org");
        let fields = json!({ "Email": ANN, "LastName": "Ann", "Company": "Example", KEY: format!("{UNIT}:p:{prospect}") });
        let caller = Caller {
            allow_save: true,
            ..Caller::new(user, services.clock.now())
        };
        let fields: &Value = &fields;
        org.create("Lead", fields.as_object().expect("fields"), &caller)
            .expect("a lead that fits");
    };
    let drained = drain(&world, Fuse::meddling("crm.write", insert)).await;
    assert_eq!(calls_of(None, &drained)["salesforce collection_create"], 1);
    assert_eq!(drained.delivered, 1, "looked for at once");
    assert_eq!(world.errors_with_closed().await, [], "it is nobody's error");
    assert_eq!(world.rows("Lead").len(), 1);
    world.assert_in_step();
    let links = world.all_links().await;
    assert_eq!((links.len(), &links[0].state), (1, &LinkState::Linked));
}

/// The look right after a create takes the prospect from the look before. The one after that does not:
/// somebody edited the prospect, and somebody stored the row.
#[tokio::test]
async fn p4_a_look_after_a_lost_condition_reads_the_prospect_again() {
    let world = World::active().await;
    let fields = json!({ "email": ANN, "lastName": "Ann" });
    let prospect = world.edit_unit(json!({ "fields": fields, "assign": INES }));
    assert_eq!(world.poll_once().await.problem, None);
    let (services, other) = (
        Arc::clone(&world.twin.world),
        another_stores(&world, |_| {}),
    );
    let ours = Arc::clone(&world.clock);
    let act = move || {
        other();
        let by = SignedDuration::from_secs(5);
        services.clock.advance(by);
        ours.set(ours.now() + by);
        let mut units = lock(&services.units);
        let unit = units.get_mut(UNIT).expect("the unit");
        let edit = json!({ "id": prospect, "fields": { "city": "Lyon" } });
        let edited = unit.human_edit(edit, services.clock.now());
        edited.expect("an edit that fits");
    };
    let fuse = Fuse::meddling_after(1, "links.begin", act);
    assert_eq!(deliver_once(&world, &fuse).await, 0);
    assert_eq!(fuse.count("marketing.read"), 2);
    assert_eq!(world.rows("Lead")[0]["City"], "Lyon");
}
