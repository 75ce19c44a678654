//! `human_edit`: what a marketing user does in the application, not bound by the API's rules.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::BusinessUnit;
use super::objects::Object;
use super::prospects::{Body, Writer};
use super::records::stamp;

/// The user people edit as, unless the edit names another.
const EDITOR: &str = "ines.moreau";

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Edit {
    id: Option<u64>,
    by: Option<String>,
    fields: Body,
    delete: bool,
    undelete: bool,
    score_add: Option<i64>,
    assign: Option<String>,
    unassign: bool,
    activity: bool,
}

impl BusinessUnit {
    /// Applies one edit and answers the prospect as it is then. All or nothing.
    pub fn human_edit(&mut self, edit: Value, now: Timestamp) -> Result<Value, String> {
        let edit: Edit = serde_json::from_value(edit).map_err(|error| error.to_string())?;
        let mut changed_fields = edit.fields.clone();
        if edit.unassign {
            changed_fields.insert("userId".to_owned(), Value::Null);
        }
        if let Some(name) = &edit.assign {
            changed_fields.insert("userId".to_owned(), json!(self.user_id(name)?));
        }
        if let Some(points) = edit.score_add {
            let held = edit.id.and_then(|id| self.row(Object::Prospects, id));
            let score = held.and_then(|row| row.get("score").as_i64()).unwrap_or(0);
            changed_fields.insert("score".to_owned(), json!(score + points));
        }
        let user_id = self.user_id(edit.by.as_deref().unwrap_or(EDITOR))?;
        let writer = Writer {
            user_id,
            is_person: true,
        };
        let id = self
            .apply(&edit, &changed_fields, writer, now)
            .map_err(|e| e.to_string())?;
        let row = self.prospect_mut(id).map_err(|error| error.to_string())?;
        if edit.activity || edit.score_add.is_some() {
            row.set("lastActivityAt", stamp(now));
        }
        Ok(Value::Object(row.values.clone()))
    }

    fn apply(
        &mut self,
        edit: &Edit,
        fields: &Map<String, Value>,
        writer: Writer,
        now: Timestamp,
    ) -> Result<u64, super::ApiError> {
        let Some(id) = edit.id else {
            return self.create_prospect(fields, writer, now);
        };
        let before = self.prospect_mut(id)?.clone();
        let outcome = self.apply_to(id, edit, fields, writer, now);
        if outcome.is_err() {
            *self.prospect_mut(id)? = before;
        }
        outcome.map(|()| id)
    }

    fn apply_to(
        &mut self,
        id: u64,
        edit: &Edit,
        fields: &Map<String, Value>,
        writer: Writer,
        now: Timestamp,
    ) -> Result<(), super::ApiError> {
        if edit.undelete {
            self.undelete_prospect(id, writer, now)?;
        }
        if !fields.is_empty() {
            self.update_prospect(id, fields, writer, now)?;
        }
        if edit.delete {
            self.delete_prospect(id, writer, now)?;
        }
        Ok(())
    }

    fn user_id(&self, name: &str) -> Result<u64, String> {
        let user = self.user_by_name(name);
        user.map(|user| user.id)
            .ok_or_else(|| format!("no user is called `{name}`"))
    }
}
