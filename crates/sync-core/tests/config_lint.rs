//! Every mistake the linter names, one test each; the rule is in the name.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sync_core::config::lint::{Deployment, Finding, Severity, lint};
use sync_core::config::{
    BlankRule, Config, ConnectorUserKind, Direction, FieldEntry, SyncBehaviour,
};
use sync_core::ids::CrmObject;
use sync_core::schema::{FieldDescription, FieldKind, Schema};
use sync_core::testing::field;
use sync_core::value::{FieldName, FieldType};

// --- the configuration and the schema that every test changes in one place -----------------------

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// `config/connector.example.yaml`.
fn example() -> Config {
    let text = fs::read_to_string(repository().join("config/connector.example.yaml")).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

fn described(name: &str, vendor_type: &str, kind: Option<FieldKind>) -> FieldDescription {
    FieldDescription {
        name: name.to_owned(),
        kind,
        vendor_type: vendor_type.to_owned(),
        is_writable: true,
        is_required: false,
        length: None,
        restricted_to: Vec::new(),
        is_unique_external_id: false,
    }
}

fn crm(name: &str, vendor_type: &str) -> FieldDescription {
    let kind = match vendor_type {
        "string" | "textarea" | "url" => Some(FieldKind::Text),
        "phone" => Some(FieldKind::Phone),
        "email" => Some(FieldKind::Email),
        "int" | "double" => Some(FieldKind::Number),
        "boolean" => Some(FieldKind::Boolean),
        "date" => Some(FieldKind::Date),
        "datetime" => Some(FieldKind::DateTime),
        "picklist" => Some(FieldKind::Picklist),
        "multipicklist" => Some(FieldKind::MultiSelect),
        _ => None,
    };
    described(name, vendor_type, kind)
}

fn prospect(name: &str, vendor_type: &str) -> FieldDescription {
    let kind = match vendor_type {
        "e-mail" => FieldKind::Email,
        "number" | "Number" => FieldKind::Number,
        "boolean" => FieldKind::Boolean,
        "date-time" => FieldKind::DateTime,
        "Date" => FieldKind::Date,
        "Dropdown" => FieldKind::Picklist,
        "Checkbox" | "Multi-Select" => FieldKind::MultiSelect,
        _ => FieldKind::Text,
    };
    described(name, vendor_type, Some(kind))
}

/// What both objects have in the twin's org.
fn person(prefix: &str) -> Vec<FieldDescription> {
    let region = ["Europe", "Americas", "Asia Pacific"].map(str::to_owned);
    let mut fields = vec![
        FieldDescription {
            is_required: true,
            ..crm("LastName", "string")
        },
        FieldDescription {
            is_required: true,
            ..crm("HasOptedOutOfEmail", "boolean")
        },
        FieldDescription {
            is_required: true,
            ..crm("OwnerId", "reference")
        },
        FieldDescription {
            is_unique_external_id: true,
            length: Some(80),
            ..crm("Prospect_Sync_Key__c", "string")
        },
        FieldDescription {
            length: Some(40),
            ..crm("Prospect_Sync_Token__c", "string")
        },
        FieldDescription {
            restricted_to: region.to_vec(),
            ..crm("Region__c", "picklist")
        },
    ];
    let plain = [
        ("FirstName", "string"),
        ("Email", "email"),
        ("Title", "string"),
        ("Phone", "phone"),
        ("LeadSource", "picklist"),
        ("pi__score__c", "double"),
        ("pi__url__c", "url"),
        ("Renewal_Date__c", "date"),
        ("First_Contact__c", "datetime"),
        ("Interests__c", "multipicklist"),
    ];
    fields.extend(plain.map(|(name, vendor_type)| crm(name, vendor_type)));
    fields.extend(["City", "Country"].map(|name| crm(&format!("{prefix}{name}"), "string")));
    fields
}

/// The fields of the twin's org and business unit, as far as the example maps them.
fn schema() -> Schema {
    let mut lead = person("");
    lead.push(FieldDescription {
        is_required: true,
        ..crm("Company", "string")
    });
    lead.push(crm("Industry", "picklist"));
    lead.push(crm("NumberOfEmployees", "int"));
    let mut contact = person("Mailing");
    contact.push(crm("AccountId", "reference"));
    let texts = [
        "firstName",
        "lastName",
        "company",
        "jobTitle",
        "phone",
        "city",
        "country",
        "industry",
        "source",
        "employees",
    ];
    let mut fields: Vec<_> = texts.map(|name| prospect(name, "text")).into();
    let others = [
        ("email", "e-mail"),
        ("score", "number"),
        ("optedOut", "boolean"),
        ("createdAt", "date-time"),
        ("Prospect_Sync_Key__c", "Text"),
        ("Prospect_Sync_Token__c", "Text"),
        ("SF_Record_Id__c", "Text"),
        ("Region__c", "Dropdown"),
        ("Renewal_Date__c", "Date"),
        ("Interests__c", "Multi-Select"),
    ];
    fields.extend(others.map(|(name, vendor_type)| prospect(name, vendor_type)));
    Schema {
        crm: BTreeMap::from([("Lead".to_owned(), lead), ("Contact".to_owned(), contact)]),
        prospect: fields,
    }
}

impl Extra for Schema {
    fn with_crm(mut self, field: &FieldDescription) -> Self {
        for fields in self.crm.values_mut() {
            fields.retain(|held| held.name != field.name);
            fields.push(field.clone());
        }
        self
    }

    fn with_prospect(mut self, field: FieldDescription) -> Self {
        self.prospect.retain(|held| held.name != field.name);
        self.prospect.push(field);
        self
    }
}

trait Extra {
    /// With this field on Lead and Contact, instead of one of the same name.
    fn with_crm(self, field: &FieldDescription) -> Self;
    /// With this field on the prospect, instead of one of the same name.
    fn with_prospect(self, field: FieldDescription) -> Self;
}

/// The example with one more entry, and where that entry is.
fn example_and(entry: FieldEntry) -> (Config, String) {
    let mut config = example();
    let path = format!("fields[{}]", config.fields.0.len());
    config.fields.0.push(entry);
    (config, path)
}

fn typed(prospect: &str, crm: &str, field_type: FieldType) -> FieldEntry {
    FieldEntry {
        field_type,
        ..field(prospect, crm)
    }
}

fn deployed(units: &[&str]) -> Deployment {
    Deployment {
        business_units: units.iter().map(|unit| unit.parse().unwrap()).collect(),
        existing_connector: None,
    }
}

fn offline(config: &Config) -> Vec<Finding> {
    lint(config, &Deployment::default(), None)
}

fn online(config: &Config, schema: &Schema) -> Vec<Finding> {
    lint(config, &Deployment::default(), Some(schema))
}

/// There is this finding, and it says this.
#[track_caller]
fn assert_finding(findings: &[Finding], severity: Severity, path: &str, rule: &str, says: &str) {
    let found = findings.iter().any(|finding| {
        finding.severity == severity
            && finding.path == path
            && finding.rule == rule
            && finding.message.contains(says)
    });
    assert!(
        found,
        "{severity:?} {path} {rule} `{says}` is not in {findings:#?}"
    );
}

/// There is exactly this error.
#[track_caller]
fn assert_error(findings: &[Finding], path: &str, rule: &str, says: &str) {
    assert_finding(findings, Severity::Error, path, rule, says);
    assert_eq!(findings.len(), 1, "{findings:#?}");
}

/// There is exactly this warning.
#[track_caller]
fn assert_warning(findings: &[Finding], path: &str, rule: &str, says: &str) {
    assert_finding(findings, Severity::Warning, path, rule, says);
    assert_eq!(findings.len(), 1, "{findings:#?}");
}

// --- no findings ---------------------------------------------------------------------------------

#[test]
fn the_example_has_no_findings() {
    let config = example();
    let deployment = Deployment {
        existing_connector: Some("sample".to_owned()),
        ..deployed(&["0Uv000000000001CAA"])
    };
    assert_eq!(lint(&config, &deployment, Some(&schema())), []);
    assert_eq!(offline(&config), []);
}

#[test]
fn the_example_names_every_setting() {
    let text = fs::read_to_string(repository().join("config/connector.example.yaml")).unwrap();
    let config = serde_json::to_value(example()).unwrap();
    for section in [
        "connector_user",
        "salesforce",
        "account_engagement",
        "settings",
    ] {
        for setting in config[section].as_object().unwrap().keys() {
            let line = format!("\n  {setting}: ");
            assert!(
                text.contains(&line),
                "{section}.{setting} is not in the example"
            );
        }
    }
}

#[test]
fn the_schema_in_the_repository_is_current() {
    let generated = schemars::schema_for!(Config);
    let file = fs::read_to_string(repository().join("config/connector.schema.json")).unwrap();
    let expected = serde_json::to_string_pretty(&generated).unwrap();
    assert_eq!(
        file.trim_end(),
        expected,
        "run: cargo run -p sync-core --example config_schema > config/connector.schema.json"
    );
}

// --- who the connector is ------------------------------------------------------------------------

#[test]
fn r1_a_second_connector_for_the_business_unit_is_refused() {
    let deployment = Deployment {
        existing_connector: Some("first".to_owned()),
        ..Deployment::default()
    };
    assert_error(
        &lint(&example(), &deployment, None),
        "name",
        "R1",
        "`first`",
    );
}

#[test]
fn r1_the_business_unit_must_be_deployed() {
    let findings = lint(&example(), &deployed(&["0Uv000000000002"]), None);
    assert_error(&findings, "business_unit", "R1", "0Uv000000000002CAA");
}

#[test]
fn r14_an_integration_user_serves_one_business_unit_only() {
    let mut config = example();
    config.connector_user.kind = ConnectorUserKind::IntegrationUser;
    let one: [&str; 1] = ["0Uv000000000001CAA"];
    assert_eq!(lint(&config, &deployed(&one), None), []);
    let findings = lint(&config, &deployed(&[one[0], "0Uv000000000002"]), None);
    assert_error(
        &findings,
        "connector_user.kind",
        "R14",
        "Marketing Data Sharing",
    );
}

// --- settings ------------------------------------------------------------------------------------

#[test]
fn r24_matching_by_email_is_a_setting_of_ampsea() {
    let config = example().non_ampsea();
    assert_error(
        &offline(&config),
        "settings.match_by_email",
        "R24",
        "leave it out",
    );
}

#[test]
fn r52_ampsea_always_deletes_the_prospect_with_its_record() {
    let mut config = example();
    config.settings.merge_delete = false;
    let path = "settings.merge_delete";
    assert_error(&offline(&config), path, "R52", "always takes its prospect");
    assert_eq!(
        offline(&config.non_ampsea())
            .iter()
            .filter(|f| f.path == path)
            .count(),
        0
    );
}

#[test]
fn r45_campaign_0_is_no_campaign() {
    let mut config = example();
    config.settings.default_campaign_id = 0;
    let path = "settings.default_campaign_id";
    assert_error(&offline(&config), path, "R45", "0 is no campaign");
}

#[test]
fn r88_a_time_zone_has_an_iana_name() {
    let mut config = example();
    "CET/Berlin".clone_into(&mut config.account_engagement.time_zone);
    let path = "account_engagement.time_zone";
    assert_error(&offline(&config), path, "R88", "`Europe/Paris`");
    "America/Argentina/Buenos_Aires".clone_into(&mut config.account_engagement.time_zone);
    assert_eq!(offline(&config), []);
}

#[test]
fn r96_the_placeholder_is_not_blank() {
    let mut config = example();
    " ".clone_into(&mut config.salesforce.unknown_placeholder);
    assert_error(
        &offline(&config),
        "salesforce.unknown_placeholder",
        "R96",
        "[[Unknown]]",
    );
}

// --- the field map by itself ---------------------------------------------------------------------

#[test]
fn r94_an_empty_field_map_is_refused() {
    assert_error(
        &offline(&example().mapping(Vec::new())),
        "fields",
        "R94",
        "no field is mapped",
    );
}

#[test]
fn r94_an_entry_names_a_salesforce_field() {
    let (config, path) = example_and(FieldEntry {
        lead: None,
        contact: None,
        ..field("website", "Website")
    });
    assert_error(&offline(&config), &path, "R94", "mapped to nothing");
}

#[test]
fn r94_a_prospect_field_is_mapped_once() {
    let (config, path) = example_and(field("FIRSTNAME", "Nickname__c"));
    assert_error(
        &offline(&config),
        &format!("{path}.prospect"),
        "R94",
        "fields[1]",
    );
}

#[test]
fn r94_a_salesforce_field_is_mapped_once() {
    let (config, path) = example_and(field("nickname__c", "firstname"));
    let findings = offline(&config);
    for side in ["lead", "contact"] {
        let path = format!("{path}.{side}");
        assert_finding(&findings, Severity::Error, &path, "R94", "fields[1]");
    }
    assert_eq!(findings.len(), 2);
}

#[test]
fn at_most_200_fields_are_mapped() {
    let mut config = example();
    let more =
        (config.fields.0.len()..201).map(|n| field(&format!("f{n}__c"), &format!("F{n}__c")));
    config.fields.0.extend(more.collect::<Vec<_>>());
    assert_error(&offline(&config), "fields", "fields", "201 fields");
    config.fields.0.pop();
    assert_eq!(offline(&config), []);
}

#[test]
fn r22_the_address_is_mapped() {
    let mut config = example();
    config.fields.0.remove(0);
    assert_error(&offline(&config), "fields", "R22", "`email` is not mapped");
}

#[test]
fn r22_the_address_is_mapped_on_both_objects() {
    let mut config = example();
    config.fields.0[0].contact = None;
    assert_error(&offline(&config), "fields[0].contact", "R22", "on Contact");
}

#[test]
fn k17_the_address_is_mapped_as_an_address() {
    let mut config = example();
    config.fields.0[0].field_type = FieldType::Text;
    assert_error(&offline(&config), "fields[0].type", "K17", "lower case");
}

#[test]
fn r28_a_custom_field_has_one_name_on_both_objects() {
    let (config, path) = example_and(FieldEntry {
        lead: Some("Tier__c".to_owned()),
        contact: Some("Tier_Contact__c".to_owned()),
        ..field("Tier__c", "")
    });
    let path = format!("{path}.contact");
    assert_warning(
        &offline(&config),
        &path,
        "R28",
        "after the lead is converted",
    );
}

#[test]
fn r29_the_link_back_is_not_mapped() {
    let (config, path) = example_and(FieldEntry {
        contact: None,
        ..field("website", "PI__Url__c")
    });
    assert_error(
        &offline(&config),
        &format!("{path}.lead"),
        "R29",
        "duplicate prospects",
    );
}

#[test]
fn r91_an_opt_out_is_a_boolean() {
    let mut config = example();
    config.fields.0[11].field_type = FieldType::Text;
    assert_error(&offline(&config), "fields[11].opt_out", "R91", "`optedOut`");
}

#[test]
fn r89_recency_by_field_is_not_offered() {
    let mut config = example();
    config.fields.0[11].behaviour = SyncBehaviour::MostRecentRecord;
    let path = "fields[11].behaviour";
    assert_warning(&offline(&config), path, "R89", "not offered");
    let text = "behaviour: most_recent_field\nprospect: optedOut\n";
    let refused = serde_saphyr::from_str::<FieldEntry>(text)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("most_recent_record"), "{refused}");
}

