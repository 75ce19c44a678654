//! A prospect of the API as a record to decide about.

use std::collections::BTreeSet;

use account_engagement::{Error, Fields, Prospect};
use serde_json::Value;
use sync_core::coerce::Service;
use sync_core::config::Config;
use sync_core::ids::{BusinessUnit, CrmId};
use sync_core::key::PairKey;
use sync_core::record::{NativeCrmId, ProspectRecord};
use sync_core::value::NormalisedEmail;

use super::read_values;
use crate::ports::ServiceError;

/// The record, with values coerced to the types of the field map.
pub(super) fn record(
    unit: &BusinessUnit,
    config: &Config,
    prospect: &Prospect,
) -> Result<ProspectRecord, ServiceError> {
    let (values, unreadable) = read_values(config, Service::AccountEngagement, |entry| {
        Some(
            prospect
                .fields
                .get(&entry.prospect.0)
                .unwrap_or(&Value::Null),
        )
    });
    let instant = |name: &str| {
        prospect
            .instant(name)
            .map_err(|error| service_error(&error.into()))
            .map(Option::unwrap_or_default)
    };
    Ok(ProspectRecord {
        id: prospect.id,
        created: instant("createdAt")?,
        updated: instant("updatedAt")?,
        email: prospect.text("email").and_then(NormalisedEmail::new),
        assigned_to: prospect.fields.get("assignedToId").and_then(Value::as_u64),
        native_crm_id: native_crm_id(prospect.text("salesforceId")),
        shown_crm_id: shown_crm_id(config, prospect),
        key: key(unit, config, prospect),
        values,
        unreadable,
    })
}

/// The pair key it carries, when it is one of this business unit.
pub(super) fn key(unit: &BusinessUnit, config: &Config, prospect: &Prospect) -> Option<PairKey> {
    let text = prospect.text(&config.account_engagement.key_field)?;
    PairKey::from_field(unit, text)
}

/// What a decision needs of a prospect: the mapped fields and the ones we rely on ourselves.
pub(super) fn fields_to_read(config: &Config) -> Fields {
    let own = [
        "id",
        "email",
        "createdAt",
        "updatedAt",
        "isDeleted",
        "assignedToId",
        "salesforceId",
    ];
    let left_out: BTreeSet<&str> = config
        .fields
        .single_read_fields()
        .into_iter()
        .map(|name| name.0.as_str())
        .collect();
    let mapped = config
        .fields
        .0
        .iter()
        .map(|entry| entry.prospect.0.as_str());
    own.into_iter()
        .chain([config.account_engagement.key_field.as_str()])
        .chain(config.account_engagement.crm_id_field.as_deref())
        .chain(mapped.filter(|name| !left_out.contains(name)))
        .map(str::to_owned)
        .collect()
}

fn shown_crm_id(config: &Config, prospect: &Prospect) -> Option<CrmId> {
    let field = config.account_engagement.crm_id_field.as_ref()?;
    prospect.text(field)?.parse().ok()
}

/// The sentinels of connector-behaviour 1, or a CRM ID. Anything else says nothing.
fn native_crm_id(text: Option<&str>) -> NativeCrmId {
    match text {
        Some("[[crm_deleted]]") => NativeCrmId::CrmDeleted,
        Some("[[crm_ignore_prospect]]") => NativeCrmId::Ignore,
        Some(id) => id
            .parse::<CrmId>()
            .map_or(NativeCrmId::None, NativeCrmId::Record),
        None => NativeCrmId::None,
    }
}

/// A failed call to Account Engagement.
pub(super) fn service_error(error: &Error) -> ServiceError {
    ServiceError {
        service: Service::AccountEngagement,
        class: error.class(),
        code: error.code(),
        message: super::full_message(error),
    }
}
