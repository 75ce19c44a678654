//! The configuration of one connector, as typed values; the YAML file is exactly this shape.

mod field_map;
pub mod lint;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use field_map::{BlankRule, Direction, FieldEntry, FieldMap, MappedSince, SyncBehaviour};

use crate::ids::{BusinessUnit, CrmObject};
use crate::quota::UsedUp;
use crate::value::FieldName;

/// One connector: one business unit, one org (R1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The connector's name; a second connector for the same business unit is refused (R1).
    pub name: String,
    /// The 18-character id of the business unit (`0Uv...`).
    #[schemars(
        with = "String",
        regex(pattern = "^0Uv[0-9A-Za-z]{12}([0-9A-Za-z]{3})?$")
    )]
    pub business_unit: BusinessUnit,
    /// Whether the business unit allows several prospects with one e-mail address (R18).
    pub mode: Mode,
    /// Who the connector is in Salesforce (R11).
    pub connector_user: ConnectorUser,
    /// What is particular to the org.
    #[serde(default)]
    pub salesforce: SalesforceSettings,
    /// What is particular to the business unit.
    #[serde(default)]
    pub account_engagement: AccountEngagementSettings,
    /// The connector settings of connector-behaviour section 3.
    pub settings: Settings,
    /// The mapped fields and who wins in each.
    pub fields: FieldMap,
}

/// AMPSEA or not (R18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Several prospects may share an address; the CRM ID is the identity (R19).
    Ampsea,
    /// An address belongs to one prospect (R21).
    NonAmpsea,
}

/// The Salesforce user the connector logs in as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectorUser {
    /// Its username: the `sub` of the JWT.
    pub username: String,
    /// Which kind of user it is; decides R14.
    pub kind: ConnectorUserKind,
}

/// The two kinds of connector user (R11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConnectorUserKind {
    /// Sees every record of the synced objects.
    IntegrationUser,
    /// Sees what its permissions allow.
    OwnUser,
}

/// Settings of the Salesforce side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SalesforceSettings {
    /// The unique external-id text field on Lead and Contact that carries the pair key.
    pub key_field: String,
    /// The text field on Lead and Contact that tells our writes from anybody else's; without it a
    /// user's edit around a crash can be lost (docs/reliability.md).
    pub token_field: Option<String>,
    /// Updates of leads and contacts carry the condition that nobody changed the record since it was
    /// read: 25 updates a call instead of 200 a collection (apis A14).
    pub conditional_updates: bool,
    /// Written into required Last Name and Company when the prospect has none; read as blank.
    pub unknown_placeholder: String,
}

impl Default for SalesforceSettings {
    fn default() -> Self {
        Self {
            key_field: "Prospect_Sync_Key__c".to_owned(),
            token_field: None,
            conditional_updates: true,
            unknown_placeholder: "[[Unknown]]".to_owned(),
        }
    }
}

/// Settings of the Account Engagement side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AccountEngagementSettings {
    /// The IANA time zone of the business unit: turns instants into days and renews the quota.
    pub time_zone: String,
    /// The custom text field on the prospect that carries the pair key.
    pub key_field: String,
    /// The custom text field that tells our writes from anybody else's; without it a user's edit
    /// around a crash can be lost (docs/reliability.md).
    pub token_field: Option<String>,
    /// A custom text field that shows marketers the CRM ID (apis B4, W2); none to leave it out.
    pub crm_id_field: Option<String>,
    /// How old a read can be, in seconds (K4). An open write is looked at only after this.
    pub stale_reads_seconds: u32,
}

impl Default for AccountEngagementSettings {
    fn default() -> Self {
        Self {
            time_zone: "UTC".to_owned(),
            key_field: "Prospect_Sync_Key__c".to_owned(),
            token_field: None,
            crm_id_field: None,
            stale_reads_seconds: 60,
        }
    }
}

/// The connector settings (connector-behaviour 3) that this version carries out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Create a prospect for each lead or contact created from now on (R45).
    pub create_prospects: bool,
    /// The Account Engagement campaign of prospects that the connector creates.
    pub default_campaign_id: u64,
    /// Records without CRM ID are matched by e-mail address. AMPSEA only (R24).
    #[serde(default)]
    pub match_by_email: bool,
    /// A deleted lead or contact takes its prospect to the recycle bin. AMPSEA always does (R52).
    #[serde(default = "yes")]
    pub merge_delete: bool,
    /// What an assigned prospect without match becomes (R42, R44).
    #[serde(default = "lead")]
    pub create_as: CrmObject,
    /// Bring the Salesforce owner down to the prospect's assigned user (R101).
    #[serde(default = "yes")]
    pub sync_owner: bool,
    /// Match Salesforce users to Account Engagement users by e-mail address when not mapped.
    #[serde(default)]
    pub match_users_by_email: bool,
}

fn lead() -> CrmObject {
    CrmObject::Lead
}

fn yes() -> bool {
    true
}

/// The connector as it runs: state and dates that are not the admin's to write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorRow {
    /// The business unit.
    pub business_unit: BusinessUnit,
    /// The connector's name.
    pub name: String,
    /// Where it stands (R7).
    pub state: ConnectorState,
    /// The configuration version in force.
    pub config_version: u64,
    /// Which fields are mapped as they are now since a later version than the first. It goes with the
    /// version in force and is not the admin's to write, so it stands here and not in the configuration.
    #[serde(default, skip_serializing_if = "MappedSince::is_empty")]
    pub mapped_since: MappedSince,
    /// When the connector was first configured: changes before are not pulled (R25).
    pub created_at: Timestamp,
    /// Since when new leads and contacts become prospects; `None` while that is off (R45, N10).
    pub create_prospects_since: Option<Timestamp>,
    /// The service whose allowance of calls was last used up. It counts until its time is over: ask
    /// [`Self::used_up_at`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_up: Option<UsedUp>,
    /// Who changed the row last, and when.
    pub changed_by: String,
    /// When the row was changed last.
    pub changed_at: Timestamp,
    /// Counts the changes of this row.
    pub version: u64,
}

impl ConnectorRow {
    /// The allowance that is used up at this moment, if one is: then neither service is called.
    #[must_use]
    pub fn used_up_at(&self, now: Timestamp) -> Option<UsedUp> {
        self.used_up.filter(|used_up| used_up.is_open(now))
    }

    /// Whether a value that was stored under this configuration version is one of the field as it is mapped
    /// now. The same prospect field may have been compared with another field of Salesforce then.
    #[must_use]
    pub fn is_mapped_since(&self, field: &FieldName, version: u64) -> bool {
        let since = self.mapped_since.get(field);
        since.is_none_or(|since| *since <= version)
    }
}

/// The states of a connector (R3, R7). `upgrading` belongs to v1 and does not occur here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "why")]
pub enum ConnectorState {
    /// Automatic prospect sync is held; manual syncs and background work go on (R8).
    Paused,
    /// Everything runs.
    Active,
    /// Log-in was refused; nothing is touched and nothing is dropped (R7).
    AuthFailed(String),
}

impl ConnectorState {
    /// The name as an operator reads it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Active => "active",
            Self::AuthFailed(_) => "auth_failed",
        }
    }
}
