//! Tables M and N, R17 and R22-R24.

use jiff::civil::date;
use sync_core::config::ConnectorState;
use sync_core::decision::{HoldReason, Outcome, ReadMore, SkipReason};
use sync_core::hint::Cause;
use sync_core::ids::CrmObject;
use sync_core::key::{PairKey, RecordRef};
use sync_core::link::{IntentKind, LinkState};
use sync_core::pair::{Belongs, Created};
use sync_core::record::{CrmRecord, NativeCrmId, ProspectRecord, Side};
use sync_core::testing::{
    World, at, config, contact, contact_id, crm_pair, lead, lead_id, linked, prospect, prospect_id,
    prospect_pair, user,
};
use sync_core::value::{NormalisedEmail, Spelling};

use crate::{assert_creates_lead, assert_creates_prospect, assert_skipped, decide_by, linked_ids};

fn by_email() -> World {
    World::new(config().ampsea().match_by_email())
}

fn by_crm_id() -> World {
    World::new(config().ampsea())
}

fn non_ampsea() -> World {
    World::new(config().non_ampsea())
}

/// Assigned and with an address: creates a lead when nothing matches.
fn ann() -> ProspectRecord {
    prospect(1).email("ann@x.test").assigned(1)
}

fn ann_as_lead(number: u64) -> CrmRecord {
    lead(number).email("ann@x.test")
}

fn address() -> NormalisedEmail {
    NormalisedEmail::new("ann@x.test").unwrap()
}

fn lead_key(number: u64) -> PairKey {
    PairKey::of(RecordRef::Crm(lead_id(number)))
}

fn prospect_key(number: u64) -> PairKey {
    PairKey::of(RecordRef::Prospect(prospect_id(number)))
}

#[test]
fn m1_a_prospect_switched_off_is_skipped() {
    let pair = prospect_pair(ann().showing(NativeCrmId::Ignore));
    assert_skipped(
        &decide_by("M1", &by_email(), &pair),
        SkipReason::SyncDisabled,
    );
}

#[test]
fn m1_c3_a_linked_prospect_that_is_switched_off_is_skipped() {
    let pair = linked(
        lead(1).value("firstName", "Ann"),
        ann().showing(NativeCrmId::Ignore),
    );
    assert_skipped(
        &decide_by("M1", &by_email(), &pair),
        SkipReason::SyncDisabled,
    );
}

#[test]
fn m1_c3_a_prospect_switched_off_is_not_linked_from_the_salesforce_side() {
    let pair = crm_pair(ann_as_lead(1)).prospect_hits([ann().showing(NativeCrmId::Ignore)]);
    assert_skipped(
        &decide_by("M1", &non_ampsea(), &pair),
        SkipReason::SyncDisabled,
    );
}

#[test]
fn m1_a_switched_off_prospect_with_an_unreadable_value_is_no_error() {
    let pair = prospect_pair(ann().showing(NativeCrmId::Ignore).not_readable("score"));
    assert_skipped(
        &decide_by("M1", &by_email(), &pair),
        SkipReason::SyncDisabled,
    );
}

#[test]
fn m2_a_prospect_whose_record_was_deleted_is_skipped_even_by_hand() {
    let pair = prospect_pair(ann().showing(NativeCrmId::CrmDeleted)).because(Cause::SyncNow);
    let decision = decide_by("M2", &by_email(), &pair);
    assert_skipped(&decision, SkipReason::PreviouslyDeleted);
    let said = decision.trace.to_string();
    assert!(said.contains("previously been deleted in your CRM and will not be resynced"));
}

#[test]
fn m2_c3_a_deleted_sentinel_is_not_linked_from_the_salesforce_side() {
    let pair = crm_pair(ann_as_lead(1)).prospect_hits([ann().showing(NativeCrmId::CrmDeleted)]);
    assert_skipped(
        &decide_by("M2", &non_ampsea(), &pair),
        SkipReason::PreviouslyDeleted,
    );
}

