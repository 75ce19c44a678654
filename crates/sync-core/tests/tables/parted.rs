//! R54: a prospect whose record was deleted begins again once somebody takes its mark off.

use sync_core::decision::{Outcome, ReadMore, SkipReason};
use sync_core::hint::Cause;
use sync_core::key::PairKey;
use sync_core::link::{IntentKind, Lifecycle, LinkState};
use sync_core::pair::Pair;
use sync_core::record::{NativeCrmId, ShownCrmId, Side};
use sync_core::settle;
use sync_core::settle::{ErrorChange, WriteResult, WriteResults};
use sync_core::testing::{
    World, at, business_unit, lead, lead_id, linked, prospect, prospect_id, prospect_pair,
};

use crate::lifecycle::{
    ampsea, begun, deleted, done, lead_deleted, marked, pair, retires, settled,
};
use crate::{assert_creates_lead, assert_skipped, decide_by};

/// Retired, and restored by somebody who took the mark off.
fn released(world: &World) -> Pair {
    done(world, &lead_deleted(pair()))
}

/// The same with a pair that began with the prospect.
fn released_prospect(world: &World) -> Pair {
    let mut begun = linked(lead(1), prospect(1));
    begun.link.key = PairKey::of(sync_core::key::RecordRef::Prospect(prospect_id(1)));
    done(world, &lead_deleted(begun))
}

#[test]
fn r54_a_prospect_whose_mark_was_taken_off_is_parted_from_its_record() {
    let world = ampsea();
    let pair = released(&world);
    assert!(pair.link.marked_in.is_some());
    let gone = Pair {
        crm: Side::Missing,
        ..pair.clone()
    };
    for pair in [pair, gone] {
        for cause in [Cause::Poll, Cause::SyncNow] {
            let decision = decide_by("R54", &world, &pair.clone().because(cause));
            assert_eq!(decision.outcome, Outcome::Part);
            let rules = decision.trace.rule_numbers();
            assert!(!rules.contains(&"M6") && !rules.contains(&"M2"));
        }
    }
}

#[test]
fn r54_a_mark_that_is_there_or_never_was_parts_nobody() {
    let world = ampsea();
    let restored = released(&world);
    assert_skipped(
        &world.decide(&marked(restored.clone())),
        SkipReason::CrmDeleted,
    );
    // It was in the recycle bin already when its record was deleted.
    let mut unmarked = restored.clone();
    unmarked.link.marked_in = None;
    assert_eq!(world.decide(&unmarked).outcome, retires(true, false));
    // The record had come back, and we had written its id.
    let mut shown = restored.clone();
    if let Side::Present(prospect) = &mut shown.prospect {
        prospect.shown_crm_id = ShownCrmId::Record(lead_id(1));
    }
    assert_skipped(&world.decide(&shown), SkipReason::CrmDeleted);
    // Somebody wrote something else there.
    let mut other = restored.clone();
    if let Side::Present(prospect) = &mut other.prospect {
        prospect.shown_crm_id = ShownCrmId::Other;
    }
    assert_skipped(&world.decide(&other), SkipReason::CrmDeleted);
    // A restore of ours is under way: the mark is ours to take.
    let mut moving = restored.clone().intending(IntentKind::Update);
    let intent = moving.link.intent.as_mut().unwrap();
    intent.lifecycle = Some(Lifecycle::Restore);
    assert_eq!(world.decide(&moving).outcome, retires(true, true));
    // Nobody would look at the prospect again: it has a message of its own, or will have.
    let mut by_lead = restored.clone();
    by_lead.is_prospect_hinted = false;
    assert_skipped(&world.decide(&by_lead), SkipReason::CrmDeleted);
    // Nobody could have taken off what no field shows.
    let mut without_field = ampsea();
    without_field.config.account_engagement.crm_id_field = None;
    assert_skipped(&without_field.decide(&restored), SkipReason::CrmDeleted);
}

