//! Changes by keyset, against a brute-force reading of the same table (apis A4).
#![allow(clippy::unwrap_used, reason = "tests")]

mod server;

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use proptest::prelude::*;
use salesforce::{Client, Error, Keyset};
use serde_json::{Value, json};
use server::{Asked, Reply, Server, client, id, reply};

/// Rows as (stamp in milliseconds, id).
type Table = Vec<(i64, String)>;

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_700_000_000_000 + milliseconds).unwrap()
}

fn quoted<'a>(text: &'a str, before: &str, end: char) -> Option<&'a str> {
    let rest = &text[text.find(before)? + before.len()..];
    Some(rest.split(end).next().unwrap_or(rest))
}

/// What follows an operator: a stamp, up to a blank or bracket.
fn stamp(query: &str, operator: &str) -> Option<Timestamp> {
    let text = quoted(query, &format!("SystemModstamp {operator} "), ')')?;
    text.split(' ').next()?.parse().ok()
}

/// Understands exactly the queries of a keyset; answers `offered` rows at most, or as asked.
fn answer(table: &Table, offered: usize, asked: &Asked) -> Reply {
    let query = asked.q();
    assert!(asked.line.ends_with("/queryAll"), "{}", asked.line);
    assert!(query.starts_with("SELECT Id,SystemModstamp,IsDeleted,MasterRecordId,Email FROM Lead"));
    assert!(query.contains(" ORDER BY SystemModstamp,Id LIMIT "));
    let limit: usize = quoted(query, "LIMIT ", ' ').unwrap().parse().unwrap();
    let is_in = |stamp_ms: i64, id: &str| {
        let own = at(stamp_ms);
        let begins = match (stamp(query, ">="), stamp(query, ">")) {
            (Some(from), None) => own >= from,
            (None, Some(last)) => {
                assert_eq!(stamp(query, "="), Some(last));
                own > last || (own == last && id > quoted(query, "Id > '", '\'').unwrap())
            }
            _ => panic!("{query}"),
        };
        begins && stamp(query, "<").is_none_or(|to| own < to)
    };
    let mut rows: Vec<&(i64, String)> = table.iter().filter(|(s, id)| is_in(*s, id)).collect();
    rows.sort();
    rows.truncate(limit);
    let is_done = rows.len() <= offered;
    rows.truncate(offered);
    let records = rows.iter().map(|(stamp, id)| {
        // The offset without a colon, as Salesforce writes it.
        let text = format!("{:.3}", at(*stamp)).replace('Z', "+0000");
        json!({ "Id": id, "SystemModstamp": text, "IsDeleted": false })
    });
    let records: Vec<Value> = records.collect();
    let mut page = json!({ "totalSize": 0, "done": is_done, "records": records });
    if !is_done {
        page["nextRecordsUrl"] = json!("/services/data/v67.0/query/01g-x");
    }
    reply(200, page)
}

async fn read_all(client: &Client, mut keyset: Keyset, limit: usize) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        let page = client
            .poll_changes("Lead", &["Email", "Id"], &keyset, limit)
            .await
            .unwrap();
        assert!(page.rows.len() <= limit);
        found.extend(
            page.rows
                .iter()
                .map(|row| row["Id"].as_str().unwrap().to_owned()),
        );
        match page.next {
            Some(next) => keyset = next,
            None => return found,
        }
    }
}

fn brute_force(table: &Table, from: i64, to: Option<i64>) -> Vec<String> {
    let is_in = |stamp: i64| stamp >= from && to.is_none_or(|to| stamp < to);
    let mut rows: Table = table
        .iter()
        .filter(|(stamp, _)| is_in(*stamp))
        .cloned()
        .collect();
    rows.sort();
    rows.into_iter().map(|(_, id)| id).collect()
}

/// Few stamps and many rows: most pages end in the middle of a stamp.
#[test]
fn every_change_is_read_once_and_in_order() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let table: Arc<Mutex<(Table, usize)>> = Arc::default();
    let shared = table.clone();
    let server = runtime.block_on(Server::start(move |asked| {
        let (table, offered) = shared.lock().unwrap().clone();
        answer(&table, offered, asked)
    }));
    let client = client(&server.url);
    let case = (
        prop::collection::vec(0_i64..4, 0..24),
        1_usize..=7,
        1_usize..=9,
        0_i64..4,
        prop::option::of(0_i64..5),
    );
    let config = ProptestConfig {
        cases: 96,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |((stamps, limit, offered, from, to) in case)| {
        let number = |(index, stamp): (usize, &i64)| (*stamp, id("00Q", index * 7 % 24 + 1));
        let rows: Table = stamps.iter().enumerate().map(number).collect();
        let expected = brute_force(&rows, from, to);
        *table.lock().unwrap() = (rows, offered);
        let keyset = Keyset { to: to.map(at), ..Keyset::starting(at(from)) };
        let found = runtime.block_on(read_all(&client, keyset, limit));
        prop_assert_eq!(found, expected);
    });
}

#[tokio::test]
async fn more_rows_with_one_stamp_than_a_page_holds_are_all_read() {
    let table: Table = (1..=4_500).map(|number| (5, id("00Q", number))).collect();
    let expected = brute_force(&table, 0, None);
    let server = Server::start(move |asked| answer(&table, 2_000, asked)).await;
    let rows = client(&server.url)
        .changed_since("Lead", &["Email"], at(0))
        .await
        .unwrap();
    let found: Vec<&str> = rows.iter().map(|row| row["Id"].as_str().unwrap()).collect();
    assert_eq!(found, expected);
    assert_eq!(server.calls().len(), 3);
}

#[tokio::test]
async fn a_page_that_leads_nowhere_is_an_error_and_no_endless_loop() {
    let server = Server::start(|_| {
        let row = json!({ "Id": id("00Q", 1), "SystemModstamp": "2026-11-23T10:00:00.000+0000" });
        reply(
            200,
            json!({ "done": false, "records": [row],
            "nextRecordsUrl": "/services/data/v67.0/query/01g-x" }),
        )
    })
    .await;
    let changes = client(&server.url).changed_since("Lead", &[], at(0)).await;
    assert!(matches!(changes, Err(Error::Protocol { .. })));
    assert_eq!(server.calls().len(), 2);
}
