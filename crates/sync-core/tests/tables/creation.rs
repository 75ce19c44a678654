//! Table C, R8, and the rules about creating, owners and the first values of a new record.

use sync_core::coerce::Service;
use sync_core::config::{ConnectorState, Direction};
use sync_core::decide::decide_unread;
use sync_core::decision::{CrmFields, HoldReason, Outcome, ProspectFields, SkipReason};
use sync_core::hint::Cause;
use sync_core::ids::CrmObject;
use sync_core::key::{PairKey, RecordRef};
use sync_core::link::LinkState;
use sync_core::quota::UsedUp;
use sync_core::record::{ProspectRecord, ShownCrmId, Side};
use sync_core::settle::{WriteResults, settle};
use sync_core::testing::{
    World, at, config, contact, crm_pair, field, lead, lead_id, linked, prospect, prospect_id,
    prospect_pair, text, user,
};
use sync_core::value::{FieldName, FieldValue};

use crate::{assert_creates_lead, assert_creates_prospect, assert_skipped, decide_by, linked_ids};

fn world() -> World {
    World::new(config())
}

fn ann() -> ProspectRecord {
    prospect(1).email("ann@x.test").assigned(1)
}

fn new_lead(world: &World, prospect: ProspectRecord) -> (CrmObject, CrmFields) {
    match world.decide(&prospect_pair(prospect)).outcome {
        Outcome::CreateCrm { object, fields } => (object, fields),
        other => panic!("expected a create, got {other:?}"),
    }
}

fn new_prospect(world: &World, crm: sync_core::record::CrmRecord) -> ProspectFields {
    match world.decide(&crm_pair(crm)).outcome {
        Outcome::CreateProspect { fields } => fields,
        other => panic!("expected a create, got {other:?}"),
    }
}

fn all_causes() -> [Cause; 6] {
    [
        Cause::Poll,
        Cause::Deleted,
        Cause::SyncNow,
        Cause::SendNow,
        Cause::CaughtUp,
        Cause::Reconcile,
    ]
}

/// Manual syncs too: nobody calls. R7 and R8 say more than a lack of calls and go first.
#[test]
fn k5_without_calls_everything_is_held_until_they_are_renewed() {
    let mut world = world();
    for (service, rule) in [
        (Service::Salesforce, "A2"),
        (Service::AccountEngagement, "K5"),
    ] {
        let until = at(61);
        world.connector.used_up = Some(UsedUp { service, until });
        for cause in all_causes() {
            let decision = decide_by(rule, &world, &prospect_pair(ann()).because(cause));
            assert_eq!(decision.outcome, Outcome::Hold(HoldReason::QuotaUsedUp));
        }
    }
    let paused = world.state(ConnectorState::Paused);
    let decision = decide_by("C2", &paused, &prospect_pair(ann()));
    assert_eq!(decision.outcome, Outcome::Hold(HoldReason::Paused));
    // It closes by itself.
    let mut world = paused.state(ConnectorState::Active);
    world.now = at(61);
    new_lead(&world, ann());
}

#[test]
fn c1_r7_without_log_in_everything_is_held() {
    let world = world().state(ConnectorState::AuthFailed("refused".to_owned()));
    for cause in all_causes() {
        let decision = decide_by("C1", &world, &prospect_pair(ann()).because(cause));
        assert_eq!(decision.outcome, Outcome::Hold(HoldReason::AuthFailed));
    }
}

#[test]
fn c2_r8a_a_paused_connector_holds_automatic_syncs() {
    let world = world().state(ConnectorState::Paused);
    for cause in all_causes().into_iter().filter(|cause| !cause.is_manual()) {
        let decision = decide_by("C2", &world, &prospect_pair(ann()).because(cause));
        assert_eq!(decision.outcome, Outcome::Hold(HoldReason::Paused));
        let decision = decide_by("C2", &world, &crm_pair(lead(1)).because(cause));
        assert_eq!(decision.outcome, Outcome::Hold(HoldReason::Paused));
    }
}

#[test]
fn c2_is_decided_before_anything_is_read() {
    let paused = world().state(ConnectorState::Paused);
    let pair = prospect_pair(ann());
    let decision = decide_unread(&pair, &paused.config, &paused.connector, paused.now).unwrap();
    assert_eq!(decision.outcome, Outcome::Hold(HoldReason::Paused));
    let active = world();
    assert!(decide_unread(&pair, &active.config, &active.connector, active.now).is_none());
}

