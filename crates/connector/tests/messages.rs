//! Each message is answered for itself; the dead are named.

mod world;

use connector::dlq;
use connector::work::{CRM_WRITE_MARGIN, Delivery, parse_body, work};
use jiff::SignedDuration;
use serde_json::json;
use sync_core::hint::ChangeBatch;
use sync_core::key::RecordRef;
use world::{TOM, World};

/// A message about one lead or prospect.
fn message(world: &World, id: &str, record: RecordRef) -> Delivery {
    world.message(id, &[record], 1)
}

fn lead(world: &World, email: &str) -> RecordRef {
    RecordRef::Crm(world.lead(email).parse().expect("an id"))
}

fn poison(id: &str, body: &str) -> Delivery {
    Delivery {
        message_id: id.to_owned(),
        body: body.to_owned(),
        deliveries: 1,
    }
}

async fn deliver(world: &World, seconds: i64, deliveries: Vec<Delivery>) -> Vec<String> {
    let deadline = world.now() + SignedDuration::from_secs(seconds);
    let (failed, _) = work(&world.environment(), deliveries, "by-hand", deadline).await;
    failed
}

/// The error is logged, and whoever wrote such a body may have put a record into it.
#[test]
fn what_is_wrong_with_a_body_is_told_without_its_words() {
    for body in [
        r#""ann@example.org""#,
        r#"{"version":1,"hints":"ann@example.org"}"#,
        r#"{"ann@example.org":1}"#,
        r#"{"business_unit":"ann@example.org"}"#,
    ] {
        let error = parse_body(body).expect_err("no change batch");
        assert!(!format!("{error} {error:?}").contains("ann@"), "{error}");
        assert!(error.to_string().contains("line 1, column"), "{error}");
    }
}

#[tokio::test]
async fn a_message_holds_no_more_than_fits_into_a_run() {
    let world = World::active().await;
    let mut delivery = message(&world, "1", lead(&world, "ann@example.com"));
    let mut batch = parse_body(&delivery.body).expect("a batch");
    let hint = batch.hints[0].clone();
    batch.hints = vec![hint.clone(); ChangeBatch::MAX_HINTS];
    let body = |batch: &ChangeBatch| serde_json::to_string(batch).expect("a batch is JSON");
    assert_eq!(parse_body(&body(&batch)).ok().as_ref(), Some(&batch));
    batch.hints.push(hint);
    delivery.body = body(&batch);
    assert_eq!(deliver(&world, 300, vec![delivery]).await, ["1"]);
}

#[tokio::test]
async fn a_message_that_cannot_be_read_fails_alone() {
    let world = World::active().await;
    let newer = r#"{"version":99,"business_unit":"0Uv000000000001CAA","run":"r","enqueued_at":"2026-01-01T00:00:00Z","hints":[]}"#;
    let deliveries = vec![
        message(&world, "1", lead(&world, "ann@example.com")),
        poison("2", "not JSON"),
        message(&world, "3", lead(&world, "bea@example.com")),
        message(&world, "4", lead(&world, "cem@example.com")),
        poison("5", newer),
    ];
    let failed = deliver(&world, 300, deliveries).await;
    assert_eq!(failed, ["2", "5"]);
    assert_eq!(world.prospects().len(), 3);
    world.assert_in_step();
}

#[tokio::test]
async fn a_failed_message_fails_alone() {
    let world = World::active().await;
    let records: Vec<RecordRef> = ["ann", "bea", "cem"]
        .iter()
        .map(|name| lead(&world, &format!("{name}@example.com")))
        .collect();
    // The first create of a prospect is refused for the moment.
    world.plan(json!({ "side": "engagement", "fault": "concurrency", "every": 4 }));
    let deliveries: Vec<Delivery> = records
        .into_iter()
        .enumerate()
        .map(|(number, record)| message(&world, &number.to_string(), record))
        .collect();
    let failed = deliver(&world, 300, deliveries.clone()).await;
    assert_eq!(world.prospects().len(), 2);
    let missing = ["ann", "bea", "cem"]
        .iter()
        .position(|name| {
            world
                .prospects_of(&format!("{name}@example.com"))
                .is_empty()
        })
        .expect("one was refused");
    assert_eq!(failed, [missing.to_string()]);
    world.advance(60);
    assert_eq!(deliver(&world, 300, deliveries).await, [""; 0]);
    world.assert_in_step();
}

