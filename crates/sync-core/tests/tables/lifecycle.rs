//! Delete and undelete: R52 to R57, table M rows M1, M2 and M6.

use jiff::Timestamp;
use sync_core::config::{Config, ConnectorState};
use sync_core::decision::{Decision, HoldReason, Outcome, ReadMore, SkipReason};
use sync_core::hint::Cause;
use sync_core::link::{IntentKind, Lifecycle, LinkState};
use sync_core::pair::{Candidates, Created, Pair};
use sync_core::record::{NativeCrmId, ShownCrmId, Side};
use sync_core::settle::{ErrorChange, Settlement, WriteFailure, WriteResult, WriteResults};
use sync_core::testing::{
    World, at, config, crm_pair, field, lead, lead_id, linked, prospect, prospect_id,
    prospect_pair, text,
};
use sync_core::value::Spelling;
use sync_core::{intend, settle};

use crate::{assert_skipped, decide_by};

const TITLE: &str = "jobTitle";
pub(crate) const MIRROR: &str = "SF_Record_Id__c";

fn mirrored() -> Config {
    let mut config = config();
    config.account_engagement.crm_id_field = Some("SF_Record_Id__c".to_owned());
    config
}

/// Reads are fresh; the tests of K4 say otherwise.
pub(crate) fn ampsea() -> World {
    let mut world = World::new(mirrored().ampsea());
    world.config.account_engagement.stale_reads_seconds = 0;
    world
}

/// In step, with a value that both agreed on.
pub(crate) fn pair() -> Pair {
    linked(
        lead(1).email("ann@x.test").value(TITLE, "CEO"),
        prospect(1).email("ann@x.test").value(TITLE, "CEO"),
    )
    .base(TITLE, text("CEO"))
}

pub(crate) fn deleted<R>() -> Side<R> {
    Side::Deleted { merged_into: None }
}

pub(crate) fn lead_deleted(mut pair: Pair) -> Pair {
    pair.crm = deleted();
    pair
}

fn prospect_deleted(mut pair: Pair) -> Pair {
    pair.prospect = deleted();
    pair
}

/// The prospect says that its record was deleted.
pub(crate) fn marked(mut pair: Pair) -> Pair {
    if let Side::Present(prospect) = &mut pair.prospect {
        prospect.shown_crm_id = ShownCrmId::CrmDeleted;
    }
    pair
}

pub(crate) fn retires(marks: bool, recycles: bool) -> Outcome {
    Outcome::Retire {
        crm: lead_id(1),
        prospect: prospect_id(1),
        marks: marks.then(|| MIRROR.to_owned()),
        recycles,
    }
}

fn restores() -> Outcome {
    Outcome::Restore {
        crm: lead_id(1),
        prospect: prospect_id(1),
    }
}

fn tombstone() -> LinkState {
    LinkState::Skipped(SkipReason::CrmDeleted)
}

/// The pair after its intent was stored and the worker died.
pub(crate) fn begun(world: &World, pair: &Pair) -> Pair {
    let decision = world.decide(pair);
    let token = sync_core::intent::sync_token("run", &pair.link);
    let link = intend(pair, &decision, token, (at(0), at(0))).unwrap();
    Pair {
        link,
        ..pair.clone()
    }
}

pub(crate) fn settled(pair: &Pair, decision: &Decision, now: Timestamp) -> Settlement {
    let written = match &decision.outcome {
        Outcome::Retire { prospect, .. } | Outcome::Restore { prospect, .. } => {
            WriteResult::Written(*prospect)
        }
        _ => WriteResult::NotNeeded,
    };
    let results = WriteResults {
        prospect: written,
        is_marked: matches!(decision.outcome, Outcome::Retire { marks: Some(_), .. }),
        ..WriteResults::default()
    };
    settle(&pair.link, decision, &results, now)
}

/// The pair after the decision was carried out.
pub(crate) fn done(world: &World, pair: &Pair) -> Pair {
    let begun = begun(world, pair);
    let settlement = settled(&begun, &world.decide(pair), world.now);
    Pair {
        link: settlement.link,
        ..pair.clone()
    }
}

