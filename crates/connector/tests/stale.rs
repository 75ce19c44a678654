//! What a user enters between our read and our write: not overwritten unseen where a service can tell,
//! and counted where it shows.

mod world;

use std::sync::Arc;

use connector::events::{Event, MetricName};
use connector::ports::Clock;
use connector::work::WorkReport;
use jiff::SignedDuration;
use serde_json::{Value, json};
use twin::org::Caller;
use twin::org::users::ADMIN;
use twin::world::lock;
use world::{Drained, Fuse, UNIT, World, calls_of, example_config, writes};

const ANN: &str = "ann@example.com";

/// One tick, during which somebody does something just before our call.
async fn tick_with(
    world: &World,
    call: &'static str,
    act: impl FnOnce() + Send + 'static,
) -> Drained {
    assert_eq!(world.poll_once().await.problem, None);
    *lock(&world.fuse) = Some(Fuse::meddling(call, act));
    let drained = world.drain().await;
    *lock(&world.fuse) = None;
    assert_eq!((drained.dead, drained.crashed), (0, 0));
    assert_eq!(world.open_errors().await, []);
    drained
}

/// A user changes the lead some seconds from now.
fn edit_of_a_lead(world: &World, lead: &str, fields: Value) -> impl FnOnce() + Send + use<> {
    let (services, lead) = (Arc::clone(&world.twin.world), lead.to_owned());
    move || {
        services.clock.advance(SignedDuration::from_secs(5));
        let now = services.clock.now();
        let mut org = lock(&services.org);
        org.begin(now);
        let user = org.user_id(ADMIN).expect("a user of the org");
        let fields = fields.as_object().expect("fields");
        let edited = org.update("Lead", &lead, fields, &Caller::new(user, now));
        edited.expect("an edit that fits");
    }
}

fn risk(drained: &Drained) -> u64 {
    drained.sum(|report| report.metrics()[&MetricName::StaleOverwriteRisk])
}

/// Salesforce wins this field: what stands there in the end is what the last user saw and entered.
#[tokio::test]
async fn an_edit_between_our_read_and_our_write_is_not_overwritten() {
    for (is_conditional, on_both_sides) in [(true, "Paris"), (false, "Lyon")] {
        let mut config = example_config();
        config.salesforce.conditional_updates = is_conditional;
        let world = World::with(config).await;
        let (lead, prospect) = world.linked_pair(ANN).await;
        world.update_prospect(prospect, json!({ "city": "Lyon" }));
        let edit = edit_of_a_lead(&world, &lead, json!({ "City": "Paris" }));
        let drained = tick_with(&world, "crm.write", edit).await;
        assert_eq!(world.row("Lead", &lead)["City"], on_both_sides);
        world.settle().await;
        world.assert_in_step();
        assert_eq!(world.row("Lead", &lead)["City"], on_both_sides);
        assert_eq!(risk(&drained), u64::from(is_conditional));
        // The pair is read and decided again at once, and the edit that lost is recorded.
        assert_eq!(drained.sum(|report| report.retried), 0);
        assert_eq!(
            drained.sum(|report| report.conflicts),
            u64::from(is_conditional)
        );
    }
}

/// The condition has whole seconds. What may still change within the one that was read waits until it is over.
#[tokio::test]
async fn p8_an_edit_in_the_very_second_that_was_read_is_not_overwritten() {
    let world = World::active().await;
    let (lead, prospect) = world.linked_pair(ANN).await;
    world.update_prospect(prospect, json!({ "city": "Lyon" }));
    world.update("Lead", &lead, json!({ "Title": "Pilot" }));
    assert_eq!(world.poll_once().await.problem, None);
    let drained = world.deliver(world.environment(), &world.waiting()).await;
    let (failed, reports) = drained.expect("nobody dies");
    assert!(!failed.is_empty(), "it comes again");
    for report in reports {
        assert_eq!(report.salesforce.calls.get("conditional_update"), None);
    }
    world.update("Lead", &lead, json!({ "City": "Paris" }));
    world.advance(30);
    world.drain().await;
    world.settle().await;
    world.assert_in_step();
    assert_eq!(world.row("Lead", &lead)["City"], "Paris");
    let links = world.all_links().await;
    assert_eq!(links[0].conflicts.len(), 1, "and Lyon has lost");
}

