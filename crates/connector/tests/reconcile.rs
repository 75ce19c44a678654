//! The daily comparison: what drifted is found and repaired by the worker, and nothing else is touched.

mod world;

use std::collections::BTreeMap;

use connector::events::{Event, MetricName};
use connector::ports::{Commit, Links, State};
use connector::reconcile::{ReconcileReport, ReconcileRun};
use jiff::SignedDuration;
use serde_json::{Value, json};
use sync_core::decision::HoldReason;
use sync_core::hint::{Cause, Lane};
use sync_core::link::{Intent, IntentKind, Link, LinkState};
use twin::world::lock;
use world::World;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// So many linked pairs that nobody has touched for an hour.
async fn pairs_at_rest(count: usize) -> (World, Vec<String>) {
    let world = World::active().await;
    let leads = linked(&world, count).await;
    (world, leads)
}

async fn linked(world: &World, count: usize) -> Vec<String> {
    let leads = (0..count).map(|n| world.lead(&format!("person{n}@example.com")));
    let leads = leads.collect();
    world.settle().await;
    world.advance(HOUR);
    world.forget_calls();
    leads
}

/// An edit whose message is lost: the poll has seen it and will not look again.
async fn lost_edit(world: &World, lead: &str, city: &str) {
    world.update("Lead", lead, json!({ "City": city }));
    world.advance(60);
    assert_eq!(world.poll_once().await.enqueued, 1);
    assert!(!world.queue.take().is_empty());
}

fn city_of(world: &World, number: usize) -> Value {
    let of_person = world.prospects_of(&format!("person{number}@example.com"));
    of_person[0].get("city").cloned().unwrap_or(Value::Null)
}

fn heartbeat(reports: &[ReconcileReport]) -> u64 {
    ReconcileRun(reports).metrics()[&MetricName::ReconcileHeartbeat]
}

/// Changes the only link as something else would have left it.
async fn leave_link(world: &World, change: impl FnOnce(&mut Link)) {
    let mut link = world.all_links().await.remove(0);
    change(&mut link);
    let commit = Commit::of(link, world.now());
    assert!(world.links.commit(vec![commit]).await[0].is_ok());
}

#[tokio::test]
async fn a_drifted_pair_is_hinted_and_the_worker_repairs_it() {
    let (world, leads) = pairs_at_rest(3).await;
    lost_edit(&world, &leads[1], "Paris").await;
    world.advance(HOUR);
    assert_eq!(world.sync().await.delivered, 0, "the poll has no idea");
    let (before, rows) = (world.snapshot(), world.links.writes());
    let report = world.reconcile().await;
    assert_eq!(report.problem, None);
    assert_eq!(
        report.found,
        BTreeMap::from([("drifted", 1), ("in_step", 2)])
    );
    assert_eq!(report.metrics()[&MetricName::DriftedPairs], 1);
    assert_eq!(report.metrics()[&MetricName::ComparedPairs], 3);
    assert_eq!((world.snapshot(), world.links.writes()), (before, rows));
    let waiting = world.waiting();
    let batch = connector::work::parse_body(&waiting[0].body).expect("a batch");
    assert_eq!((waiting.len(), waiting[0].lane), (1, Lane::Bulk));
    assert_eq!(batch.hints.len(), 1);
    assert_eq!(batch.hints[0].cause, Cause::Reconcile);
    let drained = world.drain().await;
    assert_eq!(drained.sum(|report| report.synced), 1);
    assert_eq!(city_of(&world, 1), "Paris");
    world.assert_in_step();
}

#[tokio::test]
async fn a_pass_over_equal_pairs_writes_nothing_and_hints_nothing() {
    let (world, _) = pairs_at_rest(4).await;
    // Left alone because there is nobody to match it with: it costs no look-up.
    world.prospect(json!({ "email": "dora@example.com", "lastName": "Dora" }));
    world.settle().await;
    world.advance(HOUR);
    let (before, rows) = (world.snapshot(), world.links.writes());
    let report = world.reconcile().await;
    assert_eq!(report.problem, None);
    assert_eq!(report.found, BTreeMap::from([("in_step", 4)]));
    assert_eq!((report.hinted, report.is_complete), (0, true));
    assert!(world.waiting().is_empty());
    assert_eq!((world.snapshot(), world.links.writes()), (before, rows));
}

#[tokio::test]
async fn a_pass_that_runs_out_of_time_goes_on_where_it_stopped() {
    const ROWS: usize = 2_350;
    let world = World::active().await;
    world.add_rows_in_errors(ROWS).await;
    let environment = world.with_slow_links(SignedDuration::from_millis(4_000));
    let mut slices = Vec::new();
    loop {
        let report = world.reconcile_through(&environment).await;
        assert_eq!(report.problem, None);
        slices.push(report.found("in_errors"));
        assert_eq!(report.is_owed, !report.is_complete);
        assert_eq!(
            heartbeat(std::slice::from_ref(&report)),
            u64::from(report.is_complete)
        );
        if report.is_complete {
            break;
        }
        world.advance(600);
    }
    // Ten pages of four seconds are a batch, and a minute is kept free.
    assert_eq!(slices, [2_000, 350]);
    // Complete: nothing is due until a day after the beginning.
    let report = world.reconcile_through(&environment).await;
    assert_eq!((report.found, report.is_owed), (BTreeMap::new(), false));
    world.advance(DAY);
    let report = world.reconcile_through(&environment).await;
    assert_eq!(report.found("in_errors"), 2_000);
}

