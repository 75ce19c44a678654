//! What describe calls answer.

use serde_json::{Value, json};

use super::schema::{Field, FieldType, Object};
use super::{Org, OrgError};

impl Org {
    /// The list of objects.
    #[must_use]
    pub fn describe_all(&self, version: &str) -> Value {
        let objects: Vec<Value> = self
            .objects()
            .map(|object| summary(object, version))
            .collect();
        json!({ "encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects })
    }

    /// One object in short.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub fn describe_short(&self, object: &str, version: &str) -> Result<Value, OrgError> {
        let object = self.object(object)?;
        Ok(json!({ "objectDescribe": summary(object, version), "recentItems": [] }))
    }

    /// One object with the fields a user may see.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub fn describe(&self, object: &str, version: &str, user_id: &str) -> Result<Value, OrgError> {
        let object = self.object(object)?;
        let visible = object
            .fields
            .iter()
            .filter_map(|held| self.visible_field(object, &held.name, user_id));
        let fields: Vec<Value> = visible.map(field).collect();
        let mut all = summary(object, version);
        all["fields"] = json!(fields);
        all["childRelationships"] = json!([]);
        all["recordTypeInfos"] = json!([{
            "active": true, "available": true, "defaultRecordTypeMapping": true,
            "developerName": "Master", "master": true, "name": "Master",
            "recordTypeId": "012000000000000AAA",
        }]);
        Ok(all)
    }
}

fn summary(object: &Object, version: &str) -> Value {
    let name = &object.name;
    let base = format!("/services/data/{version}/sobjects/{name}");
    let is_data = name != "User";
    json!({
        "name": name, "label": name, "labelPlural": format!("{name}s"),
        "keyPrefix": object.key_prefix, "custom": false, "queryable": true, "createable": is_data,
        "updateable": is_data, "deletable": is_data, "undeletable": is_data, "retrieveable": true,
        "replicateable": true, "searchable": true, "layoutable": true, "triggerable": true,
        "mergeable": is_data, "feedEnabled": true, "deprecatedAndHidden": false,
        "urls": {
            "sobject": base, "describe": format!("{base}/describe"),
            "rowTemplate": format!("{base}/{{ID}}"),
        },
    })
}

fn field(field: &Field) -> Value {
    let values: Vec<Value> = field
        .values
        .iter()
        .map(|value| {
            json!({
                "active": true, "defaultValue": false, "label": value, "validFor": null,
                "value": value,
            })
        })
        .collect();
    let is_decimal = matches!(field.kind, FieldType::Double | FieldType::Currency);
    let reference: Vec<&String> = field.reference_to.iter().collect();
    json!({
        "name": field.name, "label": field.label(), "type": field.kind.name(),
        "length": field.length, "byteLength": field.length * 3,
        "precision": if is_decimal { field.precision } else { 0 },
        "scale": if is_decimal { field.scale } else { 0 },
        "digits": if field.kind == FieldType::Int { field.precision } else { 0 },
        "nillable": field.nillable, "createable": field.createable,
        "updateable": field.updateable, "calculated": false, "custom": field.is_custom(),
        "externalId": field.external_id, "unique": field.unique,
        "caseSensitive": field.case_sensitive, "idLookup": field.id_lookup,
        "restrictedPicklist": field.restricted, "picklistValues": values,
        "referenceTo": reference, "relationshipName": field.relationship_name,
        "defaultedOnCreate": field.kind == FieldType::Boolean || field.name == "OwnerId",
        "compoundFieldName": null, "filterable": field.kind != FieldType::Textarea,
        "sortable": true, "groupable": true, "deprecatedAndHidden": false,
        "soapType": soap_type(field.kind),
    })
}

fn soap_type(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Id | FieldType::Reference => "tns:ID",
        FieldType::Boolean => "xsd:boolean",
        FieldType::Int => "xsd:int",
        FieldType::Double | FieldType::Currency => "xsd:double",
        FieldType::Date => "xsd:date",
        FieldType::Datetime => "xsd:dateTime",
        FieldType::String
        | FieldType::Textarea
        | FieldType::Email
        | FieldType::Phone
        | FieldType::Url
        | FieldType::Picklist
        | FieldType::Multipicklist => "xsd:string",
    }
}
