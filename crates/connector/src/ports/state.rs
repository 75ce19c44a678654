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

/// How far a stream has been read. Only server stamps, never a clock of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Every change with this stamp or an older one is in the queue.
    pub read_to: Timestamp,
    /// When the stream was last polled.
    pub polled_at: Timestamp,
    /// Rows inside the overlap that are in the queue already, by record id, with their stamp.
    #[serde(default)]
    pub recent: BTreeMap<String, Timestamp>,
    /// Counts the changes of this row.
    pub version: u64,
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

    /// Adds to the audit trail.
    async fn audit(&self, unit: &BusinessUnit, entry: &AuditEntry) -> Result<(), StoreError>;
}
