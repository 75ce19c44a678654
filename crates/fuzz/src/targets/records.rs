//! The configuration that rows are read under, and what holds of every record that was read.

use std::collections::BTreeMap;

use connector::adapters::{crm_record, prospect};
use connector::ports::{CrmWrite, CrmWriteTarget, ProspectWrite, ProspectWriteTarget};
use sync_core::coerce::CoercionError;
use sync_core::config::{Config, FieldEntry};
use sync_core::decision::{CrmFields, ProspectFields};
use sync_core::ids::{CrmId, ProspectId};
use sync_core::record::Values;
use sync_core::testing;
use sync_core::value::{FieldName, FieldType};

use crate::canary;

/// A configuration with a field of every type.
pub(super) fn config() -> Config {
    let mut config = testing::config();
    let typed = |name: &str, crm: &str, field_type| FieldEntry {
        field_type,
        ..testing::field(name, crm)
    };
    config.fields.0.extend([
        typed("email", "Email", FieldType::Email),
        typed("Renewal_Date__c", "Renewal_Date__c", FieldType::Date),
        typed("Last_Call__c", "Last_Call__c", FieldType::DateTime),
        typed("Region__c", "Region__c", FieldType::Picklist),
        typed("Interests__c", "Interests__c", FieldType::MultiSelect),
    ]);
    config.salesforce.token_field = Some("Prospect_Sync_Token__c".to_owned());
    config.account_engagement.token_field = Some("Prospect_Sync_Token__c".to_owned());
    config.account_engagement.crm_id_field = Some("SF_Record_Id__c".to_owned());
    config.account_engagement.time_zone = "America/New_York".to_owned();
    config
}

fn assert_told(unreadable: &[CoercionError]) {
    for error in unreadable {
        canary::assert_kept_by(error);
    }
}

/// A row of Salesforce as a record: refused without a value in the message, or read so that what is
/// written back is read as the same values.
pub(super) fn check_crm_row(config: &Config, row: &salesforce::Row) {
    let unit = &config.business_unit;
    if let Err(error) = crm_record::change(unit, config, row) {
        canary::assert_kept_by(&error);
    }
    if let Err(error) = crm_record::side(unit, config, row) {
        canary::assert_kept_by(&error);
    }
    let record = match crm_record::record(unit, config, row) {
        Ok(record) => record,
        Err(error) => return canary::assert_kept_by(&error),
    };
    assert_told(&record.unreadable);
    let write = crm_write(config, record.id.clone(), &record.values);
    let mut again = crm_record::body(unit, config, &write);
    for name in ["Id", "CreatedDate", "LastModifiedDate", "SystemModstamp"] {
        again.insert(name.to_owned(), row[name].clone());
    }
    let read = crm_record::record(unit, config, &again).expect("the row was read before");
    for (field, value) in &record.values {
        let is_parents =
            field.0 == "company" && record.id.object() != sync_core::ids::CrmObject::Lead;
        assert!(
            is_parents || read.values.get(field) == Some(value),
            "{field} changes when it is written and read: {row:?}"
        );
    }
}

fn crm_write(config: &Config, id: CrmId, values: &Values) -> CrmWrite {
    let mut fields = BTreeMap::new();
    for entry in &config.fields.0 {
        if let (Some(name), Some(value)) =
            (entry.crm_field(id.object()), values.get(&entry.prospect))
        {
            fields.insert(name.to_owned(), value.clone());
        }
    }
    CrmWrite {
        target: CrmWriteTarget::Update(id),
        fields: CrmFields {
            fields,
            key: None,
            owner: None,
        },
        token: "token.1".to_owned(),
        seen: None,
    }
}

/// The same for a prospect.
pub(super) fn check_prospect(config: &Config, found: &account_engagement::Prospect) {
    let unit = &config.business_unit;
    let record = match prospect::record(unit, config, found) {
        Ok(record) => record,
        Err(error) => return canary::assert_kept_by(&error),
    };
    assert_told(&record.unreadable);
    let write = prospect_write(record.id, &record.values);
    let again = account_engagement::Prospect {
        id: record.id,
        fields: prospect::body(unit, config, &write),
    };
    let read = prospect::record(unit, config, &again).expect("no stamps, nothing to refuse");
    for (field, value) in &record.values {
        assert!(
            read.values.get(field) == Some(value),
            "{field} changes when it is written and read: {found:?}"
        );
    }
}

fn prospect_write(id: ProspectId, values: &Values) -> ProspectWrite {
    let named = values
        .iter()
        .map(|(FieldName(name), value)| (name.clone(), value.clone()));
    ProspectWrite {
        target: ProspectWriteTarget::Update(id),
        fields: ProspectFields {
            fields: named.collect(),
            ..ProspectFields::default()
        },
        token: "token.1".to_owned(),
    }
}