/// What Account Engagement shows by itself would keep it from syncing, and its own record from coming back to it.
#[test]
fn r54_a_prospect_that_does_not_sync_for_another_reason_is_not_parted() {
    let world = ampsea();
    let own = NativeCrmId::Record(lead_id(1));
    for native in [NativeCrmId::CrmDeleted, NativeCrmId::Ignore, own] {
        let mut restored = released(&world);
        restored.prospect = Side::Present(prospect(1).showing(native));
        let decision = world.decide(&restored);
        assert!(matches!(decision.outcome, Outcome::Skip(_)), "{decision:?}");
    }
}

/// An empty field that was never written is no mark that was taken off: the prospect is told in that one.
#[test]
fn r54_another_field_for_the_crm_id_releases_nobody() {
    let world = ampsea();
    let restored = released(&world);
    let mut renamed = ampsea();
    renamed.config.account_engagement.crm_id_field = Some("Other__c".to_owned());
    let Outcome::Retire {
        marks, recycles, ..
    } = renamed.decide(&restored).outcome
    else {
        panic!("it is to be marked")
    };
    assert_eq!((marks.as_deref(), recycles), (Some("Other__c"), false));
}

/// Fifteen days later the record is not even in the recycle bin.
#[test]
fn r55_a_restored_prospect_is_marked_also_when_its_record_is_gone_for_good() {
    let world = ampsea();
    let mut unmarked = released(&world);
    unmarked.link.marked_in = None;
    unmarked.crm = Side::Missing;
    assert_eq!(world.decide(&unmarked).outcome, retires(true, false));
    // A restore of ours says that it was there a moment ago.
    let mut moving = unmarked.intending(IntentKind::Update);
    moving.link.intent.as_mut().unwrap().lifecycle = Some(Lifecycle::Restore);
    assert_skipped(&world.decide(&moving), SkipReason::CrmDeleted);
}

/// K4: a prospect that is marked and stays may be shown for a minute as it was.
#[test]
fn r54_a_read_from_before_the_mark_parts_nobody() {
    let mut world = ampsea();
    world.config = world.config.non_ampsea();
    world.config.settings.merge_delete = false;
    world.config.account_engagement.stale_reads_seconds = 60;
    let stale = released(&world);
    assert_eq!(world.decide(&stale).outcome, Outcome::NotYet);
    world.now = at(60 + 62);
    assert_eq!(world.decide(&stale).outcome, Outcome::Part);
}

/// A user had put it into the recycle bin already, where nothing can be told to it.
#[test]
fn r54_a_prospect_that_could_not_be_marked_is_not_released_when_it_comes_back() {
    let world = ampsea();
    let deleted = lead_deleted(pair());
    let begun = begun(&world, &deleted);
    let results = WriteResults {
        prospect: WriteResult::Written(prospect_id(1)),
        ..WriteResults::default()
    };
    let settlement = settle(&begun.link, &world.decide(&deleted), &results, at(60));
    let back = Pair {
        link: settlement.link,
        ..deleted
    };
    assert_eq!(world.decide(&back).outcome, retires(true, false));
}

/// R55: it says why it does not sync, so that somebody can take that off. Dying in between puts it into no bin.
#[test]
fn r55_a_restored_prospect_that_says_nothing_is_marked_and_stays() {
    let world = ampsea();
    let mut unmarked = released(&world);
    unmarked.link.marked_in = None;
    let died = begun(&world, &unmarked);
    assert_eq!(
        died.link.intent.as_ref().unwrap().lifecycle,
        Some(Lifecycle::Mark)
    );
    assert!(died.link.is_crm_deleted && !died.link.is_moving());
    for pair in [unmarked, died] {
        assert_eq!(world.decide(&pair).outcome, retires(true, false));
        let told = marked(done(&world, &pair));
        assert!(told.link.marked_in.is_some() && told.link.intent.is_none());
        assert_skipped(&world.decide(&told), SkipReason::CrmDeleted);
    }
}

/// M1: one that was switched off is not touched.
#[test]
fn r55_a_restored_prospect_that_was_switched_off_is_not_marked() {
    let world = ampsea();
    let mut off = released(&world);
    off.link.marked_in = None;
    off.prospect = Side::Present(prospect(1).showing(NativeCrmId::Ignore));
    assert_skipped(&world.decide(&off), SkipReason::SyncDisabled);
}

