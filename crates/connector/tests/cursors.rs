//! The poller's promise: a cursor moves only after the queue has everything, on server stamps only.

mod world;

use std::sync::Arc;

use connector::poll::{PollError, poll_all};
use connector::ports::Stream;
use jiff::SignedDuration;
use serde_json::json;
use sync_core::ids::CrmObject;
use twin::world::lock;
use world::{Failure, Fuse, UNIT, World, person};

const LEADS: usize = 1;
const PROSPECTS: usize = 2;
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// `count` leads with one stamp.
fn burst_of_leads(world: &World, count: usize) {
    world.edit_org(world::INES, |org, caller| {
        for number in 0..count {
            let fields = person(&format!("burst{number}@example.com"));
            let fields = fields.as_object().expect("an object");
            org.create("Lead", fields, caller)
                .expect("a lead that fits");
        }
    });
}

/// `count` prospects with one stamp.
fn burst_of_prospects(world: &World, count: usize) {
    let now = world.twin.world.clock.now();
    let mut units = lock(&world.twin.world.units);
    let unit = units.get_mut(UNIT).expect("the unit");
    for number in 0..count {
        let fields = json!({ "email": format!("burst{number}@example.com"), "lastName": "B" });
        unit.human_edit(json!({ "fields": fields }), now)
            .expect("a prospect that fits");
    }
}

#[tokio::test]
async fn a_queue_that_refuses_keeps_the_cursor_where_it_was() {
    let world = World::active().await;
    world.settle().await;
    let before = world.cursors().await;
    world.advance(60);
    world.lead("ann@example.com");
    world.advance(3600);
    world.queue.refuse(true);
    let polled = world.poll_once().await;
    assert!(
        matches!(polled.problem, Some(PollError::Queue(_))),
        "{:?}",
        polled.problem
    );
    assert_eq!(world.cursors().await, before);
    world.queue.refuse(false);
    assert!(world.waiting().is_empty());
    let drained = world.sync().await;
    assert_eq!(drained.delivered, 1);
    assert!(world.cursors().await[LEADS] > before[LEADS]);
    assert_eq!(world.prospects().len(), 1);
}

/// The edits are old enough to be remembered by the cursor: only the queue can still bring them.
#[tokio::test]
async fn a_poller_that_fails_at_any_call_loses_nothing() {
    let counting = Fuse::counting();
    failing_poll(&counting).await;
    let names = counting.names();
    let mut points = 0;
    for (number, call) in names.iter().enumerate() {
        for failure in Failure::ALL {
            println!("{failure:?} at call {number}, {call}");
            failing_poll(&Fuse::at(number, failure)).await;
            points += 1;
        }
    }
    println!(
        "poll: {} port calls, {points} crash points: {}",
        names.len(),
        names.join(" ")
    );
}

async fn failing_poll(fuse: &Arc<Fuse>) {
    let world = World::active().await;
    let lead = world.lead("ann@example.com");
    world.settle().await;
    world.lead("bea@example.com");
    let prospect = world.prospects()[0]["id"].as_u64().expect("an id");
    world.update_prospect(prospect, json!({ "city": "Lyon" }));
    world.advance(3600);
    let environment = fuse.wrap(world.environment());
    tokio::select! {
        biased;
        _ = poll_all(&environment, "failing") => {}
        () = fuse.death() => world.services.forget(),
    }
    world.drain().await;
    world.advance(60);
    world.sync().await;
    world.assert_in_step();
    assert_eq!(world.row("Lead", &lead)["City"], "Lyon");
}

/// A transaction of a quarter of an hour: its rows appear with stamps that the cursor has passed.
#[tokio::test]
async fn a_row_that_commits_late_is_found_in_the_overlap() {
    let delays = [30, 300, 15 * 60];
    for (late, is_quiet) in delays
        .into_iter()
        .flat_map(|late| [(late, false), (late, true)])
    {
        let world = World::active().await;
        world.edit_org(world::INES, |org, caller| {
            let caller = twin::org::Caller {
                visible_after: Some(late),
                ..caller.clone()
            };
            let fields = person("late@example.com");
            org.create("Lead", fields.as_object().expect("an object"), &caller)
                .expect("fits");
        });
        world.advance(20);
        world.lead("early@example.com");
        world.sync().await;
        assert_eq!(world.prospects().len(), 1, "only what is committed is seen");
        // Ticks go by, and in a busy system each sees newer rows.
        let mut waited = 20;
        while waited <= late {
            world.advance(60);
            waited += 60;
            if !is_quiet {
                world.lead(&format!("later{waited}@example.com"));
            }
            world.sync().await;
        }
        assert_eq!(
            world.prospects_of("late@example.com").len(),
            1,
            "after {late} seconds"
        );
        world.assert_in_step();
    }
}

