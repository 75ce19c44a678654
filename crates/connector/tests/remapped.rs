//! A field that is mapped to another one (reliability 2.3, 32): nothing is overwritten unrecorded.

mod world;

use std::sync::Arc;

use connector::events::{Event, MetricName};
use serde_json::{Value, json};
use sync_core::config::lint::Severity;
use sync_core::config::{Config, FieldEntry, SyncBehaviour};
use sync_core::link::Link;
use sync_core::protocol::{AdminCommand, AdminReply};
use sync_core::trace::{FieldTrace, Winner};
use twin::world::lock;
use world::{Failure, Fuse, World, calls_of, person, writes};

const BEHAVIOURS: [SyncBehaviour; 2] = [
    SyncBehaviour::UseSalesforce,
    SyncBehaviour::UseAccountEngagement,
];

fn city(config: &mut Config) -> &mut FieldEntry {
    let mut entries = config.fields.0.iter_mut();
    let city = entries.find(|entry| entry.prospect.0 == "city");
    city.expect("it is mapped")
}

/// A lead and its prospect that agree on Paris, with this in a field of the lead that is not mapped.
async fn agreed_on_paris(behaviour: SyncBehaviour, state: &str) -> (World, String) {
    let mut config = world::example_config();
    city(&mut config).behaviour = behaviour;
    let world = World::with(config).await;
    let mut fields = person("ann@example.com");
    fields["City"] = json!("Paris");
    fields["State"] = json!(state);
    let lead = world.create("Lead", fields);
    world.settle().await;
    assert_eq!(values(&world, &lead), ("Paris".into(), state.into()));
    (world, lead)
}

/// The prospect's city is from now on what the lead has as its state.
async fn map_city_to_state(world: &mut World) {
    let entry = city(&mut world.config);
    entry.lead = Some("State".to_owned());
    entry.contact = Some("MailingState".to_owned());
    world.apply().await;
}

/// The prospect's city and the lead's state.
fn values(world: &World, lead: &str) -> (Value, Value) {
    let prospect = world.prospects_of("ann@example.com").remove(0);
    let lead = world.row("Lead", lead);
    (prospect["city"].clone(), lead["State"].clone())
}

async fn only_link(world: &World) -> Link {
    world.all_links().await.remove(0)
}

/// What the row tells of the city.
async fn told(world: &World) -> FieldTrace {
    let trace = only_link(world).await.last_trace.expect("a trace");
    let mut fields = trace.fields.into_iter();
    let told = fields.find(|entry| entry.field.0 == "city");
    told.expect("the city differed")
}

/// Decided by the behaviour, recorded, and then both sides are equal.
async fn assert_conflict(world: &World, lead: &str, behaviour: SyncBehaviour) {
    let (winner, value) = match behaviour {
        SyncBehaviour::UseAccountEngagement => (Winner::AccountEngagement, "Paris"),
        _ => (Winner::Salesforce, "old junk"),
    };
    assert_eq!(values(world, lead), (value.into(), value.into()));
    let told = told(world).await;
    assert_eq!((told.rule.as_str(), told.winner), ("F2", winner));
    assert!(told.conflict, "{told:?}");
    assert_eq!(told.base, None);
}

#[tokio::test]
async fn r32_a_field_mapped_to_another_one_is_a_conflict_where_it_differs() {
    for behaviour in BEHAVIOURS {
        let (mut world, lead) = agreed_on_paris(behaviour, "old junk").await;
        map_city_to_state(&mut world).await;
        world.update("Lead", &lead, json!({ "FirstName": "Anna" }));
        let drained = world.sync().await;
        assert_eq!(drained.sum(|report| report.conflicts), 1);
        world.settle().await;
        assert_conflict(&world, &lead, behaviour).await;
        // From now on they have agreed: the one side that is edited wins.
        world.update("Lead", &lead, json!({ "State": "Bavaria" }));
        world.settle().await;
        assert_eq!(values(&world, &lead), ("Bavaria".into(), "Bavaria".into()));
        let told = told(&world).await;
        assert_eq!((told.rule.as_str(), told.conflict), ("R90", false));
    }
}