#[test]
fn r52_a_deleted_record_takes_its_prospect_to_the_recycle_bin() {
    let decision = decide_by("R52", &ampsea(), &lead_deleted(pair()));
    assert_eq!(decision.outcome, retires(true, true));
    assert!(decision.trace.rule_numbers().contains(&"M6"));
}

#[test]
fn r52_without_ampsea_the_setting_decides_whether_the_prospect_goes() {
    let mut world = World::new(mirrored().non_ampsea());
    for recycles in [true, false] {
        world.config.settings.merge_delete = recycles;
        let decision = world.decide(&lead_deleted(pair()));
        assert_eq!(decision.outcome, retires(true, recycles));
    }
    // Nothing to mark, nothing to move.
    world.config.account_engagement.crm_id_field = None;
    assert_skipped(&world.decide(&lead_deleted(pair())), SkipReason::CrmDeleted);
}

#[test]
fn r52_the_retired_pair_keeps_ids_and_base_and_recreates_nothing() {
    let world = ampsea();
    let retired = prospect_deleted(done(&world, &lead_deleted(pair())));
    assert_eq!(retired.link.state, tombstone());
    assert_eq!(retired.link.crm_id, Some(lead_id(1)));
    assert_eq!(retired.link.prospect_id, Some(prospect_id(1)));
    assert_eq!(retired.link.base, pair().link.base);
    assert_eq!(
        (retired.link.intent.clone(), retired.link.lease_until),
        (None, None)
    );
    for cause in [Cause::Poll, Cause::SyncNow, Cause::SendNow] {
        let decision = world.decide(&retired.clone().because(cause));
        assert_skipped(&decision, SkipReason::CrmDeleted);
        // M2: whoever asked is told.
        let told = decision.trace.rule_numbers().contains(&"M2");
        assert_eq!(told, cause.is_manual());
    }
    // After 15 days the record is not even in the recycle bin.
    let purged = Pair {
        crm: Side::Missing,
        ..retired
    };
    assert_skipped(&world.decide(&purged), SkipReason::CrmDeleted);
}

#[test]
fn r52_a_retirement_whose_end_nobody_saw_is_taken_up_again() {
    let world = ampsea();
    let interrupted = begun(&world, &lead_deleted(pair()));
    assert!(interrupted.link.is_moving());
    assert_eq!(world.decide(&interrupted).outcome, retires(true, true));
    let landed = prospect_deleted(interrupted);
    let decision = world.decide(&landed);
    assert_skipped(&decision, SkipReason::CrmDeleted);
    let link = settled(&landed, &decision, at(60)).link;
    assert_eq!((link.state, link.intent), (tombstone(), None));
}

#[test]
fn r52_a_prospect_that_was_created_before_the_link_knew_is_retired_too() {
    let world = ampsea();
    let mut pair = lead_deleted(pair()).intending(IntentKind::CreateProspect);
    pair.link.prospect_id = None;
    pair.link.state = LinkState::Pending;
    assert_eq!(world.decide(&pair).outcome, retires(true, true));
    let link = done(&world, &pair).link;
    assert!(link.is_complete());
}

