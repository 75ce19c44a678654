//! What control can do: rules, faults, seeds, people.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::Twin;

#[tokio::test]
async fn assignment_rules_run_unless_told_not_to() {
    let twin = Twin::start().await;
    let rule = json!({ "object": "Lead", "owner": "tom.becker@example.com" });
    twin.control("org/rules", json!({ "assignments": [rule] }))
        .await;
    let body = json!({ "LastName": "A", "Company": "B" });
    let off = [("Sforce-Auto-Assign", "FALSE")];
    let id = twin
        .send("POST", "sobjects/Lead", &off, Some(&body))
        .await
        .json["id"]
        .clone();
    let path = format!("sobjects/Lead/{}", id.as_str().unwrap());
    let owner = async || {
        twin.get(&format!("{path}?fields=Owner.Username"))
            .await
            .json["Owner"]["Username"]
            .clone()
    };
    assert_eq!(owner().await, "connector@prospect-sync.example");
    twin.send("PATCH", &path, &off, Some(&json!({ "Title": "x" })))
        .await;
    assert_eq!(owner().await, "connector@prospect-sync.example");
    twin.patch(&path, json!({ "Title": "x" })).await;
    assert_eq!(owner().await, "tom.becker@example.com");
}

#[tokio::test]
async fn validation_and_duplicate_rules_refuse() {
    let twin = Twin::start().await;
    let rules = json!({
        "validations": [{ "object": "Lead", "field": "Title", "condition": { "equals": "Spy" },
            "message": "No spies." }],
        "duplicates": [{ "object": "Lead", "fields": ["Email"], "action": "alert" }],
    });
    twin.control("org/rules", rules).await;
    let body = |title: &str| json!({ "LastName": "A", "Company": "B", "Title": title, "Email": "a@example.com" });
    let reply = twin.post("sobjects/Lead", body("Spy")).await;
    assert_eq!(reply.code(), "FIELD_CUSTOM_VALIDATION_EXCEPTION");
    assert_eq!(reply.json[0]["message"], "No spies.");
    let first = twin.post("sobjects/Lead", body("x")).await.json;
    let reply = twin.post("sobjects/Lead", body("y")).await;
    assert_eq!(reply.code(), "DUPLICATES_DETECTED");
    let matches = &reply.json[0]["duplicateResult"]["matchResults"][0]["matchRecords"];
    assert_eq!(matches[0]["record"]["Id"], first["id"]);
    let insist = [(
        "Sforce-Duplicate-Rule-Header",
        "allowSave=true; includeRecordDetails=false",
    )];
    let reply = twin
        .send("POST", "sobjects/Lead", &insist, Some(&body("y")))
        .await;
    assert_eq!(reply.status, 201);
    let rules =
        json!({ "duplicates": [{ "object": "Lead", "fields": ["Email"], "action": "block" }] });
    twin.control("org/rules", rules).await;
    let reply = twin
        .send("POST", "sobjects/Lead", &insist, Some(&body("z")))
        .await;
    assert_eq!(reply.code(), "DUPLICATES_DETECTED");
}

#[tokio::test]
async fn the_allowance_runs_out() {
    let twin = Twin::start().await;
    twin.control("org/rules", json!({ "api_limit": 2 })).await;
    assert_eq!(
        twin.get("limits").await.json["DailyApiRequests"],
        json!({ "Max": 2, "Remaining": 1 })
    );
    assert_eq!(twin.get("limits").await.status, 200);
    let reply = twin.get("limits").await;
    assert_eq!(
        (reply.status, reply.code()),
        (403, "REQUEST_LIMIT_EXCEEDED")
    );
    assert_eq!(reply.headers["sforce-limit-info"], "api-usage=2/2");
}

