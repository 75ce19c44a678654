//! From hints to queue messages: one group per shard of a business unit, so that a pair stays in order.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;
use sync_core::hint::{CHANGE_BATCH_VERSION, ChangeBatch, ChangeHint};
use sync_core::ids::BusinessUnit;

/// Into how many message groups the pairs of a business unit are spread: one for each worker of a lane.
pub const LANE_SHARDS: u64 = 2;

/// Spreads hints over groups by their pair key and packs them into messages.
#[must_use]
pub fn into_batches(
    unit: &BusinessUnit,
    run: &str,
    now: Timestamp,
    hints: Vec<ChangeHint>,
) -> Vec<(String, ChangeBatch)> {
    let mut shards: BTreeMap<u64, Vec<ChangeHint>> = BTreeMap::new();
    let mut seen = HashSet::new();
    for hint in hints {
        if seen.insert(hint.clone()) {
            shards.entry(shard(&hint)).or_default().push(hint);
        }
    }
    let mut batches = Vec::new();
    for (shard, hints) in shards {
        for chunk in hints.chunks(ChangeBatch::MAX_HINTS) {
            let batch = ChangeBatch {
                version: CHANGE_BATCH_VERSION,
                business_unit: unit.clone(),
                run: run.to_owned(),
                enqueued_at: now,
                hints: chunk.to_vec(),
            };
            batches.push((format!("{unit}-{shard}"), batch));
        }
    }
    batches
}

/// The shard only has to be the same for the same pair within one version of the code.
fn shard(hint: &ChangeHint) -> u64 {
    let mut hasher = DefaultHasher::new();
    hint.pair_key().hash(&mut hasher);
    hasher.finish() % LANE_SHARDS
}