/// Seed 65585: nobody hints the prospect again.
#[test]
fn r52_a_prospect_whose_creation_nobody_saw_is_looked_for_and_retired() {
    let mut world = ampsea();
    world.config.fields.0.push(field("email", "Email"));
    let ann = lead(1).email("ann@x.test").value("email", "ann@x.test");
    let mut open = begun(&world, &crm_pair(ann).prospect_hits([]));
    open.crm = deleted();
    open.prospects_by_email = Candidates::NotRead;
    let look_up = Outcome::ReadMore(vec![ReadMore::ProspectsByEmail(
        Spelling::new("ann@x.test").unwrap(),
    )]);
    assert_eq!(world.decide(&open).outcome, look_up);
    // Its address may have been changed: then the key alone tells.
    let none = open.clone().prospect_hits([]);
    let look_for = none.look_for_created().unwrap();
    assert_eq!(
        world.decide(&none).outcome,
        Outcome::ReadMore(vec![look_for])
    );
    let gone = none.clone().with_created(Created::Nothing);
    let decision = world.decide(&gone);
    assert_skipped(&decision, SkipReason::DeletedUnlinked);
    assert_eq!(settled(&gone, &decision, at(60)).link.intent, None);
    // A marketer deleted it: it is still the record's own when that comes back, and stays where it is (R56).
    let gone = none.clone().with_created(Created::Recycled(prospect_id(1)));
    let decision = world.decide(&gone);
    assert_skipped(&decision, SkipReason::CrmDeleted);
    let link = settled(&gone, &decision, at(60)).link;
    assert!(link.intent.is_some());
    // Restored by the marketer it stays too (R55).
    let restored = prospect(1).carrying(link.key.clone());
    let back = Pair {
        link,
        prospect: Side::Present(restored),
        ..gone
    };
    let decision = decide_by("R55", &world, &back);
    assert_eq!(decision.outcome, retires(true, false));
    let there = none.with_created(Created::Present(Box::new(prospect(1))));
    let decision = world.decide(&there);
    assert_eq!(decision.outcome, retires(true, true));
    // From then on it is known by its id, whatever the intent says.
    let link = intend(&there, &decision, "t".to_owned(), (at(0), at(0))).unwrap();
    assert_eq!(link.prospect_id, Some(prospect_id(1)));
    let created = prospect(1)
        .email("ann@x.test")
        .carrying(open.link.key.clone());
    let found = open.prospect_hits([created]);
    assert_eq!(world.decide(&found).outcome, retires(true, true));
}

#[test]
fn r52_a_record_that_was_created_and_deleted_before_the_link_knew_is_not_created_again() {
    let world = ampsea();
    let ann = prospect(1).email("ann@x.test").assigned(1);
    let mut gone = lead(1).email("ann@x.test");
    gone.is_deleted = true;
    let mut pair = prospect_pair(ann)
        .intending(IntentKind::CreateCrm)
        .crm_with_key([gone]);
    assert_eq!(world.decide(&pair).outcome, retires(true, true));
    // Seed 159017: the hint that brings it is the deleted record's own.
    pair.crm = deleted();
    assert_eq!(world.decide(&pair).outcome, retires(true, true));
}

#[test]
fn r52_a_refused_retirement_is_parked_and_decided_again() {
    let world = ampsea();
    let pair = lead_deleted(pair());
    let begun = begun(&world, &pair);
    let refused = WriteResults {
        prospect: WriteResult::Failed(WriteFailure {
            service: sync_core::coerce::Service::AccountEngagement,
            class: sync_core::error::ErrorClass::Config,
            code: "61".to_owned(),
            fields: Vec::new(),
            message: "no access".to_owned(),
            may_have_landed: false,
        }),
        ..WriteResults::default()
    };
    let settlement = settle(&begun.link, &world.decide(&pair), &refused, at(60));
    assert!(matches!(settlement.error, ErrorChange::Open(_)));
    assert_eq!(settlement.link.state, LinkState::Linked);
    assert_eq!(settlement.link.intent, None);
    let again = Pair {
        link: settlement.link,
        ..pair
    };
    assert_eq!(world.decide(&again).outcome, retires(true, true));
}

#[test]
fn r53_the_undeleted_record_brings_its_prospect_back() {
    let world = ampsea();
    let mut back = prospect_deleted(done(&world, &lead_deleted(pair())));
    back.crm = Side::Present(lead(1).email("ann@x.test").value(TITLE, "CTO"));
    let decision = decide_by("R53", &world, &back);
    assert_eq!(decision.outcome, restores());
    let mut restored = done(&world, &back);
    assert_eq!(restored.link.state, LinkState::Linked);
    // What changed meanwhile is an edit of one side: the base is still there.
    restored.prospect = pair().prospect;
    let decision = world.decide(&restored);
    let Outcome::Update { to_prospect, .. } = &decision.outcome else {
        panic!("{:?}", decision.outcome);
    };
    assert_eq!(to_prospect.fields[TITLE], text("CTO"));
    assert_eq!(
        to_prospect.crm_id,
        Some(lead_id(1)),
        "the mark is taken away"
    );
    assert_eq!(decision.trace.conflicts(), 0);
}