#[tokio::test]
async fn planned_faults_happen() {
    let twin = Twin::start().await;
    let plan = async |fault: Value| {
        twin.control("faults", json!({ "side": "salesforce", "fault": fault }))
            .await;
    };
    plan(json!({ "status": 503 })).await;
    let reply = twin.get("limits").await;
    assert_eq!(reply.status, 503);
    assert!(reply.headers["content-type"].starts_with("text/html"));
    plan(json!("unauthorised")).await;
    assert_eq!(twin.get("limits").await.code(), "INVALID_SESSION_ID");
    plan(json!("daily_limit")).await;
    assert_eq!(twin.get("limits").await.code(), "REQUEST_LIMIT_EXCEEDED");
    plan(json!({ "lock_row": { "every": 2 } })).await;
    let lead = json!({ "attributes": { "type": "Lead" }, "LastName": "A", "Company": "B" });
    let body = json!({ "records": [lead, lead, lead] });
    let reply = twin.post("composite/sobjects", body.clone()).await.json;
    assert_eq!(reply[1]["errors"][0]["statusCode"], "UNABLE_TO_LOCK_ROW");
    assert_eq!(reply[2]["success"], true);
    plan(json!("cut_before")).await;
    assert!(
        twin.try_send("POST", "composite/sobjects", &[], Some(&body))
            .await
            .is_none()
    );
    plan(json!("cut_after_commit")).await;
    assert!(
        twin.try_send("POST", "composite/sobjects", &[], Some(&body))
            .await
            .is_none()
    );
    assert_eq!(
        twin.query("SELECT COUNT() FROM Lead").await.json["totalSize"],
        5
    );
    let calls = twin.get("/control/calls").await.json;
    assert_eq!(calls["salesforce POST composite/sobjects"], 3);
    assert_eq!(calls["salesforce POST token"], 1);
    plan(json!({ "status": 500 })).await;
    twin.delete("/control/faults").await;
    assert_eq!(twin.get("limits").await.status, 200);
}

#[tokio::test]
async fn a_fault_counts_when_it_took_effect() {
    let twin = Twin::start().await;
    let plan = async |fault: Value, writes: bool| {
        let plan =
            json!({ "side": "salesforce", "fault": fault, "writes": writes, "path": "/data" });
        twin.control("faults", plan).await;
    };
    let struck = async || twin.get("/control/faults").await.json["struck"].clone();
    let record =
        |name: &str| json!({ "attributes": { "type": "Lead" }, "LastName": name, "Company": "B" });
    let body = json!({ "records": [record("A"), record("B"), record("C")] });
    // Nothing is written, so nothing can be locked, and nothing was committed.
    plan(json!({ "lock_row": {} }), false).await;
    assert_eq!(twin.get("limits").await.status, 200);
    plan(json!("cut_after_commit"), false).await;
    let cut = twin.try_send("GET", "limits", &[], None).await;
    assert!(cut.is_none());
    assert_eq!(struck().await, json!({}));
    plan(json!({ "lock_row": { "every": 2 } }), true).await;
    plan(json!("cut_after_commit"), true).await;
    let select = json!({ "method": "GET", "referenceId": "a",
        "url": "/services/data/v67.0/query?q=SELECT+Id+FROM+Lead" });
    let reads = json!({ "compositeRequest": [select] });
    assert_eq!(twin.post("composite", reads).await.status, 200);
    let reply = twin.post("composite/sobjects", body.clone()).await.json;
    assert_eq!(reply[1]["errors"][0]["statusCode"], "UNABLE_TO_LOCK_ROW");
    let cut = twin
        .try_send("POST", "composite/sobjects", &[], Some(&body))
        .await;
    assert!(cut.is_none());
    let expected = json!({ "salesforce lock_row": 1, "salesforce cut_after_commit": 1 });
    assert_eq!(struck().await, expected);
    twin.delete("/control/faults").await;
    assert_eq!(struck().await, json!({}));
}

#[tokio::test]
async fn a_session_ends_once_it_was_used() {
    let mut twin = Twin::start().await;
    for side in ["salesforce", "engagement"] {
        let fault = json!({ "side": side, "fault": { "session_ends": {} }, "count": 2 });
        twin.control("faults", fault).await;
    }
    let unit = [("Pardot-Business-Unit-Id", twin::config::UNIT)];
    let path = "/api/v5/objects/prospects?fields=id";
    assert_eq!(
        twin.get("limits").await.status,
        200,
        "a fresh token is good"
    );
    assert_eq!(twin.send("GET", path, &unit, None).await.json["code"], 184);
    assert_eq!(twin.get("limits").await.code(), "INVALID_SESSION_ID");
    twin.login().await;
    assert_eq!(twin.send("GET", path, &unit, None).await.status, 200);
    let struck = twin.get("/control/faults").await.json["struck"].clone();
    assert_eq!(struck, json!({ "engagement session_ends": 1 }));
}

