//! Prospects: create, update, delete, and the rules for e-mail, assignment and campaign.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::BusinessUnit;
use super::errors::ApiError;
use super::objects::Object;
use super::records::{Record, stamp};
use super::settings::SalesforceIdMode;
use super::values::accept;

/// Who writes. A person is not bound by what the API may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writer {
    /// The user's id, for `createdById` and `updatedById`.
    pub user_id: u64,
    /// Whether a person writes in the application rather than a program through the API.
    pub is_person: bool,
}

impl Writer {
    /// The connector's own user, through the API.
    pub const API: Self = Self {
        user_id: super::API_USER,
        is_person: false,
    };
}

/// A request body or its `prospect` part.
pub type Body = Map<String, Value>;

impl BusinessUnit {
    /// Creates a prospect and answers its id. Without AMPSEA a second use of an address is code 9.
    pub fn create_prospect(
        &mut self,
        body: &Body,
        writer: Writer,
        now: Timestamp,
    ) -> Result<u64, ApiError> {
        let mut values = self.accept_body(
            body,
            &Record {
                id: 0,
                values: Map::new(),
            },
            writer,
        )?;
        let email = values
            .get("email")
            .and_then(Value::as_str)
            .ok_or_else(ApiError::email)?;
        if self.is_address_taken(email, None) {
            return Err(ApiError::new(
                400,
                9,
                "A prospect with this email address already exists",
            ));
        }
        if values.get("campaignId").is_none_or(Value::is_null) {
            let oldest = self.table(Object::Campaigns).rows.keys().next().copied();
            values.insert("campaignId".to_owned(), json!(oldest));
        }
        values.entry("score").or_insert(json!(0));
        for name in ["createdAt", "updatedAt"] {
            values.insert(name.to_owned(), json!(stamp(now)));
        }
        for name in ["createdById", "updatedById"] {
            values.insert(name.to_owned(), json!(writer.user_id));
        }
        values.insert("isDeleted".to_owned(), json!(false));
        if values.get("userId").is_some_and(Value::is_u64) {
            values.insert("firstAssignedAt".to_owned(), json!(stamp(now)));
        }
        Ok(self.table_mut(Object::Prospects).insert(values))
    }

    /// Changes a prospect that is not in the recycle bin.
    pub fn update_prospect(
        &mut self,
        id: u64,
        body: &Body,
        writer: Writer,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let row = self.live_prospect(id)?;
        let values = self.accept_body(body, row, writer)?;
        let changed: Vec<&String> = values
            .iter()
            .filter(|(name, value)| row.get(name) != *value)
            .map(|(n, _)| n)
            .collect();
        let is_score_only = changed.len() == 1 && changed[0] == "score";
        let is_bumped = if changed.is_empty() {
            self.settings.bump_on_unchanged
        } else {
            self.settings.bump_on_score || !is_score_only
        };
        let is_first_assignment =
            row.get("firstAssignedAt").is_null() && values.get("userId").is_some_and(Value::is_u64);
        if let Some(email) = values.get("email").and_then(Value::as_str)
            && self.is_address_taken(email, Some(id))
        {
            return Err(ApiError::new(400, 54, "Email address is already in use"));
        }
        let row = self.prospect_mut(id)?;
        row.values.extend(values);
        if is_first_assignment {
            row.set("firstAssignedAt", stamp(now));
        }
        if is_bumped {
            touch(row, writer, now);
        }
        Ok(())
    }

    /// Moves a prospect to the recycle bin.
    pub fn delete_prospect(
        &mut self,
        id: u64,
        writer: Writer,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        self.live_prospect(id)?;
        let row = self.prospect_mut(id)?;
        row.set("isDeleted", true);
        touch(row, writer, now);
        Ok(())
    }

    /// Takes a prospect out of the recycle bin; one that is not in it stays as it is.
    pub fn undelete_prospect(
        &mut self,
        id: u64,
        writer: Writer,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let row = self.prospect_mut(id)?;
        if row.is_deleted() {
            row.set("isDeleted", false);
            touch(row, writer, now);
        }
        Ok(())
    }

