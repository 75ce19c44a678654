//! Settling: what is stored after the writes, and what the queue and the error table are told.

use sync_core::coerce::Service;
use sync_core::decision::{Decision, HoldReason, Outcome, Problem, SkipReason};
use sync_core::error::{ErrorClass, Verdict};
use sync_core::ids::{CrmId, ProspectId};
use sync_core::link::{IntentKind, Link, LinkState};
use sync_core::pair::Pair;
use sync_core::record::{Side, Values};
use sync_core::settle::{ErrorChange, Settlement, WriteFailure, WriteResult, WriteResults, settle};
use sync_core::testing::{
    World, at, config, crm_pair, lead, lead_id, linked, prospect, prospect_id, prospect_pair, text,
};
use sync_core::trace::Trace;
use sync_core::value::FieldName;

use crate::assert_skipped;

const CLASSES: [ErrorClass; 10] = [
    ErrorClass::Transient,
    ErrorClass::Throttled,
    ErrorClass::Stale,
    ErrorClass::LinkRepair,
    ErrorClass::Record,
    ErrorClass::Schema,
    ErrorClass::Config,
    ErrorClass::Auth,
    ErrorClass::Quota,
    ErrorClass::Unclassified,
];

fn failure(class: ErrorClass) -> WriteFailure {
    WriteFailure {
        service: Service::Salesforce,
        class,
        code: "CODE".to_owned(),
        fields: vec!["Title".to_owned()],
        message: "what is wrong".to_owned(),
        may_have_landed: false,
    }
}

fn unknown() -> WriteFailure {
    WriteFailure {
        may_have_landed: true,
        ..failure(ErrorClass::Transient)
    }
}

fn results(crm: WriteResult<CrmId>, prospect: WriteResult<ProspectId>) -> WriteResults {
    WriteResults {
        crm,
        prospect,
        is_marked: false,
    }
}

fn written() -> WriteResults {
    results(
        WriteResult::Written(lead_id(1)),
        WriteResult::Written(prospect_id(1)),
    )
}

/// A linked pair in which `firstName` goes to the prospect and `jobTitle` to Salesforce, with an
/// intent and a lease in the row.
fn both_ways() -> (Pair, Decision) {
    let crm = lead(1)
        .value("firstName", "Ann")
        .value("jobTitle", "CEO")
        .value("lastName", "Lee");
    let prospect = prospect(1)
        .value("firstName", "Anna")
        .value("jobTitle", "CTO");
    let pair = linked(crm, prospect.value("lastName", "Lee"))
        .base("firstName", text("Anna"))
        .base("jobTitle", text("CEO"));
    let decision = World::new(config()).decide(&pair);
    (
        pair.intending(IntentKind::Update).leased_until(at(90)),
        decision,
    )
}

fn base_of(settlement: &Settlement, field: &str) -> Option<String> {
    settlement
        .link
        .base
        .get(&FieldName::from(field))
        .map(ToString::to_string)
}

fn outcome(outcome: Outcome) -> Decision {
    Decision {
        outcome,
        trace: Trace::default(),
        merged: Values::new(),
        agreed: Values::new(),
        config_version: 0,
    }
}

fn row() -> Link {
    prospect_pair(prospect(1)).link
}

#[test]
fn success_links_the_pair_and_stores_the_base() {
    let (pair, decision) = both_ways();
    let settled = settle(&pair.link, &decision, &written(), at(60));
    assert_eq!(settled.link.state, LinkState::Linked);
    assert_eq!(settled.link.base, decision.merged);
    assert_eq!(
        (settled.link.intent.clone(), settled.link.lease_until),
        (None, None)
    );
    assert_eq!(settled.link.synced_at, Some(at(60)));
    assert_eq!(settled.link.last_trace, Some(decision.trace));
    assert_eq!(
        settled.link.version, pair.link.version,
        "the store counts, not the core"
    );
    assert_eq!((settled.error, settled.verdict), (ErrorChange::None, None));
}

#[test]
fn after_half_a_write_the_intent_tells_what_each_side_holds() {
    let (pair, decision) = both_ways();
    let half = results(
        WriteResult::Written(lead_id(1)),
        WriteResult::Failed(failure(ErrorClass::Transient)),
    );
    let settled = settle(&pair.link, &decision, &half, at(60));
    assert_eq!(settled.link.base, pair.link.base);
    assert_eq!(settled.link.intent, pair.link.intent);
    assert_eq!(settled.verdict, Some(Verdict::Retry));
    assert_eq!(settled.link.synced_at, None);
}