#[tokio::test]
async fn the_sample_org_loads_as_it_is() {
    let twin = Twin::start().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/sample-org");
    let rules =
        json!({ "duplicates": [{ "object": "Lead", "fields": ["Email"], "action": "block" }] });
    twin.control("org/rules", rules).await;
    let unit = twin::config::UNIT;
    let loaded = twin::seed::folder(&twin.running.world, &folder, unit).unwrap();
    assert_eq!(loaded, (562, 200));
    let soql = "SELECT COUNT() FROM Contact WHERE Account.Name != null";
    assert_eq!(twin.query(soql).await.json["totalSize"], 182);
    let dump = twin.get("/control/dump").await.json;
    assert_eq!(
        dump["org"]["objects"]["Lead"].as_array().unwrap().len(),
        320
    );
    let tree = json!({ "records": [
        { "attributes": { "type": "Account", "referenceId": "a" }, "Name": "A" },
        { "attributes": { "type": "Contact" }, "LastName": "B", "AccountId": "@b" },
    ] });
    let reply = twin.post("/control/seed/salesforce", tree).await;
    assert_eq!(reply.json["error"], "record 1: nothing is called `b`");
    assert_eq!(
        twin.query("SELECT COUNT() FROM Account").await.json["totalSize"],
        60
    );
}

#[tokio::test]
async fn people_convert_and_merge() {
    let twin = Twin::start().await;
    let lead = twin
        .lead(json!({ "Email": "a@example.com", "pi__score__c": 7 }))
        .await;
    let edit =
        json!({ "object": "Lead", "id": lead, "convert": true, "user": "tom.becker@example.com" });
    let contact = twin.control("org/edit", edit).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let row = twin.get(&format!("sobjects/Contact/{contact}")).await.json;
    assert_eq!(
        (&row["Email"], row["pi__score__c"].as_f64()),
        (&json!("a@example.com"), Some(7.0))
    );
    let path = format!("sobjects/Lead/{lead}");
    assert_eq!(
        twin.get(&path).await.json["ConvertedContactId"],
        contact.as_str()
    );
    let reply = twin.patch(&path, json!({ "Title": "x" })).await;
    assert_eq!(reply.code(), "CANNOT_UPDATE_CONVERTED_LEAD");
    let (loser, winner) = (twin.lead(json!({})).await, twin.lead(json!({})).await);
    let edit = json!({ "object": "Lead", "id": loser, "merge_into": winner });
    twin.control("org/edit", edit).await;
    let soql = "queryAll?q=SELECT+Id,MasterRecordId+FROM+Lead+WHERE+IsDeleted=true";
    let row = twin.get(soql).await.json["records"][0].clone();
    assert_eq!(
        (&row["Id"], &row["MasterRecordId"]),
        (&json!(loser), &json!(winner))
    );
}

#[tokio::test]
async fn one_token_opens_both_apis() {
    let twin = Twin::start().await;
    let unit = [("Pardot-Business-Unit-Id", twin::config::UNIT)];
    let path = "/api/v5/objects/prospects?fields=id";
    assert_eq!(twin.send("GET", path, &unit, None).await.status, 200);
    let fault = json!({ "side": "engagement", "fault": "concurrency" });
    twin.control("faults", fault).await;
    assert_eq!(twin.send("GET", path, &unit, None).await.json["code"], 66);
    let edit = json!({ "object": "prospects", "fields": { "email": "a@example.com" } });
    let reply = twin
        .post(&format!("/control/units/{}/edit", twin::config::UNIT), edit)
        .await;
    assert!([200, 400].contains(&reply.status), "{}", reply.json);
}
