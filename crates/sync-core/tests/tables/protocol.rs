//! The steps of the write protocol (docs/reliability.md), each where nothing else would stand in for it.

use sync_core::coerce::Service;
use sync_core::config::Config;
use sync_core::decision::{Decision, Outcome, SkipReason};
use sync_core::error::ErrorClass;
use sync_core::hint::Cause;
use sync_core::intent::sync_token;
use sync_core::link::Link;
use sync_core::pair::Pair;
use sync_core::record::Side;
use sync_core::settle::{WriteFailure, WriteResult, WriteResults};
use sync_core::testing::{
    World, at, config, crm_pair, lead, lead_id, linked, prospect, prospect_id, prospect_pair, text,
};
use sync_core::trace::Winner;
use sync_core::value::FieldName;
use sync_core::{intend, settle};

use crate::assert_skipped;

/// Where both were edited, Salesforce's value counts.
const FIRST_NAME: &str = "firstName";
/// Where both were edited, Account Engagement's value counts.
const TITLE: &str = "jobTitle";

fn with_tokens() -> Config {
    let mut config = config();
    config.salesforce.token_field = Some("Prospect_Sync_Token__c".to_owned());
    config.account_engagement.token_field = Some("Prospect_Sync_Token__c".to_owned());
    config
}

/// With tokens, and reads that are always fresh.
fn world() -> World {
    let mut world = World::new(with_tokens().match_by_email());
    world.config.account_engagement.stale_reads_seconds = 0;
    world
}

/// The pair after its intent was stored and the worker died; its lease is over ten seconds later.
fn begun(world: &World, pair: &Pair) -> Pair {
    let decision = world.decide(pair);
    let token = sync_token("run", &pair.link);
    let lease_until = at(world.now.as_second() - at(0).as_second() + 10);
    let link = intend(pair, &decision, token, (world.now, lease_until));
    let mut link = link.expect("something to write");
    link.version += 1;
    Pair {
        link,
        ..pair.clone()
    }
}

fn later(mut world: World, seconds: i64) -> World {
    world.now = at(world.now.as_second() - at(0).as_second() + seconds);
    world
}

fn token(pair: &Pair) -> Option<String> {
    pair.link.intent.as_ref().map(|intent| intent.id.clone())
}

fn winner_of(decision: &Decision, field: &str) -> (Winner, bool) {
    let mut fields = decision.trace.fields.iter();
    let told = fields.find(|told| told.field == FieldName::from(field));
    told.map_or((Winner::Same, false), |told| (told.winner, told.conflict))
}

fn failure(may_have_landed: bool) -> WriteFailure {
    WriteFailure {
        service: Service::Salesforce,
        class: ErrorClass::Record,
        code: "CODE".to_owned(),
        fields: Vec::new(),
        message: "refused".to_owned(),
        may_have_landed,
    }
}

/// A new prospect that becomes a lead.
fn new_prospect() -> Pair {
    let ann = prospect(1).email("ann@x.test").assigned(1);
    prospect_pair(ann.value(TITLE, "CTO")).crm_hits([])
}

/// A new lead that becomes a prospect.
fn new_lead() -> Pair {
    let ann = lead(1).email("ann@x.test").value(FIRST_NAME, "Ann");
    crm_pair(ann).prospect_hits([])
}

#[test]
fn p2_the_intent_takes_the_lease() {
    let world = world();
    let update = linked(lead(1).value(TITLE, "CEO"), prospect(1));
    let mut retire = update.clone();
    retire.crm = Side::Deleted { merged_into: None };
    let mut restore = update.clone().because(Cause::SendNow);
    restore.prospect = Side::Deleted { merged_into: None };
    let all = [update, retire, restore, new_prospect(), new_lead()];
    for pair in all {
        let begun = begun(&world, &pair);
        let outcome = |seconds| later(world.clone(), seconds).decide(&begun).outcome;
        assert_eq!(outcome(9), Outcome::NotYet, "{:?}", begun.link.intent);
        assert_ne!(outcome(10), Outcome::NotYet, "{:?}", begun.link.intent);
    }
}

/// A user in Salesforce saw "new", so what they enter next replaces it and is no conflict with it.
#[test]
fn p5_the_intent_moves_the_base_to_what_the_attempt_before_it_brought_about() {
    let first = world();
    let edited = linked(lead(1).value(TITLE, "old"), prospect(1).value(TITLE, "new"));
    let mut pair = begun(&first, &edited.base(TITLE, text("old")));
    // It landed, and nobody committed it; then a user edits the lead, and edits it again.
    let landed = |token: Option<String>, title: &str| {
        let mut crm = lead(1).value(TITLE, title);
        crm.token = token;
        Side::Present(crm)
    };
    let written = token(&pair);
    pair.crm = landed(written.clone(), "newer");
    let second = later(first, 20);
    let mut pair = begun(&second, &pair);
    assert_eq!(pair.link.base.get(&TITLE.into()), Some(&text("new")));
    pair.crm = landed(written, "newest");
    let decision = later(second, 20).decide(&pair);
    assert_eq!(winner_of(&decision, TITLE), (Winner::Salesforce, false));
}