#[test]
fn when_salesforce_fails_first_no_base_moves_on() {
    let (pair, decision) = both_ways();
    let none = results(
        WriteResult::Failed(failure(ErrorClass::Record)),
        WriteResult::NotTried,
    );
    let settled = settle(&pair.link, &decision, &none, at(60));
    assert_eq!(base_of(&settled, "jobTitle"), Some("\"CEO\"".to_owned()));
    assert_eq!(base_of(&settled, "firstName"), Some("\"Anna\"".to_owned()));
}

#[test]
fn a_field_without_base_has_none_after_a_failed_write_either() {
    let pair = linked(lead(1).value("firstName", "Ann"), prospect(1));
    let decision = World::new(config()).decide(&pair);
    let failed = results(
        WriteResult::NotNeeded,
        WriteResult::Failed(failure(ErrorClass::Transient)),
    );
    let settled = settle(&pair.link, &decision, &failed, at(60));
    assert_eq!(base_of(&settled, "firstName"), None);
}

#[test]
fn after_a_partial_failure_the_rest_is_decided_the_same_way() {
    let (pair, decision) = both_ways();
    let half = results(
        WriteResult::Written(lead_id(1)),
        WriteResult::Failed(failure(ErrorClass::Transient)),
    );
    let mut again = pair.clone();
    again.link = settle(&pair.link, &decision, &half, at(60)).link;
    again.crm = Side::Present(
        lead(1)
            .value("firstName", "Ann")
            .value("jobTitle", "CTO")
            .value("lastName", "Lee"),
    );
    let Outcome::Update {
        to_crm,
        to_prospect,
        ..
    } = World::new(config()).decide(&again).outcome
    else {
        panic!("expected an update");
    };
    assert!(to_crm.fields.is_empty());
    assert_eq!(to_prospect.fields.get("firstName"), Some(&text("Ann")));
}

/// Reliability 2.2, step 6: the key is there already, so the record is ours and is looked for by it.
#[test]
fn p6_a_create_whose_key_is_there_already_is_looked_up_by_it() {
    let world = World::new(config());
    let pair = prospect_pair(prospect(1).email("ann@x.test").assigned(1)).crm_hits([]);
    let decision = world.decide(&pair);
    assert!(matches!(decision.outcome, Outcome::CreateCrm { .. }));
    let begun = pair.intending(IntentKind::CreateCrm);
    for (class, is_open) in [(ErrorClass::LinkRepair, true), (ErrorClass::Record, false)] {
        let refused = results(WriteResult::Failed(failure(class)), WriteResult::NotNeeded);
        let settled = settle(&begun.link, &decision, &refused, at(60));
        assert_eq!(settled.link.intent.is_some(), is_open, "{class:?}");
        assert_eq!(settled.link.lease_until, None);
    }
}

/// Held, it would be caught up with every poll.
#[test]
fn a_held_pair_that_somebody_has_to_act_for_is_in_the_errors_and_not_held_any_more() {
    let (mut pair, decision) = both_ways();
    pair.link.state = LinkState::Held(HoldReason::Paused);
    let refused = results(
        WriteResult::Failed(failure(ErrorClass::Record)),
        WriteResult::NotTried,
    );
    let parked = outcome(Outcome::Park(Problem {
        class: ErrorClass::Record,
        code: "TYPE".to_owned(),
        fields: Vec::new(),
        message: "does not fit".to_owned(),
    }));
    let refused = settle(&pair.link, &decision, &refused, at(60));
    let parked = settle(&pair.link, &parked, &WriteResults::default(), at(60));
    for settled in [refused, parked] {
        assert_eq!(settled.link.state, LinkState::Linked);
        assert!(settled.link.has_open_error);
    }
}

