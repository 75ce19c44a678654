//! Builders for tests: `lead(1).email("a@x").value("firstName", "Ann")`. Not part of production builds.
//!
//! Numbers stand for ids, seconds after ten o'clock for moments, and `""` for blank.

mod pairs;

pub use pairs::*;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::coerce::{CoercionError, Service};
use crate::config::{
    AccountEngagementSettings, BlankRule, Config, ConnectorUser, ConnectorUserKind, Direction,
    FieldEntry, FieldMap, Mode, SalesforceSettings, Settings, SyncBehaviour,
};
use crate::ids::{BusinessUnit, CrmId, CrmObject, ProspectId, SalesforceId};
use crate::key::PairKey;
use crate::record::{Conversion, CrmRecord, NativeCrmId, ProspectRecord, ShownCrmId, Values};
use crate::value::{FieldName, FieldType, FieldValue, NormalisedEmail, Spelling};

/// A moment: this many seconds after 2026-11-23, ten o'clock.
#[must_use]
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_428_000 + seconds).expect("a moment near 2026")
}

/// A text value; `""` is blank.
#[must_use]
pub fn text(text: &str) -> FieldValue {
    if text.is_empty() {
        FieldValue::Blank
    } else {
        FieldValue::Text(text.to_owned())
    }
}

/// The business unit of all tests.
#[must_use]
pub fn business_unit() -> BusinessUnit {
    "0Uv000000000001".parse().expect("a business unit id")
}

/// A Salesforce user.
#[must_use]
pub fn user(number: u64) -> SalesforceId {
    format!("005{number:012}").parse().expect("a user id")
}

/// The id of [`lead`]`(number)`.
#[must_use]
pub fn lead_id(number: u64) -> CrmId {
    format!("00Q{number:012}").parse().expect("a lead id")
}

/// The id of [`contact`]`(number)`.
#[must_use]
pub fn contact_id(number: u64) -> CrmId {
    format!("003{number:012}").parse().expect("a contact id")
}

/// The id of [`prospect`]`(number)`.
#[must_use]
pub fn prospect_id(number: u64) -> ProspectId {
    number.try_into().expect("a prospect id")
}

/// A lead with nothing in it, created and modified at ten o'clock.
#[must_use]
pub fn lead(number: u64) -> CrmRecord {
    crm_record(lead_id(number))
}

/// A contact with nothing in it, created and modified at ten o'clock.
#[must_use]
pub fn contact(number: u64) -> CrmRecord {
    crm_record(contact_id(number))
}

fn crm_record(id: CrmId) -> CrmRecord {
    CrmRecord {
        id,
        created: at(0),
        modified: at(0),
        stamp: at(0),
        last_activity: None,
        created_by: None,
        owner: None,
        email: None,
        spelling: None,
        converted: None,
        is_deleted: false,
        merged_into: None,
        key: None,
        token: None,
        values: Values::new(),
        unreadable: Vec::new(),
    }
}

/// A prospect with nothing in it, created and updated at ten o'clock.
#[must_use]
pub fn prospect(number: u64) -> ProspectRecord {
    ProspectRecord {
        id: prospect_id(number),
        created: at(0),
        updated: at(0),
        email: None,
        assigned_to: None,
        native_crm_id: NativeCrmId::None,
        shown_crm_id: ShownCrmId::Nothing,
        is_deleted: false,
        key: None,
        token: None,
        values: Values::new(),
        unreadable: Vec::new(),
    }
}

fn unreadable(service: Service, field: &str) -> CoercionError {
    CoercionError {
        service,
        field: FieldName::from(field),
        shape: "text of 3 characters".to_owned(),
        expected: "a decimal number".to_owned(),
    }
}

impl CrmRecord {
    /// With this address.
    #[must_use]
    pub fn email(mut self, address: &str) -> Self {
        self.email = NormalisedEmail::new(address);
        self.spelling = Spelling::new(address);
        self
    }

    /// Owned by this user.
    #[must_use]
    pub fn owner(mut self, owner: SalesforceId) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Created then.
    #[must_use]
    pub fn created(mut self, when: Timestamp) -> Self {
        self.created = when;
        self
    }

    /// Modified then.
    #[must_use]
    pub fn modified(mut self, when: Timestamp) -> Self {
        self.modified = when;
        self
    }

    /// Last active on this day.
    #[must_use]
    pub fn active_on(mut self, day: Date) -> Self {
        self.last_activity = Some(day);
        self
    }

    /// Converted, to this contact if it can be seen.
    #[must_use]
    pub fn converted_to(mut self, contact: Option<CrmId>) -> Self {
        self.converted = Some(Conversion { contact });
        self
    }

    /// With this key in its key field.
    #[must_use]
    pub fn carrying(mut self, key: PairKey) -> Self {
        self.key = Some(key);
        self
    }

    /// With this text in a mapped field.
    #[must_use]
    pub fn value(self, field: &str, value: &str) -> Self {
        self.holding(field, text(value))
    }

