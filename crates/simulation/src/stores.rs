//! Our own tables: the stores in memory behind latency, throttling, and deaths at every await point.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use connector::dlq::UNDELIVERABLE;
use connector::memory::{MemoryErrors, MemoryLinks, MemoryState};
use connector::ports::{
    AuditEntry, Begin, Clock, Commit, Cursor, Errors, LinkPage, Links, Loaded, ReconcileProgress,
    State, StoreError, Stream, Turn,
};
use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use sync_core::config::{Config, ConnectorRow};
use sync_core::ids::BusinessUnit;
use sync_core::key::{PairKey, RecordRef};
use sync_core::link::Link;
use sync_core::pair::UserMap;
use sync_core::settle::{ErrorChange, ErrorRow};
use twin::world::lock;

use crate::kernel::{Effect, Event, Inner, Millis, Sim};
use crate::stored;

/// A table of ours as a process reaches it.
pub struct Slow<T> {
    /// The world.
    pub sim: Arc<Sim>,
    /// The table.
    pub inner: Arc<T>,
}

impl<T> Clone for Slow<T> {
    fn clone(&self) -> Self {
        Self {
            sim: self.sim.clone(),
            inner: self.inner.clone(),
        }
    }
}

impl<T> Slow<T> {
    /// A table behind a network.
    #[must_use]
    pub fn new(sim: &Arc<Sim>, inner: &Arc<T>) -> Self {
        Self {
            sim: sim.clone(),
            inner: inner.clone(),
        }
    }

    async fn call<R>(
        &self,
        call: impl Future<Output = Result<R, StoreError>> + Send,
    ) -> Result<R, StoreError> {
        let (before, after) = self.throttled().await;
        if before {
            return Err(throttled());
        }
        let answer = call.await;
        self.sim.step().await;
        if after { Err(throttled()) } else { answer }
    }

    /// Whether the call fails before or after it took effect.
    async fn throttled(&self) -> (bool, bool) {
        self.sim.step().await;
        let mut inner = self.sim.lock();
        let often = inner.faults.throttle;
        (inner.happens(often), inner.happens(often))
    }
}

fn throttled() -> StoreError {
    StoreError::Unavailable("throttled".to_owned())
}

type Stored = Result<Link, StoreError>;

impl Slow<MemoryLinks> {
    /// A row is stored, or is not. DynamoDB writes row by row: each may be refused, and between two of them
    /// the process may die.
    async fn row(
        &self,
        what: &'static str,
        link: Link,
        store: impl FnOnce(&MemoryLinks, bool) -> Stored + Send + 'static,
    ) -> Stored {
        let (links, task) = (self.inner.clone(), self.sim.lock().current);
        let land = move |inner: &mut Inner| {
            let running = std::mem::replace(&mut inner.current, task);
            let stored = store(&links, inner.commits_overwrite);
            stored::note(inner, what, &link, stored.is_ok());
            inner.current = running;
            stored
        };
        let late = self.sim.lock().late_row();
        match late {
            None => self.call(async { land(&mut self.sim.lock()) }).await,
            Some((millis, is_answered)) => self.late_row((millis, is_answered), land).await,
        }
    }

    /// A request that is under way for long lands also when its sender has died or given up meanwhile.
    async fn late_row(
        &self,
        (millis, is_answered): (Millis, bool),
        land: impl FnOnce(&mut Inner) -> Stored + Send + 'static,
    ) -> Stored {
        let slot: Arc<Mutex<Option<Stored>>> = Arc::default();
        let landed = slot.clone();
        let effect: Effect = Box::new(move |inner| *lock(&landed) = Some(land(inner)));
        self.sim.lock().after(millis, Event::Effect(effect));
        self.sim
            .sleep(if is_answered { millis + 1 } else { millis / 2 })
            .await;
        let stored = lock(&slot).take();
        stored.unwrap_or_else(|| Err(throttled()))
    }
}

fn one<R>(mut answers: Vec<R>) -> R {
    answers.pop().expect("one answer for one row")
}

/// The tables in memory answer at once.
fn of_memory(call: impl Future<Output = Vec<Stored>>) -> Stored {
    one(call.now_or_never().expect("memory"))
}

/// The version that a row has now.
fn version(links: &MemoryLinks, link: &Link) -> u64 {
    let pairs = std::slice::from_ref(&link.key);
    let loaded = links.load(&link.business_unit, &[], pairs).now_or_never();
    let loaded = loaded.expect("memory").unwrap_or_default();
    loaded
        .links
        .get(&link.key.row())
        .map_or(0, |stored| stored.version)
}

#[async_trait]
impl Links for Slow<MemoryLinks> {
    async fn load(
        &self,
        unit: &BusinessUnit,
        records: &[RecordRef],
        pairs: &[PairKey],
    ) -> Result<Loaded, StoreError> {
        self.call(self.inner.load(unit, records, pairs)).await
    }

