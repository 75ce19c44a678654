//! [`Queue`] on SQS FIFO: every entry's result is looked at.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use connector::ports::{Queue, SendFailure, StoreError};
use sync_core::hint::{ChangeBatch, Lane};
use sync_core::protocol::QueueDepth;

/// The most entries of one send.
const SEND_ENTRIES: usize = 10;

/// The most bytes of one send; the service takes more, older regions and emulators do not.
const SEND_BYTES: usize = 200 * 1024;

/// Where the queues are.
#[derive(Debug, Clone, Default)]
pub struct QueueUrls {
    /// Manual syncs.
    pub priority: String,
    /// Everything the poller finds.
    pub bulk: String,
    /// Dead letters of the priority lane; empty where nobody asks for its depth.
    pub priority_dlq: String,
    /// Dead letters of the bulk lane; empty where nobody asks for its depth.
    pub bulk_dlq: String,
}

/// The two lanes.
pub struct SqsQueue {
    client: Client,
    urls: QueueUrls,
    /// A random number of this process: an event that arrives twice is one run in two processes.
    process: u64,
    sent: AtomicU64,
}

impl SqsQueue {
    /// The queues at these addresses.
    #[must_use]
    pub fn new(client: Client, urls: QueueUrls) -> Self {
        Self {
            client,
            urls,
            process: RandomState::new().hash_one(0),
            sent: AtomicU64::new(0),
        }
    }

    /// The deduplication id is of one message of one process, and never made of record and stamp: the
    /// same record can change twice within one stamp (reliability 2.1).
    fn entry(
        &self,
        group: &str,
        batch: &ChangeBatch,
    ) -> Result<(usize, SendMessageBatchRequestEntry), String> {
        let body = serde_json::to_string(batch).map_err(|error| error.to_string())?;
        let size = body.len();
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let entry = SendMessageBatchRequestEntry::builder()
            .id(format!("m{number}"))
            .message_group_id(group)
            .message_deduplication_id(format!("{}-{:x}-{number}", batch.run, self.process))
            .message_body(body)
            .build()
            .map_err(|error| error.to_string())?;
        Ok((size, entry))
    }

    async fn send_entries(
        &self,
        url: &str,
        entries: Vec<SendMessageBatchRequestEntry>,
    ) -> Result<(), (usize, String)> {
        let count = entries.len();
        let request = self
            .client
            .send_message_batch()
            .queue_url(url)
            .set_entries(Some(entries));
        let answer = request
            .send()
            .await
            .map_err(|error| (count, error.code().unwrap_or("no answer").to_owned()))?;
        let accepted = answer.successful.len();
        if accepted == count {
            return Ok(());
        }
        let first = answer
            .failed
            .first()
            .map_or("no result", |failed| failed.code.as_str());
        Err((count - accepted, first.to_owned()))
    }

    async fn depth(&self, name: &str, url: &str) -> Result<QueueDepth, StoreError> {
        use QueueAttributeName::{
            ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible,
        };
        let answer = self
            .client
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(ApproximateNumberOfMessages)
            .attribute_names(ApproximateNumberOfMessagesNotVisible)
            .send()
            .await
            .map_err(|error| {
                let code = error.code().unwrap_or("no answer");
                StoreError::Unavailable(format!("GetQueueAttributes: {code}"))
            })?;
        let attributes = answer.attributes.unwrap_or_default();
        let read = |name| {
            attributes
                .get(&name)
                .and_then(|count: &String| count.parse().ok())
                .unwrap_or(0)
        };
        Ok(QueueDepth {
            name: name.to_owned(),
            waiting: read(ApproximateNumberOfMessages),
            in_flight: read(ApproximateNumberOfMessagesNotVisible),
        })
    }
}

#[async_trait]
impl Queue for SqsQueue {
    async fn send(
        &self,
        lane: Lane,
        batches: Vec<(String, ChangeBatch)>,
    ) -> Result<(), SendFailure> {
        let url = match lane {
            Lane::Priority => &self.urls.priority,
            Lane::Bulk => &self.urls.bulk,
        };
        let sent = batches.len();
        let failure = |refused, why| SendFailure { refused, sent, why };
        let (mut waiting, mut bytes) = (Vec::new(), 0);
        for (group, batch) in &batches {
            let (size, entry) = self.entry(group, batch).map_err(|why| failure(1, why))?;
            if waiting.len() == SEND_ENTRIES || (bytes + size > SEND_BYTES && !waiting.is_empty()) {
                let entries = std::mem::take(&mut waiting);
                let answer = self.send_entries(url, entries).await;
                answer.map_err(|(refused, why)| failure(refused, why))?;
                bytes = 0;
            }
            bytes += size;
            waiting.push(entry);
        }
        if waiting.is_empty() {
            return Ok(());
        }
        let answer = self.send_entries(url, waiting).await;
        answer.map_err(|(refused, why)| failure(refused, why))
    }

    async fn depths(&self) -> Result<Vec<QueueDepth>, StoreError> {
        let queues = [
            ("priority", &self.urls.priority),
            ("bulk", &self.urls.bulk),
            ("priority-dlq", &self.urls.priority_dlq),
            ("bulk-dlq", &self.urls.bulk_dlq),
        ];
        let mut depths = Vec::with_capacity(queues.len());
        for (name, url) in queues {
            depths.push(self.depth(name, url).await?);
        }
        Ok(depths)
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::config::{BehaviorVersion, Config};
    use jiff::Timestamp;
    use sync_core::hint::CHANGE_BATCH_VERSION;

    use super::*;

    fn process() -> SqsQueue {
        let config = Config::builder().behavior_version(BehaviorVersion::latest());
        SqsQueue::new(Client::from_conf(config.build()), QueueUrls::default())
    }

    #[test]
    fn an_event_that_arrives_twice_does_not_repeat_deduplication_ids() {
        let batch = ChangeBatch {
            version: CHANGE_BATCH_VERSION,
            business_unit: "0Uv000000000001CAA".parse().expect("an id"),
            run: "one run".to_owned(),
            enqueued_at: Timestamp::UNIX_EPOCH,
            hints: Vec::new(),
        };
        let (first, second) = (process(), process());
        let sent = [&first, &first, &second].map(|queue| {
            let (_, entry) = queue.entry("group", &batch).expect("an entry");
            entry.message_deduplication_id.expect("an id")
        });
        let distinct: std::collections::BTreeSet<&String> = sent.iter().collect();
        assert_eq!(distinct.len(), sent.len(), "{sent:?}");
    }
}
