//! No call over quota: whoever is told first that an allowance is used up stops everybody, and nothing
//! is lost or dead when it is renewed.

mod world;

use std::collections::BTreeMap;
use std::sync::Arc;

use connector::events::{Event, MetricName};
use connector::poll::{PollError, PollReport, PollRun, poll_all};
use connector::ports::Clock;
use connector::reconcile::reconcile_all;
use connector::work::{Delivery, WorkReport, work};
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use serde_json::json;
use sync_core::coerce::Service;
use sync_core::hint::MAX_DELIVERIES;
use sync_core::key::RecordRef;
use sync_core::link::LinkState;
use sync_core::protocol::{AdminCommand, AdminReply};
use sync_core::quota::{LONGEST_WAIT, SALESFORCE_PAUSE, UsedUp};
use world::{Fuse, World};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAILY: u64 = 25_000;
/// No function of Lambda runs longer.
const LONGEST_RUN: SignedDuration = SignedDuration::from_mins(15);

fn email(number: usize) -> String {
    format!("person{number}@example.com")
}

/// Linked pairs at rest, in front of clients as they are deployed: one Account Engagement call at once.
async fn linked_pairs(count: usize) -> (World, Vec<String>) {
    let world = World::active().await;
    world.services.set_slots(1);
    leave_engagement(&world, DAILY);
    let leads: Vec<String> = (0..count)
        .map(|number| world.lead(&email(number)))
        .collect();
    world.settle().await;
    // Ten in the morning of a day without calls yet.
    world.advance(to_midnight(&world) + 10 * HOUR);
    // The service counts this day from its first call on.
    assert_eq!(world.poll_once().await.problem, None);
    world.assert_in_step();
    (world, leads)
}

/// How many seconds are left of the account's day.
fn to_midnight(world: &World) -> i64 {
    let zone = TimeZone::get(&world.config.account_engagement.time_zone).expect("a zone");
    let midnight = world.now().to_zoned(zone).tomorrow();
    let midnight = midnight.and_then(|day| day.start_of_day()).expect("a day");
    midnight.timestamp().duration_since(world.now()).as_secs() + 1
}

fn edit_leads(world: &World, leads: &[String]) {
    for lead in leads {
        world.update("Lead", lead, json!({ "City": "Paris" }));
    }
}

fn edit_prospects(world: &World, count: usize, country: &str) {
    for number in 0..count {
        let prospect = world.prospects_of(&email(number))[0]["id"].as_u64();
        let country = json!({ "country": country });
        world.update_prospect(prospect.expect("an id"), country);
    }
}

/// So many Account Engagement calls are left of the day.
fn leave_engagement(world: &World, calls: u64) {
    let zone = &world.config.account_engagement.time_zone;
    let used = DAILY - calls;
    world.configure_unit(json!({ "daily_quota": DAILY, "quota_used": used, "time_zone": zone }));
}

/// So many Salesforce calls are left.
fn leave_salesforce(world: &World, calls: u64) {
    world.configure_org(json!({ "api_limit": 15_000, "api_used": 15_000 - calls }));
}

/// One message about these records, delivered so often.
fn message(world: &World, leads: &[String], deliveries: u32) -> Delivery {
    let records = leads.iter().map(|lead| lead.parse().expect("an id"));
    let records: Vec<RecordRef> = records.map(RecordRef::Crm).collect();
    world.message("m", &records, deliveries)
}

/// Whether the message comes again, and what the worker reported.
async fn deliver(world: &World, message: Delivery) -> (bool, WorkReport) {
    let deadline = world.now() + SignedDuration::from_secs(world::WORKER_SECONDS);
    let run = world.next_run();
    let (failed, mut reports) = work(&world.environment(), vec![message], &run, deadline).await;
    assert_eq!(reports.len(), 1);
    (!failed.is_empty(), reports.remove(0))
}

/// Every waiting message once; what fails waits on.
async fn deliver_what_waits(world: &World) -> Vec<WorkReport> {
    let mut all = Vec::new();
    for message in world.waiting() {
        let batch = [message];
        let delivered = world.deliver(world.environment(), &batch).await;
        let (failed, reports) = delivered.expect("nobody dies");
        world.put_back(&batch, &failed);
        all.extend(reports);
    }
    all
}

