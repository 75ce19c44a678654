//! Single reads of every object, and the plain writes of lists, memberships and custom fields.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::BusinessUnit;
use super::errors::ApiError;
use super::fields::CUSTOM_TYPES;
use super::objects::Object;
use super::prospects::{Body, Writer, touch};
use super::records::{Record, stamp};
use super::values::accept;

/// A single row and whether it lies in the recycle bin (warning 201).
#[derive(Debug, Clone, PartialEq)]
pub struct Single {
    /// The requested fields.
    pub value: Value,
    /// Whether the row is deleted.
    pub is_deleted: bool,
}

impl BusinessUnit {
    /// Reads one row; `deleted` is the parameter's text, absent for live rows only.
    pub fn read(
        &mut self,
        object: Object,
        id: u64,
        fields_text: Option<&str>,
        deleted: Option<&str>,
        now: Timestamp,
    ) -> Result<Single, ApiError> {
        let fields_text = fields_text.ok_or_else(ApiError::fields_missing)?;
        let fields = self.parse_fields(object, fields_text)?;
        let live = self.row(object, id).ok_or_else(ApiError::not_found)?;
        let row = self.seen(object, live, now);
        match (deleted.unwrap_or("false"), row.is_deleted()) {
            ("all", _) | ("true", true) | ("false", false) => {}
            ("false", true) => return Err(ApiError::in_recycle_bin()),
            ("true", false) => return Err(ApiError::not_found()),
            _ => {
                return Err(ApiError::parameter(
                    "deleted",
                    "It must be all, true or false.",
                ));
            }
        }
        let single = Single {
            value: self.view(object, row, &fields),
            is_deleted: row.is_deleted(),
        };
        self.remember_read(object, &[id], now);
        Ok(single)
    }

    /// The fields of a row just written, live; `None` when the caller asked for none.
    pub fn echo(
        &self,
        object: Object,
        id: u64,
        fields_text: Option<&str>,
    ) -> Result<Option<Value>, ApiError> {
        let Some(text) = fields_text else {
            return Ok(None);
        };
        let fields = self.parse_fields(object, text)?;
        let row = self.row(object, id).ok_or_else(ApiError::not_found)?;
        Ok(Some(self.view(object, row, &fields)))
    }

    /// Creates a row of an object with plain writes.
    pub fn create_plain(
        &mut self,
        object: Object,
        body: &Body,
        now: Timestamp,
    ) -> Result<u64, ApiError> {
        let mut values = self.accept_plain(object, body)?;
        match object {
            Object::Lists => require_text(&values, "name")?,
            Object::ListMemberships => self.check_membership(&values)?,
            Object::CustomFields => {
                let api_field_id = self.check_custom_field(&values)?;
                values.insert("apiFieldId".to_owned(), json!(api_field_id));
            }
            Object::Prospects
            | Object::Users
            | Object::Campaigns
            | Object::ProspectAccounts
            | Object::Opportunities
            | Object::VisitorActivities => return Err(ApiError::method()),
        }
        for name in ["createdAt", "updatedAt"] {
            values.insert(name.to_owned(), json!(stamp(now)));
        }
        for name in ["createdById", "updatedById"] {
            values.insert(name.to_owned(), json!(super::API_USER));
        }
        let id = self.table_mut(object).insert(values);
        self.refresh_custom_fields();
        Ok(id)
    }

    /// Changes a row of an object with plain writes.
    pub fn update_plain(
        &mut self,
        object: Object,
        id: u64,
        body: &Body,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let values = self.accept_plain(object, body)?;
        let fixed = match object {
            Object::ListMemberships => &["listId", "prospectId"][..],
            Object::CustomFields => &["fieldId", "type"],
            Object::Lists
            | Object::Prospects
            | Object::Users
            | Object::Campaigns
            | Object::ProspectAccounts
            | Object::Opportunities
            | Object::VisitorActivities => &[],
        };
        if let Some(name) = fixed.iter().find(|name| values.contains_key(**name)) {
            return Err(ApiError::property(name));
        }
        let row = self.plain_mut(object, id)?;
        row.values.extend(values);
        touch(row, Writer::API, now);
        self.refresh_custom_fields();
        Ok(())
    }

    /// Deletes a row: lists go to the recycle bin, memberships and custom fields are gone.
    pub fn delete_plain(
        &mut self,
        object: Object,
        id: u64,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let row = self.plain_mut(object, id)?;
        if object == Object::Lists {
            row.set("isDeleted", true);
            touch(row, Writer::API, now);
        } else {
            self.table_mut(object).rows.remove(&id);
            self.refresh_custom_fields();
        }
        Ok(())
    }

    fn plain_mut(&mut self, object: Object, id: u64) -> Result<&mut Record, ApiError> {
        let row = self.table_mut(object).rows.get_mut(&id);
        row.filter(|row| !row.is_deleted())
            .ok_or_else(ApiError::not_found)
    }

    fn accept_plain(&self, object: Object, body: &Body) -> Result<Body, ApiError> {
        let mut values = Map::new();
        for (name, given) in body {
            let field = self
                .field(object, name)
                .filter(|field| field.is_editable)
                .ok_or_else(|| ApiError::property(name))?;
            values.insert(name.clone(), accept(field, given)?);
        }
        Ok(values)
    }

    fn check_membership(&self, values: &Body) -> Result<(), ApiError> {
        let id_of = |name: &str| values.get(name).and_then(Value::as_u64);
        let list = id_of("listId").and_then(|id| self.row(Object::Lists, id));
        let list = list.filter(|list| !list.is_deleted());
        list.ok_or_else(|| ApiError::new(400, 55, "Invalid list ID"))?;
        let prospect_id = id_of("prospectId")
            .filter(|id| self.live_prospect(*id).is_ok())
            .ok_or_else(|| ApiError::new(400, 3, "Invalid prospect ID"))?;
        let is_member = self
            .table(Object::ListMemberships)
            .rows
            .values()
            .any(|row| {
                row.get("listId").as_u64() == id_of("listId")
                    && row.get("prospectId").as_u64() == Some(prospect_id)
            });
        if is_member {
            return Err(ApiError::new(
                400,
                58,
                "Prospect is already a member of this list",
            ));
        }
        Ok(())
    }

    fn check_custom_field(&self, values: &Body) -> Result<String, ApiError> {
        require_text(values, "name")?;
        require_text(values, "fieldId")?;
        let kind = values
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if !CUSTOM_TYPES.contains(&kind) {
            return Err(ApiError::property("type"));
        }
        let field_id = values
            .get("fieldId")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let api_field_id = format!("{field_id}__c");
        if self.field(Object::Prospects, &api_field_id).is_some() {
            return Err(ApiError::property("fieldId"));
        }
        Ok(api_field_id)
    }
}

fn require_text(values: &Body, name: &str) -> Result<(), ApiError> {
    let text = values.get(name).and_then(Value::as_str);
    text.map(|_| ()).ok_or_else(|| ApiError::property(name))
}
