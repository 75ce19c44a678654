//! [`Marketing`] on the twin's Account Engagement engine: latency, stale reads, late landings.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use connector::adapters::{prospect, recycle_bin};
use connector::ports::{
    Changes, Marketing, PROSPECT_WRITE_TIMEOUT, ProspectChange, ProspectWrite, ProspectWriteTarget,
    ProspectWritten, ServiceError, ServiceUser, Usage,
};
use futures::future::{Either, select};
use jiff::Timestamp;
use serde_json::{Map, Value};
use sync_core::coerce::Service;
use sync_core::config::Config;
use sync_core::error::ErrorClass;
use sync_core::ids::ProspectId;
use sync_core::key::RecordRef;
use sync_core::record::{ProspectRecord, Side};
use sync_core::schema::FieldDescription;
use sync_core::settle::WriteFailure;
use sync_core::value::Spelling;

use crate::kernel::{Effect, Event, Inner, Millis, Sim, TaskId};
use crate::landing::land;
use crate::recycle_bin::SimBin;
use crate::wire::{self, Fate};
use crate::world::World;

/// The calls that a business unit takes at once (apis K5).
const CALLS_AT_ONCE: u32 = 5;

/// Account Engagement, as one process sees it.
pub struct SimMarketing(pub Arc<Sim>);

type Written = Result<ProspectWritten, WriteFailure>;

/// A call under way; over when its process has the answer, gives up or dies.
struct Call<'a> {
    sim: &'a Sim,
    task: TaskId,
    is_used_up: bool,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let mut inner = self.sim.lock();
        if let Some(calls) = inner.world.calls.get_mut(&self.task) {
            *calls = calls.saturating_sub(1);
        }
    }
}

impl SimMarketing {
    fn enter(&self) -> Call<'_> {
        let mut inner = self.0.lock();
        let task = inner.current;
        *inner.world.calls.entry(task).or_default() += 1;
        // One poll at a time is the deployment's promise: where it is broken on purpose, one counts.
        let calls = inner.world.calls.iter();
        let (polls, others): (Vec<_>, Vec<_>) =
            calls.partition(|(task, _)| inner.polls.contains(task));
        let of_a_poll = polls.into_iter().map(|(_, calls)| *calls).max();
        let calls =
            others.into_iter().map(|(_, calls)| calls).sum::<u32>() + of_a_poll.unwrap_or(0);
        if calls > CALLS_AT_ONCE {
            inner.violate(format!(
                "a sixth call: {calls} to Account Engagement at once"
            ));
        }
        Call {
            sim: &self.0,
            task,
            is_used_up: wire::is_used_up(&mut inner, Service::AccountEngagement),
        }
    }

    pub(crate) async fn call<T>(
        &self,
        answer: impl FnOnce(&mut Inner) -> Result<T, ServiceError> + Send,
    ) -> Result<T, ServiceError> {
        let call = self.enter();
        let refused = wire::ask(&self.0, Service::AccountEngagement).await;
        if call.is_used_up {
            wire::refuse(&self.0, Service::AccountEngagement);
            return Err(wire::failed(Service::AccountEngagement, ErrorClass::Quota));
        }
        if let Some(refused) = refused {
            return Err(refused);
        }
        let answered = answer(&mut self.0.lock());
        wire::answer(&self.0, Service::AccountEngagement).await;
        answered
    }

    /// A call that changes something, of a write that is given up at `until`.
    pub(crate) async fn send<T: Send + 'static>(
        &self,
        until: Millis,
        land: impl FnOnce(&mut Inner, TaskId) -> Result<T, WriteFailure> + Send + 'static,
    ) -> Result<T, WriteFailure> {
        let service = Service::AccountEngagement;
        let call = self.enter();
        if call.is_used_up {
            self.0.step().await;
            wire::refuse(&self.0, service);
            return Err(wire::write_failure(
                service,
                ErrorClass::Quota,
                "122",
                false,
            ));
        }
        let slot: Arc<Mutex<Option<Result<T, WriteFailure>>>> = Arc::default();
        let fate = {
            let mut inner = self.0.lock();
            let waits = wire::timeout(service).min(until - inner.now);
            let fate = wire::fate(&mut inner, service, waits);
            let task = call.task;
            if let Some(lands_after) = fate.lands_after() {
                let slot = slot.clone();
                let effect: Effect = Box::new(move |inner| {
                    *twin::world::lock(&slot) = Some(land(inner, task));
                });
                inner.after(lands_after, Event::Effect(effect));
            }
            fate
        };
        self.0.sleep(fate.waits()).await;
        let answered = twin::world::lock(&slot).take();
        match (fate, answered) {
            (Fate::Answered { .. }, Some(answered)) => answered,
            (Fate::Refused { class, .. }, _) => {
                Err(wire::write_failure(service, class, "REFUSED", false))
            }
            _ => Err(unanswered()),
        }
    }

    async fn write_one(&self, config: &Config, write: &ProspectWrite) -> Written {
        let waits = Millis::try_from(PROSPECT_WRITE_TIMEOUT.as_millis()).unwrap_or(Millis::MAX);
        let until = self.0.lock().now + waits;
        let written = pin!(self.write_until(config, write, until));
        match select(written, pin!(self.0.sleep(waits))).await {
            Either::Left((written, _)) => written,
            Either::Right(_) => Err(unanswered()),
        }
    }

    async fn write_until(&self, config: &Config, write: &ProspectWrite, until: Millis) -> Written {
        let body = prospect::body(&config.business_unit, config, write);
        let bin = SimBin {
            marketing: self,
            until,
        };
        match &write.target {
            ProspectWriteTarget::Recycle(id) => {
                let is_marked = recycle_bin::recycle(&bin, *id, &body).await?;
                Ok(ProspectWritten {
                    is_marked,
                    ..ProspectWritten::of(*id)
                })
            }
            ProspectWriteTarget::Restore(id) => {
                let restored = recycle_bin::restore(&bin, *id).await?;
                let record = prospect::record(&config.business_unit, config, &restored);
                Ok(ProspectWritten {
                    record: record.ok(),
                    ..ProspectWritten::of(*id)
                })
            }
            target => {
                let (target, config) = (target.clone(), config.clone());
                self.send(until, move |inner, task| {
                    land(inner, &config, task, &target, &body)
                })
                .await
            }
        }
    }
}

