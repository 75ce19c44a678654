//! What holds for every pair, not only for the rows of the tables.
//!
//! Values come from two domains: a tiny one, so that equal values are common, and a unique one, in
//! which every value occurs once, so that a value that turns up was certainly carried and not made.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sync_core::coerce::{Service, parse_instant, read_value, write_value};
use sync_core::config::{BlankRule, Config, ConnectorState, Direction, FieldEntry, SyncBehaviour};
use sync_core::decision::{HoldReason, Outcome, SkipReason};
use sync_core::hint::{CHANGE_BATCH_VERSION, Cause, ChangeBatch, ChangeHint};
use sync_core::ids::CrmObject;
use sync_core::key::{PairKey, RecordRef};
use sync_core::link::{Intent, IntentKind, Link, LinkState};
use sync_core::merge::{FieldBase, FieldState, Newer, decide_field};
use sync_core::pair::{Belongs, Candidate, Candidates, Created, Native, Pair};
use sync_core::record::{CrmRecord, NativeCrmId, ProspectRecord, Side, Values};
use sync_core::settle::{WriteResult, WriteResults, settle};
use sync_core::testing::{
    World, at, business_unit, config, contact, contact_id, field, lead, lead_id, linked, prospect,
    prospect_id, prospect_pair, text, user,
};
use sync_core::trace::Winner;
use sync_core::value::{FieldName, FieldType, FieldValue, NormalisedEmail};

const FIELDS: usize = 3;

fn behaviour() -> impl Strategy<Value = SyncBehaviour> {
    prop_oneof![
        Just(SyncBehaviour::UseSalesforce),
        Just(SyncBehaviour::UseAccountEngagement),
        Just(SyncBehaviour::MostRecentRecord),
    ]
}

fn blanks() -> impl Strategy<Value = BlankRule> {
    prop_oneof![
        Just(BlankRule::ValueWins),
        Just(BlankRule::SalesforceBlankWins),
        Just(BlankRule::BlankIsValue),
    ]
}

fn direction() -> impl Strategy<Value = Direction> {
    prop_oneof![
        4 => Just(Direction::Both),
        1 => Just(Direction::ToSalesforce),
        1 => Just(Direction::ToProspect),
    ]
}

fn mapping() -> impl Strategy<Value = Config> {
    let entry = (behaviour(), blanks(), direction(), any::<bool>());
    let modes = (any::<bool>(), any::<bool>(), any::<bool>());
    (vec(entry, FIELDS), modes).prop_map(|(entries, (is_ampsea, by_email, as_contact))| {
        let fields = entries
            .into_iter()
            .enumerate()
            .map(|(index, (behaviour, blanks, direction, opt_out))| {
                // The last one is a required field of Salesforce.
                let names = [("f0", "F0__c"), ("f1", "Account.F1"), ("f2", "LastName")];
                let (prospect, crm) = names[index];
                FieldEntry {
                    behaviour,
                    blanks,
                    direction,
                    opt_out,
                    ..field(prospect, crm)
                }
            })
            .collect();
        let config = config().mapping(fields);
        let config = if is_ampsea {
            config
        } else {
            config.non_ampsea()
        };
        let config = if by_email {
            config.match_by_email()
        } else {
            config
        };
        if as_contact {
            config.create_as(CrmObject::Contact)
        } else {
            config
        }
    })
}

/// Values of one side: few, so that sides agree often.
fn tiny() -> impl Strategy<Value = FieldValue> {
    prop_oneof![
        Just(FieldValue::Blank),
        Just(text("x")),
        Just(text("y")),
        any::<bool>().prop_map(FieldValue::Boolean),
    ]
}

/// Blank or a value that no other side or field has.
fn unique(side: &'static str, index: usize) -> impl Strategy<Value = FieldValue> {
    prop_oneof![1 => Just(FieldValue::Blank), 3 => Just(text(&format!("{side}{index}")))]
}

/// The values of Account Engagement, Salesforce and the base, by field.
type Triples = Vec<(FieldValue, FieldValue, Option<FieldValue>)>;

fn triples() -> impl Strategy<Value = Triples> {
    let tiny = vec((tiny(), tiny(), option::of(tiny())), FIELDS);
    let unique: Vec<_> = (0..FIELDS)
        .map(|index| {
            (
                unique("ae", index),
                unique("sf", index),
                option::of(unique("base", index)),
            )
        })
        .collect();
    prop_oneof![tiny, unique]
}

