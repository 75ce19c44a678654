//! A field that is mapped to another one (reliability 2.3, 32): what was agreed before says nothing of it.

use jiff::SignedDuration;
use sync_core::config::{Config, FieldEntry, FieldMap, MappedSince, SyncBehaviour};
use sync_core::decision::{Decision, Outcome};
use sync_core::intent::sync_token;
use sync_core::pair::Pair;
use sync_core::record::Side;
use sync_core::settle::WriteResults;
use sync_core::testing::{World, at, config, field, lead, linked, prospect, text};
use sync_core::trace::{FieldTrace, Winner};
use sync_core::value::{FieldName, FieldType};
use sync_core::{intend, settle};

const CITY: &str = "city";
/// The version that maps the city to another field.
const REMAPPED: u64 = 2;
const BEHAVIOURS: [(SyncBehaviour, Winner); 2] = [
    (SyncBehaviour::UseSalesforce, Winner::Salesforce),
    (
        SyncBehaviour::UseAccountEngagement,
        Winner::AccountEngagement,
    ),
];

fn mapped(behaviour: SyncBehaviour) -> Config {
    let city = FieldEntry {
        behaviour,
        ..field(CITY, "City")
    };
    config().mapping(vec![city])
}

/// Under the first configuration both agreed on Paris; now the field of Salesforce is another one.
fn world(behaviour: SyncBehaviour) -> World {
    let mut world = World::new(mapped(behaviour));
    world.connector.config_version = REMAPPED;
    world.connector.mapped_since = MappedSince::from([(CITY.into(), REMAPPED)]);
    world.now = at(3_600);
    world
}

fn agreed_on_paris(in_salesforce: &str) -> Pair {
    let (crm, prospect) = (lead(1).value(CITY, in_salesforce), prospect(1));
    let mut pair = linked(crm, prospect.value(CITY, "Paris")).base(CITY, text("Paris"));
    pair.link.base_version = 1;
    pair
}

fn told(decision: &Decision) -> &FieldTrace {
    let told = decision.trace.fields.iter().find(|f| f.field.0 == CITY);
    told.expect("the city differs")
}

#[test]
fn r32_a_field_mapped_to_another_one_has_no_base() {
    for (behaviour, winner) in BEHAVIOURS {
        let (world, pair) = (world(behaviour), agreed_on_paris("old junk"));
        let decision = world.decide(&pair);
        let told = told(&decision);
        assert_eq!((told.rule.as_str(), told.winner), ("F2", winner));
        assert!(told.conflict);
        assert_eq!((&told.base, decision.agreed.len()), (&None, 0));
        // Decided once: then there is a base again, and one side that is edited wins.
        let mut pair = world.written(&pair, &decision);
        assert_eq!(pair.link.base_version, REMAPPED);
        assert_eq!(world.decide(&pair).outcome, Outcome::Nothing);
        set_crm(&mut pair, "Lyon");
        let decision = world.decide(&pair);
        assert_eq!(decision.trace.fields[0].rule.as_str(), "R90");
        assert_eq!(decision.trace.conflicts(), 0);
    }
}

fn set_crm(pair: &mut Pair, value: &str) {
    let Side::Present(crm) = &mut pair.crm else {
        panic!("the lead is there");
    };
    crm.values.insert(FieldName::from(CITY), text(value));
}

#[test]
fn r32_an_intent_from_before_says_nothing_of_the_field() {
    for (behaviour, winner) in BEHAVIOURS {
        let mut first = World::new(mapped(behaviour));
        let mut before = agreed_on_paris("Lyon");
        let decision = first.decide(&before);
        let token = sync_token("run", &before.link);
        before.link = intend(&before, &decision, token, (at(0), at(0))).expect("a write");
        let intent = before.link.intent.as_ref().expect("an intent");
        assert_eq!((intent.config_version, before.link.base_version), (1, 1));
        let decision = world(behaviour).decide(&{
            let mut pair = before.clone();
            set_crm(&mut pair, "old junk");
            pair
        });
        let told = told(&decision);
        assert_eq!((told.rule.as_str(), told.winner), ("F2", winner));
        assert!(told.conflict);
        // The same under the mapping that it was stored under is half done.
        first.now = at(3_600);
        assert_eq!(first.decide(&before).trace.conflicts(), 0);
    }
}

