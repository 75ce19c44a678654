//! The storage ports on DynamoDB and SQS keep the contract that they keep in memory.
//!
//! `make test-contract` starts a local AWS, creates the tables of the template and names them here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws::dynamodb::{DynamoErrors, DynamoLinks, DynamoState};
use aws::queue::{QueueUrls, SqsQueue};
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use connector::contract::queue::Tap;
use connector::ports::{Queue, SendFailure, StoreError};
use sync_core::hint::{ChangeBatch, Lane};
use sync_core::protocol::QueueDepth;

async fn sdk() -> SdkConfig {
    aws_config::load_defaults(BehaviorVersion::latest()).await
}

async fn tables() -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(&sdk().await)
}

fn named(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable}: run `make test-contract`"))
}

async fn links() -> DynamoLinks {
    stores().await.0
}

async fn stores() -> (DynamoLinks, Arc<DynamoErrors>) {
    let client = tables().await;
    let errors = DynamoErrors::new(client.clone(), named("ERRORS_TABLE"));
    let links = DynamoLinks::new(client, named("LINKS_TABLE"), errors.clone());
    (links, Arc::new(errors))
}

async fn state() -> DynamoState {
    DynamoState::new(tables().await, named("CONNECTOR_TABLE"))
}

/// Lanes of a test's own, and their receiving end.
struct Lanes {
    client: aws_sdk_sqs::Client,
    urls: QueueUrls,
    queue: SqsQueue,
}

async fn new_queue(client: &aws_sdk_sqs::Client, name: &str) -> String {
    let created = client
        .create_queue()
        .queue_name(format!("{name}.fifo"))
        .attributes(QueueAttributeName::FifoQueue, "true")
        .attributes(QueueAttributeName::DeduplicationScope, "messageGroup")
        .send()
        .await;
    let url = created.expect("a queue").queue_url;
    url.expect("its address")
}

async fn queue() -> Lanes {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let client = aws_sdk_sqs::Client::new(&sdk().await);
    let urls = QueueUrls {
        priority: new_queue(&client, &format!("priority-{number}")).await,
        bulk: new_queue(&client, &format!("bulk-{number}")).await,
        priority_dlq: new_queue(&client, &format!("priority-dlq-{number}")).await,
        bulk_dlq: new_queue(&client, &format!("bulk-dlq-{number}")).await,
    };
    let queue = SqsQueue::new(client.clone(), urls.clone());
    Lanes {
        client,
        urls,
        queue,
    }
}

#[async_trait::async_trait]
impl Queue for Lanes {
    async fn send(
        &self,
        lane: Lane,
        batches: Vec<(String, ChangeBatch)>,
    ) -> Result<(), SendFailure> {
        self.queue.send(lane, batches).await
    }

    async fn depths(&self) -> Result<Vec<QueueDepth>, StoreError> {
        self.queue.depths().await
    }
}

fn parsed(message: &Message) -> (String, ChangeBatch) {
    let attributes = message.attributes.as_ref().expect("attributes");
    let group = attributes[&MessageSystemAttributeName::MessageGroupId].clone();
    let body = message.body.as_deref().expect("a body");
    (group, serde_json::from_str(body).expect("a batch"))
}

#[async_trait::async_trait]
impl Tap for Lanes {
    async fn take(&self, lane: Lane) -> Vec<(String, ChangeBatch)> {
        let url = match lane {
            Lane::Priority => &self.urls.priority,
            Lane::Bulk => &self.urls.bulk,
        };
        let mut taken = Vec::new();
        loop {
            let received = self
                .client
                .receive_message()
                .queue_url(url)
                .max_number_of_messages(10)
                .message_system_attribute_names(MessageSystemAttributeName::MessageGroupId)
                .send()
                .await;
            let messages = received.expect("an answer").messages.unwrap_or_default();
            if messages.is_empty() {
                return taken;
            }
            for message in messages {
                taken.push(parsed(&message));
                let deleted = self
                    .client
                    .delete_message()
                    .queue_url(url)
                    .set_receipt_handle(message.receipt_handle)
                    .send();
                deleted.await.expect("it is deleted");
            }
        }
    }
}

connector::links_contract!(links, ignore = "needs a local AWS: make test-contract");
connector::errors_contract!(stores, ignore = "needs a local AWS: make test-contract");
connector::state_contract!(state, ignore = "needs a local AWS: make test-contract");
connector::queue_contract!(queue, ignore = "needs a local AWS: make test-contract");
