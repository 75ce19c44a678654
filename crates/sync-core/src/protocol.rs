//! What the operator's command and the admin function say to each other. Version 1.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::lint::Finding;
use crate::config::{Config, ConnectorRow};
use crate::ids::{BusinessUnit, CrmId, ProspectId};
use crate::link::Link;
use crate::settle::ErrorRow;

/// A request to the admin function: which connector, who asks, and what for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdminRequest {
    /// The business unit; may be left out when the deployment has exactly one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business_unit: Option<BusinessUnit>,
    /// Who asks, as the operator's machine tells it; kept in the audit trail (R133).
    pub actor: String,
    /// What for.
    #[serde(flatten)]
    pub command: AdminCommand,
}

/// What an operator can ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum AdminCommand {
    /// How the connectors are.
    Status,
    /// Hold automatic prospect sync (R8).
    Pause,
    /// Start or resume; held pairs are caught up.
    Activate,
    /// Sync one prospect now (R49).
    Sync {
        /// The prospect.
        prospect: ProspectId,
    },
    /// Send one lead or contact to Account Engagement now (R47).
    Send {
        /// The lead or contact.
        record: CrmId,
    },
    /// List open errors, the oldest first.
    Errors {
        /// Also list closed ones.
        #[serde(default)]
        closed: bool,
    },
    /// List links.
    Links {
        /// Only links in this state: `linked`, `pending`, `skipped`, `held`.
        #[serde(default)]
        state: Option<String>,
        /// Only the link of this record: a CRM ID or a prospect id.
        #[serde(default)]
        record: Option<String>,
        /// Continue after this page.
        #[serde(default)]
        next: Option<String>,
    },
    /// Look for the connector's own fields, and create those that Account Engagement lacks.
    Setup {
        /// The configuration that names them; the one in force when it is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        config: Option<Box<Config>>,
    },
    /// Check a configuration against the deployment and both services.
    ConfigCheck {
        /// The configuration.
        config: Box<Config>,
    },
    /// Store a configuration as a new immutable version.
    ConfigApply {
        /// The configuration.
        config: Box<Config>,
    },
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum AdminReply {
    /// To `Status`.
    Status(StatusReport),
    /// To `Pause` and `Activate`.
    Connector {
        /// The row as it is now.
        row: ConnectorRow,
        /// Pairs that were held and have been sent to the queue.
        caught_up: u64,
    },
    /// To `Sync` and `Send`: the request is on its way.
    Queued {
        /// The run under which it can be found in the logs.
        run: String,
        /// What was queued, in words.
        what: String,
    },
    /// To `Errors`.
    Errors {
        /// The first rows, as many as one answer holds.
        rows: Vec<ErrorRow>,
        /// How many more there are.
        #[serde(default)]
        more: usize,
    },
    /// To `Links`.
    Links {
        /// The rows of this page.
        rows: Vec<Link>,
        /// Where the next page starts.
        next: Option<String>,
    },
    /// To `Setup`.
    SetUp {
        /// The connector's own fields.
        fields: Vec<OwnField>,
        /// What is still wrong with them.
        findings: Vec<Finding>,
    },
    /// To `ConfigCheck`, and to `ConfigApply` when the configuration is refused.
    Findings {
        /// What is wrong, errors first.
        findings: Vec<Finding>,
    },
    /// To `ConfigApply`.
    Applied {
        /// The new version.
        version: u64,
        /// Warnings that did not prevent it.
        findings: Vec<Finding>,
    },
    /// The request makes no sense here.
    Refused {
        /// Why, and what to do instead.
        message: String,
    },
}

/// A field that the connector keeps for itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnField {
    /// `Prospect`, `Lead` or `Contact`.
    pub object: String,
    /// Its API name.
    pub name: String,
    /// What became of it.
    pub state: OwnFieldState,
}

/// What setup found, or did about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnFieldState {
    /// It was there.
    Found,
    /// It was missing and is there now.
    Created,
    /// It is missing.
    Missing,
}

/// How the deployment is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusReport {
    /// The version of prospect-sync.
    pub version: String,
    /// The connector version of the vendor's terms that this one behaves like (R2): always 2.
    pub connector_version: u32,
    /// One entry per configured business unit.
    pub connectors: Vec<ConnectorStatus>,
    /// The queues, shared by all connectors.
    pub queues: Vec<QueueDepth>,
}

/// How one connector is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConnectorStatus {
    /// The business unit.
    pub business_unit: BusinessUnit,
    /// The connector row; `None` before the first `config apply`.
    pub row: Option<ConnectorRow>,
    /// How far each stream of changes has been read.
    pub cursors: Vec<CursorStatus>,
    /// Pairs by state.
    pub links: Vec<(String, u64)>,
    /// Open rows in the errors table.
    pub open_errors: u64,
}

/// How far one stream of changes has been read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CursorStatus {
    /// `Lead`, `Contact` or `Prospect`.
    pub stream: String,
    /// The time on the service's clock up to which every change is in the queue.
    pub read_to: Timestamp,
    /// When the cursor was last moved or confirmed.
    pub polled_at: Timestamp,
}

/// How full one queue is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueDepth {
    /// `priority`, `bulk`, `priority-dlq`, `bulk-dlq`.
    pub name: String,
    /// Messages waiting.
    pub waiting: u64,
    /// Messages a worker holds.
    pub in_flight: u64,
}