#[test]
fn r8c_a_paused_connector_carries_out_manual_syncs() {
    let world = world().state(ConnectorState::Paused);
    let decision = decide_by("R8", &world, &prospect_pair(ann()).because(Cause::SyncNow));
    assert_creates_lead(&decision);
    let crm = crm_pair(lead(1).email("ann@x.test")).because(Cause::SendNow);
    assert_creates_prospect(&decide_by("R8", &world, &crm));
}

#[test]
fn r8d_what_was_held_is_synced_after_activation() {
    let changed = linked(lead(1).value("firstName", "Ann"), prospect(1));
    let held = changed
        .in_state(LinkState::Held(HoldReason::Paused))
        .because(Cause::CaughtUp);
    let decision = world().decide(&held);
    assert_eq!(linked_ids(&decision).1, 1);
}

#[test]
fn r8d_a_held_pair_that_is_in_step_becomes_linked_again() {
    let held = linked(lead(1), prospect(1)).in_state(LinkState::Held(HoldReason::Paused));
    let decision = world().decide(&held);
    let next = settle(&held.link, &decision, &WriteResults::default(), at(60));
    assert_eq!(next.link.state, LinkState::Linked);
}

#[test]
fn c4_a_prospect_without_address_is_skipped() {
    let no_address = prospect(1).assigned(1);
    let decision = decide_by("C4", &world(), &prospect_pair(no_address.clone()));
    assert_skipped(&decision, SkipReason::NoEmail);
    let by_email = World::new(config().match_by_email());
    assert_skipped(
        &by_email.decide(&prospect_pair(no_address)),
        SkipReason::NoEmail,
    );
}

#[test]
fn c4_a_linked_prospect_without_address_is_still_updated() {
    let pair = linked(lead(1).value("firstName", "Ann"), prospect(1));
    assert_eq!(linked_ids(&world().decide(&pair)).1, 1);
}

#[test]
fn c5_r41_an_unassigned_prospect_with_match_is_updated() {
    let pair = linked(
        lead(1),
        prospect(1).email("ann@x.test").value("firstName", "Ann"),
    );
    let Outcome::Update { to_crm, .. } = world().decide(&pair).outcome else {
        panic!()
    };
    assert_eq!(to_crm.fields.get("FirstName"), Some(&text("Ann")));
}

#[test]
fn c6_r40_an_assigned_prospect_without_match_becomes_a_lead() {
    assert_creates_lead(&decide_by("C6", &world(), &prospect_pair(ann())));
}

#[test]
fn c7_r41_unassigned_without_match_is_skipped() {
    let pair = prospect_pair(prospect(1).email("ann@x.test"));
    assert_skipped(
        &decide_by("C7", &world(), &pair),
        SkipReason::UnassignedNoMatch,
    );
}

#[test]
fn c7_an_unreadable_value_of_a_prospect_that_does_not_sync_is_no_error() {
    let pair = prospect_pair(prospect(1).email("ann@x.test").not_readable("score"));
    assert_skipped(&world().decide(&pair), SkipReason::UnassignedNoMatch);
}

#[test]
fn c6_an_unreadable_value_stops_a_create() {
    let pair = prospect_pair(ann().not_readable("score"));
    assert!(matches!(world().decide(&pair).outcome, Outcome::Park(_)));
    let pair = crm_pair(lead(1).email("ann@x.test").not_readable("score"));
    assert!(matches!(world().decide(&pair).outcome, Outcome::Park(_)));
}

#[test]
fn c10_equal_sides_write_nothing() {
    let pair = linked(
        lead(1).value("firstName", "Ann"),
        prospect(1).value("firstName", "Ann"),
    );
    let first = world().decide(&pair);
    let settled = world().written(&pair, &first);
    let decision = decide_by("C10", &world(), &settled);
    assert_eq!(decision.outcome, Outcome::Nothing);
}

#[test]
fn c10_r114_the_first_look_at_equal_sides_stores_the_base_and_writes_nothing() {
    let pair = linked(
        lead(1).value("firstName", "Ann"),
        prospect(1).value("firstName", "Ann"),
    );
    let Outcome::Update {
        to_crm,
        to_prospect,
        ..
    } = world().decide(&pair).outcome
    else {
        panic!("expected an update");
    };
    assert!(to_crm.is_empty() && to_prospect.is_empty());
}

