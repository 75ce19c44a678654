//! External activities, tags and the account: the small rest of the API.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::BusinessUnit;
use super::errors::ApiError;
use super::objects::Object;
use super::prospects::Body;
use super::records::stamp;

impl BusinessUnit {
    /// Takes an external activity; it counts as activity of every prospect with the address.
    pub fn add_external_activity(&mut self, body: &Body, now: Timestamp) -> Result<(), ApiError> {
        for name in ["extension", "type", "value", "email", "activityDate"] {
            let given = body.get(name).and_then(Value::as_str);
            given.ok_or_else(|| ApiError::property(name))?;
        }
        let known = ["extension", "type", "value", "email", "activityDate"];
        if let Some(name) = body.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(ApiError::property(name));
        }
        let date = body
            .get("activityDate")
            .and_then(Value::as_str)
            .unwrap_or_default();
        date.parse::<Timestamp>()
            .map_err(|_| ApiError::format(57, "activityDate"))?;
        let email = body
            .get("email")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let rows = self.table_mut(Object::Prospects).rows.values_mut();
        let mut is_known = false;
        for row in rows.filter(|row| row.text("email") == email && !row.is_deleted()) {
            row.set("lastActivityAt", stamp(now));
            is_known = true;
        }
        if !is_known {
            return Err(ApiError::new(404, 109, "Requested record not found"));
        }
        self.external_activities.push(Value::Object(body.clone()));
        Ok(())
    }

    /// Adds or takes away a tag of a prospect, kept under `tags` in the dump.
    pub fn tag_prospect(&mut self, id: u64, tag: &str, is_added: bool) -> Result<(), ApiError> {
        self.live_prospect(id)?;
        let row = self.prospect_mut(id)?;
        let mut tags = row.get("tags").as_array().cloned().unwrap_or_default();
        tags.retain(|held| held != tag);
        if is_added {
            tags.push(json!(tag));
        }
        row.set("tags", tags);
        Ok(())
    }

    /// The account, with the fields asked for.
    pub fn account(&self, fields_text: Option<&str>) -> Result<Value, ApiError> {
        let text = fields_text.ok_or_else(ApiError::fields_missing)?;
        let account = json!({
            "id": 1,
            "company": "Prospect Sync Twin",
            "level": "Growth",
            "website": "https://example.com",
            "timezone": self.quota.time_zone.iana_name().unwrap_or("UTC"),
            "maximumDailyApiCalls": self.quota.limit,
            "apiCallsUsed": self.quota.used,
            "createdAt": self.local_text(super::CREATED),
            "updatedAt": self.local_text(super::CREATED),
        });
        let mut reply = Map::new();
        for name in text
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            let value = account
                .get(name)
                .ok_or_else(|| ApiError::unknown_field(name))?;
            reply.insert(name.to_owned(), value.clone());
        }
        if reply.is_empty() {
            Err(ApiError::fields_missing())
        } else {
            Ok(Value::Object(reply))
        }
    }
}
