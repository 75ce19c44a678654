//! Decisions as an administrator reads them. A stale snapshot fails; `UPDATE_TRACES=1` writes them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use sync_core::config::{BlankRule, ConnectorState, FieldEntry};
use sync_core::decision::{CrmFields, Decision, FieldWrites, Outcome, ProspectFields};
use sync_core::hint::Cause;
use sync_core::link::IntentKind;
use sync_core::pair::{Belongs, Pair};
use sync_core::record::{CrmRecord, NativeCrmId, ProspectRecord, Side};
use sync_core::testing::{
    World, at, config, contact, crm_pair, field, lead, lead_id, linked, prospect, prospect_pair,
    text, user,
};
use sync_core::value::FieldValue;

struct Scene {
    name: &'static str,
    story: &'static str,
    world: World,
    pair: Pair,
}

fn scene(name: &'static str, story: &'static str, world: World, pair: Pair) -> Scene {
    Scene {
        name,
        story,
        world,
        pair,
    }
}

fn by_email() -> World {
    World::new(config().match_by_email())
}

fn ann() -> ProspectRecord {
    prospect(1)
        .email("ann@x.test")
        .assigned(1)
        .value("firstName", "Ann")
        .value("lastName", "Lee")
}

fn ann_in_salesforce(record: CrmRecord) -> CrmRecord {
    record
        .email("ann@x.test")
        .owner(user(1))
        .value("firstName", "Ann")
        .value("lastName", "Lee")
}

fn scenes() -> Vec<Scene> {
    let mut scenes = matching_scenes();
    scenes.extend(merging_scenes());
    scenes.extend(resting_scenes());
    scenes
}

fn matching_scenes() -> Vec<Scene> {
    let lead_of_ann = || ann_in_salesforce(lead(1));
    vec![
        scene(
            "assigned_prospect_creates_a_lead",
            "An assigned prospect without company; nobody in Salesforce has the address.",
            by_email(),
            prospect_pair(ann()).crm_hits([]),
        ),
        scene(
            "unassigned_prospect_is_skipped",
            "The same prospect before anybody assigned it.",
            by_email(),
            prospect_pair(prospect(1).email("ann@x.test")).crm_hits([]),
        ),
        scene(
            "several_matches_link_to_the_contact",
            "Two leads and a contact have the address.",
            by_email(),
            prospect_pair(ann()).crm_hits([
                lead_of_ann(),
                ann_in_salesforce(lead(2)).modified(at(5)),
                ann_in_salesforce(contact(3)),
            ]),
        ),
        scene(
            "a_taken_match_is_not_stolen",
            "The only lead with the address belongs to another prospect.",
            by_email(),
            prospect_pair(ann()).crm_hits_taken(1, [lead_of_ann()]),
        ),
        scene(
            "a_new_lead_becomes_a_prospect",
            "A lead was created; its owner is no mapped user.",
            World::new(config()),
            crm_pair(ann_in_salesforce(lead(1)).owner(user(55))),
        ),
        scene(
            "an_old_lead_does_not_become_a_prospect",
            "A lead from before the setting was edited.",
            World::new(config()).creating_since(Some(at(30))),
            crm_pair(lead_of_ann()),
        ),
        scene(
            "a_prospect_created_before_the_crash_is_found",
            "The connector died between the create and the commit.",
            by_email(),
            crm_pair(lead_of_ann())
                .intending(IntentKind::CreateProspect)
                .prospect_hits([ann().carrying(crm_pair(lead_of_ann()).link.key)]),
        ),
        scene(
            "the_crm_id_is_out_of_sight",
            "The prospect shows a CRM ID that the connector user may not see.",
            by_email(),
            prospect_pair(ann().showing(NativeCrmId::Record(lead_id(7))))
                .native(Side::Missing, Belongs::ToNobody),
        ),
    ]
}

