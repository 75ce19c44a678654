//! What the two services say about their fields, as far as the configuration linter needs it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::CrmObject;

/// One field of a Salesforce object or of the prospect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldDescription {
    /// The API name.
    pub name: String,
    /// The type in our terms; `None` for types that never sync (lookup, geolocation; R94).
    pub kind: Option<FieldKind>,
    /// The vendor's own name of the type, for messages.
    pub vendor_type: String,
    /// Whether the connector user may write it.
    pub is_writable: bool,
    /// Whether a new record must have it.
    pub is_required: bool,
    /// The longest text it takes, in characters.
    pub length: Option<u32>,
    /// The values of a restricted picklist; empty when it is not one.
    #[serde(default)]
    pub restricted_to: Vec<String>,
    /// Whether it is a unique external id.
    #[serde(default)]
    pub is_unique_external_id: bool,
}

/// Field types as both services can be compared by them (connector-behaviour 7.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// Text, text area, url, id.
    Text,
    /// Phone: text, but never a number (R94).
    Phone,
    /// E-mail address.
    Email,
    /// Number, currency, percent.
    Number,
    /// Checkbox.
    Boolean,
    /// Day.
    Date,
    /// Instant.
    DateTime,
    /// Single choice.
    Picklist,
    /// Multiple choice.
    MultiSelect,
}

/// The fields of everything a field map can name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Schema {
    /// Fields of Lead and Contact, visible to the connector user (R12).
    pub crm: BTreeMap<String, Vec<FieldDescription>>,
    /// Default and custom fields of the prospect.
    pub prospect: Vec<FieldDescription>,
}

impl Schema {
    /// A field of a Salesforce object; names compare case-insensitively (R94).
    #[must_use]
    pub fn crm_field(&self, object: CrmObject, name: &str) -> Option<&FieldDescription> {
        self.crm
            .get(object.name())?
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// A field of the prospect.
    #[must_use]
    pub fn prospect_field(&self, name: &str) -> Option<&FieldDescription> {
        self.prospect
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case(name))
    }
}