    /// The prospect, refused when it is missing or in the recycle bin.
    pub fn live_prospect(&self, id: u64) -> Result<&Record, ApiError> {
        let row = self
            .row(Object::Prospects, id)
            .ok_or_else(ApiError::not_found)?;
        if row.is_deleted() {
            Err(ApiError::in_recycle_bin())
        } else {
            Ok(row)
        }
    }

    pub(super) fn prospect_mut(&mut self, id: u64) -> Result<&mut Record, ApiError> {
        self.table_mut(Object::Prospects)
            .rows
            .get_mut(&id)
            .ok_or_else(ApiError::not_found)
    }

    fn is_address_taken(&self, email: &str, except: Option<u64>) -> bool {
        let mut rows = self.table(Object::Prospects).rows.values();
        !self.settings.ampsea
            && rows.any(|row| {
                row.text("email") == email && !row.is_deleted() && Some(row.id) != except
            })
    }

    fn accept_body(&self, body: &Body, row: &Record, writer: Writer) -> Result<Body, ApiError> {
        if body.contains_key("userId") && body.contains_key("salesforceOwnerId") {
            let text = "Only one of userId and salesforceOwnerId may be given";
            return Err(ApiError::new(400, 125, text));
        }
        let mut values = Body::new();
        for (name, given) in body {
            let field = self
                .field(Object::Prospects, name)
                .filter(|field| writer.is_person || self.is_writable(field.is_editable, name))
                .ok_or_else(|| ApiError::property(name))?;
            let value = accept(field, given)?;
            match name.as_str() {
                "userId" | "salesforceOwnerId" => {
                    let user_id = self.assignee(name, &value, writer)?;
                    values.insert("userId".to_owned(), user_id.clone());
                    values.insert("assignedToId".to_owned(), user_id);
                }
                "campaignId" => {
                    self.check_campaign(&value)?;
                    values.insert(name.clone(), value);
                }
                "salesforceId" if !writer.is_person => match self.settings.salesforce_id {
                    SalesforceIdMode::Editable => {
                        values.insert(name.clone(), value);
                    }
                    SalesforceIdMode::SilentlyDropped => {}
                    SalesforceIdMode::Refused => {
                        return Err(ApiError::new(400, 77, "Invalid prospect fid"));
                    }
                },
                _ if field.is_recording_responses && !given.is_array() && !given.is_null() => {
                    values.insert(name.clone(), with_responses(row.get(name), &value));
                }
                _ => {
                    values.insert(name.clone(), value);
                }
            }
        }
        Ok(values)
    }

    fn is_writable(&self, is_editable: bool, name: &str) -> bool {
        is_editable && (name != "optedOut" || self.settings.opted_out_writable)
    }

    fn assignee(&self, name: &str, value: &Value, writer: Writer) -> Result<Value, ApiError> {
        if value.is_null() {
            let may_unassign = writer.is_person || self.settings.unassign_by_null;
            return if may_unassign {
                Ok(Value::Null)
            } else {
                Err(ApiError::user())
            };
        }
        let user = match value.as_u64() {
            Some(id) => self.row(Object::Users, id),
            None if name == "salesforceOwnerId" => {
                let wanted = value.as_str().unwrap_or_default();
                self.table(Object::Users)
                    .rows
                    .values()
                    .find(|user| is_same_salesforce_id(user.text("salesforceId"), wanted))
            }
            None => None,
        };
        user.filter(|user| !user.is_deleted())
            .map(|user| json!(user.id))
            .ok_or_else(ApiError::user)
    }

    fn check_campaign(&self, value: &Value) -> Result<(), ApiError> {
        let known = value
            .as_u64()
            .and_then(|id| self.row(Object::Campaigns, id));
        known.map(|_| ()).ok_or_else(ApiError::campaign)
    }
}

/// Marks a row as changed by a writer.
pub(super) fn touch(row: &mut Record, writer: Writer, now: Timestamp) {
    row.set("updatedAt", stamp(now));
    row.set("updatedById", writer.user_id);
}

fn is_same_salesforce_id(held: &str, given: &str) -> bool {
    given.len() >= 15 && held.get(..15) == given.get(..15)
}

fn with_responses(held: &Value, new: &Value) -> Value {
    let mut responses = held.as_array().cloned().unwrap_or_default();
    for response in new.as_array().into_iter().flatten() {
        if !responses.contains(response) {
            responses.push(response.clone());
        }
    }
    Value::Array(responses)
}
