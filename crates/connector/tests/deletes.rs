//! Delete and undelete on either side, end to end against the twin (R52 to R57).

mod world;

use serde_json::json;
use sync_core::decision::SkipReason;
use sync_core::ids::ProspectId;
use sync_core::link::LinkState;
use sync_core::protocol::AdminCommand;
use world::{World, calls_of, example_config, writes};

const ANN: &str = "ann@example.com";
const MIRROR: &str = "SF_Record_Id__c";
const TOKEN: &str = "Prospect_Sync_Token__c";

/// A lead and its prospect, in step.
async fn pair() -> (World, String, u64) {
    let world = World::active().await;
    let (lead, prospect) = world.linked_pair(ANN).await;
    (world, lead, prospect)
}

fn is_recycled(world: &World, prospect: u64) -> bool {
    world.prospect_row(prospect)["isDeleted"] == true
}

async fn state(world: &World) -> LinkState {
    let links = world.all_links().await;
    assert_eq!(links.len(), 1, "{links:?}");
    links[0].state.clone()
}

#[tokio::test]
async fn r52_a_deleted_lead_takes_its_prospect_along_and_is_never_recreated() {
    let (world, lead, prospect) = pair().await;
    world.delete("Lead", &lead);
    world.forget_calls();
    let polled = world.poll_once().await;
    let drained = world.drain().await;
    assert!(is_recycled(&world, prospect));
    assert_eq!(world.prospect_row(prospect)[MIRROR], "[[crm_deleted]]");
    assert_eq!(
        state(&world).await,
        LinkState::Skipped(SkipReason::CrmDeleted)
    );
    assert_eq!(drained.sum(|report| report.retired), 1);
    // One call marks it, one deletes it.
    assert_eq!(writes(&calls_of(Some(&polled), &drained), "engagement"), 2);
    world.settle().await;
    assert_eq!(world.rows("Lead").len() + world.prospects().len(), 0);
    assert_eq!(world.open_errors().await, []);
}

#[tokio::test]
async fn r53_an_undeleted_lead_gets_its_own_prospect_back() {
    let (world, lead, prospect) = pair().await;
    world.delete("Lead", &lead);
    world.settle().await;
    world.undelete("Lead", &lead);
    world.update("Lead", &lead, json!({ "City": "Paris" }));
    let drained = world.sync().await;
    assert_eq!(drained.sum(|report| report.restored), 1);
    world.settle().await;
    world.assert_in_step();
    let row = world.prospect_row(prospect);
    assert_eq!(row["city"], "Paris");
    assert_eq!(row[MIRROR], lead, "the mark is gone");
    assert_eq!(state(&world).await, LinkState::Linked);
}

#[tokio::test]
async fn r53_another_prospect_with_the_address_in_the_bin_is_not_taken_for_it() {
    let (world, lead, prospect) = pair().await;
    let other = world.prospect(json!({ "email": ANN }));
    world.settle().await;
    world.delete_prospect(other);
    world.delete("Lead", &lead);
    world.settle().await;
    world.undelete("Lead", &lead);
    world.sync().await;
    assert!(is_recycled(&world, prospect) && is_recycled(&world, other));
    let rows = world.open_errors().await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    let says = rows[0].message.contains("restore it in Account Engagement");
    assert!(says, "{}", rows[0].message);
    // Somebody does, and the pair is one again.
    world.undelete_prospect(prospect);
    world.settle().await;
    world.assert_in_step();
    assert_eq!(world.open_errors().await, []);
}

#[tokio::test]
async fn r55_a_prospect_restored_while_its_lead_is_deleted_does_not_sync() {
    let (world, lead, prospect) = pair().await;
    world.delete("Lead", &lead);
    world.settle().await;
    world.undelete_prospect(prospect);
    world.update_prospect(prospect, json!({ "city": "Lyon" }));
    world.settle().await;
    assert!(!is_recycled(&world, prospect));
    assert_eq!(world.rows("Lead").len(), 0);
    // The edit is not lost: it arrives when the lead is back.
    world.undelete("Lead", &lead);
    world.settle().await;
    world.assert_in_step();
    assert_eq!(world.row("Lead", &lead)["City"], "Lyon");
}