#[test]
fn m3_a_linked_pair_is_updated() {
    let pair = linked(lead(1).value("firstName", "Ann"), ann());
    let decision = decide_by("M3", &by_crm_id(), &pair);
    assert_eq!(linked_ids(&decision), (lead_id(1).to_string(), 1));
}

#[test]
fn m3_the_crm_id_that_a_prospect_shows_is_read_before_anything_else() {
    let pair = prospect_pair(ann().showing(NativeCrmId::Record(lead_id(5))));
    let decision = by_email().decide(&pair);
    assert_eq!(
        decision.outcome,
        Outcome::ReadMore(vec![ReadMore::Crm(lead_id(5))])
    );
}

#[test]
fn m3_the_crm_id_that_a_prospect_shows_decides() {
    let pair = prospect_pair(ann().showing(NativeCrmId::Record(lead_id(5))))
        .native(Side::Present(lead(5)), Belongs::ToNobody)
        .crm_hits([ann_as_lead(6)]);
    let decision = decide_by("M3", &by_email(), &pair);
    assert_eq!(linked_ids(&decision).0, lead_id(5).to_string());
}

#[test]
fn m4_a_linked_lead_that_was_converted_is_held() {
    let pair = linked(lead(1).converted_to(Some(contact_id(1))), ann());
    let decision = decide_by("M4", &by_crm_id(), &pair);
    assert_eq!(decision.outcome, Outcome::Hold(HoldReason::LeadConverted));
}

#[test]
fn m4_a_converted_lead_behind_the_shown_crm_id_is_held() {
    let pair = prospect_pair(ann().showing(NativeCrmId::Record(lead_id(5))))
        .native(Side::Present(lead(5).converted_to(None)), Belongs::ToNobody);
    let decision = decide_by("M4", &by_crm_id(), &pair);
    assert_eq!(decision.outcome, Outcome::Hold(HoldReason::LeadConverted));
}

#[test]
fn m4_a_converted_lead_that_we_had_created_is_held() {
    let created = lead(5).carrying(prospect_key(1)).converted_to(None);
    let pair = prospect_pair(ann())
        .intending(IntentKind::CreateCrm)
        .crm_with_key([created]);
    let decision = decide_by("M4", &by_crm_id(), &pair);
    assert_eq!(decision.outcome, Outcome::Hold(HoldReason::LeadConverted));
}

#[test]
fn m4_a_converted_lead_that_never_had_a_prospect_is_skipped() {
    let mut pair = crm_pair(ann_as_lead(1).converted_to(Some(contact_id(1))));
    let decision = by_crm_id().decide(&pair);
    assert_skipped(&decision, SkipReason::ConvertedUnlinked);
    // One that carries its key tells that it had.
    pair.prospect = Side::Present(ann().carrying(pair.link.key.clone()));
    let decision = decide_by("M4", &by_crm_id(), &pair);
    assert_eq!(decision.outcome, Outcome::Hold(HoldReason::LeadConverted));
}

#[test]
fn m5_a_record_that_lost_a_merge_is_held() {
    let mut pair = linked(lead(1), ann());
    pair.crm = Side::Deleted {
        merged_into: Some(lead_id(2)),
    };
    let decision = decide_by("M5", &by_crm_id(), &pair);
    assert_eq!(decision.outcome, Outcome::Hold(HoldReason::CrmRecordMerged));
}

#[test]
fn m5_m6_behind_the_shown_crm_id_nothing_is_recreated() {
    let cases = [
        (
            Some(lead_id(2)),
            "M5",
            Outcome::Hold(HoldReason::CrmRecordMerged),
        ),
        (None, "M6", Outcome::Skip(SkipReason::CrmDeleted)),
    ];
    for (merged_into, rule, outcome) in cases {
        let pair = prospect_pair(ann().showing(NativeCrmId::Record(lead_id(5))))
            .native(Side::Deleted { merged_into }, Belongs::ToNobody);
        let decision = decide_by(rule, &by_email(), &pair);
        assert_eq!(decision.outcome, outcome);
    }
}