fn linked_pair() -> impl Strategy<Value = Pair> {
    (triples(), 0..3_i64, 0..3_i64, any::<bool>()).prop_map(
        |(triples, modified, updated, is_lead)| {
            let mut crm = if is_lead { lead(1) } else { contact(1) }.modified(at(modified));
            let mut marketing = prospect(1).updated(at(updated));
            let mut base = Values::new();
            for (index, (in_ae, in_sf, agreed)) in triples.into_iter().enumerate() {
                let name = format!("f{index}");
                marketing = marketing.holding(&name, in_ae);
                crm = crm.holding(&name, in_sf);
                if let Some(agreed) = agreed {
                    base.insert(FieldName(name), agreed);
                }
            }
            let mut pair = linked(crm.owner(user(1)), marketing);
            pair.link.base = base;
            pair
        },
    )
}

fn values_of(pair: &Pair, name: &FieldName) -> [FieldValue; 2] {
    let of = |values: &Values| values.get(name).cloned().unwrap_or(FieldValue::Blank);
    [
        of(&pair.prospect.present().unwrap().values),
        of(&pair.crm.present().unwrap().values),
    ]
}

fn crm_record() -> impl Strategy<Value = CrmRecord> {
    let stamps = (-1_002..3_i64, 0..3_i64);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (
        1..4_u64,
        stamps,
        flags,
        option::of(tiny()),
        option::of(key()),
    )
        .prop_map(
            |(
                number,
                (created, modified),
                (is_lead, has_email, is_converted, is_unreadable),
                value,
                key,
            )| {
                let record = if is_lead {
                    lead(number)
                } else {
                    contact(number)
                };
                let mut record = record
                    .created(at(created))
                    .modified(at(modified))
                    .owner(user(number));
                record.key = key;
                if has_email {
                    record = record.email("a@x.test");
                }
                if is_converted && is_lead {
                    record = record.converted_to(None);
                }
                if is_unreadable {
                    record = record.not_readable("f0");
                }
                match value {
                    Some(value) => record.holding("f0", value),
                    None => record,
                }
            },
        )
}

fn prospect_record() -> impl Strategy<Value = ProspectRecord> {
    let native = prop_oneof![
        4 => Just(NativeCrmId::None),
        1 => Just(NativeCrmId::Ignore),
        1 => Just(NativeCrmId::CrmDeleted),
        2 => (1..4_u64).prop_map(|number| NativeCrmId::Record(lead_id(number))),
    ];
    let assigned = option::of(1..3_u64);
    (
        1..4_u64,
        any::<bool>(),
        assigned,
        native,
        option::of(tiny()),
        option::of(key()),
    )
        .prop_map(|(number, has_email, assigned_to, native, value, key)| {
            let mut record = prospect(number).showing(native);
            record.assigned_to = assigned_to;
            record.key = key;
            if has_email {
                record = record.email("a@x.test");
            }
            match value {
                Some(value) => record.holding("f0", value),
                None => record,
            }
        })
}

fn key() -> impl Strategy<Value = PairKey> {
    let origin = prop_oneof![
        (1..4_u64).prop_map(|number| RecordRef::Crm(lead_id(number))),
        (1..4_u64).prop_map(|number| RecordRef::Crm(contact_id(number))),
        (1..4_u64).prop_map(|number| RecordRef::Prospect(prospect_id(number))),
    ];
    (origin, 0..3_u32).prop_map(|(origin, parted)| match PairKey::of(origin) {
        key if parted == 0 => key.parted_at(at(0)),
        key => key,
    })
}

fn side<R: std::fmt::Debug + Clone + 'static>(
    record: impl Strategy<Value = R> + 'static,
) -> impl Strategy<Value = Side<R>> {
    prop_oneof![
        4 => record.prop_map(Side::Present),
        2 => Just(Side::Unlinked),
        1 => Just(Side::Missing),
        1 => option::of((1..4_u64).prop_map(lead_id))
            .prop_map(|merged_into| Side::Deleted { merged_into }),
    ]
}

fn belongs() -> impl Strategy<Value = Belongs> {
    prop_oneof![
        Just(Belongs::ToNobody),
        Just(Belongs::ToPairAtWork),
        Just(Belongs::ToAnotherPair)
    ]
}

