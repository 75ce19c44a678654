//! [`Crm`] on the twin's Salesforce engine: latency, lost replies, and writes that land late.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use connector::adapters::crm_record;
use connector::ports::{
    Changes, Crm, CrmChange, CrmUser, CrmWrite, CrmWriteTarget, ServiceError, Usage,
};
use jiff::Timestamp;
use serde_json::{Map, Value};
use sync_core::coerce::{Service, parse_instant};
use sync_core::config::Config;
use sync_core::error::ErrorClass;
use sync_core::ids::{CrmId, CrmObject, SalesforceId};
use sync_core::key::{PairKey, RecordRef};
use sync_core::record::{CrmRecord, Side};
use sync_core::schema::FieldDescription;
use sync_core::settle::WriteFailure;
use sync_core::value::NormalisedEmail;
use twin::org::{Caller, OrgError};

use crate::kernel::{Effect, Event, Inner, Sim, TaskId};
use crate::provenance::note;
use crate::users;
use crate::wire::{self, Fate};
use crate::world::World;

/// Salesforce, as one process sees it.
pub struct SimCrm(pub Arc<Sim>);

type Written = Vec<Result<CrmId, WriteFailure>>;

/// A write on its way: where it goes, under which condition, and its fields.
type Body = (CrmWriteTarget, Option<Timestamp>, Map<String, Value>);

impl SimCrm {
    async fn call<T>(
        &self,
        answer: impl FnOnce(&mut Inner) -> Result<T, ServiceError> + Send,
    ) -> Result<T, ServiceError> {
        let is_used_up = wire::is_used_up(&mut self.0.lock(), Service::Salesforce);
        let refused = wire::ask(&self.0, Service::Salesforce).await;
        if is_used_up {
            wire::refuse(&self.0, Service::Salesforce);
            return Err(wire::failed(Service::Salesforce, ErrorClass::Quota));
        }
        if let Some(refused) = refused {
            return Err(refused);
        }
        let answered = {
            let mut inner = self.0.lock();
            let now = inner.timestamp();
            inner.world.commit_due(now);
            answer(&mut inner)
        };
        wire::answer(&self.0, Service::Salesforce).await;
        answered
    }

    async fn found(
        &self,
        config: &Config,
        matches: impl Fn(&CrmRecord) -> bool + Send + Sync,
    ) -> Result<Vec<CrmRecord>, ServiceError> {
        self.call(|inner| {
            let task = inner.current;
            let mut found = Vec::new();
            for id in inner.world.lead_ids().collect::<Vec<_>>() {
                let row = inner.world.lead(&id).expect("an id of a row");
                let record = crm_record::record(&config.business_unit, config, row)?;
                if matches(&record) {
                    let read = RecordRef::Crm(id);
                    let origins = inner.world.origins_of(&read);
                    inner.world.note_found(task, read, origins);
                    found.push(record);
                }
            }
            Ok(found)
        })
        .await
    }
}

fn side(
    world: &mut World,
    config: &Config,
    task: TaskId,
    id: &CrmId,
) -> Result<Side<CrmRecord>, ServiceError> {
    let Some(row) = world.lead(id) else {
        return Ok(Side::Missing);
    };
    let (_, side) = crm_record::side(&config.business_unit, config, row)?;
    let record = RecordRef::Crm(id.clone());
    let origins = world.origins_of(&record);
    world.note_read(task, record, origins);
    Ok(side)
}

#[async_trait]
impl Crm for SimCrm {
    async fn connector_user(&self) -> Result<SalesforceId, ServiceError> {
        let user = self.0.lock().world.connector_user.parse();
        user.map_err(|_| wire::failed(Service::Salesforce, ErrorClass::Unclassified))
    }

    async fn changes(
        &self,
        config: &Config,
        object: CrmObject,
        from: Timestamp,
    ) -> Result<Changes<CrmChange>, ServiceError> {
        self.call(|inner| {
            let read_at = inner.timestamp();
            let mut rows = Vec::new();
            for id in inner.world.lead_ids().filter(|id| id.object() == object) {
                let Some(row) = inner.world.lead(&id) else {
                    continue;
                };
                let change = crm_record::change(&config.business_unit, config, row)?;
                if change.stamp >= from {
                    rows.push(change);
                }
            }
            rows.sort_by(|a, b| (a.stamp, &a.id).cmp(&(b.stamp, &b.id)));
            Ok(Changes { rows, read_at })
        })
        .await
    }

    async fn read(
        &self,
        config: &Config,
        ids: &[CrmId],
    ) -> Result<BTreeMap<CrmId, Side<CrmRecord>>, ServiceError> {
        self.call(|inner| {
            let task = inner.current;
            let mut sides = BTreeMap::new();
            for id in ids {
                sides.insert(id.clone(), side(&mut inner.world, config, task, id)?);
            }
            Ok(sides)
        })
        .await
    }

    async fn find_by_email(
        &self,
        config: &Config,
        emails: &[NormalisedEmail],
    ) -> Result<Vec<CrmRecord>, ServiceError> {
        {
            let mut inner = self.0.lock();
            let (task, now) = (inner.current, inner.now);
            for email in emails {
                inner.world.note_asked(task, true, email.as_str(), now);
            }
        }
        self.found(config, |record| {
            let email = record.email.as_ref();
            !record.is_deleted && email.is_some_and(|email| emails.contains(email))
        })
        .await
    }

