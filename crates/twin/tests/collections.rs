//! Collections and composites: each part answered for itself, or all taken back.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use serde_json::{Value, json};
use support::Twin;

fn lead(name: &str) -> Value {
    json!({ "attributes": { "type": "Lead" }, "LastName": name, "Company": "Example" })
}

async fn count(twin: &Twin) -> u64 {
    twin.query("SELECT COUNT() FROM Lead").await.json["totalSize"]
        .as_u64()
        .unwrap()
}

#[tokio::test]
async fn one_bad_record_does_not_spoil_the_others() {
    let twin = Twin::start().await;
    let mut bad = lead("Bad");
    bad["Email"] = json!("nobody");
    let records = json!([lead("A"), bad, lead("B")]);
    let reply = twin
        .post("composite/sobjects", json!({ "records": records }))
        .await;
    assert_eq!(reply.status, 200);
    let results = reply.json.as_array().unwrap();
    assert_eq!(results[0]["errors"], json!([]));
    assert_eq!(results[1]["success"], false);
    assert_eq!(
        results[1]["errors"][0]["statusCode"],
        "INVALID_EMAIL_ADDRESS"
    );
    assert_eq!(count(&twin).await, 2);
    let body = json!({ "allOrNone": true, "records": records });
    let reply = twin.post("composite/sobjects", body).await;
    let code = |at: usize| reply.json[at]["errors"][0]["statusCode"].as_str().unwrap();
    assert_eq!(code(0), "ALL_OR_NONE_OPERATION_ROLLED_BACK");
    assert_eq!((code(1), code(2)), ("INVALID_EMAIL_ADDRESS", code(0)));
    assert_eq!(count(&twin).await, 2);
}

#[tokio::test]
async fn the_five_verbs_answer_in_order() {
    let twin = Twin::start().await;
    let ids = [twin.lead(json!({})).await, twin.lead(json!({})).await];
    let gone = "00Q000000000zzz";
    let change = |id: &str| json!({ "attributes": { "type": "Lead" }, "id": id, "Title": "T" });
    let records = json!([change(&ids[0]), change(gone), change("x")]);
    let reply = twin
        .patch("composite/sobjects", json!({ "records": records }))
        .await
        .json;
    assert_eq!(
        (&reply[0]["id"], &reply[0]["success"]),
        (&json!(ids[0]), &json!(true))
    );
    assert_eq!(
        reply[1]["errors"][0]["statusCode"],
        "INVALID_CROSS_REFERENCE_KEY"
    );
    assert_eq!(reply[2]["errors"][0]["statusCode"], "MALFORMED_ID");
    let body = json!({ "ids": [ids[0], gone, ids[1]], "fields": ["Id", "Title"] });
    let reply = twin.post("composite/sobjects/Lead", body).await.json;
    assert_eq!((&reply[0]["Title"], &reply[1]), (&json!("T"), &Value::Null));
    assert_eq!(reply[2]["Id"], ids[1].as_str());
    let keyed = |key: &str| {
        let mut record = lead("K");
        record["Prospect_Sync_Key__c"] = json!(key);
        record
    };
    let path = "composite/sobjects/Lead/Prospect_Sync_Key__c";
    for is_created in [true, false] {
        let body = json!({ "records": [keyed("1"), keyed("2"), keyed("2"), lead("none")] });
        let reply = twin.patch(path, body).await.json;
        assert_eq!(reply[0]["created"], is_created);
        assert_eq!(reply[1]["errors"][0]["statusCode"], "DUPLICATE_VALUE");
        assert_eq!(reply[2]["success"], false);
        assert_eq!(reply[3]["errors"][0]["statusCode"], "MISSING_ARGUMENT");
    }
    let path = format!("composite/sobjects?ids={},{gone}&allOrNone=false", ids[0]);
    let reply = twin.delete(&path).await.json;
    assert_eq!(
        (&reply[0]["success"], &reply[1]["success"]),
        (&json!(true), &json!(false))
    );
}