#[tokio::test]
async fn an_edit_of_another_field_costs_one_more_look_and_both_survive() {
    let world = World::active().await;
    let (lead, prospect) = world.linked_pair(ANN).await;
    world.update_prospect(prospect, json!({ "city": "Lyon" }));
    let edit = edit_of_a_lead(&world, &lead, json!({ "Title": "Pilot" }));
    let drained = tick_with(&world, "crm.write", edit).await;
    assert_eq!(calls_of(None, &drained)["salesforce conditional_update"], 2);
    let row = world.row("Lead", &lead);
    assert_eq!(
        (&row["City"], &row["Title"]),
        (&json!("Lyon"), &json!("Pilot"))
    );
    assert_eq!(world.prospect_row(prospect)["jobTitle"], "Pilot");
    assert_eq!(risk(&drained), 1);
}

/// Nobody edits: the condition holds, also for records that we have just written ourselves.
#[tokio::test]
async fn what_nobody_edits_is_written_at_once() {
    let world = World::active().await;
    let (lead, prospect) = world.linked_pair(ANN).await;
    for city in ["Lyon", "Paris", "Metz"] {
        world.update_prospect(prospect, json!({ "city": city }));
        let drained = world.sync().await;
        assert_eq!(world.row("Lead", &lead)["City"], city);
        assert_eq!(calls_of(None, &drained)["salesforce conditional_update"], 1);
        assert_eq!(risk(&drained), 0);
    }
}

/// A write that only stores the pair key, or a field that only Account Engagement fills, overwrites no
/// user's entry and needs no condition.
#[tokio::test]
async fn what_no_user_enters_and_new_records_go_as_collections() {
    let world = World::active().await;
    let fields = json!({ "email": "eve@example.com", "lastName": "eve", "firstName": "Ann", "company": "Example" });
    world.prospect(fields);
    world.lead("eve@example.com");
    let drained = world.sync().await;
    let calls = calls_of(None, &drained);
    assert_eq!(calls["salesforce collection_update"], 1, "{calls:?}");
    assert!(
        !calls.contains_key("salesforce conditional_update"),
        "{calls:?}"
    );
    let (_, ann) = world.linked_pair(ANN).await;
    world.edit_unit(json!({ "id": ann, "score_add": 7 }));
    let calls = calls_of(None, &world.sync().await);
    assert_eq!(calls["salesforce collection_update"], 1, "{calls:?}");
    assert!(
        !calls.contains_key("salesforce conditional_update"),
        "{calls:?}"
    );
    let assigned = json!({ "email": "cem@example.com", "lastName": "Cem" });
    world.edit_unit(json!({ "fields": assigned, "assign": world::TOM }));
    let calls = calls_of(None, &world.sync().await);
    assert_eq!(calls["salesforce collection_create"], 1, "{calls:?}");
    assert!(
        !calls.contains_key("salesforce conditional_update"),
        "{calls:?}"
    );
}

/// Account Engagement has no condition. Its answer tells what we had not read; the next poll heals it.
#[tokio::test]
async fn an_answer_that_shows_an_unread_edit_of_a_prospect_is_counted() {
    for (field, expected) in [("city", 1), ("jobTitle", 0)] {
        let world = World::active().await;
        let (lead, prospect) = world.linked_pair(ANN).await;
        world.update("Lead", &lead, json!({ "Title": "Pilot" }));
        let services = Arc::clone(&world.twin.world);
        let act = move || {
            let now = services.clock.now();
            let mut units = lock(&services.units);
            let unit = units.get_mut(UNIT).expect("the unit");
            let edit = json!({ "id": prospect, "fields": { field: "Lyon" } });
            unit.human_edit(edit, now).expect("an edit that fits");
        };
        let drained = tick_with(&world, "marketing.write", act).await;
        // An edit of the field that we write ourselves does not show.
        assert_eq!(risk(&drained), expected, "{field}");
        assert_eq!(world.prospect_row(prospect)["jobTitle"], "Pilot");
        world.settle().await;
        world.assert_in_step();
    }
}

