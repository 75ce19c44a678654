//! `configure`: switches and default rows of a business unit, set from JSON.

use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::BusinessUnit;
use super::objects::Object;
use super::settings::{ConnectorState, SalesforceIdMode};
use super::values::accept;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Configuration {
    ampsea: Option<bool>,
    salesforce_id: Option<SalesforceIdMode>,
    opted_out_writable: Option<bool>,
    bump_on_unchanged: Option<bool>,
    bump_on_score: Option<bool>,
    unassign_by_null: Option<bool>,
    connector_state: Option<ConnectorState>,
    page_chain_limit: Option<usize>,
    time_zone: Option<String>,
    api_user_offset: Option<String>,
    daily_quota: Option<u64>,
    quota_used: Option<u64>,
    concurrent_limit: Option<usize>,
    read_cache_seconds: Option<i64>,
    users: Vec<Map<String, Value>>,
    campaigns: Vec<Map<String, Value>>,
    custom_fields: Vec<Map<String, Value>>,
    lists: Vec<Map<String, Value>>,
    prospect_accounts: Vec<Map<String, Value>>,
    opportunities: Vec<Map<String, Value>>,
    visitor_activities: Vec<Map<String, Value>>,
}

impl BusinessUnit {
    /// Sets what the JSON names and leaves the rest. Rows merge by `id`, or are added without one.
    /// On an error nothing has changed.
    pub fn configure(&mut self, settings: Value) -> Result<(), String> {
        let given: Configuration =
            serde_json::from_value(settings).map_err(|error| error.to_string())?;
        let mut changed = self.clone();
        changed.apply_switches(&given)?;
        let rows = [
            (Object::Users, given.users),
            (Object::Campaigns, given.campaigns),
            (Object::CustomFields, given.custom_fields),
            (Object::Lists, given.lists),
            (Object::ProspectAccounts, given.prospect_accounts),
            (Object::Opportunities, given.opportunities),
            (Object::VisitorActivities, given.visitor_activities),
        ];
        for (object, new_rows) in rows {
            for row in new_rows {
                changed.configure_row(object, row)?;
            }
        }
        changed.refresh_custom_fields();
        *self = changed;
        Ok(())
    }

    fn apply_switches(&mut self, given: &Configuration) -> Result<(), String> {
        set(&mut self.settings.ampsea, given.ampsea);
        set(&mut self.settings.salesforce_id, given.salesforce_id);
        set(
            &mut self.settings.opted_out_writable,
            given.opted_out_writable,
        );
        set(
            &mut self.settings.bump_on_unchanged,
            given.bump_on_unchanged,
        );
        set(&mut self.settings.bump_on_score, given.bump_on_score);
        set(&mut self.settings.unassign_by_null, given.unassign_by_null);
        set(&mut self.settings.connector_state, given.connector_state);
        set(&mut self.settings.page_chain_limit, given.page_chain_limit);
        set(&mut self.quota.limit, given.daily_quota);
        set(&mut self.quota.used, given.quota_used);
        set(&mut self.gate.limit, given.concurrent_limit);
        set(&mut self.cache.seconds, given.read_cache_seconds);
        if let Some(name) = &given.time_zone {
            self.quota.time_zone =
                TimeZone::get(name).map_err(|_| format!("unknown time zone `{name}`"))?;
        }
        if let Some(name) = &given.api_user_offset {
            self.settings.api_user_zone = zone(name)?;
        }
        Ok(())
    }

    fn configure_row(&mut self, object: Object, row: Map<String, Value>) -> Result<(), String> {
        let id = row.get("id").and_then(Value::as_u64);
        let mut values = Map::new();
        for (name, value) in row {
            let field = self
                .field(object, &name)
                .ok_or_else(|| format!("{} have no field `{name}`", object.path()))?;
            let accepted = accept(field, &value).map_err(|error| error.to_string())?;
            values.insert(name, accepted);
        }
        let is_new = id.is_none_or(|id| self.row(object, id).is_none());
        if is_new {
            for name in ["createdAt", "updatedAt"] {
                values.entry(name).or_insert_with(|| super::CREATED.into());
            }
            if object.has_recycle_bin() {
                values.entry("isDeleted").or_insert(Value::Bool(false));
            }
        }
        if object == Object::CustomFields
            && let Some(field_id) = values.get("fieldId").and_then(Value::as_str)
        {
            let api_field_id = format!("{field_id}__c");
            values.insert("apiFieldId".to_owned(), api_field_id.into());
        }
        match id {
            Some(id) => self.table_mut(object).put(id, values),
            None => {
                self.table_mut(object).insert(values);
            }
        }
        Ok(())
    }
}

fn set<T: Copy>(target: &mut T, given: Option<T>) {
    if let Some(value) = given {
        *target = value;
    }
}

/// A zone written as an offset (`-05:00`) or as an IANA name.
fn zone(name: &str) -> Result<TimeZone, String> {
    let offset = BrokenDownTime::parse("%:z", name)
        .ok()
        .and_then(|time| time.offset());
    match offset {
        Some(offset) => Ok(TimeZone::fixed(offset)),
        None => TimeZone::get(name).map_err(|_| format!("unknown time zone `{name}`")),
    }
}