/// Seed 35635: the connector was paused meanwhile.
#[test]
fn r53_a_retired_pair_that_was_held_comes_back_all_the_same() {
    let world = ampsea();
    let mut back = prospect_deleted(done(&world, &lead_deleted(pair())));
    let paused = World::new(mirrored().ampsea()).state(ConnectorState::Paused);
    let held = settled(&back, &paused.decide(&back), at(60)).link;
    assert_eq!(held.state, LinkState::Held(HoldReason::Paused));
    back.link = held;
    back.crm = pair().crm;
    assert_eq!(world.decide(&back).outcome, restores());
}

#[test]
fn r53_a_record_undeleted_while_its_prospect_was_being_retired_brings_it_back() {
    let world = ampsea();
    let mut back = prospect_deleted(begun(&world, &lead_deleted(pair())));
    back.crm = pair().crm;
    assert_eq!(world.decide(&back).outcome, restores());
}

#[test]
fn r53_an_open_write_is_still_classified_after_delete_and_undelete() {
    let mut world = ampsea();
    world.config.salesforce.token_field = Some("Token".to_owned());
    world.config.account_engagement.token_field = Some("Token".to_owned());
    // A write of "CTO" to the lead was begun, and landed; then the lead was deleted.
    let mut edited = pair();
    edited.prospect = Side::Present(
        prospect(1)
            .email("ann@x.test")
            .carrying(edited.link.key.clone())
            .value(TITLE, "CTO"),
    );
    let open = begun(&world, &edited);
    let token = open.link.intent.clone().unwrap().id;
    let retired = prospect_deleted(done(&world, &lead_deleted(open)));
    assert_eq!(
        retired.link.intent.as_ref().map(|i| i.id.clone()),
        Some(token.clone())
    );
    // After the undelete a user puts "CEO" back: an edit, although it is the old base.
    let mut landed = lead(1).email("ann@x.test").value(TITLE, "CEO");
    landed.token = Some(token);
    let mut back = retired;
    back.crm = Side::Present(landed);
    let mut back = done(&world, &back);
    back.prospect = edited.prospect;
    let decision = world.decide(&back);
    let Outcome::Update { to_prospect, .. } = &decision.outcome else {
        panic!("{:?}", decision.outcome);
    };
    assert_eq!(to_prospect.fields[TITLE], text("CEO"));
}

#[test]
fn k4_a_read_right_after_the_restore_that_shows_the_recycle_bin_is_not_believed() {
    let mut world = ampsea();
    let mut back = prospect_deleted(done(&world, &lead_deleted(pair())));
    back.crm = pair().crm;
    let restored = done(&world, &back);
    world.config.account_engagement.stale_reads_seconds = 60;
    assert_eq!(world.decide(&restored).outcome, Outcome::NotYet);
    world.now = at(60 + 62);
    assert_skipped(&world.decide(&restored), SkipReason::ProspectDeleted);
}

/// Seed 66343 with stale reads.
#[test]
fn k4_a_read_right_after_the_retirement_that_shows_the_prospect_alive_is_not_believed() {
    let mut world = ampsea();
    world.config.account_engagement.stale_reads_seconds = 60;
    let mut back = done(&world, &lead_deleted(pair()));
    back.crm = pair().crm;
    assert_eq!(world.decide(&back).outcome, Outcome::NotYet);
    world.now = at(60 + 62);
    assert!(matches!(
        world.decide(&back).outcome,
        Outcome::Update { .. }
    ));
}

