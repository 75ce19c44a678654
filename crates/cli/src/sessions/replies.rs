//! What the stack answers in the sessions.

use sync_core::coerce::Service;
use sync_core::config::lint::{Finding, Severity};
use sync_core::config::{ConnectorRow, ConnectorState, MappedSince};
use sync_core::conflict::Conflict;
use sync_core::decision::{HoldReason, SkipReason};
use sync_core::error::ErrorClass;
use sync_core::key::{PairKey, RecordRef};
use sync_core::link::{Link, LinkState};
use sync_core::protocol::{
    AdminReply, ConnectorStatus, CursorStatus, OwnField, OwnFieldState, QueueDepth, StatusReport,
};
use sync_core::quota::UsedUp;
use sync_core::settle::ErrorRow;
use sync_core::testing::{at, business_unit, contact_id, lead_id, prospect_id, text};
use sync_core::trace::{FieldTrace, RuleId, Trace, Winner};
use sync_core::value::{FieldName, FieldValue};

/// The connector row.
pub(super) fn row(state: ConnectorState) -> ConnectorRow {
    ConnectorRow {
        business_unit: business_unit(),
        name: "sample".to_owned(),
        state,
        config_version: 3,
        mapped_since: MappedSince::new(),
        created_at: at(-86_400),
        create_prospects_since: Some(at(-86_400)),
        used_up: None,
        changed_by: "ines@laptop (as told by the operator's machine)".to_owned(),
        changed_at: at(0),
        version: 7,
    }
}

/// A deployment with one connector.
pub(super) fn status(
    state: ConnectorState,
    polled: i64,
    open_errors: u64,
    dead: u64,
) -> AdminReply {
    let cursor = |stream: &str| CursorStatus {
        stream: stream.to_owned(),
        read_to: at(polled - 30),
        polled_at: at(polled),
    };
    let queue = |name: &str, waiting: u64| QueueDepth {
        name: name.to_owned(),
        waiting,
        in_flight: 0,
    };
    AdminReply::Status(StatusReport {
        version: "0.1.0".to_owned(),
        connector_version: 2,
        connectors: vec![ConnectorStatus {
            business_unit: business_unit(),
            row: Some(row(state)),
            cursors: ["Lead", "Contact", "Prospect"].map(cursor).into(),
            links: vec![("linked".to_owned(), 412), ("skipped".to_owned(), 88)],
            open_errors,
        }],
        queues: vec![
            queue("priority", 0),
            queue("bulk", 14),
            queue("priority-dlq", 0),
            queue("bulk-dlq", dead),
        ],
    })
}

/// One that has had no calls left until then, and was last polled an hour ago.
pub(super) fn status_used_up(until: i64) -> AdminReply {
    let AdminReply::Status(mut report) = status(ConnectorState::Active, 0, 0, 0) else {
        unreachable!("a status");
    };
    if let Some(row) = &mut report.connectors[0].row {
        row.used_up = Some(UsedUp {
            service: Service::AccountEngagement,
            until: at(until),
        });
    }
    AdminReply::Status(report)
}

/// A deployment before its first configuration.
pub(super) fn not_configured() -> AdminReply {
    AdminReply::Status(StatusReport {
        version: "0.1.0".to_owned(),
        connector_version: 2,
        connectors: vec![ConnectorStatus {
            business_unit: business_unit(),
            row: None,
            cursors: Vec::new(),
            links: Vec::new(),
            open_errors: 0,
        }],
        queues: Vec::new(),
    })
}

/// An open error and a closed one.
pub(super) fn error_rows() -> AdminReply {
    let first = ErrorRow {
        business_unit: business_unit(),
        pair: PairKey::of(RecordRef::Crm(lead_id(1))),
        crm_id: Some(lead_id(1)),
        prospect_id: Some(prospect_id(1_001)),
        class: ErrorClass::Record,
        code: "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST".to_owned(),
        fields: vec!["Region__c".to_owned()],
        message: "the picklist does not have this value".to_owned(),
        owner: "marketing operations".to_owned(),
        first_seen: at(-3_600),
        last_seen: at(0),
        attempts: 2,
        closed_at: None,
    };
    let second = ErrorRow {
        pair: PairKey::of(RecordRef::Prospect(prospect_id(1_002))),
        crm_id: None,
        prospect_id: Some(prospect_id(1_002)),
        class: ErrorClass::Schema,
        code: "ACCESS".to_owned(),
        fields: Vec::new(),
        message: "the CRM ID is not visible".to_owned(),
        owner: "Salesforce admin".to_owned(),
        first_seen: at(3_590),
        attempts: 1,
        closed_at: Some(at(3_595)),
        ..first.clone()
    };
    AdminReply::Errors {
        rows: vec![first, second],
        more: 1_300,
    }
}