#[test]
fn every_class_has_its_verdict() {
    let (pair, decision) = both_ways();
    for class in CLASSES {
        let failed = results(WriteResult::Failed(failure(class)), WriteResult::NotTried);
        let settled = settle(&pair.link, &decision, &failed, at(60));
        let (verdict, opens) = match class {
            ErrorClass::Record | ErrorClass::Schema | ErrorClass::Config => (None, true),
            ErrorClass::Quota => (Some(Verdict::StopLane), false),
            ErrorClass::Auth => (Some(Verdict::StopConnector), false),
            ErrorClass::Transient
            | ErrorClass::Throttled
            | ErrorClass::Stale
            | ErrorClass::LinkRepair
            | ErrorClass::Unclassified => (Some(Verdict::Retry), false),
        };
        assert_eq!(settled.verdict, verdict, "{class:?}");
        assert_eq!(
            matches!(settled.error, ErrorChange::Open(_)),
            opens,
            "{class:?}"
        );
        assert_eq!(settled.link.has_open_error, opens, "{class:?}");
        assert!(!class.owner().is_empty());
    }
}

#[test]
fn a_parked_failure_opens_an_error_row() {
    let (pair, decision) = both_ways();
    let failed = results(
        WriteResult::Failed(failure(ErrorClass::Record)),
        WriteResult::NotTried,
    );
    let settled = settle(&pair.link, &decision, &failed, at(60));
    let ErrorChange::Open(row) = settled.error else {
        panic!("no row")
    };
    assert_eq!(
        (row.crm_id, row.prospect_id),
        (Some(lead_id(1)), Some(prospect_id(1)))
    );
    assert_eq!(
        (row.first_seen, row.attempts, row.closed_at),
        (at(60), 1, None)
    );
    assert_eq!(row.owner, "marketing operations");
}

#[test]
fn errors_with_one_cause_share_a_group() {
    let (pair, decision) = both_ways();
    let failed = results(
        WriteResult::Failed(failure(ErrorClass::Record)),
        WriteResult::NotTried,
    );
    let ErrorChange::Open(row) = settle(&pair.link, &decision, &failed, at(60)).error else {
        panic!("no row")
    };
    assert_eq!(row.group(), "CODE:Title");
}

#[test]
fn success_closes_the_error_row() {
    let (mut pair, decision) = both_ways();
    pair.link.has_open_error = true;
    let settled = settle(&pair.link, &decision, &written(), at(60));
    assert_eq!(settled.error, ErrorChange::Close);
    assert!(!settled.link.has_open_error);
}

#[test]
fn a_pair_with_an_open_error_that_is_in_step_is_not_nothing() {
    let mut pair = linked(lead(1), prospect(1));
    let world = World::new(config());
    pair = world.written(&pair, &world.decide(&pair));
    assert_eq!(world.decide(&pair).outcome, Outcome::Nothing);
    pair.link.has_open_error = true;
    let decision = world.decide(&pair);
    let settled = settle(&pair.link, &decision, &WriteResults::default(), at(60));
    assert_eq!(settled.error, ErrorChange::Close);
}

#[test]
fn an_open_error_goes_with_the_record_it_was_about() {
    let mut pair = prospect_pair(prospect(1)).in_state(LinkState::Pending);
    pair.link.has_open_error = true;
    pair.prospect = Side::Deleted { merged_into: None };
    let decision = World::new(config()).decide(&pair);
    assert_skipped(&decision, SkipReason::DeletedUnlinked);
    let settled = settle(&pair.link, &decision, &WriteResults::default(), at(60));
    assert_eq!(settled.error, ErrorChange::Close);
    assert!(!settled.link.has_open_error);
}

#[test]
fn a_problem_found_before_writing_opens_an_error_row() {
    let problem = Problem {
        code: "ACCESS".to_owned(),
        class: ErrorClass::Schema,
        fields: vec![FieldName::from("score")],
        message: "no number".to_owned(),
    };
    let settled = settle(
        &row(),
        &outcome(Outcome::Park(problem)),
        &WriteResults::default(),
        at(60),
    );
    let ErrorChange::Open(opened) = settled.error else {
        panic!("no row")
    };
    assert_eq!(
        (opened.code.as_str(), opened.fields.as_slice()),
        ("ACCESS", &["score".to_owned()][..])
    );
    assert_eq!(opened.owner, "Salesforce admin");
    assert_eq!(settled.verdict, None, "parked, not retried");
}

