//! The storage ports in memory: what tests and the simulator run on.

mod links;
mod queue;

pub use links::MemoryLinks;
pub use queue::{MemoryQueue, Queued};

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use sync_core::config::{Config, ConnectorRow};
use sync_core::ids::BusinessUnit;
use sync_core::key::PairKey;
use sync_core::link::Link;
use sync_core::pair::UserMap;
use sync_core::settle::ErrorRow;

use crate::ports::{
    AuditEntry, Clock, Cursor, Errors, ReconcileProgress, State, StoreError, Stream, Turn,
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

type LinkKey = (BusinessUnit, PairKey);

/// The errors table in memory.
#[derive(Debug, Default)]
pub struct MemoryErrors(Mutex<BTreeMap<LinkKey, ErrorRow>>);

impl MemoryErrors {
    fn open(&self, mut row: ErrorRow) {
        let mut table = lock(&self.0);
        let key = (row.business_unit.clone(), row.pair.clone());
        if let Some(seen) = table.get(&key).filter(|seen| seen.closed_at.is_none()) {
            row.first_seen = seen.first_seen;
            row.attempts = seen.attempts + 1;
        }
        table.insert(key, row);
    }

    fn close(&self, link: &Link, now: Timestamp) {
        let key = (link.business_unit.clone(), link.key.row());
        if let Some(row) = lock(&self.0).get_mut(&key) {
            row.closed_at.get_or_insert(now);
        }
    }
}

#[async_trait]
impl Errors for MemoryErrors {
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
    progress: BTreeMap<BusinessUnit, ReconcileProgress>,
    turns: BTreeMap<BusinessUnit, Turn>,
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

    async fn reconcile_progress(
        &self,
        unit: &BusinessUnit,
    ) -> Result<Option<ReconcileProgress>, StoreError> {
        Ok(lock(&self.0).progress.get(unit).cloned())
    }

    async fn put_reconcile_progress(
        &self,
        unit: &BusinessUnit,
        progress: &ReconcileProgress,
    ) -> Result<(), StoreError> {
        let mut table = lock(&self.0);
        let stored = table.progress.get(unit).map_or(0, |stored| stored.version);
        if stored + 1 != progress.version {
            return Err(StoreError::Conflict);
        }
        table.progress.insert(unit.clone(), progress.clone());
        Ok(())
    }

    async fn put_turn(
        &self,
        unit: &BusinessUnit,
        turn: &Turn,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut table = lock(&self.0);
        let is_taken = |stored: &Turn| stored.holder != turn.holder && stored.until > now;
        if table.turns.get(unit).is_some_and(is_taken) {
            return Err(StoreError::Conflict);
        }
        table.turns.insert(unit.clone(), turn.clone());
        Ok(())
    }

    async fn audit(&self, unit: &BusinessUnit, entry: &AuditEntry) -> Result<(), StoreError> {
        lock(&self.0).audit.push((unit.clone(), entry.clone()));
        Ok(())
    }
}