#[test]
fn m6_a_deleted_record_that_never_had_a_prospect_is_skipped() {
    for merged_into in [None, Some(lead_id(2))] {
        let mut pair = crm_pair(lead(1));
        pair.crm = Side::Deleted { merged_into };
        let decision = by_crm_id().decide(&pair);
        assert_skipped(&decision, SkipReason::DeletedUnlinked);
    }
}

#[test]
fn m7_a_linked_record_out_of_sight_is_an_access_error_and_not_recreated() {
    let mut pair = linked(lead(1), ann());
    pair.crm = Side::Missing;
    let decision = decide_by("M7", &by_crm_id(), &pair);
    let Outcome::Park(problem) = decision.outcome else {
        panic!("{:?}", decision.outcome)
    };
    assert_eq!(problem.code, "ACCESS");
    assert!(problem.message.contains(lead_id(1).as_str()));
}

#[test]
fn m7_a_shown_crm_id_out_of_sight_is_an_access_error_and_never_a_duplicate() {
    for world in [by_crm_id(), by_email(), non_ampsea()] {
        let pair = prospect_pair(ann().showing(NativeCrmId::Record(lead_id(5))))
            .native(Side::Missing, Belongs::ToNobody)
            .crm_hits([]);
        let decision = decide_by("M7", &world, &pair);
        let Outcome::Park(problem) = decision.outcome else {
            panic!("{:?}", decision.outcome)
        };
        assert_eq!(problem.code, "ACCESS");
        assert!(problem.message.contains(lead_id(5).as_str()));
    }
}

#[test]
fn m9_without_the_option_nobody_searches_by_address() {
    let decision = decide_by("M9", &by_crm_id(), &prospect_pair(ann()));
    assert_creates_lead(&decision);
}

#[test]
fn m9_r24_without_the_option_even_a_hit_is_not_used() {
    let pair = prospect_pair(ann()).crm_hits([ann_as_lead(1)]);
    assert_creates_lead(&decide_by("M9", &by_crm_id(), &pair));
}

#[test]
fn m10_no_hit_leads_to_table_c() {
    let pair = prospect_pair(ann()).crm_hits([]);
    assert_creates_lead(&decide_by("M10", &by_email(), &pair));
}

#[test]
fn m10_only_converted_leads_are_no_usable_hit() {
    let pair = prospect_pair(ann()).crm_hits([ann_as_lead(1).converted_to(None)]);
    assert_creates_lead(&by_email().decide(&pair));
}

#[test]
fn m11_one_hit_is_linked() {
    let pair = prospect_pair(ann()).crm_hits([ann_as_lead(3)]);
    let decision = decide_by("M11", &by_email(), &pair);
    assert_eq!(linked_ids(&decision), (lead_id(3).to_string(), 1));
}

#[test]
fn m11_c5_an_unassigned_prospect_is_linked_to_a_match_too() {
    let pair = prospect_pair(prospect(1).email("ann@x.test")).crm_hits([ann_as_lead(3)]);
    assert_eq!(
        linked_ids(&by_email().decide(&pair)).0,
        lead_id(3).to_string()
    );
}

#[test]
fn m11_the_partner_gets_the_key_of_the_pair() {
    let pair = prospect_pair(ann()).crm_hits([ann_as_lead(3)]);
    let Outcome::Update {
        to_crm,
        to_prospect,
        ..
    } = by_email().decide(&pair).outcome
    else {
        panic!("expected an update");
    };
    assert_eq!((to_crm.key, to_prospect.key), (Some(prospect_key(1)), None));
}

