//! What becomes of a prospect when a write to it lands, and what the checker must know of it.

use connector::adapters::prospect;
use connector::ports::{ProspectWriteTarget, ProspectWritten};
use serde_json::{Map, Value, json};
use sync_core::coerce::Service;
use sync_core::config::Config;
use sync_core::ids::ProspectId;
use sync_core::key::RecordRef;
use sync_core::record::ProspectRecord;
use sync_core::settle::WriteFailure;
use twin::bu::ApiError;
use twin::bu::prospects::Writer;

use crate::kernel::{Inner, TaskId};
use crate::provenance::note;
use crate::wire;
use crate::world::World;

/// A write takes effect.
pub(crate) fn land(
    inner: &mut Inner,
    config: &Config,
    task: TaskId,
    target: &ProspectWriteTarget,
    body: &Map<String, Value>,
) -> Result<ProspectWritten, WriteFailure> {
    let now = inner.timestamp();
    let at = inner.now;
    let result = if let ProspectWriteTarget::Update(id) | ProspectWriteTarget::Mark(id) = target {
        inner.world.keep_earlier(*id, at);
        let unit = &mut inner.world.unit;
        unit.update_prospect(id.get(), body, Writer::API, now)
            .map(|()| *id)
    } else {
        let unit = &mut inner.world.unit;
        unit.create_prospect(body, Writer::API, now)
            .map(|id| ProspectId::try_from(id).expect("the engine counts from one"))
    };
    inner.tell(
        "engagement",
        format_args!("{target:?} {} {result:?}", json!(body)),
    );
    let id = result.map_err(|error| refusal(&error))?;
    let is_create = *target == ProspectWriteTarget::Create;
    if is_create {
        inner.world.keep_absence(id, at);
        inner.world.note_crossing(task, &RecordRef::Prospect(id));
    }
    inner.world.count.prospect_writes += 1;
    note(inner, task, &RecordRef::Prospect(id), (body, None));
    if is_create {
        note_answer(inner, task, id);
        return Ok(ProspectWritten {
            record: answer(inner, config, id),
            ..ProspectWritten::of(id)
        });
    }
    let answered = inner.world.prospect(id);
    let answered = answered.map(|fields| World::as_answer(id, fields));
    let unwritten = answered.map(|answer| prospect::values_left_alone(config, body, &answer));
    Ok(ProspectWritten {
        unwritten: unwritten.unwrap_or_default(),
        is_marked: matches!(target, ProspectWriteTarget::Mark(_)),
        ..ProspectWritten::of(id)
    })
}

/// The answer to a create or undelete shows the prospect as it is.
pub(crate) fn note_answer(inner: &mut Inner, task: TaskId, id: ProspectId) {
    let record = RecordRef::Prospect(id);
    let origins = inner.world.origins_of(&record);
    inner.world.note_read(task, record, origins);
}

/// The whole prospect, as the reply to a create has it.
fn answer(inner: &mut Inner, config: &Config, id: ProspectId) -> Option<ProspectRecord> {
    let answer = World::as_answer(id, inner.world.prospect(id)?);
    prospect::record(&config.business_unit, config, &answer).ok()
}

pub(crate) fn refusal(error: &ApiError) -> WriteFailure {
    let code = account_engagement::ErrorCode::from_number(i64::from(error.code));
    let class = account_engagement::classify(code);
    wire::write_failure(Service::AccountEngagement, class, code.text(), false)
}
