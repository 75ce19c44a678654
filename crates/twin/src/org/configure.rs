//! Settings of the org that control changes while it runs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::rules::{Assignment, Duplicates, Validation};
use super::schema::Field;
use super::users::User;
use super::{Org, OrgError};

/// The next writes commit late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LateCommits {
    /// After how many seconds they commit.
    pub seconds: i64,
    /// How many writes.
    #[serde(default = "one")]
    pub count: u32,
}

fn one() -> u32 {
    1
}

/// A custom field for an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewField {
    /// The object.
    pub object: String,
    /// The field.
    #[serde(flatten)]
    pub field: Field,
}

/// New values for a picklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Picklist {
    /// The object.
    pub object: String,
    /// The field.
    pub field: String,
    /// Its values.
    pub values: Vec<String>,
    /// Whether only these are taken.
    #[serde(default = "yes")]
    pub restricted: bool,
}

fn yes() -> bool {
    true
}

/// A part of the settings: what is given is replaced, the rest stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OrgSettings {
    /// Users to add or switch.
    pub users: Vec<User>,
    /// Fields to add or replace.
    pub fields: Vec<NewField>,
    /// Picklists to change.
    pub picklists: Vec<Picklist>,
    /// All validation rules.
    pub validations: Option<Vec<Validation>>,
    /// All duplicate rules.
    pub duplicates: Option<Vec<Duplicates>>,
    /// All assignment rules; the owner is a user name or an id.
    pub assignments: Option<Vec<NewAssignment>>,
    /// All hidden fields: user name to `Lead.Phone`.
    pub hidden_fields:
        Option<std::collections::BTreeMap<String, std::collections::BTreeSet<String>>>,
    /// The largest page of a query; 0 lifts it.
    pub page_size: Option<usize>,
    /// The daily allowance.
    pub api_limit: Option<u64>,
    /// How much of it is used.
    pub api_used: Option<u64>,
    /// The next writes commit late.
    pub late_commits: Option<LateCommits>,
    /// Whether an unknown field fails only its record of a collection.
    pub unknown_field_fails_record_only: Option<bool>,
}

/// An assignment rule whose owner may be named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAssignment {
    /// The object.
    pub object: String,
    /// A user name or an id.
    pub owner: String,
}

impl Org {
    /// Changes settings.
    ///
    /// # Errors
    /// An object, field or user that does not exist; earlier parts stay changed.
    pub fn configure(&mut self, settings: OrgSettings, now: Timestamp) -> Result<(), OrgError> {
        for user in &settings.users {
            self.put_user(user, now);
        }
        for NewField { object, field } in settings.fields {
            self.known_object(&object)?.put_field(field);
        }
        for change in settings.picklists {
            let object = self.known_object(&change.object)?;
            let name = object.name.clone();
            let field = object
                .fields
                .iter_mut()
                .find(|field| field.name == change.field);
            let field = field.ok_or_else(|| OrgError::no_column(&change.field, &name))?;
            field.values = change.values;
            field.restricted = change.restricted;
        }
        if let Some(assignments) = settings.assignments {
            self.rules.assignments = assignments
                .into_iter()
                .map(|rule| self.named(rule))
                .collect::<Result<_, _>>()?;
        }
        replace(&mut self.rules.validations, settings.validations);
        replace(&mut self.rules.duplicates, settings.duplicates);
        replace(&mut self.rules.hidden_fields, settings.hidden_fields);
        replace(&mut self.limits.max, settings.api_limit);
        replace(&mut self.limits.used, settings.api_used);
        let record_only = settings.unknown_field_fails_record_only;
        replace(&mut self.unknown_field_fails_record_only, record_only);
        if let Some(size) = settings.page_size {
            self.page_size = (size > 0).then_some(size);
        }
        if settings.late_commits.is_some() {
            self.late_commits = settings.late_commits;
        }
        Ok(())
    }

    fn known_object(&mut self, name: &str) -> Result<&mut super::Object, OrgError> {
        self.schema.get_mut(name).ok_or_else(OrgError::not_found)
    }

    fn named(&self, rule: NewAssignment) -> Result<Assignment, OrgError> {
        let owner = self
            .user_id(&rule.owner)
            .or_else(|| super::widen(&rule.owner));
        let owner_id = owner.filter(|id| self.row("User", id).is_some());
        let owner_id = owner_id.ok_or_else(OrgError::not_found)?;
        Ok(Assignment {
            object: rule.object,
            owner_id,
        })
    }
}

fn replace<T>(held: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *held = given;
    }
}
