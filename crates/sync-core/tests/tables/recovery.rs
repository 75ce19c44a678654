//! Recovery of an open intent (reliability 2.2, step 7): what landed is told side by side.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sync_core::config::Config;
use sync_core::decision::{Decision, Outcome, ReadMore};
use sync_core::intent::sync_token;
use sync_core::link::Link;
use sync_core::pair::{Candidates, Created, Pair};
use sync_core::record::Side;
use sync_core::settle::{WriteFailure, WriteResult, WriteResults};
use sync_core::testing::{
    World, at, config, crm_pair, field, lead, lead_id, linked, prospect, prospect_pair, text,
};
use sync_core::trace::Winner;
use sync_core::value::{FieldName, FieldValue, Spelling};
use sync_core::{intend, settle};

const TITLE: &str = "jobTitle";

fn with_tokens() -> Config {
    let mut config = config();
    config.salesforce.token_field = Some("Prospect_Sync_Token__c".to_owned());
    config.account_engagement.token_field = Some("Prospect_Sync_Token__c".to_owned());
    config.account_engagement.stale_reads_seconds = 60;
    config
}

/// Both agreed on "old"; the prospect became "new".
fn edited_prospect() -> Pair {
    linked(lead(1).value(TITLE, "old"), prospect(1).value(TITLE, "new")).base(TITLE, text("old"))
}

/// The pair after its intent was stored and the worker died.
fn begun(world: &World, pair: &Pair) -> Pair {
    let decision = world.decide(pair);
    let token = sync_token("run", &pair.link);
    let link = intend(pair, &decision, token, (at(0), at(0))).unwrap();
    Pair {
        link,
        ..pair.clone()
    }
}

fn set_crm(pair: &mut Pair, value: &str, has_landed: bool) {
    let token = pair.link.intent.as_ref().unwrap().id.clone();
    let Side::Present(crm) = &mut pair.crm else {
        panic!("the lead is there");
    };
    crm.values.insert(FieldName::from(TITLE), text(value));
    crm.token = has_landed.then_some(token);
}

fn set_prospect(pair: &mut Pair, value: &str) {
    let Side::Present(prospect) = &mut pair.prospect else {
        panic!("the prospect is there");
    };
    prospect.values.insert(FieldName::from(TITLE), text(value));
}

fn winner_of(decision: &Decision) -> (Winner, bool) {
    let field = decision
        .trace
        .fields
        .iter()
        .find(|f| f.field.0 == TITLE)
        .unwrap();
    (field.winner, field.conflict)
}

fn long_after(mut world: World) -> World {
    world.now = at(600);
    world
}

#[test]
fn p7_a_value_that_a_user_put_back_around_a_crash_survives() {
    let world = long_after(World::new(with_tokens()));
    let mut pair = begun(&world, &edited_prospect());
    set_crm(&mut pair, "new", true);
    set_prospect(&mut pair, "old");
    let decision = world.decide(&pair);
    assert_eq!(winner_of(&decision), (Winner::AccountEngagement, false));
    assert_eq!(
        decision.merged.get(&FieldName::from(TITLE)),
        Some(&text("old"))
    );
}

#[test]
fn p7_without_intent_the_same_edit_would_be_lost() {
    let world = long_after(World::new(with_tokens()));
    let mut pair = begun(&world, &edited_prospect());
    set_crm(&mut pair, "new", true);
    set_prospect(&mut pair, "old");
    pair.link.intent = None;
    assert_eq!(winner_of(&world.decide(&pair)).0, Winner::Salesforce);
}

#[test]
fn p7_an_intent_that_did_not_land_goes_on_to_its_target() {
    let world = long_after(World::new(with_tokens()));
    let pair = begun(&world, &edited_prospect());
    let decision = world.decide(&pair);
    assert_eq!(winner_of(&decision), (Winner::AccountEngagement, false));
}

#[test]
fn p7_a_side_that_was_edited_after_the_intent_landed_wins_over_the_target() {
    let world = long_after(World::new(with_tokens()));
    let mut pair = begun(&world, &edited_prospect());
    // The write landed first, then the user edited: the token stays on the record.
    set_crm(&mut pair, "newer", true);
    assert_eq!(winner_of(&world.decide(&pair)), (Winner::Salesforce, false));
}

#[test]
fn p7_an_edit_that_never_reached_the_other_side_is_a_conflict_with_it() {
    let world = long_after(World::new(with_tokens()));
    let mut pair = begun(&world, &edited_prospect());
    set_crm(&mut pair, "newer", false);
    // The job title follows *Use Account Engagement's value*.
    assert_eq!(
        winner_of(&world.decide(&pair)),
        (Winner::AccountEngagement, true)
    );
}