/// The row of the pair stays with the record it began with, under a key that no record in a recycle bin carries.
#[test]
fn r54_the_prospect_begins_again_under_another_key() {
    let world = ampsea();
    let mut pair = released_prospect(&world);
    pair.link.has_open_error = true;
    let settlement = settled(&pair, &world.decide(&pair), at(60));
    assert_eq!(settlement.error, ErrorChange::Close);
    assert_eq!(settlement.verdict, None);
    let link = settlement.link;
    assert_eq!(link.key.row(), pair.link.key);
    assert_eq!(link.key, pair.link.key.parted_at(at(60)));
    assert_eq!(
        (link.crm_id.clone(), link.prospect_id),
        (None, Some(prospect_id(1)))
    );
    assert_eq!(link.state, LinkState::Pending);
    assert_eq!((link.base.len(), link.intent.clone()), (0, None));
    assert!(!link.is_crm_deleted && link.marked_in.is_none() && !link.has_open_error);
    let alone = prospect(1).email("ann@x.test").assigned(1);
    let mut again = prospect_pair(alone).crm_hits([]);
    again.link = link.clone();
    let decision = world.decide(&again);
    assert_creates_lead(&decision);
    let Outcome::CreateCrm { fields, .. } = &decision.outcome else {
        unreachable!("asserted above")
    };
    assert_eq!(fields.key, Some(link.key.clone()));
    // A create that is open is looked for by that key: the old lead is not taken for it.
    let open = begun(&world, &again);
    let by_key = Outcome::ReadMore(vec![ReadMore::CrmByKey(link.key)]);
    assert_eq!(world.decide(&open).outcome, by_key);
}

#[test]
fn r54_the_lead_that_a_pair_began_with_keeps_its_row_alone() {
    let world = ampsea();
    let pair = released(&world);
    let link = settled(&pair, &world.decide(&pair), at(60)).link;
    assert_eq!(link.key.row(), pair.link.key);
    assert!(link.key.is_parted());
    assert_eq!(
        (link.crm_id.clone(), link.prospect_id),
        (Some(lead_id(1)), None)
    );
    assert_eq!(link.state, LinkState::Skipped(SkipReason::DeletedUnlinked));
    let alone = Pair {
        link,
        crm: deleted(),
        prospect: Side::Unlinked,
        ..pair
    };
    assert_skipped(&world.decide(&alone), SkipReason::DeletedUnlinked);
}

/// C3: without a row of its own it says so by itself, and is followed as soon as it does not.
#[test]
fn r54_an_unlinked_prospect_is_eligible_as_soon_as_it_says_nothing() {
    let world = ampsea();
    let ann = prospect(1).email("ann@x.test").assigned(1);
    let alone = |prospect| prospect_pair(prospect).crm_hits([]);
    let says_so = [
        alone(ann.clone().showing(NativeCrmId::CrmDeleted)),
        alone(ann.clone().showing(NativeCrmId::Ignore)),
        marked(alone(ann.clone())),
    ];
    for off in says_so {
        assert!(matches!(world.decide(&off).outcome, Outcome::Skip(_)));
    }
    assert_creates_lead(&world.decide(&alone(ann)));
}

#[test]
fn r54_a_key_tells_which_partner_of_a_record_it_was_given_to() {
    let first: PairKey = "p:1".parse().unwrap();
    let second = first.parted_at(at(60));
    assert_ne!(first, second);
    assert_eq!((second.row(), first.is_parted()), (first.clone(), false));
    for key in [first, second] {
        let text = key.field_value(&business_unit());
        assert_eq!(
            PairKey::from_field(&business_unit(), &text),
            Some(key.clone())
        );
        assert_eq!(key.to_string().parse(), Ok(key));
    }
    for text in ["p:1:", "p:1:x", "p:1:2:3", "p", "q:1"] {
        assert!(text.parse::<PairKey>().is_err(), "{text}");
    }
}
