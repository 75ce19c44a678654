//! The batch envelope: each message parsed alone, each answered alone.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::hint::{CHANGE_BATCH_VERSION, ChangeBatch, ChangeHint, MAX_DELIVERIES};
use sync_core::ids::BusinessUnit;
use sync_core::key::RecordRef;

use super::Fate;

/// One queue message as it was delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The queue's id of the message.
    pub message_id: String,
    /// Its body.
    pub body: String,
    /// How often it was delivered, this time included.
    pub deliveries: u32,
}

impl Delivery {
    /// Whether the queue does not deliver it again.
    fn is_last(&self) -> bool {
        self.deliveries >= MAX_DELIVERIES
    }
}

/// The messages for one business unit.
pub(super) struct OfUnit<'a> {
    pub(super) batches: Vec<&'a ChangeBatch>,
    /// Records of messages that the queue does not deliver again.
    pub(super) last_chance: BTreeSet<RecordRef>,
}

/// The messages of a delivery, parsed.
pub struct Parsed {
    batches: Vec<(Delivery, ChangeBatch)>,
    order: Vec<String>,
    /// Messages that are not change batches. They fail, and end in the DLQ, where an alarm waits.
    pub poisoned: BTreeSet<String>,
}

/// Why a body is not a change batch.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// Not the JSON of a change batch. Tells the place only: the text of the cause quotes the body, and
    /// whoever wrote a body that is none may have put a record into it.
    #[error("not a change batch: it cannot be read at line {line}, column {column}")]
    Malformed {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// More than fits into one run; no poller of ours sends that.
    #[error("a change batch of {0} hints; a message has at most {max}", max = ChangeBatch::MAX_HINTS)]
    TooManyHints(usize),
    /// Written by a later version.
    #[error("a change batch of version {0}; this worker reads up to {CHANGE_BATCH_VERSION}")]
    Version(u32),
}

/// Reads the body of one message.
///
/// # Errors
/// [`BatchError`] when the body is not a change batch of a version we know.
pub fn parse_body(body: &str) -> Result<ChangeBatch, BatchError> {
    let batch: ChangeBatch = serde_json::from_str(body).map_err(|error| BatchError::Malformed {
        line: error.line(),
        column: error.column(),
    })?;
    if batch.version > CHANGE_BATCH_VERSION {
        return Err(BatchError::Version(batch.version));
    }
    if batch.hints.len() > ChangeBatch::MAX_HINTS {
        return Err(BatchError::TooManyHints(batch.hints.len()));
    }
    Ok(batch)
}

/// Parses every message by itself; one bad body does not spoil its neighbours.
pub(super) fn parse(deliveries: Vec<Delivery>) -> Parsed {
    let mut parsed = Parsed {
        batches: Vec::new(),
        order: Vec::new(),
        poisoned: BTreeSet::new(),
    };
    for delivery in deliveries {
        parsed.order.push(delivery.message_id.clone());
        match parse_body(&delivery.body) {
            Ok(batch) => parsed.batches.push((delivery, batch)),
            Err(error) => {
                let message_id = &delivery.message_id;
                tracing::error!(message_id, %error, "A message is not a change batch, it fails.");
                parsed.poisoned.insert(delivery.message_id);
            }
        }
    }
    parsed
}

impl Parsed {
    /// The batches of each business unit.
    pub(super) fn by_unit(&self) -> BTreeMap<BusinessUnit, OfUnit<'_>> {
        let mut units: BTreeMap<BusinessUnit, OfUnit<'_>> = BTreeMap::new();
        for (delivery, batch) in &self.batches {
            let of_unit = units
                .entry(batch.business_unit.clone())
                .or_insert_with(|| OfUnit {
                    batches: Vec::new(),
                    last_chance: BTreeSet::new(),
                });
            of_unit.batches.push(batch);
            if delivery.is_last() {
                let records = batch.hints.iter().map(|hint| hint.record.clone());
                of_unit.last_chance.extend(records);
            }
        }
        units
    }
}

/// What is left to do of messages that the queue does not deliver again, while other pairs of them are
/// done: without this their message would die whole, and mark those too.
pub(super) fn leftovers(
    parsed: &Parsed,
    unit: &BusinessUnit,
    fates: &BTreeMap<RecordRef, Fate>,
) -> Vec<ChangeHint> {
    let of_unit = parsed
        .batches
        .iter()
        .filter(|(delivery, batch)| batch.business_unit == *unit && delivery.is_last());
    let mut left = Vec::new();
    for (_, batch) in of_unit {
        let is_done = |hint: &&ChangeHint| fates.get(&hint.record) == Some(&Fate::Done);
        if batch.hints.iter().any(|hint| is_done(&hint)) {
            left.extend(batch.hints.iter().filter(|hint| !is_done(hint)).cloned());
        }
    }
    left
}

/// The ids to report as failed: messages with a record that must come again. A finished one behind such a
/// message is acknowledged: each look reads the records as they are, so there is no order to keep between
/// messages, and one that waited for its neighbour could die with it.
#[must_use]
pub fn failed_messages(
    parsed: &Parsed,
    fates: &BTreeMap<BusinessUnit, BTreeMap<RecordRef, Fate>>,
) -> Vec<String> {
    let is_done = |delivery: &Delivery, batch: &ChangeBatch| {
        let fates = fates.get(&batch.business_unit);
        batch.hints.iter().all(
            |hint| match fates.and_then(|fates| fates.get(&hint.record)) {
                Some(Fate::Done) => true,
                Some(Fate::GivenUp) => delivery.is_last(),
                Some(Fate::Retry) | None => false,
            },
        )
    };
    let unfinished: BTreeSet<&String> = parsed
        .batches
        .iter()
        .filter(|(delivery, batch)| !is_done(delivery, batch))
        .map(|(delivery, _)| &delivery.message_id)
        .chain(&parsed.poisoned)
        .collect();
    let failed = parsed.order.iter().filter(|id| unfinished.contains(id));
    failed.cloned().collect()
}
