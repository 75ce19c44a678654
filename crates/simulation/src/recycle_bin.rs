//! The recycle bin of Account Engagement as one write reaches it: call by call, each with a fate of its own.

use async_trait::async_trait;
use connector::adapters::recycle_bin::RecycleBin;
use connector::ports::ServiceError;
use serde_json::{Map, Value, json};
use sync_core::coerce::Service;
use sync_core::ids::ProspectId;
use sync_core::key::RecordRef;
use sync_core::settle::WriteFailure;
use twin::bu::prospects::Writer;

use crate::kernel::{Inner, Millis};
use crate::landing::{note_answer, refusal};
use crate::marketing::{SimMarketing, seen};
use crate::provenance::note;
use crate::wire;
use crate::world::World;

/// The bin, until the write that asks is given up.
pub(crate) struct SimBin<'a> {
    /// The service.
    pub(crate) marketing: &'a SimMarketing,
    /// When the write is given up.
    pub(crate) until: Millis,
}

#[async_trait]
impl RecycleBin for SimBin<'_> {
    async fn mark(&self, id: ProspectId, fields: &Map<String, Value>) -> Result<(), WriteFailure> {
        let fields = fields.clone();
        self.marketing
            .send(self.until, move |inner, task| {
                let (now, at) = (inner.timestamp(), inner.now);
                inner.world.keep_earlier(id, at);
                let unit = &mut inner.world.unit;
                let marked = unit.update_prospect(id.get(), &fields, Writer::API, now);
                inner.tell(
                    "engagement",
                    format_args!("marks {id} {} {marked:?}", json!(fields)),
                );
                marked.map_err(|error| refusal(&error))?;
                inner.world.count.prospect_writes += 1;
                note(inner, task, &RecordRef::Prospect(id), (&fields, None));
                Ok(())
            })
            .await
    }

    async fn delete(&self, id: ProspectId) -> Result<(), WriteFailure> {
        self.marketing
            .send(self.until, move |inner, _| {
                let (now, at) = (inner.timestamp(), inner.now);
                inner.world.keep_earlier(id, at);
                let unit = &mut inner.world.unit;
                let deleted = unit.delete_prospect(id.get(), Writer::API, now);
                inner.tell("engagement", format_args!("deletes {id} {deleted:?}"));
                deleted.map_err(|error| refusal(&error))?;
                inner.world.count.prospect_writes += 1;
                Ok(())
            })
            .await
    }

    async fn read(
        &self,
        id: ProspectId,
    ) -> Result<Option<account_engagement::Prospect>, WriteFailure> {
        let read = self.marketing.call(|inner| {
            let found = seen(inner, id);
            Ok(found.map(|(fields, _)| World::as_answer(id, fields)))
        });
        read.await.map_err(|error| unsent(&error))
    }

    async fn recycled(&self, email: &str) -> Result<Vec<ProspectId>, WriteFailure> {
        let read = self.marketing.call(|inner| {
            let ids: Vec<ProspectId> = inner.world.prospect_ids().collect();
            let is_wanted = |id: &ProspectId| {
                seen(inner, *id).is_some_and(|(fields, _)| is_recycled(&fields, email))
            };
            let found: Vec<ProspectId> = ids.into_iter().filter(is_wanted).collect();
            inner.world.in_bin.extend(&found);
            Ok(found)
        });
        read.await.map_err(|error| unsent(&error))
    }

    async fn undelete(&self, email: &str) -> Result<account_engagement::Prospect, WriteFailure> {
        let email = email.to_owned();
        self.marketing
            .send(self.until, move |inner, task| {
                let id = undelete(inner, &email).map_err(|error| refusal(&error))?;
                note_answer(inner, task, id);
                let fields = inner.world.prospect(id).expect("it was found");
                Ok(World::as_answer(id, fields))
            })
            .await
    }
}

fn undelete(inner: &mut Inner, email: &str) -> Result<ProspectId, twin::bu::ApiError> {
    let (now, at) = (inner.timestamp(), inner.now);
    let is_ambiguous = recycled(inner, email) > 1;
    let picked = inner.world.unit.latest_by_email(email, true);
    if let Some(id) = picked.and_then(|id| ProspectId::try_from(id).ok()) {
        inner.world.keep_earlier(id, at);
    }
    let undeleted = inner.world.unit.undelete_by_email(email, Writer::API, now);
    inner.tell("engagement", format_args!("undeletes {undeleted:?}"));
    let id = ProspectId::try_from(undeleted?).expect("the engine counts from one");
    inner.world.count.prospect_writes += 1;
    inner.world.in_bin.insert(id);
    if let Some(person) = inner.world.owner(&RecordRef::Prospect(id)) {
        let life = inner.world.life(person);
        life.is_prospect_deleted = false;
        // Another one of this address came into the bin after we looked: the service picks, and the one that it
        // takes out is like one that a user has restored (docs/reliability.md).
        if is_ambiguous {
            life.prospect_undeleted = Some(at);
        }
    }
    Ok(id)
}

/// How many prospects with this address are in the bin.
fn recycled(inner: &Inner, email: &str) -> usize {
    let rows = inner
        .world
        .prospect_ids()
        .filter_map(|id| inner.world.prospect(id));
    rows.filter(|row| is_recycled(row, email)).count()
}

/// Whether a prospect is in the bin, with this address.
fn is_recycled(fields: &Map<String, Value>, email: &str) -> bool {
    let is_deleted = fields.get("isDeleted") == Some(&json!(true));
    is_deleted && World::text(fields, "email").eq_ignore_ascii_case(email)
}

/// Nothing has been asked for yet, whatever became of the question.
fn unsent(error: &ServiceError) -> WriteFailure {
    wire::write_failure(Service::AccountEngagement, error.class, &error.code, false)
}