#[test]
fn r42_a_lead_is_created_by_default_and_r44_a_contact_on_request() {
    assert_eq!(new_lead(&world(), ann()).0, CrmObject::Lead);
    let reverse = World::new(config().create_as(CrmObject::Contact));
    let (object, fields) = new_lead(&reverse, ann().value("company", "Acme"));
    assert_eq!(object, CrmObject::Contact);
    assert!(
        !fields.fields.contains_key("Account.Name"),
        "a contact is created without account"
    );
    assert!(!fields.fields.contains_key("Company"));
}

#[test]
fn r45_a_new_prospect_gets_the_values_the_campaign_and_the_key() {
    let crm = lead(1)
        .email("ann@x.test")
        .value("firstName", "Ann")
        .value("company", "");
    let fields = new_prospect(&world(), crm.holding("score", FieldValue::Number(7.into())));
    assert_eq!(fields.fields.get("firstName"), Some(&text("Ann")));
    assert!(
        !fields.fields.contains_key("company"),
        "a blank is not sent"
    );
    assert!(
        !fields.fields.contains_key("score"),
        "the score travels the other way only"
    );
    assert_eq!(fields.campaign, Some(77));
    assert_eq!(fields.key, Some(PairKey::of(RecordRef::Crm(lead_id(1)))));
}

#[test]
fn r45_each_condition_of_automatic_creation_is_needed() {
    let good = || lead(1).email("ann@x.test");
    assert_creates_prospect(&world().decide(&crm_pair(good())));
    let off = world().creating_since(None);
    assert_skipped(&off.decide(&crm_pair(good())), SkipReason::AutoCreateOff);
    assert_skipped(&world().decide(&crm_pair(lead(1))), SkipReason::NoEmail);
    let old = crm_pair(good().created(at(-1_001)));
    assert_skipped(&world().decide(&old), SkipReason::CreatedBeforeSetting);
}

#[test]
fn r46_an_address_that_is_added_later_counts_as_creation() {
    let old = lead(1).created(at(-9_999));
    let without = crm_pair(old.clone());
    let skipped = settle(
        &without.link,
        &world().decide(&without),
        &WriteResults::default(),
        at(60),
    );
    let mut with = crm_pair(old.email("ann@x.test"));
    with.link = skipped.link;
    assert_creates_prospect(&world().decide(&with));
}

#[test]
fn r46_r8d_an_address_that_was_added_while_paused_counts_too() {
    let old = lead(1).created(at(-9_999));
    let without = crm_pair(old.clone());
    let nothing = WriteResults::default();
    let skipped = settle(&without.link, &world().decide(&without), &nothing, at(60));
    let mut with = crm_pair(old.email("ann@x.test"));
    with.link = skipped.link;
    let paused = world().state(ConnectorState::Paused);
    with.link = settle(&with.link, &paused.decide(&with), &nothing, at(61)).link;
    assert_eq!(with.link.state, LinkState::Held(HoldReason::Paused));
    assert_creates_prospect(&world().decide(&with.because(Cause::CaughtUp)));
}

#[test]
fn r46_c9_an_address_that_was_added_while_creating_was_off_does_not_count() {
    let old = lead(1).created(at(-9_999));
    let without = crm_pair(old.clone());
    let nothing = WriteResults::default();
    let off = world().creating_since(None);
    let mut with = crm_pair(old.email("ann@x.test"));
    with.link = settle(&without.link, &off.decide(&without), &nothing, at(60)).link;
    with.link = settle(&with.link, &off.decide(&with), &nothing, at(61)).link;
    assert_eq!(
        with.link.state,
        LinkState::Skipped(SkipReason::AutoCreateOff)
    );
    assert_skipped(&world().decide(&with), SkipReason::CreatedBeforeSetting);
}

#[test]
fn r47_send_to_account_engagement_creates_whatever_the_setting_says() {
    let record = lead(1).email("ann@x.test").created(at(-9_999));
    let pair = crm_pair(record).because(Cause::SendNow);
    assert_creates_prospect(&decide_by("R47", &world(), &pair));
    assert_creates_prospect(&decide_by("R47", &world().creating_since(None), &pair));
}

