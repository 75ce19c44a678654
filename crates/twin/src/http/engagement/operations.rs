//! One call against a locked business unit: method and route to an engine operation.

use axum::http::Method;
use jiff::Timestamp;
use serde_json::Value;

use super::route::Route;
use crate::bu::objects::Object;
use crate::bu::prospects::{Body, Writer};
use crate::bu::query::Page;
use crate::bu::revive::{Upsert, Upserted};
use crate::bu::{ApiError, BusinessUnit};

/// A call, read from the wire.
#[derive(Debug)]
pub struct Call {
    /// The verb.
    pub method: Method,
    /// What it addresses.
    pub route: Route,
    /// Query parameters in the order they came.
    pub parameters: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What a call is answered with.
#[derive(Debug)]
pub enum Answer {
    /// A page of an object, with the `fields` text for the next page's address.
    Page(Object, String, Page),
    /// 200 and a warning when the row is deleted.
    Single(Value, bool),
    /// 201 with a location.
    Created(Object, u64, Value),
    /// 200 with fields, or 204 when none were asked for.
    Written(Option<Value>),
}

impl Call {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(held, _)| held == name)
            .map(|(_, value)| value.as_str())
    }

    fn json(&self) -> Result<Body, ApiError> {
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(body)) => Ok(body),
            Ok(_) => Err(ApiError::body("it must be a JSON object")),
            Err(_) => Err(ApiError::body("it is no JSON")),
        }
    }

    /// Runs the call.
    pub fn run(&self, unit: &mut BusinessUnit, now: Timestamp) -> Result<Answer, ApiError> {
        match (&self.route, self.method.as_str()) {
            (Route::Rows(object), "GET") => {
                let page = unit.query(*object, &self.parameters, now)?;
                let fields = self.parameter("fields").unwrap_or_default().to_owned();
                Ok(Answer::Page(*object, fields, page))
            }
            (Route::Rows(object), "POST") => self.create(*object, unit, now),
            (Route::Row(object, id), "GET") => self.read(*object, *id, unit, now),
            (Route::Row(object, id), "PATCH") => self.update(*object, *id, unit, now),
            (Route::Row(object, id), "DELETE") => delete(*object, *id, unit, now),
            (Route::Account, "GET") => unit
                .account(self.parameter("fields"))
                .map(|value| Answer::Single(value, false)),
            (Route::Action(action), "POST") => match action.as_str() {
                "upsertLatestByEmail" => self.upsert(unit, now),
                "undelete" => self.undelete(unit, now),
                _ => Err(ApiError::endpoint()),
            },
            (Route::RowAction(id, action), "POST") => self.tag(*id, action, unit),
            (Route::ExternalActivities, "POST") => {
                unit.add_external_activity(&self.json()?, now)?;
                Ok(Answer::Written(None))
            }
            _ => Err(ApiError::method()),
        }
    }

    fn read(
        &self,
        object: Object,
        id: u64,
        unit: &mut BusinessUnit,
        now: Timestamp,
    ) -> Result<Answer, ApiError> {
        if let Some((name, _)) = self
            .parameters
            .iter()
            .find(|(name, _)| !["fields", "deleted"].contains(&name.as_str()))
        {
            let why = "It is not a parameter of this operation.";
            return Err(ApiError::parameter(name, why));
        }
        let fields = self.parameter("fields");
        let single = unit.read(object, id, fields, self.parameter("deleted"), now)?;
        Ok(Answer::Single(single.value, single.is_deleted))
    }

    fn create(
        &self,
        object: Object,
        unit: &mut BusinessUnit,
        now: Timestamp,
    ) -> Result<Answer, ApiError> {
        if !object.is_writable() {
            return Err(ApiError::method());
        }
        let fields = self.parameter("fields").unwrap_or("id");
        unit.parse_fields(object, fields)?;
        let body = self.json()?;
        let id = if object == Object::Prospects {
            unit.create_prospect(&body, Writer::API, now)?
        } else {
            unit.create_plain(object, &body, now)?
        };
        let value = unit.echo(object, id, Some(fields))?.unwrap_or(Value::Null);
        Ok(Answer::Created(object, id, value))
    }

    fn update(
        &self,
        object: Object,
        id: u64,
        unit: &mut BusinessUnit,
        now: Timestamp,
    ) -> Result<Answer, ApiError> {
        if !object.is_writable() {
            return Err(ApiError::method());
        }
        let fields = self.parameter("fields");
        fields
            .map(|text| unit.parse_fields(object, text))
            .transpose()?;
        let body = self.json()?;
        if object == Object::Prospects {
            unit.update_prospect(id, &body, Writer::API, now)?;
        } else {
            unit.update_plain(object, id, &body, now)?;
        }
        unit.echo(object, id, fields).map(Answer::Written)
    }

    fn upsert(&self, unit: &mut BusinessUnit, now: Timestamp) -> Result<Answer, ApiError> {
        let body = self.json()?;
        let mut upsert = Upsert::default();
        for (name, value) in &body {
            match (name.as_str(), value) {
                ("matchEmail", Value::String(email)) => upsert.match_email = Some(email.clone()),
                ("prospect", Value::Object(prospect)) => upsert.prospect = prospect.clone(),
                ("secondaryDeletedSearch", Value::Bool(is_wanted)) => {
                    upsert.secondary_deleted_search = *is_wanted;
                }
                ("matchEmail" | "secondaryDeletedSearch", Value::Null) | ("fields", _) => {}
                _ => return Err(ApiError::property(name)),
            }
        }
        let fields = self.wanted_fields(&body);
        fields
            .as_deref()
            .map(|text| unit.parse_fields(Object::Prospects, text))
            .transpose()?;
        let upserted = unit.upsert_latest_by_email(&upsert, Writer::API, now)?;
        let value = unit.echo(Object::Prospects, upserted.id(), fields.as_deref())?;
        Ok(match upserted {
            Upserted::Created(id) => {
                let value = value.unwrap_or_else(|| serde_json::json!({ "id": id }));
                Answer::Created(Object::Prospects, id, value)
            }
            Upserted::Updated(_) => Answer::Written(value),
        })
    }

    fn undelete(&self, unit: &mut BusinessUnit, now: Timestamp) -> Result<Answer, ApiError> {
        let body = self.json()?;
        let known = ["matchEmail", "email", "fields"];
        if let Some(name) = body.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(ApiError::property(name));
        }
        let email = body.get("matchEmail").or_else(|| body.get("email"));
        let email = email.and_then(Value::as_str).ok_or_else(ApiError::email)?;
        let fields = self.wanted_fields(&body);
        fields
            .as_deref()
            .map(|text| unit.parse_fields(Object::Prospects, text))
            .transpose()?;
        let id = unit.undelete_by_email(email, Writer::API, now)?;
        unit.echo(Object::Prospects, id, fields.as_deref())
            .map(Answer::Written)
    }

    fn tag(&self, id: u64, action: &str, unit: &mut BusinessUnit) -> Result<Answer, ApiError> {
        let is_added = match action {
            "addTag" => true,
            "removeTag" => false,
            _ => return Err(ApiError::endpoint()),
        };
        let body = self.json()?;
        let tag = body.get("tagName").and_then(Value::as_str);
        unit.tag_prospect(
            id,
            tag.ok_or_else(|| ApiError::property("tagName"))?,
            is_added,
        )?;
        Ok(Answer::Written(None))
    }

    /// `fields` of an action: an array or text in the body, or the query parameter.
    fn wanted_fields(&self, body: &Body) -> Option<String> {
        match body.get("fields") {
            Some(Value::Array(names)) => {
                let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
                Some(names.join(",")).filter(|text| !text.is_empty())
            }
            Some(Value::String(text)) => Some(text.clone()),
            _ => self.parameter("fields").map(str::to_owned),
        }
    }
}

fn delete(
    object: Object,
    id: u64,
    unit: &mut BusinessUnit,
    now: Timestamp,
) -> Result<Answer, ApiError> {
    if !object.is_writable() {
        return Err(ApiError::method());
    }
    if object == Object::Prospects {
        unit.delete_prospect(id, Writer::API, now)?;
    } else {
        unit.delete_plain(object, id, now)?;
    }
    Ok(Answer::Written(None))
}
