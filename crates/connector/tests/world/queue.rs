//! Delivery as SQS FIFO does it: groups in order, failed messages again later, the dead set apart.

use std::collections::BTreeSet;

use connector::Environment;
use connector::dlq;
use connector::work::{Delivery, WorkReport, work};
use jiff::SignedDuration;
use sync_core::hint::{
    CHANGE_BATCH_VERSION, Cause, ChangeBatch, ChangeHint, Lane, MAX_DELIVERIES, retry_delay,
};
use sync_core::key::RecordRef;
use twin::world::lock;

use super::{Failure, Fuse, World};

/// How long the worker may run (template.yaml, WorkerTimeoutSeconds).
pub const WORKER_SECONDS: i64 = 300;
/// How long a message stays away whose worker died (template.yaml, VisibilityTimeoutSeconds).
pub const VISIBILITY_SECONDS: i64 = 1_800;

/// A message that waits for its delivery.
#[derive(Debug, Clone)]
pub struct Message {
    pub id: String,
    pub lane: Lane,
    pub group: String,
    pub body: String,
    pub deliveries: u32,
}

/// What a drain of the queue did.
#[derive(Debug, Default)]
pub struct Drained {
    /// Deliveries to the worker.
    pub delivered: usize,
    /// What the worker reported, in order.
    pub reports: Vec<WorkReport>,
    /// Deliveries whose worker died.
    pub crashed: usize,
    /// Messages that were delivered too often.
    pub dead: usize,
}

impl Drained {
    /// The sum of a count over all reports.
    pub fn sum(&self, count: impl Fn(&WorkReport) -> u64) -> u64 {
        self.reports.iter().map(count).sum()
    }
}

impl World {
    /// Messages that wait, new ones included.
    pub fn waiting(&self) -> Vec<Message> {
        let mut waiting = lock(&self.waiting);
        for queued in self.queue.take() {
            waiting.push(Message {
                id: self.next_run(),
                lane: queued.lane,
                group: queued.group,
                body: serde_json::to_string(&queued.batch).expect("a batch is JSON"),
                deliveries: 0,
            });
        }
        waiting.clone()
    }

    /// The next messages of one group: one of the bulk lane, ten of the other (template.yaml).
    fn next_batch(&self, blocked: &BTreeSet<(Lane, String)>) -> Vec<Message> {
        let waiting = self.waiting();
        let free = |message: &&Message| !blocked.contains(&(message.lane, message.group.clone()));
        let Some(first) = waiting
            .iter()
            .filter(free)
            .min_by_key(|message| message.lane)
        else {
            return Vec::new();
        };
        let most = if first.lane == Lane::Bulk { 1 } else { 10 };
        let of_group = waiting
            .iter()
            .filter(|message| (message.lane, &message.group) == (first.lane, &first.group));
        of_group.take(most).cloned().collect()
    }

    /// Delivers until nothing waits. What fails comes again later: the clock is moved.
    pub async fn drain(&self) -> Drained {
        let mut drained = Drained::default();
        let mut blocked = BTreeSet::new();
        let mut longest = SignedDuration::ZERO;
        loop {
            let batch = self.next_batch(&blocked);
            let Some(first) = batch.first() else {
                if blocked.is_empty() {
                    return drained;
                }
                self.advance(longest.as_secs());
                blocked.clear();
                longest = SignedDuration::ZERO;
                continue;
            };
            let group = (first.lane, first.group.clone());
            let environment = self.environment();
            drained.delivered += 1;
            let mut quota_wait = SignedDuration::ZERO;
            let failed = match self.deliver(environment.clone(), &batch).await {
                Some((failed, reports)) => {
                    let waits = reports.iter().filter_map(|report| report.quota_wait);
                    quota_wait = waits.max().unwrap_or_default();
                    drained.reports.extend(reports);
                    failed
                }
                None => {
                    longest = SignedDuration::from_secs(VISIBILITY_SECONDS);
                    drained.crashed += 1;
                    self.services.forget();
                    batch.iter().map(|message| message.id.clone()).collect()
                }
            };
            if !failed.is_empty() {
                blocked.insert(group);
                longest = longest.max(quota_wait);
            }
            longest = longest.max(self.put_back(&batch, &failed));
            drained.dead += self.bury(&environment).await;
        }
    }

