//! Single calls over a real socket: what is sent, how many at once, and how pages are walked.
#![expect(clippy::unwrap_used, reason = "tests")]

mod server;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use account_engagement::{
    ApiUsage, CallKind, Client, DeletedFilter, Error, Fields, ID_LIST_CHUNK, ProspectFilters,
    ProspectQuery, Upsert,
};
use serde_json::{Map, Value, json};
use sync_core::ids::ProspectId;

use server::{Server, Tokens, client, json as reply, settings};

fn id(number: u64) -> ProspectId {
    number.try_into().unwrap()
}

fn object(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

fn fields() -> Fields {
    Fields::of(["email"])
}

#[tokio::test]
async fn every_call_carries_token_unit_and_the_wish_for_usage() {
    let server =
        Server::start(|_| reply(200, json!({ "values": [] })).header("x-api-usage", "7/25000"))
            .await;
    let client = client(&server.base_url);
    client.users().await.unwrap();
    let asked = &server.asked()[0];
    assert_eq!(asked.line, "GET /api/v5/objects/users");
    assert_eq!(asked.headers["authorization"], "Bearer t0");
    assert_eq!(
        asked.headers["pardot-business-unit-id"],
        "0Uv000000000001CAA"
    );
    assert_eq!(asked.headers["x-return-api-usage"], "1");
    assert_eq!(asked.query["deleted"], "all");
    assert_eq!(
        client.usage(),
        Some(ApiUsage {
            used: 7,
            allowance: 25_000
        })
    );
    assert_eq!(client.take_calls(), [(CallKind::Users, 1)].into());
    assert!(client.calls().is_empty());
}

#[tokio::test]
async fn a_page_token_travels_with_fields_only() {
    let server = Server::start(|asked| match asked.query.get("nextPageToken") {
        None => reply(
            200,
            json!({ "values": [{ "id": 1 }], "nextPageToken": "a+b/=" }),
        ),
        Some(_) => reply(
            200,
            json!({ "values": [{ "id": 2 }], "nextPageToken": null }),
        ),
    })
    .await;
    let query = ProspectQuery {
        fields: fields(),
        ..ProspectQuery::default()
    };
    let rows = client(&server.base_url).query(&query).await.unwrap();
    let ids: Vec<u64> = rows.rows.iter().map(|row| row.id.get()).collect();
    assert_eq!((ids, rows.is_truncated), (vec![1, 2], false));
    let second = &server.asked()[1].query;
    assert_eq!(
        second.keys().collect::<Vec<_>>(),
        ["fields", "nextPageToken"]
    );
    assert_eq!(second["nextPageToken"], "a+b/=");
}

#[tokio::test]
async fn a_chain_that_stops_early_says_so() {
    let server = Server::start(|_| {
        reply(200, json!({ "values": [{ "id": 1 }] })).header("Pardot-Warning", "203;Maximum")
    })
    .await;
    let client = client(&server.base_url);
    assert!(
        client
            .query(&ProspectQuery::default())
            .await
            .unwrap()
            .is_truncated
    );
    assert!(matches!(client.users().await, Err(Error::Protocol(_))));
}

#[tokio::test]
async fn no_more_calls_at_once_than_slots() {
    for (slots, most_allowed) in [(2, 2), (9, 4)] {
        let most = Arc::new(AtomicUsize::new(0));
        let handler = |asked: &server::Asked| {
            let id = asked
                .line
                .rsplit('/')
                .next()
                .and_then(|id| id.parse::<u64>().ok());
            reply(200, json!({ "id": id }))
        };
        let server = Server::start_slow(20, most.clone(), handler).await;
        let mut settings = settings(&server.base_url);
        settings.slots = slots;
        let client = Client::new(settings, Arc::new(Tokens::default())).unwrap();
        let fields = fields();
        let reads = (1..=16).map(|number| client.read(id(number), &fields));
        futures::future::try_join_all(reads).await.unwrap();
        assert_eq!(most.load(Ordering::SeqCst), most_allowed);
    }
}

#[tokio::test]
async fn ids_travel_in_chunks_each_id_once() {
    let server = Server::start(|asked| {
        let ids = asked.query["idList"].split(',');
        let rows: Vec<Value> = ids
            .map(|id| json!({ "id": id.parse::<u64>().unwrap() }))
            .collect();
        reply(200, json!({ "values": rows }))
    })
    .await;
    let mut ids: Vec<ProspectId> = (1..=1001).map(|n| id(4_000_000_000 + n)).collect();
    ids.push(ids[0]);
    let client = client(&server.base_url);
    let read = client
        .read_by_ids(&ids, &fields(), DeletedFilter::All)
        .await
        .unwrap();
    assert_eq!(read.len(), 1001);
    let asked = server.asked();
    assert_eq!(asked.len(), 3);
    for request in &asked {
        assert!(request.query["idList"].split(',').count() <= ID_LIST_CHUNK);
        assert!(
            request.raw_query.len() < 6_000,
            "{}",
            request.raw_query.len()
        );
        assert_eq!(
            (&*request.query["deleted"], &*request.query["limit"]),
            ("all", "1000")
        );
    }
    assert!(
        client
            .read_by_ids(&[], &fields(), DeletedFilter::All)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(server.asked().len(), 3, "no ids, no call");
}

#[tokio::test]
async fn filters_are_encoded_and_too_many_are_refused_here() {
    let server = Server::start(|_| reply(200, json!({ "values": [] }))).await;
    let client = client(&server.base_url);
    let mut query = ProspectQuery {
        limit: Some(10),
        ..ProspectQuery::default()
    };
    query.filters = ProspectFilters {
        updated_at_after_or_equal: Some("2026-11-23T10:00:00+01:00".parse().unwrap()),
        updated_at_before: Some("2026-11-24T00:00:00Z".parse().unwrap()),
        id_greater_than: Some(id(3)),
        email: Some("a+b@c.d".to_owned()),
        ..ProspectFilters::default()
    };
    client.query(&query).await.unwrap();
    let asked = &server.asked()[0];
    assert_eq!(
        asked.raw_query,
        "fields=id&updatedAtAfterOrEqualTo=2026-11-23T09:00:00Z\
         &updatedAtBefore=2026-11-24T00:00:00Z&idGreaterThan=3&email=a%2Bb%40c.d\
         &orderBy=id%20ASC&deleted=false&limit=10"
    );
    query.filters.salesforce_id = Some("00Q".to_owned());
    let error = client.query(&query).await.unwrap_err();
    assert!(matches!(error, Error::TooManyFilters(4)));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn writes_send_what_the_service_expects() {
    let server = Server::start(|asked| match asked.line.split(' ').next() {
        Some("DELETE") => server::Reply {
            status: 204,
            headers: Vec::new(),
            body: String::new(),
        },
        Some("PATCH") => server::Reply {
            status: 204,
            headers: Vec::new(),
            body: String::new(),
        },
        _ if asked.line.ends_with("/prospects") => server::Reply {
            status: 204,
            headers: Vec::new(),
            body: String::new(),
        }
        .header(
            "Location",
            "https://pi.pardot.com/api/v5/objects/prospects/77",
        ),
        _ => reply(201, json!({ "id": 8, "email": "a@b.c" })),
    })
    .await;
    let client = client(&server.base_url);
    let values = object(json!({ "email": "a@b.c" }));
    assert_eq!(
        client.create(&values, &fields()).await.unwrap().id,
        id(77),
        "from Location"
    );
    let changes = object(json!({ "firstName": null }));
    assert_eq!(
        client
            .update(id(3), &changes, &Fields::default())
            .await
            .unwrap()
            .id,
        id(3)
    );
    client.delete(id(3)).await.unwrap();
    assert_eq!(client.undelete("a@b.c", &fields()).await.unwrap().id, id(8));
    let upsert = Upsert {
        prospect: values.clone(),
        fields: fields(),
        ..Upsert::default()
    };
    client.upsert_latest_by_email(&upsert).await.unwrap();
    let asked = server.asked();
    let lines: Vec<&str> = asked.iter().map(|request| request.line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "POST /api/v5/objects/prospects",
            "PATCH /api/v5/objects/prospects/3",
            "DELETE /api/v5/objects/prospects/3",
            "POST /api/v5/objects/prospects/do/undelete",
            "POST /api/v5/objects/prospects/do/upsertLatestByEmail",
        ]
    );
    assert_eq!(asked[1].body, json!({ "firstName": null }));
    assert_eq!(
        asked[4].body,
        json!({
            "prospect": { "email": "a@b.c" },
            "secondaryDeletedSearch": false,
            "fields": ["email", "id"],
        })
    );
}

#[tokio::test]
async fn account_campaigns_and_custom_fields_are_read() {
    let server = Server::start(|asked| match asked.line.rsplit('/').next() {
        Some("account") => reply(
            200,
            json!({ "id": 1, "timezone": "Europe/Berlin", "maximumDailyApiCalls": 50_000 }),
        ),
        Some("campaigns") => reply(200, json!({ "values": [{ "id": 4, "name": "Fair" }] })),
        _ => reply(
            200,
            json!({ "values": [{
                "id": 9, "apiFieldId": "Size__c", "type": "Multi-Select", "isRequired": true,
            }] }),
        ),
    })
    .await;
    let client = client(&server.base_url);
    let budget = client.account().await.unwrap().budget(25_000).unwrap();
    let now = "2026-11-23T10:00:00Z".parse().unwrap();
    assert_eq!(
        budget.next_reset(now),
        "2026-11-23T23:00:00Z".parse().unwrap()
    );
    assert_eq!(budget.allowance, 50_000);
    assert_eq!(
        client.campaigns().await.unwrap()[0].name.as_deref(),
        Some("Fair")
    );
    let field = &client.custom_fields().await.unwrap()[0];
    assert!(field.is_required && field.is_omitted_by_query());
    let asked = server.asked();
    assert!(
        !asked[2].query.contains_key("deleted"),
        "custom fields take no `deleted`"
    );
}

/// What a new custom field is: text, one value, required on no form (apis B5).
#[tokio::test]
async fn a_text_field_is_created_with_its_type_and_without_the_suffix() {
    let server = Server::start(|_| {
        reply(
            201,
            json!({ "id": 12, "name": "Prospect Sync Key", "apiFieldId": "Prospect_Sync_Key__c",
                "type": "Text", "isRequired": false }),
        )
    })
    .await;
    let client = client(&server.base_url);
    let created = client.create_text_field("Prospect Sync Key", "Prospect_Sync_Key");
    let created = created.await.unwrap();
    assert_eq!(
        (created.api_field_id.as_str(), created.field_type.as_str()),
        ("Prospect_Sync_Key__c", "Text")
    );
    let asked = &server.asked()[0];
    assert_eq!(asked.line, "POST /api/v5/objects/custom-fields");
    assert_eq!(
        asked.body,
        json!({
            "name": "Prospect Sync Key", "fieldId": "Prospect_Sync_Key", "type": "Text",
            "isRequired": false, "isRecordMultipleResponses": false, "isUseValues": false,
        })
    );
    assert!(asked.query["fields"].contains("apiFieldId"));
    let calls = client.take_calls();
    assert_eq!(calls, [(CallKind::CreateCustomField, 1)].into());
}

/// A lost answer leaves open whether the field is there.
#[tokio::test]
async fn a_text_field_without_a_proper_answer_may_be_there() {
    let server = Server::start(|_| reply(204, Value::Null)).await;
    let client = client(&server.base_url);
    let error = client.create_text_field("Key", "Key").await.unwrap_err();
    assert!(error.may_have_landed(), "{error}");
}

#[test]
fn a_base_url_with_a_path_is_refused() {
    for url in [
        "",
        "pi.pardot.com",
        "https://pi.pardot.com/api/v5",
        "ftp://pi.pardot.com",
    ] {
        let client = Client::new(settings(url), Arc::new(Tokens::default()));
        assert!(client.is_err(), "{url}");
    }
}

#[tokio::test]
async fn calls_that_wait_for_a_slot_do_not_carry_a_token_that_was_refused_meanwhile() {
    let server = Server::start(|asked| {
        if asked.headers["authorization"] == "Bearer t0" {
            return reply(401, json!({ "code": 184, "message": "expired" }));
        }
        reply(200, json!({ "values": [] }))
    })
    .await;
    let mut one_slot = settings(&server.base_url);
    one_slot.slots = 1;
    let client = Client::new(one_slot, Arc::new(Tokens::default())).unwrap();
    let (a, b, c) = tokio::join!(client.users(), client.users(), client.users());
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    let carried = server.asked();
    let carried: Vec<&str> = carried
        .iter()
        .map(|asked| asked.headers["authorization"].to_str().unwrap())
        .collect();
    assert_eq!(
        carried,
        ["Bearer t0", "Bearer t1", "Bearer t1", "Bearer t1"]
    );
}