#[test]
fn an_unknown_outcome_keeps_lease_and_intent() {
    let (pair, decision) = both_ways();
    for unknown_side in [
        results(WriteResult::Failed(unknown()), WriteResult::NotTried),
        results(
            WriteResult::Written(lead_id(1)),
            WriteResult::Failed(unknown()),
        ),
        results(
            WriteResult::Failed(failure(ErrorClass::Record)),
            WriteResult::Failed(unknown()),
        ),
    ] {
        let settled = settle(&pair.link, &decision, &unknown_side, at(60));
        assert_eq!(settled.link.lease_until, Some(at(90)));
        assert_eq!(settled.link.intent, pair.link.intent);
        assert_eq!(settled.verdict, Some(Verdict::Retry));
    }
}

#[test]
fn a_known_failure_gives_the_lease_back_and_a_create_its_intent() {
    let (pair, decision) = both_ways();
    let failed = results(
        WriteResult::Failed(failure(ErrorClass::Stale)),
        WriteResult::NotTried,
    );
    let settled = settle(&pair.link, &decision, &failed, at(60));
    assert_eq!(settled.link.lease_until, None);
    assert_eq!(settled.link.intent, pair.link.intent);
    let pair = prospect_pair(prospect(1).email("a@x").assigned(1));
    let pair = pair.crm_hits([]).intending(IntentKind::CreateCrm);
    let decision = World::new(config()).decide(&pair.clone().crm_with_key([]));
    let failed = results(
        WriteResult::Failed(failure(ErrorClass::Record)),
        WriteResult::NotNeeded,
    );
    assert_eq!(
        settle(&pair.link, &decision, &failed, at(60)).link.intent,
        None
    );
}

#[test]
fn when_both_sides_fail_nothing_that_can_be_retried_is_given_up() {
    let (pair, decision) = both_ways();
    let failed = results(
        WriteResult::Failed(failure(ErrorClass::Record)),
        WriteResult::Failed(failure(ErrorClass::Transient)),
    );
    let settled = settle(&pair.link, &decision, &failed, at(60));
    assert_eq!(settled.verdict, Some(Verdict::Retry));
    assert!(matches!(settled.error, ErrorChange::Open(_)));
}

#[test]
fn a_create_stores_the_new_id() {
    let world = World::new(config());
    let pair = prospect_pair(prospect(1).email("a@x").assigned(1)).intending(IntentKind::CreateCrm);
    let pair = pair.crm_with_key([]);
    let created = results(WriteResult::Written(lead_id(9)), WriteResult::NotNeeded);
    let settled = settle(&pair.link, &world.decide(&pair), &created, at(60));
    assert_eq!(settled.link.crm_id, Some(lead_id(9)));
    assert_eq!(
        (settled.link.state, settled.link.intent),
        (LinkState::Linked, None)
    );
    let pair = crm_pair(lead(1).email("a@x"));
    let created = results(WriteResult::NotNeeded, WriteResult::Written(prospect_id(9)));
    let settled = settle(&pair.link, &world.decide(&pair), &created, at(60));
    assert_eq!(settled.link.prospect_id, Some(prospect_id(9)));
}

#[test]
fn a_failed_create_links_nothing() {
    let pair = prospect_pair(prospect(1).email("a@x").assigned(1)).leased_until(at(50));
    let decision = World::new(config()).decide(&pair);
    let failed = results(WriteResult::Failed(unknown()), WriteResult::NotNeeded);
    let settled = settle(&pair.link, &decision, &failed, at(60));
    assert_eq!(
        (settled.link.crm_id, settled.link.state),
        (None, LinkState::Pending)
    );
    assert!(settled.link.base.is_empty());
}

#[test]
fn a_create_without_any_answer_comes_again() {
    let pair = prospect_pair(prospect(1).email("a@x").assigned(1)).leased_until(at(50));
    let decision = World::new(config()).decide(&pair);
    let settled = settle(&pair.link, &decision, &WriteResults::default(), at(60));
    assert_eq!(
        (&settled.link, settled.verdict),
        (&pair.link, Some(Verdict::Retry))
    );
}

#[test]
fn a_skip_is_stored_once() {
    let decision = outcome(Outcome::Skip(SkipReason::UnassignedNoMatch));
    let first = settle(&row(), &decision, &WriteResults::default(), at(60));
    assert_eq!(
        first.link.state,
        LinkState::Skipped(SkipReason::UnassignedNoMatch)
    );
    let stored = Link {
        version: 1,
        ..first.link
    };
    let second = settle(&stored, &decision, &WriteResults::default(), at(99));
    assert_eq!(second.link, stored);
    let other = outcome(Outcome::Skip(SkipReason::NoEmail));
    assert_ne!(
        settle(&stored, &other, &WriteResults::default(), at(99)).link,
        stored
    );
}

