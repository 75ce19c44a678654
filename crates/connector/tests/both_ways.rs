//! Changes go both ways, and then nothing happens any more.

mod world;

use serde_json::{Value, json};
use sync_core::ids::{CrmObject, ProspectId};
use sync_core::link::LinkState;
use world::{INES, TOM, World, calls_of, example_config, person, writes};

fn id_of(prospect: &world::Fields) -> u64 {
    prospect["id"].as_u64().expect("an id")
}

/// The rules that the only link names: what created the partner is told after the second look too.
async fn why(world: &World) -> Vec<String> {
    let links = world.all_links().await;
    let trace = links[0].last_trace.as_ref().expect("a trace");
    trace
        .rule_numbers()
        .into_iter()
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn r45_a_new_lead_becomes_a_prospect() {
    let world = World::active().await;
    let lead = world.create_as(INES, "Lead", person("ann@example.com"));
    let drained = world.sync().await;
    assert_eq!(drained.sum(|report| report.created["Prospect"]), 1);
    let prospects = world.prospects();
    assert_eq!(prospects.len(), 1);
    assert_eq!(prospects[0]["email"], "ann@example.com");
    assert_eq!(prospects[0]["company"], "Example");
    assert_eq!(prospects[0]["campaignId"], 1);
    assert_eq!(prospects[0]["SF_Record_Id__c"], json!(lead));
    assert_eq!(
        prospects[0]["Prospect_Sync_Key__c"],
        format!("{}:c:{lead}", world::UNIT)
    );
    // R101: the owner in Salesforce is the assigned user.
    assert_eq!(prospects[0]["assignedToId"], 2);
    world.assert_in_step();
    assert_eq!(why(&world).await, ["N5", "M3", "F3"]);
}

#[tokio::test]
async fn r45_a_new_contact_becomes_a_prospect_with_its_accounts_name() {
    let world = World::active().await;
    let account = world.create("Account", json!({ "Name": "Example Group" }));
    let fields = json!({ "Email": "bea@example.com", "LastName": "Bea", "AccountId": account });
    let contact = world.create("Contact", fields);
    world.sync().await;
    let prospects = world.prospects();
    assert_eq!(prospects.len(), 1);
    assert_eq!(prospects[0]["SF_Record_Id__c"], json!(contact));
    assert_eq!(prospects[0]["company"], "Example Group");
    let row = world.row("Contact", &contact);
    assert_eq!(
        world.differences(CrmObject::Contact, &row, &prospects[0]),
        [""; 0]
    );
}

#[tokio::test]
async fn r40_an_assigned_prospect_becomes_a_lead_of_its_user() {
    let world = World::active().await;
    let fields =
        json!({ "email": "cem@example.com", "lastName": "Cem", "city": "Lyon", "score": 12 });
    let prospect = world.edit_unit(json!({ "fields": fields, "assign": TOM }));
    world.sync().await;
    let leads = world.rows("Lead");
    assert_eq!(leads.len(), 1);
    assert_eq!(leads[0]["City"], "Lyon");
    assert_eq!(leads[0]["Company"], "[[Unknown]]");
    assert_eq!(
        leads[0]["Prospect_Sync_Key__c"],
        format!("{}:p:{prospect}", world::UNIT)
    );
    let tom = world.edit_org(TOM, |_, caller| caller.user_id.clone());
    assert_eq!(leads[0]["OwnerId"], json!(tom));
    assert_eq!(why(&world).await, ["M10", "C6", "M3"]);
    world.settle().await;
    world.assert_in_step();
    // The placeholder of a required field never becomes a value.
    assert!(
        world
            .prospect_row(prospect)
            .get("company")
            .is_none_or(Value::is_null)
    );
}

#[tokio::test]
async fn r41_an_unassigned_prospect_without_match_is_skipped() {
    let world = World::active().await;
    world.prospect(json!({ "email": "dora@example.com", "lastName": "Dora" }));
    let drained = world.sync().await;
    assert_eq!(drained.reports[0].skipped["unassigned_no_match"], 1);
    assert_eq!(world.rows("Lead").len() + world.rows("Contact").len(), 0);
    assert!(matches!(
        world.all_links().await[0].state,
        LinkState::Skipped(_)
    ));
}

#[tokio::test]
async fn r90_an_edit_on_either_side_arrives_on_the_other() {
    let world = World::active().await;
    let (lead, prospect) = world.linked_pair("ann@example.com").await;
    world.update(
        "Lead",
        &lead,
        json!({ "City": "Paris", "Renewal_Date__c": "2027-01-31" }),
    );
    world.sync().await;
    assert_eq!(world.prospect_row(prospect)["city"], "Paris");
    assert_eq!(
        world.prospect_row(prospect)["Renewal_Date__c"],
        "2027-01-31"
    );
    world.advance(60);
    world.update_prospect(prospect, json!({ "country": "France", "optedOut": true }));
    world.edit_unit(json!({ "id": prospect, "score_add": 7 }));
    world.sync().await;
    let row = world.row("Lead", &lead);
    assert_eq!(
        (&row["Country"], &row["HasOptedOutOfEmail"]),
        (&json!("France"), &json!(true))
    );
    assert_eq!(row["pi__score__c"].as_f64(), Some(7.0));
    world.settle().await;
    world.assert_in_step();
}

#[tokio::test]
async fn r90_different_fields_of_both_sides_both_survive() {
    let world = World::active().await;
    let (lead, prospect) = world.linked_pair("ann@example.com").await;
    world.update("Lead", &lead, json!({ "City": "Paris" }));
    world.update_prospect(prospect, json!({ "country": "France" }));
    world.sync().await;
    assert_eq!(world.row("Lead", &lead)["Country"], "France");
    assert_eq!(world.prospect_row(prospect)["city"], "Paris");
    world.assert_in_step();
}

#[tokio::test]
async fn r82_a_conflict_is_decided_as_the_field_says() {
    let world = World::active().await;
    let (lead, prospect) = world.linked_pair("ann@example.com").await;
    // The prospect is the more recent record.
    world.update(
        "Lead",
        &lead,
        json!({
            "City": "Paris", "Title": "Engineer", "HasOptedOutOfEmail": true,
        }),
    );
    world.advance(30);
    world.update_prospect(prospect, json!({ "city": "Lyon", "jobTitle": "Director" }));
    let drained = world.sync().await;
    assert_eq!(drained.sum(|report| report.conflicts), 2);
    let row = world.row("Lead", &lead);
    assert_eq!(row["City"], "Paris", "use_salesforce");
    assert_eq!(row["Title"], "Director", "most_recent_record");
    assert_eq!(
        world.prospect_row(prospect)["optedOut"],
        true,
        "only one side changed"
    );
    world.assert_in_step();
}

#[tokio::test]
async fn r87_the_more_recent_record_may_be_the_lead() {
    let world = World::active().await;
    let (lead, prospect) = world.linked_pair("ann@example.com").await;
    world.update_prospect(prospect, json!({ "jobTitle": "Director" }));
    world.advance(30);
    world.update("Lead", &lead, json!({ "Title": "Engineer" }));
    world.sync().await;
    assert_eq!(world.prospect_row(prospect)["jobTitle"], "Engineer");
    world.assert_in_step();
}

#[tokio::test]
async fn the_own_echo_ends_as_no_op_and_writes_nothing() {
    let world = World::active().await;
    let (lead, prospect) = world.linked_pair("ann@example.com").await;
    world.update("Lead", &lead, json!({ "City": "Paris" }));
    world.update_prospect(prospect, json!({ "country": "France" }));
    world.sync().await;
    let before = (world.snapshot(), world.links.writes());
    world.advance(60);
    let echo = world.sync().await;
    // Once as lead and once as prospect: each stream reports its own.
    assert_eq!(echo.sum(|report| report.noop), 2);
    assert_eq!(echo.sum(|report| report.synced), 0);
    assert_eq!(writes(&calls_of(None, &echo), ""), 0);
    assert_eq!((world.snapshot(), world.links.writes()), before);
    // From then on not even the poller has anything to say.
    world.settle().await;
    world.advance(60);
    let polled = world.poll_once().await;
    assert_eq!(polled.seen.values().sum::<u64>(), 0);
    assert_eq!(polled.enqueued, 0);
}

#[tokio::test]
async fn r24_a_lead_and_a_prospect_with_one_address_are_linked_not_doubled() {
    let world = World::active().await;
    let lead = world.lead("eve@example.com");
    let prospect = world.prospect(json!({ "email": "eve@example.com", "jobTitle": "Pilot" }));
    world.settle().await;
    world.assert_in_step();
    assert_eq!(world.row("Lead", &lead)["Title"], "Pilot");
    assert_eq!(world.prospect_row(prospect)["SF_Record_Id__c"], json!(lead));
}

#[tokio::test]
async fn r49_sync_and_r47_send_work_at_once() {
    let mut config = world::example_config();
    config.settings.create_prospects = false;
    let world = World::with(config).await;
    let lead = world.lead("finn@example.com");
    let drained = world.sync().await;
    assert_eq!(drained.reports[0].skipped["auto_create_off"], 1);
    let record = lead.parse().expect("an id");
    world
        .admin(sync_core::protocol::AdminCommand::Send { record })
        .await;
    world.drain().await;
    assert_eq!(world.prospects_of("finn@example.com").len(), 1);
    world.update("Lead", &lead, json!({ "City": "Metz" }));
    let prospect = id_of(&world.prospects()[0]);
    let prospect_id = serde_json::from_value(json!(prospect)).expect("an id");
    world
        .admin(sync_core::protocol::AdminCommand::Sync {
            prospect: prospect_id,
        })
        .await;
    world.drain().await;
    assert_eq!(world.prospect_row(prospect)["city"], "Metz");
}

/// The address is asked for as the lead spells it too: the look-up may mind capitals.
#[tokio::test]
async fn k17_a_prospect_with_capitals_is_found_by_the_lead_with_the_same_spelling() {
    let config = example_config().ampsea().match_by_email();
    let world = World::with(config).await;
    let address = "Ann@Example.com";
    // Nobody is assigned to it: it waits for a lead.
    let prospect = world.prospect(json!({ "email": address, "lastName": "Ann" }));
    world.settle().await;
    assert!(world.rows("Lead").is_empty());
    let lead = world.lead(address);
    world.settle().await;
    assert_eq!(world.prospects().len(), 1);
    world.assert_in_step();
    let links = world.all_links().await;
    let linked = links
        .iter()
        .find(|link| link.is_complete())
        .expect("a link");
    assert_eq!(linked.crm_id.as_ref().map(ToString::to_string), Some(lead));
    assert_eq!(linked.prospect_id, ProspectId::try_from(prospect).ok());
}