/// Nobody knows what became of the write.
fn unanswered() -> WriteFailure {
    let service = Service::AccountEngagement;
    wire::write_failure(service, ErrorClass::Transient, "TIMEOUT", true)
}

/// A prospect as a read answers it.
pub(crate) fn seen(
    inner: &mut Inner,
    id: ProspectId,
) -> Option<(Map<String, Value>, crate::world::Origins)> {
    let (now, stale) = (inner.now, inner.faults.stale);
    let is_on = inner.faults.on;
    let (world, rng) = (&inner.world, &mut inner.rng);
    world.prospect_seen(id, now, |possible| {
        let is_stale = is_on && possible > 0 && rng.u32(0..1_000) < stale;
        is_stale.then(|| rng.usize(0..possible))
    })
}

fn side(
    inner: &mut Inner,
    config: &Config,
    id: ProspectId,
) -> Result<Side<ProspectRecord>, ServiceError> {
    let Some((fields, origins)) = seen(inner, id) else {
        return Ok(Side::Missing);
    };
    let (task, now) = (inner.current, inner.now);
    let world = &mut inner.world;
    world.note_read(task, RecordRef::Prospect(id), origins);
    world.looked.insert((task, id), now);
    if fields.get("isDeleted") == Some(&Value::Bool(true)) {
        return Ok(Side::Deleted { merged_into: None });
    }
    let answer = World::as_answer(id, fields);
    prospect::record(&config.business_unit, config, &answer).map(Side::Present)
}

#[async_trait]
impl Marketing for SimMarketing {
    async fn changes(
        &self,
        config: &Config,
        from: Timestamp,
    ) -> Result<Changes<ProspectChange>, ServiceError> {
        self.call(|inner| {
            let read_at = inner.timestamp();
            let mut rows = Vec::new();
            for id in inner.world.prospect_ids().collect::<Vec<_>>() {
                let Some((fields, _)) = seen(inner, id) else {
                    continue;
                };
                let stamp = World::text(&fields, "updatedAt").parse::<Timestamp>();
                let Some(stamp) = stamp.ok().filter(|stamp| *stamp >= from) else {
                    continue;
                };
                let is_deleted = fields.get("isDeleted") == Some(&Value::Bool(true));
                let answer = World::as_answer(id, fields);
                rows.push(ProspectChange {
                    id,
                    stamp,
                    key: prospect::key(&config.business_unit, config, &answer),
                    is_deleted,
                });
            }
            Ok(Changes { rows, read_at })
        })
        .await
    }

    async fn read(
        &self,
        config: &Config,
        ids: &[ProspectId],
    ) -> Result<BTreeMap<ProspectId, Side<ProspectRecord>>, ServiceError> {
        self.call(|inner| {
            let mut sides = BTreeMap::new();
            for id in ids {
                sides.insert(*id, side(inner, config, *id)?);
            }
            Ok(sides)
        })
        .await
    }

    async fn find_by_email(
        &self,
        config: &Config,
        spellings: &[Spelling],
    ) -> Result<Vec<ProspectRecord>, ServiceError> {
        self.call(|inner| {
            let (task, now) = (inner.current, inner.now);
            for asked in spellings {
                inner.world.note_asked(task, false, asked.as_str(), now);
            }
            let mut found = Vec::new();
            for id in inner.world.prospect_ids().collect::<Vec<_>>() {
                let Some((fields, origins)) = seen(inner, id) else {
                    continue;
                };
                // The filter may mind capitals (K17); so this one does.
                let email = World::text(&fields, "email");
                if spellings.iter().any(|asked| asked.as_str() == email) {
                    let answer = World::as_answer(id, fields);
                    let unit = &config.business_unit;
                    found.push(prospect::record(unit, config, &answer)?);
                    let task = inner.current;
                    let read = RecordRef::Prospect(id);
                    inner.world.note_found(task, read, origins);
                }
            }
            Ok(found)
        })
        .await
    }

    fn calls_at_once(&self) -> usize {
        1
    }

    async fn write(&self, config: &Config, writes: &[ProspectWrite]) -> Vec<Written> {
        let mut written = Vec::with_capacity(writes.len());
        for write in writes {
            written.push(self.write_one(config, write).await);
        }
        written
    }

    async fn users(&self) -> Result<Vec<ServiceUser>, ServiceError> {
        self.call(|inner| {
            Ok(vec![ServiceUser {
                id: 3,
                email: None,
                salesforce_id: inner.world.user.parse().ok(),
            }])
        })
        .await
    }

    async fn describe(&self) -> Result<Vec<FieldDescription>, ServiceError> {
        Ok(Vec::new())
    }

    async fn create_text_field(&self, _: &str) -> Result<FieldDescription, ServiceError> {
        let service = Service::AccountEngagement;
        Err(wire::failed(service, ErrorClass::Config))
    }

    fn take_usage(&self) -> Usage {
        Usage::default()
    }
}