#[tokio::test]
async fn what_is_in_the_queue_already_is_not_enqueued_again_but_a_new_edit_is() {
    let world = World::active().await;
    let lead = world.lead("ann@example.com");
    world.settle().await;
    for _ in 0..3 {
        world.advance(60);
        assert_eq!(
            world.poll_once().await.enqueued,
            0,
            "inside the overlap, and known"
        );
    }
    world.update("Lead", &lead, json!({ "City": "Paris" }));
    world.advance(60);
    let polled = world.poll_once().await;
    assert_eq!(polled.seen["Lead"], 1);
    assert_eq!(polled.enqueued, 1);
}

/// K4: a prospect may be read in an older state for a minute, so a young stamp is looked at again.
#[tokio::test]
async fn a_stamp_is_remembered_only_when_it_is_final() {
    let world = World::active().await;
    world.prospect(json!({ "email": "ann@example.com", "lastName": "Ann" }));
    let mut enqueued = Vec::new();
    for _ in 0..4 {
        enqueued.push(world.poll_once().await.enqueued);
        world.advance(40);
    }
    assert_eq!(enqueued, [1, 1, 1, 0]);
}

/// A transaction that is stamped in the second of another write and commits minutes later.
#[tokio::test]
async fn a_late_commit_with_the_stamp_of_an_earlier_write_arrives() {
    let world = World::active().await;
    let lead = world.lead("ann@example.com");
    world.settle().await;
    world.advance(60);
    let stamp = world.twin.world.clock.now();
    let edit = |city: &str, visible_after: Option<i64>| {
        let mut org = lock(&world.twin.world.org);
        let ines = org.user_id(world::INES).expect("a user");
        let mut caller = twin::org::Caller::new(ines, stamp);
        caller.visible_after = visible_after;
        let fields = json!({ "City": city });
        let fields = fields.as_object().expect("an object");
        org.update("Lead", &lead, fields, &caller)
            .expect("an edit that fits");
    };
    edit("Paris", None);
    edit("Lyon", Some(600));
    world.advance(60);
    world.sync().await;
    assert_eq!(world.prospects()[0]["city"], "Paris");
    // The echo of our own write would look at the lead again.
    world.settle().await;
    assert_eq!(world.prospects()[0]["city"], "Paris", "not committed yet");
    world.advance(600);
    world.sync().await;
    assert_eq!(world.prospects()[0]["city"], "Lyon");
}

/// Two edits within one second have one stamp: the second must not hide behind the first.
#[tokio::test]
async fn two_edits_in_one_second_around_a_poll_both_arrive() {
    let world = World::active().await;
    let lead = world.lead("ann@example.com");
    world.settle().await;
    world.advance(60);
    let stamp = world.twin.world.clock.now();
    let edit = |city: &str| {
        let mut org = lock(&world.twin.world.org);
        let ines = org.user_id(world::INES).expect("a user");
        let caller = twin::org::Caller::new(ines, stamp);
        let fields = json!({ "City": city });
        let fields = fields.as_object().expect("an object");
        org.update("Lead", &lead, fields, &caller)
            .expect("an edit that fits");
    };
    edit("Paris");
    world.sync().await;
    edit("Lyon");
    world.advance(60);
    world.sync().await;
    assert_eq!(world.prospects()[0]["city"], "Lyon");
}

#[tokio::test]
async fn a_burst_with_one_stamp_over_many_pages_is_read_whole() {
    let world = World::active().await;
    world.configure_org(json!({ "page_size": 3 }));
    burst_of_leads(&world, 10);
    world.advance(10);
    let polled = world.poll_once().await;
    assert_eq!((polled.seen["Lead"], polled.enqueued), (10, 10));
    world.advance(60);
    assert_eq!(world.poll_once().await.enqueued, 0);
    world.drain().await;
    world.assert_in_step();
}

