//! The queue: FIFO groups, at-least-once delivery, visibility, and messages that were delivered too often.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use connector::ports::{Queue, SendFailure, StoreError};
use connector::work::Delivery;
use jiff::SignedDuration;
use sync_core::hint::{Cause, ChangeBatch, Lane, retry_delay};
use sync_core::protocol::QueueDepth;

use crate::kernel::{Event, Inner, Millis, Sim, TaskId};
use crate::lives;

/// How long a message stays away whose worker died (template.yaml, VisibilityTimeoutSeconds).
const VISIBILITY: Millis = 1_800_000;
/// How often a message is delivered before it is dead (infra/queues.yaml).
const MAX_DELIVERIES: u32 = 5;
/// How many workers one lane has at once (template.yaml, MaximumConcurrency).
const WORKERS_PER_LANE: usize = 2;

/// A message.
#[derive(Debug, Clone)]
pub struct Message {
    id: u64,
    lane: Lane,
    group: String,
    body: String,
    deliveries: u32,
    visible_at: Millis,
    held_by: Option<TaskId>,
}

/// All messages.
#[derive(Debug, Default)]
pub struct Lanes {
    messages: Vec<Message>,
    dead: Vec<Message>,
    next: u64,
    /// A message is gone when its worker begins.
    pub acknowledges_first: bool,
    /// A message is gone when its worker ends, whatever it says.
    pub acknowledges_failures: bool,
    /// A message that was delivered too often vanishes.
    pub drops_dead: bool,
    /// What an operator sends says only that its lead may have changed.
    pub forgets_sends: bool,
}

impl Lanes {
    /// Whether nothing waits anywhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.dead.is_empty()
    }

    /// The next delivery, when a worker is free for it: the head of a group, and what is behind it.
    pub fn deliver(&mut self, now: Millis, task: TaskId) -> Option<Vec<Delivery>> {
        for (lane, most) in [(Lane::Priority, 10), (Lane::Bulk, 1)] {
            let holders: BTreeSet<TaskId> = self
                .messages
                .iter()
                .filter(|message| message.lane == lane)
                .filter_map(|message| message.held_by)
                .collect();
            if holders.len() >= WORKERS_PER_LANE {
                continue;
            }
            let mut seen = BTreeSet::new();
            let head = self.messages.iter().position(|message| {
                message.lane == lane
                    && seen.insert(message.group.clone())
                    && message.held_by.is_none()
                    && message.visible_at <= now
            });
            let Some(head) = head else { continue };
            let group = self.messages[head].group.clone();
            let mut deliveries = Vec::new();
            for message in &mut self.messages {
                let is_next = message.lane == lane
                    && message.group == group
                    && message.visible_at <= now
                    && deliveries.len() < most;
                if is_next {
                    message.held_by = Some(task);
                    message.deliveries += 1;
                    message.visible_at = now + VISIBILITY;
                    deliveries.push(Delivery {
                        message_id: message.id.to_string(),
                        body: message.body.clone(),
                        deliveries: message.deliveries,
                    });
                }
            }
            return Some(deliveries);
        }
        None
    }

    /// The worker is done; the messages it names come again, the others are gone unless `keeps`.
    pub fn finish(
        &mut self,
        now: Millis,
        task: TaskId,
        (failed, at_least): (&[String], SignedDuration),
        keeps: bool,
    ) -> Vec<Millis> {
        let mut due = Vec::new();
        self.messages.retain_mut(|message| {
            if message.held_by != Some(task) {
                return true;
            }
            message.held_by = None;
            let comes_again = failed.contains(&message.id.to_string());
            if comes_again && !self.acknowledges_failures {
                let wait = retry_delay(message.deliveries).max(at_least).as_secs() * 1_000;
                message.visible_at = now + wait;
                due.push(wait);
                return true;
            }
            due.push(VISIBILITY);
            keeps
        });
        due
    }

    /// The worker died; its messages stay away until they are visible again.
    pub fn abandon(&mut self, task: TaskId) {
        if self.acknowledges_first {
            self.messages
                .retain(|message| message.held_by != Some(task));
        }
        for message in &mut self.messages {
            if message.held_by == Some(task) {
                message.held_by = None;
            }
        }
        // The drain of the dead begins anew too.
        for message in &mut self.dead {
            if message.held_by == Some(task) {
                message.held_by = None;
            }
        }
    }

    /// Moves messages that were delivered too often to the dead, and hands those out.
    pub fn bury(&mut self, now: Millis, task: TaskId) -> Option<Vec<Delivery>> {
        let is_dead = |message: &mut Message| {
            message.deliveries >= MAX_DELIVERIES
                && message.held_by.is_none()
                && message.visible_at <= now
        };
        let dead = self.messages.extract_if(.., is_dead);
        if self.drops_dead {
            dead.for_each(drop);
            return None;
        }
        self.dead.extend(dead);
        let message = self
            .dead
            .iter_mut()
            .find(|message| message.held_by.is_none())?;
        message.held_by = Some(task);
        Some(vec![Delivery {
            message_id: message.id.to_string(),
            body: message.body.clone(),
            deliveries: message.deliveries,
        }])
    }

    /// The drain is done with its messages.
    pub fn buried(&mut self, task: TaskId, kept: &[String]) {
        self.dead.retain_mut(|message| {
            if message.held_by != Some(task) {
                return true;
            }
            message.held_by = None;
            kept.contains(&message.id.to_string())
        });
    }

    fn put(&mut self, now: Millis, lane: Lane, group: String, batch: &ChangeBatch) {
        self.next += 1;
        self.messages.push(Message {
            id: self.next,
            lane,
            group,
            body: serde_json::to_string(batch).unwrap_or_default(),
            deliveries: 0,
            visible_at: now,
            held_by: None,
        });
    }
}

/// The queue as a process reaches it.
pub struct SimQueue(pub Arc<Sim>);

fn put(inner: &mut Inner, lane: Lane, batches: Vec<(String, ChangeBatch)>) {
    let now = inner.now;
    for (group, mut batch) in batches {
        for hint in &mut batch.hints {
            inner.tell("hint", format_args!("{} {:?}", hint.record, hint.cause));
            if hint.cause == Cause::SendNow {
                lives::note_sent(inner, &hint.record);
                if inner.lanes.forgets_sends {
                    hint.cause = Cause::Poll;
                }
            }
        }
        inner.lanes.put(now, lane, group, &batch);
    }
    inner.after(1, Event::Deliver);
}

#[async_trait]
impl Queue for SimQueue {
    async fn send(
        &self,
        lane: Lane,
        batches: Vec<(String, ChangeBatch)>,
    ) -> Result<(), SendFailure> {
        let sent = batches.len();
        if sent == 0 {
            return Ok(());
        }
        self.0.step().await;
        let is_lost = {
            let mut inner = self.0.lock();
            let often = inner.faults.throttle;
            let (is_refused, is_lost) = (inner.happens(often), inner.happens(often));
            if !is_refused {
                put(&mut inner, lane, batches);
            }
            is_refused || is_lost
        };
        self.0.step().await;
        if is_lost {
            let why = "throttled".to_owned();
            return Err(SendFailure {
                refused: sent,
                sent,
                why,
            });
        }
        Ok(())
    }

    async fn depths(&self) -> Result<Vec<QueueDepth>, StoreError> {
        Ok(Vec::new())
    }
}
