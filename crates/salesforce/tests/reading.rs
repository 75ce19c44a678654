//! Reading: pages to the end, long queries, answers that are not what was promised.
#![allow(clippy::unwrap_used, reason = "tests")]

mod server;

use std::io::{Read, Write};
use std::ops::ControlFlow;

use salesforce::{Condition, Error, Literal, Rows, Soql, in_chunks};
use serde::Deserialize;
use serde_json::{Value, json};
use server::{Asked, Reply, Server, client, failed, id, reply, session, settings, text};
use sync_core::error::ErrorClass;

fn leads() -> Soql {
    let condition = Condition::Equal("IsConverted".to_owned(), Literal::Boolean(false));
    Soql::select("Lead", ["Id"], &condition, &[], None).unwrap()
}

/// Three pages of one row, whose locators follow no rule.
fn three_pages(asked: &Asked) -> Reply {
    let (row, next) = match asked.line.as_str() {
        "GET /services/data/v67.0/query/01gA-500" => ("b", Some("01gZ-7")),
        "GET /services/data/v67.0/query/01gZ-7" => ("c", None),
        _ => ("a", Some("01gA-500")),
    };
    let mut page = json!({ "totalSize": 3, "done": next.is_none(), "records": [{ "Name": row }] });
    if let Some(next) = next {
        page["nextRecordsUrl"] = json!(format!("/services/data/v67.0/query/{next}"));
    }
    reply(200, page)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    name: String,
}

#[tokio::test]
async fn a_query_is_read_to_its_last_page() {
    let server = Server::start(three_pages).await;
    let client = client(&server.url);
    let rows: Vec<Named> = client.query_as(&leads(), Rows::Live).await.unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(
        (client.calls()["query"], client.calls()["query_more"]),
        (1, 2)
    );
}

#[tokio::test]
async fn a_reader_that_has_enough_asks_for_no_more_pages() {
    let server = Server::start(three_pages).await;
    let client = client(&server.url);
    let mut pages = 0;
    let take = |_| {
        pages += 1;
        if pages == 2 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    client
        .query_pages(&leads(), Rows::Live, take)
        .await
        .unwrap();
    assert_eq!((pages, server.calls().len()), (2, 2));
}

#[tokio::test]
async fn a_page_that_breaks_its_promise_is_an_error_and_never_the_end() {
    let cases = [
        json!({ "done": false, "records": [] }),
        json!({ "records": [] }),
        json!({ "done": true }),
        json!({ "done": false, "records": [], "nextRecordsUrl": "https://evil.example/x" }),
        json!({ "done": false, "records": [], "nextRecordsUrl": "@evil.example/x" }),
        json!([]),
    ];
    for page in cases {
        let body = page.clone();
        let server = Server::start(move |_| reply(200, body.clone())).await;
        let error = client(&server.url)
            .query(&leads(), Rows::Live)
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Protocol { .. }), "{page}: {error}");
    }
}

#[tokio::test]
async fn a_row_of_another_type_is_an_error_without_its_values() {
    let server = Server::start(|_| {
        reply(
            200,
            json!({ "done": true, "records": [{ "Name": { "secret": "ann" } }] }),
        )
    })
    .await;
    let rows = client(&server.url)
        .query_as::<Named>(&leads(), Rows::Live)
        .await;
    let error = rows.err().unwrap();
    assert!(!format!("{error} {error:?}").contains("ann"));
}

/// Answers each subrequest with a row that holds its position.
fn composite_queries(asked: &Asked) -> Reply {
    let requests = asked.body["compositeRequest"].as_array().unwrap();
    let parts: Vec<Value> = requests
        .iter()
        .enumerate()
        .map(|(index, request)| {
            let body = json!({ "done": true, "records": [{ "Position": index }] });
            json!({ "referenceId": request["referenceId"], "httpStatusCode": 200, "body": body })
        })
        .collect();
    reply(200, json!({ "compositeResponse": parts }))
}

#[tokio::test]
async fn twelve_queries_are_three_calls() {
    let server = Server::start(|asked| {
        let count = asked.body["compositeRequest"]
            .as_array()
            .map_or(0, Vec::len);
        assert!(count <= 5);
        composite_queries(asked)
    })
    .await;
    let client = client(&server.url);
    let queries = vec![leads(); 12];
    let answers = client.query_many(&queries, Rows::All).await.unwrap();
    let positions: Vec<u64> = answers
        .iter()
        .map(|a| a[0]["Position"].as_u64().unwrap())
        .collect();
    assert_eq!(positions, [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]);
    assert_eq!(server.calls().len(), 3);
}

