//! Engine of one Account Engagement business unit: rows, rules, gate, quota and cache, no HTTP.
//!
//! Nothing here reads a clock: every operation that stamps or compares takes `now`. The HTTP half
//! and the simulation use the same operations, so there is one model of the vendor.

pub mod activities;
pub mod cache;
pub mod configure;
pub mod crud;
pub mod errors;
pub mod fields;
pub mod gate;
pub mod human;
pub mod objects;
pub mod prospects;
pub mod query;
pub mod quota;
pub mod records;
pub mod revive;
pub mod seed;
pub mod settings;
pub mod token;
pub mod values;
pub mod view;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use cache::ReadCache;
use fields::Field;
use gate::Gate;
use objects::Object;
use quota::Quota;
use records::{Record, Table};
use settings::Settings;

pub use errors::ApiError;
pub use seed::{SeedError, seed_csv};

/// The id of the user the connector calls as.
pub const API_USER: u64 = 1;

/// One business unit with everything in it.
#[derive(Debug, Clone)]
pub struct BusinessUnit {
    /// The 18-character id of the `Pardot-Business-Unit-Id` header.
    pub id: String,
    /// Switches of behaviour.
    pub settings: Settings,
    /// The calls-at-once gate.
    pub gate: Gate,
    /// The daily calls.
    pub quota: Quota,
    /// The read cache.
    pub cache: ReadCache,
    /// External activities in the order they came.
    pub external_activities: Vec<Value>,
    tables: BTreeMap<Object, Table>,
    fields: BTreeMap<Object, Vec<Field>>,
}

impl BusinessUnit {
    /// A unit with its default users, campaigns and custom fields, and no prospects.
    pub fn new(id: String) -> Self {
        let tables = Object::ALL
            .into_iter()
            .map(|object| (object, Table::new(first_id(object))))
            .collect();
        let fields = Object::ALL
            .into_iter()
            .map(|object| (object, fields::standard(object)))
            .collect();
        let mut unit = Self {
            id,
            settings: Settings::default(),
            gate: Gate::default(),
            quota: Quota::default(),
            cache: ReadCache::default(),
            external_activities: Vec::new(),
            tables,
            fields,
        };
        unit.put_defaults();
        unit
    }

    /// Everything in the unit, for tests and people.
    pub fn dump(&self) -> Value {
        let mut all = Map::new();
        all.insert("id".to_owned(), json!(self.id));
        all.insert("settings".to_owned(), self.settings.dump());
        all.insert("gate".to_owned(), json!(self.gate));
        all.insert(
            "quota".to_owned(),
            json!({
                "limit": self.quota.limit,
                "used": self.quota.used,
                "refused": self.quota.refused,
                "time_zone": self.quota.time_zone.iana_name().unwrap_or("UTC"),
            }),
        );
        all.insert(
            "external_activities".to_owned(),
            json!(self.external_activities),
        );
        for (object, table) in &self.tables {
            all.insert(object.path().replace('-', "_"), table.dump());
        }
        Value::Object(all)
    }

    /// The rows of an object.
    pub fn table(&self, object: Object) -> &Table {
        self.tables
            .get(&object)
            .expect("`new` puts a table for every object")
    }

    fn table_mut(&mut self, object: Object) -> &mut Table {
        self.tables
            .get_mut(&object)
            .expect("`new` puts a table for every object")
    }

    /// The fields of an object, custom ones included.
    pub fn fields(&self, object: Object) -> &[Field] {
        self.fields
            .get(&object)
            .expect("`new` puts the fields of every object")
    }

    /// One field of an object, by its v5 name.
    pub fn field(&self, object: Object, name: &str) -> Option<&Field> {
        self.fields(object).iter().find(|field| field.name == name)
    }

    /// A live row, whether deleted or not.
    pub fn row(&self, object: Object, id: u64) -> Option<&Record> {
        self.table(object).rows.get(&id)
    }

    /// A user by user name, e-mail or the part of the user name before `@`.
    pub fn user_by_name(&self, name: &str) -> Option<&Record> {
        self.table(Object::Users).rows.values().find(|user| {
            let username = user.text("username");
            let short = username
                .split_once('@')
                .map_or(username, |(short, _)| short);
            [username, user.text("email"), short].contains(&name)
        })
    }

    /// Fills in the Salesforce ids of users that have none, from user names of the org.
    pub fn link_users(&mut self, org_users: &[(String, String)]) {
        for user in self.table_mut(Object::Users).rows.values_mut() {
            let known = org_users
                .iter()
                .find(|(username, _)| username == user.text("username"));
            if let Some((_, salesforce_id)) = known
                && user.get("salesforceId").is_null()
            {
                user.set("salesforceId", salesforce_id.as_str());
            }
        }
    }

    /// Derives the prospect fields from the custom-field rows.
    fn refresh_custom_fields(&mut self) {
        let mut prospect_fields = fields::standard(Object::Prospects);
        prospect_fields.extend(
            self.table(Object::CustomFields)
                .rows
                .values()
                .map(Field::custom),
        );
        self.fields.insert(Object::Prospects, prospect_fields);
    }

    fn put_defaults(&mut self) {
        let users = [
            (
                1,
                "connector@prospect-sync.example",
                "Prospect",
                "Sync",
                "Administrator",
            ),
            (2, "ines.moreau@example.com", "Ines", "Moreau", "Marketing"),
            (3, "tom.becker@example.com", "Tom", "Becker", "Sales"),
            (4, "unmapped.user@example.com", "Unmapped", "User", "Sales"),
        ];
        for (id, username, first, last, role) in users {
            let row = json!({
                "email": username, "username": username, "firstName": first, "lastName": last,
                "role": role, "roleName": role, "salesforceId": null, "isDeleted": false,
                "createdAt": CREATED, "updatedAt": CREATED,
            });
            self.put_default(Object::Users, id, row);
        }
        for (id, name) in [(1, "Website"), (2, "Trade Show"), (3, "Webinar")] {
            let row = json!({
                "name": name, "isDeleted": false, "createdAt": CREATED, "updatedAt": CREATED,
            });
            self.put_default(Object::Campaigns, id, row);
        }
        let custom = [
            ("Prospect_Sync_Key", "Text"),
            ("Prospect_Sync_Token", "Text"),
            ("SF_Record_Id", "Text"),
            ("Region", "Dropdown"),
            ("Interests", "Multi-Select"),
            ("Renewal_Date", "Date"),
            ("First_Contact", "Text"),
        ];
        for (id, (field_id, kind)) in (1..).zip(custom) {
            let row = json!({
                "name": field_id.replace('_', " "), "fieldId": field_id, "type": kind,
                "apiFieldId": format!("{field_id}__c"), "isRequired": false,
                "isRecordMultipleResponses": false, "isUseValues": false,
                "isAnalyticsSynced": false, "createdAt": CREATED, "updatedAt": CREATED,
            });
            self.put_default(Object::CustomFields, id, row);
        }
        self.refresh_custom_fields();
    }

    fn put_default(&mut self, object: Object, id: u64, row: Value) {
        if let Value::Object(values) = row {
            self.table_mut(object).put(id, values);
        }
    }
}

/// When the default rows were made: long before any test begins.
const CREATED: &str = "2020-01-01T00:00:00Z";

fn first_id(object: Object) -> u64 {
    if object == Object::Prospects { 1001 } else { 1 }
}