#[tokio::test]
async fn the_same_message_twice_does_its_work_once() {
    let world = World::active().await;
    let ann = lead(&world, "ann@example.com");
    let fields = json!({ "email": "tim@example.com", "lastName": "Tim" });
    let tim = world.edit_unit(json!({ "fields": fields, "assign": TOM }));
    let tim = RecordRef::Prospect(serde_json::from_value(json!(tim)).expect("an id"));
    let twice = |number: usize| {
        vec![
            message(&world, &format!("{number}-1"), ann.clone()),
            message(&world, &format!("{number}-2"), ann.clone()),
            message(&world, &format!("{number}-3"), tim.clone()),
            message(&world, &format!("{number}-4"), tim.clone()),
        ]
    };
    for number in 0..3 {
        assert_eq!(deliver(&world, 300, twice(number)).await, [""; 0]);
    }
    assert_eq!((world.rows("Lead").len(), world.prospects().len()), (2, 2));
    world.assert_in_step();
}

#[tokio::test]
async fn nothing_is_written_when_the_answer_could_come_too_late() {
    let world = World::active().await;
    let before = world.snapshot();
    let ann = lead(&world, "ann@example.com");
    let message = message(&world, "1", ann);
    assert_eq!(deliver(&world, 11, vec![message.clone()]).await, ["1"]);
    assert_eq!(world.prospects(), before.prospects);
    assert_eq!(world.all_links().await, []);
    assert_eq!(deliver(&world, 300, vec![message]).await, [""; 0]);
    assert_eq!(world.prospects().len(), 1);
}

#[tokio::test]
async fn a_record_that_is_gone_is_done_with() {
    let world = World::active().await;
    let ann = lead(&world, "ann@example.com");
    let RecordRef::Crm(id) = &ann else {
        unreachable!("a lead")
    };
    world.delete("Lead", &id.to_string());
    let nobody = RecordRef::Prospect(serde_json::from_value(json!(4711)).expect("an id"));
    let deliveries = vec![
        message(&world, "1", ann.clone()),
        message(&world, "2", nobody),
    ];
    assert_eq!(deliver(&world, 300, deliveries).await, [""; 0]);
    assert_eq!((world.prospects().len(), world.rows("Lead").len()), (0, 0));
    assert_eq!(world.open_errors().await, []);
}

/// A prospect that was copied carries the key of the original, which has nothing to do with it.
#[tokio::test]
async fn a_dead_message_about_a_copy_does_not_mark_the_original() {
    let world = World::active().await;
    world.lead("ann@example.com");
    world.settle().await;
    let key = world.all_links().await[0].key.clone();
    let fields = json!({ "email": "copy@example.com", "lastName": "Copy" });
    let copy = world.edit_unit(json!({ "fields": fields }));
    let copy = RecordRef::Prospect(serde_json::from_value(json!(copy)).expect("an id"));
    let mut delivery = message(&world, "dead", copy.clone());
    let mut batch = parse_body(&delivery.body).expect("a batch");
    batch.hints[0].pair = Some(key);
    delivery.body = serde_json::to_string(&batch).expect("a batch is JSON");
    let kept = dlq::drain(&world.environment(), vec![delivery], "dead").await;
    assert_eq!(kept, [""; 0]);
    let marked: Vec<_> = world.open_errors().await;
    let pairs: Vec<&RecordRef> = marked.iter().map(|row| row.pair.origin()).collect();
    assert_eq!(pairs, [&copy]);
}

#[tokio::test]
async fn a_dead_message_becomes_one_error_row_for_each_record() {
    let world = World::active().await;
    let records = [
        lead(&world, "ann@example.com"),
        lead(&world, "bea@example.com"),
    ];
    let mut dead: Vec<Delivery> = records
        .iter()
        .map(|record| message(&world, &format!("dead {record}"), record.clone()))
        .collect();
    dead.push(poison("unreadable", "not JSON"));
    for _ in 0..2 {
        let kept = dlq::drain(&world.environment(), dead.clone(), "by-hand").await;
        assert_eq!(kept, ["unreadable"]);
        assert_eq!(world.open_errors().await.len(), 2);
    }
    // The next look puts it right and closes the row.
    let again = vec![message(&world, "1", records[0].clone())];
    assert_eq!(deliver(&world, 300, again).await, [""; 0]);
    assert_eq!(world.prospects_of("ann@example.com").len(), 1);
    let open = world.open_errors().await;
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].pair.origin(), &records[1]);
}

#[tokio::test]
async fn p3_a_delivery_that_begins_too_late_asks_no_service() {
    let margin = CRM_WRITE_MARGIN.as_secs();
    for (left, is_asked) in [(margin + 1, true), (margin, false)] {
        let world = World::active().await;
        let message = message(&world, "1", lead(&world, "ann@example.com"));
        world.forget_calls();
        let failed = deliver(&world, left, vec![message]).await;
        assert_eq!(failed.is_empty(), is_asked, "{left}");
        assert_eq!(world.calls().is_empty(), !is_asked, "{left}");
    }
}
