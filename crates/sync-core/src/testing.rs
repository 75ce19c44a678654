//! Builders for tests: `lead(1).email("a@x").value("firstName", "Ann")`. Not part of production builds.
//!
//! Numbers stand for ids, seconds after ten o'clock for moments, and `""` for blank.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::coerce::{CoercionError, Service};
use crate::config::{
    AccountEngagementSettings, BlankRule, Config, ConnectorRow, ConnectorState, ConnectorUser,
    ConnectorUserKind, Direction, FieldEntry, FieldMap, Mode, SalesforceSettings, Settings,
    SyncBehaviour,
};
use crate::decision::{Decision, Outcome};
use crate::hint::Cause;
use crate::ids::{BusinessUnit, CrmId, CrmObject, ProspectId, SalesforceId};
use crate::link::{Intent, IntentKind, Link, LinkState, PairKey};
use crate::pair::{Candidate, Candidates, Context, MappedUser, Native, Pair, UserMap};
use crate::record::{Conversion, CrmRecord, NativeCrmId, ProspectRecord, RecordRef, Side, Values};
use crate::settle::{WriteResult, WriteResults};
use crate::value::{FieldName, FieldType, FieldValue, NormalisedEmail};

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
        last_activity: None,
        created_by: None,
        owner: None,
        email: None,
        converted: None,
        key: None,
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
        key: None,
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

/// Everything besides the pair: an active connector, and user 1 mapped to Salesforce user 1.
#[derive(Debug, Clone)]
pub struct World {
    /// The configuration.
    pub config: Config,
    /// The connector.
    pub connector: ConnectorRow,
    /// Mapped users.
    pub users: UserMap,
    /// The connector user.
    pub connector_user: SalesforceId,
    /// The moment of every decision.
    pub now: Timestamp,
}

impl World {
    /// A world with this configuration, at [`at`]`(60)`.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let connector = ConnectorRow {
            business_unit: business_unit(),
            name: "test".to_owned(),
            state: ConnectorState::Active,
            config_version: 1,
            created_at: at(-1_000),
            create_prospects_since: Some(at(-1_000)),
            changed_by: "test".to_owned(),
            changed_at: at(-1_000),
            version: 1,
        };
        let users = UserMap(vec![MappedUser {
            user_id: 1,
            salesforce_id: user(1),
        }]);
        Self {
            config,
            connector,
            users,
            connector_user: user(99),
            now: at(60),
        }
    }

    /// With the connector in this state.
    #[must_use]
    pub fn state(mut self, state: ConnectorState) -> Self {
        self.connector.state = state;
        self
    }

    /// Creating prospects since then.
    #[must_use]
    pub fn creating_since(mut self, since: Option<Timestamp>) -> Self {
        self.connector.create_prospects_since = since;
        self
    }

    /// Decides a pair.
    pub fn decide(&self, pair: &Pair) -> Decision {
        crate::decide(pair, self.context())
    }

    /// The context of a decision.
    #[must_use]
    pub fn context(&self) -> Context<'_> {
        Context {
            config: &self.config,
            connector: &self.connector,
            users: &self.users,
            connector_user: &self.connector_user,
            now: self.now,
        }
    }

    /// The pair after everything that the decision wants was written, settled and read again.
    #[must_use]
    pub fn written(&self, pair: &Pair, decision: &Decision) -> Pair {
        let mut next = pair.clone();
        let mut results = WriteResults::default();
        match &decision.outcome {
            Outcome::Update {
                crm,
                prospect,
                to_crm,
                to_prospect,
            } => {
                let object = crm.object();
                if let Side::Present(record) = &mut next.crm {
                    for (name, value) in &to_crm.fields {
                        record
                            .values
                            .insert(self.mapped(object, name), self.read_back(value));
                    }
                    record.key = to_crm.key.clone().or(record.key.take());
                }
                if let Side::Present(record) = &mut next.prospect {
                    for (name, value) in &to_prospect.fields {
                        record.values.insert(FieldName(name.clone()), value.clone());
                    }
                    record.key = to_prospect.key.clone().or(record.key.take());
                    record.assigned_to = to_prospect.assigned_to.or(record.assigned_to);
                }
                results.crm = WriteResult::Written(crm.clone());
                results.prospect = WriteResult::Written(*prospect);
            }
            _ => return next,
        }
        next.link = crate::settle(&pair.link, decision, &results, self.now).link;
        next
    }

    fn mapped(&self, object: CrmObject, crm_field: &str) -> FieldName {
        let mut entries = self.config.fields.0.iter();
        entries
            .find(|entry| entry.crm_field(object) == Some(crm_field))
            .map_or_else(
                || FieldName::from(crm_field),
                |entry| entry.prospect.clone(),
            )
    }

    fn read_back(&self, written: &FieldValue) -> FieldValue {
        let is_placeholder = *written == text(&self.config.salesforce.unknown_placeholder);
        if is_placeholder {
            FieldValue::Blank
        } else {
            written.clone()
        }
    }
}