#[test]
fn m12_several_hits_are_ordered_by_r23() {
    let hits = [
        ann_as_lead(1),
        ann_as_lead(2).active_on(date(2026, 11, 2)),
        ann_as_lead(3).active_on(date(2026, 11, 1)),
    ];
    let decision = decide_by("M12", &by_email(), &prospect_pair(ann()).crm_hits(hits));
    assert_eq!(linked_ids(&decision).0, lead_id(2).to_string());
    assert_eq!(decision.trace.rules[0].rejected, [lead_id(3), lead_id(1)]);
}

#[test]
fn m13_a_record_of_another_prospect_is_not_stolen() {
    let pair = prospect_pair(ann()).crm_hits_taken(1, [ann_as_lead(1)]);
    let decision = decide_by("M13", &by_email(), &pair);
    assert_creates_lead(&decision);
    assert_eq!(decision.trace.rules[0].rejected, [lead_id(1)]);
}

#[test]
fn m13_a_free_hit_beside_a_taken_one_is_linked() {
    let pair = prospect_pair(ann()).crm_hits_taken(1, [contact(1), ann_as_lead(2)]);
    assert_eq!(
        linked_ids(&by_email().decide(&pair)).0,
        lead_id(2).to_string()
    );
}

/// Whether a prospect was created for the lead, or none was and this is its prospect, is not known yet.
#[test]
fn r17_a_lead_whose_own_create_is_open_is_waited_for() {
    for world in [by_email(), non_ampsea()] {
        let pair = prospect_pair(ann()).crm_hit_at_work(ann_as_lead(1));
        assert_eq!(world.decide(&pair).outcome, Outcome::NotYet);
    }
    let shown = NativeCrmId::Record(lead_id(5));
    let pair =
        prospect_pair(ann().showing(shown)).native(Side::Present(lead(5)), Belongs::ToPairAtWork);
    assert_eq!(by_crm_id().decide(&pair).outcome, Outcome::NotYet);
    let gone = pair.native(Side::Missing, Belongs::ToPairAtWork);
    assert_ne!(by_crm_id().decide(&gone).outcome, Outcome::NotYet);
}

#[test]
fn r17_a_prospect_whose_own_create_is_open_is_waited_for() {
    for world in [by_email(), non_ampsea()] {
        let pair = crm_pair(ann_as_lead(1)).prospect_hit_at_work(ann());
        assert_eq!(world.decide(&pair).outcome, Outcome::NotYet);
    }
}

/// Neither would ever go on.
#[test]
fn r17_two_pairs_with_open_creates_do_not_wait_for_each_other() {
    let pair = prospect_pair(ann())
        .intending(IntentKind::CreateCrm)
        .crm_with_key([])
        .crm_hit_at_work(ann_as_lead(1));
    assert_creates_lead(&by_email().decide(&pair));
    let pair = crm_pair(ann_as_lead(1))
        .intending(IntentKind::CreateProspect)
        .with_created(Created::Nothing)
        .prospect_hit_at_work(ann());
    assert_creates_prospect(&by_email().decide(&pair));
}

#[test]
fn m14_in_non_ampsea_a_contact_is_linked() {
    let pair = prospect_pair(ann()).crm_hits([ann_as_lead(1), contact(2)]);
    let decision = decide_by("M14", &non_ampsea(), &pair);
    assert_eq!(linked_ids(&decision).0, contact_id(2).to_string());
}

#[test]
fn m15_in_non_ampsea_a_lead_is_linked_when_there_is_no_contact() {
    let pair = prospect_pair(ann()).crm_hits([ann_as_lead(2), ann_as_lead(1)]);
    let decision = decide_by("M15", &non_ampsea(), &pair);
    assert_eq!(linked_ids(&decision).0, lead_id(1).to_string());
}

#[test]
fn m16_in_non_ampsea_no_hit_leads_to_table_c() {
    let pair = prospect_pair(ann()).crm_hits([]);
    assert_creates_lead(&decide_by("M16", &non_ampsea(), &pair));
}

