//! Tests of the engine: recycle bin, addresses, switches, edits and seeds.

mod queries;

use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::bu::objects::Object;
use crate::bu::prospects::{Body, Writer};
use crate::bu::revive::{Upsert, Upserted};
use crate::bu::{ApiError, BusinessUnit, seed_csv};

fn at(second: i64) -> Timestamp {
    let start: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
    start + second.seconds()
}

fn unit() -> BusinessUnit {
    BusinessUnit::new("0Uv000000000001CAA".to_owned())
}

fn body(value: Value) -> Body {
    match value {
        Value::Object(body) => body,
        other => panic!("{other} is no object"),
    }
}

fn create(unit: &mut BusinessUnit, value: Value, second: i64) -> Result<u64, ApiError> {
    unit.create_prospect(&body(value), Writer::API, at(second))
}

fn update(unit: &mut BusinessUnit, id: u64, value: Value, second: i64) -> Result<(), ApiError> {
    unit.update_prospect(id, &body(value), Writer::API, at(second))
}

fn held<'a>(unit: &'a BusinessUnit, id: u64, field: &str) -> &'a Value {
    unit.row(Object::Prospects, id).unwrap().get(field)
}

#[test]
fn a_new_prospect_gets_the_oldest_campaign_and_its_stamps() {
    let mut unit = unit();
    let id = create(
        &mut unit,
        json!({"email": "a@b.co", "Region__c": "EMEA"}),
        0,
    )
    .unwrap();
    assert_eq!(held(&unit, id, "campaignId"), &json!(1));
    assert_eq!(held(&unit, id, "createdById"), &json!(1));
    assert_eq!(held(&unit, id, "updatedAt"), &json!("2026-11-23T10:00:00Z"));
    assert_eq!(held(&unit, id, "Region__c"), &json!("EMEA"));
}

#[test]
fn wrong_bodies_carry_their_codes() {
    let mut unit = unit();
    for (value, code) in [
        (json!({}), 4),
        (json!({"email": "nobody"}), 4),
        (json!({"email": "a@b.co", "UniqueId__c": "x"}), 154),
        (
            json!({"email": "a@b.co", "updatedAt": "2026-11-23T10:00:00Z"}),
            154,
        ),
        (json!({"email": "a@b.co", "assignedToId": 2}), 154),
        (json!({"email": "a@b.co", "score": "many"}), 56),
        (json!({"email": "a@b.co", "Renewal_Date__c": "soon"}), 57),
        (json!({"email": "a@b.co", "isStarred": "maybe"}), 50),
        (json!({"email": "a@b.co", "campaignId": 99}), 38),
        (json!({"email": "a@b.co", "userId": 99}), 10),
        (json!({"email": "a@b.co", "userId": null}), 10),
        (
            json!({"email": "a@b.co", "userId": 2, "salesforceOwnerId": "x"}),
            125,
        ),
    ] {
        assert_eq!(
            create(&mut unit, value.clone(), 0).unwrap_err().code,
            code,
            "{value}"
        );
    }
    assert!(unit.table(Object::Prospects).rows.is_empty());
}

#[test]
fn assignment_reads_back_under_every_name() {
    let mut unit = unit();
    let owner = "005000000000002AAA".to_owned();
    unit.link_users(&[("ines.moreau@example.com".to_owned(), owner.clone())]);
    let id = create(
        &mut unit,
        json!({"email": "a@b.co", "salesforceOwnerId": owner}),
        0,
    )
    .unwrap();
    let fields = "userId,assignedToId,salesforceOwnerId,assignedTo.email";
    let read = unit
        .read(Object::Prospects, id, Some(fields), None, at(1))
        .unwrap();
    let expected = json!({
        "userId": 2, "assignedToId": 2, "salesforceOwnerId": owner,
        "assignedTo": {"email": "ines.moreau@example.com"},
    });
    assert_eq!(read.value, expected);
}

#[test]
fn without_ampsea_an_address_is_used_once() {
    let mut unit = unit();
    create(&mut unit, json!({"email": "a@b.co"}), 0).unwrap();
    create(&mut unit, json!({"email": "a@b.co"}), 0).unwrap();
    unit.configure(json!({"ampsea": false})).unwrap();
    assert_eq!(
        create(&mut unit, json!({"email": "a@b.co"}), 0)
            .unwrap_err()
            .code,
        9
    );
    let other = create(&mut unit, json!({"email": "c@d.co"}), 0).unwrap();
    assert_eq!(
        update(&mut unit, other, json!({"email": "a@b.co"}), 1)
            .unwrap_err()
            .code,
        54
    );
}

#[test]
fn upsert_matches_case_sensitively_and_may_search_the_bin() {
    let mut unit = unit();
    let id = create(&mut unit, json!({"email": "a@b.co"}), 0).unwrap();
    let upsert = |unit: &mut BusinessUnit, email: &str, is_searching: bool| {
        let upsert = Upsert {
            match_email: None,
            prospect: body(json!({"email": email, "city": "Lyon"})),
            secondary_deleted_search: is_searching,
        };
        unit.upsert_latest_by_email(&upsert, Writer::API, at(5))
            .unwrap()
    };
    assert_eq!(upsert(&mut unit, "a@b.co", false), Upserted::Updated(id));
    assert_eq!(
        upsert(&mut unit, "A@b.co", false),
        Upserted::Created(id + 1)
    );
    unit.delete_prospect(id, Writer::API, at(6)).unwrap();
    assert_eq!(upsert(&mut unit, "a@b.co", true), Upserted::Updated(id));
    unit.delete_prospect(id, Writer::API, at(7)).unwrap();
    assert_eq!(
        upsert(&mut unit, "a@b.co", false),
        Upserted::Created(id + 2)
    );
}