fn candidates<R: std::fmt::Debug + Clone + 'static>(
    record: impl Strategy<Value = R> + 'static,
) -> impl Strategy<Value = Candidates<R>> {
    let candidate = (record, belongs()).prop_map(|(record, belongs)| Candidate { record, belongs });
    prop_oneof![
        Just(Candidates::NotRead),
        vec(candidate, 0..4).prop_map(Candidates::Found)
    ]
}

fn cause() -> impl Strategy<Value = Cause> {
    prop_oneof![
        Just(Cause::Poll),
        Just(Cause::Deleted),
        Just(Cause::SyncNow),
        Just(Cause::SendNow),
        Just(Cause::CaughtUp),
        Just(Cause::Reconcile),
    ]
}

fn link_state() -> impl Strategy<Value = LinkState> {
    prop_oneof![
        Just(LinkState::Pending),
        Just(LinkState::Linked),
        Just(LinkState::Skipped(SkipReason::NoEmail)),
        Just(LinkState::Skipped(SkipReason::UnassignedNoMatch)),
        Just(LinkState::Held(HoldReason::Paused)),
    ]
}

fn link() -> impl Strategy<Value = Link> {
    let intent = prop_oneof![
        Just(IntentKind::CreateCrm),
        Just(IntentKind::CreateProspect),
        Just(IntentKind::Update),
    ];
    let ids = (option::of(1..4_u64), option::of(1..4_u64));
    let rest = (
        link_state(),
        option::of(intent),
        option::of(-60..90_i64),
        option::of(tiny()),
    );
    let flags = (any::<bool>(), any::<bool>(), 0..3_u64);
    let deleted = (any::<bool>(), any::<bool>());
    (key(), ids, rest, flags, deleted).prop_map(
        |(
            key,
            (crm, marketing),
            (state, kind, lease, base),
            (has_open_error, lacked_email, version),
            (is_crm_deleted, is_marked),
        )| {
            let mut link = Link::new(business_unit(), key);
            link.crm_id = link.crm_id.or(crm.map(lead_id));
            link.prospect_id = link.prospect_id.or(marketing.map(prospect_id));
            link.state = state;
            link.intent = kind.map(|kind| Intent {
                id: "run/1".to_owned(),
                kind,
                lifecycle: None,
                at: at(0),
                writes_prospect: kind != IntentKind::CreateCrm,
                config_version: 0,
                plan: None,
            });
            link.lease_until = lease.map(at);
            link.base = base
                .map(|value| (FieldName::from("f0"), value))
                .into_iter()
                .collect();
            link.has_open_error = has_open_error;
            link.lacked_email = lacked_email;
            link.is_crm_deleted = is_crm_deleted;
            link.marked_in = is_marked.then(|| "SF_Record_Id__c".to_owned());
            link.version = version;
            link
        },
    )
}

fn created() -> impl Strategy<Value = Created> {
    prop_oneof![
        Just(Created::NotRead),
        Just(Created::Nothing),
        prospect_record().prop_map(|record| Created::Recycled(record.id)),
        prospect_record().prop_map(|record| Created::Present(Box::new(record))),
    ]
}

fn any_pair() -> impl Strategy<Value = Pair> {
    let native = prop_oneof![
        Just(Native::NotRead),
        (side(crm_record()), belongs()).prop_map(|(side, belongs)| Native::Read {
            side: Box::new(side),
            belongs
        }),
    ];
    let sides = (side(crm_record()), side(prospect_record()));
    let found = (
        candidates(crm_record()),
        candidates(crm_record()),
        (candidates(prospect_record()), created()),
    );
    let cause = (cause(), any::<bool>());
    (cause, link(), sides, found, native).prop_map(
        |(
            (cause, is_prospect_hinted),
            link,
            (crm, marketing),
            (crm_by_email, crm_by_key, (prospects_by_email, created)),
            native,
        )| {
            Pair {
                cause,
                is_prospect_hinted,
                link,
                crm,
                prospect: marketing,
                crm_by_email,
                crm_by_key,
                prospects_by_email,
                created,
                native,
            }
        },
    )
}