#[tokio::test]
async fn a_burst_of_prospects_with_one_stamp_over_pages_is_read_whole() {
    let world = World::active().await;
    burst_of_prospects(&world, 2_100);
    world.advance(120);
    let polled = world.poll_once().await;
    assert_eq!((polled.seen["Prospect"], polled.enqueued), (2_100, 2_100));
    world.advance(60);
    assert_eq!(world.poll_once().await.enqueued, 0);
    let drained = world.drain().await;
    assert_eq!(drained.sum(|report| report.skipped.values().sum()), 2_100);
}

/// One for each stream.
async fn assert_a_poll_costs_three_calls(world: &World) {
    world.forget_calls();
    world.poll_once().await;
    assert_eq!(
        world.calls().values().sum::<u64>(),
        3,
        "{:?}",
        world.calls()
    );
}

/// The memory holds 4,000 rows of a stream: the others come again until the overlap has left them behind.
#[tokio::test]
async fn a_burst_larger_than_the_memory_is_not_enqueued_for_ever() {
    let world = World::active().await;
    burst_of_leads(&world, 4_100);
    burst_of_prospects(&world, 4_100);
    let mut enqueued = Vec::new();
    for minutes in [2, 2, 14, 2, 2] {
        world.advance(minutes * 60);
        let polled = world.poll_once().await;
        assert_eq!(polled.problem, None);
        enqueued.push(polled.enqueued);
    }
    assert_eq!(enqueued, [8_200, 200, 200, 0, 0]);
    assert_a_poll_costs_three_calls(&world).await;
}

/// Our own clock may be wrong by an hour: cursors hold what the services' clocks showed.
#[tokio::test]
async fn our_own_clock_moves_no_cursor() {
    for wrong in [-HOUR, HOUR] {
        let world = World::active().await;
        world.lead("ann@example.com");
        world.advance(120);
        world.clock.set(world.now() + wrong);
        world.sync().await;
        let service = world.twin.world.clock.now();
        for cursor in world.cursors().await.into_iter().flatten() {
            let behind = service.duration_since(cursor);
            assert!(behind.is_positive() && behind.as_secs() < 100, "{behind:?}");
        }
        world.advance(60);
        world.prospect(json!({ "email": "bea@example.com", "lastName": "Bea" }));
        assert_eq!(
            world.poll_once().await.seen["Prospect"],
            2,
            "its own echo, and the new one"
        );
    }
}

/// The server that answers has a clock ten minutes behind, and the youngest row is older than the cursor.
#[tokio::test]
async fn a_cursor_never_moves_backward() {
    let world = World::active().await;
    world.lead("ann@example.com");
    world.settle().await;
    let before = world.cursors().await;
    let behind = SignedDuration::from_mins(-10);
    world.twin.world.clock.advance(behind);
    let polled = world.poll_once().await;
    assert_eq!(polled.problem, None);
    assert_eq!(world.cursors().await, before);
}

/// Nothing changed: the cursors go with the services' clocks, and the poll costs one call for each stream.
#[tokio::test]
async fn an_idle_tick_costs_three_calls() {
    let world = World::active().await;
    world.lead("ann@example.com");
    world.settle().await;
    world.advance(60);
    let before = world.cursors().await;
    assert_a_poll_costs_three_calls(&world).await;
    let after = world.cursors().await;
    assert!(before.iter().zip(&after).all(|(old, new)| old < new));
    let service = world.twin.world.clock.now();
    let stale = after[PROSPECTS].map(|cursor| service.duration_since(cursor).as_secs());
    assert!(
        stale >= Some(60),
        "a read of prospects may be as old (K4): {stale:?}"
    );
    assert_eq!(Stream::ALL[LEADS], Stream::Crm(CrmObject::Lead));
}

#[tokio::test]
async fn a_deleted_prospect_is_seen_by_the_next_poll() {
    let world = World::active().await;
    let prospect = world.prospect(json!({ "email": "ann@example.com", "lastName": "Ann" }));
    world.settle().await;
    world.advance(3_600);
    world.delete_prospect(prospect);
    assert_eq!(world.poll_once().await.seen["Prospect"], 1);
}
