//! Records that cannot be read, that lost a merge, or that are known by a key alone: table M rows M4, M5 and M7.

use sync_core::config::ConnectorState;
use sync_core::decision::{HoldReason, Outcome, ReadMore, SkipReason};
use sync_core::hint::Cause;
use sync_core::link::{IntentKind, LinkState};
use sync_core::pair::{Candidates, Created, Pair};
use sync_core::record::Side;
use sync_core::settle::ErrorChange;
use sync_core::testing::{World, at, contact_id, crm_pair, lead, lead_id, prospect, prospect_pair};

use crate::lifecycle::{ampsea, begun, deleted, pair, retires, settled};
use crate::{assert_skipped, decide_by};

/// A lead whose prospect is being created.
fn being_created(world: &World) -> Pair {
    let ann = crm_pair(lead(1).email("ann@x.test"));
    begun(world, &ann.prospect_hits([]))
}

/// Whatever became of its row, or if it was never stored: the prospect carries the key of the record.
#[test]
fn m7_a_record_out_of_sight_whose_key_its_prospect_carries_is_not_created_again() {
    let mut pair = pair();
    pair.link.prospect_id = None;
    pair.link.state = LinkState::Pending;
    pair.crm = Side::Missing;
    pair.prospect = Side::Present(
        prospect(1)
            .email("ann@x.test")
            .assigned(1)
            .carrying(pair.link.key.clone()),
    );
    for pair in [pair.clone(), pair.intending(IntentKind::CreateProspect)] {
        let decision = decide_by("M7", &ampsea(), &pair);
        assert!(matches!(decision.outcome, Outcome::Park(_)));
    }
}

#[test]
fn m7_a_record_out_of_sight_that_has_no_partner_is_skipped() {
    let world = ampsea();
    let mut unseen = crm_pair(lead(1)).because(Cause::SendNow);
    unseen.crm = Side::Missing;
    assert_skipped(&world.decide(&unseen), SkipReason::NotVisible);
    let mut purged = prospect_pair(prospect(1));
    purged.prospect = Side::Missing;
    assert_skipped(&world.decide(&purged), SkipReason::NotVisible);
}

#[test]
fn m7_a_prospect_that_was_created_for_a_record_out_of_sight_is_looked_for() {
    let world = ampsea();
    let mut open = being_created(&world);
    open.crm = Side::Missing;
    let look_for = open.look_for_created().unwrap();
    assert_eq!(
        world.decide(&open).outcome,
        Outcome::ReadMore(vec![look_for])
    );
    let there = Created::Present(Box::new(prospect(1)));
    let decision = decide_by("M7", &world, &open.clone().with_created(there));
    assert!(matches!(decision.outcome, Outcome::Park(_)));
    let gone = open.with_created(Created::Nothing);
    let decision = world.decide(&gone);
    assert_skipped(&decision, SkipReason::NotVisible);
    assert_eq!(settled(&gone, &decision, at(60)).link.intent, None);
}

#[test]
fn m5_a_record_that_lost_a_merge_while_its_prospect_was_created_is_held() {
    let world = ampsea();
    let mut open = being_created(&world);
    open.crm = Side::Deleted {
        merged_into: Some(lead_id(2)),
    };
    let look_for = open.look_for_created().unwrap();
    assert_eq!(
        world.decide(&open).outcome,
        Outcome::ReadMore(vec![look_for])
    );
    let there = Created::Present(Box::new(prospect(1)));
    let created = open.clone().with_created(there);
    let decision = decide_by("M5", &world, &created);
    assert_eq!(decision.outcome, Outcome::Hold(HoldReason::CrmRecordMerged));
    // Whoever finds the record does not wait for it.
    let held = settled(&created, &decision, at(60)).link;
    assert!(held.has_open_create() && !held.is_creating());
    let gone = open.with_created(Created::Nothing);
    assert_skipped(&world.decide(&gone), SkipReason::DeletedUnlinked);
}

/// The same is said whichever record is hinted.
#[test]
fn m5_a_created_record_that_lost_a_merge_is_held() {
    let world = ampsea();
    let ann = prospect(1).email("ann@x.test").assigned(1);
    let mut loser = lead(1).email("ann@x.test");
    loser.is_deleted = true;
    loser.merged_into = Some(lead_id(2));
    let from_prospect = prospect_pair(ann)
        .intending(IntentKind::CreateCrm)
        .crm_with_key([loser]);
    let from_crm = Pair {
        crm: Side::Deleted {
            merged_into: Some(lead_id(2)),
        },
        ..from_prospect.clone()
    };
    for pair in [from_prospect, from_crm] {
        let decision = decide_by("M5", &world, &pair);
        assert_eq!(decision.outcome, Outcome::Hold(HoldReason::CrmRecordMerged));
    }
}

/// What the prospect told is not forgotten because the record alone is looked at.
#[test]
fn m7_a_look_at_the_record_alone_closes_no_access_error() {
    let world = ampsea();
    let mut unseen = crm_pair(lead(1)).because(Cause::SendNow);
    unseen.crm = Side::Missing;
    let mut told = unseen.clone();
    told.prospect = Side::Present(prospect(1).carrying(told.link.key.clone()));
    let parked = decide_by("M7", &world, &told);
    unseen.link = settled(&told, &parked, at(0)).link;
    // A pause in between says nothing of the error.
    let paused = ampsea().state(ConnectorState::Paused);
    let held = unseen.clone().because(Cause::Poll);
    let held = settled(&held, &paused.decide(&held), at(30)).link;
    assert_eq!(held.state, LinkState::Held(HoldReason::Paused));
    for link in [unseen.link.clone(), held] {
        let unseen = Pair {
            link,
            ..unseen.clone()
        };
        let decision = decide_by("M7", &world, &unseen);
        assert!(matches!(decision.outcome, Outcome::Park(_)));
    }
}

