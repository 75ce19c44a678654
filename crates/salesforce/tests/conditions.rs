//! Changes under a condition: what is asked of single rows, and what each answer means.
#![allow(clippy::unwrap_used, reason = "tests")]

mod server;

use salesforce::{ConditionalChange, ROWS_PER_CALL, Record};
use serde_json::{Map, Value, json};
use server::{Asked, Reply, Server, client, id, reply, text};
use sync_core::error::ErrorClass;

fn change(number: usize) -> ConditionalChange {
    let fields = Map::from_iter([("City".to_owned(), json!("Paris"))]);
    ConditionalChange {
        record: Record {
            object: "Lead",
            id: Some(id("00Q", number).parse().unwrap()),
            fields,
        },
        unmodified_since: "2026-11-30T08:34:54.600Z".parse().unwrap(),
    }
}

fn parts(asked: &Asked) -> Vec<Value> {
    asked.body["compositeRequest"].as_array().unwrap().clone()
}

/// Every row answers `status` and `body` when its number is picked, else success.
fn answered(asked: &Asked, picked: &dyn Fn(usize) -> Option<(u16, Value)>) -> Reply {
    let answers: Vec<Value> = parts(asked)
        .iter()
        .enumerate()
        .map(|(number, part)| {
            let (status, body) = picked(number).unwrap_or((204, Value::Null));
            json!({ "referenceId": part["referenceId"], "httpStatusCode": status, "body": body })
        })
        .collect();
    reply(200, json!({ "compositeResponse": answers }))
}

#[tokio::test]
async fn each_row_carries_its_condition_and_keeps_its_owner() {
    let server = Server::start(|asked| answered(asked, &|_| None)).await;
    let results = client(&server.url).update_unmodified(&[change(1)]).await;
    let written = results[0].as_ref().unwrap().as_ref().unwrap();
    assert_eq!(Some(written), change(1).record.id.as_ref());
    let call = &server.calls()[0];
    assert_eq!(call.line, "POST /services/data/v67.0/composite");
    assert_eq!(call.body["allOrNone"], json!(false));
    let url = format!("/services/data/v67.0/sobjects/Lead/{}", id("00Q", 1));
    let expected = json!({
        "method": "PATCH", "url": url, "referenceId": "r0", "body": { "City": "Paris" },
        "httpHeaders": {
            "Sforce-Auto-Assign": "FALSE",
            "If-Unmodified-Since": "Mon, 30 Nov 2026 08:34:54 GMT",
        },
    });
    assert_eq!(parts(call), [expected]);
}

#[tokio::test]
async fn twenty_five_rows_are_a_call() {
    for (rows, calls) in [(0, 0), (1, 1), (25, 1), (26, 2), (200, 8)] {
        let server = Server::start(|asked| answered(asked, &|_| None)).await;
        let changes: Vec<ConditionalChange> = (1..=rows).map(change).collect();
        let client = client(&server.url);
        let results = client.update_unmodified(&changes).await;
        assert!(results.iter().all(|result| matches!(result, Ok(Ok(_)))));
        assert_eq!((results.len(), server.calls().len()), (rows, calls));
        let sizes: Vec<usize> = server
            .calls()
            .iter()
            .map(|call| parts(call).len())
            .collect();
        assert!(sizes.iter().all(|size| *size <= ROWS_PER_CALL));
        let counted = client.take_calls().get("conditional_update").copied();
        assert_eq!(counted.unwrap_or(0), calls as u64);
    }
}

#[tokio::test]
async fn a_row_that_somebody_changed_fails_alone_as_stale() {
    let refusal = json!([{ "errorCode": "PRECONDITION_FAILED", "message": "x" }]);
    for body in [refusal, Value::Null] {
        let server = Server::start(move |asked| {
            answered(asked, &|number| (number == 1).then(|| (412, body.clone())))
        })
        .await;
        let changes = [change(1), change(2), change(3)];
        let results = client(&server.url).update_unmodified(&changes).await;
        let refused = results[1].as_ref().unwrap().as_ref().unwrap_err();
        assert_eq!(refused.class(), ErrorClass::Stale);
        assert!(results[0].as_ref().unwrap().is_ok() && results[2].as_ref().unwrap().is_ok());
    }
}

#[tokio::test]
async fn a_refused_row_is_not_a_failed_call_and_a_failed_row_may_have_landed() {
    let server = Server::start(|asked| {
        answered(asked, &|number| match number {
            0 => {
                let entry =
                    json!([{ "errorCode": "STRING_TOO_LONG", "message": "x", "fields": ["City"] }]);
                Some((400, entry))
            }
            1 => Some((
                503,
                json!([{ "errorCode": "SERVER_UNAVAILABLE", "message": "x" }]),
            )),
            _ => None,
        })
    })
    .await;
    let changes = [change(1), change(2), change(3)];
    let results = client(&server.url).update_unmodified(&changes).await;
    let refused = results[0].as_ref().unwrap().as_ref().unwrap_err();
    assert_eq!(
        (refused.class(), refused.fields.as_slice()),
        (ErrorClass::Record, &["City".to_owned()][..])
    );
    let failed = results[1].as_ref().unwrap_err();
    assert!(failed.may_have_landed());
    assert!(results[2].as_ref().unwrap().is_ok());
}

#[tokio::test]
async fn a_call_without_answer_leaves_its_own_rows_open() {
    let server = Server::start(|asked| match parts(asked).len() {
        ROWS_PER_CALL => text(502, "<html>bad gateway</html>"),
        _ => answered(asked, &|_| None),
    })
    .await;
    let changes: Vec<ConditionalChange> = (1..=27).map(change).collect();
    let results = client(&server.url).update_unmodified(&changes).await;
    for (number, result) in results.iter().enumerate() {
        match result {
            Err(error) => assert!(number < 25 && error.may_have_landed()),
            Ok(written) => assert!(number >= 25 && written.is_ok()),
        }
    }
}

#[tokio::test]
async fn a_record_twice_or_without_id_is_not_sent() {
    let server = Server::start(|asked| answered(asked, &|_| None)).await;
    let mut nameless = change(3);
    nameless.record.id = None;
    let changes = [change(1), change(2), change(1), nameless];
    let results = client(&server.url).update_unmodified(&changes).await;
    let is_sent: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(is_sent, [false, true, false, false]);
    assert_eq!(parts(&server.calls()[0]).len(), 1);
}