fn merging_scenes() -> Vec<Scene> {
    let edited = linked(
        ann_in_salesforce(lead(1))
            .value("firstName", "Anne")
            .value("jobTitle", "CEO"),
        ann().value("jobTitle", "CTO"),
    );
    let opted_out = linked(
        ann_in_salesforce(lead(1))
            .holding("optedOut", FieldValue::Boolean(false))
            .modified(at(9)),
        ann().holding("optedOut", FieldValue::Boolean(true)),
    );
    let cleared = FieldEntry {
        blanks: BlankRule::SalesforceBlankWins,
        ..field("firstName", "FirstName")
    };
    let in_step = linked(ann_in_salesforce(lead(1)), ann());
    let world = World::new(config());
    let in_step = world.written(&in_step, &world.decide(&in_step));
    vec![
        scene(
            "both_sides_edited_different_fields",
            "First name edited in Salesforce, job title in Account Engagement.",
            World::new(config()),
            edited
                .clone()
                .base("firstName", text("Ann"))
                .base("jobTitle", text("CEO")),
        ),
        scene(
            "both_sides_edited_the_same_fields",
            "The sides never agreed on first name and job title.",
            World::new(config()),
            edited,
        ),
        scene(
            "an_opt_out_is_not_turned_off",
            "Opted out in Account Engagement, not in Salesforce, which is newer; no base.",
            World::new(config()),
            opted_out,
        ),
        scene(
            "a_salesforce_blank_clears_the_prospect",
            "The blank flag is on and the first name is blank in Salesforce; no base.",
            World::new(config().mapping(vec![cleared])),
            linked(lead(1).owner(user(1)), ann()),
        ),
        scene(
            "equal_sides_write_nothing",
            "Somebody saved the lead without changing anything.",
            World::new(config()),
            in_step,
        ),
        scene(
            "an_unreadable_value_parks_the_pair",
            "A score that is no number.",
            World::new(config()),
            linked(lead(1), ann().not_readable("score")),
        ),
    ]
}

fn resting_scenes() -> Vec<Scene> {
    let mut deleted = linked(lead(1), ann());
    deleted.crm = Side::Deleted { merged_into: None };
    vec![
        scene(
            "paused_holds_an_automatic_sync",
            "The connector is paused and the poller found a change.",
            World::new(config()).state(ConnectorState::Paused),
            linked(lead(1), ann()),
        ),
        scene(
            "paused_carries_out_a_manual_sync",
            "The connector is paused and somebody pressed `Sync with CRM`.",
            World::new(config()).state(ConnectorState::Paused),
            prospect_pair(ann()).because(Cause::SyncNow),
        ),
        scene(
            "a_deleted_record_retires_its_prospect",
            "The lead of a linked prospect was deleted.",
            World::new(config()),
            deleted,
        ),
        scene(
            "a_prospect_switched_off_is_skipped",
            "Somebody chose `Do not sync with CRM`.",
            World::new(config()),
            prospect_pair(ann().showing(NativeCrmId::Ignore)),
        ),
    ]
}

fn written(output: &mut String, side: &str, fields: &FieldWrites) {
    for (name, value) in fields {
        writeln!(output, "  {side} {name} := {value}").unwrap();
    }
}

fn written_to_crm(output: &mut String, fields: &CrmFields) {
    written(output, "Salesforce", &fields.fields);
    if let Some(key) = &fields.key {
        writeln!(output, "  Salesforce key field := {key}").unwrap();
    }
    if let Some(owner) = &fields.owner {
        writeln!(output, "  Salesforce owner := {owner}").unwrap();
    }
}

fn written_to_prospect(output: &mut String, fields: &ProspectFields) {
    written(output, "prospect", &fields.fields);
    if let Some(key) = &fields.key {
        writeln!(output, "  prospect key field := {key}").unwrap();
    }
    if let Some(assigned_to) = fields.assigned_to {
        writeln!(output, "  prospect assigned user := {assigned_to}").unwrap();
    }
    if let Some(campaign) = fields.campaign {
        writeln!(output, "  prospect campaign := {campaign}").unwrap();
    }
}