#[test]
fn r96_a_parents_field_is_not_written() {
    let mut config = example();
    config.fields.0[3].direction = Direction::ToSalesforce;
    assert_error(&offline(&config), "fields[3].contact", "R96", "read-only");
}

#[test]
fn key_field_is_not_mapped() {
    let (config, path) = example_and(FieldEntry {
        contact: None,
        ..field("sf_record_id__c", "Prospect_Sync_Key__c")
    });
    let findings = offline(&config);
    let (lead, prospect) = (format!("{path}.lead"), format!("{path}.prospect"));
    assert_finding(
        &findings,
        Severity::Error,
        &lead,
        "key_field",
        "belongs to the connector",
    );
    assert_finding(
        &findings,
        Severity::Error,
        &prospect,
        "crm_id_field",
        "crm_id_field",
    );
    assert_eq!(findings.len(), 2);
}

#[test]
fn token_field_is_not_mapped() {
    let (config, path) = example_and(FieldEntry {
        contact: None,
        ..field("Prospect_Sync_Token__c", "prospect_sync_token__c")
    });
    let findings = offline(&config);
    for place in ["lead", "prospect"] {
        let path = format!("{path}.{place}");
        assert_finding(
            &findings,
            Severity::Error,
            &path,
            "token_field",
            "belongs to",
        );
    }
    assert_eq!(findings.len(), 2);
}

