//! The storage ports in memory: what tests and the simulator run on.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use sync_core::config::{Config, ConnectorRow};
use sync_core::hint::{ChangeBatch, Lane};
use sync_core::ids::BusinessUnit;
use sync_core::link::{Link, PairKey};
use sync_core::pair::UserMap;
use sync_core::protocol::QueueDepth;
use sync_core::record::RecordRef;
use sync_core::settle::ErrorRow;

use crate::ports::{
    AuditEntry, Begin, Clock, Commit, Cursor, Errors, LinkPage, Links, Loaded, Queue, SendFailure,
    State, StoreError, Stream,
};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct FakeClock(Mutex<Timestamp>);

impl FakeClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self(Mutex::new(now))
    }

    /// Moves the clock.
    pub fn set(&self, now: Timestamp) {
        *lock(&self.0) = now;
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *lock(&self.0)
    }
}

type ClaimKey = (BusinessUnit, RecordRef);
type LinkKey = (BusinessUnit, PairKey);

#[derive(Debug, Default)]
struct LinkTable {
    rows: BTreeMap<LinkKey, Link>,
    claims: BTreeMap<ClaimKey, PairKey>,
    writes: u64,
}

/// The link table in memory.
#[derive(Debug, Default)]
pub struct MemoryLinks(Mutex<LinkTable>);

impl MemoryLinks {
    /// How many rows and claims have been written.
    #[must_use]
    pub fn writes(&self) -> u64 {
        lock(&self.0).writes
    }

    fn store(
        &self,
        mut link: Link,
        claims: &[RecordRef],
        supersedes: &[PairKey],
    ) -> Result<Link, StoreError> {
        let mut table = lock(&self.0);
        let unit = link.business_unit.clone();
        let key = (unit.clone(), link.key.clone());
        let stored_version = table.rows.get(&key).map_or(0, |row| row.version);
        let is_taken = |record: &RecordRef| {
            table
                .claims
                .get(&(unit.clone(), record.clone()))
                .is_some_and(|pair| *pair != link.key)
        };
        if stored_version != link.version || claims.iter().any(is_taken) {
            return Err(StoreError::Conflict);
        }
        for record in claims {
            table
                .claims
                .insert((unit.clone(), record.clone()), link.key.clone());
        }
        for pair in supersedes {
            table.rows.remove(&(unit.clone(), pair.clone()));
        }
        link.version += 1;
        table.writes += 1 + (claims.len() + supersedes.len()) as u64;
        table.rows.insert(key, link.clone());
        Ok(link)
    }
}

#[async_trait]
impl Links for MemoryLinks {
    async fn load(
        &self,
        unit: &BusinessUnit,
        records: &[RecordRef],
        pairs: &[PairKey],
    ) -> Result<Loaded, StoreError> {
        let table = lock(&self.0);
        let mut loaded = Loaded::default();
        for record in records {
            if let Some(pair) = table.claims.get(&(unit.clone(), record.clone())) {
                loaded.claims.insert(record.clone(), pair.clone());
            }
        }
        let wanted: Vec<PairKey> = loaded.claims.values().chain(pairs).cloned().collect();
        for pair in wanted {
            if let Some(row) = table.rows.get(&(unit.clone(), pair.clone())) {
                loaded.links.insert(pair, row.clone());
            }
        }
        Ok(loaded)
    }

    async fn begin(&self, begins: Vec<Begin>) -> Vec<Result<Link, StoreError>> {
        begins
            .into_iter()
            .map(|begin| self.store(begin.link, &begin.claims, &[]))
            .collect()
    }

    async fn commit(&self, commits: Vec<Commit>) -> Vec<Result<Link, StoreError>> {
        commits
            .into_iter()
            .map(|commit| self.store(commit.link, &commit.claims, &commit.supersedes))
            .collect()
    }

    async fn list(
        &self,
        unit: &BusinessUnit,
        state: Option<&str>,
        next: Option<String>,
    ) -> Result<LinkPage, StoreError> {
        const PAGE: usize = 100;
        let start: usize = next.and_then(|text| text.parse().ok()).unwrap_or(0);
        let table = lock(&self.0);
        let matching: Vec<&Link> = table
            .rows
            .values()
            .filter(|row| row.business_unit == *unit)
            .filter(|row| state.is_none_or(|state| row.state.name() == state))
            .collect();
        let end = (start + PAGE).min(matching.len());
        let rows = matching
            .get(start..end)
            .unwrap_or(&[])
            .iter()
            .map(|row| (*row).clone());
        let next = (end < matching.len()).then(|| end.to_string());
        Ok(LinkPage {
            rows: rows.collect(),
            next,
        })
    }

    async fn count(&self, unit: &BusinessUnit) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut counts = BTreeMap::new();
        for row in lock(&self.0)
            .rows
            .values()
            .filter(|row| row.business_unit == *unit)
        {
            *counts.entry(row.state.name().to_owned()).or_insert(0) += 1;
        }
        Ok(counts)
    }
}

/// The errors table in memory.
#[derive(Debug, Default)]
pub struct MemoryErrors(Mutex<BTreeMap<LinkKey, ErrorRow>>);

#[async_trait]
impl Errors for MemoryErrors {
    async fn open(&self, rows: Vec<ErrorRow>) -> Vec<Result<(), StoreError>> {
        let mut table = lock(&self.0);
        let mut answers = Vec::with_capacity(rows.len());
        for mut row in rows {
            let key = (row.business_unit.clone(), row.pair.clone());
            if let Some(seen) = table.get(&key).filter(|seen| seen.closed_at.is_none()) {
                row.first_seen = seen.first_seen;
                row.attempts = seen.attempts + 1;
            }
            table.insert(key, row);
            answers.push(Ok(()));
        }
        answers
    }