    /// With this value in a mapped field.
    #[must_use]
    pub fn holding(mut self, field: &str, value: FieldValue) -> Self {
        self.values.insert(FieldName::from(field), value);
        self
    }

    /// With something in a mapped field that does not fit its type.
    #[must_use]
    pub fn not_readable(mut self, field: &str) -> Self {
        self.unreadable.push(unreadable(Service::Salesforce, field));
        self
    }
}

impl ProspectRecord {
    /// With this address.
    #[must_use]
    pub fn email(mut self, address: &str) -> Self {
        self.email = NormalisedEmail::new(address);
        self
    }

    /// Assigned to this Account Engagement user.
    #[must_use]
    pub fn assigned(mut self, user: u64) -> Self {
        self.assigned_to = Some(user);
        self
    }

    /// Updated then.
    #[must_use]
    pub fn updated(mut self, when: Timestamp) -> Self {
        self.updated = when;
        self
    }

    /// With this in its own CRM ID field.
    #[must_use]
    pub fn showing(mut self, crm_id: NativeCrmId) -> Self {
        self.native_crm_id = crm_id;
        self
    }

    /// With this key in its key field.
    #[must_use]
    pub fn carrying(mut self, key: PairKey) -> Self {
        self.key = Some(key);
        self
    }

    /// With this text in a mapped field.
    #[must_use]
    pub fn value(self, field: &str, value: &str) -> Self {
        self.holding(field, text(value))
    }

    /// With this value in a mapped field.
    #[must_use]
    pub fn holding(mut self, field: &str, value: FieldValue) -> Self {
        self.values.insert(FieldName::from(field), value);
        self
    }

    /// With something in a mapped field that does not fit its type.
    #[must_use]
    pub fn not_readable(mut self, field: &str) -> Self {
        self.unreadable
            .push(unreadable(Service::AccountEngagement, field));
        self
    }
}

/// A text field that both objects have under one name, with all defaults.
#[must_use]
pub fn field(prospect: &str, crm: &str) -> FieldEntry {
    FieldEntry {
        prospect: FieldName::from(prospect),
        lead: Some(crm.to_owned()),
        contact: Some(crm.to_owned()),
        field_type: FieldType::Text,
        behaviour: SyncBehaviour::UseSalesforce,
        blanks: BlankRule::ValueWins,
        direction: Direction::Both,
        opt_out: false,
    }
}

/// AMPSEA without matching by address, auto-create on, and six mapped fields of every kind.
#[must_use]
pub fn config() -> Config {
    let company = FieldEntry {
        contact: Some("Account.Name".to_owned()),
        ..field("company", "Company")
    };
    let score = FieldEntry {
        field_type: FieldType::Number,
        direction: Direction::ToSalesforce,
        ..field("score", "pi__score__c")
    };
    let opted_out = FieldEntry {
        field_type: FieldType::Boolean,
        behaviour: SyncBehaviour::MostRecentRecord,
        opt_out: true,
        ..field("optedOut", "HasOptedOutOfEmail")
    };
    let job_title = FieldEntry {
        behaviour: SyncBehaviour::UseAccountEngagement,
        ..field("jobTitle", "Title")
    };
    Config {
        name: "test".to_owned(),
        business_unit: business_unit(),
        mode: Mode::Ampsea,
        connector_user: ConnectorUser {
            username: "sync@example.com".to_owned(),
            kind: ConnectorUserKind::IntegrationUser,
        },
        salesforce: SalesforceSettings::default(),
        account_engagement: AccountEngagementSettings::default(),
        settings: Settings {
            create_prospects: true,
            default_campaign_id: 77,
            match_by_email: false,
            merge_delete: true,
            create_as: CrmObject::Lead,
            sync_owner: true,
            match_users_by_email: false,
        },
        fields: FieldMap(vec![
            field("firstName", "FirstName"),
            field("lastName", "LastName"),
            company,
            score,
            opted_out,
            job_title,
        ]),
    }
}

impl Config {
    /// In AMPSEA mode.
    #[must_use]
    pub fn ampsea(mut self) -> Self {
        self.mode = Mode::Ampsea;
        self
    }

    /// With addresses that belong to one prospect each.
    #[must_use]
    pub fn non_ampsea(mut self) -> Self {
        self.mode = Mode::NonAmpsea;
        self
    }

    /// With "use e-mail address to match" on.
    #[must_use]
    pub fn match_by_email(mut self) -> Self {
        self.settings.match_by_email = true;
        self
    }

    /// Creating these for prospects.
    #[must_use]
    pub fn create_as(mut self, object: CrmObject) -> Self {
        self.settings.create_as = object;
        self
    }

    /// With these mapped fields only.
    #[must_use]
    pub fn mapping(mut self, fields: Vec<FieldEntry>) -> Self {
        self.fields = FieldMap(fields);
        self
    }
}