fn field(name: &str, rule: &'static str, values: [&str; 3], winner: Winner) -> FieldTrace {
    let [salesforce, account_engagement, base] = values.map(text);
    FieldTrace {
        field: FieldName::from(name),
        rule: RuleId::new(rule),
        account_engagement,
        salesforce,
        base: Some(base),
        winner,
        conflict: false,
    }
}

/// The conflict of this trace, and an older one.
fn conflicts(trace: &Trace) -> Vec<Conflict> {
    let of_trace = trace.fields.iter().find(|entry| entry.conflict).cloned();
    let older = FieldTrace {
        conflict: true,
        ..field("city", "F2", ["Bonn", "Köln", "Kiel"], Winner::Salesforce)
    };
    let entries = [(at(-86_400), Some(older)), (at(0), of_trace)];
    let kept = entries.map(|(at, field)| field.map(|field| Conflict { at, field }));
    kept.into_iter().flatten().collect()
}

/// A linked pair after edits on both sides.
pub(super) fn edited_pair() -> Link {
    let mut trace = Trace::default();
    trace.note("M3", "linked: the pair is kept in step");
    let [german, french] = ["+49 30 901820", "+33 1 40205050"];
    trace.fields = vec![
        field(
            "phone",
            "R90",
            [german, french, german],
            Winner::AccountEngagement,
        ),
        FieldTrace {
            conflict: true,
            ..field(
                "jobTitle",
                "F2",
                ["CFO", "COO \"interim\"", "CEO"],
                Winner::Salesforce,
            )
        },
        FieldTrace {
            account_engagement: FieldValue::Boolean(true),
            salesforce: FieldValue::Boolean(false),
            base: None,
            ..field("optedOut", "R91", ["", "", ""], Winner::Neither)
        },
    ];
    Link {
        state: LinkState::Linked,
        crm_id: Some(lead_id(1)),
        prospect_id: Some(prospect_id(1_001)),
        synced_at: Some(at(0)),
        conflicts: conflicts(&trace),
        last_trace: Some(trace),
        ..Link::new(business_unit(), PairKey::of(RecordRef::Crm(lead_id(1))))
    }
}

/// A prospect with several matches.
pub(super) fn ambiguous_pair() -> Link {
    let mut trace = Trace::default();
    let rejected = vec![lead_id(2), contact_id(3)];
    trace.note_rejecting("M12", "several records have the address", rejected);
    trace.note("C7", "an unassigned prospect never creates a record");
    let key = PairKey::of(RecordRef::Prospect(prospect_id(1_002)));
    Link {
        state: LinkState::Skipped(SkipReason::UnassignedNoMatch),
        last_trace: Some(trace),
        ..Link::new(business_unit(), key)
    }
}

/// A page of links.
pub(super) fn links(rows: Vec<Link>, next: Option<&str>) -> AdminReply {
    AdminReply::Links {
        rows,
        next: next.map(str::to_owned),
    }
}

/// A pair that waits for the connector.
pub(super) fn held_pair() -> Link {
    Link {
        state: LinkState::Held(HoldReason::Paused),
        ..Link::new(business_unit(), PairKey::of(RecordRef::Crm(contact_id(3))))
    }
}

/// The connector's own fields, those of the prospect and of Lead in these states.
pub(super) fn set_up(
    on_prospect: OwnFieldState,
    on_lead: OwnFieldState,
    findings: Vec<Finding>,
) -> AdminReply {
    let named = |object: &str, name: &str, state| OwnField {
        object: object.to_owned(),
        name: name.to_owned(),
        state,
    };
    let [key, token] = ["Prospect_Sync_Key__c", "Prospect_Sync_Token__c"];
    let fields = vec![
        named("Prospect", key, on_prospect),
        named("Prospect", token, OwnFieldState::Found),
        named("Lead", key, on_lead),
        named("Lead", token, OwnFieldState::Found),
    ];
    AdminReply::SetUp { fields, findings }
}

/// A key field that Lead lacks.
pub(super) fn no_key_field() -> Vec<Finding> {
    let message = "`Prospect_Sync_Key__c` on Lead is not visible to the connector user, or does not \
                   exist; deploy infra/salesforce";
    vec![Finding {
        severity: Severity::Error,
        path: "salesforce.key_field".to_owned(),
        rule: "key_field".to_owned(),
        message: message.to_owned(),
    }]
}

/// An error and a warning.
pub(super) fn findings() -> Vec<Finding> {
    let finding = |severity, path: &str, rule: &str, message: &str| Finding {
        severity,
        path: path.to_owned(),
        rule: rule.to_owned(),
        message: message.to_owned(),
    };
    let misspelt = "`FristName` on Lead is not visible to the connector user or misspelt; did you \
                    mean `FirstName`?";
    vec![
        finding(Severity::Error, "fields[1].lead", "R12", misspelt),
        finding(
            Severity::Warning,
            "fields[13].lead",
            "R96",
            "`Region__c` on Lead takes only its 3 values",
        ),
    ]
}
