//! What state, configuration and cursors rest on: optimistic versions and immutability.

use std::collections::BTreeMap;

use serde_json::json;
use sync_core::coerce::Service;
use sync_core::config::{Config, ConnectorRow, ConnectorState, MappedSince};
use sync_core::ids::BusinessUnit;
use sync_core::pair::UserMap;
use sync_core::quota::UsedUp;
use sync_core::testing;
use sync_core::value::FieldName;

use super::{after, fresh_unit};
use crate::ports::{
    AuditEntry, Cursor, Holder, Listed, PassPage, ReconcileProgress, State, StoreError, Stream,
    Turn,
};

fn connector(unit: &BusinessUnit, version: u64) -> ConnectorRow {
    ConnectorRow {
        business_unit: unit.clone(),
        name: "Europe".to_owned(),
        state: ConnectorState::AuthFailed("invalid_grant".to_owned()),
        config_version: 1,
        mapped_since: MappedSince::from([(FieldName::from("city"), version)]),
        created_at: after(0),
        create_prospects_since: Some(after(1)),
        used_up: (version != 2).then(|| UsedUp {
            service: Service::AccountEngagement,
            until: after(3),
        }),
        changed_by: "ann".to_owned(),
        changed_at: after(2),
        version,
    }
}

fn cursor(read_to: i64, version: u64) -> Cursor {
    let recent = [("00Q000000000001EAA".to_owned(), after(read_to))];
    Cursor {
        read_to: after(read_to),
        polled_at: after(9),
        recent: BTreeMap::from(recent),
        version,
    }
}

/// Some configuration with this name.
fn config(unit: &BusinessUnit, name: &str) -> Config {
    Config {
        name: name.to_owned(),
        business_unit: unit.clone(),
        ..testing::config()
    }
}

/// Not an error.
pub async fn what_was_never_stored_is_absent(state: &impl State) {
    let unit = fresh_unit();
    assert_eq!(state.connector(&unit).await, Ok(None));
    assert_eq!(state.config(&unit, 1).await, Ok(None));
    assert_eq!(state.users(&unit).await, Ok(None));
    for stream in Stream::ALL {
        assert_eq!(state.cursor(&unit, stream).await, Ok(None));
    }
}

/// An operator and a failed log-in never overwrite each other.
pub async fn a_connector_is_stored_by_who_read_its_last_version(state: &impl State) {
    let unit = fresh_unit();
    let early = state.put_connector(&connector(&unit, 2)).await;
    assert_eq!(early, Err(StoreError::Conflict));
    for version in 1..=3 {
        let row = connector(&unit, version);
        assert_eq!(state.put_connector(&row).await, Ok(()));
        assert_eq!(state.connector(&unit).await, Ok(Some(row)));
    }
    for version in [1, 2, 3, 5] {
        let answer = state.put_connector(&connector(&unit, version)).await;
        assert_eq!(answer, Err(StoreError::Conflict), "version {version}");
    }
}

/// What a trace refers to can be read for ever.
pub async fn a_configuration_version_never_changes(state: &impl State) {
    let unit = fresh_unit();
    for version in [1, 2] {
        let stored = config(&unit, &format!("version {version}"));
        assert_eq!(state.put_config(version, &stored).await, Ok(()));
        let other = config(&unit, "another");
        let answer = state.put_config(version, &other).await;
        assert_eq!(answer, Err(StoreError::Conflict));
        assert_eq!(state.config(&unit, version).await, Ok(Some(stored)));
    }
    assert_eq!(state.config(&fresh_unit(), 1).await, Ok(None));
}