/// Stores the intent to bring another city to the prospect; the worker dies before it writes.
async fn begin_and_die(world: &World, lead: &str, at: Option<usize>) -> Arc<Fuse> {
    let fuse = at.map_or_else(Fuse::counting, |at| Fuse::at(at, Failure::CrashAfter));
    world.update("Lead", lead, json!({ "City": "Lyon" }));
    world.advance(60);
    assert_eq!(world.poll_once().await.enqueued, 1);
    *lock(&world.fuse) = Some(fuse.clone());
    let batch = world.waiting();
    let worked = world.deliver(world.environment(), &batch).await;
    assert_eq!(worked.is_none(), at.is_some());
    *lock(&world.fuse) = None;
    world.services.forget();
    fuse
}

#[tokio::test]
async fn r32_an_intent_from_before_a_field_was_mapped_to_another_one_says_nothing_of_it() {
    for behaviour in BEHAVIOURS {
        let (world, lead) = agreed_on_paris(behaviour, "old junk").await;
        let calls = begin_and_die(&world, &lead, None).await.names();
        let begin = calls.iter().position(|name| *name == "links.begin");
        let (mut world, lead) = agreed_on_paris(behaviour, "old junk").await;
        begin_and_die(&world, &lead, begin).await;
        assert!(only_link(&world).await.intent.is_some());
        map_city_to_state(&mut world).await;
        world.advance(3_600);
        world.drain().await;
        world.settle().await;
        assert_conflict(&world, &lead, behaviour).await;
    }
}

#[tokio::test]
async fn r32_where_both_sides_are_equal_the_row_is_stored_once_and_nothing_is_written() {
    let (mut world, lead) = agreed_on_paris(SyncBehaviour::UseSalesforce, "Paris").await;
    map_city_to_state(&mut world).await;
    let before = only_link(&world).await.version;
    let mut versions = Vec::new();
    for _ in 0..3 {
        let record = lead.parse().expect("an id");
        world.admin(AdminCommand::Send { record }).await;
        assert_eq!(writes(&calls_of(None, &world.drain().await), ""), 0);
        versions.push(only_link(&world).await.version - before);
        world.advance(120);
    }
    assert_eq!(versions, [1, 1, 1]);
    // They have agreed on it, so an edit of one side is no conflict.
    let prospect = world.prospects_of("ann@example.com")[0]["id"].as_u64();
    world.update_prospect(prospect.expect("an id"), json!({ "city": "Rome" }));
    world.settle().await;
    assert_eq!(values(&world, &lead), ("Rome".into(), "Rome".into()));
    assert!(!told(&world).await.conflict);
}

/// No poll looks at a pair because of a configuration; the daily comparison does.
#[tokio::test]
async fn r32_equal_pairs_are_no_drift_and_are_looked_at_once() {
    let (mut world, _) = agreed_on_paris(SyncBehaviour::UseSalesforce, "Paris").await;
    map_city_to_state(&mut world).await;
    for (expected, hinted) in [("overdue", 1), ("in_step", 0)] {
        world.advance(24 * 3_600);
        let report = world.reconcile().await;
        assert_eq!((report.found(expected), report.hinted), (1, hinted));
        assert_eq!(report.metrics()[&MetricName::DriftedPairs], 0);
        assert_eq!(writes(&calls_of(None, &world.drain().await), ""), 0);
    }
}

#[tokio::test]
async fn r32_the_same_configuration_once_more_changes_no_row() {
    let (world, lead) = agreed_on_paris(SyncBehaviour::UseSalesforce, "old junk").await;
    let before = only_link(&world).await;
    world.apply().await;
    let record = lead.parse().expect("an id");
    world.admin(AdminCommand::Send { record }).await;
    world.drain().await;
    assert_eq!(only_link(&world).await, before);
}

#[tokio::test]
async fn r32_who_maps_a_field_to_another_one_is_told_what_that_does() {
    let (mut world, _) = agreed_on_paris(SyncBehaviour::UseSalesforce, "old junk").await;
    let entry = city(&mut world.config);
    entry.lead = Some("State".to_owned());
    for expected in [1, 0] {
        let config = Box::new(world.config.clone());
        let reply = world.admin(AdminCommand::ConfigApply { config }).await;
        let AdminReply::Applied { findings, .. } = reply else {
            panic!("{reply:?}")
        };
        let of_remap = findings.iter().filter(|finding| finding.rule == "R90");
        let of_remap: Vec<_> = of_remap.collect();
        assert_eq!(of_remap.len(), expected, "{findings:?}");
        for finding in of_remap {
            assert_eq!(finding.severity, Severity::Warning);
            assert_eq!(finding.path, "fields[6]");
            assert!(finding.message.contains("`City`"), "{}", finding.message);
        }
    }
}
