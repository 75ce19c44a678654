//! Messages of the queue: bodies as worker and dlq-drain read them, and the event around them.

use aws::messages::{deliveries, receipts, response};
use aws_lambda_events::event::sqs::SqsEvent;
use connector::work::{BatchError, parse_body};
use sync_core::hint::{CHANGE_BATCH_VERSION, ChangeBatch};

use crate::canary;

/// The longest run that a poller or an operator's request names.
const LONGEST_RUN: usize = 128;

/// The most bytes of one send, and so of one message (`aws::queue`).
const SEND_BYTES: usize = 200 * 1024;

/// A body: refused by position, or a batch that is written and read as the same, and fits.
pub(super) fn body(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let batch = match parse_body(&text) {
        Ok(batch) => batch,
        // A number in the place of the version is told: it is what has to be compared.
        Err(BatchError::Version(later)) => return assert!(later > CHANGE_BATCH_VERSION),
        Err(error) => return canary::assert_kept_by(&error),
    };
    assert!(batch.version <= CHANGE_BATCH_VERSION);
    assert!(
        batch.hints.len() <= ChangeBatch::MAX_HINTS,
        "more than one run can do"
    );
    let written = serde_json::to_string(&batch).expect("a batch is JSON");
    let again = parse_body(&written).expect("what we write is what we read");
    assert_eq!(again, batch);
    assert!(
        batch.run.len() > LONGEST_RUN || written.len() < SEND_BYTES,
        "a batch of {} hints has {} bytes",
        batch.hints.len(),
        written.len()
    );
    for hint in &batch.hints {
        let key = hint.pair_key().to_string();
        assert_eq!(key.parse().as_ref(), Ok(&hint.pair_key()));
    }
}

/// An event: every message has an id and a group, or the event is refused; the answer names messages
/// of the event only.
pub(super) fn event(input: &[u8]) {
    let Ok(event) = serde_json::from_slice::<SqsEvent>(input) else {
        return;
    };
    let messages = event.records.len();
    let receipts = receipts(&event);
    assert!(receipts.len() <= messages);
    match deliveries(event) {
        Ok(found) => {
            assert_eq!(found.len(), messages);
            assert!(found.iter().all(|delivery| !delivery.message_id.is_empty()));
            let ids: Vec<String> = found
                .into_iter()
                .map(|delivery| delivery.message_id)
                .collect();
            let answered = response(ids.clone()).batch_item_failures;
            let answered: Vec<String> = answered.into_iter().map(|f| f.item_identifier).collect();
            assert_eq!(answered, ids);
        }
        Err(error) => canary::assert_kept_by(&error),
    }
}