#[test]
fn a_hold_is_stored_once() {
    let decision = outcome(Outcome::Hold(HoldReason::Paused));
    let first = settle(&row(), &decision, &WriteResults::default(), at(60));
    let stored = Link {
        version: 1,
        ..first.link
    };
    assert_eq!(
        settle(&stored, &decision, &WriteResults::default(), at(99)).link,
        stored
    );
}

#[test]
fn a_skip_closes_an_open_error_and_a_hold_does_not() {
    let row = Link {
        has_open_error: true,
        version: 1,
        ..row()
    };
    let skip = outcome(Outcome::Skip(SkipReason::SyncDisabled));
    let settled = settle(&row, &skip, &WriteResults::default(), at(60));
    assert_eq!(settled.error, ErrorChange::Close);
    assert!(!settled.link.has_open_error);
    let hold = outcome(Outcome::Hold(HoldReason::Paused));
    let settled = settle(&row, &hold, &WriteResults::default(), at(60));
    assert_eq!(settled.error, ErrorChange::None);
    assert!(settled.link.has_open_error);
}

#[test]
fn a_hold_or_skip_does_not_forget_a_create_that_may_have_landed() {
    for decision in [
        outcome(Outcome::Hold(HoldReason::Paused)),
        outcome(Outcome::Skip(SkipReason::NoEmail)),
    ] {
        let pair = crm_pair(lead(1)).intending(IntentKind::CreateProspect);
        let settled = settle(&pair.link, &decision, &WriteResults::default(), at(60));
        assert_eq!(settled.link.intent, pair.link.intent);
        let stored = Link {
            version: 1,
            ..settled.link
        };
        assert_eq!(
            settle(&stored, &decision, &WriteResults::default(), at(99)).link,
            stored
        );
    }
}

/// Also when the row says so already: it does once the skip was stored with the create still open.
#[test]
fn n9_a_skip_that_knows_that_a_create_did_not_land_ends_it() {
    for reason in [
        SkipReason::UnassignedNoMatch,
        SkipReason::AutoCreateOff,
        SkipReason::CreatedBeforeSetting,
        SkipReason::ProspectTaken,
        SkipReason::DeletedUnlinked,
        SkipReason::NotVisible,
    ] {
        let mut pair = crm_pair(lead(1)).intending(IntentKind::CreateProspect);
        pair.link.version = 1;
        for state in [LinkState::Pending, LinkState::Skipped(reason)] {
            pair.link.state = state;
            let skip = outcome(Outcome::Skip(reason));
            let settled = settle(&pair.link, &skip, &WriteResults::default(), at(60));
            assert_eq!(settled.link.intent, None, "{reason:?}");
            assert!(!settled.link.is_creating());
        }
    }
}

/// Whoever finds the record would wait for ever.
#[test]
fn r17_a_create_that_rests_with_a_skip_is_not_waited_for() {
    let mut pair = crm_pair(lead(1)).intending(IntentKind::CreateProspect);
    pair.link.lease_until = Some(at(99));
    assert!(pair.link.is_creating());
    let skip = outcome(Outcome::Skip(SkipReason::NoEmail));
    let settled = settle(&pair.link, &skip, &WriteResults::default(), at(60));
    assert!(settled.link.intent.is_some());
    assert!(!settled.link.is_creating());
}

#[test]
fn reading_more_and_waiting_change_nothing_and_come_again() {
    for decision in [
        outcome(Outcome::ReadMore(Vec::new())),
        outcome(Outcome::NotYet),
    ] {
        let row = Link {
            lease_until: Some(at(99)),
            ..row()
        };
        let settled = settle(&row, &decision, &WriteResults::default(), at(60));
        assert_eq!((settled.link, settled.verdict), (row, Some(Verdict::Retry)));
    }
}

#[test]
fn nothing_is_acknowledged_and_not_stored() {
    let settled = settle(
        &row(),
        &outcome(Outcome::Nothing),
        &WriteResults::default(),
        at(60),
    );
    assert_eq!((settled.link, settled.verdict), (row(), None));
}