/// Cached seed 159066: a marketer had deleted it before, and a read from before that made the pair look in step.
#[test]
fn k4_a_prospect_that_was_in_the_bin_when_its_record_was_deleted_is_not_alive_yet() {
    let mut world = ampsea();
    world.config.account_engagement.stale_reads_seconds = 60;
    let gone = prospect_deleted(lead_deleted(pair()));
    let decision = world.decide(&gone);
    assert_skipped(&decision, SkipReason::CrmDeleted);
    let link = settled(&gone, &decision, at(60)).link;
    let mut back = Pair { link, ..pair() };
    world.now = at(60 + 61);
    assert_eq!(world.decide(&back).outcome, Outcome::NotYet);
    back.prospect = gone.prospect;
    world.now = at(60 + 62);
    assert_eq!(world.decide(&back).outcome, restores());
}

/// Seed 1439338: a marketer made the prospect a moment ago, and a read may be from before that.
#[test]
fn k4_a_prospect_that_was_seen_a_moment_ago_is_not_missing_yet() {
    let mut world = ampsea();
    world.config.account_engagement.stale_reads_seconds = 60;
    let mut gone = lead_deleted(pair());
    gone.link.see(pair().prospect.present(), at(60));
    gone.prospect = Side::Missing;
    world.now = at(60 + 61);
    assert_eq!(world.decide(&gone).outcome, Outcome::NotYet);
    world.now = at(60 + 62);
    assert_skipped(&world.decide(&gone), SkipReason::CrmDeleted);
}

#[test]
fn m2_a_prospect_that_says_its_record_was_deleted_is_not_resynced() {
    let world = ampsea();
    let mut marked = prospect(1).email("ann@x.test").assigned(1);
    marked.shown_crm_id = ShownCrmId::CrmDeleted;
    let decision = decide_by("M2", &world, &prospect_pair(marked).because(Cause::SyncNow));
    assert_skipped(&decision, SkipReason::PreviouslyDeleted);
}

/// The mark says nothing about the record, which is there.
#[test]
fn r56_a_prospect_that_was_marked_and_then_deleted_by_a_user_stays_deleted() {
    let world = ampsea();
    let mut marked = pair();
    marked.prospect = Side::Present(prospect(1).showing(NativeCrmId::CrmDeleted));
    let decision = decide_by("M2", &world, &marked);
    let link = settled(&marked, &decision, at(60)).link;
    let gone = prospect_deleted(Pair { link, ..marked });
    assert_skipped(&world.decide(&gone), SkipReason::ProspectDeleted);
}

/// R46: what was without an address when it went still is when it comes back.
#[test]
fn r46_an_absence_does_not_forget_that_the_address_was_missing() {
    for crm in [deleted(), Side::Missing] {
        let mut pair = crm_pair(lead(1));
        pair.crm = crm;
        let mut told_by_state = pair.clone();
        told_by_state.link.state = LinkState::Skipped(SkipReason::NoEmail);
        pair.link.lacked_email = true;
        for pair in [pair, told_by_state] {
            let decision = ampsea().decide(&pair);
            assert!(settled(&pair, &decision, at(60)).link.lacked_email);
        }
    }
}

#[test]
fn m1_a_prospect_that_was_switched_off_is_not_moved() {
    let mut pair = lead_deleted(pair());
    pair.prospect = Side::Present(prospect(1).showing(NativeCrmId::Ignore));
    assert_skipped(&ampsea().decide(&pair), SkipReason::SyncDisabled);
}

#[test]
fn r55_a_prospect_that_was_restored_while_its_record_is_deleted_does_not_sync() {
    let mut world = ampsea();
    world.config.account_engagement.stale_reads_seconds = 60;
    let restored = marked(done(&world, &lead_deleted(pair())));
    let decision = decide_by("R55", &world, &restored);
    assert_skipped(&decision, SkipReason::CrmDeleted);
    // Once the record is back too, the pair is one again; within a minute of our move it may be an old
    // read that shows the prospect (K4).
    let mut back = restored;
    back.crm = pair().crm;
    assert_eq!(world.decide(&back).outcome, Outcome::NotYet);
    world.now = at(60 + 62);
    assert!(matches!(
        world.decide(&back).outcome,
        Outcome::Update { .. }
    ));
    // And from the first write on: deleted once more, its prospect goes once more.
    let again = lead_deleted(begun(&world, &back));
    assert_eq!(world.decide(&again).outcome, retires(true, true));
}