#[tokio::test]
async fn what_cannot_be_read_fails_as_a_whole() {
    let twin = Twin::start().await;
    let mut odd = lead("Odd");
    odd["Nonsense"] = json!(1);
    let records = json!({ "records": [lead("A"), odd] });
    let reply = twin.post("composite/sobjects", records.clone()).await;
    assert_eq!((reply.status, reply.code()), (400, "INVALID_FIELD"));
    assert_eq!(count(&twin).await, 0);
    twin.control(
        "org/rules",
        json!({ "unknown_field_fails_record_only": true }),
    )
    .await;
    let reply = twin.post("composite/sobjects", records).await;
    assert_eq!(reply.json[1]["errors"][0]["statusCode"], "INVALID_FIELD");
    assert_eq!(count(&twin).await, 1);
    let many: Vec<Value> = (0..201).map(|_| lead("A")).collect();
    let reply = twin
        .post("composite/sobjects", json!({ "records": many }))
        .await;
    assert_eq!((reply.status, reply.code()), (400, "EXCEEDED_ID_LIMIT"));
    assert_eq!(
        twin.post("composite/sobjects", json!({})).await.code(),
        "JSON_PARSER_ERROR"
    );
}

#[tokio::test]
async fn a_composite_passes_results_on() {
    let twin = Twin::start().await;
    let data = support::DATA;
    let part = |name: &str, method: &str, path: &str, body: Value| json!({ "referenceId": name, "method": method, "url": format!("{data}/{path}"), "body": body });
    let parts = |last_name: Value| {
        json!([
            part("account", "POST", "sobjects/Account", json!({ "Name": "Acme" })),
            part("contact", "POST", "sobjects/Contact",
                json!({ "LastName": last_name, "AccountId": "@{account.id}" })),
            { "referenceId": "found", "method": "GET",
              "url": format!("{data}/query?q=SELECT+Account.Name+FROM+Contact+WHERE+Id='@{{contact.id}}'") },
        ])
    };
    let body = json!({ "allOrNone": false, "compositeRequest": parts(json!("A")) });
    let reply = twin.post("composite", body).await;
    let found = &reply.json["compositeResponse"][2];
    assert_eq!(
        found["body"]["records"][0]["Account"]["Name"], "Acme",
        "{}",
        reply.json
    );
    assert_eq!(reply.headers["sforce-limit-info"], "api-usage=1/15000");
    let body = json!({ "allOrNone": true, "compositeRequest": parts(Value::Null) });
    let reply = twin.post("composite", body).await;
    let inner = |at: usize| &reply.json["compositeResponse"][at];
    assert_eq!(inner(0)["body"][0]["errorCode"], "PROCESSING_HALTED");
    assert_eq!(inner(1)["body"][0]["errorCode"], "REQUIRED_FIELD_MISSING");
    assert_eq!(
        (reply.status, &inner(1)["httpStatusCode"]),
        (200, &json!(400))
    );
    assert_eq!(
        twin.query("SELECT Id FROM Account").await.json["totalSize"],
        1
    );
    let graphs = json!({ "graphs": [
        { "graphId": "1", "compositeRequest": parts(Value::Null) },
        { "graphId": "2", "compositeRequest": parts(json!("B")) },
    ] });
    let reply = twin.post("composite/graph", graphs).await.json;
    assert_eq!(reply["graphs"][0]["isSuccessful"], false);
    assert_eq!(reply["graphs"][1]["isSuccessful"], true, "{reply}");
    assert_eq!(
        twin.query("SELECT Id FROM Account").await.json["totalSize"],
        2
    );
}

#[tokio::test]
async fn a_batch_stops_when_told_to() {
    let twin = Twin::start().await;
    let requests = json!([
        { "method": "POST", "url": "v67.0/sobjects/Lead", "richInput": lead("A") },
        { "method": "GET", "url": "v67.0/sobjects/Nothing" },
        { "method": "GET", "url": "v67.0/limits" },
    ]);
    for (halts, last) in [(false, 200), (true, 412)] {
        let body = json!({ "haltOnError": halts, "batchRequests": requests });
        let reply = twin.post("composite/batch", body).await.json;
        assert_eq!(reply["hasErrors"], true);
        assert_eq!(reply["results"][0]["statusCode"], 201, "{reply}");
        assert_eq!(reply["results"][2]["statusCode"], last);
    }
}
