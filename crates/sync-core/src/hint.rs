//! The queue's messages: which key changed and why, never what to write.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ids::BusinessUnit;
use crate::key::{PairKey, RecordRef};

/// Why a key is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The poller saw a newer stamp.
    Poll,
    /// The poller saw the record in the recycle bin.
    Deleted,
    /// "Sync with CRM" on a prospect (R49); works while paused (R8).
    SyncNow,
    /// "Send to Account Engagement" on a lead or contact (R47); works while paused (R8).
    SendNow,
    /// The pair was held while the connector was paused, and is not any more.
    CaughtUp,
    /// A comparison of both sides found the pair out of step.
    Reconcile,
}

impl Cause {
    /// Whether a person asked for exactly this record (R8c).
    #[must_use]
    pub fn is_manual(self) -> bool {
        matches!(self, Self::SyncNow | Self::SendNow)
    }

    /// The more insistent of two causes of one look: what only a person may ask for is not lost behind anything else
    /// (R47, R56).
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::SendNow, _) | (_, Self::SendNow) => Self::SendNow,
            (_, Self::SyncNow) => Self::SyncNow,
            (known, _) => known,
        }
    }
}

/// "Look at this key."
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChangeHint {
    /// The record that changed.
    pub record: RecordRef,
    /// The pair key that the record itself carries, when it carries one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pair: Option<PairKey>,
    /// Why.
    pub cause: Cause,
}

impl ChangeHint {
    /// The key of the pair as far as the record alone tells.
    #[must_use]
    pub fn pair_key(&self) -> PairKey {
        self.pair
            .clone()
            .unwrap_or_else(|| PairKey::of(self.record.clone()))
    }
}

/// Which queue a batch travels through, so that a bulk load never delays a salesperson.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Manual syncs.
    Priority,
    /// Everything the poller finds.
    Bulk,
}

/// How often the queue delivers a message before it gives up on it (infra/queues.yaml,
/// `maxReceiveCount`).
pub const MAX_DELIVERIES: u32 = 5;

/// How long a message stays away that was delivered this often and has to come again: 30 s, 2 min,
/// 8 min, 32 min. Its group waits for it, so the first wait is short; an outage of half an hour is
/// survived, and so is a write without answer, whose lease lasts as long as a run of the worker.
#[must_use]
pub fn retry_delay(deliveries: u32) -> SignedDuration {
    let doublings = deliveries.saturating_sub(1).min(3) * 2;
    SignedDuration::from_secs(30 << doublings)
}

/// The stored version of [`ChangeBatch`] that this code writes.
pub const CHANGE_BATCH_VERSION: u32 = 1;

/// One queue message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeBatch {
    /// [`CHANGE_BATCH_VERSION`] of the writer.
    pub version: u32,
    /// The business unit all hints belong to.
    pub business_unit: BusinessUnit,
    /// The run that found the changes; the correlation id from poll to write.
    pub run: String,
    /// When the run enqueued the batch.
    pub enqueued_at: Timestamp,
    /// The keys, at most [`ChangeBatch::MAX_HINTS`].
    pub hints: Vec<ChangeHint>,
}

impl ChangeBatch {
    /// The most hints in one message. A new pair costs two Account Engagement calls, one after the
    /// other, and one more where the address has capitals (K17): at half a second each two fit into one run of the
    /// worker (300 s), and of three the rest comes again.
    pub const MAX_HINTS: usize = 250;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_away_longer_each_time() {
        let delays: Vec<i64> = (0..=6).map(|n| retry_delay(n).as_secs()).collect();
        assert_eq!(delays, [30, 30, 120, 480, 1920, 1920, 1920]);
    }
}