#[test]
fn token_field_left_out_says_what_it_risks() {
    let mut config = example();
    config.salesforce.token_field = None;
    config.account_engagement.token_field = None;
    let findings = offline(&config);
    for side in ["salesforce", "account_engagement"] {
        let path = format!("{side}.token_field");
        assert_finding(
            &findings,
            Severity::Warning,
            &path,
            "token_field",
            "can lose that edit",
        );
    }
    assert_eq!(findings.len(), 2);
}

#[test]
fn updates_without_condition_say_what_they_risk() {
    assert!(example().salesforce.conditional_updates, "the default");
    let mut config = example();
    config.salesforce.conditional_updates = false;
    let path = "salesforce.conditional_updates";
    assert_warning(
        &offline(&config),
        path,
        "conditional_updates",
        "overwritten unseen",
    );
}

#[test]
fn token_field_exists_on_both_sides() {
    let mut schema = schema();
    for fields in schema.crm.values_mut() {
        let token = fields
            .iter_mut()
            .find(|field| field.name == "Prospect_Sync_Token__c");
        token.expect("in the schema").length = Some(39);
    }
    schema
        .prospect
        .retain(|field| field.name != "Prospect_Sync_Token__c");
    let findings = online(&example(), &schema);
    let path = "salesforce.token_field";
    assert_finding(&findings, Severity::Error, path, "token_field", "too short");
    let path = "account_engagement.token_field";
    assert_finding(
        &findings,
        Severity::Error,
        path,
        "token_field",
        "does not exist",
    );
}