#[test]
fn r56_a_deleted_prospect_leaves_the_record_as_it_is() {
    let world = ampsea();
    let gone = prospect_deleted(pair());
    let decision = decide_by("R56", &world, &gone);
    assert_skipped(&decision, SkipReason::ProspectDeleted);
    let link = settled(&gone, &decision, at(60)).link;
    assert_eq!(link.base, gone.link.base);
    // A change of the record does not bring it back, sending the record does.
    let changed = Pair { link, ..gone };
    assert_skipped(&world.decide(&changed), SkipReason::ProspectDeleted);
    let sent = changed.clone().because(Cause::SendNow);
    assert_eq!(world.decide(&sent).outcome, restores());
    // So does the person who takes it out of the bin.
    let back = Pair {
        prospect: pair().prospect,
        ..changed
    };
    assert!(matches!(
        world.decide(&back).outcome,
        Outcome::Update { .. }
    ));
}

#[test]
fn r56_a_prospect_deleted_before_the_link_knew_of_it_is_not_created_again() {
    let world = ampsea();
    let mut gone = prospect(1).email("ann@x.test").carrying(pair().link.key);
    gone.is_deleted = true;
    let mut pair = pair()
        .intending(IntentKind::CreateProspect)
        .prospect_hits([gone]);
    pair.link.prospect_id = None;
    pair.prospect = Side::Unlinked;
    assert_skipped(&world.decide(&pair), SkipReason::ProspectDeleted);
    assert_eq!(
        world.decide(&pair.because(Cause::SendNow)).outcome,
        restores()
    );
}

#[test]
fn r57_a_purged_prospect_is_held_while_its_record_lives() {
    let mut pair = pair();
    pair.prospect = Side::Missing;
    let decision = decide_by("R57", &ampsea(), &pair);
    assert_eq!(decision.outcome, Outcome::Hold(HoldReason::ProspectPurged));
    pair.crm = Side::Missing;
    assert_skipped(&ampsea().decide(&pair), SkipReason::ProspectDeleted);
}

#[test]
fn r56_a_prospect_deleted_while_its_lead_was_created_waits_for_either_to_come_back() {
    let world = ampsea();
    let mut open = prospect_pair(prospect(1)).intending(IntentKind::CreateCrm);
    open.prospect = deleted();
    let mut gone = lead(1);
    gone.is_deleted = true;
    let created = open.clone().crm_with_key([gone]);
    let decision = world.decide(&created);
    assert_skipped(&decision, SkipReason::CrmDeleted);
    assert!(settled(&created, &decision, at(60)).link.intent.is_some());
    let purged = Pair {
        prospect: Side::Missing,
        ..created
    };
    assert_skipped(&world.decide(&purged), SkipReason::CrmDeleted);
    let none = open.crm_with_key([]);
    let decision = world.decide(&none);
    assert_skipped(&decision, SkipReason::DeletedUnlinked);
    assert_eq!(settled(&none, &decision, at(60)).link.intent, None);
}

#[test]
fn n8_a_recycled_prospect_with_the_address_is_nobodys_match() {
    let mut recycled = prospect(2).email("ann@x.test");
    recycled.is_deleted = true;
    let pair = crm_pair(lead(1).email("ann@x.test")).prospect_hits([recycled]);
    let world = World::new(config().ampsea().match_by_email());
    assert!(matches!(
        world.decide(&pair).outcome,
        Outcome::CreateProspect { .. }
    ));
}

#[test]
fn an_intent_that_only_moved_the_prospect_leaves_nothing_behind() {
    let moved = begun(&ampsea(), &lead_deleted(pair())).link.intent.unwrap();
    assert_eq!(moved.lifecycle, Some(Lifecycle::Retire));
    assert_eq!(moved.without_lifecycle(), None);
}