    async fn close(
        &self,
        unit: &BusinessUnit,
        pairs: &[PairKey],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut table = lock(&self.0);
        for pair in pairs {
            if let Some(row) = table.get_mut(&(unit.clone(), pair.clone())) {
                row.closed_at.get_or_insert(now);
            }
        }
        Ok(())
    }

    async fn list(&self, unit: &BusinessUnit, closed: bool) -> Result<Vec<ErrorRow>, StoreError> {
        let table = lock(&self.0);
        let mut rows: Vec<ErrorRow> = table
            .values()
            .filter(|row| row.business_unit == *unit && (closed || row.closed_at.is_none()))
            .cloned()
            .collect();
        rows.sort_by_key(|row| (row.closed_at.is_some(), row.first_seen, row.pair.clone()));
        Ok(rows)
    }

    async fn count_open(&self, unit: &BusinessUnit) -> Result<u64, StoreError> {
        Ok(self.list(unit, false).await?.len() as u64)
    }
}

#[derive(Debug, Default)]
struct StateTable {
    connectors: BTreeMap<BusinessUnit, ConnectorRow>,
    configs: BTreeMap<(BusinessUnit, u64), Config>,
    cursors: BTreeMap<(BusinessUnit, Stream), Cursor>,
    users: BTreeMap<BusinessUnit, (UserMap, Timestamp)>,
    audit: Vec<(BusinessUnit, AuditEntry)>,
}

/// The connector table in memory.
#[derive(Debug, Default)]
pub struct MemoryState(Mutex<StateTable>);

#[async_trait]
impl State for MemoryState {
    async fn connector(&self, unit: &BusinessUnit) -> Result<Option<ConnectorRow>, StoreError> {
        Ok(lock(&self.0).connectors.get(unit).cloned())
    }

    async fn put_connector(&self, row: &ConnectorRow) -> Result<(), StoreError> {
        let mut table = lock(&self.0);
        let stored = table
            .connectors
            .get(&row.business_unit)
            .map_or(0, |row| row.version);
        if stored + 1 != row.version {
            return Err(StoreError::Conflict);
        }
        table
            .connectors
            .insert(row.business_unit.clone(), row.clone());
        Ok(())
    }

    async fn config(
        &self,
        unit: &BusinessUnit,
        version: u64,
    ) -> Result<Option<Config>, StoreError> {
        Ok(lock(&self.0).configs.get(&(unit.clone(), version)).cloned())
    }

    async fn put_config(&self, version: u64, config: &Config) -> Result<(), StoreError> {
        let mut table = lock(&self.0);
        let key = (config.business_unit.clone(), version);
        if table.configs.contains_key(&key) {
            return Err(StoreError::Conflict);
        }
        table.configs.insert(key, config.clone());
        Ok(())
    }

    async fn cursor(
        &self,
        unit: &BusinessUnit,
        stream: Stream,
    ) -> Result<Option<Cursor>, StoreError> {
        Ok(lock(&self.0).cursors.get(&(unit.clone(), stream)).cloned())
    }

    async fn put_cursor(
        &self,
        unit: &BusinessUnit,
        stream: Stream,
        cursor: &Cursor,
    ) -> Result<(), StoreError> {
        let mut table = lock(&self.0);
        let key = (unit.clone(), stream);
        let stored = table.cursors.get(&key).map_or(0, |cursor| cursor.version);
        if stored + 1 != cursor.version {
            return Err(StoreError::Conflict);
        }
        table.cursors.insert(key, cursor.clone());
        Ok(())
    }

    async fn users(&self, unit: &BusinessUnit) -> Result<Option<(UserMap, Timestamp)>, StoreError> {
        Ok(lock(&self.0).users.get(unit).cloned())
    }

    async fn put_users(
        &self,
        unit: &BusinessUnit,
        users: &UserMap,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        lock(&self.0)
            .users
            .insert(unit.clone(), (users.clone(), at));
        Ok(())
    }

    async fn audit(&self, unit: &BusinessUnit, entry: &AuditEntry) -> Result<(), StoreError> {
        lock(&self.0).audit.push((unit.clone(), entry.clone()));
        Ok(())
    }
}

/// A message as it waits in the queue.
#[derive(Debug, Clone, PartialEq)]
pub struct Queued {
    /// The lane.
    pub lane: Lane,
    /// The message group.
    pub group: String,
    /// The batch.
    pub batch: ChangeBatch,
}

/// The lanes in memory. Nothing is delivered by itself: the test takes what is there.
#[derive(Debug, Default)]
pub struct MemoryQueue {
    waiting: Mutex<Vec<Queued>>,
    refuses: Mutex<bool>,
}

impl MemoryQueue {
    /// Takes everything that waits.
    #[must_use]
    pub fn take(&self) -> Vec<Queued> {
        std::mem::take(&mut lock(&self.waiting))
    }

    /// Makes the queue refuse, or accept again.
    pub fn refuse(&self, refuses: bool) {
        *lock(&self.refuses) = refuses;
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn send(
        &self,
        lane: Lane,
        batches: Vec<(String, ChangeBatch)>,
    ) -> Result<(), SendFailure> {
        if *lock(&self.refuses) {
            let sent = batches.len();
            return Err(SendFailure {
                refused: sent,
                sent,
                why: "told to refuse".to_owned(),
            });
        }
        let queued = batches
            .into_iter()
            .map(|(group, batch)| Queued { lane, group, batch });
        lock(&self.waiting).extend(queued);
        Ok(())
    }

    async fn depths(&self) -> Result<Vec<QueueDepth>, StoreError> {
        let waiting = lock(&self.waiting).len() as u64;
        Ok(vec![QueueDepth {
            name: "memory".to_owned(),
            waiting,
            in_flight: 0,
        }])
    }
}
