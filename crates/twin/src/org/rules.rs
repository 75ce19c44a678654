//! Validation, duplicate and assignment rules, and hidden fields: what an admin sets up, as data.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::error::OrgError;

/// When a validation rule refuses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// The field holds this value.
    Equals(Value),
    /// The field holds another value than this one.
    NotEquals(Value),
    /// The field is empty.
    Blank,
    /// The text has more characters.
    LongerThan(usize),
}

impl Condition {
    fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Equals(expected) => value == expected,
            Self::NotEquals(expected) => value != expected,
            Self::Blank => value.is_null(),
            Self::LongerThan(length) => value
                .as_str()
                .is_some_and(|text| text.chars().count() > *length),
        }
    }
}

/// A validation rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// The object.
    pub object: String,
    /// The field it looks at.
    pub field: String,
    /// When it refuses.
    pub condition: Condition,
    /// What it says.
    pub message: String,
}

/// What a duplicate rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateAction {
    /// Refuses unless the caller insists.
    Alert,
    /// Refuses.
    Block,
}

/// A duplicate rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Duplicates {
    /// The object.
    pub object: String,
    /// The fields that must all match.
    pub fields: Vec<String>,
    /// What happens then.
    pub action: DuplicateAction,
    /// The object searched, when it is another one.
    #[serde(default)]
    pub against: Option<String>,
}

/// The active assignment rule of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// The object.
    pub object: String,
    /// The id of the user who becomes the owner.
    pub owner_id: String,
}

/// Everything an admin set up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Validation rules.
    pub validations: Vec<Validation>,
    /// Duplicate rules.
    pub duplicates: Vec<Duplicates>,
    /// Assignment rules.
    pub assignments: Vec<Assignment>,
    /// Fields hidden from a user: user name to `Lead.Phone`.
    pub hidden_fields: BTreeMap<String, BTreeSet<String>>,
}

impl Rules {
    /// The first validation rule that refuses a row.
    ///
    /// # Errors
    /// `FIELD_CUSTOM_VALIDATION_EXCEPTION` with the text of the rule.
    pub fn validate(&self, object: &str, row: &Map<String, Value>) -> Result<(), OrgError> {
        let refusing = self
            .validations
            .iter()
            .filter(|rule| rule.object == object)
            .find(|rule| {
                let value = row.get(&rule.field).unwrap_or(&Value::Null);
                rule.condition.holds(value)
            });
        match refusing {
            Some(rule) => {
                let code = "FIELD_CUSTOM_VALIDATION_EXCEPTION";
                Err(OrgError::new(code, rule.message.as_str()).on(&rule.field))
            }
            None => Ok(()),
        }
    }
}

impl Duplicates {
    /// Whether two rows match: every field filled and alike, in any spelling.
    #[must_use]
    pub fn matches(&self, row: &Map<String, Value>, other: &Map<String, Value>) -> bool {
        let folded = |row: &Map<String, Value>, field: &String| {
            row.get(field)
                .and_then(Value::as_str)
                .map(str::to_lowercase)
        };
        !self.fields.is_empty()
            && self.fields.iter().all(|field| {
                let value = folded(row, field);
                value.is_some() && value == folded(other, field)
            })
    }

    /// The refusal, with the rows that match.
    #[must_use]
    pub fn refusal(&self, matches: &[String]) -> OrgError {
        let other = self.against.as_ref().unwrap_or(&self.object);
        let records: Vec<Value> = matches
            .iter()
            .map(|id| {
                let attributes = json!({
                    "type": other, "url": format!("/services/data/v67.0/sobjects/{other}/{id}"),
                });
                json!({
                    "additionalInformation": [], "fieldDiffs": [], "matchConfidence": 100.0,
                    "record": { "attributes": attributes, "Id": id },
                })
            })
            .collect();
        let text = "Use one of these records?";
        let mut error = OrgError::new("DUPLICATES_DETECTED", text);
        error.duplicate_result = Some(Box::new(json!({
            "allowSave": self.action == DuplicateAction::Alert,
            "duplicateRule": format!("Standard_{}_Duplicate_Rule", self.object),
            "duplicateRuleEntityType": self.object,
            "errorMessage": text,
            "matchResults": [{
                "entityType": other, "errors": [], "matchEngine": "ExactMatchEngine",
                "matchRecords": records, "rule": format!("Standard_{other}_Match_Rule"),
                "size": records.len(), "success": true,
            }],
        })));
        error
    }
}
