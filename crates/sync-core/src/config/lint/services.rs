//! The configuration against what the two services say about their fields.

use super::Report;
use super::fields::side;
use super::pair::MappedPair;
use super::spelling::suggestion;
use super::types::{fits_prospect, name, suitable};
use crate::config::{Config, Direction, FieldEntry};
use crate::ids::CrmObject;
use crate::schema::{FieldDescription, FieldKind, Schema};
use crate::value::FieldType;

/// The length of a sync token.
const TOKEN_LENGTH: u32 = 40;

/// The longest pair key with its business unit: `0Uv...:p:`, a prospect id of 20 digits, a colon and seconds of 10.
const KEY_LENGTH: u32 = 52;

/// The fields in which the connector keeps the pair key and the CRM ID.
pub(super) fn check_own_fields(config: &Config, schema: &Schema, report: &mut Report) {
    let name = &config.salesforce.key_field;
    for object in CrmObject::ALL {
        check_crm_key(name, object, schema.crm_field(object, name), report);
    }
    for object in CrmObject::ALL {
        if let Some(name) = &config.salesforce.token_field {
            check_crm_token(name, object, schema.crm_field(object, name), report);
        }
    }
    let own = &config.account_engagement;
    check_own_text("key_field", &own.key_field, schema, report);
    if let Some(token) = &own.token_field {
        check_own_text("token_field", token, schema, report);
    }
    if let Some(mirror) = &own.crm_id_field {
        check_own_text("crm_id_field", mirror, schema, report);
    }
}

fn check_crm_key(
    name: &str,
    object: CrmObject,
    found: Option<&FieldDescription>,
    report: &mut Report,
) {
    let kept = Kept {
        is_unique: true,
        length: KEY_LENGTH,
        is_too_short: "is too short for a pair key",
    };
    let Some(what_is_wrong) = kept.what_is_wrong(name, found) else {
        return;
    };
    report.error(
        "salesforce.key_field",
        "key_field",
        format!(
            "`{name}` on {object} {what_is_wrong}; without it a repeated create makes a duplicate; \
             deploy infra/salesforce (text, 80 characters, external id, unique, case-sensitive) \
             and give the connector user its permission set"
        ),
    );
}

fn check_crm_token(
    name: &str,
    object: CrmObject,
    found: Option<&FieldDescription>,
    report: &mut Report,
) {
    let kept = Kept {
        is_unique: false,
        length: TOKEN_LENGTH,
        is_too_short: "is too short for a sync token",
    };
    let Some(what_is_wrong) = kept.what_is_wrong(name, found) else {
        return;
    };
    report.error(
        "salesforce.token_field",
        "token_field",
        format!(
            "`{name}` on {object} {what_is_wrong}; deploy infra/salesforce (text, 40 characters) and \
             give the connector user its permission set"
        ),
    );
}

/// What a text field on a lead or contact must be that the connector keeps for itself.
struct Kept {
    is_unique: bool,
    length: u32,
    is_too_short: &'static str,
}

impl Kept {
    fn what_is_wrong(&self, name: &str, found: Option<&FieldDescription>) -> Option<&'static str> {
        Some(match found {
            None => "is not visible to the connector user, or does not exist",
            Some(field) if field.name != name => "is spelt differently there",
            Some(field) if field.kind != Some(FieldKind::Text) => "is not a text field",
            Some(field) if self.is_unique && !field.is_unique_external_id => {
                "is not a unique external id"
            }
            Some(field) if !field.is_writable => "is not writable by the connector user",
            Some(field) if field.length.is_some_and(|length| length < self.length) => {
                self.is_too_short
            }
            Some(_) => return None,
        })
    }
}

fn check_own_text(setting: &str, name: &str, schema: &Schema, report: &mut Report) {
    let what_is_wrong = match schema.prospect_field(name) {
        None => "does not exist on the prospect",
        Some(field) if field.name != name => "is spelt differently there",
        Some(field) if field.kind != Some(FieldKind::Text) => "is not of type Text",
        Some(field) if !field.is_writable => "is not writable",
        Some(_) => return,
    };
    let fix = match schema.prospect_field(name) {
        None => "run `prospect-sync setup FILE`, which creates it",
        Some(_) => "name a custom prospect field of type Text that is there, or a new one",
    };
    report.error(
        format!("account_engagement.{setting}"),
        setting,
        format!("`{name}` {what_is_wrong}; {fix}"),
    );
}

/// Fields that a new record must have and nothing fills. Last Name and Company get the placeholder.
pub(super) fn check_required(config: &Config, schema: &Schema, report: &mut Report) {
    let object = config.settings.create_as;
    let described = schema.crm.get(object.name()).map(Vec::as_slice);
    for field in described.unwrap_or_default() {
        let is_filled_for_us = matches!(field.name.as_str(), "LastName" | "Company" | "OwnerId")
            || field.kind == Some(FieldKind::Boolean);
        if !field.is_required || is_filled_for_us {
            continue;
        }
        let is_sent = config.fields.0.iter().any(|entry| {
            entry.direction_on(object) != Direction::ToProspect
                && entry
                    .crm_field(object)
                    .is_some_and(|name| name.eq_ignore_ascii_case(&field.name))
        });
        if !is_sent {
            report.error(
                "settings.create_as",
                "R96",
                format!(
                    "a new {object} must have `{}`, which has no default and is not mapped towards \
                     Salesforce; map it, or give it a default in Salesforce",
                    field.name
                ),
            );
        }
    }
}

