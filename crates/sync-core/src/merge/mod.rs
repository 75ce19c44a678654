//! The per-field loop: every mapped field of a pair, its winner, and what to write on each side.

mod bases;
mod field;

pub use bases::Bases;
pub use field::{FieldBase, FieldState, FieldVerdict, Newer, decide_field};

use crate::config::{Config, Direction, FieldEntry};
use crate::decision::FieldWrites;
use crate::ids::CrmObject;
use crate::record::{CrmRecord, ProspectRecord, Values};
use crate::trace::{FieldTrace, RuleId, Winner};
use crate::value::FieldValue;

/// What the loop found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Merge {
    /// Fields to write in Salesforce.
    pub to_crm: FieldWrites,
    /// Fields to write in Account Engagement.
    pub to_prospect: FieldWrites,
    /// Fields that differed.
    pub fields: Vec<FieldTrace>,
    /// What both sides agree on afterwards.
    pub merged: Values,
    /// What both sides are known to have agreed on before.
    pub agreed: Values,
}

/// Merges every field that is mapped for the record's object.
#[must_use]
pub fn merge(
    config: &Config,
    bases: &Bases<'_>,
    crm: &CrmRecord,
    prospect: &ProspectRecord,
) -> Merge {
    let object = crm.id.object();
    let newer = newer(crm, prospect);
    let mut result = Merge::default();
    for entry in config
        .fields
        .0
        .iter()
        .filter(|entry| entry.crm_field(object).is_some())
    {
        merge_field(config, entry, bases, (crm, prospect), newer, &mut result);
    }
    result
}

fn newer(crm: &CrmRecord, prospect: &ProspectRecord) -> Newer {
    match crm.modified.as_second().cmp(&prospect.updated.as_second()) {
        std::cmp::Ordering::Greater => Newer::Salesforce,
        std::cmp::Ordering::Less => Newer::AccountEngagement,
        std::cmp::Ordering::Equal => Newer::Tie,
    }
}

fn merge_field(
    config: &Config,
    entry: &FieldEntry,
    bases: &Bases<'_>,
    (crm, prospect): (&CrmRecord, &ProspectRecord),
    newer: Newer,
    result: &mut Merge,
) {
    const BLANK: FieldValue = FieldValue::Blank;
    let object = crm.id.object();
    let state = FieldState {
        account_engagement: prospect.values.get(&entry.prospect).unwrap_or(&BLANK),
        salesforce: crm.values.get(&entry.prospect).unwrap_or(&BLANK),
        base: bases.of(&entry.prospect),
        newer,
    };
    if let Some(value) = state.base.known_to_both() {
        result.agreed.insert(entry.prospect.clone(), value.clone());
    }
    let verdict = decide_field(entry, entry.direction_on(object), state);
    let agreed = match verdict.winner {
        Winner::Same | Winner::Salesforce => Some(state.salesforce),
        Winner::AccountEngagement => Some(state.account_engagement),
        Winner::Neither => None,
    };
    if let Some(value) = agreed {
        result.merged.insert(entry.prospect.clone(), value.clone());
    }
    match verdict.winner {
        Winner::Same => return,
        Winner::Salesforce => {
            result
                .to_prospect
                .insert(entry.prospect.0.clone(), state.salesforce.clone());
        }
        Winner::AccountEngagement => {
            if let Some(field) = entry.crm_field(object) {
                let value = state.account_engagement.clone();
                let written = if value.is_blank() && is_required(object, field) {
                    FieldValue::Text(config.salesforce.unknown_placeholder.clone())
                } else {
                    value
                };
                result.to_crm.insert(field.to_owned(), written);
            }
        }
        Winner::Neither => {}
    }
    result.fields.push(FieldTrace {
        field: entry.prospect.clone(),
        rule: RuleId::new(verdict.rule),
        account_engagement: state.account_engagement.clone(),
        salesforce: state.salesforce.clone(),
        base: bases.agreed.get(&entry.prospect).cloned(),
        winner: verdict.winner,
        conflict: verdict.conflict,
    });
}

/// R92: what a new lead or contact gets: all mapped values of the prospect that are not blank.
///
/// The required Last Name and Company are filled with the placeholder when the prospect has none.
#[must_use]
pub fn new_crm_fields(
    config: &Config,
    object: CrmObject,
    prospect: &ProspectRecord,
) -> FieldWrites {
    let mut fields = FieldWrites::new();
    for entry in &config.fields.0 {
        let (Some(field), Some(value)) = (
            entry.crm_field(object),
            prospect.values.get(&entry.prospect),
        ) else {
            continue;
        };
        if entry.direction_on(object) != Direction::ToProspect && !value.is_blank() {
            fields.insert(field.to_owned(), value.clone());
        }
    }
    for field in required_fields(object) {
        // R94: names compare case-insensitively.
        if !fields.keys().any(|name| name.eq_ignore_ascii_case(field)) {
            let placeholder = FieldValue::Text(config.salesforce.unknown_placeholder.clone());
            fields.insert((*field).to_owned(), placeholder);
        }
    }
    fields
}

/// The fields that Salesforce requires of every lead or contact; a blank becomes the placeholder.
fn required_fields(object: CrmObject) -> &'static [&'static str] {
    match object {
        CrmObject::Lead => &["LastName", "Company"],
        CrmObject::Contact => &["LastName"],
    }
}

fn is_required(object: CrmObject, field: &str) -> bool {
    required_fields(object)
        .iter()
        .any(|required| required.eq_ignore_ascii_case(field))
}

/// What a new prospect gets: all mapped values of the lead or contact that are not blank.
#[must_use]
pub fn new_prospect_fields(config: &Config, crm: &CrmRecord) -> FieldWrites {
    let object = crm.id.object();
    let mut fields = FieldWrites::new();
    for entry in config
        .fields
        .0
        .iter()
        .filter(|entry| entry.crm_field(object).is_some())
    {
        let may_write = entry.direction_on(object) != Direction::ToSalesforce;
        match crm.values.get(&entry.prospect) {
            Some(value) if may_write && !value.is_blank() => {
                fields.insert(entry.prospect.0.clone(), value.clone());
            }
            _ => {}
        }
    }
    fields
}

/// What both sides agree on right after a create: the source's values of every field that travelled.
#[must_use]
pub fn values_after_create(
    config: &Config,
    object: CrmObject,
    source: &Values,
    blocked: Direction,
) -> Values {
    config
        .fields
        .0
        .iter()
        .filter(|entry| entry.crm_field(object).is_some() && entry.direction_on(object) != blocked)
        .filter_map(|entry| {
            source
                .get(&entry.prospect)
                .map(|value| (entry.prospect.clone(), value.clone()))
        })
        .collect()
}
