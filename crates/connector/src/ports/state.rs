//! The connector table: state, immutable configuration versions, cursors, users, audit.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sync_core::config::{Config, ConnectorRow};
use sync_core::ids::{BusinessUnit, CrmObject};
use sync_core::pair::UserMap;

use super::StoreError;

/// A stream of changes with a cursor of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stream {
    /// Leads or contacts.
    Crm(CrmObject),
    /// Prospects.
    Prospects,
}

impl Stream {
    /// All streams, in the order in which they are polled.
    pub const ALL: [Self; 3] = [
        Self::Crm(CrmObject::Contact),
        Self::Crm(CrmObject::Lead),
        Self::Prospects,
    ];
}

impl fmt::Display for Stream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crm(object) => fmt::Display::fmt(object, formatter),
            Self::Prospects => formatter.write_str("Prospect"),
        }
    }
}

/// How far a stream has been read, on the service's clock, never on ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Every change with an older stamp is in the queue, but for transactions that commit late.
    pub read_to: Timestamp,
    /// When the stream was last polled.
    pub polled_at: Timestamp,
    /// Rows inside the overlap that are in the queue already, by record id and content, with their stamp.
    #[serde(default)]
    pub recent: BTreeMap<String, Timestamp>,
    /// Counts the changes of this row.
    pub version: u64,
}

/// How far the comparison of all pairs of a business unit has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcileProgress {
    /// When the pass began.
    pub started_at: Timestamp,
    /// Where the pass goes on; `None` when it is complete.
    pub next: Option<PassPage>,
    /// Pairs of this pass that were sent to the queue.
    pub hinted: u64,
    /// Counts the changes of this row.
    pub version: u64,
}

/// A page of the listing that a pass walks through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassPage {
    /// The state whose links are listed.
    pub listed: Listed,
    /// The page's token; `None` for the first one.
    pub token: Option<String>,
}

/// The states whose links a pass compares, in this order. A skip is deliberate and is looked at again
/// whenever its record changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listed {
    /// Pairs kept in step.
    Linked,
    /// Pairs begun.
    Pending,
    /// Pairs that wait.
    Held,
}

impl Listed {
    /// The name under which [`Links::list`](super::Links::list) knows the state.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Linked => "linked",
            Self::Pending => "pending",
            Self::Held => "held",
        }
    }
}

/// Whose turn it is to use the fifth of the five Account Engagement calls (docs/decisions/0010).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Who.
    pub holder: Holder,
    /// Until when, at the latest.
    pub until: Timestamp,
}

/// Who takes turns; each runs at most once at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// Asks for changes.
    Poller,
    /// Compares both sides.
    Reconciler,
}

impl Holder {
    /// The name under which a turn is stored.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Poller => "poller",
            Self::Reconciler => "reconciler",
        }
    }
}

/// Something an operator did (R133).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who, as the operator's machine told it.
    pub actor: String,
    /// What.
    pub action: String,
}

/// The connector table.
#[async_trait]
pub trait State: Send + Sync {
    /// The connector of a business unit.
    async fn connector(&self, unit: &BusinessUnit) -> Result<Option<ConnectorRow>, StoreError>;

    /// Stores the row on condition that the stored version is one less (none for version 1).
    async fn put_connector(&self, row: &ConnectorRow) -> Result<(), StoreError>;

    /// A configuration version.
    async fn config(&self, unit: &BusinessUnit, version: u64)
    -> Result<Option<Config>, StoreError>;

    /// Stores a configuration version that must not exist yet.
    async fn put_config(&self, version: u64, config: &Config) -> Result<(), StoreError>;

    /// The cursor of a stream.
    async fn cursor(
        &self,
        unit: &BusinessUnit,
        stream: Stream,
    ) -> Result<Option<Cursor>, StoreError>;

    /// Stores a cursor on condition that the stored version is one less (none for version 1).
    async fn put_cursor(
        &self,
        unit: &BusinessUnit,
        stream: Stream,
        cursor: &Cursor,
    ) -> Result<(), StoreError>;

    /// The mapped users and when they were read.
    async fn users(&self, unit: &BusinessUnit) -> Result<Option<(UserMap, Timestamp)>, StoreError>;

    /// Stores the mapped users.
    async fn put_users(
        &self,
        unit: &BusinessUnit,
        users: &UserMap,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// How far the comparison has come.
    async fn reconcile_progress(
        &self,
        unit: &BusinessUnit,
    ) -> Result<Option<ReconcileProgress>, StoreError>;

    /// Stores the progress on condition that the stored version is one less (none for version 1).
    async fn put_reconcile_progress(
        &self,
        unit: &BusinessUnit,
        progress: &ReconcileProgress,
    ) -> Result<(), StoreError>;

    /// Stores whose turn it is; a conflict while a turn of somebody else lasts. A holder may store its
    /// turn again, longer or shorter.
    async fn put_turn(
        &self,
        unit: &BusinessUnit,
        turn: &Turn,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Adds to the audit trail.
    async fn audit(&self, unit: &BusinessUnit, entry: &AuditEntry) -> Result<(), StoreError>;
}