#[test]
fn n1_a_record_without_address_is_skipped() {
    assert_skipped(
        &decide_by("N1", &by_crm_id(), &crm_pair(lead(1))),
        SkipReason::NoEmail,
    );
    let by_hand = crm_pair(lead(1)).because(Cause::SendNow);
    assert_skipped(
        &decide_by("N1", &by_crm_id(), &by_hand),
        SkipReason::NoEmail,
    );
}

#[test]
fn n2_a_record_with_a_linked_prospect_updates_it() {
    let pair = linked(ann_as_lead(1).value("firstName", "Ann"), ann());
    assert_eq!(
        linked_ids(&by_crm_id().decide(&pair)),
        (lead_id(1).to_string(), 1)
    );
}

#[test]
fn n2_a_prospect_that_shows_the_crm_id_is_its_partner() {
    for world in [by_email(), non_ampsea()] {
        let shown = prospect(2).showing(NativeCrmId::Record(lead_id(1)));
        let other = prospect(3).updated(at(9));
        let pair = crm_pair(ann_as_lead(1)).prospect_hits([other, shown]);
        let decision = decide_by("N2", &world, &pair);
        assert_eq!(linked_ids(&decision).1, 2);
    }
}

#[test]
fn n3_with_auto_create_off_nothing_is_created() {
    let world = by_crm_id().creating_since(None);
    let decision = decide_by("N3", &world, &crm_pair(ann_as_lead(1)));
    assert_skipped(&decision, SkipReason::AutoCreateOff);
}

#[test]
fn n4_with_the_option_a_prospect_without_crm_id_is_linked() {
    let free = prospect(3).email("ann@x.test");
    let pair = crm_pair(ann_as_lead(1)).prospect_hits([free]);
    let decision = decide_by("N4", &by_email(), &pair);
    assert_eq!(linked_ids(&decision), (lead_id(1).to_string(), 3));
}

#[test]
fn n4_the_prospects_are_looked_up_first() {
    let decision = by_email().decide(&crm_pair(ann_as_lead(1)));
    assert_eq!(
        decision.outcome,
        Outcome::ReadMore(vec![ReadMore::ProspectsByEmail(Spelling::from(&address()))])
    );
}

#[test]
fn n4_r26_the_prospect_that_was_updated_last_is_linked() {
    let hits = [
        prospect(4),
        prospect(5).updated(at(5)),
        prospect(3).updated(at(5)),
    ];
    let pair = crm_pair(ann_as_lead(1)).prospect_hits(hits);
    assert_eq!(linked_ids(&by_email().decide(&pair)).1, 3);
}

#[test]
fn n5_r20_without_the_option_a_prospect_is_created_whoever_has_the_address() {
    let decision = decide_by("N5", &by_crm_id(), &crm_pair(ann_as_lead(1)));
    assert_creates_prospect(&decision);
    let pair = crm_pair(ann_as_lead(1)).prospect_hits([ann()]);
    assert_creates_prospect(&decide_by("N5", &by_crm_id(), &pair));
}

#[test]
fn n5_prospects_with_another_crm_id_or_pair_are_not_linked() {
    let hits = [
        prospect(2),
        prospect(3).showing(NativeCrmId::Record(lead_id(9))),
        prospect(4).carrying(lead_key(9)),
        prospect(5).showing(NativeCrmId::Ignore),
    ];
    let pair = crm_pair(ann_as_lead(1)).prospect_hits_taken(1, hits);
    assert_creates_prospect(&decide_by("N5", &by_email(), &pair));
}

#[test]
fn n6_in_non_ampsea_the_one_prospect_is_linked() {
    let pair = crm_pair(ann_as_lead(1)).prospect_hits([ann()]);
    let decision = decide_by("N6", &non_ampsea(), &pair);
    assert_eq!(linked_ids(&decision), (lead_id(1).to_string(), 1));
}