#[test]
fn p7_edits_of_both_sides_after_the_intent_are_a_conflict() {
    let world = long_after(World::new(with_tokens()));
    let mut pair = begun(&world, &edited_prospect());
    set_crm(&mut pair, "x", true);
    set_prospect(&mut pair, "y");
    assert!(winner_of(&world.decide(&pair)).1);
}

#[test]
fn p7_a_conflict_that_was_decided_before_the_crash_stays_in_the_trace() {
    let world = long_after(World::new(with_tokens()));
    let pair = linked(lead(1).value(TITLE, "x"), prospect(1).value(TITLE, "y"));
    let mut pair = begun(&world, &pair.base(TITLE, text("old")));
    let token = pair.link.intent.as_ref().unwrap().id.clone();
    set_prospect(&mut pair, "x");
    if let Side::Present(prospect) = &mut pair.prospect {
        prospect.token = Some(token);
    }
    let decision = world.decide(&pair);
    assert_eq!(decision.trace.conflicts(), 0, "both are equal now");
    let settled = settle(&pair.link, &decision, &WriteResults::default(), at(601));
    assert_eq!(settled.link.last_trace.unwrap().conflicts(), 1);
    assert_eq!(settled.link.intent, None);
}

#[test]
fn p7_without_token_field_the_values_tell_what_landed() {
    let world = long_after(World::new(config()));
    let mut pair = begun(&world, &edited_prospect());
    set_crm(&mut pair, "new", false);
    set_prospect(&mut pair, "old");
    // The write is seen in the value, so the value that was put back wins here too, and over nobody.
    assert_eq!(
        winner_of(&world.decide(&pair)),
        (Winner::AccountEngagement, false)
    );
}

#[test]
fn p7_without_token_field_a_value_put_back_on_the_written_side_is_lost() {
    let mut with_token = begun(&long_after(World::new(with_tokens())), &edited_prospect());
    set_crm(&mut with_token, "old", true);
    let mut without = with_token.clone();
    set_crm(&mut without, "old", false);
    let by_token = long_after(World::new(with_tokens())).decide(&with_token);
    assert_eq!(winner_of(&by_token).0, Winner::Salesforce);
    // The residual risk of the fallback: it looks like a write that did not land.
    let by_value = long_after(World::new(config())).decide(&without);
    assert_eq!(winner_of(&by_value).0, Winner::AccountEngagement);
}

#[test]
fn p7_an_intent_of_an_update_outlives_a_refusal() {
    let world = long_after(World::new(with_tokens()));
    let pair = begun(&world, &edited_prospect());
    let refused = WriteResults {
        crm: WriteResult::Failed(refusal()),
        ..WriteResults::default()
    };
    let settled = settle(&pair.link, &world.decide(&pair), &refused, at(601));
    assert_eq!(settled.link.intent, pair.link.intent);
    assert_eq!(settled.link.base, pair.link.base);
    assert_eq!(settled.link.lease_until, None);
}

#[test]
fn p7_a_record_that_was_not_there_held_nothing_unless_we_created_it() {
    let world = long_after(World::new(with_tokens()));
    let alone = prospect_pair(
        prospect(1)
            .email("ann@example.com")
            .value(TITLE, "new")
            .assigned(1),
    );
    let alone = alone.crm_hits([]);
    let mut pair = begun(&world, &alone);
    let found = lead(1).email("ann@example.com").value(TITLE, "theirs");
    pair.crm = Side::Present(found.clone());
    pair.link.crm_id = Some(lead_id(1));
    assert!(
        winner_of(&world.decide(&pair)).1,
        "two values nobody agreed on"
    );
    let key = pair.link.key.clone();
    pair.crm = Side::Present(found.carrying(key));
    assert_eq!(winner_of(&world.decide(&pair)), (Winner::Salesforce, false));
}

/// The lead got another address while its create was open: the prospect still has the first one.
#[test]
fn p6_a_created_prospect_is_looked_for_under_the_address_it_was_created_with() {
    let mut config = with_tokens();
    config.settings.match_by_email = true;
    config.fields.0.push(field("email", "Email"));
    let world = long_after(World::new(config));
    let ann = lead(1)
        .email("ann@example.com")
        .value("email", "ann@example.com");
    let mut pair = begun(&world, &crm_pair(ann).prospect_hits([]));
    pair.crm = Side::Present(lead(1).email("ann.new@example.com"));
    pair.prospects_by_email = Candidates::NotRead;
    let look_up = |address| ReadMore::ProspectsByEmail(Spelling::new(address).unwrap());
    assert_eq!(
        world.decide(&pair).outcome,
        Outcome::ReadMore(vec![
            look_up("ann.new@example.com"),
            look_up("ann@example.com")
        ])
    );
    let found = prospect(7).email("ann@example.com");
    let ours = pair
        .clone()
        .prospect_hits([found.clone().carrying(pair.link.key.clone())]);
    assert!(matches!(
        world.decide(&ours).outcome,
        Outcome::Update { .. }
    ));
    // Somebody else's, with the address that the lead does not have any more.
    let other = pair.prospect_hits([found]).with_created(Created::Nothing);
    assert!(matches!(
        world.decide(&other).outcome,
        Outcome::CreateProspect { .. }
    ));
}

