//! Single rows: create, read, change, upsert, delete, and what the org refuses.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use serde_json::{Value, json};
use support::Twin;

#[tokio::test]
async fn a_lead_lives_and_dies() {
    let twin = Twin::start().await;
    let id = twin
        .lead(json!({ "FirstName": " Inès ", "Email": "ines@example.com" }))
        .await;
    assert_eq!(id, "00Q000000000001EAA");
    let path = format!("sobjects/Lead/{}", &id[..15]);
    let reply = twin.get(&path).await;
    assert_eq!(reply.json["Name"], "Inès Moreau");
    assert_eq!(
        reply.json["attributes"]["url"],
        format!("/services/data/v67.0/sobjects/Lead/{id}")
    );
    assert_eq!(reply.json["CreatedDate"], reply.json["SystemModstamp"]);
    assert_eq!(reply.headers["sforce-limit-info"], "api-usage=2/15000");
    twin.advance(10).await;
    let changed = twin
        .patch(
            &format!("{path}/"),
            json!({ "Email": null, "title": "CEO" }),
        )
        .await;
    assert_eq!((changed.status, changed.json), (204, json!("")));
    let reply = twin
        .get(&format!("{path}?fields=Id,Email,Title,Owner.Username"))
        .await;
    assert_eq!(
        (&reply.json["Email"], &reply.json["Title"]),
        (&Value::Null, &json!("CEO"))
    );
    assert_eq!(
        reply.json["Owner"]["Username"],
        "connector@prospect-sync.example"
    );
    assert_eq!(twin.delete(&path).await.status, 204);
    for reply in [twin.get(&path).await, twin.delete(&path).await] {
        assert_eq!((reply.status, reply.code()), (404, "ENTITY_IS_DELETED"));
    }
    assert_eq!(
        twin.get("sobjects/Lead/00Q000000000zzz").await.code(),
        "NOT_FOUND"
    );
}

#[tokio::test]
async fn bodies_are_checked_field_by_field() {
    let twin = Twin::start().await;
    let id = twin.lead(json!({})).await;
    let path = format!("sobjects/Lead/{id}");
    for (body, code) in [
        (json!({ "Nonsense__c": 1 }), "INVALID_FIELD"),
        (json!({ "Id": id }), "INVALID_FIELD_FOR_INSERT_UPDATE"),
        (
            json!({ "CreatedDate": "2026-01-01T00:00:00Z" }),
            "INVALID_FIELD_FOR_INSERT_UPDATE",
        ),
        (json!({ "LastName": null }), "REQUIRED_FIELD_MISSING"),
        (json!({ "FirstName": "x".repeat(41) }), "STRING_TOO_LONG"),
        (json!({ "Email": "nobody" }), "INVALID_EMAIL_ADDRESS"),
        (json!({ "NumberOfEmployees": "many" }), "JSON_PARSER_ERROR"),
        (
            json!({ "NumberOfEmployees": 1_000_000_000 }),
            "NUMBER_OUTSIDE_VALID_RANGE",
        ),
        (json!({ "Renewal_Date__c": "soon" }), "JSON_PARSER_ERROR"),
        (
            json!({ "Region__c": "Moon" }),
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        ),
        (json!({ "OwnerId": "me" }), "MALFORMED_ID"),
        (json!({ "OwnerId": "005000000000zzzBBB" }), "MALFORMED_ID"),
        (
            json!({ "OwnerId": "005000000000zzz" }),
            "INVALID_CROSS_REFERENCE_KEY",
        ),
    ] {
        let reply = twin.patch(&path, body.clone()).await;
        assert_eq!(
            (reply.status, reply.code()),
            (400, code),
            "{body}: {}",
            reply.json
        );
    }
    let reply = twin
        .post("sobjects/Lead", json!({ "FirstName": "x" }))
        .await;
    assert_eq!(reply.json[0]["fields"], json!(["LastName", "Company"]));
    let text = "No such column 'X' on sobject of type Lead";
    assert_eq!(
        twin.patch(&path, json!({ "X": 1 })).await.json[0]["message"],
        text
    );
    let body = json!({ "First_Contact__c": "2026-11-23T10:00:00+01:00", "pi__score__c": 42 });
    assert_eq!(twin.patch(&path, body).await.status, 204);
    let row = twin.get(&path).await.json;
    assert_eq!(row["First_Contact__c"], "2026-11-23T09:00:00.000+0000");
    assert_eq!(row["pi__score__c"].to_string(), "42.0");
}

#[tokio::test]
async fn an_external_id_creates_once_and_updates_after() {
    let twin = Twin::start().await;
    let path = "sobjects/Lead/Prospect_Sync_Key__c/bu%2F1";
    let body = json!({ "LastName": "A", "Company": "B" });
    let missing = twin
        .patch(&format!("{path}?updateOnly=true"), body.clone())
        .await;
    assert_eq!(missing.status, 404);
    let created = twin.patch(path, body.clone()).await;
    assert_eq!(
        (created.status, &created.json["created"]),
        (201, &json!(true))
    );
    let updated = twin.patch(path, json!({ "Title": "T" })).await;
    assert_eq!(
        (updated.status, &updated.json["created"]),
        (200, &json!(false))
    );
    assert_eq!(updated.json["id"], created.json["id"]);
    assert_eq!(twin.get(path).await.json["Prospect_Sync_Key__c"], "bu/1");
    let other = twin.get("sobjects/Lead/Prospect_Sync_Key__c/BU%2F1").await;
    assert_eq!(other.status, 404, "the key is case-sensitive");
    let id = created.json["id"].as_str().unwrap();
    let mut twice = body;
    twice["Prospect_Sync_Key__c"] = json!("bu/1");
    let reply = twin.post("sobjects/Lead", twice).await;
    let text = format!(
        "duplicate value found: Prospect_Sync_Key__c duplicates value on record with id: {id}"
    );
    assert_eq!(
        (reply.code(), &reply.json[0]["message"]),
        ("DUPLICATE_VALUE", &json!(text))
    );
}