    async fn find_by_key(
        &self,
        config: &Config,
        keys: &[PairKey],
    ) -> Result<Vec<CrmRecord>, ServiceError> {
        self.found(config, |record| {
            record.key.as_ref().is_some_and(|key| keys.contains(key))
        })
        .await
    }

    async fn write(&self, config: &Config, writes: &[CrmWrite]) -> Written {
        let (service, count) = (Service::Salesforce, writes.len());
        if wire::is_used_up(&mut self.0.lock(), service) {
            self.0.step().await;
            wire::refuse(&self.0, service);
            let code = "REQUEST_LIMIT_EXCEEDED";
            let failure = wire::write_failure(service, ErrorClass::Quota, code, false);
            return vec![Err(failure); count];
        }
        let bodies: Vec<Body> = writes
            .iter()
            .map(|write| {
                let body = crm_record::body(&config.business_unit, config, write);
                (write.target.clone(), write.seen, body)
            })
            .collect();
        let slot: Arc<Mutex<Option<Written>>> = Arc::default();
        let fate = {
            let mut inner = self.0.lock();
            let fate = wire::fate(&mut inner, service, wire::timeout(service));
            // Where nobody learns what landed, a list may have landed in part.
            let arrived = match fate {
                Fate::Unknown { .. } => inner.rng.usize(1..=count.max(1)),
                Fate::Answered { .. } | Fate::Refused { .. } => count,
            };
            let task = inner.current;
            if let Some(lands_after) = fate.lands_after() {
                let slot = slot.clone();
                let effect: Effect = Box::new(move |inner| {
                    let written = bodies
                        .into_iter()
                        .take(arrived)
                        .map(|(target, seen, body)| land(inner, task, (&target, seen), &body));
                    let written = written.collect();
                    *twin::world::lock(&slot) = Some(written);
                });
                inner.after(lands_after, Event::Effect(effect));
            }
            fate
        };
        self.0.sleep(fate.waits()).await;
        let answered = twin::world::lock(&slot).take();
        let failure = match (fate, answered) {
            (Fate::Answered { .. }, Some(written)) => return written,
            (Fate::Refused { class, .. }, _) => {
                wire::write_failure(service, class, "REFUSED", false)
            }
            _ => wire::write_failure(service, ErrorClass::Transient, "TIMEOUT", true),
        };
        vec![Err(failure); count]
    }

    async fn describe(&self) -> Result<BTreeMap<String, Vec<FieldDescription>>, ServiceError> {
        Ok(BTreeMap::new())
    }

    async fn users(&self) -> Result<Vec<CrmUser>, ServiceError> {
        Ok(Vec::new())
    }

    fn take_usage(&self) -> Usage {
        Usage::default()
    }
}

/// A write takes effect.
fn land(
    inner: &mut Inner,
    task: TaskId,
    (target, seen): (&CrmWriteTarget, Option<Timestamp>),
    body: &Map<String, Value>,
) -> Result<CrmId, WriteFailure> {
    let now = inner.timestamp();
    inner.world.commit_due(now);
    let often = inner.faults.refuse;
    if inner.happens(often) {
        return Err(locked());
    }
    if let (CrmWriteTarget::Update(id), Some(seen)) = (target, seen)
        && is_changed_since(&inner.world, id, seen)
    {
        inner.tell(
            "salesforce",
            format_args!("{target:?} changed since {seen}"),
        );
        inner.world.count.refused_as_stale += 1;
        return Err(wire::write_failure(
            Service::Salesforce,
            ErrorClass::Stale,
            "PRECONDITION_FAILED",
            false,
        ));
    }
    let caller = Caller::new(inner.world.connector_user.clone(), now);
    let result = match target {
        CrmWriteTarget::Update(id) => inner
            .world
            .org
            .update("Lead", id.as_str(), body, &caller)
            .map(|()| id.clone()),
        CrmWriteTarget::Create(object) => inner
            .world
            .org
            .create(object.name(), body, &caller)
            .map(|id| id.parse().expect("the engine makes ids")),
    };
    inner.tell("salesforce", format_args!("{target:?} {result:?}"));
    let id = result.map_err(|error| refusal(&error))?;
    inner.world.count.crm_writes += 1;
    if matches!(target, CrmWriteTarget::Create(_)) {
        let created = RecordRef::Crm(id.clone());
        inner.world.note_crossing(task, &created);
    }
    note(inner, task, &RecordRef::Crm(id.clone()), (body, seen));
    let often = inner.faults.automation;
    if inner.happens(often) {
        users::automate(inner, &id, &caller);
    }
    Ok(id)
}

/// What `If-Unmodified-Since` compares: whole seconds.
fn is_changed_since(world: &World, id: &CrmId, seen: Timestamp) -> bool {
    let stamp = world.lead(id).map(|row| World::text(row, "SystemModstamp"));
    let stamp = stamp.and_then(parse_instant);
    stamp.is_some_and(|stamp| stamp.as_second() > seen.as_second())
}

/// One record of a list is refused for now, whatever becomes of the others.
fn locked() -> WriteFailure {
    let (service, code) = (Service::Salesforce, "UNABLE_TO_LOCK_ROW");
    wire::write_failure(service, ErrorClass::Transient, code, false)
}

fn refusal(error: &OrgError) -> WriteFailure {
    let code = salesforce::ErrorCode::from_text(error.code);
    let class = salesforce::classify(&code, &error.message, &error.fields);
    wire::write_failure(Service::Salesforce, class, error.code, false)
}
