//! Which declared types fit which fields (connector-behaviour 7.3).

use crate::schema::FieldKind;
use crate::value::FieldType;

/// Whether values of a Salesforce field can be compared under a declared type. `is_written` tells
/// whether values also go there: a day read from an instant cannot be written back.
pub(super) fn fits_salesforce(declared: FieldType, kind: FieldKind, is_written: bool) -> bool {
    match kind {
        FieldKind::Text => matches!(
            declared,
            FieldType::Text | FieldType::Email | FieldType::Picklist
        ),
        FieldKind::Phone => declared == FieldType::Text,
        FieldKind::Email => matches!(declared, FieldType::Email | FieldType::Text),
        FieldKind::Number => declared == FieldType::Number,
        FieldKind::Boolean => declared == FieldType::Boolean,
        FieldKind::Date => declared == FieldType::Date,
        FieldKind::DateTime => {
            declared == FieldType::DateTime || (declared == FieldType::Date && !is_written)
        }
        FieldKind::Picklist => matches!(declared, FieldType::Picklist | FieldType::Text),
        FieldKind::MultiSelect => declared == FieldType::MultiSelect,
    }
}

/// Whether values of a prospect field can be compared under a declared type. A text field there
/// holds nearly anything (R96), and a dropdown or radio field carries a checkbox (R85).
pub(super) fn fits_prospect(declared: FieldType, kind: FieldKind, is_written: bool) -> bool {
    match kind {
        FieldKind::Text | FieldKind::Phone => declared != FieldType::MultiSelect,
        FieldKind::Email => matches!(declared, FieldType::Email | FieldType::Text),
        FieldKind::Number => declared == FieldType::Number,
        FieldKind::Boolean => declared == FieldType::Boolean,
        FieldKind::Date => declared == FieldType::Date,
        FieldKind::DateTime => {
            declared == FieldType::DateTime || (declared == FieldType::Date && !is_written)
        }
        FieldKind::Picklist => matches!(
            declared,
            FieldType::Picklist | FieldType::Text | FieldType::Boolean
        ),
        FieldKind::MultiSelect => declared == FieldType::MultiSelect,
    }
}

/// The name of a declared type, as it stands in the file.
pub(super) fn name(declared: FieldType) -> &'static str {
    match declared {
        FieldType::Text => "text",
        FieldType::Email => "email",
        FieldType::Number => "number",
        FieldType::Boolean => "boolean",
        FieldType::Date => "date",
        FieldType::DateTime => "date_time",
        FieldType::Picklist => "picklist",
        FieldType::MultiSelect => "multi_select",
    }
}

/// The declared type that suits a field, for messages.
pub(super) fn suitable(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Text | FieldKind::Phone => name(FieldType::Text),
        FieldKind::Email => name(FieldType::Email),
        FieldKind::Number => name(FieldType::Number),
        FieldKind::Boolean => name(FieldType::Boolean),
        FieldKind::Date => name(FieldType::Date),
        FieldKind::DateTime => name(FieldType::DateTime),
        FieldKind::Picklist => name(FieldType::Picklist),
        FieldKind::MultiSelect => name(FieldType::MultiSelect),
    }
}
