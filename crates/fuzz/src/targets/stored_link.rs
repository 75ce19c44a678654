//! Links of every shape, made of the bytes: stored and read back as the same.

use std::collections::BTreeSet;

use aws::dynamodb::testing::{document, read};
use rust_decimal::Decimal;
use sync_core::PutBacks;
use sync_core::conflict::Conflict;
use sync_core::decision::{HoldReason, SkipReason};
use sync_core::key::{PairKey, RecordRef};
use sync_core::link::{Intent, IntentKind, LastWrite, Lifecycle, Link, LinkState, Plan, Seen};
use sync_core::record::Values;
use sync_core::testing::{business_unit, contact_id, lead_id, prospect_id};
use sync_core::trace::{FieldTrace, RuleId, Trace, Winner};
use sync_core::value::{FieldName, FieldValue};

use crate::entropy::Entropy;

/// One link.
pub(super) fn link(input: &[u8]) {
    let mut entropy = Entropy::new(input);
    let link = any_link(&mut entropy);
    let stored = document(&link).expect("a link is JSON");
    let again: Link = read("1", &stored).expect("what we write is what we read");
    assert_eq!(again, link);
    assert_eq!(
        document(&again).as_deref(),
        Ok(stored.as_str()),
        "stored the same again"
    );
    assert!(
        read::<Link>("2", &stored).is_err(),
        "a later version is not ours to read"
    );
}

fn any_link(entropy: &mut Entropy<'_>) -> Link {
    let record = match entropy.below(3) {
        0 => RecordRef::Crm(lead_id(entropy.number() % 1_000_000_000_000)),
        1 => RecordRef::Crm(contact_id(entropy.number() % 1_000_000_000_000)),
        _ => RecordRef::Prospect(prospect_id(entropy.number().max(1))),
    };
    let skipped = [
        SkipReason::UnassignedNoMatch,
        SkipReason::NoEmail,
        SkipReason::SyncDisabled,
        SkipReason::CrmDeleted,
        SkipReason::PreviouslyDeleted,
        SkipReason::DeletedUnlinked,
        SkipReason::ConvertedUnlinked,
        SkipReason::NotVisible,
        SkipReason::ProspectDeleted,
        SkipReason::AutoCreateOff,
        SkipReason::CreatedBeforeSetting,
        SkipReason::ProspectTaken,
    ];
    let held = [
        HoldReason::Paused,
        HoldReason::AuthFailed,
        HoldReason::CrmRecordMerged,
        HoldReason::LeadConverted,
        HoldReason::ProspectPurged,
    ];
    let state = match entropy.below(4) {
        0 => LinkState::Pending,
        1 => LinkState::Linked,
        2 => LinkState::Skipped(entropy.one_of(&skipped)),
        _ => LinkState::Held(entropy.one_of(&held)),
    };
    Link {
        state,
        crm_id: entropy.flag().then(|| lead_id(entropy.number() % 1_000)),
        prospect_id: entropy.flag().then(|| prospect_id(entropy.number().max(1))),
        base: values(entropy),
        base_version: entropy.number(),
        intent: entropy.flag().then(|| intent(entropy)),
        lease_until: entropy.flag().then(|| entropy.instant()),
        prospect_seen: entropy.flag().then(|| Seen {
            updated: entropy.instant(),
            content: entropy.flag().then(|| entropy.number()),
            is_one_of_two: entropy.flag(),
            at: entropy.instant(),
        }),
        prospect_write: entropy.flag().then(|| LastWrite {
            token: entropy.text(),
            at: entropy.instant(),
        }),
        is_crm_deleted: entropy.flag(),
        moved_at: entropy.flag().then(|| entropy.instant()),
        put_backs: entropy.flag().then(|| PutBacks {
            times: u32::from(entropy.byte()),
            last: entropy.instant(),
        }),
        version: entropy.number(),
        synced_at: entropy.flag().then(|| entropy.instant()),
        lacked_email: entropy.flag(),
        has_open_error: entropy.flag(),
        last_trace: entropy.flag().then(|| trace(entropy)),
        conflicts: conflicts(entropy),
        marked_in: entropy.flag().then(|| entropy.text()),
        ..Link::new(business_unit(), PairKey::of(record))
    }
}

fn intent(entropy: &mut Entropy<'_>) -> Intent {
    let kinds = [
        IntentKind::CreateCrm,
        IntentKind::CreateProspect,
        IntentKind::Update,
    ];
    let lifecycles = [Lifecycle::Retire, Lifecycle::Restore, Lifecycle::Mark];
    Intent {
        id: entropy.text(),
        kind: entropy.one_of(&kinds),
        lifecycle: entropy.flag().then(|| entropy.one_of(&lifecycles)),
        at: entropy.instant(),
        writes_prospect: entropy.flag(),
        config_version: entropy.number(),
        plan: entropy.flag().then(|| Plan {
            target: values(entropy),
            salesforce: entropy.flag().then(|| values(entropy)),
            account_engagement: entropy.flag().then(|| values(entropy)),
        }),
    }
}

fn values(entropy: &mut Entropy<'_>) -> Values {
    (0..entropy.below(5))
        .map(|_| (FieldName(entropy.text()), value(entropy)))
        .collect()
}

fn value(entropy: &mut Entropy<'_>) -> FieldValue {
    match entropy.below(7) {
        0 => FieldValue::Blank,
        1 => FieldValue::Text(entropy.text()),
        2 => {
            let digits = i128::from(entropy.number()) * i128::from(entropy.number() >> 32);
            let scale = u32::from(entropy.byte() % 29);
            FieldValue::Number(Decimal::from_i128_with_scale(digits, scale).normalize())
        }
        3 => FieldValue::Boolean(entropy.flag()),
        4 => {
            let day = entropy.instant().to_zoned(jiff::tz::TimeZone::UTC);
            FieldValue::Date(day.date())
        }
        5 => FieldValue::DateTime(entropy.instant()),
        _ => {
            let chosen: BTreeSet<String> = (0..entropy.below(4)).map(|_| entropy.text()).collect();
            FieldValue::Set(chosen)
        }
    }
}

fn conflicts(entropy: &mut Entropy<'_>) -> Vec<Conflict> {
    let of_trace = trace(entropy).fields.into_iter();
    of_trace
        .map(|field| Conflict {
            at: entropy.instant(),
            field,
        })
        .collect()
}

fn trace(entropy: &mut Entropy<'_>) -> Trace {
    let mut trace = Trace::default();
    for _ in 0..entropy.below(3) {
        let rejected = (0..entropy.below(3)).map(|n| lead_id(n as u64)).collect();
        trace.note_rejecting("M12", entropy.text(), rejected);
    }
    let winners = [
        Winner::Same,
        Winner::Salesforce,
        Winner::AccountEngagement,
        Winner::Neither,
    ];
    for _ in 0..entropy.below(3) {
        trace.fields.push(FieldTrace {
            field: FieldName(entropy.text()),
            rule: RuleId::new("F2"),
            account_engagement: value(entropy),
            salesforce: value(entropy),
            base: entropy.flag().then(|| value(entropy)),
            winner: entropy.one_of(&winners),
            conflict: entropy.flag(),
        });
    }
    trace
}