#[test]
fn p5_a_refused_create_leaves_neither_intent_nor_base() {
    let world = world();
    let theirs = lead(7).email("ann@x.test").value(TITLE, "CEO");
    let anna = prospect(7).email("ann@x.test").value(FIRST_NAME, "Anna");
    let cases = [
        (
            new_prospect(),
            new_prospect().crm_hits([theirs]),
            (TITLE, Winner::AccountEngagement),
        ),
        (
            new_lead(),
            new_lead().prospect_hits([anna]),
            (FIRST_NAME, Winner::Salesforce),
        ),
    ];
    for (pair, matched, (field, winner)) in cases {
        let decision = world.decide(&pair);
        let begun = begun(&world, &pair);
        let after = |may_have_landed| {
            let failed = failure(may_have_landed);
            let results = if matches!(decision.outcome, Outcome::CreateCrm { .. }) {
                WriteResults {
                    crm: WriteResult::Failed(failed),
                    ..WriteResults::default()
                }
            } else {
                WriteResults {
                    prospect: WriteResult::Failed(failed),
                    ..WriteResults::default()
                }
            };
            settle(&begun.link, &decision, &results, world.now).link
        };
        assert_eq!(after(true).intent, begun.link.intent);
        let refused = after(false);
        assert_eq!(refused.intent, None);
        assert!(refused.base.is_empty());
        // The record that is found for it later holds another value, and nobody agreed on either.
        let found = Pair {
            link: refused,
            ..matched
        };
        let told = winner_of(&world.decide(&found), field);
        assert_eq!(told, (winner, true), "{field}");
    }
}

#[test]
fn p7_an_intent_goes_on_to_its_target_whatever_the_sync_behaviour() {
    let world = world();
    for field in [FIRST_NAME, TITLE] {
        for (crm, of_prospect, edited) in [
            ("new", "old", Winner::Salesforce),
            ("old", "new", Winner::AccountEngagement),
        ] {
            let pair = linked(
                lead(1).value(field, crm),
                prospect(1).value(field, of_prospect),
            );
            let begun = begun(&world, &pair.base(field, text("old")));
            let decision = later(world.clone(), 20).decide(&begun);
            assert_eq!(winner_of(&decision, field), (edited, false), "{field}");
        }
    }
}

/// The attempt before the crash overruled a value, and the one after it has something else to write.
#[test]
fn p7_what_the_attempt_before_the_crash_decided_is_told_with_the_next_intent_and_once() {
    let first = world();
    let both = linked(lead(1).value(TITLE, "x"), prospect(1).value(TITLE, "y"));
    let both = both.base(TITLE, text("old"));
    let before = first.decide(&both);
    assert_eq!(before.trace.conflicts(), 1);
    let mut pair = begun(&first, &both);
    let mut landed = lead(1).value(TITLE, "y").value(FIRST_NAME, "Ann");
    landed.token = token(&pair);
    pair.crm = Side::Present(landed);
    let second = later(first, 20);
    let decision = second.decide(&pair);
    let again = begun(&second, &pair);
    let story = Some(before.trace.continued_by(decision.trace.clone()));
    assert_eq!(again.link.last_trace, story);
    let written = WriteResults {
        prospect: WriteResult::Written(prospect_id(1)),
        ..WriteResults::default()
    };
    let settled = settle(&again.link, &decision, &written, second.now);
    assert_eq!(settled.link.last_trace, story);
}

/// Whichever of the two Salesforce compares with: the earlier one would refuse a record nobody touched.
#[test]
fn p8_the_condition_goes_by_the_later_of_the_two_stamps() {
    for (modified, stamp) in [(10, 20), (20, 10), (20, 20)] {
        let mut record = lead(1).modified(at(modified));
        record.stamp = at(stamp);
        assert_eq!(record.last_change(), at(20));
    }
}

/// The worker died when the lead was there, and the prospect was deleted before anybody looked again.
#[test]
fn r56_a_prospect_deleted_before_the_link_knew_of_its_record_comes_back_when_that_is_sent() {
    let world = world();
    let mut pair = begun(&world, &new_prospect());
    assert_eq!(pair.link.crm_id, None);
    let key = pair.link.key.clone();
    pair.crm = Side::Present(lead(1).email("ann@x.test").carrying(key));
    pair.prospect = Side::Deleted { merged_into: None };
    let world = later(world, 20);
    assert_skipped(&world.decide(&pair), SkipReason::ProspectDeleted);
    let sent = pair.because(Cause::SendNow);
    let restores = Outcome::Restore {
        crm: lead_id(1),
        prospect: prospect_id(1),
    };
    assert_eq!(world.decide(&sent).outcome, restores);
}

/// No write to the prospect is open, so nothing but what the intent notes tells that the read is old.
#[test]
fn k4_the_intent_notes_what_was_read_and_no_older_read_is_believed() {
    let mut world = World::new(with_tokens());
    world.config.account_engagement.stale_reads_seconds = 60;
    let read = |title: &str, second| prospect(1).value(TITLE, title).updated(at(second));
    let edited = linked(lead(1).value(TITLE, "old"), read("new", 30));
    let fresh = begun(&world, &edited.base(TITLE, text("old")));
    let shown = |title: &str, second| {
        let read = read(title, second).carrying(fresh.link.key.clone());
        Pair {
            prospect: Side::Present(read),
            ..fresh.clone()
        }
    };
    let without_content = |pair: Pair| {
        let seen = pair.link.prospect_seen.map(|seen| sync_core::link::Seen {
            content: None,
            ..seen
        });
        Pair {
            link: Link {
                prospect_seen: seen,
                ..pair.link
            },
            ..pair
        }
    };
    let world = later(world, 20);
    assert_ne!(world.decide(&fresh).outcome, Outcome::NotYet);
    // An older read with the values of now is an older one too: its token may be another.
    for title in ["old", "new"] {
        let older = shown(title, 29);
        assert_eq!(world.decide(&older).outcome, Outcome::NotYet, "{title}");
        let of_older_row = without_content(older);
        assert_eq!(world.decide(&of_older_row).outcome, Outcome::NotYet);
    }
    let later = later(world, 60);
    assert_ne!(later.decide(&shown("old", 29)).outcome, Outcome::NotYet);
}
