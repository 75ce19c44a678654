//! The two lanes between poller and worker.

use async_trait::async_trait;
use sync_core::hint::{ChangeBatch, Lane};
use sync_core::protocol::QueueDepth;

use super::StoreError;

/// A batch that the queue did not accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the queue refused {refused} of {sent} change batches: {why}")]
pub struct SendFailure {
    /// Batches refused.
    pub refused: usize,
    /// Batches sent.
    pub sent: usize,
    /// The queue's own words.
    pub why: String,
}

/// The queue. Delivery is at least once and in order within a group.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Sends batches, each with its group. Succeeds only when every one is accepted.
    async fn send(
        &self,
        lane: Lane,
        batches: Vec<(String, ChangeBatch)>,
    ) -> Result<(), SendFailure>;

    /// How full the queues are.
    async fn depths(&self) -> Result<Vec<QueueDepth>, StoreError>;
}
