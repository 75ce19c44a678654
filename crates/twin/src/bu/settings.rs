//! Switches of a business unit: what the documents leave open, one switch per question.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What a write of `salesforceId` does (apis.md B4, open question 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SalesforceIdMode {
    /// It is stored.
    Editable,
    /// The call succeeds and the value is ignored.
    SilentlyDropped,
    /// Code 77.
    Refused,
}

/// The state of the native Salesforce connector of the unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectorState {
    /// None is set up.
    Absent,
    /// Set up and not syncing.
    Paused,
    /// Set up and syncing.
    Running,
}

/// All switches.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether several prospects may share an e-mail address (AMPSEA).
    pub ampsea: bool,
    /// What a write of `salesforceId` does.
    pub salesforce_id: SalesforceIdMode,
    /// Whether the API may write `optedOut`.
    pub opted_out_writable: bool,
    /// Whether a PATCH with identical values bumps `updatedAt`.
    pub bump_on_unchanged: bool,
    /// Whether a change of the score alone bumps `updatedAt`.
    pub bump_on_score: bool,
    /// Whether `userId: null` takes the assignment away; otherwise code 10.
    pub unassign_by_null: bool,
    /// The zone in which replies show instants.
    pub api_user_zone: TimeZone,
    /// The native connector's state.
    pub connector_state: ConnectorState,
    /// Where a chain of pages stops.
    pub page_chain_limit: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ampsea: true,
            salesforce_id: SalesforceIdMode::SilentlyDropped,
            opted_out_writable: true,
            bump_on_unchanged: true,
            bump_on_score: true,
            unassign_by_null: false,
            api_user_zone: TimeZone::fixed(jiff::tz::Offset::UTC),
            connector_state: ConnectorState::Absent,
            page_chain_limit: 100_000,
        }
    }
}

impl Settings {
    /// The switches as JSON, under the names `configure` takes.
    pub fn dump(&self) -> Value {
        json!({
            "ampsea": self.ampsea,
            "salesforce_id": self.salesforce_id,
            "opted_out_writable": self.opted_out_writable,
            "bump_on_unchanged": self.bump_on_unchanged,
            "bump_on_score": self.bump_on_score,
            "unassign_by_null": self.unassign_by_null,
            "connector_state": self.connector_state,
            "page_chain_limit": self.page_chain_limit,
        })
    }
}
