//! A prospect whose record was deleted gets another one once somebody takes its mark off (R54).

mod world;

use connector::ports::Links;
use serde_json::json;
use sync_core::decision::SkipReason;
use sync_core::key::PairKey;
use sync_core::link::{Link, LinkState};
use sync_core::protocol::AdminCommand;
use world::{Failure, Fuse, INES, World, calls_of, reads, writes};

const ANN: &str = "ann@example.com";
const MIRROR: &str = "SF_Record_Id__c";
const KEY: &str = "Prospect_Sync_Key__c";

/// Every way in which a pair can begin.
const WORLDS: [(bool, bool); 4] = [(true, true), (true, false), (false, true), (false, false)];

fn only_lead(world: &World) -> String {
    let leads = world.rows_of("Lead", ANN);
    assert_eq!(leads.len(), 1, "{leads:?}");
    leads[0]["Id"].as_str().expect("an id").to_owned()
}

/// A pair that began with one of its records, in step; the prospect is assigned.
async fn pair(world: &World, begins_with_lead: bool) -> (String, u64) {
    let person = json!({ "fields": { "email": ANN, "lastName": "Ann" }, "assign": INES });
    let prospect = if begins_with_lead {
        let (_, prospect) = world.linked_pair(ANN).await;
        world.edit_unit(json!({ "id": prospect, "assign": INES }))
    } else {
        world.edit_unit(person)
    };
    world.settle().await;
    world.assert_in_step();
    (only_lead(world), prospect)
}

/// The lead is deleted, and somebody takes its prospect out of the recycle bin.
async fn delete(world: &World, lead: &str, prospect: u64) {
    world.delete("Lead", lead);
    world.settle().await;
    assert_eq!(world.prospect_row(prospect)["isDeleted"], true);
    world.undelete_prospect(prospect);
    world.settle().await;
    assert_eq!(world.prospect_row(prospect)[MIRROR], "[[crm_deleted]]");
    assert_eq!(world.rows("Lead").len(), 0);
}

/// The automation action, or somebody by hand.
fn allow(world: &World, prospect: u64) {
    world.update_prospect(prospect, json!({ MIRROR: "" }));
}

/// Deleted, taken out of the recycle bin and allowed, as it is assigned or without its user; and what follows.
async fn release(world: &World, lead: &str, prospect: u64, keeps_user: bool) {
    delete(world, lead, prospect).await;
    if !keeps_user {
        world.edit_unit(json!({ "id": prospect, "unassign": true }));
    }
    allow(world, prospect);
    world.settle().await;
}

async fn row(world: &World, key: &str) -> Option<Link> {
    let key: PairKey = key.parse().expect("a key");
    let loaded = world.links.load(&world.unit(), &[], &[key.row()]).await;
    loaded.expect("memory").links.remove(&key.row())
}

#[tokio::test]
async fn r54_a_released_prospect_gets_a_lead_of_its_own() {
    for (is_ampsea, begins_with_lead) in WORLDS {
        let world = World::matching_by_address(is_ampsea).await;
        let (old, prospect) = pair(&world, begins_with_lead).await;
        release(&world, &old, prospect, true).await;
        world.assert_in_step();
        let lead = only_lead(&world);
        assert_ne!(lead, old);
        assert_eq!(world.prospect_row(prospect)[MIRROR], lead);
        assert_eq!(world.prospects().len(), 1);
        assert_eq!(world.open_errors().await, []);
        let linked = row(&world, &format!("p:{prospect}")).await.expect("a row");
        assert_eq!(linked.state, LinkState::Linked);
        assert_eq!(linked.crm_id, lead.parse().ok());
        // The old lead is nobody's; its row stays where it was that of the pair.
        let left = row(&world, &format!("c:{old}")).await;
        let left = left.map(|row| (row.state, row.prospect_id));
        let unlinked = LinkState::Skipped(SkipReason::DeletedUnlinked);
        assert_eq!(left, begins_with_lead.then_some((unlinked, None)));
        // An edit of either side arrives, and nothing is written after that.
        world.update("Lead", &lead, json!({ "City": "Paris" }));
        world.settle().await;
        world.assert_in_step();
        world.reconcile().await;
        world.settle().await;
        world.assert_in_step();
    }
}