async fn used_up(world: &World) -> Option<UsedUp> {
    let configured = world.environment().configured(&world.unit()).await;
    let row = configured.expect("memory").expect("a row").row;
    row.used_up_at(world.now())
}

/// Calls that the service has seen, refused ones too. A log-in is not one of the allowance.
fn calls_of(world: &World, service: &str) -> u64 {
    let calls = world.calls();
    let is_counted = |kind: &String| kind.starts_with(service) && *kind != "salesforce POST token";
    let of_service = calls.iter().filter(|(kind, _)| is_counted(kind));
    of_service.map(|(_, count)| count).sum()
}

fn gauge(report: &PollReport) -> u64 {
    report.metrics()[&MetricName::CircuitOpen]
}

async fn assert_healed(world: &World) {
    world.settle().await;
    assert!(world.waiting().is_empty());
    world.assert_in_step();
    assert_eq!(world.open_errors().await, []);
    for link in world.all_links().await {
        assert_eq!(link.state, LinkState::Linked);
    }
}

#[tokio::test]
async fn a_used_up_day_stops_every_call_until_it_is_renewed() {
    let (world, leads) = linked_pairs(3).await;
    edit_leads(&world, &leads);
    assert_eq!(world.poll_once().await.enqueued, 3);
    leave_engagement(&world, 0);
    let told = deliver_what_waits(&world).await;
    let open = used_up(&world).await.expect("the first one is told");
    assert_eq!(open.service, Service::AccountEngagement);
    assert!(told.iter().all(|report| report.quota_wait.is_some()));

    edit_prospects(&world, 3, "France");
    let cursors = world.cursors().await;
    world.forget_calls();
    for _ in 0..3 {
        world.advance(2 * MINUTE);
        let polled = world.poll_once().await;
        assert_eq!(polled.problem, Some(PollError::UsedUp(open)));
        assert_eq!(gauge(&polled), 1);
        let run = PollRun(std::slice::from_ref(&polled)).metrics();
        assert_eq!(run[&MetricName::PollHeartbeat], 0, "it is not silent");
        for report in deliver_what_waits(&world).await {
            let wait = LONGEST_WAIT.min(open.until.duration_since(world.now()));
            assert_eq!(report.quota_wait, Some(wait));
            assert_eq!((report.problem, report.synced), (None, 0));
        }
        let compared = world.reconcile().await;
        assert_eq!((compared.problem, compared.is_owed), (None, true));
        assert_eq!(compared.used_up, Some(open));
        assert_eq!(world.calls(), BTreeMap::new(), "nobody calls");
    }
    assert_eq!(world.cursors().await, cursors);

    let rest = open.until.duration_since(world.now()).as_secs();
    world.advance(rest - 2);
    assert!(world.poll_once().await.problem.is_some());
    assert_eq!(world.calls(), BTreeMap::new());
    world.advance(3);
    let polled = world.poll_once().await;
    assert_eq!((&polled.problem, gauge(&polled)), (&None, 0));
    let drained = world.drain().await;
    assert_eq!(drained.dead, 0);
    assert_healed(&world).await;
    assert!(world.reconcile().await.is_complete);
}

/// Rolling: there is no midnight, so one call an hour asks.
#[tokio::test]
async fn salesforce_without_calls_left_is_asked_once_an_hour() {
    let (world, leads) = linked_pairs(3).await;
    edit_leads(&world, &leads);
    edit_prospects(&world, 3, "France");
    leave_salesforce(&world, 0);
    let hour = SALESFORCE_PAUSE.as_secs();
    for _ in 0..3 {
        world.forget_calls();
        let polled = world.poll_once().await;
        assert!(matches!(polled.problem, Some(PollError::Service(_))));
        assert_eq!((gauge(&polled), calls_of(&world, "salesforce")), (1, 1));
        let open = used_up(&world).await.expect("the poll is told first");
        assert_eq!(open.service, Service::Salesforce);
        let calls = world.calls();
        for _ in 0..3 {
            world.advance(hour / 4);
            assert!(world.poll_once().await.problem.is_some());
            world.reconcile().await;
        }
        assert_eq!(world.calls(), calls);
        world.advance(hour / 4);
    }
    leave_salesforce(&world, 10_000);
    assert_healed(&world).await;
}