#[tokio::test]
async fn an_external_id_that_is_not_unique_may_match_several() {
    let twin = Twin::start().await;
    let field = json!({
        "object": "Lead", "name": "Legacy__c", "type": "string", "length": 20, "external_id": true,
    });
    twin.control("org/rules", json!({ "fields": [field] }))
        .await;
    for _ in 0..2 {
        twin.lead(json!({ "Legacy__c": "7" })).await;
    }
    let path = "sobjects/Lead/Legacy__c/7";
    for reply in [
        twin.get(path).await,
        twin.patch(path, json!({ "Title": "x" })).await,
    ] {
        assert_eq!(
            (reply.status, reply.json.as_array().unwrap().len()),
            (300, 2)
        );
    }
    let records = json!([{ "attributes": { "type": "Lead" }, "Legacy__c": "7", "Title": "x" }]);
    let reply = twin
        .patch(
            "composite/sobjects/Lead/Legacy__c",
            json!({ "records": records }),
        )
        .await;
    assert_eq!(
        reply.json[0]["errors"][0]["statusCode"],
        "DUPLICATE_EXTERNAL_ID"
    );
}

#[tokio::test]
async fn a_row_that_changed_since_is_left_alone() {
    let twin = Twin::start().await;
    let id = twin.lead(json!({})).await;
    let path = format!("sobjects/Lead/{id}");
    let seen = twin.get(&path).await.headers["date"].clone();
    let body = json!({ "Title": "T" });
    let since = |date: String| {
        let (twin, path, body) = (&twin, &path, &body);
        async move {
            twin.send("PATCH", path, &[("If-Unmodified-Since", &date)], Some(body))
                .await
        }
    };
    assert_eq!(since(seen.clone()).await.status, 204);
    twin.advance(5).await;
    twin.patch(&path, body.clone()).await;
    let reply = since(seen).await;
    assert_eq!((reply.status, reply.code()), (412, "PRECONDITION_FAILED"));
    assert_eq!(since("yesterday".to_owned()).await.status, 400);
}

/// In a composite each subrequest has its own condition, and fails alone.
#[tokio::test]
async fn a_condition_holds_for_its_own_subrequest() {
    let twin = Twin::start().await;
    let (first, second) = (twin.lead(json!({})).await, twin.lead(json!({})).await);
    let seen = twin.get(&format!("sobjects/Lead/{first}")).await.headers["date"].clone();
    twin.advance(5).await;
    let path = format!("sobjects/Lead/{first}");
    twin.patch(&path, json!({ "Title": "Theirs" })).await;
    let part = |name: &str, id: &str| {
        json!({
            "method": "PATCH", "url": format!("/services/data/v67.0/sobjects/Lead/{id}"),
            "referenceId": name, "httpHeaders": { "If-Unmodified-Since": seen },
            "body": { "Title": "Ours" },
        })
    };
    let parts = json!([part("a", &first), part("b", &second)]);
    let body = json!({ "allOrNone": false, "compositeRequest": parts });
    let answers = twin.post("composite", body).await.json["compositeResponse"].clone();
    assert_eq!(answers[0]["httpStatusCode"], 412);
    assert_eq!(answers[0]["body"][0]["errorCode"], "PRECONDITION_FAILED");
    assert_eq!(answers[1]["httpStatusCode"], 204);
    assert_eq!(twin.get(&path).await.json["Title"], "Theirs");
    let other = twin.get(&format!("sobjects/Lead/{second}")).await;
    assert_eq!(other.json["Title"], "Ours");
}

#[tokio::test]
async fn describe_shows_what_a_user_may_see() {
    let twin = Twin::start().await;
    let user = "connector@prospect-sync.example";
    let id = twin.lead(json!({ "Phone": "1" })).await;
    twin.control(
        "org/rules",
        json!({ "hidden_fields": { user: ["Lead.Phone"] } }),
    )
    .await;
    let described = twin.get("sobjects/Lead/describe").await.json;
    let field = |name: &str| {
        described["fields"]
            .as_array()
            .unwrap()
            .iter()
            .find(|field| field["name"] == name)
    };
    assert!(field("Phone").is_none());
    let region = field("Region__c").unwrap();
    assert_eq!(
        (&region["restrictedPicklist"], &region["type"]),
        (&json!(true), &json!("picklist"))
    );
    assert_eq!(field("Prospect_Sync_Key__c").unwrap()["idLookup"], true);
    assert_eq!(field("CreatedById").unwrap()["createable"], false);
    assert_eq!(
        twin.query("SELECT Phone FROM Lead").await.code(),
        "INVALID_FIELD"
    );
    let path = format!("sobjects/Lead/{id}");
    assert_eq!(
        twin.patch(&path, json!({ "Phone": "2" })).await.code(),
        "INVALID_FIELD"
    );
    assert!(twin.get(&path).await.json.get("Phone").is_none());
    let names = twin.get("sobjects").await.json;
    assert_eq!(names["sobjects"].as_array().unwrap().len(), 4);
}
