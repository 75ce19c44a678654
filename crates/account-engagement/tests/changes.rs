//! Reading changes without gaps: small pages, bursts in one second, rows that move meanwhile.
#![expect(clippy::unwrap_used, reason = "tests")]

#[expect(
    dead_code,
    reason = "the server is shared with the other tests, which use all of it"
)]
mod server;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use account_engagement::{ChangeWindow, DeletedFilter, Fields};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use server::{Asked, Server, client, json as reply};

/// Prospects: id to the millisecond of the last change.
type Table = BTreeMap<u64, i64>;

fn shown(millisecond: i64) -> String {
    // Another offset than UTC, as the API user's time zone may be.
    let stamp = Timestamp::from_millisecond(millisecond).unwrap();
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(-5));
    stamp
        .to_zoned(zone)
        .strftime("%Y-%m-%dT%H:%M:%S%.3f%:z")
        .to_string()
}

fn bound(asked: &Asked, name: &str) -> Option<i64> {
    let text = asked.query.get(name)?;
    Some(text.parse::<Timestamp>().unwrap().as_millisecond())
}

/// A page of at most `page_size` rows; ties are broken in a way no client expects.
fn answer(asked: &Asked, table: &Table, page_size: usize) -> Value {
    let from = bound(asked, "updatedAtAfterOrEqualTo").unwrap();
    let before = bound(asked, "updatedAtBefore").unwrap_or(i64::MAX);
    let above: u64 = asked
        .query
        .get("idGreaterThan")
        .map_or(0, |text| text.parse().unwrap());
    let mut rows: Vec<(u64, i64)> = table
        .iter()
        .map(|(id, stamp)| (*id, *stamp))
        .filter(|(id, stamp)| (from..before).contains(stamp) && *id > above)
        .collect();
    match asked.query["orderBy"].as_str() {
        "updatedAt ASC" => rows.sort_by_key(|(id, stamp)| (*stamp, id.wrapping_mul(7) % 11, *id)),
        "id ASC" => rows.sort_unstable(),
        other => panic!("unexpected order {other}"),
    }
    let has_more = rows.len() > page_size;
    rows.truncate(page_size);
    let values: Vec<Value> = rows
        .iter()
        .map(|(id, stamp)| json!({ "id": id, "updatedAt": shown(*stamp) }))
        .collect();
    json!({ "values": values, "nextPageToken": has_more.then_some("never used") })
}

/// Reads changes while `moves` touch one row before each call; answers what was read, the final
/// table, and the number of calls.
async fn run(
    table: Table,
    moves: Vec<u64>,
    page_size: usize,
    from: i64,
) -> (Vec<(u64, i64)>, Table, usize) {
    let world = Arc::new(Mutex::new((table, moves)));
    let seen = world.clone();
    let server = Server::start(move |asked| {
        let (table, moves) = &mut *seen.lock().unwrap();
        if let Some(id) = moves.pop() {
            let latest = table.values().max().copied().unwrap_or(0);
            if let Some(stamp) = table.get_mut(&id) {
                *stamp = latest + 300;
            }
        }
        assert!(!asked.query.contains_key("nextPageToken"));
        reply(200, answer(asked, table, page_size))
    })
    .await;
    let from = Timestamp::from_millisecond(from).unwrap();
    let changed = client(&server.base_url)
        .changed_since(from, &Fields::of(["email"]), DeletedFilter::All)
        .await
        .unwrap();
    let read = changed
        .iter()
        .map(|row| (row.id.get(), row.updated_at().unwrap().as_millisecond()))
        .collect();
    let calls = server.asked().len();
    let table = world.lock().unwrap().0.clone();
    (read, table, calls)
}

fn expected(table: &Table, from: i64) -> Vec<(u64, i64)> {
    let second = from - from.rem_euclid(1000);
    let mut rows: Vec<(u64, i64)> = table
        .iter()
        .filter(|(_, stamp)| **stamp >= second)
        .map(|(id, stamp)| (*id, *stamp))
        .collect();
    rows.sort_by_key(|(id, stamp)| (*stamp, *id));
    rows
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// Rows that change while they are read may be missed or come in an older version; reading again
    /// from the moment at which the reading began finds them, as the next poll does.
    #[test]
    fn two_readings_find_every_change_in_its_latest_version(
        table in prop::collection::btree_map(1_u64..40, 0_i64..6_000, 0..40),
        moves in prop::collection::vec(1_u64..40, 0..12),
        page_size in 1_usize..6,
        from in 0_i64..4_000,
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let began = table.values().max().copied().unwrap_or(0).max(from);
        let (first, table, _) = runtime.block_on(run(table, moves, page_size, from));
        let (second, table, _) = runtime.block_on(run(table, Vec::new(), page_size, began));
        let mut latest: Table = first.into_iter().collect();
        latest.extend(second);
        prop_assert_eq!(latest, expected(&table, from).into_iter().collect());
    }

    #[test]
    fn what_does_not_change_meanwhile_is_read_once_and_in_order(
        table in prop::collection::btree_map(1_u64..40, 0_i64..6_000, 0..40),
        page_size in 1_usize..6,
        from in 0_i64..4_000,
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (read, table, _) = runtime.block_on(run(table, Vec::new(), page_size, from));
        prop_assert_eq!(read, expected(&table, from));
    }
}

#[tokio::test]
async fn a_burst_in_one_second_costs_no_more_than_its_pages() {
    let table: Table = (1..=50)
        .map(|id| (id, 2_000))
        .chain([(60, 1_000), (70, 9_000)])
        .collect();
    let (read, table, calls) = run(table, Vec::new(), 10, 0).await;
    assert_eq!(read, expected(&table, 0));
    // one page to the burst, one that is all burst, five of the burst, one behind it
    assert_eq!(calls, 8);
}

#[tokio::test]
async fn reading_can_stop_and_go_on() {
    let table: Table = (1..=9)
        .map(|id| (id, i64::try_from(id).unwrap() * 1_000))
        .collect();
    let server = Server::start(move |asked| reply(200, answer(asked, &table, 4))).await;
    let client = client(&server.base_url);
    let from = Timestamp::from_millisecond(500).unwrap();
    let fields = Fields::default();
    let first = client
        .changes(ChangeWindow::since(from), &fields, DeletedFilter::All)
        .await;
    let first = first.unwrap();
    assert_eq!(first.prospects.len(), 4);
    let next = first.next.unwrap();
    assert_eq!(
        next.read_up_to(),
        Timestamp::from_millisecond(4_000).unwrap()
    );
    let second = client
        .changes(next, &fields, DeletedFilter::All)
        .await
        .unwrap();
    assert_eq!(second.prospects[0].id.get(), 4, "the last second again");
}

#[tokio::test]
async fn rows_older_than_asked_for_do_not_loop_for_ever() {
    let server = Server::start(|_| {
        let row = json!({ "id": 1, "updatedAt": "2020-01-01T00:00:00Z" });
        reply(200, json!({ "values": [row], "nextPageToken": "more" }))
    })
    .await;
    let from = "2026-01-01T00:00:00Z".parse().unwrap();
    let client = client(&server.base_url);
    assert!(
        client
            .changed_since(from, &Fields::default(), DeletedFilter::All)
            .await
            .is_err()
    );
    assert_eq!(server.asked().len(), 1);
}