/// What is in docs/operating/cost-and-quotas.md.
#[tokio::test]
async fn the_calls_of_a_pass_are_counted() {
    const PAIRS: usize = 1_100;
    let (world, leads) = pairs_at_rest(PAIRS).await;
    lost_edit(&world, &leads[7], "Paris").await;
    world.advance(HOUR);
    world.services.forget();
    world.forget_calls();
    let report = world.reconcile().await;
    assert_eq!(
        (report.compared, report.found("drifted")),
        (PAIRS as u64, 1)
    );
    let engagement = report.account_engagement.total();
    let log_in = report.salesforce.calls["login"];
    let salesforce = report.salesforce.total() - log_in;
    println!("{PAIRS} pairs: {salesforce} Salesforce calls, {engagement} of Account Engagement");
    assert_eq!(log_in, 1);
    // Of a thousand pairs and of the hundred after them.
    assert_eq!(salesforce, 2 + 1);
    assert_eq!(engagement, 2 + 1);
    let seen: u64 = world.calls().values().sum();
    assert_eq!(
        seen,
        salesforce + engagement + log_in,
        "{:?}",
        world.calls()
    );
}

#[tokio::test]
async fn a_paused_connector_is_not_compared() {
    let (world, leads) = pairs_at_rest(1).await;
    lost_edit(&world, &leads[0], "Paris").await;
    world.advance(HOUR);
    world.pause().await;
    world.forget_calls();
    let report = world.reconcile().await;
    assert_eq!((report.state.as_str(), report.compared), ("paused", 0));
    assert_eq!(world.calls(), BTreeMap::new());
    assert!(world.waiting().is_empty());
    assert_eq!(heartbeat(&[report]), 1, "nothing is owed");
    assert_eq!(
        world.state.reconcile_progress(&world.unit()).await,
        Ok(None)
    );
    // It is owed from the moment it is active again.
    world.activate().await;
    assert_eq!(world.reconcile().await.found("drifted"), 1);
}

#[tokio::test]
async fn a_fresh_change_is_not_drift() {
    let (world, leads) = pairs_at_rest(2).await;
    world.update("Lead", &leads[0], json!({ "City": "Paris" }));
    world.advance(14 * 60);
    let report = world.reconcile().await;
    assert_eq!(
        report.found,
        BTreeMap::from([("in_flight", 1), ("in_step", 1)])
    );
    assert_eq!(
        (report.hinted, report.metrics()[&MetricName::DriftedPairs]),
        (0, 0)
    );
    assert!(world.waiting().is_empty());
    // The same edit a day later is one that nobody has seen.
    world.advance(DAY);
    assert_eq!(world.reconcile().await.found("drifted"), 1);
}

/// Its message may still come again.
#[tokio::test]
async fn a_pair_that_was_just_written_is_not_read() {
    let world = World::active().await;
    world.lead("ann@example.com");
    world.settle().await;
    world.forget_calls();
    let report = world.reconcile().await;
    assert_eq!(report.found, BTreeMap::from([("in_flight", 1)]));
    assert_eq!(world.calls(), BTreeMap::new());
}

#[tokio::test]
async fn a_pair_in_the_errors_table_is_left_to_its_owner() {
    let (world, leads) = pairs_at_rest(1).await;
    lost_edit(&world, &leads[0], "Paris").await;
    leave_link(&world, |link| link.has_open_error = true).await;
    world.advance(HOUR);
    let report = world.reconcile().await;
    assert_eq!(report.found, BTreeMap::from([("in_errors", 1)]));
    assert_eq!(report.hinted, 0);
}

#[tokio::test]
async fn an_intent_that_nobody_works_on_is_looked_at_again() {
    let (world, _) = pairs_at_rest(1).await;
    let begun = world.now();
    leave_link(&world, |link| {
        link.intent = Some(Intent {
            id: "run-lost.7".to_owned(),
            kind: IntentKind::Update,
            lifecycle: None,
            at: begun,
            writes_prospect: true,
            config_version: 1,
            plan: None,
        });
    })
    .await;
    world.advance(HOUR - 60);
    let report = world.reconcile().await;
    assert_eq!(report.found, BTreeMap::from([("in_flight", 1)]));
    world.advance(DAY);
    let report = world.reconcile().await;
    assert_eq!(report.found, BTreeMap::from([("overdue", 1)]));
    assert_eq!(report.metrics()[&MetricName::DriftedPairs], 0);
    world.drain().await;
    assert_eq!(world.all_links().await[0].intent, None);
}

