//! Tests of queries, pages, filters and the read cache.

use serde_json::json;

use super::{at, create, unit, update};
use crate::bu::objects::Object;
use crate::bu::prospects::Writer;
use crate::bu::query::Page;
use crate::bu::{ApiError, BusinessUnit};

fn query(unit: &mut BusinessUnit, text: &str, second: i64) -> Result<Page, ApiError> {
    let parameters: Vec<(String, String)> = text
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    unit.query(Object::Prospects, &parameters, at(second))
}

#[test]
fn a_query_leaves_out_fields_with_several_values() {
    let mut unit = unit();
    let id = create(
        &mut unit,
        json!({"email": "a@b.co", "Interests__c": "A;B"}),
        0,
    )
    .unwrap();
    let page = query(&mut unit, "fields=id,Interests__c", 1).unwrap();
    assert_eq!(page.values, [json!({"id": id})]);
    let fields = Some("Interests__c");
    let read = unit
        .read(Object::Prospects, id, fields, None, at(1))
        .unwrap();
    assert_eq!(read.value, json!({"Interests__c": ["A", "B"]}));
}

#[test]
fn pages_follow_each_other_strictly() {
    let mut unit = unit();
    for second in 0..5 {
        create(&mut unit, json!({"email": "a@b.co"}), second).unwrap();
    }
    let first = query(&mut unit, "fields=id&limit=2&orderBy=updatedAt DESC", 10).unwrap();
    assert_eq!(first.values, [json!({"id": 1005}), json!({"id": 1004})]);
    let token = first.next_page_token.unwrap();
    let with = |extra: &str| format!("fields=id&nextPageToken={token}{extra}");
    let second = query(&mut unit, &with(""), 10).unwrap();
    assert_eq!(second.values, [json!({"id": 1003}), json!({"id": 1002})]);
    assert_eq!(query(&mut unit, &with(""), 10).unwrap(), second);
    assert_eq!(
        query(&mut unit, &with("&limit=2"), 10).unwrap_err().status,
        400
    );
    assert_eq!(
        query(&mut unit, &with(""), 4 * 3600 + 11).unwrap_err().code,
        210
    );
    assert_eq!(
        query(&mut unit, "fields=id&nextPageToken=x", 0)
            .unwrap_err()
            .code,
        211
    );
    let last = format!(
        "fields=id&nextPageToken={}",
        second.next_page_token.unwrap()
    );
    let last = query(&mut unit, &last, 10).unwrap();
    assert_eq!((last.values.len(), last.next_page_token), (1, None));
}

#[test]
fn a_chain_stops_at_its_limit() {
    let mut unit = unit();
    unit.configure(json!({"page_chain_limit": 3})).unwrap();
    for second in 0..5 {
        create(&mut unit, json!({"email": "a@b.co"}), second).unwrap();
    }
    let first = query(&mut unit, "fields=id&limit=2", 10).unwrap();
    let next = format!("fields=id&nextPageToken={}", first.next_page_token.unwrap());
    let second = query(&mut unit, &next, 10).unwrap();
    assert_eq!(second.values.len(), 1);
    assert!(second.is_cut_at_chain_limit && second.next_page_token.is_none());
}

#[test]
fn filters_work_and_refuse() {
    let mut unit = unit();
    for second in 0..4 {
        create(
            &mut unit,
            json!({"email": format!("p{second}@b.co")}),
            second,
        )
        .unwrap();
    }
    unit.delete_prospect(1004, Writer::API, at(3)).unwrap();
    for (text, ids) in [
        ("updatedAtAfter=2026-11-23T10:00:01Z", vec![1003]),
        (
            "updatedAtAfterOrEqualTo=2026-11-23T05:00:01-05:00",
            vec![1002, 1003],
        ),
        ("updatedAtAfterOrEqualTo=2026-11-23T10:00:01.5Z", vec![1003]),
        ("updatedAtBefore=2026-11-23T10:00:01Z", vec![1001]),
        ("idList=1001,1003,1004", vec![1001, 1003]),
        ("idGreaterThan=1002&deleted=all", vec![1003, 1004]),
        ("deleted=true", vec![1004]),
        ("email=P1@b.co", vec![]),
        ("email=p1@b.co", vec![1002]),
        ("limit=2&offset=1", vec![1002, 1003]),
    ] {
        let page = query(&mut unit, &format!("fields=id&{text}"), 10).unwrap();
        let found: Vec<u64> = page
            .values
            .iter()
            .filter_map(|row| row["id"].as_u64())
            .collect();
        assert_eq!(found, ids, "{text}");
    }
    for (text, code) in [
        ("limit=2", 180),
        ("fields=id,Nope__c", 51),
        ("fields=id&limit=1001", 151),
        ("fields=id&offset=2001", 151),
        ("fields=id&orderBy=email", 151),
        ("fields=id&firstName=x", 151),
        ("fields=id&updatedAtAfter=2026-11-23", 57),
        (
            "fields=id&email=a&userId=1&salesforceId=x&idGreaterThan=1",
            209,
        ),
    ] {
        assert_eq!(query(&mut unit, text, 10).unwrap_err().code, code, "{text}");
    }
}

#[test]
fn the_cache_answers_the_row_as_last_read() {
    let mut unit = unit();
    unit.configure(json!({"read_cache_seconds": 60})).unwrap();
    let id = create(&mut unit, json!({"email": "a@b.co", "city": "Lyon"}), 0).unwrap();
    let city = |unit: &mut BusinessUnit, second| {
        unit.read(Object::Prospects, id, Some("city"), None, at(second))
            .unwrap()
            .value["city"]
            .clone()
    };
    assert_eq!(city(&mut unit, 0), "Lyon");
    update(&mut unit, id, json!({"city": "Paris"}), 1).unwrap();
    assert_eq!(city(&mut unit, 59), "Lyon");
    assert_eq!(city(&mut unit, 60), "Paris");
}
