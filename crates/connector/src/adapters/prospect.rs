//! A prospect of the API as a record to decide about.

use std::collections::BTreeSet;

use account_engagement::{Error, Fields, Prospect};
use serde_json::{Map, Value, json};
use sync_core::coerce::{Service, write_value};
use sync_core::config::Config;
use sync_core::ids::{BusinessUnit, CrmId};
use sync_core::key::PairKey;
use sync_core::record::{NativeCrmId, ProspectRecord, ShownCrmId, Values};
use sync_core::value::NormalisedEmail;

use super::{object, read_values};
use crate::ports::{ProspectWrite, ProspectWriteTarget, ServiceError};

/// What the CRM ID field of a prospect says whose record was deleted (connector-behaviour 1).
const CRM_DELETED: &str = "[[crm_deleted]]";

/// The record, with values coerced to the types of the field map.
///
/// # Errors
/// A prospect whose stamps cannot be read.
pub fn record(
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
        is_deleted: prospect.is_deleted(),
        key: key(unit, config, prospect),
        token: token(config, prospect),
        values,
        unreadable,
    })
}

/// The pair key it carries, when it is one of this business unit.
#[must_use]
pub fn key(unit: &BusinessUnit, config: &Config, prospect: &Prospect) -> Option<PairKey> {
    let text = prospect.text(&config.account_engagement.key_field)?;
    PairKey::from_field(unit, text)
}

/// What a decision needs of a prospect: the mapped fields and the ones we rely on ourselves.
#[must_use]
pub fn fields_to_read(config: &Config) -> Fields {
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
        .chain(config.account_engagement.token_field.as_deref())
        .chain(config.account_engagement.crm_id_field.as_deref())
        .chain(mapped.filter(|name| !left_out.contains(name)))
        .map(str::to_owned)
        .collect()
}

/// The fields of a write as the API takes them.
#[must_use]
pub fn body(unit: &BusinessUnit, config: &Config, write: &ProspectWrite) -> Map<String, Value> {
    let settings = &config.account_engagement;
    let fields = &write.fields;
    let mut body = object(
        fields
            .fields
            .iter()
            .map(|(name, value)| (name.clone(), write_value(Service::AccountEngagement, value))),
    );
    if let Some(key) = &fields.key {
        body.insert(settings.key_field.clone(), json!(key.field_value(unit)));
    }
    // Moving a prospect is no write of mapped fields: the token keeps telling of the last one.
    let writes_fields = matches!(
        write.target,
        ProspectWriteTarget::Update(_) | ProspectWriteTarget::Create
    );
    if let Some(token_field) = settings.token_field.as_ref().filter(|_| writes_fields) {
        body.insert(token_field.clone(), json!(write.token));
    }
    if let (Some(field), Some(crm_id)) = (&settings.crm_id_field, &fields.crm_id) {
        body.insert(field.clone(), json!(crm_id.as_str()));
    }
    if let (Some(field), true) = (&settings.crm_id_field, fields.marks_crm_deleted) {
        body.insert(field.clone(), json!(CRM_DELETED));
    }
    if let Some(user) = fields.assigned_to {
        body.insert("userId".to_owned(), json!(user));
    }
    if let Some(campaign) = fields.campaign {
        body.insert("campaignId".to_owned(), json!(campaign));
    }
    body
}

/// What the answer to an update is asked for: the mapped fields that are not in its body and that more
/// than a single read answers (K7).
#[must_use]
pub fn fields_left_alone(config: &Config, body: &Map<String, Value>) -> Fields {
    let single = config.fields.single_read_fields();
    let mapped = config.fields.0.iter().map(|entry| &entry.prospect);
    mapped
        .filter(|name| !single.contains(name) && !body.contains_key(&name.0))
        .map(|name| name.0.clone())
        .collect()
}

/// Mapped values in the answer to an update that are not in its body.
#[must_use]
pub fn values_left_alone(config: &Config, body: &Map<String, Value>, answer: &Prospect) -> Values {
    let (values, _) = read_values(config, Service::AccountEngagement, |entry| {
        let name = &entry.prospect.0;
        let is_written = body.contains_key(name);
        answer.fields.get(name).filter(|_| !is_written)
    });
    values
}

fn token(config: &Config, prospect: &Prospect) -> Option<String> {
    let field = config.account_engagement.token_field.as_ref()?;
    prospect.text(field).map(str::to_owned)
}

fn shown_crm_id(config: &Config, prospect: &Prospect) -> ShownCrmId {
    let field = config.account_engagement.crm_id_field.as_ref();
    match field.and_then(|field| prospect.text(field)) {
        None => ShownCrmId::Nothing,
        Some(CRM_DELETED) => ShownCrmId::CrmDeleted,
        Some(id) => id.parse().map_or(ShownCrmId::Other, ShownCrmId::Record),
    }
}

/// The sentinels of connector-behaviour 1, or a CRM ID. Anything else says nothing.
fn native_crm_id(text: Option<&str>) -> NativeCrmId {
    match text {
        Some(CRM_DELETED) => NativeCrmId::CrmDeleted,
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
