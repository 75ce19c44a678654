//! The metadata in `infra/salesforce` is what `config check` asks for: an org to which it was deployed,
//! and whose connector user has the permission set, gets no finding about the connector's own fields.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sync_core::config::Config;
use sync_core::config::lint::{Finding, lint_own_fields};
use sync_core::ids::CrmObject;
use sync_core::schema::{FieldDescription, FieldKind, Schema};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn metadata() -> PathBuf {
    repository().join("infra/salesforce/main/default")
}

/// `config/connector.example.yaml`.
fn example() -> Config {
    let text = fs::read_to_string(repository().join("config/connector.example.yaml")).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

fn permission_set() -> String {
    let file = "permissionsets/Prospect_Sync_Connector.permissionset-meta.xml";
    fs::read_to_string(metadata().join(file)).unwrap()
}

/// The text of the one element of this name. The files hold no attributes inside and no comments.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

fn is(xml: &str, name: &str) -> bool {
    element(xml, name) == Some("true")
}

/// Whether whoever has the permission set may write the field.
fn may_write(permissions: &str, field: &str) -> bool {
    let mut of_fields = permissions.split("<fieldPermissions>").skip(1);
    of_fields.any(|one| {
        element(one, "field") == Some(field) && is(one, "readable") && is(one, "editable")
    })
}

/// A field as the org describes it to the connector user, once both files are deployed.
fn described(object: CrmObject, xml: &str, permissions: &str) -> FieldDescription {
    let name = element(xml, "fullName").unwrap();
    let vendor_type = element(xml, "type").unwrap();
    FieldDescription {
        name: name.to_owned(),
        kind: (vendor_type == "Text").then_some(FieldKind::Text),
        vendor_type: vendor_type.to_owned(),
        is_writable: may_write(permissions, &format!("{}.{name}", object.name())),
        is_required: is(xml, "required"),
        length: element(xml, "length").map(|length| length.parse().unwrap()),
        restricted_to: Vec::new(),
        is_unique_external_id: is(xml, "unique") && is(xml, "externalId"),
    }
}

/// What the org describes. `edit` may change a file before it is deployed.
fn deployed(permissions: &str, edit: impl Fn(String) -> String) -> Schema {
    let mut crm = BTreeMap::new();
    for object in CrmObject::ALL {
        let directory = metadata().join(format!("objects/{}/fields", object.name()));
        let files = fs::read_dir(directory).unwrap();
        let fields = files.map(|file| {
            let xml = edit(fs::read_to_string(file.unwrap().path()).unwrap());
            described(object, &xml, permissions)
        });
        crm.insert(object.name().to_owned(), fields.collect());
    }
    Schema {
        crm,
        prospect: Vec::new(),
    }
}

/// The findings about the fields of Salesforce.
fn findings(schema: &Schema) -> Vec<Finding> {
    let mut findings = lint_own_fields(&example(), schema);
    findings.retain(|finding| finding.path.starts_with("salesforce."));
    findings
}

#[test]
fn what_is_shipped_is_what_config_check_asks_for() {
    assert_eq!(
        findings(&deployed(&permission_set(), |xml| xml)),
        Vec::new()
    );
}

#[test]
fn nothing_is_shipped_that_the_example_does_not_name() {
    let config = example();
    let named = [
        Some(config.salesforce.key_field),
        config.salesforce.token_field,
    ];
    let mut named: Vec<String> = named.into_iter().flatten().collect();
    named.sort();
    for (object, fields) in deployed(&permission_set(), |xml| xml).crm {
        let mut shipped: Vec<String> = fields.into_iter().map(|field| field.name).collect();
        shipped.sort();
        assert_eq!(shipped, named, "{object}");
    }
}

/// Each line of the metadata that the protocol rests on is missed when it says something else.
#[test]
fn metadata_that_would_not_do_is_noticed() {
    let faults = [
        ("<unique>true</unique>", "<unique>false</unique>"),
        (
            "<externalId>true</externalId>",
            "<externalId>false</externalId>",
        ),
        ("<length>80</length>", "<length>40</length>"),
        ("<length>40</length>", "<length>39</length>"),
        ("<type>Text</type>", "<type>Picklist</type>"),
        ("Sync_Key__c</fullName>", "Sync_Id__c</fullName>"),
        ("Sync_Token__c</fullName>", "Sync_Mark__c</fullName>"),
    ];
    for (right, wrong) in faults {
        let schema = deployed(&permission_set(), |xml| xml.replace(right, wrong));
        let of_both_objects = findings(&schema);
        assert!(of_both_objects.len() >= 2, "{wrong}: {of_both_objects:?}");
    }
    for wrong in ["readable", "editable"] {
        let right = format!("<{wrong}>true</{wrong}>");
        let permissions = permission_set().replace(&right, &right.replace("true", "false"));
        let findings = findings(&deployed(&permissions, |xml| xml));
        assert_eq!(findings.len(), 4, "{wrong}: two fields of two objects");
    }
}