// --- against what the services say ---------------------------------------------------------------

#[test]
fn r12_a_misspelt_salesforce_field_gets_a_suggestion() {
    let mut config = example();
    config.fields.0[1].lead = Some("FristName".to_owned());
    let says = "`FristName` on Lead is not visible to the connector user or misspelt; did you mean \
                `FirstName`?";
    assert_error(&online(&config, &schema()), "fields[1].lead", "R12", says);
}

#[test]
fn r12_a_misspelt_prospect_field_gets_a_suggestion() {
    let mut config = example();
    config.fields.0[4].prospect = FieldName::from("jobTitel");
    let path = "fields[4].prospect";
    assert_error(
        &online(&config, &schema()),
        path,
        "R12",
        "did you mean `jobTitle`?",
    );
}

#[test]
fn r12_a_field_like_no_other_gets_no_suggestion() {
    let mut config = example();
    config.fields.0[1].contact = Some("Sobriquet".to_owned());
    let findings = online(&config, &schema());
    assert_error(&findings, "fields[1].contact", "R12", "misspelt");
    assert!(!findings[0].message.contains("did you mean"));
}

#[test]
fn r12_fields_are_spelt_as_the_service_spells_them() {
    let mut config = example();
    config.fields.0[1].lead = Some("firstname".to_owned());
    assert_error(
        &online(&config, &schema()),
        "fields[1].lead",
        "R12",
        "`FirstName`",
    );
}

