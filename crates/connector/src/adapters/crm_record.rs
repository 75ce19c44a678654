//! A lead or contact on its way in and out: rows of the API as records to decide about, and writes as
//! rows. Public, because the simulation crosses the same border without HTTP.

use std::hash::{DefaultHasher, Hash, Hasher};

use salesforce::Row;
use serde_json::{Map, Value, json};
use sync_core::coerce::{Service, parse_instant, write_value};
use sync_core::config::Config;
use sync_core::ids::{BusinessUnit, CrmId, CrmObject, SalesforceId};
use sync_core::key::PairKey;
use sync_core::record::{Conversion, CrmRecord, Side};
use sync_core::value::{NormalisedEmail, Spelling};

use super::crm::malformed;
use super::row::{field, is, text};
use super::{object, read_values};
use crate::ports::{CrmChange, CrmWrite, ServiceError};

/// The id of a row.
///
/// # Errors
/// A row without one.
pub fn id(row: &Row) -> Result<CrmId, ServiceError> {
    let id = text(row, "Id").and_then(|id| id.parse().ok());
    id.ok_or_else(|| malformed("a row has no id of a lead or contact"))
}

/// A row of the changes of an object.
///
/// # Errors
/// A row without id or stamp.
pub fn change(unit: &BusinessUnit, config: &Config, row: &Row) -> Result<CrmChange, ServiceError> {
    let stamp = text(row, "SystemModstamp").and_then(parse_instant);
    Ok(CrmChange {
        id: id(row)?,
        stamp: stamp.ok_or_else(|| malformed("a row has no SystemModstamp"))?,
        fingerprint: fingerprint(config, row)?,
        key: key(unit, config, row),
        is_deleted: is(row, "IsDeleted"),
    })
}

/// The content as a number: what a decision reads of the row.
fn fingerprint(config: &Config, row: &Row) -> Result<u64, ServiceError> {
    let mut hasher = DefaultHasher::new();
    for name in fields_to_read(config, id(row)?.object()) {
        field(row, &name).map(Value::to_string).hash(&mut hasher);
    }
    Ok(hasher.finish())
}

/// The pair key it carries, when it is one of this business unit.
#[must_use]
pub fn key(unit: &BusinessUnit, config: &Config, row: &Row) -> Option<PairKey> {
    PairKey::from_field(unit, text(row, &config.salesforce.key_field)?)
}

/// What a row says about the record's side of a pair, deleted rows included.
///
/// # Errors
/// A row without the fields every row has.
pub fn side(
    unit: &BusinessUnit,
    config: &Config,
    row: &Row,
) -> Result<(CrmId, Side<CrmRecord>), ServiceError> {
    let id = id(row)?;
    if is(row, "IsDeleted") {
        let merged_into = merged_into(row);
        return Ok((id, Side::Deleted { merged_into }));
    }
    Ok((id, Side::Present(record(unit, config, row)?)))
}

fn merged_into(row: &Row) -> Option<CrmId> {
    text(row, "MasterRecordId").and_then(|master| master.parse().ok())
}

/// The record, with values coerced to the types of the field map.
///
/// # Errors
/// A row without the fields every row has.
pub fn record(unit: &BusinessUnit, config: &Config, row: &Row) -> Result<CrmRecord, ServiceError> {
    let id = id(row)?;
    let crm_object = id.object();
    let placeholder = json!(config.salesforce.unknown_placeholder);
    let (values, unreadable) = read_values(config, Service::Salesforce, |entry| {
        let path = entry.crm_field(crm_object)?;
        let value = field(row, path).unwrap_or(&Value::Null);
        // What we wrote because a required field had no value is no value.
        let is_placeholder = matches!(path, "LastName" | "Company") && *value == placeholder;
        Some(if is_placeholder { &Value::Null } else { value })
    });
    let instant = |name: &str| {
        let read = text(row, name).and_then(parse_instant);
        read.ok_or_else(|| malformed(&format!("a row has no {name}")))
    };
    let user = |name: &str| text(row, name).and_then(|id| id.parse::<SalesforceId>().ok());
    let converted = is(row, "IsConverted").then(|| Conversion {
        contact: text(row, "ConvertedContactId").and_then(|id| id.parse().ok()),
    });
    Ok(CrmRecord {
        created: instant("CreatedDate")?,
        modified: instant("LastModifiedDate")?,
        stamp: instant("SystemModstamp")?,
        last_activity: text(row, "LastActivityDate").and_then(|day| day.parse().ok()),
        created_by: user("CreatedById"),
        owner: user("OwnerId"),
        email: text(row, "Email").and_then(NormalisedEmail::new),
        spelling: text(row, "Email").and_then(Spelling::new),
        converted,
        is_deleted: is(row, "IsDeleted"),
        merged_into: merged_into(row),
        key: key(unit, config, row),
        token: token(config, row),
        values,
        unreadable,
        id,
    })
}

/// The fields of a write as the API takes them.
#[must_use]
pub fn body(unit: &BusinessUnit, config: &Config, write: &CrmWrite) -> Map<String, Value> {
    let fields = &write.fields;
    let mut body = object(
        fields
            .fields
            .iter()
            .map(|(name, value)| (name.clone(), write_value(Service::Salesforce, value))),
    );
    if let Some(key) = &fields.key {
        body.insert(
            config.salesforce.key_field.clone(),
            json!(key.field_value(unit)),
        );
    }
    if let Some(token_field) = &config.salesforce.token_field {
        body.insert(token_field.clone(), json!(write.token));
    }
    if let Some(owner) = &fields.owner {
        body.insert("OwnerId".to_owned(), json!(owner.as_str()));
    }
    body
}

fn token(config: &Config, row: &Row) -> Option<String> {
    let field = config.salesforce.token_field.as_ref()?;
    text(row, field).map(str::to_owned)
}

/// What a decision needs of a record: the mapped fields and the ones we rely on ourselves.
pub(super) fn fields_to_read(config: &Config, object: CrmObject) -> Vec<String> {
    let own = [
        "Id",
        "Email",
        "OwnerId",
        "CreatedDate",
        "CreatedById",
        "LastModifiedDate",
        "SystemModstamp",
        "LastActivityDate",
        "IsDeleted",
        "MasterRecordId",
    ];
    let of_leads: &[&str] = match object {
        CrmObject::Lead => &["IsConverted", "ConvertedContactId"],
        CrmObject::Contact => &[],
    };
    let mut fields: Vec<String> = Vec::new();
    let mapped = config.fields.crm_fields(object);
    let key_field = config.salesforce.key_field.as_str();
    for name in own
        .into_iter()
        .chain(of_leads.iter().copied())
        .chain([key_field])
        .chain(config.salesforce.token_field.as_deref())
        .chain(mapped)
    {
        if !fields.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            fields.push(name.to_owned());
        }
    }
    fields
}
