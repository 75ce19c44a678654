//! Stored forms: what version 1 wrote must be readable for ever, because rows and messages outlive
//! a deployment. The samples are never edited; a new version gets new samples.

use serde_json::Value;
use sync_core::coerce::Service;
use sync_core::config::{ConnectorRow, ConnectorState};
use sync_core::decision::SkipReason;
use sync_core::hint::{CHANGE_BATCH_VERSION, Cause, ChangeBatch};
use sync_core::key::{PairKey, RecordRef};
use sync_core::link::{IntentKind, Link, LinkState};
use sync_core::quota::UsedUp;
use sync_core::testing::{at, business_unit, contact_id, lead_id, prospect_id, text};
use sync_core::trace::Winner;
use sync_core::value::FieldName;

const LINK: &str = include_str!("formats/link_v1.json");
const LINK_MINIMAL: &str = include_str!("formats/link_v1_minimal.json");
const CONNECTOR: &str = include_str!("formats/connector_v1.json");
const CONNECTOR_USED_UP: &str = include_str!("formats/connector_v1_used_up.json");
const CHANGE_BATCH: &str = include_str!("formats/change_batch_v1.json");

#[test]
fn a_link_of_version_1_is_read() {
    let link: Link = serde_json::from_str(LINK).unwrap();
    assert_eq!(link.business_unit, business_unit());
    assert_eq!(link.key, PairKey::of(RecordRef::Crm(lead_id(1))));
    assert_eq!(link.state, LinkState::Linked);
    assert_eq!(
        (link.crm_id, link.prospect_id),
        (Some(lead_id(1)), Some(prospect_id(1)))
    );
    assert_eq!(link.base.len(), 7, "one value of each kind");
    assert_eq!(
        link.base.get(&FieldName::from("firstName")),
        Some(&text("Ann"))
    );
    assert_eq!(link.intent.unwrap().kind, IntentKind::Update);
    assert_eq!(link.lease_until, Some(at(90)));
    assert_eq!((link.version, link.synced_at), (7, Some(at(0))));
    assert!(link.has_open_error);
    let trace = link.last_trace.unwrap();
    assert_eq!(trace.rules[0].rejected, [contact_id(2)]);
    assert_eq!(trace.fields[0].winner, Winner::Salesforce);
}

#[test]
fn a_link_without_the_optional_parts_is_read() {
    let link: Link = serde_json::from_str(LINK_MINIMAL).unwrap();
    assert_eq!(
        link.state,
        LinkState::Skipped(SkipReason::UnassignedNoMatch)
    );
    assert!(link.base.is_empty() && !link.has_open_error && !link.lacked_email);
    assert_eq!(link.last_trace, None);
}

#[test]
fn a_link_is_still_written_as_version_1() {
    let link: Link = serde_json::from_str(LINK).unwrap();
    let written: Value = serde_json::to_value(&link).unwrap();
    let sample: Value = serde_json::from_str(LINK).unwrap();
    for (name, value) in sample.as_object().unwrap() {
        assert_eq!(
            written.get(name),
            Some(value),
            "`{name}` is written differently"
        );
    }
}

#[test]
fn a_change_batch_of_version_1_is_read() {
    let batch: ChangeBatch = serde_json::from_str(CHANGE_BATCH).unwrap();
    assert_eq!(batch.version, CHANGE_BATCH_VERSION);
    assert_eq!(
        (batch.business_unit.clone(), batch.enqueued_at),
        (business_unit(), at(0))
    );
    let causes: Vec<Cause> = batch.hints.iter().map(|hint| hint.cause).collect();
    let expected = [
        Cause::Poll,
        Cause::Deleted,
        Cause::SyncNow,
        Cause::SendNow,
        Cause::CaughtUp,
    ];
    assert_eq!(causes, expected);
    assert_eq!(
        batch.hints[1].pair_key(),
        PairKey::of(RecordRef::Prospect(prospect_id(1)))
    );
    assert_eq!(
        batch.hints[2].pair_key(),
        PairKey::of(RecordRef::Prospect(prospect_id(3)))
    );
}

#[test]
fn a_change_batch_is_still_written_as_version_1() {
    let batch: ChangeBatch = serde_json::from_str(CHANGE_BATCH).unwrap();
    let sample: Value = serde_json::from_str(CHANGE_BATCH).unwrap();
    assert_eq!(serde_json::to_value(&batch).unwrap(), sample);
}

/// Rows from before there was such a field, and from after.
#[test]
fn a_connector_of_version_1_is_read_and_still_written() {
    let used_up = UsedUp {
        service: Service::AccountEngagement,
        until: at(3_600),
    };
    for (sample, expected) in [(CONNECTOR, None), (CONNECTOR_USED_UP, Some(used_up))] {
        let row: ConnectorRow = serde_json::from_str(sample).unwrap();
        assert_eq!(row.state, ConnectorState::AuthFailed("refused".to_owned()));
        assert_eq!((row.config_version, row.version), (3, 7));
        assert_eq!(row.used_up, expected);
        assert_eq!(row.used_up_at(at(3_599)), expected);
        assert_eq!(row.used_up_at(at(3_600)), None);
        let sample: Value = serde_json::from_str(sample).unwrap();
        assert_eq!(serde_json::to_value(&row).unwrap(), sample);
    }
}
