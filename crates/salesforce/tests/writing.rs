//! Writing: a result per record whatever happens to its neighbours, in as few calls as allowed.
#![allow(clippy::unwrap_used, reason = "tests")]

mod server;

use salesforce::{Error, Record};
use serde_json::{Map, Value, json};
use server::{Asked, Reply, Server, client, failed, id, reply, text};
use sync_core::error::ErrorClass;

fn change(number: usize) -> Record {
    Record {
        object: "Lead",
        id: Some(id("00Q", number).parse().unwrap()),
        fields: Map::new(),
    }
}

fn new_lead(name: &str) -> Record {
    let fields = Map::from_iter([("LastName".to_owned(), json!(name))]);
    Record {
        object: "Lead",
        id: None,
        fields,
    }
}

/// Every record of a collection succeeds, under its own id.
fn results(collection: &Value) -> Value {
    let records = collection["records"].as_array().unwrap();
    let result = |(index, record): (usize, &Value)| {
        let id = record["id"]
            .as_str()
            .map_or_else(|| id("00Q", index + 1), str::to_owned);
        json!({ "id": id, "success": true, "errors": [] })
    };
    records.iter().enumerate().map(result).collect()
}

fn part(request: &Value, status: u16, body: &Value) -> Value {
    json!({ "referenceId": request["referenceId"], "httpStatusCode": status, "body": body })
}

fn written(asked: &Asked) -> Reply {
    let Some(requests) = asked.body["compositeRequest"].as_array() else {
        return reply(200, results(&asked.body));
    };
    let parts = requests
        .iter()
        .map(|request| part(request, 200, &results(&request["body"])));
    reply(
        200,
        json!({ "compositeResponse": parts.collect::<Vec<_>>() }),
    )
}

#[tokio::test]
async fn records_are_grouped_into_as_few_calls_as_allowed() {
    for (count, calls, lines) in [
        (1, 1, "PATCH /services/data/v67.0/composite/sobjects"),
        (200, 1, "PATCH /services/data/v67.0/composite/sobjects"),
        (201, 1, "POST /services/data/v67.0/composite"),
        (1_000, 1, "POST /services/data/v67.0/composite"),
        (1_001, 2, "POST /services/data/v67.0/composite"),
        (2_300, 3, "POST /services/data/v67.0/composite"),
    ] {
        let server = Server::start(written).await;
        let records: Vec<Record> = (1..=count).map(change).collect();
        let results = client(&server.url).update(&records).await;
        assert_eq!(server.calls().len(), calls, "{count}");
        assert_eq!(server.calls()[0].line, lines);
        assert_eq!(results.len(), count);
        for (record, result) in records.iter().zip(results) {
            assert_eq!(result.unwrap().ok(), record.id);
        }
    }
}