#[tokio::test]
async fn a_refusal_of_account_engagement_in_the_middle_of_a_batch_makes_no_further_call() {
    let (world, leads) = linked_pairs(8).await;
    edit_leads(&world, &leads);
    // One read, three writes; the fourth is refused.
    leave_engagement(&world, 4);
    world.forget_calls();
    let (comes_again, report) = deliver(&world, message(&world, &leads, 1)).await;
    assert!(comes_again);
    assert_eq!((report.synced, report.retried), (3, 5));
    assert_eq!(calls_of(&world, "engagement"), 5, "{:?}", world.calls());
    assert_eq!(world.open_errors().await, []);
    // What was not sent cannot land: nobody waits for it behind a lease.
    for link in world.all_links().await {
        assert_eq!(link.lease_until, None);
    }
    assert!(used_up(&world).await.is_some());
    world.advance(25 * HOUR + 5 * MINUTE);
    assert_healed(&world).await;
}

#[tokio::test]
async fn a_refusal_of_salesforce_in_the_middle_of_a_batch_makes_no_further_call() {
    // 25 updates a call: three calls, the second is refused.
    const PAIRS: usize = 60;
    let (world, leads) = linked_pairs(PAIRS).await;
    edit_prospects(&world, PAIRS, "France");
    leave_salesforce(&world, 2);
    world.forget_calls();
    let (comes_again, report) = deliver(&world, message(&world, &leads, 1)).await;
    assert!(comes_again);
    assert_eq!((report.synced, report.retried), (25, 35));
    assert_eq!(calls_of(&world, "salesforce"), 3, "{:?}", world.calls());
    leave_salesforce(&world, 10_000);
    world.advance(SALESFORCE_PAUSE.as_secs());
    assert_healed(&world).await;
}

/// Each new record is looked up by its address, one call each.
#[tokio::test]
async fn a_refused_look_up_makes_no_further_call() {
    let (world, _) = linked_pairs(1).await;
    let new: Vec<String> = (10..40).map(|number| world.lead(&email(number))).collect();
    leave_engagement(&world, 5);
    world.forget_calls();
    let (comes_again, report) = deliver(&world, message(&world, &new, 1)).await;
    assert!(comes_again && report.problem.is_some());
    assert_eq!((report.retried, report.created.len()), (30, 0));
    assert_eq!(calls_of(&world, "engagement"), 6, "{:?}", world.calls());
    world.advance(25 * HOUR + 5 * MINUTE);
    assert_healed(&world).await;
}

/// Five deliveries six hours apart are a day; one that is refused in its first minutes needs a sixth.
#[tokio::test]
async fn a_whole_used_up_day_ends_with_no_dead_message() {
    for (begins, waits) in [(1, 18 * HOUR), (5 * MINUTE, 24 * HOUR - 2)] {
        let (world, leads) = linked_pairs(6).await;
        world.advance(to_midnight(&world) + begins);
        edit_leads(&world, &leads);
        world.poll_once().await;
        leave_engagement(&world, 0);
        let began = world.now();
        world.forget_calls();
        let drained = world.drain().await;
        assert_eq!(drained.dead, 0);
        let waited = world.now().duration_since(began).as_secs();
        assert!(waited >= waits);
        assert!(calls_of(&world, "engagement") <= 2, "{:?}", world.calls());
        world.advance(24 * HOUR + 5 * MINUTE - waited);
        assert_healed(&world).await;
    }
}

/// The queue does not deliver it again, so its pairs are held and the next poll sends them.
#[tokio::test]
async fn a_message_that_comes_for_the_last_time_is_held_and_caught_up() {
    // Told by itself before it writes, while it writes, or found open.
    for left in [Some(0), Some(4), None] {
        let (world, leads) = linked_pairs(8).await;
        edit_leads(&world, &leads);
        leave_engagement(&world, left.unwrap_or(0));
        if left.is_none() {
            assert!(deliver(&world, message(&world, &leads, 1)).await.0);
        }
        let (comes_again, report) = deliver(&world, message(&world, &leads, MAX_DELIVERIES)).await;
        assert!(!comes_again, "{left:?}: {report:?}");
        let held = report.held.get("quota_used_up").copied().unwrap_or(0);
        assert_eq!(held, 8 - report.synced, "{left:?}");
        let written = left.map_or(0, |left: u64| left.saturating_sub(1));
        assert_eq!(report.synced, written);
        world.advance(25 * HOUR + 5 * MINUTE);
        assert_eq!(world.poll_once().await.caught_up, held);
        world.drain().await;
        assert_healed(&world).await;
    }
}