/// Every entry of the field map.
pub(super) fn check_entries(config: &Config, schema: &Schema, report: &mut Report) {
    for (index, entry) in config.fields.0.iter().enumerate() {
        let path = format!("fields[{index}]");
        let prospect = check_prospect_field(&path, entry, schema, report);
        let is_checkbox = check_checkbox(&path, entry, prospect, schema, report);
        if let Some(field) = prospect.filter(|_| !is_checkbox) {
            check_prospect_type(&path, entry, field, report);
        }
        for object in CrmObject::ALL {
            let Some(name) = entry.crm_field(object) else {
                continue;
            };
            let place = format!("{path}.{}", side(object));
            if let Some((lookup, _)) = name.split_once('.') {
                check_parent(&place, name, lookup, object, schema, report);
                continue;
            }
            let found = schema.crm_field(object, name);
            let Some(field) = visible(
                &place,
                name,
                &object.to_string(),
                found,
                || {
                    let described = schema.crm.get(object.name()).into_iter().flatten();
                    suggestion(name, described.map(|field| field.name.as_str()))
                },
                report,
            ) else {
                continue;
            };
            let pair = MappedPair {
                entry,
                object,
                field,
                prospect,
            };
            pair.check_writable(&place, report);
            if !is_checkbox && pair.check_kinds(&place, report) {
                pair.check_type(&place, report);
                pair.check_restricted(&place, report);
            }
        }
    }
}

/// R12: what the connector user cannot see is not there. Reading goes by exact name, so a field
/// spelt with other capitals would read as blank.
fn visible<'a, 'b>(
    place: &str,
    name: &str,
    owner: &str,
    found: Option<&'a FieldDescription>,
    closest: impl FnOnce() -> Option<&'b str>,
    report: &mut Report,
) -> Option<&'a FieldDescription> {
    match found {
        Some(field) if field.name == name => Some(field),
        Some(field) => {
            let message = format!("{owner} spells this field `{}`", field.name);
            report.error(place, "R12", message);
            None
        }
        None => {
            let hint = closest().map(|meant| format!("; did you mean `{meant}`?"));
            let message = format!(
                "`{name}` on {owner} is not visible to the connector user or misspelt{}",
                hint.unwrap_or_default()
            );
            report.error(place, "R12", message);
            None
        }
    }
}

fn check_prospect_field<'a>(
    path: &str,
    entry: &FieldEntry,
    schema: &'a Schema,
    report: &mut Report,
) -> Option<&'a FieldDescription> {
    let name = entry.prospect.0.as_str();
    let place = format!("{path}.prospect");
    let found = schema.prospect_field(name);
    let field = visible(
        &place,
        name,
        "the prospect",
        found,
        || {
            suggestion(
                name,
                schema.prospect.iter().map(|field| field.name.as_str()),
            )
        },
        report,
    )?;
    if !field.is_writable && entry.direction != Direction::ToSalesforce {
        report.error(
            &place,
            "B3",
            format!(
                "`{name}` cannot be written through Account Engagement's API; add `direction: \
                 to_salesforce`"
            ),
        );
    }
    Some(field)
}

/// R85: an Account Engagement checkbox is a multi-select, not a boolean.
fn check_checkbox(
    path: &str,
    entry: &FieldEntry,
    prospect: Option<&FieldDescription>,
    schema: &Schema,
    report: &mut Report,
) -> bool {
    let Some(field) = prospect.filter(|field| field.kind == Some(FieldKind::MultiSelect)) else {
        return false;
    };
    let is_boolean = |object: &CrmObject| {
        let crm_field = entry
            .crm_field(*object)
            .and_then(|name| schema.crm_field(*object, name));
        crm_field.is_some_and(|field| field.kind == Some(FieldKind::Boolean))
    };
    let carries_boolean =
        entry.field_type == FieldType::Boolean || CrmObject::ALL.iter().any(is_boolean);
    if carries_boolean {
        report.error(
            format!("{path}.prospect"),
            "R85",
            format!(
                "`{}` is of type {} there, which holds several values; a Salesforce checkbox needs \
                 a radio field with exactly the values `true` and `false`",
                field.name, field.vendor_type
            ),
        );
    }
    carries_boolean
}

fn check_prospect_type(
    path: &str,
    entry: &FieldEntry,
    field: &FieldDescription,
    report: &mut Report,
) {
    let Some(kind) = field.kind else {
        let message = format!("fields of type {} do not sync", field.vendor_type);
        report.error(format!("{path}.prospect"), "R94", message);
        return;
    };
    let is_written = entry.direction != Direction::ToSalesforce;
    if !fits_prospect(entry.field_type, kind, is_written) {
        report.error(
            format!("{path}.type"),
            "R96",
            format!(
                "`type: {}` does not fit the prospect's `{}` ({}); expected `{}`",
                name(entry.field_type),
                field.name,
                field.vendor_type,
                suitable(kind)
            ),
        );
    }
}

/// A parent's field is not described with the object; the lookup to the parent is.
fn check_parent(
    place: &str,
    name: &str,
    lookup: &str,
    object: CrmObject,
    schema: &Schema,
    report: &mut Report,
) {
    let id_field = match lookup.strip_suffix("__r") {
        Some(custom) => format!("{custom}__c"),
        None => format!("{lookup}Id"),
    };
    if schema.crm_field(object, &id_field).is_none() {
        report.error(
            place,
            "R12",
            format!(
                "`{name}` follows the lookup `{id_field}`, which is not visible to the connector \
                 user on {object} or misspelt"
            ),
        );
    }
}