fn printed(story: &str, decision: &Decision) -> String {
    let mut output = format!("{story}\n\n");
    match &decision.outcome {
        Outcome::Update {
            crm,
            prospect,
            to_crm,
            to_prospect,
        } => {
            writeln!(
                output,
                "update {} {crm} and prospect {prospect}",
                crm.object()
            )
            .unwrap();
            written_to_crm(&mut output, to_crm);
            written_to_prospect(&mut output, to_prospect);
        }
        Outcome::CreateCrm { object, fields } => {
            writeln!(output, "create a {object}").unwrap();
            written_to_crm(&mut output, fields);
        }
        Outcome::CreateProspect { fields } => {
            writeln!(output, "create a prospect").unwrap();
            written_to_prospect(&mut output, fields);
        }
        Outcome::Retire { prospect, .. } => {
            writeln!(output, "retire prospect {prospect}").unwrap();
        }
        Outcome::Restore { prospect, .. } => {
            writeln!(output, "restore prospect {prospect}").unwrap();
        }
        Outcome::Part => writeln!(output, "part").unwrap(),
        Outcome::Nothing => writeln!(output, "nothing").unwrap(),
        Outcome::Skip(reason) => writeln!(output, "skip: {reason}").unwrap(),
        Outcome::Hold(reason) => writeln!(output, "hold: {reason}").unwrap(),
        Outcome::Park(problem) => {
            writeln!(output, "park: {} {}", problem.code, problem.message).unwrap();
        }
        Outcome::ReadMore(more) => writeln!(output, "read more: {} look-ups", more.len()).unwrap(),
        Outcome::NotYet => writeln!(output, "not yet").unwrap(),
    }
    writeln!(output, "\nbecause").unwrap();
    for rule in &decision.trace.rules {
        writeln!(output, "  {}: {}", rule.rule, rule.said).unwrap();
        for rejected in &rule.rejected {
            writeln!(output, "      not {} {rejected}", rejected.object()).unwrap();
        }
    }
    for field in &decision.trace.fields {
        let base = field
            .base
            .as_ref()
            .map_or("never agreed".to_owned(), |b| format!("was {b}"));
        let conflict = if field.conflict { ", a conflict" } else { "" };
        writeln!(
            output,
            "  {} {}: Salesforce {}, Account Engagement {}, {base} -> {:?}{conflict}",
            field.rule, field.field, field.salesforce, field.account_engagement, field.winner,
        )
        .unwrap();
    }
    writeln!(output, "\nin the log\n  {}", decision.trace).unwrap();
    output
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/traces")
}

#[test]
fn traces_read_as_recorded() {
    let is_update = env::var_os("UPDATE_TRACES").is_some();
    let mut stale = Vec::new();
    for scene in scenes() {
        let file = folder().join(format!("{}.txt", scene.name));
        let now = printed(scene.story, &scene.world.decide(&scene.pair));
        if is_update {
            fs::write(&file, &now).unwrap();
        }
        let recorded = fs::read_to_string(&file).unwrap_or_default();
        if recorded != now {
            stale.push(format!(
                "{}\n--- recorded\n{recorded}--- now\n{now}",
                scene.name
            ));
        }
    }
    assert!(
        stale.is_empty(),
        "stale (UPDATE_TRACES=1 rewrites): {}",
        stale.join("\n")
    );
}

#[test]
fn every_snapshot_belongs_to_a_scene() {
    let names: BTreeSet<String> = scenes()
        .iter()
        .map(|scene| format!("{}.txt", scene.name))
        .collect();
    let files: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(files, names);
}

#[test]
fn the_log_line_shows_no_value() {
    for scene in scenes() {
        let line = scene.world.decide(&scene.pair).trace.to_string();
        for value in ["Ann", "Lee", "CEO", "CTO", "ann@x.test"] {
            assert!(!line.contains(value), "{}: {line}", scene.name);
        }
    }
}
