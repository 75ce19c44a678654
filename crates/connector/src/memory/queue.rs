//! The lanes in memory.

use std::sync::Mutex;

use async_trait::async_trait;
use sync_core::hint::{ChangeBatch, Lane};
use sync_core::protocol::QueueDepth;

use super::lock;
use crate::contract::queue::Tap;
use crate::ports::{Queue, SendFailure, StoreError};

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
        let waiting = lock(&self.waiting);
        let depth = |(name, lane): (&str, Lane)| QueueDepth {
            name: name.to_owned(),
            waiting: waiting.iter().filter(|queued| queued.lane == lane).count() as u64,
            in_flight: 0,
        };
        let lanes = [("priority", Lane::Priority), ("bulk", Lane::Bulk)];
        Ok(lanes.map(depth).into())
    }
}

#[async_trait]
impl Tap for MemoryQueue {
    async fn take(&self, lane: Lane) -> Vec<(String, ChangeBatch)> {
        let mut waiting = lock(&self.waiting);
        let (taken, left) = std::mem::take(&mut *waiting)
            .into_iter()
            .partition::<Vec<_>, _>(|queued| queued.lane == lane);
        *waiting = left;
        let taken = taken.into_iter();
        taken.map(|queued| (queued.group, queued.batch)).collect()
    }
}