/// Many writes take longer than a user needs: what is written late is read again first, in one call.
#[tokio::test]
async fn a_prospect_that_is_written_late_is_read_again_before() {
    for (seconds, conflicts, reads) in [(10, 0, 1), (20, 1, 3)] {
        let world = World::active().await;
        world.services.set_slots(1);
        let emails = ["ann@example.com", "bea@example.com"];
        let leads = emails.map(|email| world.lead(email));
        world.settle().await;
        for lead in &leads {
            world.update("Lead", lead, json!({ "City": "Paris" }));
        }
        let ids = emails.map(|email| world.prospects_of(email)[0]["id"].as_u64().expect("an id"));
        let (ours, services) = (Arc::clone(&world.clock), Arc::clone(&world.twin.world));
        // While one prospect is written, somebody edits the other, whichever comes first.
        let act = move || {
            let by = SignedDuration::from_secs(seconds);
            services.clock.advance(by);
            ours.set(ours.now() + by);
            let now = services.clock.now();
            let mut units = lock(&services.units);
            let unit = units.get_mut(UNIT).expect("the unit");
            for id in ids {
                let edit = json!({ "id": id, "fields": { "city": "Lyon" } });
                unit.human_edit(edit, now).expect("an edit that fits");
            }
        };
        world.forget_calls();
        assert_eq!(world.poll_once().await.problem, None);
        let batch: Vec<_> = world.waiting();
        assert_eq!(batch.len(), 1, "one message with both");
        *lock(&world.fuse) = Some(Fuse::meddling("marketing.write", act));
        let delivered = world.deliver(world.environment(), &batch).await;
        *lock(&world.fuse) = None;
        let (failed, reports) = delivered.expect("nobody dies");
        assert_eq!(failed, [""; 0]);
        let sum = |count: fn(&WorkReport) -> u64| reports.iter().map(count).sum::<u64>();
        assert_eq!(
            sum(|report| report.conflicts),
            conflicts,
            "after {seconds} s"
        );
        let calls = |report: &WorkReport| report.account_engagement.calls.get("query").copied();
        let read: u64 = reports.iter().filter_map(calls).sum();
        assert_eq!(read, reads, "after {seconds} s");
        world.put_back(&batch, &failed);
        world.settle().await;
        world.assert_in_step();
    }
}

/// What a create answered is known to the look that follows it. Long after, that too is read again.
#[tokio::test]
async fn a_prospect_that_was_created_long_before_it_is_written_is_read_again() {
    for (seconds, conflicts) in [(10, 0), (20, 1)] {
        let world = World::active().await;
        let lead = world.lead(ANN);
        let meddler = {
            let lead_edit = edit_of_a_lead(&world, &lead, json!({ "City": "Paris" }));
            let (ours, services) = (Arc::clone(&world.clock), Arc::clone(&world.twin.world));
            move || {
                lead_edit();
                ours.set(ours.now() + SignedDuration::from_secs(seconds));
                let mut units = lock(&services.units);
                let unit = units.get_mut(UNIT).expect("the unit");
                let id = unit.latest_by_email(ANN, false).expect("it was created");
                let edit = json!({ "id": id, "fields": { "city": "Lyon" } });
                let now = services.clock.now();
                unit.human_edit(edit, now).expect("an edit that fits");
            }
        };
        let drained = tick_with(&world, "links.commit", meddler).await;
        let told = drained.sum(|report| report.conflicts);
        assert_eq!(told, conflicts, "after {seconds} s");
        assert_eq!(world.prospects_of(ANN)[0]["city"], "Paris");
        world.settle().await;
        world.assert_in_step();
    }
}

