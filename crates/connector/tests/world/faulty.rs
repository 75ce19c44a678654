//! Every port, each call through the fuse.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use connector::ports::{
    AuditEntry, Begin, Changes, Commit, Crm, CrmChange, CrmUser, CrmWrite, Cursor, Errors,
    LinkPage, Links, Loaded, Marketing, ProspectChange, ProspectWrite, ProspectWritten, Queue,
    ReconcileProgress, SendFailure, ServiceError, ServiceUser, Services, Sides, State, StoreError,
    Stream, Turn, Usage,
};
use jiff::Timestamp;
use sync_core::coerce::Service;
use sync_core::config::{Config, ConnectorRow};
use sync_core::error::ErrorClass;
use sync_core::hint::{ChangeBatch, Lane};
use sync_core::ids::{BusinessUnit, CrmId, CrmObject, ProspectId, SalesforceId};
use sync_core::key::{PairKey, RecordRef};
use sync_core::link::Link;
use sync_core::pair::UserMap;
use sync_core::protocol::QueueDepth;
use sync_core::record::{CrmRecord, ProspectRecord, Side};
use sync_core::schema::FieldDescription;
use sync_core::settle::{ErrorRow, WriteFailure};
use sync_core::value::{NormalisedEmail, Spelling};

use super::fuse::Fuse;

/// A port behind a fuse.
pub struct Faulty<P: ?Sized> {
    fuse: Arc<Fuse>,
    inner: Arc<P>,
}

/// Puts a port behind a fuse.
pub fn faulty<P: ?Sized>(fuse: &Arc<Fuse>, inner: Arc<P>) -> Arc<Faulty<P>> {
    let fuse = fuse.clone();
    Arc::new(Faulty { fuse, inner })
}

fn no_store<T>(_: bool) -> Result<T, StoreError> {
    Err(StoreError::Unavailable("told to fail".to_owned()))
}

fn no_service<T>(service: Service) -> Result<T, ServiceError> {
    Err(ServiceError {
        service,
        class: ErrorClass::Transient,
        code: "TOLD".to_owned(),
        message: "told to fail".to_owned(),
    })
}

fn no_crm<T>(_: bool) -> Result<T, ServiceError> {
    no_service(Service::Salesforce)
}

fn no_marketing<T>(_: bool) -> Result<T, ServiceError> {
    no_service(Service::AccountEngagement)
}

fn no_writes<T>(service: Service, count: usize, landed: bool) -> Vec<Result<T, WriteFailure>> {
    let failure = || WriteFailure {
        service,
        class: ErrorClass::Transient,
        code: "TOLD".to_owned(),
        fields: Vec::new(),
        message: "told to fail".to_owned(),
        may_have_landed: landed,
    };
    (0..count).map(|_| Err(failure())).collect()
}

/// The methods of a port, each through the fuse.
macro_rules! through_the_fuse {
    ($port:ident, $name:literal, {
        $(fn $method:ident($($arg:ident: $kind:ty),*) -> $answer:ty, $lost:expr;)*
    } $($rest:item)*) => {
        #[async_trait]
        impl $port for Faulty<dyn $port> {
            $(async fn $method(&self, $($arg: $kind),*) -> $answer {
                let name = concat!($name, ".", stringify!($method));
                let lost = $lost;
                self.fuse.pass(name, self.inner.$method($($arg),*), lost).await
            })*
            $($rest)*
        }
    };
}

type StoreResult<T> = Result<T, StoreError>;
type CallResult<T> = Result<T, ServiceError>;

#[async_trait]
impl Services for Faulty<dyn Services> {
    async fn open(&self, config: &Config) -> Result<Sides, ServiceError> {
        let opened = self.inner.open(config);
        let sides = self.fuse.pass("services.open", opened, no_crm).await?;
        Ok(Sides {
            crm: faulty(&self.fuse, sides.crm),
            marketing: faulty(&self.fuse, sides.marketing),
        })
    }
}

#[async_trait]
impl Links for Faulty<dyn Links> {
    async fn load(
        &self,
        unit: &BusinessUnit,
        records: &[RecordRef],
        pairs: &[PairKey],
    ) -> StoreResult<Loaded> {
        let call = self.inner.load(unit, records, pairs);
        self.fuse.pass("links.load", call, no_store).await
    }

    async fn begin(&self, begins: Vec<Begin>) -> Vec<StoreResult<Link>> {
        if begins.is_empty() {
            return Vec::new();
        }
        let count = begins.len();
        let lost = |landed| (0..count).map(|_| no_store(landed)).collect();
        self.fuse
            .pass("links.begin", self.inner.begin(begins), lost)
            .await
    }

    async fn commit(&self, commits: Vec<Commit>) -> Vec<StoreResult<Link>> {
        if commits.is_empty() {
            return Vec::new();
        }
        let count = commits.len();
        let lost = |landed| (0..count).map(|_| no_store(landed)).collect();
        self.fuse
            .pass("links.commit", self.inner.commit(commits), lost)
            .await
    }

    async fn list(
        &self,
        unit: &BusinessUnit,
        state: Option<&str>,
        next: Option<String>,
    ) -> StoreResult<LinkPage> {
        let call = self.inner.list(unit, state, next);
        self.fuse.pass("links.list", call, no_store).await
    }

