//! Lookup and upsert by external id.

use serde_json::{Value, json};

use super::schema::Object;
use super::table::{Values, unique_key};
use super::{Caller, Org, OrgError, values, widen};

/// What an upsert did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upserted {
    /// The id of the row.
    pub id: String,
    /// Whether it is new.
    pub is_created: bool,
}

/// Why an upsert did nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Unsettled {
    /// Several rows hold the value: HTTP 300.
    Ambiguous(Vec<String>),
    /// The row was refused.
    Refused(OrgError),
}

impl From<OrgError> for Unsettled {
    fn from(error: OrgError) -> Self {
        Self::Refused(error)
    }
}

impl Org {
    /// The live rows with a value in an external id field, or in `Id`.
    ///
    /// # Errors
    /// `NOT_FOUND` when the field is none that lookups may name.
    pub fn find_by(
        &self,
        object_name: &str,
        field_name: &str,
        value: &Value,
        caller: &Caller,
    ) -> Result<Vec<String>, OrgError> {
        let object = self.object(object_name)?;
        let field = self.visible_field(object, field_name, &caller.user_id);
        let field = field
            .filter(|field| field.external_id || field.name == "Id")
            .ok_or_else(|| {
                let why = format!(
                    "Provided external ID field does not exist or is not accessible: {field_name}"
                );
                OrgError::with_status(404, "NOT_FOUND", why)
            })?;
        if field.name == "Id" {
            let id = value.as_str().and_then(widen);
            let live = |id: &String| {
                self.row(&object.name, id)
                    .is_some_and(|row| !row.is_deleted())
            };
            return Ok(id.filter(live).into_iter().collect());
        }
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let value = if field.kind.is_number() {
            value.clone()
        } else {
            json!(text)
        };
        let value = values::accept(field, &value)?;
        let Some(key) = unique_key(field, &value) else {
            return Ok(Vec::new());
        };
        if field.unique {
            return Ok(self
                .table(&object.name)
                .holder(&field.name, &key)
                .cloned()
                .into_iter()
                .collect());
        }
        let rows = self.rows(&object.name).filter(|(_, row)| !row.is_deleted());
        let holds = |value: &Value| unique_key(field, value).as_deref() == Some(key.as_str());
        let held = rows.filter(|(_, row)| holds(row.get(&field.name)));
        Ok(held.map(|(id, _)| id.clone()).collect())
    }

    /// Updates the row that holds an external id, or creates one.
    ///
    /// # Errors
    /// Several rows hold it, or the row is refused. With `update_only`, `NOT_FOUND` when none does.
    pub fn upsert(
        &mut self,
        object_name: &str,
        field_name: &str,
        value: &Value,
        body: &Values,
        update_only: bool,
        caller: &Caller,
    ) -> Result<Upserted, Unsettled> {
        let object: Object = self.object(object_name)?.clone();
        if value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty()) {
            let why = format!("{field_name} not specified");
            return Err(OrgError::new("MISSING_ARGUMENT", why).into());
        }
        if body.keys().any(|key| key.eq_ignore_ascii_case(field_name)) {
            let why =
                format!("The {field_name} field should not be specified in the sobject data.");
            return Err(OrgError::new("INVALID_FIELD", why).into());
        }
        let found = self.find_by(&object.name, field_name, value, caller)?;
        match found.as_slice() {
            [] if update_only || field_name.eq_ignore_ascii_case("Id") => {
                Err(OrgError::not_found().into())
            }
            [] => {
                let mut body = body.clone();
                body.insert(field_name.to_owned(), value.clone());
                let id = self.create(&object.name, &body, caller)?;
                Ok(Upserted {
                    id,
                    is_created: true,
                })
            }
            [id] => {
                self.update(&object.name, id, body, caller)?;
                Ok(Upserted {
                    id: id.clone(),
                    is_created: false,
                })
            }
            several => Err(Unsettled::Ambiguous(several.to_vec())),
        }
    }
}