#[test]
fn r12_the_lookup_of_a_parents_field_is_visible() {
    let mut config = example();
    config.fields.0[3].contact = Some("Acount.Name".to_owned());
    assert_error(
        &online(&config, &schema()),
        "fields[3].contact",
        "R12",
        "`AcountId`",
    );
}

#[test]
fn r94_lookups_never_sync() {
    let (config, path) = example_and(FieldEntry {
        contact: None,
        ..field("website", "Partner__c")
    });
    let schema = schema()
        .with_crm(&crm("Partner__c", "reference"))
        .with_prospect(prospect("website", "text"));
    assert_error(
        &online(&config, &schema),
        &format!("{path}.lead"),
        "R94",
        "reference",
    );
}

#[test]
fn r94_a_number_is_not_mapped_on_a_phone() {
    let schema = schema().with_prospect(prospect("phone", "Number"));
    let mut config = example();
    config.fields.0[5].field_type = FieldType::Number;
    let findings = online(&config, &schema);
    for path in ["fields[5].lead", "fields[5].contact"] {
        assert_finding(&findings, Severity::Error, path, "R94", "text field");
    }
    assert_eq!(findings.len(), 2);
}

#[test]
fn r96_a_restricted_picklist_facing_free_text_is_pointed_out() {
    let schema = schema().with_prospect(prospect("Region__c", "Text"));
    let findings = online(&example(), &schema);
    for path in ["fields[13].lead", "fields[13].contact"] {
        assert_finding(&findings, Severity::Warning, path, "R96", "its 3 values");
    }
    assert_eq!(findings.len(), 2);
    let mut inbound = example();
    inbound.fields.0[13].direction = Direction::ToProspect;
    assert_eq!(
        online(&inbound, &schema),
        [],
        "values that only come in always fit"
    );
}

