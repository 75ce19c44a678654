//! What the use cases need from outside: one small trait per concern, in our own types.

mod crm;
mod errors;
mod links;
mod marketing;
mod queue;
mod state;

pub use crm::{
    CONDITIONAL_WRITES_PER_CALL, CRM_WRITE_TIMEOUT, Crm, CrmChange, CrmUser, CrmWrite,
    CrmWriteTarget,
};
pub use errors::Errors;
pub use links::{Begin, Commit, LinkPage, Links, Loaded};
pub use marketing::{
    Marketing, PROSPECT_WRITE_TIMEOUT, ProspectChange, ProspectWrite, ProspectWriteTarget,
    ProspectWritten, ServiceUser,
};
pub use queue::{Queue, SendFailure};
pub use state::{
    AuditEntry, Cursor, Holder, Listed, PassPage, ReconcileProgress, State, Stream, Turn,
};

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use sync_core::coerce::Service;
use sync_core::config::Config;
use sync_core::error::ErrorClass;

/// A call to one of the two services that did not work, already classified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{service}: {message} ({code})")]
pub struct ServiceError {
    /// Which service.
    pub service: Service,
    /// What it means.
    pub class: ErrorClass,
    /// The vendor's code, or ours.
    pub code: String,
    /// What is wrong and how to put it right, without values.
    pub message: String,
}

/// A store of ours that did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Somebody else changed the row since it was read, or owns the record already.
    #[error("the row was changed by somebody else")]
    Conflict,
    /// The store could not be reached or refused; names the operation, never the data.
    #[error("{0}")]
    Unavailable(String),
}

/// Changed rows, and when the service said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// The service's own clock when it began to answer; `Timestamp::MIN` when it showed none. Stamps
    /// older than this are final.
    pub read_at: Timestamp,
}

/// How many calls of each kind were made, and how much of the daily allowance is used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    /// Calls by kind since the last time somebody asked.
    pub calls: BTreeMap<String, u64>,
    /// Used and allowed calls of the day, as the service last reported them.
    pub of_the_day: Option<(u64, u64)>,
}

impl Usage {
    /// All calls of every kind.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.calls.values().sum()
    }
}

/// The clients of one connector.
#[derive(Clone)]
pub struct Sides {
    /// Salesforce.
    pub crm: Arc<dyn Crm>,
    /// Account Engagement.
    pub marketing: Arc<dyn Marketing>,
}

/// Opens the clients of a connector; they are kept for as long as the process lives.
#[async_trait]
pub trait Services: Send + Sync {
    /// The clients under this configuration.
    async fn open(&self, config: &Config) -> Result<Sides, ServiceError>;
}

/// The time, and nothing else.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}