fn connector_state() -> impl Strategy<Value = ConnectorState> {
    prop_oneof![
        6 => Just(ConnectorState::Active),
        1 => Just(ConnectorState::Paused),
        1 => Just(ConnectorState::AuthFailed("refused".to_owned())),
    ]
}

fn is_usable(record: &CrmRecord) -> bool {
    record.converted.is_none() && record.unreadable.is_empty()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_merge_invents_no_value(config in mapping(), pair in linked_pair()) {
        let world = World::new(config);
        let decision = world.decide(&pair);
        for (name, value) in &decision.merged {
            prop_assert!(values_of(&pair, name).contains(value), "{name} ends with {value}");
        }
        let after = world.written(&pair, &decision);
        for entry in &world.config.fields.0 {
            let before = values_of(&pair, &entry.prospect);
            for value in values_of(&after, &entry.prospect) {
                prop_assert!(before.contains(&value), "{} ends with {value}", entry.prospect);
            }
        }
    }

    #[test]
    fn a_merge_is_idempotent(config in mapping(), pair in linked_pair()) {
        let world = World::new(config);
        let after = world.written(&pair, &world.decide(&pair));
        prop_assert_eq!(world.decide(&after).outcome, Outcome::Nothing);
    }

    #[test]
    fn a_merge_converges_in_one_round(config in mapping(), pair in linked_pair()) {
        let world = World::new(config);
        let decision = world.decide(&pair);
        let after = world.written(&pair, &decision);
        let forbidden: Vec<&FieldName> = decision
            .trace
            .fields
            .iter()
            .filter(|field| field.winner == Winner::Neither)
            .map(|field| &field.field)
            .collect();
        for entry in &world.config.fields.0 {
            let [in_ae, in_sf] = values_of(&after, &entry.prospect);
            let may_differ = forbidden.contains(&&entry.prospect);
            prop_assert!(may_differ || in_ae == in_sf, "{} differs", entry.prospect);
            prop_assert!(!may_differ || entry.direction_on(pair.crm_id().unwrap().object()) != Direction::Both);
        }
    }

    #[test]
    fn a_write_in_between_that_is_repeated_is_harmless(config in mapping(), pair in linked_pair()) {
        // A crash after the writes and before the commit: the old row meets the new records.
        let world = World::new(config);
        let mut crashed = world.written(&pair, &world.decide(&pair));
        crashed.link = pair.link.clone();
        match world.decide(&crashed).outcome {
            Outcome::Nothing => {}
            Outcome::Update { to_crm, to_prospect, .. } => {
                prop_assert!(to_crm.is_empty() && to_prospect.is_empty());
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn a_field_is_symmetric_under_side_swap(
        in_ae in tiny(), in_sf in tiny(), base in option::of(tiny()),
        behaviour in behaviour(), value_wins in any::<bool>(), sf_is_newer in any::<bool>(),
    ) {
        let blanks = if value_wins { BlankRule::ValueWins } else { BlankRule::BlankIsValue };
        let newer = if sf_is_newer { Newer::Salesforce } else { Newer::AccountEngagement };
        let entry = FieldEntry { behaviour, blanks, ..field("f", "F") };
        let state =
            FieldState { account_engagement: &in_ae, salesforce: &in_sf, base: FieldBase::agreed(base.as_ref()), newer };
        let mirrored_entry = FieldEntry {
            behaviour: match behaviour {
                SyncBehaviour::UseSalesforce => SyncBehaviour::UseAccountEngagement,
                SyncBehaviour::UseAccountEngagement => SyncBehaviour::UseSalesforce,
                SyncBehaviour::MostRecentRecord => SyncBehaviour::MostRecentRecord,
            },
            ..entry.clone()
        };
        let mirrored_state = FieldState {
            account_engagement: &in_sf,
            salesforce: &in_ae,
            base: FieldBase::agreed(base.as_ref()),
            newer: if sf_is_newer { Newer::AccountEngagement } else { Newer::Salesforce },
        };
        let verdict = decide_field(&entry, Direction::Both, state);
        let mirrored = decide_field(&mirrored_entry, Direction::Both, mirrored_state);
        let expected = match verdict.winner {
            Winner::Salesforce => Winner::AccountEngagement,
            Winner::AccountEngagement => Winner::Salesforce,
            same @ (Winner::Same | Winner::Neither) => same,
        };
        prop_assert_eq!((mirrored.winner, mirrored.conflict), (expected, verdict.conflict));
    }

    #[test]
    fn an_ambiguous_opt_out_is_never_turned_off(
        in_ae in any::<bool>(), in_sf in any::<bool>(), behaviour in behaviour(), blanks in blanks(),
    ) {
        let entry = FieldEntry { behaviour, blanks, opt_out: true, ..field("optedOut", "OptOut") };
        let (in_ae_value, in_sf_value) = (FieldValue::Boolean(in_ae), FieldValue::Boolean(in_sf));
        let state = FieldState {
            account_engagement: &in_ae_value,
            salesforce: &in_sf_value,
            base: FieldBase::agreed(None),
            newer: Newer::Tie,
        };
        let ends_opted_out = match decide_field(&entry, Direction::Both, state).winner {
            Winner::AccountEngagement => in_ae,
            Winner::Same | Winner::Salesforce | Winner::Neither => in_sf,
        };
        prop_assert_eq!(ends_opted_out, in_ae || in_sf);
    }

    #[test]
    fn decide_and_settle_are_total_and_deterministic(
        config in mapping(), pair in any_pair(), state in connector_state(),
    ) {
        let world = World::new(config).state(state);
        let decision = world.decide(&pair);
        prop_assert_eq!(&world.decide(&pair), &decision);
        let settled = settle(&pair.link, &decision, &WriteResults::default(), at(60));
        prop_assert_eq!(settled.link.version, pair.link.version);
        prop_assert!(!decision.trace.to_string().contains("a@x.test"));
    }

    #[test]
    fn a_skipped_or_held_pair_that_did_not_change_is_not_stored_again(
        config in mapping(), pair in any_pair(), state in connector_state(),
    ) {
        let world = World::new(config).state(state);
        let decision = world.decide(&pair);
        if matches!(decision.outcome, Outcome::Skip(_) | Outcome::Hold(_)) {
            let mut again = pair.clone();
            again.link = settle(&pair.link, &decision, &WriteResults::default(), at(60)).link;
            again.link.version += 1;
            let second = settle(&again.link, &world.decide(&again), &WriteResults::default(), at(61));
            let still_the_same = world.decide(&again).outcome == decision.outcome;
            prop_assert!(!still_the_same || second.link == again.link);
        }
    }

    #[test]
    fn nothing_is_written_to_a_record_that_is_taken_converted_or_unreadable(
        config in mapping(), pair in any_pair(),
    ) {
        let world = World::new(config);
        if let Outcome::Update { crm, prospect: partner, .. } = world.decide(&pair).outcome {
            let mut records: Vec<&CrmRecord> = pair.crm.present().into_iter().collect();
            for found in [&pair.crm_by_email, &pair.crm_by_key] {
                if let Candidates::Found(found) = found {
                    records.extend(found.iter().map(|candidate| &candidate.record));
                }
            }
            if let Native::Read { side, .. } = &pair.native {
                records.extend(side.present());
            }
            let usable = records.into_iter().filter(|record| record.id == crm).any(is_usable);
            prop_assert!(usable, "{crm} may not be written");
            let own = pair.prospect.present().into_iter();
            let found = match &pair.prospects_by_email {
                Candidates::Found(found) => found.as_slice(),
                Candidates::NotRead => &[],
            };
            let created = match &pair.created {
                Created::Present(record) => Some(&**record),
                Created::NotRead | Created::Nothing | Created::Recycled(_) => None,
            };
            let found = found.iter().map(|candidate| &candidate.record);
            let mut prospects = own.chain(created).chain(found);
            let may_sync = prospects.any(|record| {
                let is_on = matches!(
                    record.native_crm_id, NativeCrmId::None | NativeCrmId::Record(_)
                );
                record.id == partner && is_on
            });
            prop_assert!(may_sync, "prospect {partner} is switched off");
        }
    }

    #[test]
    fn r41_a_create_in_salesforce_needs_an_assignment_and_an_address(
        config in mapping(), pair in any_pair(),
    ) {
        let decision = World::new(config).decide(&pair);
        if matches!(decision.outcome, Outcome::CreateCrm { .. }) {
            let record = pair.prospect.present().unwrap();
            prop_assert!(record.assigned_to.is_some() && record.email.is_some());
        }
    }

    #[test]
    fn a_failed_round_changes_no_base(config in mapping(), pair in linked_pair()) {
        let world = World::new(config);
        let decision = world.decide(&pair);
        let failed = WriteResults {
            crm: WriteResult::Failed(sync_core::settle::WriteFailure {
                service: Service::Salesforce,
                class: sync_core::error::ErrorClass::Transient,
                code: "503".to_owned(),
                fields: Vec::new(),
                message: "down".to_owned(),
                may_have_landed: true,
            }),
            prospect: WriteResult::NotTried,
            is_marked: false,
        };
        if matches!(decision.outcome, Outcome::Update { .. }) {
            let next = settle(&pair.link, &decision, &failed, at(60)).link;
            for field in &decision.trace.fields {
                prop_assert_eq!(next.base.get(&field.field), field.base.as_ref());
            }
        }
    }

    #[test]
    fn a_link_comes_back_from_its_stored_form(
        config in mapping(), pair in any_pair(), state in connector_state(),
    ) {
        let world = World::new(config).state(state);
        let link = settle(&pair.link, &world.decide(&pair), &WriteResults::default(), at(60)).link;
        let stored = serde_json::to_string(&link).unwrap();
        let read: Link = serde_json::from_str(&stored).unwrap();
        prop_assert_eq!(read, link);
    }

    #[test]
    fn a_change_batch_comes_back_from_the_queue(
        hints in vec((key(), option::of(key()), cause()), 0..5), seconds in 0..9_i64,
    ) {
        let hint = |(record, pair, cause): (PairKey, Option<PairKey>, Cause)| ChangeHint {
            record: record.origin().clone(), pair, cause,
        };
        let batch = ChangeBatch {
            version: CHANGE_BATCH_VERSION,
            business_unit: business_unit(),
            run: "run".to_owned(),
            enqueued_at: at(seconds),
            hints: hints.into_iter().map(hint).collect(),
        };
        let sent = serde_json::to_string(&batch).unwrap();
        let received: ChangeBatch = serde_json::from_str(&sent).unwrap();
        prop_assert_eq!(received, batch);
    }
}

/// A value in canonical form, with its type.
fn canonical() -> impl Strategy<Value = (FieldType, FieldValue)> {
    let trimmed = "[a-zA-Z0-9éß'@.-]{1,12}";
    let number = (any::<i64>(), 0..12_u32)
        .prop_map(|(digits, scale)| FieldValue::Number(Decimal::new(digits, scale).normalize()));
    let day = (1..9_999_i16, 1..=12_i8, 1..=28_i8)
        .prop_map(|(year, month, day)| FieldValue::Date(jiff::civil::date(year, month, day)));
    let instant = (-2_000_000_000..4_000_000_000_i64)
        .prop_map(|second| FieldValue::DateTime(jiff::Timestamp::from_second(second).unwrap()));
    prop_oneof![
        trimmed.prop_map(|value| (FieldType::Text, text(&value))),
        " ?[a-zA-Z]{1,9} ?".prop_map(|value| (FieldType::Picklist, text(&value))),
        "[a-z0-9.]{1,9}@[a-z]{1,9}".prop_map(|value| (FieldType::Email, text(&value))),
        number.prop_map(|value| (FieldType::Number, value)),
        any::<bool>().prop_map(|value| (FieldType::Boolean, FieldValue::Boolean(value))),
        day.prop_map(|value| (FieldType::Date, value)),
        instant.prop_map(|value| (FieldType::DateTime, value)),
        btree_set(trimmed, 1..4).prop_map(|set| (FieldType::MultiSelect, FieldValue::Set(set))),
        Just((FieldType::Text, FieldValue::Blank)),
        Just((FieldType::MultiSelect, FieldValue::Blank)),
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        ".{0,12}".prop_map(Value::String),
        "[ ;a-z]{0,9}".prop_map(Value::String),
        "-?[0-9]{1,30}(\\.[0-9]{1,30})?(e[0-9]{1,2})?".prop_map(Value::String),
        "20[0-9]{2}-[01][0-9]-[0-3][0-9](T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{3})?(Z|[+-][01][0-9]:?[0-5][0-9]))?"
            .prop_map(Value::String),
        vec("[ ;a-z]{0,4}", 0..4).prop_map(|values| json!(values)),
        Just(json!({"street": "Main"})),
    ]
}

fn field_type() -> impl Strategy<Value = FieldType> {
    prop_oneof![
        Just(FieldType::Text),
        Just(FieldType::Email),
        Just(FieldType::Number),
        Just(FieldType::Boolean),
        Just(FieldType::Date),
        Just(FieldType::DateTime),
        Just(FieldType::Picklist),
        Just(FieldType::MultiSelect),
    ]
}

fn service() -> impl Strategy<Value = Service> {
    prop_oneof![Just(Service::Salesforce), Just(Service::AccountEngagement)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back((field_type, value) in canonical(), service in service()) {
        let field = FieldName::from("field");
        let written = write_value(service, &value);
        let read = read_value(service, &field, field_type, &written, &TimeZone::UTC).unwrap();
        prop_assert_eq!(&read, &value);
        prop_assert_eq!(read.to_string(), value.to_string());
    }

    #[test]
    fn what_one_service_says_the_other_understands(
        json in any_json(), field_type in field_type(), from in service(), to in service(),
    ) {
        // The normal form law n(n(x)) = n(x), across services and in any time zone.
        let field = FieldName::from("field");
        let zone = TimeZone::get("Asia/Tokyo").unwrap();
        if let Ok(value) = read_value(from, &field, field_type, &json, &zone) {
            let again = read_value(to, &field, field_type, &write_value(to, &value), &zone);
            prop_assert_eq!(again, Ok(value));
        }
    }

    #[test]
    fn a_normalised_address_is_normal(address in ".{0,16}") {
        if let Some(once) = NormalisedEmail::new(&address) {
            prop_assert_eq!(NormalisedEmail::new(once.as_str()), Some(once));
        }
    }

    #[test]
    fn an_instant_is_whole_seconds(text in ".{0,30}") {
        if let Some(instant) = parse_instant(&text) {
            prop_assert_eq!(instant.subsec_nanosecond(), 0);
        }
    }

    #[test]
    fn a_set_has_no_order(values in btree_set("[a-z]{1,4}", 0..5)) {
        let field = FieldName::from("field");
        let read = |json: Value| {
            read_value(Service::Salesforce, &field, FieldType::MultiSelect, &json, &TimeZone::UTC)
        };
        let forwards: Vec<String> = values.iter().cloned().collect();
        let backwards: Vec<String> = values.iter().rev().cloned().collect();
        prop_assert_eq!(read(json!(forwards.join(";"))), read(json!(backwards)));
    }
}

#[test]
fn a_create_is_settled_after_at_most_one_look() {
    // Not every mapped field travels on a create, so the next look completes the base.
    let world = World::new(config());
    let pair = prospect_pair(
        prospect(1)
            .email("a@x")
            .assigned(1)
            .value("firstName", "Ann"),
    );
    let decision = world.decide(&pair);
    let Outcome::CreateCrm { object, fields } = &decision.outcome else {
        panic!("no create")
    };
    let mut crm = lead(1).email("a@x").carrying(fields.key.clone().unwrap());
    crm.owner.clone_from(&fields.owner);
    for (name, value) in &fields.fields {
        let entry = world
            .config
            .fields
            .0
            .iter()
            .find(|e| e.crm_field(*object) == Some(name));
        let is_placeholder = *value == text("[[Unknown]]");
        if let (Some(entry), false) = (entry, is_placeholder) {
            crm = crm.holding(&entry.prospect.0, value.clone());
        }
    }
    let results = WriteResults {
        crm: WriteResult::Written(crm.id.clone()),
        ..WriteResults::default()
    };
    let mut created = pair.clone();
    created.link = settle(&pair.link, &decision, &results, at(60)).link;
    created.crm = Side::Present(crm);
    let second = world.decide(&created);
    let Outcome::Update {
        to_crm,
        to_prospect,
        ..
    } = &second.outcome
    else {
        panic!("no update")
    };
    assert!(to_crm.is_empty() && to_prospect.is_empty());
    let third = world.written(&created, &second);
    assert_eq!(world.decide(&third).outcome, Outcome::Nothing);
}

#[test]
fn the_unique_domain_is_unique() {
    let names: BTreeSet<String> = (0..FIELDS)
        .flat_map(|index| ["ae", "sf", "base"].map(|side| format!("{side}{index}")))
        .collect();
    assert_eq!(names.len(), 3 * FIELDS);
}