#[test]
fn a6_a_formula_is_inbound_only() {
    let schema = schema().with_crm(&FieldDescription {
        is_writable: false,
        ..crm("Title", "string")
    });
    let mut config = example();
    config.fields.0[4].contact = None;
    let findings = online(&config, &schema);
    assert_error(&findings, "fields[4].lead", "A6", "direction: to_prospect");
    config.fields.0[4].direction = Direction::ToProspect;
    assert_eq!(online(&config, &schema), []);
}

#[test]
fn b3_a_read_only_prospect_field_is_outbound_only() {
    let created = prospect("createdAt", "date-time");
    let schema = schema().with_prospect(FieldDescription {
        is_writable: false,
        ..created
    });
    let entry = typed("createdAt", "First_Contact__c", FieldType::DateTime);
    let (mut config, path) = example_and(entry);
    let findings = online(&config, &schema);
    assert_error(
        &findings,
        &format!("{path}.prospect"),
        "B3",
        "direction: to_salesforce",
    );
    config.fields.0.last_mut().unwrap().direction = Direction::ToSalesforce;
    assert_eq!(online(&config, &schema), []);
}

#[test]
fn r96_required_fields_are_mapped() {
    let schema = schema().with_crm(&FieldDescription {
        is_required: true,
        ..crm("Segment__c", "string")
    });
    let findings = online(&example(), &schema);
    assert_error(
        &findings,
        "settings.create_as",
        "R96",
        "a new Lead must have `Segment__c`",
    );
}

#[test]
fn r96_a_required_field_is_not_filled_from_the_other_side() {
    let schema = schema().with_crm(&FieldDescription {
        is_required: true,
        ..crm("Title", "string")
    });
    let mut config = example().create_as(CrmObject::Contact);
    assert_eq!(online(&config, &schema), []);
    config.fields.0[4].direction = Direction::ToProspect;
    let findings = online(&config, &schema);
    assert_error(
        &findings,
        "settings.create_as",
        "R96",
        "a new Contact must have `Title`",
    );
}

#[test]
fn r96_the_declared_type_fits_salesforce() {
    let mut config = example();
    config.fields.0[10].field_type = FieldType::Text;
    let findings = online(&config, &schema());
    assert_error(
        &findings,
        "fields[10].lead",
        "R96",
        "(int); expected `number`",
    );
}

#[test]
fn r96_the_declared_type_fits_the_prospect() {
    let (config, path) = example_and(typed("Tier__c", "Tier__c", FieldType::Text));
    let schema = schema()
        .with_crm(&crm("Tier__c", "string"))
        .with_prospect(prospect("Tier__c", "Number"));
    let findings = online(&config, &schema);
    assert_error(
        &findings,
        &format!("{path}.type"),
        "R96",
        "(Number); expected `number`",
    );
}

#[test]
fn r96_a_day_is_not_written_to_an_instant() {
    let entry = typed("Joined__c", "First_Contact__c", FieldType::Date);
    let (mut config, path) = example_and(entry);
    let schema = schema().with_prospect(prospect("Joined__c", "Date"));
    let findings = online(&config, &schema);
    for side in ["lead", "contact"] {
        let path = format!("{path}.{side}");
        assert_finding(
            &findings,
            Severity::Error,
            &path,
            "R96",
            "expected `date_time`",
        );
    }
    config.fields.0.last_mut().unwrap().direction = Direction::ToProspect;
    assert_eq!(online(&config, &schema), []);
}

#[test]
fn r85_a_checkbox_there_is_no_boolean() {
    let schema = schema().with_prospect(prospect("optedOut", "Checkbox"));
    let findings = online(&example(), &schema);
    assert_error(
        &findings,
        "fields[11].prospect",
        "R85",
        "`true` and `false`",
    );
}

#[test]
fn r97_several_values_do_not_go_into_one() {
    let schema = schema().with_prospect(prospect("source", "Checkbox"));
    let mut config = example();
    config.fields.0[9].field_type = FieldType::MultiSelect;
    let findings = online(&config, &schema);
    for path in ["fields[9].lead", "fields[9].contact"] {
        assert_finding(&findings, Severity::Error, path, "R97", "several values");
    }
    assert_eq!(findings.len(), 2);
}