/// Seed 38352: the worker died between the writes of a match and their commit.
#[test]
fn r52_a_record_that_is_deleted_before_its_match_was_committed_is_not_created_again() {
    let mut world = ampsea();
    world.config.settings.match_by_email = true;
    let ann = lead(1).email("ann@x.test");
    let matched = prospect_pair(prospect(1).email("ann@x.test").assigned(1)).crm_hits([ann]);
    let begun = begun(&world, &matched);
    let known = (begun.link.crm_id.clone(), begun.link.prospect_id);
    assert_eq!(known, (Some(lead_id(1)), Some(prospect_id(1))));
    let mut gone = lead_deleted(begun);
    gone.crm_by_email = Candidates::NotRead;
    assert_eq!(world.decide(&gone).outcome, retires(true, true));
}

/// Seed 82124: the hint that caught the pair up named the prospect only.
#[test]
fn r53_a_created_record_that_came_back_is_found_by_its_key_from_its_recycled_prospect() {
    let world = ampsea();
    let ann = prospect(1).email("ann@x.test").assigned(1);
    let mut gone = lead(1).email("ann@x.test");
    gone.is_deleted = true;
    let created = begun(&world, &prospect_pair(ann));
    let retiring = begun(&world, &created.clone().crm_with_key([gone]));
    let mut back = prospect_deleted(retiring);
    back.crm_by_key = Candidates::NotRead;
    let by_key = vec![ReadMore::CrmByKey(back.link.key.clone())];
    assert_eq!(world.decide(&back).outcome, Outcome::ReadMore(by_key));
    let found = back.crm_with_key([lead(1).email("ann@x.test")]);
    assert_eq!(world.decide(&found).outcome, restores());
}

/// Seed 406248: the reply to the retirement was lost, so only the intent knew of it.
#[test]
fn r53_a_restore_that_was_refused_is_tried_again() {
    let world = ampsea();
    let mut back = prospect_deleted(begun(&world, &lead_deleted(pair())));
    back.crm = pair().crm;
    assert_eq!(world.decide(&refused(&world, back)).outcome, restores());
}

/// Cached seed 750201: the reply to the restore was lost, and then the record was deleted again.
#[test]
fn r52_a_retirement_after_a_restore_that_was_refused_is_tried_again() {
    let world = ampsea();
    let mut back = prospect_deleted(done(&world, &lead_deleted(pair())));
    back.crm = pair().crm;
    let mut restored = lead_deleted(begun(&world, &back));
    restored.prospect = pair().prospect;
    let retires = world.decide(&restored).outcome;
    assert!(matches!(retires, Outcome::Retire { .. }));
    assert_eq!(world.decide(&refused(&world, restored)).outcome, retires);
}

/// The pair after its move was begun and refused for now.
fn refused(world: &World, pair: Pair) -> Pair {
    let refused = WriteResults {
        prospect: WriteResult::Failed(WriteFailure {
            service: sync_core::coerce::Service::AccountEngagement,
            class: sync_core::error::ErrorClass::Throttled,
            code: "66".to_owned(),
            fields: Vec::new(),
            message: "too many calls".to_owned(),
            may_have_landed: false,
        }),
        ..WriteResults::default()
    };
    let begun = begun(world, &pair);
    let settlement = settle(&begun.link, &world.decide(&pair), &refused, at(60));
    Pair {
        link: settlement.link,
        ..pair
    }
}

/// Cached seed 58051: what had been synced a moment ago was not seen, and looked like an edit back.
#[test]
fn k4_a_read_older_than_one_a_decision_was_stored_on_is_nobodys_edit() {
    let mut world = ampsea();
    world.config.account_engagement.stale_reads_seconds = 60;
    let mut edited = pair();
    edited.prospect = Side::Present(
        prospect(1)
            .email("ann@x.test")
            .carrying(edited.link.key.clone())
            .value(TITLE, "CTO")
            .updated(at(0)),
    );
    edited.link.see(edited.prospect.present(), at(1));
    let mut old = edited.clone();
    old.prospect = Side::Present(
        prospect(1)
            .email("ann@x.test")
            .carrying(old.link.key.clone())
            .value(TITLE, "CEO")
            .updated(at(-10)),
    );
    world.now = at(30);
    assert_eq!(world.decide(&old).outcome, Outcome::NotYet);
    assert!(matches!(
        world.decide(&edited).outcome,
        Outcome::Update { .. }
    ));
    world.now = at(90);
    assert_ne!(world.decide(&old).outcome, Outcome::NotYet);
}

