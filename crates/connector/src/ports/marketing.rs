//! Account Engagement, as the use cases see it.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sync_core::config::Config;
use sync_core::decision::ProspectFields;
use sync_core::ids::{ProspectId, SalesforceId};
use sync_core::key::PairKey;
use sync_core::record::{ProspectRecord, Side, Values};
use sync_core::schema::FieldDescription;
use sync_core::settle::WriteFailure;
use sync_core::value::{NormalisedEmail, Spelling};

use super::{Changes, ServiceError, Usage};

/// A prospect that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProspectChange {
    /// The prospect.
    pub id: ProspectId,
    /// `updatedAt`.
    pub stamp: Timestamp,
    /// The pair key it carries, when it is one of this business unit.
    pub key: Option<PairKey>,
    /// Whether it is in the recycle bin.
    pub is_deleted: bool,
}

/// One prospect to write.
#[derive(Debug, Clone, PartialEq)]
pub struct ProspectWrite {
    /// Which prospect, or a new one.
    pub target: ProspectWriteTarget,
    /// What to write.
    pub fields: ProspectFields,
    /// The sync token of this write, for the token field when the configuration names one.
    pub token: String,
}

/// Where a write goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProspectWriteTarget {
    /// Change this prospect.
    Update(ProspectId),
    /// Insert a prospect.
    Create,
    /// Write what says that the record was deleted, and leave the prospect where it is.
    Mark(ProspectId),
    /// Write the fields, if there are any, and move this prospect to the recycle bin. One that is gone
    /// already is done.
    Recycle(ProspectId),
    /// Take this prospect, and no other with its address, out of the recycle bin.
    Restore(ProspectId),
}

/// How long one write takes at most, whatever it waits for and however many calls it is made of: less
/// than [`PROSPECT_WRITE_MARGIN`](crate::work::PROSPECT_WRITE_MARGIN), longer than the client waits for
/// an answer.
pub const PROSPECT_WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// What Account Engagement answers to a write.
#[derive(Debug, Clone, PartialEq)]
pub struct ProspectWritten {
    /// The prospect.
    pub id: ProspectId,
    /// The whole prospect as it is now, of one that was created or restored. It spares a read that
    /// might be stale (K4).
    pub record: Option<ProspectRecord>,
    /// Mapped values that an update left alone, as its answer shows them; as far as it shows any.
    pub unwritten: Values,
    /// Whether the prospect has been told that its record was deleted: one that is in the recycle bin already cannot be.
    pub is_marked: bool,
}

impl ProspectWritten {
    /// An answer that shows the prospect's id only.
    #[must_use]
    pub fn of(id: ProspectId) -> Self {
        Self {
            id,
            record: None,
            unwritten: Values::new(),
            is_marked: false,
        }
    }
}

/// A user of Account Engagement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceUser {
    /// Its id.
    pub id: u64,
    /// Its address, in matching form.
    pub email: Option<NormalisedEmail>,
    /// The Salesforce user it is mapped to.
    pub salesforce_id: Option<SalesforceId>,
}

/// Account Engagement.
#[async_trait]
pub trait Marketing: Send + Sync {
    /// Every prospect whose `updatedAt` is `from` or later, recycled ones included.
    async fn changes(
        &self,
        config: &Config,
        from: Timestamp,
    ) -> Result<Changes<ProspectChange>, ServiceError>;

    /// Reads prospects by id, in bulk, and one by one what a bulk read leaves out (K7).
    /// Every id asked for is in the answer.
    async fn read(
        &self,
        config: &Config,
        ids: &[ProspectId],
    ) -> Result<BTreeMap<ProspectId, Side<ProspectRecord>>, ServiceError>;

    /// Prospects with one of these addresses, recycled ones included. One that is spelt with other
    /// capitals may be among them or not (K17). The API takes one address a call.
    async fn find_by_email(
        &self,
        config: &Config,
        spellings: &[Spelling],
    ) -> Result<Vec<ProspectRecord>, ServiceError>;

    /// How many writes of one [`Marketing::write`] are under way at the same time.
    fn calls_at_once(&self) -> usize;

    /// Writes prospects. The answer has one entry per write, in the same order.
    async fn write(
        &self,
        config: &Config,
        writes: &[ProspectWrite],
    ) -> Vec<Result<ProspectWritten, WriteFailure>>;

    /// All users that are not in the recycle bin.
    async fn users(&self) -> Result<Vec<ServiceUser>, ServiceError>;

    /// The default and custom fields of the prospect.
    async fn describe(&self) -> Result<Vec<FieldDescription>, ServiceError>;

    /// Creates a custom text field of the prospect by its API name; answers it as the service has it.
    async fn create_text_field(&self, name: &str) -> Result<FieldDescription, ServiceError>;

    /// Calls since the last time this was asked.
    fn take_usage(&self) -> Usage;
}