#[test]
fn k4_an_open_write_to_a_prospect_is_looked_at_only_when_reads_are_fresh() {
    let mut world = World::new(with_tokens());
    let pair = linked(lead(1).value(TITLE, "new"), prospect(1).value(TITLE, "old"));
    let pair = begun(&world, &pair.base(TITLE, text("old"))).leased_until(at(10));
    for (second, is_yet) in [(9, false), (10, false), (71, false), (72, true)] {
        world.now = at(second);
        let outcome = world.decide(&pair).outcome;
        assert_eq!(outcome != Outcome::NotYet, is_yet, "at {second}");
    }
    // A write to Salesforce alone is read fresh as soon as it cannot land any more.
    let pair = begun(&world, &edited_prospect()).leased_until(at(10));
    world.now = at(10);
    assert_ne!(world.decide(&pair).outcome, Outcome::NotYet);
}

#[test]
fn k4_a_read_older_than_our_own_write_is_nobodys_edit() {
    for config in [with_tokens(), stale_reads(config())] {
        let mut world = World::new(config);
        let before = linked(lead(1).value(TITLE, "new"), prospect(1).value(TITLE, "old"));
        let before = before.base(TITLE, text("old"));
        let mut stale = world.written(&before, &world.decide(&before));
        stale.prospect = before.prospect.clone();
        // A minute, and two seconds for the clocks of two functions.
        world.now = after(world.now, 61);
        assert_eq!(world.decide(&stale).outcome, Outcome::NotYet);
        world.now = after(world.now, 1);
        assert_eq!(
            winner_of(&world.decide(&stale)).0,
            Winner::AccountEngagement,
            "a prospect that was restored from a copy"
        );
    }
}

#[test]
fn k4_a_read_that_shows_our_own_write_is_believed() {
    let world = World::new(with_tokens());
    let before = linked(lead(1).value(TITLE, "new"), prospect(1).value(TITLE, "old"));
    let before = before.base(TITLE, text("old"));
    let mut pair = world.written(&before, &world.decide(&before));
    set_prospect_value(&mut pair, text("edited since"));
    assert_eq!(
        winner_of(&world.decide(&pair)),
        (Winner::AccountEngagement, false)
    );
}

#[test]
fn a_sync_token_fits_its_field_and_is_never_used_twice() {
    let run = "0f0e2c8a-1111-4222-8333-444455556666";
    let pairs = [
        prospect_pair(prospect(1)),
        prospect_pair(prospect(2)),
        crm_pair(lead(1)),
        crm_pair(lead(2)),
    ];
    let mut used = BTreeSet::new();
    for link in pairs.map(|pair| pair.link) {
        for version in [0, 1, 4_000_000_000] {
            let link = Link {
                version,
                ..link.clone()
            };
            for run in [run, "1f0e2c8a-1111-4222-8333-444455556666"] {
                let token = sync_token(run, &link);
                assert!(token.len() <= 40, "{token}");
                assert!(used.insert(token), "{run} {version} {}", link.key);
            }
        }
    }
    assert!(
        used.contains("c00Q000000000001EAA.0.0f0e2c8a1111422283"),
        "{used:?}"
    );
}

fn stale_reads(mut config: Config) -> Config {
    config.account_engagement.stale_reads_seconds = 60;
    config
}

fn set_prospect_value(pair: &mut Pair, value: FieldValue) {
    if let Side::Present(prospect) = &mut pair.prospect {
        prospect.values.insert(FieldName::from(TITLE), value);
    }
}

fn after(moment: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_second(moment.as_second() + seconds).unwrap()
}

fn refusal() -> WriteFailure {
    WriteFailure {
        service: sync_core::coerce::Service::Salesforce,
        class: sync_core::error::ErrorClass::Record,
        code: "FIELD_CUSTOM_VALIDATION_EXCEPTION".to_owned(),
        fields: Vec::new(),
        message: "refused".to_owned(),
        may_have_landed: false,
    }
}