/// Cached seed 3828341: two edits in one second have one stamp, and a read may show the first.
#[test]
fn k4_another_content_with_the_stamp_of_the_one_that_was_seen_is_nobodys_edit_yet() {
    let mut world = ampsea();
    world.config.account_engagement.stale_reads_seconds = 60;
    let showing = |title: &str| {
        let read = prospect(1).email("ann@x.test").carrying(pair().link.key);
        Side::Present(read.value(TITLE, title).updated(at(0)))
    };
    let mut seen = pair();
    seen.prospect = showing("CTO");
    seen.link.see(seen.prospect.present(), at(1));
    let other = Pair {
        prospect: showing("CEO"),
        ..seen.clone()
    };
    world.now = at(62);
    assert_ne!(world.decide(&seen).outcome, Outcome::NotYet);
    assert_eq!(world.decide(&other).outcome, Outcome::NotYet);
    world.now = at(63);
    assert_ne!(world.decide(&other).outcome, Outcome::NotYet);
    // Seeds 3511127 and 4787: it was read right before the write, which then was not sent. Either may be the later one.
    let mut again = other;
    again.link.see(again.prospect.present(), at(30));
    again.link.see(seen.prospect.present(), at(40));
    let before = Pair {
        prospect: seen.prospect,
        ..again.clone()
    };
    for (seconds, is_believed) in [(30 + 61, false), (30 + 62, true)] {
        world.now = at(seconds);
        for read in [&again, &before] {
            assert_eq!(
                world.decide(read).outcome != Outcome::NotYet,
                is_believed,
                "{seconds}"
            );
        }
    }
    // What has a later stamp comes after both.
    let mut later = again;
    let read = prospect(1).email("ann@x.test").value(TITLE, "CIO");
    later.prospect = Side::Present(read.carrying(pair().link.key).updated(at(1)));
    world.now = at(30);
    assert_ne!(world.decide(&later).outcome, Outcome::NotYet);
}

/// The adapter looks once more before it restores, and an older read would show the prospect alive.
#[test]
fn k4_nothing_is_restored_while_a_read_can_be_older_than_its_retirement() {
    let mut world = ampsea();
    let mut back = prospect_deleted(done(&world, &lead_deleted(pair())));
    back.crm = pair().crm;
    world.config.account_engagement.stale_reads_seconds = 60;
    assert_eq!(world.decide(&back).outcome, Outcome::NotYet);
    world.now = at(60 + 62);
    assert_eq!(world.decide(&back).outcome, restores());
}

/// A write that was begun after the record came back says that it is there.
#[test]
fn r52_a_record_that_was_deleted_again_is_known_to_be() {
    let mut world = ampsea();
    let retired = done(&world, &lead_deleted(pair()));
    let mut back = retired.clone();
    back.crm = Side::Present(lead(1).email("ann@x.test").value(TITLE, "CTO"));
    let begun = begun(&world, &back);
    assert!(!begun.link.is_crm_deleted && begun.link.state == tombstone());
    let gone = lead_deleted(prospect_deleted(begun));
    let decision = world.decide(&gone);
    assert_skipped(&decision, SkipReason::CrmDeleted);
    let link = settled(&gone, &decision, at(120)).link;
    assert!(link.is_crm_deleted);
    // R56: it brings its prospect along when it comes back once more.
    let mut back = Pair { link, ..gone };
    back.crm = pair().crm;
    world.now = at(120);
    assert_eq!(world.decide(&back).outcome, restores());
}