#[test]
fn n6_r17_in_non_ampsea_a_taken_prospect_is_not_stolen() {
    let pair = crm_pair(ann_as_lead(1)).prospect_hits_taken(1, [ann()]);
    assert_skipped(
        &decide_by("N6", &non_ampsea(), &pair),
        SkipReason::ProspectTaken,
    );
    let shown = ann().showing(NativeCrmId::Record(lead_id(9)));
    let pair = crm_pair(ann_as_lead(1)).prospect_hits([shown]);
    assert_skipped(
        &decide_by("N6", &non_ampsea(), &pair),
        SkipReason::ProspectTaken,
    );
}

#[test]
fn n7_in_non_ampsea_a_prospect_is_created_for_a_new_address() {
    let pair = crm_pair(ann_as_lead(1)).prospect_hits([]);
    assert_creates_prospect(&decide_by("N7", &non_ampsea(), &pair));
}

#[test]
fn n8_a_recycled_prospect_is_no_candidate_and_a_new_one_is_created() {
    // The look-up returns live prospects only, so a recycled one is not in the list.
    let pair = crm_pair(ann_as_lead(1)).prospect_hits([]);
    assert_creates_prospect(&decide_by("N5", &by_email(), &pair));
}

#[test]
fn n9_an_open_create_is_looked_up_before_it_is_repeated() {
    let pair = crm_pair(ann_as_lead(1)).intending(IntentKind::CreateProspect);
    let decision = by_crm_id().decide(&pair);
    assert_eq!(
        decision.outcome,
        Outcome::ReadMore(vec![ReadMore::ProspectsByEmail(Spelling::from(&address()))])
    );
    let pair = prospect_pair(ann()).intending(IntentKind::CreateCrm);
    let decision = by_crm_id().decide(&pair);
    assert_eq!(
        decision.outcome,
        Outcome::ReadMore(vec![ReadMore::CrmByKey(prospect_key(1))])
    );
}

#[test]
fn n9_a_prospect_that_we_had_created_is_linked() {
    let created = prospect(7).carrying(lead_key(1));
    let pair = crm_pair(ann_as_lead(1)).prospect_hits([prospect(6).updated(at(9)), created]);
    for pair in [pair.clone().intending(IntentKind::CreateProspect), pair] {
        for world in [by_crm_id(), by_email(), non_ampsea()] {
            assert_eq!(linked_ids(&decide_by("N9", &world, &pair)).1, 7);
        }
    }
}

#[test]
fn n9_a_record_that_we_had_created_is_linked() {
    let pair = prospect_pair(ann())
        .intending(IntentKind::CreateCrm)
        .crm_with_key([lead(8).carrying(prospect_key(1))]);
    let decision = decide_by("N9", &by_crm_id(), &pair);
    assert_eq!(linked_ids(&decision).0, lead_id(8).to_string());
}

#[test]
fn n9_a_create_that_did_not_land_is_repeated() {
    let pair = prospect_pair(ann())
        .intending(IntentKind::CreateCrm)
        .crm_with_key([]);
    assert_creates_lead(&by_crm_id().decide(&pair));
    let pair = crm_pair(ann_as_lead(1))
        .intending(IntentKind::CreateProspect)
        .prospect_hits([]);
    // Its address may have been changed: then the key alone tells.
    let look_for = pair.look_for_created().unwrap();
    assert_eq!(
        by_crm_id().decide(&pair).outcome,
        Outcome::ReadMore(vec![look_for])
    );
    let none = pair.clone().with_created(Created::Nothing);
    assert_creates_prospect(&by_crm_id().decide(&none));
    let found = pair
        .clone()
        .with_created(Created::Present(Box::new(prospect(7))));
    assert_eq!(linked_ids(&decide_by("N9", &by_crm_id(), &found)).1, 7);
    let recycled = pair.with_created(Created::Recycled(prospect_id(7)));
    assert_skipped(&by_crm_id().decide(&recycled), SkipReason::ProspectDeleted);
}