#[tokio::test]
async fn nothing_to_write_is_no_call() {
    let server = Server::start(written).await;
    assert!(client(&server.url).create(&[]).await.is_empty());
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_collection_says_what_it_wants_and_keeps_owners() {
    let server = Server::start(written).await;
    client(&server.url)
        .create(&[new_lead("Ann")])
        .await
        .remove(0)
        .unwrap()
        .unwrap();
    let call = &server.calls()[0];
    assert_eq!(call.headers["sforce-auto-assign"], "FALSE");
    assert_eq!(
        call.body,
        json!({ "allOrNone": false,
            "records": [{ "attributes": { "type": "Lead" }, "LastName": "Ann" }] })
    );
    let many: Vec<Record> = (1..=300).map(change).collect();
    client(&server.url).update(&many).await;
    let requests = server.calls()[1].body["compositeRequest"].clone();
    for request in requests.as_array().unwrap() {
        assert_eq!(request["httpHeaders"]["Sforce-Auto-Assign"], "FALSE");
        assert_eq!(request["body"]["allOrNone"], json!(false));
    }
}

#[tokio::test]
async fn a_refused_record_fails_alone() {
    let server = Server::start(|_| {
        reply(
            200,
            json!([
                { "id": id("00Q", 1), "success": true, "errors": [] },
                { "success": false, "errors": [{ "statusCode": "DUPLICATES_DETECTED",
                    "message": "Use one of these records?", "fields": [] }] },
                { "success": false, "errors": [{ "statusCode": "INVALID_CROSS_REFERENCE_KEY",
                    "message": "invalid owner", "fields": ["OwnerId"] }] },
            ]),
        )
    })
    .await;
    let names = [new_lead("a"), new_lead("b"), new_lead("c")];
    let results = client(&server.url).create(&names).await;
    let results: Vec<_> = results.into_iter().map(Result::unwrap).collect();
    assert!(results[0].is_ok());
    for refused in &results[1..] {
        assert_eq!(refused.as_ref().unwrap_err().class(), ErrorClass::Record);
    }
}

#[tokio::test]
async fn a_duplicate_value_says_which_field_is_unique() {
    for (message, field) in [
        (
            "duplicate value found: Customer_No__c duplicates value on record with id: 00Q000000000001",
            Some("Customer_No__c"),
        ),
        (
            "duplicate value found: <unknown> duplicates value on record with id: <unknown>",
            None,
        ),
    ] {
        let errors = json!([{ "statusCode": "DUPLICATE_VALUE", "message": message, "fields": [] }]);
        let server = Server::start(move |_| {
            reply(200, json!([{ "success": false, "errors": errors.clone() }]))
        })
        .await;
        let results = client(&server.url).create(&[new_lead("a")]).await;
        let refused = results.into_iter().next().unwrap().unwrap().unwrap_err();
        assert_eq!(refused.duplicate_field(), field);
    }
}

/// The siblings of a failed collection have landed: taking them for failed would create them twice.
#[tokio::test]
async fn a_failed_collection_says_nothing_about_the_other_ones() {
    for (status, body, may_have_landed) in [
        (
            400,
            json!([{ "errorCode": "JSON_PARSER_ERROR", "message": "x" }]),
            false,
        ),
        (
            503,
            json!([{ "errorCode": "SERVER_UNAVAILABLE", "message": "x" }]),
            true,
        ),
        (500, json!("<html>"), true),
    ] {
        let server = Server::start(move |asked| {
            let requests = asked.body["compositeRequest"].as_array().unwrap();
            let parts: Vec<Value> = requests
                .iter()
                .enumerate()
                .map(|(index, request)| match index {
                    1 => part(request, status, &body),
                    _ => part(request, 200, &results(&request["body"])),
                })
                .collect();
            reply(200, json!({ "compositeResponse": parts }))
        })
        .await;
        let records: Vec<Record> = (1..=600).map(|n| new_lead(&n.to_string())).collect();
        let results = client(&server.url).create(&records).await;
        assert_eq!(results.len(), 600);
        for (index, result) in results.into_iter().enumerate() {
            if (200..400).contains(&index) {
                assert_eq!(
                    result.unwrap_err().may_have_landed(),
                    may_have_landed,
                    "{status}"
                );
            } else {
                result.unwrap().unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_composite_answer_in_another_order_or_length_fails_as_a_whole() {
    for is_short in [true, false] {
        let server = Server::start(move |asked| {
            let requests = asked.body["compositeRequest"].as_array().unwrap();
            let parts = requests.iter().map(|r| part(r, 200, &results(&r["body"])));
            let mut parts: Vec<Value> = parts.collect();
            parts.reverse();
            if is_short {
                parts.pop();
            }
            reply(200, json!({ "compositeResponse": parts }))
        })
        .await;
        let records: Vec<Record> = (1..=400).map(change).collect();
        for result in client(&server.url).update(&records).await {
            let error = result.unwrap_err();
            assert!(matches!(error, Error::Protocol { .. }) && error.may_have_landed());
        }
    }
}

#[tokio::test]
async fn a_later_call_goes_ahead_when_an_earlier_one_fails() {
    let server = Server::start(|asked| match asked.body["compositeRequest"].as_array() {
        Some(_) => text(502, "<html>bad gateway</html>"),
        None => written(asked),
    })
    .await;
    let records: Vec<Record> = (1..=1_003).map(change).collect();
    let results = client(&server.url).update(&records).await;
    let unknown = |result: &Result<_, Error>| matches!(result, Err(Error::Unknown { .. }));
    assert!(results[..1_000].iter().all(unknown));
    assert!(results[1_000..].iter().all(Result::is_ok));
}

#[tokio::test]
async fn what_cannot_be_right_is_not_sent_and_the_rest_is() {
    let server = Server::start(written).await;
    let client = client(&server.url);
    let records = [
        change(1),
        change(2),
        change(1),
        new_lead("no id"),
        change(3),
    ];
    let results = client.update(&records).await;
    let is_sent: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(is_sent, [false, true, false, false, true]);
    let error = results[0].as_ref().unwrap_err();
    assert!(matches!(error, Error::Refused { .. }) && !error.may_have_landed());
    assert_eq!(
        results[4].as_ref().unwrap().as_ref().ok(),
        records[4].id.as_ref()
    );
    assert_eq!(
        server.calls()[0].body["records"].as_array().unwrap().len(),
        2
    );
    assert!(client.create(&[change(1)]).await[0].is_err());
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test]
async fn records_are_deleted_two_hundred_a_call() {
    let server = Server::start(|asked| {
        let ids = &asked
            .query
            .iter()
            .find(|(name, _)| name == "ids")
            .unwrap()
            .1;
        let results = ids
            .split(',')
            .map(|id| json!({ "id": id, "success": true, "errors": [] }));
        reply(200, results.collect())
    })
    .await;
    let client = client(&server.url);
    let ids: Vec<_> = (1..=201).map(|n| id("00Q", n).parse().unwrap()).collect();
    let results = client.delete(&ids).await;
    assert!(
        results
            .into_iter()
            .zip(&ids)
            .all(|(result, id)| result.unwrap().unwrap() == *id)
    );
    assert_eq!(server.calls().len(), 2);
    assert_eq!(
        server.calls()[0].line,
        "DELETE /services/data/v67.0/composite/sobjects"
    );
    assert!(
        client
            .delete(&[ids[0].clone(), ids[0].clone()])
            .await
            .iter()
            .all(Result::is_err)
    );
}

#[tokio::test]
async fn a_refused_call_fails_its_records_with_the_code() {
    let server = Server::start(|_| failed(403, "STORAGE_LIMIT_EXCEEDED", "")).await;
    let results = client(&server.url)
        .create(&[new_lead("a"), new_lead("b")])
        .await;
    for result in results {
        assert_eq!(result.unwrap_err().class(), ErrorClass::Schema);
    }
}