#[test]
fn key_field_exists_and_is_a_unique_external_id() {
    let key = schema()
        .crm_field(CrmObject::Lead, "Prospect_Sync_Key__c")
        .unwrap()
        .clone();
    let cases = [
        (
            FieldDescription {
                is_unique_external_id: false,
                ..key.clone()
            },
            "not a unique external id",
        ),
        (
            FieldDescription {
                length: Some(40),
                ..key.clone()
            },
            "too short",
        ),
        (
            FieldDescription {
                is_writable: false,
                ..key.clone()
            },
            "not writable",
        ),
        (
            FieldDescription {
                kind: Some(FieldKind::Picklist),
                ..key
            },
            "not a text field",
        ),
    ];
    for (description, says) in cases {
        let findings = online(&example(), &schema().with_crm(&description));
        let path = "salesforce.key_field";
        assert_finding(&findings, Severity::Error, path, "key_field", says);
        assert_eq!(findings.len(), 2, "once per object: {findings:#?}");
    }
    let mut missing = schema();
    for fields in missing.crm.values_mut() {
        fields.retain(|field| field.name != "Prospect_Sync_Key__c");
    }
    let findings = online(&example(), &missing);
    assert_finding(
        &findings,
        Severity::Error,
        "salesforce.key_field",
        "key_field",
        "not visible",
    );
}

#[test]
fn key_field_exists_on_the_prospect() {
    let mut schema = schema();
    schema
        .prospect
        .retain(|field| field.name != "Prospect_Sync_Key__c");
    let findings = online(&example(), &schema);
    assert_error(
        &findings,
        "account_engagement.key_field",
        "key_field",
        "does not exist",
    );
}

#[test]
fn crm_id_field_exists_on_the_prospect() {
    let mut schema = schema();
    schema
        .prospect
        .retain(|field| field.name != "SF_Record_Id__c");
    let findings = online(&example(), &schema);
    let path = "account_engagement.crm_id_field";
    assert_error(&findings, path, "crm_id_field", "does not exist");
    let mut config = example();
    config.account_engagement.crm_id_field = None;
    assert_eq!(online(&config, &schema), []);
}

#[test]
fn crm_id_field_is_not_the_key_field() {
    let mut config = example();
    config.account_engagement.crm_id_field = Some("prospect_sync_key__c".to_owned());
    let path = "account_engagement.crm_id_field";
    assert_error(&offline(&config), path, "crm_id_field", "overwrite");
}

// --- the list itself -----------------------------------------------------------------------------

#[test]
fn errors_come_before_warnings() {
    let mut config = example();
    config.settings.default_campaign_id = 0;
    config.fields.0[11].behaviour = SyncBehaviour::MostRecentRecord;
    config.fields.0[12].blanks = BlankRule::BlankIsValue;
    let severities: Vec<_> = offline(&config)
        .iter()
        .map(|finding| finding.severity)
        .collect();
    assert_eq!(severities, [Severity::Error, Severity::Warning]);
}

#[test]
fn k4_less_than_the_cache_is_for_sandboxes() {
    let mut config = example();
    let path = "account_engagement.stale_reads_seconds";
    config.account_engagement.stale_reads_seconds = 0;
    assert_warning(&offline(&config), path, "K4", "create a prospect twice");
    config.account_engagement.stale_reads_seconds = 4_000_000_000;
    assert_error(&offline(&config), path, "K4", "at most 900");
}

#[test]
fn r84_the_flag_needs_use_salesforce() {
    let mut config = example();
    let entry = &mut config.fields.0[1];
    entry.blanks = BlankRule::SalesforceBlankWins;
    entry.behaviour = SyncBehaviour::UseAccountEngagement;
    assert_warning(
        &offline(&config),
        "fields[1].blanks",
        "R84",
        "use_salesforce",
    );
    config.fields.0[1].behaviour = SyncBehaviour::UseSalesforce;
    assert_eq!(offline(&config), []);
}

#[test]
fn r11_the_connector_and_its_user_have_names() {
    let mut config = example();
    config.name.clear();
    " ".clone_into(&mut config.connector_user.username);
    let findings = offline(&config);
    assert_finding(&findings, Severity::Error, "name", "R11", "is empty");
    assert_finding(
        &findings,
        Severity::Error,
        "connector_user.username",
        "R11",
        "is empty",
    );
}