#[test]
fn n9_nobody_touches_a_pair_under_a_lease() {
    let pair = crm_pair(ann_as_lead(1))
        .intending(IntentKind::Update)
        .leased_until(at(61));
    assert_eq!(by_crm_id().decide(&pair).outcome, Outcome::NotYet);
    let ended = pair.leased_until(at(-2));
    assert_ne!(by_crm_id().decide(&ended).outcome, Outcome::NotYet);
}

#[test]
fn n9_k4_a_created_prospect_is_looked_up_only_when_a_stale_read_cannot_hide_it() {
    let pair = crm_pair(ann_as_lead(1)).intending(IntentKind::CreateProspect);
    let mut world = by_crm_id();
    world.config.account_engagement.stale_reads_seconds = 30;
    assert_eq!(
        world.decide(&pair.clone().leased_until(at(29))).outcome,
        Outcome::NotYet
    );
    assert_ne!(
        world.decide(&pair.leased_until(at(28))).outcome,
        Outcome::NotYet
    );
}

#[test]
fn n10_a_record_older_than_the_setting_is_not_created() {
    let world = by_crm_id().creating_since(Some(at(1)));
    let decision = decide_by("N10", &world, &crm_pair(ann_as_lead(1)));
    assert_skipped(&decision, SkipReason::CreatedBeforeSetting);
    let in_that_second = crm_pair(ann_as_lead(1).created(at(1)));
    assert_creates_prospect(&world.decide(&in_that_second));
}

#[test]
fn n10_r26_an_old_record_is_not_created_even_when_a_prospect_has_its_address() {
    let world = by_email().creating_since(Some(at(1)));
    let pair = crm_pair(ann_as_lead(1)).prospect_hits([ann()]);
    assert_skipped(&world.decide(&pair), SkipReason::CreatedBeforeSetting);
}

/// Which of the hits R23 links, and what the trace says about the step.
fn chosen(hits: Vec<CrmRecord>) -> (String, String) {
    let mut reversed = hits.clone();
    reversed.reverse();
    let decision = by_email().decide(&prospect_pair(ann()).crm_hits(hits));
    let again = by_email().decide(&prospect_pair(ann()).crm_hits(reversed));
    assert_eq!(
        linked_ids(&decision),
        linked_ids(&again),
        "the order of the hits must not matter"
    );
    (
        linked_ids(&decision).0,
        decision.trace.rules[0].said.to_string(),
    )
}

fn assert_chosen(hits: Vec<CrmRecord>, expected: &str, step: &str) {
    let (id, said) = chosen(hits);
    assert_eq!(id, expected);
    assert!(said.contains(step), "{said}");
}

#[test]
fn r23_step_1_r22_a_contact_goes_before_a_lead() {
    let lead = ann_as_lead(1).active_on(date(2026, 11, 22)).modified(at(9));
    assert_chosen(vec![lead, contact(2)], contact_id(2).as_str(), "contact");
}

#[test]
fn r23_step_2_converted_and_taken_records_are_ignored() {
    let hits = [
        contact(9),
        ann_as_lead(1).converted_to(None),
        ann_as_lead(2),
    ];
    let decision = by_email().decide(&prospect_pair(ann()).crm_hits_taken(1, hits));
    assert_eq!(linked_ids(&decision).0, lead_id(2).to_string());
    assert!(decision.trace.to_string().contains("only usable match"));
}

#[test]
fn r23_step_3_the_latest_activity_wins_and_none_goes_last() {
    let hits = vec![
        ann_as_lead(1).modified(at(9)),
        ann_as_lead(2).active_on(date(2026, 1, 1)),
        ann_as_lead(3).active_on(date(2026, 1, 2)),
    ];
    assert_chosen(hits, lead_id(3).as_str(), "latest activity");
    let hits = vec![
        ann_as_lead(1).modified(at(9)),
        ann_as_lead(2).active_on(date(1999, 1, 1)),
    ];
    assert_chosen(hits, lead_id(2).as_str(), "latest activity");
}

