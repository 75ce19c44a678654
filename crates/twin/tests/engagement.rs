//! Account Engagement's API v5 over HTTP: what clients must be able to rely on, and its traps.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod wire;

use serde_json::{Value, json};
use twin::http::engagement::Planned;
use wire::{Twin, UNIT};

const OBJECTS: &str = "/api/v5/objects";

fn created(twin: &Twin, body: &Value) -> u64 {
    let reply = twin.post(&format!("{OBJECTS}/prospects"), body);
    assert_eq!(reply.status, 201, "{}", reply.json);
    reply.json["id"].as_u64().unwrap()
}

fn ids(reply: &Value) -> Vec<u64> {
    reply["values"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row["id"].as_u64())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_needs_a_token_and_a_business_unit() {
    let twin = Twin::start().await;
    let path = format!("{OBJECTS}/prospects?fields=id");
    for (headers, status, code) in [
        (vec![("Pardot-Business-Unit-Id", UNIT)], 401, 49),
        (
            vec![
                ("Authorization", "Bearer nonsense"),
                ("Pardot-Business-Unit-Id", UNIT),
            ],
            401,
            184,
        ),
        (vec![("Authorization", twin.bearer())], 400, 181),
        (
            vec![
                ("Authorization", twin.bearer()),
                ("pardot-business-unit-id", "0Uv0"),
            ],
            403,
            201,
        ),
    ] {
        let reply = twin.call("GET", &path, &headers, None);
        assert_eq!((reply.status, reply.code()), (status, code));
    }
    assert_eq!(twin.get(&path).status, 200);
    assert_eq!(twin.calls("engagement GET prospects"), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prospect_is_created_read_changed_and_deleted() {
    let twin = Twin::start().await;
    let prospects = format!("{OBJECTS}/prospects/");
    let body = json!({"email": "a@b.co", "firstName": "A", "Region__c": "EMEA"});
    let reply = twin.post(
        &format!("{prospects}?fields=id,firstName,campaign.name"),
        &body,
    );
    assert_eq!(reply.status, 201);
    assert_eq!(reply.json["campaign"]["name"], "Website");
    let id = reply.json["id"].as_u64().unwrap();
    let location = reply.header("location").unwrap();
    assert!(
        location.ends_with(&format!("/api/v5/objects/prospects/{id}")),
        "{location}"
    );
    let row = format!("{OBJECTS}/prospects/{id}");
    let change = json!({"firstName": "B"});
    assert_eq!(twin.patch(&row, &change).status, 204);
    let echoed = twin.patch(&format!("{row}?fields=firstName,updatedAt"), &change);
    let expected = json!({"firstName": "B", "updatedAt": "2026-11-23T10:00:00+00:00"});
    assert_eq!((echoed.status, echoed.json), (200, expected));
    assert_eq!(twin.get(&format!("{row}?fields=id,Nope__c")).code(), 51);
    assert_eq!(twin.patch(&row, &json!({"Nope__c": 1})).code(), 154);
    assert_eq!(twin.delete(&row).status, 204);
    assert_eq!(twin.calls("engagement PATCH prospects/{id}"), 3);
    assert_eq!(twin.calls("engagement POST prospects"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recycle_bin_hides_and_gives_back() {
    let twin = Twin::start().await;
    let id = created(&twin, &json!({"email": "a@b.co"}));
    let row = format!("{OBJECTS}/prospects/{id}");
    twin.delete(&row);
    assert_eq!(twin.get(&format!("{row}?fields=id")).status, 404);
    assert_eq!(twin.patch(&row, &json!({"city": "Lyon"})).status, 404);
    let read = twin.get(&format!("{row}?fields=id,isDeleted&deleted=all"));
    assert_eq!(read.json, json!({"id": id, "isDeleted": true}));
    assert_eq!(
        read.header("pardot-warning"),
        Some("201;Record In Recycle Bin")
    );
    let query = |deleted: &str| {
        let path = format!("{OBJECTS}/prospects?fields=id&deleted={deleted}");
        ids(&twin.get(&path).json)
    };
    assert_eq!(
        (query("false"), query("true"), query("all")),
        (vec![], vec![id], vec![id])
    );
    let body = json!({"matchEmail": "a@b.co", "fields": ["id", "isDeleted"]});
    let reply = twin.post(&format!("{OBJECTS}/prospects/do/undelete"), &body);
    assert_eq!(
        (reply.status, reply.json),
        (200, json!({"id": id, "isDeleted": false}))
    );
    assert_eq!(query("false"), [id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn upsert_takes_addresses_case_sensitively() {
    let twin = Twin::start().await;
    let path = format!("{OBJECTS}/prospects/do/upsertLatestByEmail");
    let upsert = |email: &str| {
        let prospect = json!({"email": email, "city": "Lyon"});
        twin.post(
            &path,
            &json!({"matchEmail": email, "prospect": prospect, "fields": ["id"]}),
        )
    };
    let (first, same, other) = (upsert("a@b.co"), upsert("a@b.co"), upsert("A@b.co"));
    assert_eq!((first.status, same.status, other.status), (201, 200, 201));
    assert_eq!(first.json, same.json);
    assert_ne!(first.json, other.json);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_token_travels_with_fields_only() {
    let twin = Twin::start().await;
    for _ in 0..3 {
        created(&twin, &json!({"email": "a@b.co"}));
    }
    let path = format!("{OBJECTS}/prospects?fields=id&limit=2&orderBy=updatedAt%20ASC");
    let first = twin.get(&path);
    assert_eq!(ids(&first.json), [1001, 1002]);
    let url = first.json["nextPageUrl"].as_str().unwrap();
    let next = url.split_once(&twin.host()).unwrap().1;
    assert_eq!(twin.get(&format!("{next}&limit=2")).status, 400);
    let last = twin.get(next);
    assert_eq!(
        (ids(&last.json), &last.json["nextPageToken"]),
        (vec![1003], &Value::Null)
    );
    twin.wait(4 * 3600 + 1);
    assert_eq!(twin.get(next).code(), 210);
    let bad = format!("{OBJECTS}/prospects?fields=id&nextPageToken=bad");
    assert_eq!((twin.get(&bad).status, twin.get(&bad).code()), (400, 211));
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_in_filters_need_an_encoded_plus() {
    let twin = Twin::start().await;
    created(&twin, &json!({"email": "a@b.co"}));
    let query = |after: &str| {
        twin.get(&format!(
            "{OBJECTS}/prospects?fields=id&updatedAtAfterOrEqualTo={after}"
        ))
    };
    assert_eq!(ids(&query("2026-11-23T11:00:00%2B01:00").json), [1001]);
    assert_eq!(query("2026-11-23T11:00:00+01:00").code(), 57);
    twin.configure(json!({"api_user_offset": "-05:00"}));
    let read = twin.get(&format!("{OBJECTS}/prospects/1001?fields=updatedAt"));
    assert_eq!(read.json["updatedAt"], "2026-11-23T05:00:00-05:00");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_leaves_out_fields_with_several_values() {
    let twin = Twin::start().await;
    let id = created(
        &twin,
        &json!({"email": "a@b.co", "Interests__c": ["A", "B"]}),
    );
    let query = twin.get(&format!("{OBJECTS}/prospects?fields=id,Interests__c"));
    assert_eq!(query.json["values"], json!([{"id": id}]));
    let read = twin.get(&format!("{OBJECTS}/prospects/{id}?fields=id,Interests__c"));
    assert_eq!(read.json, json!({"id": id, "Interests__c": ["A", "B"]}));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sixth_call_in_flight_is_refused() {
    let twin = Twin::start().await;
    let path = format!("{OBJECTS}/account?fields=timezone");
    twin.with_unit(|unit| (0..5).for_each(|_| unit.gate.enter().unwrap()));
    let refused = twin.get(&path);
    assert_eq!((refused.status, refused.code()), (429, 66));
    twin.with_unit(|unit| unit.gate.leave());
    assert_eq!(twin.get(&path).status, 200);
    let seen = twin.with_unit(|unit| (unit.gate.most_in_flight, unit.gate.refused));
    assert_eq!(seen, (5, 1));
    assert_eq!(
        twin.with_unit(|unit| unit.gate.in_flight),
        4,
        "the place was given back"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_day_of_the_quota_ends_at_local_midnight() {
    let twin = Twin::start().await;
    twin.configure(json!({"daily_quota": 2, "time_zone": "America/New_York"}));
    let path = format!("{OBJECTS}/account?fields=timezone");
    let usage = [("X-Return-Api-Usage", "1")];
    assert_eq!(
        twin.get_with(&path, &usage).header("x-api-usage"),
        Some("1/2")
    );
    assert_eq!(
        twin.get(&path).json,
        json!({"timezone": "America/New_York"})
    );
    twin.wait(15 * 3600); // 01:00 UTC of the next day, 20:00 in New York
    let refused = twin.get(&path);
    assert_eq!((refused.status, refused.code()), (429, 122));
    twin.wait(4 * 3600); // midnight in New York
    assert_eq!(twin.get(&path).status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_may_be_a_minute_old() {
    let twin = Twin::start().await;
    let id = created(&twin, &json!({"email": "a@b.co", "city": "Lyon"}));
    twin.configure(json!({"read_cache_seconds": 60}));
    let row = format!("{OBJECTS}/prospects/{id}");
    let city = || twin.get(&format!("{row}?fields=city")).json["city"].clone();
    assert_eq!(city(), "Lyon");
    twin.patch(&row, &json!({"city": "Paris"}));
    assert_eq!(city(), "Lyon");
    let query = twin.get(&format!("{OBJECTS}/prospects?fields=city"));
    assert_eq!(query.json["values"][0]["city"], "Lyon");
    twin.wait(60);
    assert_eq!(city(), "Paris");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_objects_read_and_refuse() {
    let twin = Twin::start().await;
    let users = twin.get(&format!("{OBJECTS}/users?fields=id,username"));
    assert_eq!(ids(&users.json), [1, 2, 3, 4]);
    let fields = twin.get(&format!("{OBJECTS}/custom-fields?fields=apiFieldId,type"));
    assert!(fields.json["values"].as_array().unwrap().len() >= 7);
    for object in ["prospect-accounts", "opportunities", "visitor-activities"] {
        let path = format!("{OBJECTS}/{object}");
        assert_eq!(
            twin.get(&format!("{path}?fields=id")).status,
            200,
            "{object}"
        );
        let refused = twin.post(&path, &json!({}));
        assert_eq!((refused.status, refused.code()), (405, 60), "{object}");
    }
    let id = created(&twin, &json!({"email": "a@b.co"}));
    let list = twin.post(&format!("{OBJECTS}/lists"), &json!({"name": "All"}));
    let membership = json!({"listId": list.json["id"], "prospectId": id});
    let path = format!("{OBJECTS}/list-memberships");
    assert_eq!(twin.post(&path, &membership).status, 201);
    assert_eq!(twin.post(&path, &membership).code(), 58);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_custom_field_is_created_once_and_takes_values() {
    let twin = Twin::start().await;
    let path = format!("{OBJECTS}/custom-fields?fields=apiFieldId,type,isRequired");
    let field =
        json!({"name": "Sync Note", "fieldId": "Sync_Note", "type": "Text", "isRequired": false});
    let prospect = json!({"email": "a@b.co", "Sync_Note__c": "x"});
    let prospects = format!("{OBJECTS}/prospects?fields=Sync_Note__c");
    assert_eq!(twin.post(&prospects, &prospect).code(), 51);
    let reply = twin.post(&path, &field);
    let expected = json!({"apiFieldId": "Sync_Note__c", "type": "Text", "isRequired": false});
    assert_eq!((reply.status, reply.json), (201, expected));
    let again = twin.post(&path, &field);
    assert_eq!((again.status, again.code()), (400, 154));
    for (name, value) in [
        ("type", json!("Tekst")),
        ("fieldId", json!(null)),
        ("apiFieldId", json!("X__c")),
    ] {
        let mut wrong = json!({"name": "Other", "fieldId": "Other", "type": "Text"});
        wrong[name] = value;
        assert_eq!(twin.post(&path, &wrong).code(), 154, "{name}");
    }
    let created = twin.post(&prospects, &prospect);
    assert_eq!(created.json, json!({"Sync_Note__c": "x"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_wait_stay_in_flight() {
    let twin = Twin::start().await;
    let path = format!("{OBJECTS}/account?fields=timezone");
    (0..5).for_each(|_| twin.plan(Planned::Delay(std::time::Duration::from_millis(300))));
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..5)
            .map(|_| scope.spawn(|| twin.get(&path).status))
            .collect();
        while twin.with_unit(|unit| unit.gate.in_flight) < 5 {
            std::thread::yield_now();
        }
        assert_eq!(twin.get(&path).code(), 66);
        for call in waiting {
            assert_eq!(call.join().unwrap(), 200);
        }
    });
    assert_eq!(twin.with_unit(|unit| unit.gate.most_in_flight), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_may_leave_the_work_done() {
    let twin = Twin::start().await;
    let path = format!("{OBJECTS}/prospects");
    for (fault, left) in [(Planned::CutBefore, 0), (Planned::CutAfterCommit, 1)] {
        twin.plan(fault);
        assert!(twin.try_post(&path, &json!({"email": "a@b.co"})).is_none());
        assert_eq!(
            ids(&twin.get(&format!("{path}?fields=id")).json).len(),
            left
        );
    }
    twin.plan(Planned::Html(503));
    let reply = twin.get(&path);
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (503, Some("text/html"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn users_carry_the_ids_of_the_org() {
    let twin = Twin::start().await;
    let users = twin.get(&format!(
        "{OBJECTS}/users?fields=id,salesforceId&idList=2,4"
    ));
    let expected = json!([
        {"id": 2, "salesforceId": "005000000000002AAA"},
        {"id": 4, "salesforceId": null},
    ]);
    assert_eq!(users.json["values"], expected);
}
