//! Salesforce, as the use cases see it.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sync_core::config::Config;
use sync_core::decision::CrmFields;
use sync_core::ids::{CrmId, CrmObject, SalesforceId};
use sync_core::key::PairKey;
use sync_core::record::{CrmRecord, Side};
use sync_core::schema::FieldDescription;
use sync_core::settle::WriteFailure;
use sync_core::value::NormalisedEmail;

use super::{Changes, ServiceError, Usage};

/// A row that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrmChange {
    /// The record.
    pub id: CrmId,
    /// `SystemModstamp`.
    pub stamp: Timestamp,
    /// A number that is the same for the same content: a transaction that commits late can change a row
    /// without changing the stamp it already has.
    pub fingerprint: u64,
    /// The pair key it carries, when it is one of this business unit.
    pub key: Option<PairKey>,
    /// Whether it is in the recycle bin.
    pub is_deleted: bool,
}

/// One record to write.
#[derive(Debug, Clone, PartialEq)]
pub struct CrmWrite {
    /// Which record, or which object to insert into.
    pub target: CrmWriteTarget,
    /// What to write.
    pub fields: CrmFields,
    /// The sync token of this write, for the token field when the configuration names one.
    pub token: String,
    /// The last change of the record that the decision knows: the write is refused as stale when there
    /// was a later one. `None` writes in any case; a create never has it.
    pub seen: Option<Timestamp>,
}

/// How many writes with [`CrmWrite::seen`] go into one call.
pub const CONDITIONAL_WRITES_PER_CALL: usize = salesforce::ROWS_PER_CALL;

/// How long one [`Crm::write`] takes at most, whatever it waits for: less than
/// [`CRM_WRITE_MARGIN`](crate::work::CRM_WRITE_MARGIN), longer than the client waits for an answer.
pub const CRM_WRITE_TIMEOUT: Duration = Duration::from_secs(65);

/// Where a write goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CrmWriteTarget {
    /// Change this record.
    Update(CrmId),
    /// Insert under the unique key that the fields carry; never overwrites.
    Create(CrmObject),
}

/// A user of Salesforce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrmUser {
    /// Its id.
    pub id: SalesforceId,
    /// Its address, in matching form.
    pub email: NormalisedEmail,
}

/// Salesforce.
#[async_trait]
pub trait Crm: Send + Sync {
    /// The id of the user the connector is logged in as.
    async fn connector_user(&self) -> Result<SalesforceId, ServiceError>;

    /// Every row of an object whose `SystemModstamp` is `from` or later, deleted ones included,
    /// in the order of (stamp, id).
    async fn changes(
        &self,
        config: &Config,
        object: CrmObject,
        from: Timestamp,
    ) -> Result<Changes<CrmChange>, ServiceError>;

    /// Reads records by id, in bulk. Every id asked for is in the answer.
    async fn read(
        &self,
        config: &Config,
        ids: &[CrmId],
    ) -> Result<BTreeMap<CrmId, Side<CrmRecord>>, ServiceError>;

    /// Leads and contacts with one of these addresses, in bulk.
    async fn find_by_email(
        &self,
        config: &Config,
        emails: &[NormalisedEmail],
    ) -> Result<Vec<CrmRecord>, ServiceError>;

    /// Leads and contacts that carry one of these keys, deleted ones included, in bulk.
    async fn find_by_key(
        &self,
        config: &Config,
        keys: &[PairKey],
    ) -> Result<Vec<CrmRecord>, ServiceError>;

    /// Writes records in bulk. The answer has one entry per write, in the same order.
    async fn write(&self, config: &Config, writes: &[CrmWrite])
    -> Vec<Result<CrmId, WriteFailure>>;

    /// The fields of Lead and Contact that the connector user can see.
    async fn describe(&self) -> Result<BTreeMap<String, Vec<FieldDescription>>, ServiceError>;

    /// The active users that have an e-mail address.
    async fn users(&self) -> Result<Vec<CrmUser>, ServiceError>;

    /// Calls since the last time this was asked.
    fn take_usage(&self) -> Usage;
}