    async fn begin(&self, begins: Vec<Begin>) -> Vec<Result<Link, StoreError>> {
        let mut answers = Vec::with_capacity(begins.len());
        for begin in begins {
            let link = begin.link.clone();
            let store = |links: &MemoryLinks, _| of_memory(links.begin(vec![begin]));
            answers.push(self.row(stored::BEGINS, link, store).await);
        }
        answers
    }

    async fn commit(&self, commits: Vec<Commit>) -> Vec<Result<Link, StoreError>> {
        let mut answers = Vec::with_capacity(commits.len());
        for commit in commits {
            let link = commit.link.clone();
            let what = match &commit.error {
                ErrorChange::Open(row) if row.code == UNDELIVERABLE => stored::GIVES_UP,
                ErrorChange::Open(_) => stored::PARKS,
                ErrorChange::None | ErrorChange::Close => stored::COMMITS,
            };
            let store = |links: &MemoryLinks, overwrites| {
                let mut commit = commit;
                if overwrites {
                    commit.link.version = version(links, &commit.link);
                }
                of_memory(links.commit(vec![commit]))
            };
            answers.push(self.row(what, link, store).await);
        }
        answers
    }

    async fn list(
        &self,
        unit: &BusinessUnit,
        state: Option<&str>,
        next: Option<String>,
    ) -> Result<LinkPage, StoreError> {
        self.call(self.inner.list(unit, state, next)).await
    }

    async fn count(&self, unit: &BusinessUnit) -> Result<BTreeMap<String, u64>, StoreError> {
        self.call(self.inner.count(unit)).await
    }
}

#[async_trait]
impl Errors for Slow<MemoryErrors> {
    async fn list(&self, unit: &BusinessUnit, closed: bool) -> Result<Vec<ErrorRow>, StoreError> {
        self.call(self.inner.list(unit, closed)).await
    }

    async fn count_open(&self, unit: &BusinessUnit) -> Result<u64, StoreError> {
        self.call(self.inner.count_open(unit)).await
    }
}

#[async_trait]
impl State for Slow<MemoryState> {
    async fn connector(&self, unit: &BusinessUnit) -> Result<Option<ConnectorRow>, StoreError> {
        self.call(self.inner.connector(unit)).await
    }

    async fn put_connector(&self, row: &ConnectorRow) -> Result<(), StoreError> {
        let stored = async {
            let stored = self.inner.put_connector(row).await;
            if stored.is_ok() {
                let mut inner = self.sim.lock();
                let newest = inner.newest;
                inner.world.allowances.note_row(row.used_up, newest);
            }
            stored
        };
        self.call(stored).await
    }

    async fn config(
        &self,
        unit: &BusinessUnit,
        version: u64,
    ) -> Result<Option<Config>, StoreError> {
        self.call(self.inner.config(unit, version)).await
    }

    async fn put_config(&self, version: u64, config: &Config) -> Result<(), StoreError> {
        self.call(self.inner.put_config(version, config)).await
    }

    async fn cursor(
        &self,
        unit: &BusinessUnit,
        stream: Stream,
    ) -> Result<Option<Cursor>, StoreError> {
        self.call(self.inner.cursor(unit, stream)).await
    }

    async fn put_cursor(
        &self,
        unit: &BusinessUnit,
        stream: Stream,
        cursor: &Cursor,
    ) -> Result<(), StoreError> {
        self.call(self.inner.put_cursor(unit, stream, cursor)).await
    }

    async fn users(&self, unit: &BusinessUnit) -> Result<Option<(UserMap, Timestamp)>, StoreError> {
        self.call(self.inner.users(unit)).await
    }

    async fn put_users(
        &self,
        unit: &BusinessUnit,
        users: &UserMap,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.call(self.inner.put_users(unit, users, at)).await
    }

    async fn reconcile_progress(
        &self,
        unit: &BusinessUnit,
    ) -> Result<Option<ReconcileProgress>, StoreError> {
        self.call(self.inner.reconcile_progress(unit)).await
    }

    async fn put_reconcile_progress(
        &self,
        unit: &BusinessUnit,
        progress: &ReconcileProgress,
    ) -> Result<(), StoreError> {
        self.call(self.inner.put_reconcile_progress(unit, progress))
            .await
    }

    async fn put_turn(
        &self,
        unit: &BusinessUnit,
        turn: &Turn,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.call(self.inner.put_turn(unit, turn, now)).await
    }

    async fn audit(&self, unit: &BusinessUnit, entry: &AuditEntry) -> Result<(), StoreError> {
        self.call(self.inner.audit(unit, entry)).await
    }
}

/// A process's own clock: a little ahead of the world or behind it.
pub struct SimClock {
    /// The world.
    pub sim: Arc<Sim>,
    /// How far it is ahead.
    pub skew: SignedDuration,
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        self.sim.lock().timestamp() + self.skew
    }
}
