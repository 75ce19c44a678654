//! Field descriptions of both services in our terms, for the configuration linter.

use account_engagement::{CustomField, DefaultField, FieldType, Writable};
use sync_core::schema::{FieldDescription, FieldKind};

/// A field of Lead or Contact. Lookups, locations and addresses never sync (R94).
pub(super) fn crm_field(field: &salesforce::Field) -> FieldDescription {
    let kind = match field.field_type.as_str() {
        "string" | "textarea" | "url" | "id" | "combobox" | "encryptedstring" => {
            Some(FieldKind::Text)
        }
        "phone" => Some(FieldKind::Phone),
        "email" => Some(FieldKind::Email),
        "double" | "int" | "currency" | "percent" | "long" => Some(FieldKind::Number),
        "boolean" => Some(FieldKind::Boolean),
        "date" => Some(FieldKind::Date),
        "datetime" => Some(FieldKind::DateTime),
        "picklist" => Some(FieldKind::Picklist),
        "multipicklist" => Some(FieldKind::MultiSelect),
        _ => None,
    };
    FieldDescription {
        name: field.name.clone(),
        kind,
        vendor_type: field.field_type.clone(),
        is_writable: field.is_updateable,
        is_required: field.is_createable && !field.is_nillable && !field.is_defaulted_on_create,
        length: (field.length > 0).then_some(field.length),
        restricted_to: field.restricted_to.clone(),
        is_unique_external_id: field.is_unique_external_id,
    }
}

/// A default field of the prospect.
pub(super) fn default_field(field: &DefaultField) -> FieldDescription {
    let (kind, vendor_type) = match field.field_type {
        FieldType::Text if field.name == "email" => (FieldKind::Email, "e-mail"),
        FieldType::Text => (FieldKind::Text, "text"),
        FieldType::Number => (FieldKind::Number, "number"),
        FieldType::Boolean => (FieldKind::Boolean, "boolean"),
        FieldType::DateTime => (FieldKind::DateTime, "date-time"),
        FieldType::Id => (FieldKind::Number, "id"),
    };
    description(
        field.name,
        kind,
        vendor_type,
        field.writable != Writable::No,
    )
}

/// A custom field of the prospect.
pub(super) fn custom_field(field: &CustomField) -> FieldDescription {
    let kind = match field.field_type.as_str() {
        "Number" => FieldKind::Number,
        "Date" => FieldKind::Date,
        "Dropdown" | "Radio Button" => FieldKind::Picklist,
        "Checkbox" | "Multi-Select" => FieldKind::MultiSelect,
        _ => FieldKind::Text,
    };
    description(&field.api_field_id, kind, &field.field_type, true)
}

fn description(name: &str, kind: FieldKind, vendor_type: &str, writable: bool) -> FieldDescription {
    FieldDescription {
        name: name.to_owned(),
        kind: Some(kind),
        vendor_type: vendor_type.to_owned(),
        is_writable: writable,
        is_required: name == "email",
        length: None,
        restricted_to: Vec::new(),
        is_unique_external_id: false,
    }
}