    async fn count(&self, unit: &BusinessUnit) -> StoreResult<BTreeMap<String, u64>> {
        self.fuse
            .pass("links.count", self.inner.count(unit), no_store)
            .await
    }
}

#[async_trait]
impl Queue for Faulty<dyn Queue> {
    async fn send(
        &self,
        lane: Lane,
        batches: Vec<(String, ChangeBatch)>,
    ) -> Result<(), SendFailure> {
        let sent = batches.len();
        let why = "told to fail".to_owned();
        let lost = |_| {
            Err(SendFailure {
                refused: sent,
                sent,
                why,
            })
        };
        self.fuse
            .pass("queue.send", self.inner.send(lane, batches), lost)
            .await
    }

    async fn depths(&self) -> StoreResult<Vec<QueueDepth>> {
        self.fuse
            .pass("queue.depths", self.inner.depths(), no_store)
            .await
    }
}

#[async_trait]
impl Errors for Faulty<dyn Errors> {
    async fn list(&self, unit: &BusinessUnit, closed: bool) -> StoreResult<Vec<ErrorRow>> {
        self.fuse
            .pass("errors.list", self.inner.list(unit, closed), no_store)
            .await
    }

    async fn count_open(&self, unit: &BusinessUnit) -> StoreResult<u64> {
        self.fuse
            .pass("errors.count_open", self.inner.count_open(unit), no_store)
            .await
    }
}

through_the_fuse!(State, "state", {
    fn connector(unit: &BusinessUnit) -> StoreResult<Option<ConnectorRow>>, no_store;
    fn put_connector(row: &ConnectorRow) -> StoreResult<()>, no_store;
    fn config(unit: &BusinessUnit, version: u64) -> StoreResult<Option<Config>>, no_store;
    fn put_config(version: u64, config: &Config) -> StoreResult<()>, no_store;
    fn cursor(unit: &BusinessUnit, stream: Stream) -> StoreResult<Option<Cursor>>, no_store;
    fn put_cursor(unit: &BusinessUnit, stream: Stream, cursor: &Cursor) -> StoreResult<()>, no_store;
    fn users(unit: &BusinessUnit) -> StoreResult<Option<(UserMap, Timestamp)>>, no_store;
    fn put_users(unit: &BusinessUnit, users: &UserMap, at: Timestamp) -> StoreResult<()>, no_store;
    fn reconcile_progress(unit: &BusinessUnit) -> StoreResult<Option<ReconcileProgress>>, no_store;
    fn put_reconcile_progress(unit: &BusinessUnit, progress: &ReconcileProgress)
        -> StoreResult<()>, no_store;
    fn put_turn(unit: &BusinessUnit, turn: &Turn, now: Timestamp) -> StoreResult<()>, no_store;
    fn audit(unit: &BusinessUnit, entry: &AuditEntry) -> StoreResult<()>, no_store;
});

through_the_fuse!(Crm, "crm", {
    fn connector_user() -> CallResult<SalesforceId>, no_crm;
    fn changes(config: &Config, object: CrmObject, from: Timestamp)
        -> CallResult<Changes<CrmChange>>, no_crm;
    fn read(config: &Config, ids: &[CrmId])
        -> CallResult<BTreeMap<CrmId, Side<CrmRecord>>>, no_crm;
    fn find_by_email(config: &Config, emails: &[NormalisedEmail])
        -> CallResult<Vec<CrmRecord>>, no_crm;
    fn find_by_key(config: &Config, keys: &[PairKey]) -> CallResult<Vec<CrmRecord>>, no_crm;
    fn write(config: &Config, writes: &[CrmWrite]) -> Vec<Result<CrmId, WriteFailure>>,
        |landed| no_writes(Service::Salesforce, writes.len(), landed);
    fn describe() -> CallResult<BTreeMap<String, Vec<FieldDescription>>>, no_crm;
    fn users() -> CallResult<Vec<CrmUser>>, no_crm;
}
    fn take_usage(&self) -> Usage {
        self.inner.take_usage()
    }
);

through_the_fuse!(Marketing, "marketing", {
    fn changes(config: &Config, from: Timestamp) -> CallResult<Changes<ProspectChange>>, no_marketing;
    fn read(config: &Config, ids: &[ProspectId])
        -> CallResult<BTreeMap<ProspectId, Side<ProspectRecord>>>, no_marketing;
    fn find_by_email(config: &Config, spellings: &[Spelling])
        -> CallResult<Vec<ProspectRecord>>, no_marketing;
    fn write(config: &Config, writes: &[ProspectWrite])
        -> Vec<Result<ProspectWritten, WriteFailure>>,
        |landed| no_writes(Service::AccountEngagement, writes.len(), landed);
    fn users() -> CallResult<Vec<ServiceUser>>, no_marketing;
    fn describe() -> CallResult<Vec<FieldDescription>>, no_marketing;
    fn create_text_field(name: &str) -> CallResult<FieldDescription>, no_marketing;
}
    fn calls_at_once(&self) -> usize {
        self.inner.calls_at_once()
    }

    fn take_usage(&self) -> Usage {
        self.inner.take_usage()
    }
);