#[tokio::test]
async fn a_hold_that_is_over_is_looked_at_again() {
    let (world, _) = pairs_at_rest(1).await;
    let held = LinkState::Held(HoldReason::CrmRecordMerged);
    leave_link(&world, |link| link.state = held).await;
    let report = world.reconcile().await;
    assert_eq!(report.found, BTreeMap::from([("overdue", 1)]));
    world.drain().await;
    assert_eq!(world.all_links().await[0].state, LinkState::Linked);
}

/// It says nothing about when, so it may be the poll's; and it is looked at once.
#[tokio::test]
async fn a_deletion_that_nobody_saw_is_looked_at_and_is_no_drift() {
    let (world, leads) = pairs_at_rest(2).await;
    world.delete("Lead", &leads[0]);
    world.advance(60);
    assert_eq!(world.poll_once().await.enqueued, 1);
    assert!(!world.queue.take().is_empty());
    world.advance(HOUR);
    let report = world.reconcile().await;
    assert_eq!(report.found, BTreeMap::from([("gone", 1), ("in_step", 1)]));
    assert_eq!(
        (report.hinted, report.metrics()[&MetricName::DriftedPairs]),
        (1, 0)
    );
    world.drain().await;
    world.advance(DAY);
    let report = world.reconcile().await;
    assert_eq!((report.hinted, report.found("gone")), (0, 0));
}

/// Code 122: the pass waits until the allowance is renewed, without asking again and again.
#[tokio::test]
async fn a_used_up_day_ends_the_pass_until_the_next() {
    let (world, _) = pairs_at_rest(2).await;
    world.configure_unit(json!({ "daily_quota": 25_000, "quota_used": 25_000 }));
    let report = world.reconcile().await;
    assert!(report.problem.is_some() && report.is_owed);
    let open = report.used_up.expect("it is told");
    world.forget_calls();
    let rest = open.until.duration_since(world.now()).as_secs();
    world.advance(rest - 1);
    let report = world.reconcile().await;
    assert_eq!((report.problem, report.is_owed), (None, true));
    assert_eq!(report.used_up, Some(open));
    assert_eq!(world.calls(), BTreeMap::new());
    world.configure_unit(json!({ "quota_used": 0 }));
    world.advance(2);
    assert!(world.reconcile().await.is_complete);
}

#[tokio::test]
async fn r7_a_refused_log_in_stops_the_connector() {
    let (world, _) = pairs_at_rest(1).await;
    let connector =
        json!({ "users": [{ "username": "connector@prospect-sync.example", "is_active": false }] });
    world.configure_org(connector);
    lock(&world.twin.world.tokens).expire_all();
    let report = world.reconcile().await;
    assert_eq!(report.metrics()[&MetricName::AuthFailures], 1);
    assert_eq!(world.reconcile().await.state, "auth_failed");
}

#[tokio::test]
async fn a_hint_that_the_queue_refuses_is_sent_by_the_next_run() {
    let (world, leads) = pairs_at_rest(1).await;
    lost_edit(&world, &leads[0], "Paris").await;
    world.advance(HOUR);
    world.queue.refuse(true);
    let report = world.reconcile().await;
    assert!(report.problem.is_some() && report.is_owed);
    world.queue.refuse(false);
    assert_eq!(world.reconcile().await.hinted, 1);
    world.drain().await;
    assert_eq!(city_of(&world, 0), "Paris");
}

/// K7: they would cost a call for every prospect there is, every day.
#[tokio::test]
async fn fields_that_come_with_single_reads_only_are_not_compared() {
    let world = World::with(with_interests()).await;
    let leads = linked(&world, 2).await;
    let report = world.reconcile().await;
    assert_eq!(report.found, BTreeMap::from([("in_step", 2)]));
    assert_eq!(report.account_engagement.total(), 1);
    lost_edit(&world, &leads[0], "Paris").await;
    world.advance(DAY);
    assert_eq!(world.reconcile().await.found("drifted"), 1);
}

fn with_interests() -> sync_core::config::Config {
    let mut config = world::example_config();
    let interests =
        json!({ "prospect": "Interests__c", "lead": "Interests__c", "type": "multi_select" });
    let interests = serde_json::from_value(interests).expect("a field");
    config.fields.0.push(interests);
    config
}

#[tokio::test]
async fn one_connector_that_owes_its_pass_is_not_hidden_behind_another() {
    let (world, _) = pairs_at_rest(1).await;
    let done = world.reconcile().await;
    let due = world.reconcile().await;
    assert_eq!((due.is_complete, due.is_owed), (false, false));
    world.advance(DAY);
    world.plan(json!({ "side": "salesforce", "fault": { "status": 503 } }));
    let ill = world.reconcile().await;
    assert!(ill.problem.is_some());
    assert_eq!(heartbeat(std::slice::from_ref(&done)), 1);
    assert_eq!(heartbeat(&[done.clone(), due.clone()]), 1);
    assert_eq!(heartbeat(&[done, ill]), 0);
    assert_eq!(
        heartbeat(&[due]),
        0,
        "a beat for each pass, not for each tick"
    );
}
