//! Mutants of the cursor and the queue.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use connector::ports::{
    AuditEntry, Cursor, Queue, ReconcileProgress, SendFailure, State, StoreError, Stream, Turn,
};
use jiff::{SignedDuration, Timestamp};
use sync_core::config::{Config, ConnectorRow, SyncBehaviour};
use sync_core::hint::{ChangeBatch, Lane};
use sync_core::ids::BusinessUnit;
use sync_core::pair::UserMap;
use sync_core::protocol::QueueDepth;
use twin::world::lock;

use super::Mutant;
use crate::kernel::Sim;

/// Batches that were promised and not sent yet.
pub(super) type Buffer = Arc<Mutex<Vec<(Lane, Vec<(String, ChangeBatch)>)>>>;

pub(super) struct MutatedState {
    pub(super) mutant: Mutant,
    pub(super) inner: Arc<dyn State>,
    pub(super) queue: Arc<dyn Queue>,
    pub(super) buffer: Buffer,
}

#[async_trait]
impl State for MutatedState {
    async fn connector(&self, unit: &BusinessUnit) -> Result<Option<ConnectorRow>, StoreError> {
        let row = self.inner.connector(unit).await?;
        Ok(row.map(|mut row| {
            match self.mutant {
                Mutant::QuotaIgnored => row.used_up = None,
                Mutant::BaseOfOtherField => row.mapped_since.clear(),
                _ => {}
            }
            row
        }))
    }

    async fn put_connector(&self, row: &ConnectorRow) -> Result<(), StoreError> {
        self.inner.put_connector(row).await
    }

    async fn config(
        &self,
        unit: &BusinessUnit,
        version: u64,
    ) -> Result<Option<Config>, StoreError> {
        let config = self.inner.config(unit, version).await?;
        Ok(config.map(|mut config| {
            if self.mutant == Mutant::ValueRanks {
                config.salesforce.token_field = None;
                config.account_engagement.token_field = None;
            }
            if self.mutant == Mutant::StaleReadsTrusted {
                config.account_engagement.stale_reads_seconds = 0;
            }
            if self.mutant == Mutant::WholeRecordLastWriterWins {
                for entry in &mut config.fields.0 {
                    entry.behaviour = SyncBehaviour::MostRecentRecord;
                }
            }
            config
        }))
    }

    async fn put_config(&self, version: u64, config: &Config) -> Result<(), StoreError> {
        self.inner.put_config(version, config).await
    }

    async fn cursor(
        &self,
        unit: &BusinessUnit,
        stream: Stream,
    ) -> Result<Option<Cursor>, StoreError> {
        self.inner.cursor(unit, stream).await
    }

    async fn put_cursor(
        &self,
        unit: &BusinessUnit,
        stream: Stream,
        cursor: &Cursor,
    ) -> Result<(), StoreError> {
        let mut cursor = cursor.clone();
        if self.mutant == Mutant::CursorFromLocalClock {
            cursor.read_to = cursor.polled_at + SignedDuration::from_mins(20);
        }
        self.inner.put_cursor(unit, stream, &cursor).await?;
        let promised = std::mem::take(&mut *lock(&self.buffer));
        for (lane, batches) in promised {
            // The cursor has moved: whatever becomes of this is forgotten.
            let _ = self.queue.send(lane, batches).await;
        }
        Ok(())
    }

    async fn users(&self, unit: &BusinessUnit) -> Result<Option<(UserMap, Timestamp)>, StoreError> {
        self.inner.users(unit).await
    }

    async fn put_users(
        &self,
        unit: &BusinessUnit,
        users: &UserMap,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.inner.put_users(unit, users, at).await
    }

    async fn reconcile_progress(
        &self,
        unit: &BusinessUnit,
    ) -> Result<Option<ReconcileProgress>, StoreError> {
        self.inner.reconcile_progress(unit).await
    }

    async fn put_reconcile_progress(
        &self,
        unit: &BusinessUnit,
        progress: &ReconcileProgress,
    ) -> Result<(), StoreError> {
        self.inner.put_reconcile_progress(unit, progress).await
    }

    async fn put_turn(
        &self,
        unit: &BusinessUnit,
        turn: &Turn,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.inner.put_turn(unit, turn, now).await
    }

    async fn audit(&self, unit: &BusinessUnit, entry: &AuditEntry) -> Result<(), StoreError> {
        self.inner.audit(unit, entry).await
    }
}

pub(super) struct MutatedQueue {
    pub(super) mutant: Mutant,
    pub(super) inner: Arc<dyn Queue>,
    pub(super) sim: Arc<Sim>,
    pub(super) buffer: Buffer,
}

impl MutatedQueue {
    /// Leaves out hints that the queue has had within five minutes.
    fn deduplicated(&self, batches: Vec<(String, ChangeBatch)>) -> Vec<(String, ChangeBatch)> {
        let mut inner = self.sim.lock();
        let now = inner.now;
        let mut kept = Vec::new();
        for (group, mut batch) in batches {
            batch.hints.retain(|hint| {
                let content = format!("{} {:?}", hint.record, hint.cause);
                let last = inner.sent.insert(content, now);
                last.is_none_or(|last| now - last > 300_000)
            });
            if !batch.hints.is_empty() {
                kept.push((group, batch));
            }
        }
        kept
    }
}

#[async_trait]
impl Queue for MutatedQueue {
    async fn send(
        &self,
        lane: Lane,
        batches: Vec<(String, ChangeBatch)>,
    ) -> Result<(), SendFailure> {
        match self.mutant {
            Mutant::CursorBeforeEnqueue => {
                lock(&self.buffer).push((lane, batches));
                Ok(())
            }
            Mutant::RefusedEnqueueIgnored => {
                let _ = self.inner.send(lane, batches).await;
                Ok(())
            }
            Mutant::DedupByContent => {
                let batches = self.deduplicated(batches);
                self.inner.send(lane, batches).await
            }
            _ => self.inner.send(lane, batches).await,
        }
    }

    async fn depths(&self) -> Result<Vec<QueueDepth>, StoreError> {
        self.inner.depths().await
    }
}
