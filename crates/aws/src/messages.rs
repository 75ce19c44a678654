//! SQS events of Lambda as deliveries, and back to a partial batch response.

use std::collections::BTreeMap;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use connector::work::Delivery;

/// An event that no answer could be given to: without ids Lambda would repeat everything for ever.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("message {0} of the event has no {1}")]
pub struct EventError(usize, &'static str);

/// The messages of an event, bodies unread.
///
/// # Errors
/// [`EventError`] when a message has no id, group or body.
pub fn deliveries(event: SqsEvent) -> Result<Vec<Delivery>, EventError> {
    event
        .records
        .into_iter()
        .enumerate()
        .map(|(index, message)| delivery(index, message))
        .collect()
}

fn delivery(index: usize, message: SqsMessage) -> Result<Delivery, EventError> {
    let missing = |what| EventError(index, what);
    let deliveries = deliveries_of(&message);
    Ok(Delivery {
        message_id: message
            .message_id
            .filter(|id| !id.is_empty())
            .ok_or(missing("id"))?,
        body: message.body.ok_or(missing("body"))?,
        deliveries,
    })
}

/// How often a message was delivered; once, when the queue does not say.
fn deliveries_of(message: &SqsMessage) -> u32 {
    let count = message.attributes.get("ApproximateReceiveCount");
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}

/// What it takes to put a message back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The handle of this delivery.
    pub handle: String,
    /// How often the message was delivered, this time included.
    pub deliveries: u32,
    /// The queue's ARN.
    pub queue: String,
    /// The message group, which begins with the business unit.
    pub group: String,
}

/// The receipts of an event by message id. A message without one comes again after the queue's
/// visibility time-out.
#[must_use]
pub fn receipts(event: &SqsEvent) -> BTreeMap<String, Receipt> {
    event.records.iter().filter_map(receipt).collect()
}

fn receipt(message: &SqsMessage) -> Option<(String, Receipt)> {
    let receipt = Receipt {
        handle: message.receipt_handle.clone()?,
        deliveries: deliveries_of(message),
        queue: message.event_source_arn.clone()?,
        group: message.attributes.get("MessageGroupId")?.clone(),
    };
    Some((message.message_id.clone()?, receipt))
}

/// The answer: these messages come again, the others are done.
#[must_use]
pub fn response(failed: Vec<String>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed
        .into_iter()
        .map(|id| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            failure
        })
        .collect();
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lambda deletes every message that this answer does not name.
    #[test]
    fn p10_the_answer_names_every_message_that_comes_again() {
        let answer = response(vec!["a".to_owned(), "b".to_owned()]);
        let named = answer.batch_item_failures.iter();
        let named: Vec<&str> = named.map(|failure| &failure.item_identifier[..]).collect();
        assert_eq!(named, ["a", "b"]);
    }
}