/// Two polls at once never move one back.
pub async fn every_stream_has_a_cursor_of_its_own(state: &impl State) {
    let unit = fresh_unit();
    for (number, stream) in (0_i64..).zip(Stream::ALL) {
        for version in [1, 2] {
            let stored = cursor(number * 1000, version);
            assert_eq!(state.put_cursor(&unit, stream, &stored).await, Ok(()));
            let late = cursor(0, version);
            let answer = state.put_cursor(&unit, stream, &late).await;
            assert_eq!(answer, Err(StoreError::Conflict));
        }
    }
    for (number, stream) in (0_i64..).zip(Stream::ALL) {
        let stored = state.cursor(&unit, stream).await;
        assert_eq!(stored, Ok(Some(cursor(number * 1000, 2))));
    }
}

/// With when they were read.
pub async fn the_last_users_are_kept(state: &impl State) {
    let unit = fresh_unit();
    let some = json!([{ "user_id": 7, "salesforce_id": "005000000000001" }]);
    let some: UserMap = serde_json::from_value(some).expect("users");
    for (users, at) in [(some, after(1)), (UserMap(Vec::new()), after(2))] {
        assert_eq!(state.put_users(&unit, &users, at).await, Ok(()));
        assert_eq!(state.users(&unit).await, Ok(Some((users, at))));
    }
}

/// By who read its last version, so that two comparisons never overtake each other.
pub async fn a_comparison_goes_on_where_it_stopped(state: &impl State) {
    let unit = fresh_unit();
    assert_eq!(state.reconcile_progress(&unit).await, Ok(None));
    let page = |listed, token: Option<&str>| PassPage {
        listed,
        token: token.map(str::to_owned),
    };
    let pages = [
        Some(page(Listed::Linked, Some("linked/c:00Q000000000001EAA"))),
        Some(page(Listed::Pending, None)),
        Some(page(Listed::Held, None)),
        None,
    ];
    for (version, next) in (1..).zip(pages) {
        let progress = ReconcileProgress {
            started_at: after(1),
            next,
            hinted: version * 10,
            version,
        };
        let stored = state.put_reconcile_progress(&unit, &progress).await;
        assert_eq!(stored, Ok(()));
        let again = state.put_reconcile_progress(&unit, &progress).await;
        assert_eq!(again, Err(StoreError::Conflict));
        assert_eq!(state.reconcile_progress(&unit).await, Ok(Some(progress)));
    }
    assert_eq!(state.reconcile_progress(&fresh_unit()).await, Ok(None));
}

/// Two holders never have it at the same time; one that died has it until its time is over.
pub async fn a_turn_is_refused_while_another_lasts(state: &impl State) {
    let (unit, other_unit) = (fresh_unit(), fresh_unit());
    let take = async |unit: &BusinessUnit, holder, until, now| {
        let until = after(until);
        state
            .put_turn(unit, &Turn { holder, until }, after(now))
            .await
    };
    let refused = Err(StoreError::Conflict);
    assert_eq!(take(&unit, Holder::Poller, 100, 0).await, Ok(()));
    assert_eq!(take(&unit, Holder::Reconciler, 150, 99).await, refused);
    assert_eq!(take(&other_unit, Holder::Reconciler, 150, 99).await, Ok(()));
    // Longer, and then over before its time.
    assert_eq!(take(&unit, Holder::Poller, 200, 99).await, Ok(()));
    assert_eq!(take(&unit, Holder::Reconciler, 300, 150).await, refused);
    assert_eq!(take(&unit, Holder::Poller, 160, 160).await, Ok(()));
    assert_eq!(take(&unit, Holder::Reconciler, 300, 160).await, Ok(()));
    assert_eq!(take(&unit, Holder::Poller, 400, 299).await, refused);
    assert_eq!(take(&unit, Holder::Poller, 400, 300).await, Ok(()));
}

/// Also the same one twice.
pub async fn an_audit_entry_is_taken(state: &impl State) {
    let unit = fresh_unit();
    let entry = AuditEntry {
        at: after(1),
        actor: "ann".to_owned(),
        action: "pause".to_owned(),
    };
    for _ in 0..2 {
        assert_eq!(state.audit(&unit, &entry).await, Ok(()));
    }
}
