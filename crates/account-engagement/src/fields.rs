//! Custom fields of the prospect (apis B5).

use serde_json::{Map, Value};

use crate::calls::CallKind;
use crate::client::Client;
use crate::error::{Error, ProtocolError};
use crate::field_list::Fields;
use crate::page::{Collection, PAGE_LIMIT};
use crate::row::Row;

const CUSTOM_FIELDS: Collection = Collection {
    kind: CallKind::CustomFields,
    path: "objects/custom-fields",
};

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
    fn from_row(values: &Map<String, Value>) -> Result<Self, ProtocolError> {
        let row = Row {
            kind: CallKind::CustomFields,
            values,
        };
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
        let fields = Fields::of([
            "id",
            "name",
            "apiFieldId",
            "type",
            "isRequired",
            "isRecordMultipleResponses",
            "isUseValues",
            "salesforceId",
        ]);
        let parameters = [("limit", PAGE_LIMIT.to_string())];
        let rows = self.every_row(CUSTOM_FIELDS, &fields, &parameters).await?;
        rows.iter()
            .map(|row| CustomField::from_row(row).map_err(Error::from))
            .collect()
    }
}