#[tokio::test]
async fn r56_a_deleted_prospect_leaves_the_lead_alone_until_it_is_sent() {
    let (world, lead, prospect) = pair().await;
    world.delete_prospect(prospect);
    world.settle().await;
    world.update("Lead", &lead, json!({ "City": "Paris" }));
    world.settle().await;
    assert!(is_recycled(&world, prospect));
    assert_eq!(
        state(&world).await,
        LinkState::Skipped(SkipReason::ProspectDeleted)
    );
    let record = lead.parse().expect("an id");
    world.admin(AdminCommand::Send { record }).await;
    world.drain().await;
    world.settle().await;
    world.assert_in_step();
    assert_eq!(world.prospect_row(prospect)["city"], "Paris");
}

/// An operator asks for both at once, and the queue hands them to one worker.
#[tokio::test]
async fn r56_a_send_is_not_lost_behind_a_sync_of_the_same_pair() {
    let (world, lead, prospect) = pair().await;
    world.delete_prospect(prospect);
    world.settle().await;
    let record = lead.parse().expect("an id");
    let id = ProspectId::try_from(prospect).expect("an id");
    world.admin(AdminCommand::Send { record }).await;
    world.admin(AdminCommand::Sync { prospect: id }).await;
    let both = world.waiting();
    assert_eq!(both.len(), 2);
    let worked = world.deliver(world.environment(), &both).await;
    let (failed, _) = worked.expect("nobody died");
    world.put_back(&both, &failed);
    world.settle().await;
    assert!(!is_recycled(&world, prospect));
    world.assert_in_step();
}

#[tokio::test]
async fn r56_a_deleted_prospect_comes_back_when_its_lead_is_undeleted() {
    let (world, lead, prospect) = pair().await;
    world.delete_prospect(prospect);
    world.settle().await;
    world.delete("Lead", &lead);
    world.settle().await;
    assert!(is_recycled(&world, prospect));
    world.undelete("Lead", &lead);
    world.settle().await;
    world.assert_in_step();
    assert!(!is_recycled(&world, prospect));
    assert_eq!(state(&world).await, LinkState::Linked);
}

#[tokio::test]
async fn r52_without_ampsea_and_without_the_setting_the_prospect_is_marked_only() {
    let mut config = example_config().non_ampsea();
    config.settings.match_by_email = false;
    config.settings.merge_delete = false;
    let world = World::with(config).await;
    let lead = world.lead(ANN);
    world.settle().await;
    let prospect = world.prospects_of(ANN)[0]["id"].as_u64().expect("an id");
    world.delete("Lead", &lead);
    world.settle().await;
    let row = world.prospect_row(prospect);
    assert!(!is_recycled(&world, prospect));
    assert_eq!(row[MIRROR], "[[crm_deleted]]");
}

/// An update whose outcome is still open is told by the token that the prospect carries.
#[tokio::test]
async fn r52_a_move_leaves_the_token_of_the_last_update() {
    let (world, lead, prospect) = pair().await;
    let token = || world.prospect_row(prospect)[TOKEN].clone();
    let before = token();
    world.delete("Lead", &lead);
    world.settle().await;
    assert!(is_recycled(&world, prospect));
    assert_eq!(token(), before);
}

/// Whoever sends a record and looks for it finds out what became of it.
#[tokio::test]
async fn r47_a_sent_lead_that_cannot_be_read_leaves_a_row_that_says_so() {
    let world = World::active().await;
    let record = sync_core::testing::lead_id(999);
    world.admin(AdminCommand::Send { record }).await;
    let drained = world.drain().await;
    assert_eq!(drained.sum(|report| report.skipped["not_visible"]), 1);
    assert_eq!(
        state(&world).await,
        LinkState::Skipped(SkipReason::NotVisible)
    );
}
