//! [`Marketing`] on the twin's Account Engagement engine: latency, stale reads, late landings.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use connector::adapters::prospect;
use connector::ports::{
    Changes, Marketing, ProspectChange, ProspectWrite, ProspectWriteTarget, ProspectWritten,
    ServiceError, ServiceUser, Usage,
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sync_core::coerce::Service;
use sync_core::config::Config;
use sync_core::error::ErrorClass;
use sync_core::ids::ProspectId;
use sync_core::key::RecordRef;
use sync_core::record::{ProspectRecord, Side};
use sync_core::schema::FieldDescription;
use sync_core::settle::WriteFailure;
use sync_core::value::NormalisedEmail;
use twin::bu::ApiError;
use twin::bu::prospects::Writer;

use crate::allowance::Charge;
use crate::kernel::{Effect, Event, Inner, Sim, TaskId};
use crate::wire::{self, Fate};
use crate::world::{FIELDS, NAMES, World};

/// The calls that a business unit takes at once (apis K5).
const CALLS_AT_ONCE: u32 = 5;

/// Account Engagement, as one process sees it.
pub struct SimMarketing(pub Arc<Sim>);

type Written = Result<ProspectWritten, WriteFailure>;

impl SimMarketing {
    /// A call begins; whether it is refused because the day's calls are used up.
    fn enter(&self) -> bool {
        let mut inner = self.0.lock();
        let (task, now) = (inner.current, inner.now);
        *inner.world.calls.entry(task).or_default() += 1;
        let calls: u32 = inner.world.calls.values().sum();
        // One poll at a time is the deployment's promise; where it is broken on purpose, so is this.
        if calls > CALLS_AT_ONCE && !inner.faults.polls_overlap {
            inner.violate(format!("{calls} calls to Account Engagement at once"));
        }
        let charge = inner.world.allowance.charge(task, now);
        if charge == Charge::Known {
            inner.violate("over quota: a call that its sender knew to be one too many".to_owned());
        }
        charge != Charge::Taken
    }

    fn leave(&self) {
        let mut inner = self.0.lock();
        let task = inner.current;
        if let Some(calls) = inner.world.calls.get_mut(&task) {
            *calls = calls.saturating_sub(1);
        }
    }

    async fn call<T>(
        &self,
        answer: impl FnOnce(&mut Inner) -> Result<T, ServiceError> + Send,
    ) -> Result<T, ServiceError> {
        let is_used_up = self.enter();
        let refused = wire::ask(&self.0, Service::AccountEngagement).await;
        let answered = match refused {
            _ if is_used_up => Err(wire::failed(Service::AccountEngagement, ErrorClass::Quota)),
            Some(refused) => Err(refused),
            None => {
                let answered = answer(&mut self.0.lock());
                wire::answer(&self.0, Service::AccountEngagement).await;
                answered
            }
        };
        self.leave();
        answered
    }

    async fn write_one(&self, config: &Config, write: &ProspectWrite) -> Written {
        if self.enter() {
            self.0.step().await;
            self.leave();
            return Err(wire::write_failure(
                Service::AccountEngagement,
                ErrorClass::Quota,
                "122",
                false,
            ));
        }
        let body = prospect::body(&config.business_unit, config, write);
        let (target, pinned) = (write.target.clone(), config.clone());
        let slot: Arc<Mutex<Option<Written>>> = Arc::default();
        let fate = {
            let mut inner = self.0.lock();
            let fate = wire::fate(&mut inner, Service::AccountEngagement);
            let task = inner.current;
            if let Some(lands_after) = fate.lands_after() {
                let slot = slot.clone();
                let effect: Effect = Box::new(move |inner| {
                    let written = land(inner, &pinned, task, &target, &body);
                    *twin::world::lock(&slot) = Some(written);
                });
                inner.after(lands_after, Event::Effect(effect));
            }
            fate
        };
        self.0.sleep(fate.waits()).await;
        self.leave();
        let answered = twin::world::lock(&slot).take();
        let service = Service::AccountEngagement;
        match (fate, answered) {
            (Fate::Answered { .. }, Some(written)) => written,
            (Fate::Refused { .. }, _) => Err(wire::write_failure(
                service,
                ErrorClass::Throttled,
                "66",
                false,
            )),
            _ => Err(wire::write_failure(
                service,
                ErrorClass::Transient,
                "TIMEOUT",
                true,
            )),
        }
    }
}

/// A prospect as a read answers it.
fn seen(inner: &mut Inner, id: ProspectId) -> Option<(Map<String, Value>, crate::world::Origins)> {
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
    let task = inner.current;
    inner
        .world
        .note_read(task, RecordRef::Prospect(id), origins);
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
        emails: &[NormalisedEmail],
    ) -> Result<Vec<ProspectRecord>, ServiceError> {
        self.call(|inner| {
            let mut found = Vec::new();
            for id in inner.world.prospect_ids().collect::<Vec<_>>() {
                let Some((fields, origins)) = seen(inner, id) else {
                    continue;
                };
                let answer = World::as_answer(id, fields);
                let record = prospect::record(&config.business_unit, config, &answer)?;
                let email = record.email.as_ref();
                if email.is_some_and(|email| emails.contains(email)) {
                    let task = inner.current;
                    let read = RecordRef::Prospect(id);
                    inner.world.note_read(task, read, origins);
                    found.push(record);
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
        let user = self.0.lock().world.user.parse().ok();
        Ok(vec![ServiceUser {
            id: 3,
            email: None,
            salesforce_id: user,
        }])
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

/// A write takes effect.
fn land(
    inner: &mut Inner,
    config: &Config,
    task: TaskId,
    target: &ProspectWriteTarget,
    body: &Map<String, Value>,
) -> Written {
    let now = inner.timestamp();
    let at = inner.now;
    let result = match target {
        ProspectWriteTarget::Update(id) | ProspectWriteTarget::Mark(id) => {
            inner.world.keep_earlier(*id, at);
            let unit = &mut inner.world.unit;
            unit.update_prospect(id.get(), body, Writer::API, now)
                .map(|()| *id)
        }
        ProspectWriteTarget::Create => {
            let unit = &mut inner.world.unit;
            unit.create_prospect(body, Writer::API, now)
                .map(|id| ProspectId::try_from(id).expect("the engine counts from one"))
        }
        ProspectWriteTarget::Recycle(id) => move_prospect(inner, *id, true),
        ProspectWriteTarget::Restore(id) => move_prospect(inner, *id, false),
    };
    inner.tell(
        "engagement",
        format_args!("{target:?} {} {result:?}", json!(body)),
    );
    let id = result.map_err(|error| refusal(&error))?;
    if *target == ProspectWriteTarget::Create {
        inner.world.keep_absence(id, at);
    }
    inner.world.count.prospect_writes += 1;
    note(inner, task, id, body);
    let answers = matches!(
        target,
        ProspectWriteTarget::Create | ProspectWriteTarget::Restore(_)
    );
    let record = if answers {
        let record = RecordRef::Prospect(id);
        let origins = inner.world.origins_of(&record);
        inner.world.note_read(task, record, origins);
        answer(inner, config, id)
    } else {
        None
    };
    let is_update = matches!(
        target,
        ProspectWriteTarget::Update(_) | ProspectWriteTarget::Mark(_)
    );
    let answered = inner
        .world
        .prospect(id)
        .map(|fields| World::as_answer(id, fields));
    let unwritten = answered
        .filter(|_| is_update)
        .map(|answer| prospect::values_left_alone(config, body, &answer));
    Ok(ProspectWritten {
        id,
        record,
        unwritten: unwritten.unwrap_or_default(),
    })
}

/// Into the recycle bin, or out of it; one that is there already stays.
fn move_prospect(
    inner: &mut Inner,
    id: ProspectId,
    recycles: bool,
) -> Result<ProspectId, ApiError> {
    let (now, at) = (inner.timestamp(), inner.now);
    inner.world.keep_earlier(id, at);
    let unit = &mut inner.world.unit;
    let is_deleted = unit.live_prospect(id.get()).is_err();
    if recycles && !is_deleted {
        unit.delete_prospect(id.get(), Writer::API, now)?;
    } else if !recycles && is_deleted {
        unit.undelete_prospect(id.get(), Writer::API, now)?;
    } else {
        return Ok(id);
    }
    let row = inner.world.prospect(id);
    let person = row.and_then(|row| inner.world.person(World::text(&row, "email")));
    if let Some(person) = person {
        inner.world.life(person).is_prospect_deleted &= recycles;
    }
    Ok(id)
}

/// The whole prospect, as the reply to a create or restore has it.
fn answer(inner: &mut Inner, config: &Config, id: ProspectId) -> Option<ProspectRecord> {
    let answer = World::as_answer(id, inner.world.prospect(id)?);
    prospect::record(&config.business_unit, config, &answer).ok()
}

fn note(inner: &mut Inner, task: TaskId, id: ProspectId, body: &Map<String, Value>) {
    let record = RecordRef::Prospect(id);
    let email = inner
        .world
        .prospect(id)
        .map(|row| World::text(&row, "email").to_owned());
    let Some(person) = email.and_then(|email| inner.world.person(&email)) else {
        inner.violate(format!("prospect {id} belongs to nobody"));
        return;
    };
    let mut written: [Option<String>; FIELDS] = Default::default();
    for (field, (name, _)) in NAMES.iter().enumerate() {
        if body.contains_key(*name) {
            written[field] = Some(World::text(body, name).to_owned());
        }
    }
    let about = (None, inner.now);
    let noted = inner
        .world
        .note_write(task, &record, person, &written, about);
    if let Some(broken) = noted {
        inner.violate(broken);
    }
}

fn refusal(error: &ApiError) -> WriteFailure {
    let code = account_engagement::ErrorCode::from_number(i64::from(error.code));
    let class = account_engagement::classify(code);
    wire::write_failure(Service::AccountEngagement, class, code.text(), false)
}