/// Its lead alone knows: by the key that it carries, or that it is found by.
#[test]
fn r57_a_purged_prospect_whose_lead_was_created_is_held_before_they_are_linked() {
    let world = ampsea();
    let mut purged = prospect_pair(prospect(1));
    purged.prospect = Side::Missing;
    let created = lead(1).carrying(purged.link.key.clone());
    let by_hint = Pair {
        crm: Side::Present(created.clone()),
        ..purged.clone()
    };
    let open = purged.intending(IntentKind::CreateCrm);
    let found = open.clone().crm_with_key([created]);
    for pair in [by_hint, found] {
        let decision = decide_by("R57", &world, &pair);
        assert_eq!(decision.outcome, Outcome::Hold(HoldReason::ProspectPurged));
    }
    let none = open.crm_with_key([]);
    assert_skipped(&world.decide(&none), SkipReason::NotVisible);
}

/// Nobody remembers its create; the key that it carries brings its deletion to the prospect.
#[test]
fn r52_a_created_record_whose_create_was_forgotten_takes_its_prospect_along() {
    let world = ampsea();
    let mut gone = lead(1).email("ann@x.test");
    gone.is_deleted = true;
    let mut pair = prospect_pair(prospect(1).email("ann@x.test").assigned(1));
    pair.crm = deleted();
    pair.crm_by_key = Candidates::NotRead;
    let by_key = Outcome::ReadMore(vec![ReadMore::CrmByKey(pair.link.key.clone())]);
    assert_eq!(world.decide(&pair).outcome, by_key);
    let found = pair.crm_with_key([gone]);
    assert_eq!(world.decide(&found).outcome, retires(true, true));
}

/// By its key it had one, although no row says so.
#[test]
fn m4_a_converted_lead_that_carries_the_key_of_its_prospect_is_held() {
    let mut pair = prospect_pair(prospect(1));
    let created = lead(1).carrying(pair.link.key.clone());
    pair.crm = Side::Present(created.converted_to(Some(contact_id(1))));
    let decision = decide_by("M4", &ampsea(), &pair);
    assert_eq!(decision.outcome, Outcome::Hold(HoldReason::LeadConverted));
}

/// Nobody else would ever close it: a record that was refused, and is gone for good by now.
#[test]
fn m7_a_look_at_a_record_out_of_sight_closes_an_error_of_another_kind() {
    let world = ampsea();
    let mut unseen = crm_pair(lead(1)).because(Cause::SendNow);
    unseen.link.has_open_error = true;
    unseen.crm = Side::Missing;
    let decision = world.decide(&unseen);
    assert_skipped(&decision, SkipReason::NotVisible);
    assert_eq!(
        settled(&unseen, &decision, at(60)).error,
        ErrorChange::Close
    );
}

/// Both were deleted, and somebody restored the prospect alone (R55).
#[test]
fn r55_a_prospect_whose_lead_was_deleted_before_they_were_linked_gets_no_second_one() {
    let world = ampsea();
    let mut gone = lead(1).email("ann@x.test");
    gone.is_deleted = true;
    let ann = prospect(1).email("ann@x.test").assigned(1);
    let mut both = prospect_pair(ann.clone());
    both.crm = deleted();
    both.prospect = deleted();
    let decision = world.decide(&both);
    assert_skipped(&decision, SkipReason::CrmDeleted);
    let mut restored = prospect_pair(ann);
    restored.link = settled(&both, &decision, at(0)).link;
    restored.crm_by_key = Candidates::NotRead;
    let by_key = Outcome::ReadMore(vec![ReadMore::CrmByKey(restored.link.key.clone())]);
    assert_eq!(world.decide(&restored).outcome, by_key);
    let decision = decide_by("R55", &world, &restored.crm_with_key([gone]));
    assert_eq!(decision.outcome, retires(true, false));
}

/// Somebody emptied its key, or its recycle bin, between two reads.
#[test]
fn m6_a_deleted_record_that_its_key_does_not_find_any_more_is_not_created_again() {
    let mut pair = prospect_pair(prospect(1).email("ann@x.test").assigned(1)).crm_with_key([]);
    pair.crm = deleted();
    assert_skipped(&ampsea().decide(&pair), SkipReason::CrmDeleted);
}

/// Of a pair that waits for somebody to act, and will for another reason now.
#[test]
fn m5_a_merge_is_told_also_of_a_pair_with_an_open_error() {
    let world = ampsea();
    let mut pair = pair();
    pair.link.has_open_error = true;
    pair.crm = Side::Deleted {
        merged_into: Some(lead_id(2)),
    };
    let held = settled(&pair, &world.decide(&pair), at(0)).link;
    assert!(held.has_open_error);
    assert_eq!(held.last_trace.unwrap().rule_numbers(), ["M5"]);
}