#[tokio::test]
async fn r8_a_paused_connector_calls_nobody_either_and_holds_as_ever() {
    let (world, leads) = linked_pairs(2).await;
    edit_leads(&world, &leads);
    world.poll_once().await;
    leave_engagement(&world, 0);
    deliver_what_waits(&world).await;
    world.pause().await;
    world.forget_calls();
    world.advance(2 * HOUR);
    assert!(matches!(
        world.poll_once().await.problem,
        Some(PollError::UsedUp(_))
    ));
    for report in deliver_what_waits(&world).await {
        assert_eq!(report.held.values().sum::<u64>(), report.held["paused"]);
    }
    assert!(world.waiting().is_empty(), "a hold needs no call");
    assert_eq!(world.calls(), BTreeMap::new());
}

#[tokio::test]
async fn r49_a_sync_by_hand_is_told_that_it_waits_and_waits() {
    let (world, leads) = linked_pairs(1).await;
    edit_leads(&world, &leads);
    leave_engagement(&world, 0);
    deliver(&world, message(&world, &leads, 1)).await;
    let id = world.prospects_of(&email(0))[0]["id"].clone();
    let prospect = serde_json::from_value(id).expect("an id");
    let AdminReply::Queued { what, .. } = world.admin(AdminCommand::Sync { prospect }).await else {
        panic!("it is queued");
    };
    assert!(what.contains("no calls before"), "{what}");
    world.forget_calls();
    let reports = deliver_what_waits(&world).await;
    assert!(reports[0].quota_wait.is_some());
    assert_eq!(world.calls(), BTreeMap::new());
    assert_eq!(world.waiting().len(), 1);
    world.advance(25 * HOUR + 5 * MINUTE);
    world.drain().await;
    assert_healed(&world).await;
}

/// The allowance was raised, or it was a mistake: an operator need not wait for midnight.
#[tokio::test]
async fn an_operator_who_activates_ends_the_wait() {
    let (world, leads) = linked_pairs(2).await;
    edit_leads(&world, &leads);
    leave_engagement(&world, 0);
    world.poll_once().await;
    assert!(used_up(&world).await.is_some());
    world.configure_unit(json!({ "daily_quota": 2 * DAILY }));
    world.activate().await;
    assert_eq!(used_up(&world).await, None);
    assert_healed(&world).await;
}

/// A refusal that is told just after midnight, or while the counter may be late, is of the day before.
#[tokio::test]
async fn a_refusal_around_midnight_does_not_cost_the_new_day() {
    // A run begins so many seconds after midnight and lasts so long, the last one longer than the pause.
    let times = [(-2, 5), (240, 5), (-2, 400)];
    for (process, (begins, lasts)) in (0..9).map(|case| (case / 3, times[case % 3])) {
        let (world, leads) = linked_pairs(1).await;
        edit_leads(&world, &leads);
        world.advance(to_midnight(&world) + begins);
        world.poll_once().await;
        leave_engagement(&world, 0);
        let ours = Arc::clone(&world.clock);
        let act = move || ours.set(ours.now() + SignedDuration::from_secs(lasts));
        let environment = Fuse::meddling("services.open", act).wrap(world.environment());
        let (run, deadline) = (world.next_run(), world.now() + LONGEST_RUN);
        let deliveries = vec![message(&world, &leads, 1)];
        match process {
            0 => drop(poll_all(&environment, &run).await),
            1 => drop(work(&environment, deliveries, &run, deadline).await),
            _ => drop(reconcile_all(&environment, &run, deadline).await),
        }
        let open = used_up(&world).await.expect("the first one is told");
        let rest = open.until.duration_since(world.now()).as_secs();
        assert!(rest <= 5 * MINUTE, "{process}, {begins} s: {rest} s");
        world.advance(rest);
        leave_engagement(&world, DAILY);
        assert_healed(&world).await;
    }
}
