//! The field map: which prospect field belongs to which lead and contact field, and who wins.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::CrmObject;
use crate::value::{FieldName, FieldType};

/// All mapped fields of a connector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct FieldMap(pub Vec<FieldEntry>);

/// One mapped field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldEntry {
    /// API name of the prospect field.
    pub prospect: FieldName,
    /// API name of the lead field; none when leads do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead: Option<String>,
    /// API name of the contact field, or a parent's field such as `Account.Name` (read-only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// The type under which both sides are compared.
    #[serde(default, rename = "type")]
    pub field_type: FieldType,
    /// Who wins when both sides changed (R82).
    #[serde(default)]
    pub behaviour: SyncBehaviour,
    /// What an empty side means (R83, R84).
    #[serde(default)]
    pub blanks: BlankRule,
    /// Which way values travel.
    #[serde(default)]
    pub direction: Direction,
    /// Marks an opt-out flag: on ambiguity it is never turned off (R91).
    #[serde(default)]
    pub opt_out: bool,
}

/// The sync behaviours of R82 for a conflict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SyncBehaviour {
    /// Use Salesforce's value.
    #[default]
    UseSalesforce,
    /// Use Account Engagement's value.
    UseAccountEngagement,
    /// Use the most recently updated record (R86).
    MostRecentRecord,
}

/// What a blank on one side means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BlankRule {
    /// A value beats a blank, whatever the behaviour (R83).
    #[default]
    ValueWins,
    /// Under *Use Salesforce's value* a Salesforce blank clears the prospect's value (R84).
    SalesforceBlankWins,
    /// A blank is a value like any other: a field cleared on one side is cleared on the other.
    BlankIsValue,
}

/// Which way the values of a field travel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Both ways.
    #[default]
    Both,
    /// Only into Salesforce: Account Engagement is always right (score, grade, campaign).
    ToSalesforce,
    /// Only into Account Engagement: Salesforce is always right.
    ToProspect,
}

impl FieldEntry {
    /// The field on a Salesforce object, when the object has one.
    #[must_use]
    pub fn crm_field(&self, object: CrmObject) -> Option<&str> {
        match object {
            CrmObject::Lead => self.lead.as_deref(),
            CrmObject::Contact => self.contact.as_deref(),
        }
    }

    /// Whether it compares the same field of Salesforce, under the same type, as another entry does. Names
    /// there do not tell cases apart (R94).
    #[must_use]
    pub fn is_mapped_like(&self, other: &Self) -> bool {
        let lower = |name: &Option<String>| name.as_deref().map(str::to_ascii_lowercase);
        self.prospect == other.prospect
            && lower(&self.lead) == lower(&other.lead)
            && lower(&self.contact) == lower(&other.contact)
            && self.field_type == other.field_type
    }

    /// The direction on an object: a parent's field is read-only, whatever the entry says.
    #[must_use]
    pub fn direction_on(&self, object: CrmObject) -> Direction {
        match self.crm_field(object) {
            Some(path) if path.contains('.') => Direction::ToProspect,
            _ => self.direction,
        }
    }
}

/// Since which configuration version fields are mapped as they are now. A field that is not named has been
/// since the first.
pub type MappedSince = BTreeMap<FieldName, u64>;

impl FieldMap {
    /// Since when each field is mapped as it is here, when this map comes into force as `version` after
    /// another one.
    #[must_use]
    pub fn mapped_since(
        &self,
        before: Option<&Self>,
        since: &MappedSince,
        version: u64,
    ) -> MappedSince {
        let mut mapped = MappedSince::new();
        for entry in &self.0 {
            let is_kept =
                before.is_some_and(|map| map.0.iter().any(|old| entry.is_mapped_like(old)));
            let first = if is_kept {
                since.get(&entry.prospect).copied()
            } else {
                Some(version)
            };
            mapped.extend(first.map(|version| (entry.prospect.clone(), version)));
        }
        mapped
    }

    /// The Salesforce fields to read of an object.
    #[must_use]
    pub fn crm_fields(&self, object: CrmObject) -> Vec<&str> {
        self.0
            .iter()
            .filter_map(|entry| entry.crm_field(object))
            .collect()
    }

    /// The prospect fields that a query leaves out and only a single read returns (K7).
    #[must_use]
    pub fn single_read_fields(&self) -> Vec<&FieldName> {
        self.0
            .iter()
            .filter(|entry| entry.field_type == FieldType::MultiSelect)
            .map(|entry| &entry.prospect)
            .collect()
    }
}
