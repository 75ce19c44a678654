//! Custom fields of the prospect (apis B5).

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::calls::CallKind;
use crate::client::Client;
use crate::error::{Error, ProtocolError};
use crate::field_list::Fields;
use crate::page::{Collection, PAGE_LIMIT};
use crate::row::Row;
use crate::wire::Call;

const CUSTOM_FIELDS: Collection = Collection {
    kind: CallKind::CustomFields,
    path: "objects/custom-fields",
};

/// What is asked of a custom field.
const FIELDS: [&str; 8] = [
    "id",
    "name",
    "apiFieldId",
    "type",
    "isRequired",
    "isRecordMultipleResponses",
    "isUseValues",
    "salesforceId",
];

/// A custom field of the prospect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomField {
    /// Its id.
    pub id: u64,
    /// Its label.
    pub name: Option<String>,
    /// The name in prospect requests, with the suffix `__c`.
    pub api_field_id: String,
    /// The vendor's name of its type: `Text`, `Multi-Select`, `CRM User`.
    pub field_type: String,
    /// Whether a form must have it.
    pub is_required: bool,
    /// Whether new values are added to those that are there.
    pub is_record_multiple_responses: bool,
    /// Whether it offers a list of values.
    pub is_use_values: bool,
    /// The Salesforce field it is mapped to by the native connector.
    pub salesforce_id: Option<String>,
}

impl CustomField {
    pub(crate) fn from_row(
        kind: CallKind,
        values: &Map<String, Value>,
    ) -> Result<Self, ProtocolError> {
        let row = Row { kind, values };
        let required = |name: &str| {
            let missing = || ProtocolError::new(row.kind, format!("`{name}` is not there"));
            row.text(name)?.ok_or_else(missing)
        };
        Ok(Self {
            id: row.id()?,
            name: row.text("name")?,
            api_field_id: required("apiFieldId")?,
            field_type: required("type")?,
            is_required: row.is("isRequired")?,
            is_record_multiple_responses: row.is("isRecordMultipleResponses")?,
            is_use_values: row.is("isUseValues")?,
            salesforce_id: row.text("salesforceId")?,
        })
    }

    /// Whether a query leaves the field out and only a single read answers it (apis K7).
    #[must_use]
    pub fn is_omitted_by_query(&self) -> bool {
        let has_several_values = matches!(self.field_type.as_str(), "Multi-Select" | "Checkbox");
        self.is_record_multiple_responses || has_several_values
    }
}

impl Client {
    /// All custom fields of the prospect. The collection takes no `deleted`.
    pub async fn custom_fields(&self) -> Result<Vec<CustomField>, Error> {
        let fields = Fields::of(FIELDS);
        let parameters = [("limit", PAGE_LIMIT.to_string())];
        let rows = self.every_row(CUSTOM_FIELDS, &fields, &parameters).await?;
        rows.iter()
            .map(|row| CustomField::from_row(CUSTOM_FIELDS.kind, row).map_err(Error::from))
            .collect()
    }

    /// Creates a custom field of the prospect: text, one value, required on no form. The service makes
    /// the API name from `field_id` by adding `__c` (docs/assumptions.md); the answer tells.
    pub async fn create_text_field(
        &self,
        label: &str,
        field_id: &str,
    ) -> Result<CustomField, Error> {
        let kind = CallKind::CreateCustomField;
        let body = json!({
            "name": label,
            "fieldId": field_id,
            "type": "Text",
            "isRequired": false,
            "isRecordMultipleResponses": false,
            "isUseValues": false,
        });
        let call = Call {
            kind,
            method: Method::POST,
            path: CUSTOM_FIELDS.path.to_owned(),
            query: vec![Fields::of(FIELDS).parameter()],
            body: Some(&body),
        };
        match self.call(&call).await?.body {
            Value::Object(row) => Ok(CustomField::from_row(kind, &row)?),
            _ => Err(ProtocolError::new(kind, "the answer is not an object").into()),
        }
    }
}
