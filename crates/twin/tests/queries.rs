//! Queries over HTTP: conditions, order, pages, the recycle bin and late commits.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use serde_json::{Value, json};
use support::{Reply, Twin};

fn names(reply: &Reply) -> Vec<&str> {
    assert_eq!(reply.status, 200, "{}", reply.json);
    reply.json["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["LastName"].as_str().unwrap())
        .collect()
}

async fn leads(twin: &Twin) {
    for (name, score, title) in [
        ("Anna", json!(3), json!("CEO")),
        ("bruno", json!(20), Value::Null),
        ("Carla", Value::Null, json!("100% cto_x")),
        ("O'Hara", json!(1), json!("ceo")),
    ] {
        twin.lead(json!({ "LastName": name, "pi__score__c": score, "Title": title }))
            .await;
    }
}

#[tokio::test]
async fn conditions_select_rows() {
    let twin = Twin::start().await;
    leads(&twin).await;
    for (condition, expected) in [
        ("Title = 'Ceo'", vec!["Anna", "O'Hara"]),
        ("Title != 'CEO'", vec!["bruno", "Carla"]),
        ("Title = null", vec!["bruno"]),
        ("Title = ''", vec!["bruno"]),
        ("LastName = 'O\\'Hara'", vec!["O'Hara"]),
        ("LastName LIKE '%25R%25'", vec!["bruno", "Carla", "O'Hara"]),
        ("Title LIKE '100\\%25%25\\__'", vec!["Carla"]),
        ("LastName IN ('ANNA', 'BRUNO')", vec!["Anna", "bruno"]),
        ("LastName NOT IN ('anna', 'bruno')", vec!["Carla", "O'Hara"]),
        ("pi__score__c >= 3", vec!["Anna", "bruno"]),
        (
            "pi__score__c < 100 AND (NOT LastName = 'Anna')",
            vec!["bruno", "O'Hara"],
        ),
        (
            "(pi__score__c = 1 OR pi__score__c = 20) AND IsConverted = false",
            vec!["bruno", "O'Hara"],
        ),
        (
            "CreatedDate > 2020-01-01T00:00:00.000Z AND Company = 'EXAMPLE'",
            vec!["Anna", "bruno", "Carla", "O'Hara"],
        ),
        ("CreatedDate < 2020-01-01T00:00:00Z", vec![]),
        (
            "Owner.Username LIKE 'connector%25' AND pi__score__c = 1",
            vec!["O'Hara"],
        ),
    ] {
        let reply = twin
            .query(&format!("SELECT LastName FROM Lead WHERE {condition}"))
            .await;
        assert_eq!(names(&reply), expected, "{condition}");
    }
}

#[tokio::test]
async fn rows_come_in_order_and_in_parts() {
    let twin = Twin::start().await;
    leads(&twin).await;
    for (order, expected) in [
        ("LastName", ["Anna", "bruno", "Carla", "O'Hara"]),
        ("pi__score__c", ["Carla", "O'Hara", "Anna", "bruno"]),
        (
            "pi__score__c DESC NULLS LAST",
            ["bruno", "Anna", "O'Hara", "Carla"],
        ),
        (
            "Company ASC, LastName DESC",
            ["O'Hara", "Carla", "bruno", "Anna"],
        ),
    ] {
        let reply = twin
            .query(&format!("SELECT LastName FROM Lead ORDER BY {order}"))
            .await;
        assert_eq!(names(&reply), expected, "{order}");
    }
    let reply = twin
        .query("SELECT LastName FROM Lead ORDER BY LastName LIMIT 2 OFFSET 1")
        .await;
    assert_eq!(names(&reply), ["bruno", "Carla"]);
    let count = twin.query("SELECT COUNT() FROM Lead").await.json;
    assert_eq!(
        count,
        json!({ "totalSize": 4, "done": true, "records": [] })
    );
}

#[tokio::test]
async fn parents_are_one_step_away() {
    let twin = Twin::start().await;
    let account = twin
        .post("sobjects/Account", json!({ "Name": "Acme" }))
        .await
        .json;
    for account in [&account["id"], &Value::Null] {
        let body = json!({ "LastName": "A", "AccountId": account });
        assert_eq!(twin.post("sobjects/Contact", body).await.status, 201);
    }
    let rows = twin
        .query("SELECT Id, Account.Name, Account.Phone FROM Contact")
        .await
        .json;
    assert_eq!(rows["records"][0]["Account"]["Name"], "Acme");
    assert_eq!(
        rows["records"][0]["Account"]["attributes"]["type"],
        "Account"
    );
    assert_eq!(rows["records"][1]["Account"], Value::Null);
}

#[tokio::test]
async fn queries_that_make_no_sense_are_refused() {
    let twin = Twin::start().await;
    for (soql, code) in [
        ("SELECT Id FROM Nothing", "INVALID_TYPE"),
        ("SELECT Nothing FROM Lead", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE Nothing = 1", "INVALID_FIELD"),
        ("SELECT Boss.Name FROM Lead", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE LastName = 1", "INVALID_FIELD"),
        (
            "SELECT Id FROM Lead WHERE SystemModstamp > '2026-01-01T00:00:00Z'",
            "INVALID_FIELD",
        ),
        (
            "SELECT Id FROM Lead WHERE Id = 'x'",
            "INVALID_QUERY_FILTER_OPERATOR",
        ),
        ("SELECT Id FROM Lead WHERE", "MALFORMED_QUERY"),
        (
            "SELECT Id FROM Lead OFFSET 2001",
            "NUMBER_OUTSIDE_VALID_RANGE",
        ),
    ] {
        let reply = twin.query(soql).await;
        assert_eq!(
            (reply.status, reply.code()),
            (400, code),
            "{soql}: {}",
            reply.json
        );
    }
    for (length, status) in [(16_000, 400), (16_330, 431), (17_000, 414)] {
        let reply = twin.get(&format!("query?q={}", "x".repeat(length))).await;
        assert_eq!(reply.status, status, "{length}");
    }
    assert_eq!(twin.get("query").await.code(), "MALFORMED_QUERY");
    assert_eq!(
        twin.get("query/01g000000000001AAA-5").await.code(),
        "INVALID_QUERY_LOCATOR"
    );
    assert_eq!(twin.get("/services/data/v49.0/limits").await.status, 404);
}

#[tokio::test]
async fn a_long_result_comes_page_by_page() {
    let twin = Twin::start().await;
    leads(&twin).await;
    twin.control("org/rules", json!({ "page_size": 3 })).await;
    let first = twin.get("query/?q=SELECT%20LastName+FROM%20Lead").await;
    assert_eq!(names(&first), ["Anna", "bruno", "Carla"]);
    assert_eq!(
        (&first.json["totalSize"], &first.json["done"]),
        (&json!(4), &json!(false))
    );
    let next = first.json["nextRecordsUrl"].as_str().unwrap();
    assert!(next.ends_with("-3"), "{next}");
    let second = twin.get(next).await;
    assert_eq!(
        (names(&second), &second.json["done"]),
        (vec!["O'Hara"], &json!(true))
    );
    twin.advance(48 * 3600).await;
    let mut twin = twin;
    twin.login().await;
    assert_eq!(twin.get(next).await.code(), "INVALID_QUERY_LOCATOR");
}

#[tokio::test]
async fn the_bin_keeps_rows_for_fifteen_days() {
    let mut twin = Twin::start().await;
    let id = twin.lead(json!({ "Prospect_Sync_Key__c": "k" })).await;
    let start = twin.running.world.clock.now();
    twin.delete(&format!("sobjects/Lead/{id}")).await;
    let all = "queryAll?q=SELECT+Id,IsDeleted+FROM+Lead";
    assert_eq!(twin.query("SELECT Id FROM Lead").await.json["totalSize"], 0);
    assert_eq!(twin.get(all).await.json["records"][0]["IsDeleted"], true);
    let span = format!(
        "?start={}&end=2999-01-01T00:00:00%2B00:00",
        start.strftime("%Y-%m-%dT%H:%M:%SZ")
    );
    let deleted = twin
        .get(&format!("sobjects/Lead/deleted/{span}"))
        .await
        .json;
    assert_eq!(deleted["deletedRecords"][0]["id"], id.as_str(), "{deleted}");
    let undelete = json!({ "object": "Lead", "id": id, "undelete": true });
    twin.control("org/edit", undelete.clone()).await;
    let updated = twin
        .get(&format!("sobjects/Lead/updated/{span}"))
        .await
        .json;
    assert_eq!(updated["ids"], json!([id]));
    twin.delete(&format!("sobjects/Lead/{id}")).await;
    twin.lead(json!({ "Prospect_Sync_Key__c": "k" })).await;
    let reply = twin.post("/control/org/edit", undelete).await;
    assert!(
        reply.json["error"]
            .as_str()
            .unwrap()
            .starts_with("DUPLICATE_VALUE")
    );
    twin.advance(15 * 86_400).await;
    twin.login().await;
    assert_eq!(twin.get(all).await.json["totalSize"], 1);
}

#[tokio::test]
async fn a_late_commit_is_seen_late_with_its_early_stamp() {
    let twin = Twin::start().await;
    let id = twin.lead(json!({})).await;
    let edit = json!({
        "object": "Lead", "id": id, "fields": { "Title": "late" },
        "user": "ines.moreau@example.com", "visible_after_seconds": 60,
    });
    twin.control("org/edit", edit).await;
    let path = format!("sobjects/Lead/{id}?fields=Title,SystemModstamp,LastModifiedBy.Username");
    assert_eq!(twin.get(&path).await.json["Title"], Value::Null);
    let locked = twin
        .patch(&format!("sobjects/Lead/{id}"), json!({ "Title": "x" }))
        .await;
    assert_eq!(locked.code(), "UNABLE_TO_LOCK_ROW");
    twin.advance(61).await;
    let row = twin.get(&path).await.json;
    assert_eq!(row["Title"], "late");
    assert_eq!(row["LastModifiedBy"]["Username"], "ines.moreau@example.com");
    let now = twin.running.world.clock.now();
    let stamp = twin::org::stamps::read(row["SystemModstamp"].as_str().unwrap()).unwrap();
    assert!(now.as_second() - stamp.as_second() >= 60);
    let late = json!({ "late_commits": { "seconds": 60 } });
    twin.control("org/rules", late).await;
    twin.lead(json!({ "LastName": "Later" })).await;
    twin.lead(json!({ "LastName": "Now" })).await;
    let soql = "SELECT LastName FROM Lead WHERE Title = null";
    assert_eq!(names(&twin.query(soql).await), ["Now"]);
    twin.advance(61).await;
    assert_eq!(names(&twin.query(soql).await), ["Later", "Now"]);
}