/// R54: it had another partner before, and carries that pair's key still.
#[test]
fn p1_a_key_of_another_pair_is_replaced_when_a_record_is_linked() {
    let other = PairKey::of(RecordRef::Prospect(prospect_id(9)));
    for origin in [
        RecordRef::Crm(lead_id(1)),
        RecordRef::Prospect(prospect_id(1)),
    ] {
        let mut pair = linked(lead(1).email("ann@x.test"), ann());
        pair.link.key = PairKey::of(origin);
        pair.crm = Side::Present(lead(1).carrying(other.clone()));
        pair.prospect = Side::Present(ann().carrying(other.clone()));
        let key = Some(pair.link.key.clone());
        match world().decide(&pair).outcome {
            Outcome::Update {
                to_crm,
                to_prospect,
                ..
            } => assert_eq!((to_crm.key, to_prospect.key), (key.clone(), key)),
            other => panic!("expected an update, got {other:?}"),
        }
    }
}

#[test]
fn the_field_that_shows_the_crm_id_is_kept_right() {
    let mut config = config();
    config.account_engagement.crm_id_field = Some("SF_Record_Id__c".to_owned());
    let world = World::new(config);
    let shown = |crm_id| {
        let mut prospect = ann().carrying(PairKey::of(RecordRef::Crm(lead_id(1))));
        prospect.shown_crm_id = crm_id;
        match world
            .decide(&linked(lead(1).email("ann@x.test"), prospect))
            .outcome
        {
            Outcome::Update { to_prospect, .. } => to_prospect.crm_id,
            other => panic!("expected an update, got {other:?}"),
        }
    };
    assert_eq!(shown(ShownCrmId::Nothing), Some(lead_id(1)));
    assert_eq!(shown(ShownCrmId::Record(lead_id(2))), Some(lead_id(1)));
    assert_eq!(shown(ShownCrmId::Record(lead_id(1))), None);
}

#[test]
fn r49_sync_with_crm_does_not_bypass_the_assignment() {
    let pair = prospect_pair(prospect(1).email("ann@x.test")).because(Cause::SyncNow);
    assert_skipped(&world().decide(&pair), SkipReason::UnassignedNoMatch);
}

#[test]
fn r92_a_new_lead_gets_all_mapped_values_that_are_not_blank() {
    let record = ann()
        .value("firstName", "Ann")
        .value("lastName", "Lee")
        .value("company", "")
        .value("unmapped", "x")
        .holding("optedOut", FieldValue::Boolean(false));
    let (_, fields) = new_lead(&world(), record);
    let expected = [
        ("Company", text("[[Unknown]]")),
        ("FirstName", text("Ann")),
        ("HasOptedOutOfEmail", FieldValue::Boolean(false)),
        ("LastName", text("Lee")),
    ];
    let written: Vec<_> = fields
        .fields
        .iter()
        .map(|(n, v)| (n.as_str(), v.clone()))
        .collect();
    assert_eq!(written, expected);
}

#[test]
fn r92_the_placeholder_fills_required_fields_only() {
    let (_, fields) = new_lead(&world(), ann());
    let names: Vec<&str> = fields.fields.keys().map(String::as_str).collect();
    assert_eq!(names, ["Company", "LastName"]);
    let as_contact = World::new(config().create_as(CrmObject::Contact));
    let names: Vec<String> = new_lead(&as_contact, ann()).1.fields.into_keys().collect();
    assert_eq!(names, ["LastName"]);
}

#[test]
fn r94_the_placeholder_knows_a_field_mapped_in_another_case() {
    let world = World::new(config().mapping(vec![field("lastName", "lastname")]));
    let (_, fields) = new_lead(&world, ann().value("lastName", "Lee"));
    let names: Vec<&str> = fields.fields.keys().map(String::as_str).collect();
    assert_eq!(names, ["Company", "lastname"]);
}

#[test]
fn r92_the_placeholder_is_no_value_that_comes_back() {
    // The reader turns the placeholder into a blank; blank against blank writes nothing.
    let pair = linked(
        lead(1).value("lastName", ""),
        prospect(1).value("lastName", ""),
    );
    let Outcome::Update {
        to_crm,
        to_prospect,
        ..
    } = world().decide(&pair).outcome
    else {
        panic!("expected an update");
    };
    assert!(to_crm.is_empty() && to_prospect.is_empty());
}

