//! What the connector user can see of an object's fields (apis A6).

use serde_json::Value;

use crate::client::{Call, Client, check_object, data_path};
use crate::error::Error;

/// A field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The API name.
    pub name: String,
    /// The type: `string`, `picklist`, `multipicklist`, `double`, `boolean`, …
    pub field_type: String,
    /// The longest text, in characters; 0 where that means nothing.
    pub length: u32,
    /// Whether new records may have it.
    pub is_createable: bool,
    /// Whether it may be changed.
    pub is_updateable: bool,
    /// Whether it may be empty.
    pub is_nillable: bool,
    /// Whether Salesforce fills it in when it is left out.
    pub is_defaulted_on_create: bool,
    /// Whether it is a formula or a roll-up.
    pub is_calculated: bool,
    /// Whether it is a unique external id.
    pub is_unique_external_id: bool,
    /// The active values of a restricted picklist; empty when it is not one.
    pub restricted_to: Vec<String>,
}

impl Client {
    /// The fields of an object that the connector user can see (R12).
    ///
    /// # Errors
    /// When the call fails or its answer is no description.
    pub async fn describe(&self, object: &str) -> Result<Vec<Field>, Error> {
        check_object("describe", object)?;
        let path = data_path(&format!("sobjects/{object}/describe"));
        let answer = self.call(&Call::get("describe", path)).await?;
        read_fields(&answer)
    }
}

pub(crate) fn read_fields(answer: &Value) -> Result<Vec<Field>, Error> {
    let protocol = |problem: &str| Error::Protocol {
        call: "describe",
        problem: problem.to_owned(),
    };
    let fields = answer.get("fields").and_then(Value::as_array);
    let fields = fields.ok_or_else(|| protocol("no `fields`"))?;
    fields
        .iter()
        .map(|field| read_field(field).ok_or_else(|| protocol("a field has no name or type")))
        .collect()
}

fn read_field(field: &Value) -> Option<Field> {
    let is = |name: &str| field.get(name).and_then(Value::as_bool).unwrap_or(false);
    let length = field.get("length").and_then(Value::as_u64).unwrap_or(0);
    let values = field.get("picklistValues").and_then(Value::as_array);
    let restricted_to = match values {
        Some(values) if is("restrictedPicklist") => values
            .iter()
            .filter(|value| value.get("active").and_then(Value::as_bool).unwrap_or(true))
            .filter_map(|value| value.get("value")?.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    };
    Some(Field {
        name: field.get("name")?.as_str()?.to_owned(),
        field_type: field.get("type")?.as_str()?.to_owned(),
        length: u32::try_from(length).unwrap_or(u32::MAX),
        is_createable: is("createable"),
        is_updateable: is("updateable"),
        is_nillable: is("nillable"),
        is_defaulted_on_create: is("defaultedOnCreate"),
        is_calculated: is("calculated"),
        is_unique_external_id: is("externalId") && is("unique"),
        restricted_to,
    })
}