fn new_pair(key: PairKey) -> Pair {
    Pair {
        cause: Cause::Poll,
        link: Link::new(business_unit(), key),
        crm: Side::Unlinked,
        prospect: Side::Unlinked,
        crm_by_email: Candidates::NotRead,
        crm_by_key: Candidates::NotRead,
        prospects_by_email: Candidates::NotRead,
        native: Native::NotRead,
    }
}

/// A pair that begins with a prospect.
#[must_use]
pub fn prospect_pair(record: ProspectRecord) -> Pair {
    let key = PairKey::of(RecordRef::Prospect(record.id));
    Pair {
        prospect: Side::Present(record),
        ..new_pair(key)
    }
}

/// A pair that begins with a lead or contact.
#[must_use]
pub fn crm_pair(record: CrmRecord) -> Pair {
    let key = PairKey::of(RecordRef::Crm(record.id.clone()));
    Pair {
        crm: Side::Present(record),
        ..new_pair(key)
    }
}

/// A linked pair that began with the lead or contact; the prospect carries its key.
#[must_use]
pub fn linked(crm: CrmRecord, prospect: ProspectRecord) -> Pair {
    let mut pair = crm_pair(crm);
    pair.link.prospect_id = Some(prospect.id);
    pair.link.state = LinkState::Linked;
    pair.link.version = 1;
    pair.prospect = Side::Present(prospect.carrying(pair.link.key.clone()));
    pair
}

fn candidates<R>(records: impl IntoIterator<Item = R>, taken: usize) -> Candidates<R> {
    let with_flag = records
        .into_iter()
        .enumerate()
        .map(|(index, record)| Candidate {
            record,
            is_taken: index < taken,
        });
    Candidates::Found(with_flag.collect())
}

impl Pair {
    /// Looked at for this reason.
    #[must_use]
    pub fn because(mut self, cause: Cause) -> Self {
        self.cause = cause;
        self
    }

    /// With these leads and contacts under the prospect's address, none of them taken.
    #[must_use]
    pub fn crm_hits(self, records: impl IntoIterator<Item = CrmRecord>) -> Self {
        self.crm_hits_taken(0, records)
    }

    /// With these leads and contacts under the prospect's address, the first `taken` of them taken.
    #[must_use]
    pub fn crm_hits_taken(
        mut self,
        taken: usize,
        records: impl IntoIterator<Item = CrmRecord>,
    ) -> Self {
        self.crm_by_email = candidates(records, taken);
        self
    }

    /// With these leads and contacts that carry the pair's key.
    #[must_use]
    pub fn crm_with_key(mut self, records: impl IntoIterator<Item = CrmRecord>) -> Self {
        self.crm_by_key = candidates(records, 0);
        self
    }

    /// With these prospects under the record's address, none of them taken.
    #[must_use]
    pub fn prospect_hits(self, records: impl IntoIterator<Item = ProspectRecord>) -> Self {
        self.prospect_hits_taken(0, records)
    }

    /// With these prospects under the record's address, the first `taken` of them taken.
    #[must_use]
    pub fn prospect_hits_taken(
        mut self,
        taken: usize,
        records: impl IntoIterator<Item = ProspectRecord>,
    ) -> Self {
        self.prospects_by_email = candidates(records, taken);
        self
    }

    /// With this behind the CRM ID that the prospect shows.
    #[must_use]
    pub fn native(mut self, side: Side<CrmRecord>, is_taken: bool) -> Self {
        self.native = Native::Read {
            side: Box::new(side),
            is_taken,
        };
        self
    }

    /// With this as the value both sides last agreed on.
    #[must_use]
    pub fn base(mut self, field: &str, value: FieldValue) -> Self {
        self.link.base.insert(FieldName::from(field), value);
        self
    }

    /// With this intent open.
    #[must_use]
    pub fn intending(mut self, kind: IntentKind) -> Self {
        self.link.intent = Some(Intent {
            id: "run/1".to_owned(),
            kind,
            at: at(0),
        });
        self
    }

    /// Leased until then.
    #[must_use]
    pub fn leased_until(mut self, until: Timestamp) -> Self {
        self.link.lease_until = Some(until);
        self
    }

    /// In this state.
    #[must_use]
    pub fn in_state(mut self, state: LinkState) -> Self {
        self.link.state = state;
        self.link.version = 1;
        self
    }
}