#[test]
fn r92_a_required_field_that_is_cleared_gets_the_placeholder() {
    let last_name = sync_core::config::FieldEntry {
        blanks: sync_core::config::BlankRule::BlankIsValue,
        ..field("lastName", "LastName")
    };
    let world = World::new(config().mapping(vec![last_name]));
    let crm = contact(1).value("lastName", "Lee");
    let pair = linked(crm, prospect(1).value("lastName", "")).base("lastName", text("Lee"));
    let decision = world.decide(&pair);
    let Outcome::Update { to_crm, .. } = &decision.outcome else {
        panic!()
    };
    assert_eq!(to_crm.fields.get("LastName"), Some(&text("[[Unknown]]")));
    let settled = world.written(&pair, &decision);
    assert_eq!(world.decide(&settled).outcome, Outcome::Nothing);
}

#[test]
fn r92_the_base_after_a_create_is_what_travelled() {
    let record = ann()
        .value("firstName", "Ann")
        .holding("score", FieldValue::Number(7.into()));
    let merged = world().decide(&prospect_pair(record)).merged;
    assert_eq!(
        merged.get(&FieldName::from("firstName")),
        Some(&text("Ann"))
    );
    assert_eq!(
        merged.get(&FieldName::from("score")),
        Some(&FieldValue::Number(7.into()))
    );
    let to_prospect = sync_core::config::FieldEntry {
        direction: Direction::ToProspect,
        ..field("firstName", "FirstName")
    };
    let world = World::new(config().mapping(vec![to_prospect]));
    let merged = world
        .decide(&prospect_pair(ann().value("firstName", "Ann")))
        .merged;
    assert!(merged.is_empty());
}

#[test]
fn r100_a_new_record_is_owned_by_the_mapped_user() {
    let (_, fields) = new_lead(&world(), ann());
    assert_eq!(fields.owner, Some(user(1)));
}

#[test]
fn r100_an_unmapped_user_leaves_the_record_to_the_connector_user() {
    let pair = prospect_pair(prospect(1).email("ann@x.test").assigned(404));
    let decision = decide_by("R100", &world(), &pair);
    let Outcome::CreateCrm { fields, .. } = decision.outcome else {
        panic!()
    };
    assert_eq!(fields.owner, None);
}

#[test]
fn r101_the_salesforce_owner_becomes_the_assigned_user() {
    for assigned in [prospect(1), prospect(1).assigned(404)] {
        let pair = linked(lead(1).owner(user(1)), assigned);
        let decision = decide_by("R101", &world(), &pair);
        let Outcome::Update {
            to_prospect,
            to_crm,
            ..
        } = decision.outcome
        else {
            panic!()
        };
        assert_eq!(to_prospect.assigned_to, Some(1));
        assert_eq!(
            to_crm.owner, None,
            "an owner never travels to an existing record"
        );
    }
    let fields = new_prospect(&world(), lead(1).email("ann@x.test").owner(user(1)));
    assert_eq!(fields.assigned_to, Some(1));
}

#[test]
fn r101_the_same_owner_is_not_written_again() {
    let pair = linked(lead(1).owner(user(1)), prospect(1).assigned(1));
    let Outcome::Update { to_prospect, .. } = world().decide(&pair).outcome else {
        panic!()
    };
    assert_eq!(to_prospect.assigned_to, None);
}

#[test]
fn r101_the_owner_does_not_travel_when_the_setting_is_off_or_it_is_the_connector() {
    let mut off = world();
    off.config.settings.sync_owner = false;
    let by_user = linked(lead(1).owner(user(1)), prospect(1));
    let by_connector = linked(lead(1).owner(user(99)), prospect(1).assigned(7));
    for decision in [off.decide(&by_user), world().decide(&by_connector)] {
        let Outcome::Update { to_prospect, .. } = decision.outcome else {
            panic!()
        };
        assert_eq!(to_prospect.assigned_to, None);
        assert!(!decision.trace.rule_numbers().contains(&"R102"));
    }
}

#[test]
fn r102_an_unmapped_owner_is_a_warning_and_changes_nothing() {
    let pair = linked(lead(1).owner(user(55)), prospect(1).assigned(1));
    let decision = decide_by("R102", &world(), &pair);
    let Outcome::Update { to_prospect, .. } = decision.outcome else {
        panic!()
    };
    assert_eq!(to_prospect.assigned_to, None);
}
