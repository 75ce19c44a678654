//! The queue's messages: which key changed and why, never what to write.

use jiff::tz::TimeZone;
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
}

impl Cause {
    /// Whether a person asked for exactly this record (R8c).
    #[must_use]
    pub fn is_manual(self) -> bool {
        matches!(self, Self::SyncNow | Self::SendNow)
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

/// How long a message stays away that was delivered this often and has to come again: 30 s, 2 min,
/// 8 min, 32 min. Its group waits for it, so the first wait is short; an outage of half an hour is
/// survived, and so is a write without answer, whose lease lasts as long as a run of the worker.
#[must_use]
pub fn retry_delay(deliveries: u32) -> SignedDuration {
    let doublings = deliveries.saturating_sub(1).min(3) * 2;
    SignedDuration::from_secs(30 << doublings)
}

/// How long a message stays away when the day's allowance is used up: until five minutes past the next
/// midnight of the account, when it is renewed, and at most six hours. Five deliveries reach over a
/// whole day then, so that a used-up day never ends in the dead-letter queue.
#[must_use]
pub fn quota_delay(now: Timestamp, zone: &TimeZone) -> SignedDuration {
    const LONGEST: SignedDuration = SignedDuration::from_hours(6);
    let midnight = now.to_zoned(zone.clone()).tomorrow();
    let midnight = midnight.and_then(|tomorrow| tomorrow.start_of_day());
    midnight.map_or(LONGEST, |midnight| {
        let renewed = midnight.timestamp().duration_since(now);
        LONGEST.min(renewed + SignedDuration::from_mins(5))
    })
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
    /// other: at half a second each they fit into one run of the worker (300 s).
    pub const MAX_HINTS: usize = 280;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_away_longer_each_time() {
        let delays: Vec<i64> = (0..=6).map(|n| retry_delay(n).as_secs()).collect();
        assert_eq!(delays, [30, 30, 120, 480, 1920, 1920, 1920]);
    }

    #[test]
    fn a_used_up_day_is_waited_for_until_the_accounts_midnight() {
        let zone = TimeZone::get("America/New_York").expect("a zone");
        let wait = |at: &str| quota_delay(at.parse().expect("a moment"), &zone).as_secs();
        // Five hours behind UTC in November.
        assert_eq!(wait("2026-11-24T04:00:00Z"), 65 * 60);
        assert_eq!(wait("2026-11-24T04:59:59Z"), 5 * 60 + 1);
        assert_eq!(wait("2026-11-24T05:00:00Z"), 6 * 60 * 60);
    }
}