/// The key that the old lead carries in the recycle bin is not given to the new one: Salesforce could take neither
/// back beside the other.
#[tokio::test]
async fn r54_the_deleted_lead_can_come_back_beside_the_new_one() {
    for (is_ampsea, begins_with_lead) in WORLDS {
        let world = World::matching_by_address(is_ampsea).await;
        let (old, prospect) = pair(&world, begins_with_lead).await;
        release(&world, &old, prospect, true).await;
        let lead = only_lead(&world);
        let key = world.row("Lead", &lead)[KEY].clone();
        assert_ne!(world.row("Lead", &old)[KEY], key);
        world.undelete("Lead", &old);
        world.settle().await;
        assert_eq!(world.open_errors().await, []);
        // R17: the prospect stays with the new one.
        let linked = row(&world, &format!("p:{prospect}")).await.expect("a row");
        assert_eq!(linked.crm_id, lead.parse().ok());
        let back = row(&world, &format!("c:{old}")).await.expect("a row");
        if is_ampsea {
            // N5: like any record whose address belongs to somebody else's prospect.
            assert_eq!(back.state, LinkState::Linked);
            assert_ne!(back.prospect_id, linked.prospect_id);
            assert_eq!(world.prospects().len(), 2);
        } else {
            assert_eq!(back.state, LinkState::Skipped(SkipReason::ProspectTaken));
            assert_eq!(world.prospects().len(), 1);
        }
        world.update("Lead", &lead, json!({ "City": "Paris" }));
        world.update("Lead", &old, json!({ "City": "Rome" }));
        world.settle().await;
        assert_eq!(world.prospect_row(prospect)["city"], "Paris");
        assert_eq!(world.row("Lead", &old)["City"], "Rome");
    }
}

/// The prospect that was read to part it is the one that its lead is created from.
#[tokio::test]
async fn r54_a_release_costs_one_read_of_the_prospect() {
    let world = World::matching_by_address(true).await;
    let (old, prospect) = pair(&world, true).await;
    delete(&world, &old, prospect).await;
    allow(&world, prospect);
    world.advance(60);
    let polled = world.poll_once().await;
    let drained = world.drain().await;
    let calls = calls_of(Some(&polled), &drained);
    assert_eq!(reads(&calls, "engagement"), 2, "the poll and the worker");
    assert_eq!(writes(&calls, "engagement"), 1, "the CRM ID");
    assert_eq!(writes(&calls, "salesforce"), 1, "the lead");
}

/// R41: nothing is created for a prospect whom nobody has been assigned; a lead that is entered by hand is its partner.
#[tokio::test]
async fn r54_a_released_prospect_that_is_unassigned_waits_for_a_lead() {
    for is_ampsea in [true, false] {
        let world = World::matching_by_address(is_ampsea).await;
        let (old, prospect) = world.linked_pair(ANN).await;
        release(&world, &old, prospect, true).await;
        assert_eq!(world.rows("Lead").len(), 0);
        let alone = row(&world, &format!("p:{prospect}")).await.expect("a row");
        let skipped = LinkState::Skipped(SkipReason::UnassignedNoMatch);
        assert_eq!(alone.state, skipped);
        let lead = world.lead(ANN);
        world.settle().await;
        world.assert_in_step();
        assert_eq!(world.prospect_row(prospect)[MIRROR], lead);
        assert_eq!(world.open_errors().await, []);
    }
}

/// The lead that is entered by hand takes the prospect over, and its row with it.
#[tokio::test]
async fn r54_the_deleted_lead_comes_back_when_its_prospect_has_joined_another_pair() {
    for (is_ampsea, begins_with_lead) in WORLDS {
        let world = World::matching_by_address(is_ampsea).await;
        let (old, prospect) = pair(&world, begins_with_lead).await;
        release(&world, &old, prospect, false).await;
        let lead = world.lead(ANN);
        world.settle().await;
        world.assert_in_step();
        world.undelete("Lead", &old);
        world.settle().await;
        assert_eq!(world.open_errors().await, []);
        assert_eq!(world.prospect_row(prospect)[MIRROR], lead);
        let back = row(&world, &format!("c:{old}")).await.expect("a row");
        let taken = LinkState::Skipped(SkipReason::ProspectTaken);
        let expected = if is_ampsea { LinkState::Linked } else { taken };
        assert_eq!(back.state, expected);
    }
}

/// The lead that the prospect was parted from has joined another prospect, and its row went with that: the key that
/// the prospect still carries keeps nobody from it.
#[tokio::test]
async fn r54_a_released_prospect_is_free_although_its_old_lead_has_another_partner() {
    let world = World::matching_by_address(true).await;
    let (old, prospect) = pair(&world, true).await;
    release(&world, &old, prospect, false).await;
    world.undelete("Lead", &old);
    world.update("Lead", &old, json!({ "Email": "ann@elsewhere.example" }));
    let other = json!({ "fields": { "email": "ann@elsewhere.example", "lastName": "Ann" } });
    let other = world.edit_unit(other);
    let id = other.try_into().expect("an id");
    world.admin(AdminCommand::Sync { prospect: id }).await;
    world.drain().await;
    world.settle().await;
    assert_eq!(world.prospect_row(other)[MIRROR], old);
    assert_eq!(row(&world, &format!("c:{old}")).await, None);
    let lead = world.lead(ANN);
    world.settle().await;
    world.assert_in_step();
    assert_eq!(world.prospect_row(prospect)[MIRROR], lead);
}