#[tokio::test]
async fn a_query_too_long_for_a_url_travels_in_a_body() {
    let server = Server::start(composite_queries).await;
    let emails: Vec<String> = (0..90)
        .map(|n| format!("ööööööö+{n}@company.example"))
        .collect();
    let conditions = in_chunks("Email", &emails);
    let query = Soql::select("Lead", ["Id"], &conditions[0], &[], None).unwrap();
    let rows = client(&server.url).query(&query, Rows::Live).await.unwrap();
    assert_eq!(rows.len(), 1);
    let call = &server.calls()[0];
    assert_eq!(call.line, "POST /services/data/v67.0/composite");
    let url = call.body["compositeRequest"][0]["url"].as_str().unwrap();
    let read = reqwest::Url::parse(&format!("http://x{url}")).unwrap();
    let (_, sent) = read.query_pairs().next().unwrap();
    assert_eq!(sent, query.as_str());
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_not_read() {
    let server = Server::start(|_| text(200, &"x".repeat(5_000))).await;
    let mut settings = settings(&server.url);
    settings.body_limit_bytes = 4_000;
    let client = salesforce::Client::new(settings).unwrap();
    let error = client.query(&leads(), Rows::Live).await.unwrap_err();
    assert!(matches!(error, Error::Unknown { .. }), "{error}");
    assert!(error.to_string().contains("too large"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server =
        Server::start(|_| text(302, "").header("location", "http://127.0.0.1:1/elsewhere")).await;
    let error = client(&server.url)
        .query(&leads(), Rows::Live)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "HTTP_302");
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test]
async fn a_used_up_allowance_is_told_from_too_many_calls_at_once() {
    for (message, class) in [
        ("TotalRequests Limit exceeded.", ErrorClass::Quota),
        (
            "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
            ErrorClass::Throttled,
        ),
    ] {
        let server = Server::start(move |_| failed(403, "REQUEST_LIMIT_EXCEEDED", message)).await;
        let error = client(&server.url)
            .query(&leads(), Rows::Live)
            .await
            .unwrap_err();
        assert_eq!(error.class(), class);
    }
}

#[tokio::test]
async fn a_cut_connection_leaves_the_outcome_unknown() {
    for half_an_answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n[{"] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let own_url = url.clone();
        std::thread::spawn(move || {
            for (index, stream) in listener.incoming().enumerate() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 65_536]);
                let login = session(&own_url, "t1").to_string();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{login}",
                    login.len()
                );
                let answer = if index == 0 {
                    answer.as_str()
                } else {
                    half_an_answer
                };
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        let error = client(&url).query(&leads(), Rows::Live).await.unwrap_err();
        assert!(matches!(error, Error::Unknown { .. }), "{error}");
        assert!(error.may_have_landed() && error.class() == ErrorClass::Transient);
    }
}

#[tokio::test]
async fn records_are_read_by_id_in_order_and_missing_ones_are_told() {
    let (first, second) = (id("00Q", 1), id("00Q", 2));
    let known = first.clone();
    let server = Server::start(move |asked| {
        assert_eq!(asked.body["fields"], json!(["Id", "Email"]));
        reply(200, json!([null, { "Id": known, "Email": null }]))
    })
    .await;
    let client = client(&server.url);
    let ids = [second.parse().unwrap(), first.parse().unwrap()];
    let rows = client
        .retrieve("Lead", &ids, &["Id", "Email"])
        .await
        .unwrap();
    assert!(rows[0].is_none() && rows[1].is_some());
    let swapped = [ids[1].clone(), ids[0].clone()];
    let error = client
        .retrieve("Lead", &swapped, &["Email"])
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Protocol { .. }), "{error}");
    let error = client
        .retrieve("Lead/../User", &ids, &[])
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Refused { .. }));
}

#[tokio::test]
async fn fields_and_limits_are_read() {
    let server = Server::start(|asked| match asked.line.as_str() {
        "GET /services/data/v67.0/limits" => reply(
            200,
            json!({ "DailyApiRequests": { "Max": 15_000, "Remaining": 14_998 }, "X": 1 }),
        ),
        _ => reply(
            200,
            json!({ "fields": [{ "name": "Rating", "type": "picklist",
            "length": 40, "nillable": true, "createable": true, "updateable": true,
            "calculated": false, "restrictedPicklist": true, "picklistValues": [
                { "value": "Hot", "active": true }, { "value": "Old", "active": false }] }] }),
        ),
    })
    .await;
    let client = client(&server.url);
    let limits = client.limits().await.unwrap();
    assert_eq!(limits["DailyApiRequests"].remaining, 14_998);
    assert_eq!(limits.len(), 1);
    let fields = client.describe("Lead").await.unwrap();
    assert_eq!(fields[0].restricted_to, ["Hot"]);
    assert!(fields[0].is_updateable && !fields[0].is_calculated);
}
