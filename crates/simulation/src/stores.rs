//! Our own tables: the stores in memory behind latency, throttling, and deaths at every await point.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use connector::memory::{MemoryErrors, MemoryLinks, MemoryState};
use connector::ports::{
    AuditEntry, Begin, Clock, Commit, Cursor, Errors, LinkPage, Links, Loaded, ReconcileProgress,
    State, StoreError, Stream, Turn,
};
use jiff::{SignedDuration, Timestamp};
use sync_core::config::{Config, ConnectorRow};
use sync_core::ids::BusinessUnit;
use sync_core::key::{PairKey, RecordRef};
use sync_core::link::Link;
use sync_core::pair::UserMap;
use sync_core::settle::ErrorRow;
use sync_core::trace::Winner;
use sync_core::value::{FieldName, FieldValue};

use crate::kernel::{Inner, Sim};
use crate::lives;
use crate::world::{Conflict, NAMES};

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

    async fn call_many<R>(
        &self,
        count: usize,
        call: impl Future<Output = Vec<Result<R, StoreError>>> + Send,
    ) -> Vec<Result<R, StoreError>> {
        let (before, after) = self.throttled().await;
        if before {
            return (0..count).map(|_| Err(throttled())).collect();
        }
        let answers = call.await;
        self.sim.step().await;
        if after {
            return (0..count).map(|_| Err(throttled())).collect();
        }
        answers
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

/// A value as the rows of both services show it.
fn plain(value: &FieldValue) -> String {
    match value {
        FieldValue::Blank => String::new(),
        FieldValue::Text(text) => text.clone(),
        other => format!("{other:?}"),
    }
}

/// Whose link it is.
fn owner(inner: &Inner, link: &Link) -> Option<usize> {
    let records = [
        link.crm_id.clone().map(RecordRef::Crm),
        link.prospect_id.map(RecordRef::Prospect),
    ];
    let mut known = records.iter().flatten();
    known.find_map(|record| inner.world.owners.get(record).copied())
}

/// Keeps what a row says about where the lead is, and on which entries it was decided.
fn keep_lives(inner: &mut Inner, link: &Link) {
    let task = inner.current;
    let Some(person) = owner(inner, link) else {
        return;
    };
    inner.world.note_decided(task, person);
    if !link.is_crm_deleted && !link.is_moving() {
        lives::note_lead_there(&mut inner.world, person);
    }
}

/// Keeps what a commit says both sides have agreed on.
fn keep_agreed(inner: &mut Inner, link: &Link) {
    let task = inner.current;
    let Some(person) = owner(inner, link) else {
        return;
    };
    for (field, (name, _)) in NAMES.iter().enumerate() {
        if let Some(value) = link.base.get(&FieldName::from(*name)) {
            let value = plain(value);
            inner.world.note_equal(task, person, field, &value);
            inner.world.agreed.insert((person, field), value);
        }
    }
}

/// Keeps what an intent is about to make of both sides. Only a new one comes from a look at both.
fn keep_planned(inner: &mut Inner, link: &Link, is_new: bool) {
    let task = inner.current;
    let plan = link.intent.as_ref().and_then(|intent| intent.plan.as_ref());
    let (Some(person), Some(plan)) = (owner(inner, link), plan) else {
        return;
    };
    for (field, (name, _)) in NAMES.iter().enumerate() {
        if let Some(value) = plan.target.get(&FieldName::from(*name)) {
            let value = plain(value);
            if is_new {
                inner.world.note_equal(task, person, field, &value);
                for (on_crm, seen) in [(true, &plan.salesforce), (false, &plan.account_engagement)]
                {
                    let seen = seen
                        .as_ref()
                        .and_then(|seen| seen.get(&FieldName::from(*name)));
                    let seen = seen.map_or_else(|| value.clone(), plain);
                    inner.world.seen.insert((person, field, on_crm), seen);
                }
            }
            inner.world.planned.insert((person, field), value);
        }
    }
}

/// Keeps every conflict that a stored trace tells of.
fn keep_conflicts(inner: &mut Inner, link: &Link) {
    let (Some(person), Some(trace)) = (owner(inner, link), &link.last_trace) else {
        return;
    };
    for entry in trace.fields.iter().filter(|entry| entry.conflict) {
        let Some(field) = NAMES.iter().position(|(name, _)| *name == entry.field.0) else {
            continue;
        };
        let loser = match entry.winner {
            Winner::Salesforce => &entry.account_engagement,
            Winner::AccountEngagement => &entry.salesforce,
            Winner::Same | Winner::Neither => continue,
        };
        let loser = plain(loser);
        let at = inner.now;
        inner.world.conflicts.push(Conflict {
            person,
            field,
            loser,
            at,
        });
    }
}

impl Slow<MemoryLinks> {
    /// Keeps what the rows that were stored say.
    fn note(&self, what: &'static str, links: &[Link], stored: &[Result<Link, StoreError>]) {
        let mut inner = self.sim.lock();
        for (link, stored) in links.iter().zip(stored) {
            inner.tell(
                what,
                format_args!(
                    "{} {:?} {:?} {}",
                    link.key,
                    link.state,
                    link.intent,
                    stored.is_ok()
                ),
            );
            if stored.is_err() {
                continue;
            }
            keep_lives(&mut inner, link);
            // What is still to be classified says nothing new about what both sides agree on.
            if what == "commit" && link.intent.is_none() {
                keep_agreed(&mut inner, link);
            }
            // A move carries the plan of an open write along, and compares nothing.
            keep_planned(&mut inner, link, what == "begin" && !link.is_moving());
            keep_conflicts(&mut inner, link);
        }
    }
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
        let count = begins.len();
        let begun = async {
            let links: Vec<Link> = begins.iter().map(|begin| begin.link.clone()).collect();
            let stored = self.inner.begin(begins).await;
            self.note("begin", &links, &stored);
            stored
        };
        self.call_many(count, begun).await
    }

    async fn commit(&self, commits: Vec<Commit>) -> Vec<Result<Link, StoreError>> {
        let count = commits.len();
        let committed = async {
            let links: Vec<Link> = commits.iter().map(|commit| commit.link.clone()).collect();
            let stored = self.inner.commit(commits).await;
            self.note("commit", &links, &stored);
            stored
        };
        self.call_many(count, committed).await
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
    async fn open(&self, rows: Vec<ErrorRow>) -> Vec<Result<(), StoreError>> {
        self.call_many(rows.len(), self.inner.open(rows)).await
    }

    async fn close(
        &self,
        unit: &BusinessUnit,
        pairs: &[PairKey],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.call(self.inner.close(unit, pairs, now)).await
    }

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
                inner
                    .world
                    .allowance
                    .note_row(row.used_up.is_some(), newest);
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