    /// A message of a poll about these records, delivered so often.
    pub fn message(&self, id: &str, records: &[RecordRef], deliveries: u32) -> Delivery {
        let hints = records.iter().cloned().map(|record| ChangeHint {
            record,
            pair: None,
            cause: Cause::Poll,
        });
        let batch = ChangeBatch {
            version: CHANGE_BATCH_VERSION,
            business_unit: self.unit(),
            run: "by-hand".to_owned(),
            enqueued_at: self.now(),
            hints: hints.collect(),
        };
        Delivery {
            message_id: id.to_owned(),
            body: serde_json::to_string(&batch).expect("a batch is JSON"),
            deliveries,
        }
    }

    /// A worker dies before its first call of this name.
    pub async fn die_before(&self, name: &'static str, batch: &[Message]) {
        *lock(&self.fuse) = Some(Fuse::failing(name, Failure::CrashBefore));
        assert!(self.deliver(self.environment(), batch).await.is_none());
        *lock(&self.fuse) = None;
    }

    /// What waits besides the messages of `batch`.
    pub fn waiting_besides(&self, batch: &[Message]) -> Vec<Message> {
        let mut waiting = self.waiting();
        waiting.retain(|message| batch.iter().all(|seen| seen.id != message.id));
        waiting
    }

    /// Gives messages to a worker; answers which ids it reports as failed, nothing when it died.
    pub async fn deliver(
        &self,
        environment: Environment,
        batch: &[Message],
    ) -> Option<(Vec<String>, Vec<WorkReport>)> {
        let deliveries = batch.iter().map(|message| Delivery {
            message_id: message.id.clone(),
            body: message.body.clone(),
            deliveries: message.deliveries + 1,
        });
        let deadline = self.now() + SignedDuration::from_secs(WORKER_SECONDS);
        let fuse = lock(&self.fuse).clone();
        let run = self.next_run();
        let Some(fuse) = fuse else {
            return Some(work(&environment, deliveries.collect(), &run, deadline).await);
        };
        let environment = fuse.wrap(environment);
        tokio::select! {
            biased;
            worked = work(&environment, deliveries.collect(), &run, deadline) => Some(worked),
            () = fuse.death() => None,
        }
    }

    /// Takes the finished messages of a delivery away; the others come again, the longest wait is told.
    pub fn put_back(&self, batch: &[Message], failed: &[String]) -> SignedDuration {
        let mut waiting = lock(&self.waiting);
        let was_delivered = |id: &String| batch.iter().any(|message| message.id == *id);
        waiting.retain(|message| !was_delivered(&message.id) || failed.contains(&message.id));
        let mut longest = SignedDuration::ZERO;
        for message in waiting
            .iter_mut()
            .filter(|message| was_delivered(&message.id))
        {
            message.deliveries += 1;
            longest = longest.max(retry_delay(message.deliveries));
        }
        longest
    }

    /// Hands messages that were delivered too often to the drain of the dead.
    async fn bury(&self, environment: &Environment) -> usize {
        let dead: Vec<Message> = {
            let mut waiting = lock(&self.waiting);
            let dead = waiting.extract_if(.., |message| message.deliveries >= MAX_DELIVERIES);
            dead.collect()
        };
        let deliveries: Vec<Delivery> = dead
            .iter()
            .map(|message| Delivery {
                message_id: message.id.clone(),
                body: message.body.clone(),
                deliveries: 1,
            })
            .collect();
        if !deliveries.is_empty() {
            let kept = dlq::drain(environment, deliveries, "dead").await;
            assert_eq!(kept, Vec::<String>::new());
        }
        dead.len()
    }
}