#[test]
fn the_switches_of_salesforce_id() {
    for (mode, stored, code) in [
        ("silently_dropped", Value::Null, None),
        ("editable", json!("00Q000000000001AAA"), None),
        ("refused", Value::Null, Some(77)),
    ] {
        let mut unit = unit();
        unit.configure(json!({"salesforce_id": mode})).unwrap();
        let id = create(&mut unit, json!({"email": "a@b.co"}), 0).unwrap();
        let written = update(
            &mut unit,
            id,
            json!({"salesforceId": "00Q000000000001AAA"}),
            1,
        );
        assert_eq!(written.err().map(|error| error.code), code, "{mode}");
        assert_eq!(held(&unit, id, "salesforceId"), &stored, "{mode}");
    }
}

#[test]
fn an_unchanged_update_bumps_by_switch() {
    for (is_bumping, stamp) in [
        (true, "2026-11-23T10:00:09Z"),
        (false, "2026-11-23T10:00:00Z"),
    ] {
        let mut unit = unit();
        unit.configure(json!({"bump_on_unchanged": is_bumping}))
            .unwrap();
        let id = create(&mut unit, json!({"email": "a@b.co", "city": "Lyon"}), 0).unwrap();
        update(&mut unit, id, json!({"city": "Lyon"}), 9).unwrap();
        assert_eq!(held(&unit, id, "updatedAt"), stamp);
    }
}

#[test]
fn people_edit_beyond_the_rules_of_the_api() {
    let mut unit = unit();
    let made = unit.human_edit(json!({"fields": {"email": "a@b.co", "grade": "A"}}), at(0));
    let id = made.unwrap()["id"].as_u64().unwrap();
    let edited = unit.human_edit(
        json!({"id": id, "score_add": 5, "assign": "tom.becker"}),
        at(1),
    );
    let edited = edited.unwrap();
    assert_eq!(
        (&edited["score"], &edited["userId"]),
        (&json!(5), &json!(3))
    );
    assert_eq!(
        (&edited["updatedById"], &edited["createdById"]),
        (&json!(2), &json!(2))
    );
    let edited = unit.human_edit(json!({"id": id, "unassign": true, "delete": true}), at(2));
    let edited = edited.unwrap();
    assert_eq!(
        (&edited["userId"], &edited["isDeleted"]),
        (&Value::Null, &json!(true))
    );
    assert!(
        unit.human_edit(json!({"id": id, "fields": {"city": "Lyon"}}), at(3))
            .is_err()
    );
    let revived = unit
        .human_edit(json!({"id": id, "undelete": true}), at(4))
        .unwrap();
    assert_eq!(revived["isDeleted"], json!(false));
    assert!(
        unit.human_edit(json!({"id": id, "unknown": 1}), at(5))
            .is_err()
    );
}

#[test]
fn seeds_name_what_is_wrong_and_add_nothing() {
    let mut unit = unit();
    let good = "email,score,campaign,assignedTo,optedOut\na@b.co,5,Webinar,ines.moreau,true\n";
    assert_eq!(seed_csv(&mut unit, good, at(0)).unwrap(), 1);
    assert_eq!(held(&unit, 1001, "userId"), &json!(2));
    for (text, expected) in [
        ("email,shoe\na@b.co,9\n", "unknown column `shoe`"),
        (
            "email,assignedTo\na@b.co,nobody\n",
            "line 2: no user is called `nobody`",
        ),
    ] {
        assert_eq!(
            seed_csv(&mut unit, text, at(0)).unwrap_err().to_string(),
            expected
        );
    }
    assert_eq!(unit.table(Object::Prospects).rows.len(), 1);
}

#[test]
fn configuration_is_all_or_nothing() {
    let mut unit = unit();
    assert!(
        unit.configure(json!({"daily_quota": 5, "shoe": 1}))
            .is_err()
    );
    assert!(
        unit.configure(json!({"daily_quota": 5, "time_zone": "Mars/Base"}))
            .is_err()
    );
    assert_eq!(unit.quota.limit, 25_000);
    let field = json!({"name": "Tags", "fieldId": "Tags", "type": "Checkbox"});
    unit.configure(json!({"api_user_offset": "-05:00", "custom_fields": [field]}))
        .unwrap();
    let id = create(&mut unit, json!({"email": "a@b.co", "Tags__c": ["x"]}), 0).unwrap();
    let read = unit
        .read(Object::Prospects, id, Some("createdAt"), None, at(0))
        .unwrap();
    assert_eq!(read.value["createdAt"], "2026-11-23T05:00:00-05:00");
}

#[test]
fn responses_are_added_and_arrays_replace() {
    let mut unit = unit();
    let field = json!({
        "name": "Topics", "fieldId": "Topics", "type": "Text", "isRecordMultipleResponses": true,
    });
    unit.configure(json!({"custom_fields": [field]})).unwrap();
    let id = create(&mut unit, json!({"email": "a@b.co", "Topics__c": "x"}), 0).unwrap();
    update(&mut unit, id, json!({"Topics__c": "y"}), 1).unwrap();
    assert_eq!(held(&unit, id, "Topics__c"), &json!(["x", "y"]));
    update(&mut unit, id, json!({"Topics__c": ["z"]}), 2).unwrap();
    assert_eq!(held(&unit, id, "Topics__c"), &json!(["z"]));
}