/// R53 after R54: no lead has been created yet, so the old one and its prospect find each other by their address.
#[tokio::test]
async fn r54_a_released_prospect_is_linked_with_its_old_lead_when_that_comes_back_first() {
    for (is_ampsea, begins_with_lead) in WORLDS {
        let world = World::matching_by_address(is_ampsea).await;
        let (old, prospect) = pair(&world, begins_with_lead).await;
        release(&world, &old, prospect, false).await;
        assert_eq!(world.rows("Lead").len(), 0);
        world.undelete("Lead", &old);
        world.settle().await;
        world.assert_in_step();
        assert_eq!(world.prospect_row(prospect)[MIRROR], old);
        assert_eq!(world.open_errors().await, []);
        // And it is a pair like any other: deleted once more, its prospect goes once more.
        world.delete("Lead", &old);
        world.settle().await;
        assert_eq!(world.prospect_row(prospect)["isDeleted"], true);
    }
}

/// The old lead came back, joined the prospect under its own key, and was deleted again: the first key is still on it.
#[tokio::test]
async fn r54_a_release_after_the_old_lead_had_come_back_creates_under_no_old_key() {
    for is_ampsea in [true, false] {
        for death in [Failure::CrashBefore, Failure::CrashAfter] {
            let world = World::matching_by_address(is_ampsea).await;
            let (old, prospect) = pair(&world, false).await;
            release(&world, &old, prospect, false).await;
            world.undelete("Lead", &old);
            world.settle().await;
            world.assert_in_step();
            delete(&world, &old, prospect).await;
            world.edit_unit(json!({ "id": prospect, "assign": INES }));
            allow(&world, prospect);
            world.advance(60);
            assert_eq!(world.poll_once().await.problem, None);
            *twin::world::lock(&world.fuse) = Some(Fuse::failing("crm.write", death));
            world.drain().await;
            *twin::world::lock(&world.fuse) = None;
            world.settle().await;
            world.assert_in_step();
            let lead = only_lead(&world);
            assert_ne!(lead, old);
            assert_ne!(world.row("Lead", &lead)[KEY], world.row("Lead", &old)[KEY]);
        }
    }
}

/// Each lead that is created for the prospect has a key of its own.
#[tokio::test]
async fn r54_a_prospect_can_be_released_again() {
    for (is_ampsea, begins_with_lead) in WORLDS {
        let world = World::matching_by_address(is_ampsea).await;
        let (mut lead, prospect) = pair(&world, begins_with_lead).await;
        let mut keys = vec![world.row("Lead", &lead)[KEY].clone()];
        for _ in 0..2 {
            release(&world, &lead, prospect, true).await;
            world.assert_in_step();
            lead = only_lead(&world);
            let key = world.row("Lead", &lead)[KEY].clone();
            assert!(!keys.contains(&key), "{key} of {keys:?}");
            keys.push(key);
        }
        assert_eq!(world.prospects().len(), 1);
        assert_eq!(world.open_errors().await, []);
    }
}

/// It is the prospect that is looked at again once the connector is active: the lead does not lead to it any more.
#[tokio::test]
async fn r54_a_release_that_was_held_is_taken_up() {
    for begins_with_lead in [true, false] {
        let world = World::matching_by_address(true).await;
        let (old, prospect) = pair(&world, begins_with_lead).await;
        delete(&world, &old, prospect).await;
        allow(&world, prospect);
        world.advance(60);
        assert_eq!(world.poll_once().await.problem, None);
        world.pause().await;
        world.drain().await;
        world.activate().await;
        world.drain().await;
        world.assert_in_step();
        assert_ne!(only_lead(&world), old);
    }
}

/// Nobody had told it so: it is marked when it comes back, and does not sync before that is taken off.
#[tokio::test]
async fn r55_a_prospect_that_was_deleted_before_its_lead_is_marked_when_it_comes_back() {
    for (is_ampsea, begins_with_lead) in WORLDS {
        let world = World::matching_by_address(is_ampsea).await;
        let (lead, prospect) = pair(&world, begins_with_lead).await;
        world.delete_prospect(prospect);
        world.settle().await;
        world.delete("Lead", &lead);
        world.settle().await;
        world.undelete_prospect(prospect);
        world.settle().await;
        assert_eq!(world.prospect_row(prospect)["isDeleted"], false);
        assert_eq!(world.prospect_row(prospect)[MIRROR], "[[crm_deleted]]");
        assert_eq!(world.rows("Lead").len(), 0);
        allow(&world, prospect);
        world.settle().await;
        world.assert_in_step();
        assert_ne!(only_lead(&world), lead);
    }
}

/// M2: who syncs it by hand is told, and nothing is created.
#[tokio::test]
async fn r54_a_sync_by_hand_releases_nothing() {
    let world = World::matching_by_address(true).await;
    let (lead, prospect) = pair(&world, false).await;
    delete(&world, &lead, prospect).await;
    let prospect = prospect.try_into().expect("an id");
    world.admin(AdminCommand::Sync { prospect }).await;
    world.drain().await;
    assert_eq!(world.rows("Lead").len(), 0);
    // But once it is released, a sync by hand does what a poll does.
    allow(&world, prospect.get());
    world.advance(70);
    world.admin(AdminCommand::Sync { prospect }).await;
    world.drain().await;
    world.settle().await;
    world.assert_in_step();
    assert_ne!(only_lead(&world), lead);
}