#[test]
fn r23_step_4_the_latest_modification_wins() {
    let hits = vec![
        ann_as_lead(1).created(at(-9)),
        ann_as_lead(2).modified(at(1)),
    ];
    assert_chosen(hits, lead_id(2).as_str(), "modified last");
}

#[test]
fn r23_step_5_the_earliest_creation_wins() {
    let hits = vec![ann_as_lead(1), ann_as_lead(2).created(at(-1))];
    assert_chosen(hits, lead_id(2).as_str(), "created first");
}

#[test]
fn r23_step_6_the_lowest_id_wins() {
    let hits = vec![ann_as_lead(2), ann_as_lead(1), ann_as_lead(3)];
    assert_chosen(hits, lead_id(1).as_str(), "lowest id");
}

#[test]
fn r17_the_crm_id_of_another_prospect_is_not_taken_over() {
    let pair = prospect_pair(ann().showing(NativeCrmId::Record(lead_id(5))))
        .native(Side::Present(lead(5)), Belongs::ToAnotherPair)
        .crm_hits([]);
    let decision = decide_by("R17", &by_email(), &pair);
    assert_creates_lead(&decision);
    assert_eq!(decision.trace.rules[0].rejected, [lead_id(5)]);
}

#[test]
fn r22_in_both_modes_contacts_go_first_then_leads_then_a_create() {
    for world in [by_email(), non_ampsea()] {
        let both = prospect_pair(ann()).crm_hits([ann_as_lead(1), contact(1)]);
        assert_eq!(
            linked_ids(&world.decide(&both)).0,
            contact_id(1).to_string()
        );
        let lead_only = prospect_pair(ann()).crm_hits([ann_as_lead(1)]);
        assert_eq!(
            linked_ids(&world.decide(&lead_only)).0,
            lead_id(1).to_string()
        );
        let none = prospect_pair(ann()).crm_hits([]);
        let Outcome::CreateCrm { object, .. } = world.decide(&none).outcome else {
            panic!("expected a create");
        };
        assert_eq!(object, CrmObject::Lead);
    }
}

#[test]
fn r24_with_the_option_the_address_is_searched_before_anything_is_created() {
    let decision = by_email().decide(&prospect_pair(ann()));
    assert_eq!(
        decision.outcome,
        Outcome::ReadMore(vec![ReadMore::CrmByEmail(address())])
    );
    assert_creates_lead(&by_crm_id().decide(&prospect_pair(ann())));
}

#[test]
fn r56_a_deleted_prospect_that_never_had_a_record_is_skipped() {
    let mut pair = prospect_pair(ann()).in_state(LinkState::Pending);
    pair.prospect = Side::Deleted { merged_into: None };
    let decision = by_crm_id().decide(&pair);
    assert_skipped(&decision, SkipReason::DeletedUnlinked);
}

#[test]
fn an_unreadable_value_of_a_match_parks_the_pair_and_overwrites_nothing() {
    let hit = ann_as_lead(1).not_readable("score");
    let pair = prospect_pair(ann().value("score", "7")).crm_hits([hit]);
    let Outcome::Park(problem) = by_email().decide(&pair).outcome else {
        panic!("not parked")
    };
    assert_eq!((problem.code.as_str(), problem.fields.len()), ("TYPE", 1));
    let candidate = prospect(3).not_readable("score");
    let pair = crm_pair(ann_as_lead(1).owner(user(1))).prospect_hits([candidate]);
    assert!(matches!(by_email().decide(&pair).outcome, Outcome::Park(_)));
}

#[test]
fn the_connector_state_does_not_change_the_match() {
    let pair = prospect_pair(ann())
        .crm_hits([ann_as_lead(3)])
        .because(Cause::SyncNow);
    let paused = by_email().state(ConnectorState::Paused);
    assert_eq!(
        paused.decide(&pair).outcome,
        by_email().decide(&pair).outcome
    );
}