#[test]
fn r32_equal_sides_get_a_base_and_nothing_is_written() {
    let world = world(SyncBehaviour::UseSalesforce);
    let mut pair = agreed_on_paris("Paris");
    let decision = world.decide(&pair);
    let Outcome::Update {
        to_crm,
        to_prospect,
        ..
    } = &decision.outcome
    else {
        panic!("{decision:?}");
    };
    assert!(to_crm.is_empty() && to_prospect.is_empty());
    pair.link = settle(&pair.link, &decision, &WriteResults::default(), at(3_600)).link;
    assert_eq!(pair.link.base_version, REMAPPED);
    assert_eq!(world.decide(&pair).outcome, Outcome::Nothing);
}

/// What both sides agreed on is written once more, but it is new in this field.
#[test]
fn r32_the_old_value_in_the_new_field_is_not_put_back() {
    let world = world(SyncBehaviour::UseAccountEngagement);
    let mut pair = agreed_on_paris("old junk");
    pair.link.put_backs = Some(sync_core::PutBacks {
        times: sync_core::MAX_PUT_BACKS,
        last: at(3_500),
    });
    let decision = world.decide(&pair);
    assert!(matches!(decision.outcome, Outcome::Update { .. }));
    assert_eq!(world.written(&pair, &decision).link.put_backs, None);
}

/// A worker that began before the mapping was changed reads what another one stored after it.
#[test]
fn r32_a_row_stored_under_a_later_configuration_is_left_to_the_next_delivery() {
    let mut world = World::new(mapped(SyncBehaviour::UseSalesforce));
    let mut pair = agreed_on_paris("Lyon");
    pair.link.base_version = REMAPPED;
    pair.link.synced_at = Some(world.now);
    assert_eq!(world.decide(&pair).outcome, Outcome::NotYet);
    pair.link.intent = world_with_intent(&pair);
    pair.link.base_version = 1;
    assert_eq!(world.decide(&pair).outcome, Outcome::NotYet);
    // No worker is at work that long: the configurations have been restored from a copy.
    world.now += SignedDuration::from_mins(15);
    assert!(matches!(
        world.decide(&pair).outcome,
        Outcome::Update { .. }
    ));
}

fn world_with_intent(pair: &Pair) -> Option<sync_core::link::Intent> {
    let mut later = World::new(mapped(SyncBehaviour::UseSalesforce));
    later.connector.config_version = REMAPPED;
    let decision = later.decide(pair);
    intend(pair, &decision, "run.1".to_owned(), (at(60), at(60)))?.intent
}

#[test]
fn r32_what_is_mapped_as_before_keeps_its_version() {
    let before = FieldMap(vec![
        field("a", "A"),
        field("b", "B"),
        field("c", "C"),
        field("gone", "Gone"),
    ]);
    let since = MappedSince::from([("b".into(), 2), ("gone".into(), 2)]);
    let (other_contact, other_type) = (
        FieldEntry {
            contact: None,
            ..field("a", "A")
        },
        FieldEntry {
            field_type: FieldType::Email,
            ..field("c", "C")
        },
    );
    let cases = [
        (vec![field("a", "a"), field("b", "B")], vec![("b", 2)]),
        (
            vec![field("b", "A"), field("a", "B")],
            vec![("a", 3), ("b", 3)],
        ),
        (vec![other_contact], vec![("a", 3)]),
        (vec![other_type], vec![("c", 3)]),
        (vec![field("new", "A")], vec![("new", 3)]),
        (
            vec![FieldEntry {
                behaviour: SyncBehaviour::MostRecentRecord,
                ..field("a", "A")
            }],
            vec![],
        ),
    ];
    for (next, expected) in cases {
        let expected: MappedSince = expected
            .into_iter()
            .map(|(name, version)| (name.into(), version))
            .collect();
        let next = FieldMap(next);
        assert_eq!(next.mapped_since(Some(&before), &since, 3), expected);
    }
    let unknown = before.mapped_since(None, &since, 3);
    assert_eq!(unknown.len(), before.0.len(), "nothing is known of before");
}
