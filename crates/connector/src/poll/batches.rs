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
    hint.pair_key().row().hash(&mut hasher);
    hasher.finish() % LANE_SHARDS
}

#[cfg(test)]
mod tests {
    use sync_core::hint::Cause;
    use sync_core::ids::ProspectId;
    use sync_core::key::{PairKey, RecordRef};

    use super::*;

    /// The record that a pair began with and the partner that carries its key.
    #[test]
    fn p1_the_hints_of_both_records_of_a_pair_go_into_one_group() {
        let unit: BusinessUnit = "0Uv000000000001CAA".parse().expect("an id");
        for number in 1..=20_u64 {
            let origin = format!("00Q0000000000{number:02}").parse().expect("an id");
            let origin = RecordRef::Crm(origin);
            let partner = ProspectId::try_from(number).expect("an id");
            let hint = |record: RecordRef, pair: Option<PairKey>| ChangeHint {
                record,
                pair,
                cause: Cause::Poll,
            };
            let key = PairKey::of(origin.clone());
            let hints = vec![
                hint(origin, None),
                hint(RecordRef::Prospect(partner), Some(key.clone())),
                hint(
                    RecordRef::Prospect(partner),
                    Some(key.parted_at(Timestamp::UNIX_EPOCH)),
                ),
            ];
            let batches = into_batches(&unit, "run", Timestamp::UNIX_EPOCH, hints);
            assert_eq!(batches.len(), 1, "{batches:?}");
        }
    }
}