/// The second read is a call as well: when it is told that no calls are left, nothing is sent after it.
#[tokio::test]
async fn a_second_read_that_is_one_call_too_many_is_the_last_call() {
    let world = World::active().await;
    world.services.set_slots(1);
    let leads = ["ann@example.com", "bea@example.com"].map(|email| world.lead(email));
    world.settle().await;
    for lead in &leads {
        world.update("Lead", lead, json!({ "City": "Paris" }));
    }
    world.lead("cem@example.com");
    let (ours, services) = (Arc::clone(&world.clock), Arc::clone(&world.twin.world));
    let act = move || {
        ours.set(ours.now() + SignedDuration::from_secs(20));
        let mut units = lock(&services.units);
        let unit = units.get_mut(UNIT).expect("the unit");
        let one_left = json!({ "daily_quota": 25_000, "quota_used": 24_999 });
        unit.configure(one_left).expect("settings that fit");
    };
    assert_eq!(world.poll_once().await.problem, None);
    world.forget_calls();
    *lock(&world.fuse) = Some(Fuse::meddling("marketing.write", act));
    let batch: Vec<_> = world.waiting();
    let delivered = world.deliver(world.environment(), &batch).await;
    *lock(&world.fuse) = None;
    let (failed, _) = delivered.expect("nobody dies");
    // Both prospects, the address of the new lead, one update, and the second read.
    let calls = world.calls();
    assert_eq!(calls["engagement GET prospects"], 3);
    assert_eq!(calls["engagement PATCH prospects/{id}"], 1);
    assert!(
        !calls.contains_key("engagement POST prospects"),
        "{calls:?}"
    );
    world.put_back(&batch, &failed);
    world.advance(25 * 3_600);
    world.settle().await;
    world.assert_in_step();
}

/// K4 counts from when a read was asked for. An answer that took half a minute shows nothing newer.
#[tokio::test]
async fn k4_a_read_is_as_old_as_the_moment_it_was_asked_for() {
    for (seconds, retried) in [(30, 1), (70, 0)] {
        let world = World::active().await;
        let (lead, prospect) = world.linked_pair(ANN).await;
        world.update("Lead", &lead, json!({ "Title": "Pilot" }));
        world.sync().await;
        world.advance(seconds);
        // Without our token the prospect looks as it did before our write.
        let token = &world.config.account_engagement.token_field;
        let token = token.clone().expect("a token field");
        world.update_prospect(prospect, json!({ token: "", "city": "Lyon" }));
        let clock = Arc::clone(&world.clock);
        let act = move || clock.set(clock.now() + SignedDuration::from_secs(40));
        let drained = tick_with(&world, "marketing.read", act).await;
        assert_eq!(drained.sum(|report| report.retried), retried, "{seconds}");
        assert_eq!(world.row("Lead", &lead)["City"], "Lyon");
    }
}

/// With a write, and where both sides were given the same value and the row is all that is stored.
#[tokio::test]
async fn k4_a_stored_decision_notes_which_state_of_the_prospect_it_has_read() {
    for is_written in [true, false] {
        let world = World::active().await;
        let (lead, prospect) = world.linked_pair(ANN).await;
        world.update_prospect(prospect, json!({ "city": "Lyon" }));
        if !is_written {
            world.update("Lead", &lead, json!({ "City": "Lyon" }));
        }
        let calls = calls_of(None, &world.sync().await);
        assert_eq!(writes(&calls, ""), u64::from(is_written), "{calls:?}");
        let updated = &world.prospect_row(prospect)["updatedAt"];
        let seen = world.all_links().await.remove(0).prospect_seen;
        let seen = seen.expect("a state of the prospect").updated;
        let updated = updated.as_str().expect("a stamp").parse();
        assert_eq!(seen, updated.expect("a stamp"));
    }
}
