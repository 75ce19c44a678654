//! What a run begins with: prepared services, a configuration, an active connector.

use std::sync::LazyLock;

use connector::ports::State;
use jiff::Timestamp;
use sync_core::config::{
    BlankRule, Config, ConnectorRow, ConnectorState, FieldEntry, FieldMap, MappedSince, Mode,
    SyncBehaviour,
};
use sync_core::testing::field;
use twin::bu::BusinessUnit;
use twin::org::Org;

use crate::kernel::{Millis, START};
use crate::processes::Deployment;
use crate::run::at_once;
use crate::world::NAMES;

/// Where the account's midnight is an hour after the beginning.
const TIME_ZONE: &str = "Pacific/Auckland";
/// When the day's calls are renewed.
pub(crate) const RENEWED_AFTER: Millis = 3_600_000;

/// The engines are prepared once; each run begins with a copy.
static ENGINES: LazyLock<(Org, BusinessUnit)> = LazyLock::new(|| {
    let mut org = Org::new();
    let now = Timestamp::from_millisecond(START).expect("a moment of this century");
    org.put_user(
        &twin::org::users::User {
            username: "tom.becker@example.com".to_owned(),
            is_active: true,
        },
        now,
    );
    let unit = sync_core::testing::business_unit().to_string();
    (org, BusinessUnit::new(unit))
});

/// How a business unit tells whose record is whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Matching {
    /// AMPSEA, and records without CRM ID are matched by address (R24).
    ByAddress,
    /// AMPSEA alone: an address says nothing (R19).
    ByCrmId,
    /// Without AMPSEA: an address is one prospect's (R21).
    OneProspectAnAddress,
}

impl Matching {
    /// Half of the runs match by address.
    pub(crate) fn draw(rng: &mut fastrand::Rng) -> Self {
        match rng.u32(0..4) {
            0 => Self::ByCrmId,
            1 => Self::OneProspectAnAddress,
            _ => Self::ByAddress,
        }
    }
}

/// Both services as they are before anybody has done anything.
pub(crate) fn engines(matching: Matching) -> (Org, BusinessUnit) {
    let (org, mut unit) = ENGINES.clone();
    let is_ampsea = matching != Matching::OneProspectAnAddress;
    let set = unit.configure(serde_json::json!({ "ampsea": is_ampsea }));
    set.expect("a setting of the engine");
    (org, unit)
}

/// The prospect field that shows the CRM ID, where there is one.
pub(crate) const MIRROR: &str = "SF_Record_Id__c";

/// The configuration of a run: every behaviour, and blanks that count in one field.
pub(crate) fn config(
    with_tokens: bool,
    with_cache: bool,
    with_mirror: bool,
    matching: Matching,
) -> Config {
    let mut config = sync_core::testing::config();
    let behaviours = [
        (SyncBehaviour::UseSalesforce, BlankRule::ValueWins),
        (SyncBehaviour::MostRecentRecord, BlankRule::BlankIsValue),
        (SyncBehaviour::UseAccountEngagement, BlankRule::ValueWins),
    ];
    let fields = NAMES.iter().zip(behaviours);
    let mapped = fields.map(|((prospect, crm), (behaviour, blanks))| FieldEntry {
        behaviour,
        blanks,
        ..field(prospect, crm)
    });
    config.fields = FieldMap(mapped.collect());
    let email = FieldEntry {
        field_type: sync_core::value::FieldType::Email,
        ..field("email", "Email")
    };
    let last_name = field("lastName", "LastName");
    let company = field("company", "Company");
    config.fields.0.extend([email, last_name, company]);
    config.settings.match_by_email = matching == Matching::ByAddress;
    if matching == Matching::OneProspectAnAddress {
        config.mode = Mode::NonAmpsea;
    }
    config.account_engagement.time_zone = TIME_ZONE.to_owned();
    config.settings.default_campaign_id = 1;
    config.account_engagement.stale_reads_seconds = if with_cache { 60 } else { 0 };
    config.account_engagement.crm_id_field = with_mirror.then(|| MIRROR.to_owned());
    if with_tokens {
        let token = Some("Prospect_Sync_Token__c".to_owned());
        config.salesforce.token_field.clone_from(&token);
        config.account_engagement.token_field = token;
    }
    config
}

/// An active connector with its first configuration.
pub(crate) fn configure(deployment: &Deployment) {
    let (now, config) = {
        let inner = deployment.sim.lock();
        (inner.timestamp(), inner.world.config.clone())
    };
    let row = ConnectorRow {
        business_unit: config.business_unit.clone(),
        name: config.name.clone(),
        state: ConnectorState::Active,
        config_version: 1,
        mapped_since: MappedSince::new(),
        created_at: now,
        create_prospects_since: Some(now),
        changed_by: "test".to_owned(),
        used_up: None,
        changed_at: now,
        version: 1,
    };
    at_once(deployment.state.put_config(1, &config));
    at_once(deployment.state.put_connector(&row));
}
