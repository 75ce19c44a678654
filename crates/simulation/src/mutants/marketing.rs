//! Mutants of what is asked of Account Engagement.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use connector::ports::{
    Changes, Marketing, ProspectChange, ProspectWrite, ProspectWriteTarget, ProspectWritten,
    ServiceError, ServiceUser, Usage,
};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use sync_core::config::Config;
use sync_core::decision::ProspectFields;
use sync_core::ids::ProspectId;
use sync_core::record::{ProspectRecord, Side};
use sync_core::schema::FieldDescription;
use sync_core::settle::WriteFailure;
use sync_core::value::Spelling;

use super::{Mutant, note_stamps, read_from, was_seen, was_undeleted};
use crate::kernel::Sim;

pub(super) struct MutatedMarketing {
    pub(super) mutant: Mutant,
    pub(super) inner: Arc<dyn Marketing>,
    pub(super) sim: Arc<Sim>,
}

type Written = Result<ProspectWritten, WriteFailure>;

/// Whether it is a poller that asks.
fn polls(sim: &Sim) -> bool {
    let inner = sim.lock();
    inner.polls.contains(&inner.current)
}

impl MutatedMarketing {
    async fn write_one(&self, config: &Config, write: &ProspectWrite) -> Written {
        let with_token = config;
        let (mut config, mut write) = (config.clone(), write.clone());
        match self.mutant {
            mutant
                if mutant.creates_prospects_blindly()
                    && write.target == ProspectWriteTarget::Create =>
            {
                write.fields.key = None;
            }
            Mutant::NoTokenInAccountEngagement | Mutant::ProspectTokenInSecondUpdate => {
                config.account_engagement.token_field = None;
            }
            _ => {}
        }
        let mut answers = self
            .inner
            .write(&config, std::slice::from_ref(&write))
            .await;
        let written = answers.pop().expect("one answer for one write");
        match (self.mutant, written, &write.target) {
            (
                Mutant::ProspectTokenInSecondUpdate,
                Ok(written),
                ProspectWriteTarget::Update(_) | ProspectWriteTarget::Create,
            ) => self.token_alone(with_token, written, write.token).await,
            (Mutant::LostReplyIsRefusal, Err(failure), _) => Err(WriteFailure {
                may_have_landed: false,
                ..failure
            }),
            (Mutant::LostReplyIsSuccess, Err(failure), ProspectWriteTarget::Update(id))
                if failure.may_have_landed =>
            {
                Ok(ProspectWritten::of(*id))
            }
            (_, written, _) => written,
        }
    }

    async fn token_alone(
        &self,
        config: &Config,
        written: ProspectWritten,
        token: String,
    ) -> Written {
        let token_alone = ProspectWrite {
            target: ProspectWriteTarget::Update(written.id),
            fields: ProspectFields::default(),
            token,
        };
        let mut answers = self.inner.write(config, &[token_alone]).await;
        let answer = answers.pop().expect("one answer for one write");
        answer.map(|_| written)
    }
}

#[async_trait]
impl Marketing for MutatedMarketing {
    async fn changes(
        &self,
        config: &Config,
        from: Timestamp,
    ) -> Result<Changes<ProspectChange>, ServiceError> {
        let from = read_from(self.mutant, &self.sim, "Prospect", from);
        let mut changes = self.inner.changes(config, from).await?;
        note_stamps(
            &self.sim,
            "Prospect",
            changes.rows.iter().map(|row| row.stamp),
        );
        match self.mutant {
            Mutant::SeenTooEarly => changes.read_at += SignedDuration::from_mins(2),
            Mutant::NoLookUpBeforeCreate if !polls(&self.sim) => changes.rows.clear(),
            Mutant::DeletesNotPolled => changes.rows.retain(|row| !row.is_deleted),
            Mutant::UndeletesNotPolled => changes
                .rows
                .retain(|row| !was_undeleted(&self.sim, row.id, row.stamp)),
            Mutant::DedupByStamp => changes
                .rows
                .retain(|row| !was_seen(&self.sim, &row.id.to_string(), row.stamp)),
            _ => {}
        }
        Ok(changes)
    }

    async fn read(
        &self,
        config: &Config,
        ids: &[ProspectId],
    ) -> Result<BTreeMap<ProspectId, Side<ProspectRecord>>, ServiceError> {
        let mut sides = self.inner.read(config, ids).await?;
        if self.mutant == Mutant::DeletedProspectForgotten {
            for side in sides.values_mut() {
                if matches!(side, Side::Deleted { .. }) {
                    *side = Side::Unlinked;
                }
            }
        }
        Ok(sides)
    }

    async fn find_by_email(
        &self,
        config: &Config,
        spellings: &[Spelling],
    ) -> Result<Vec<ProspectRecord>, ServiceError> {
        let mut spellings = spellings.to_vec();
        if self.mutant == Mutant::CaseSensitiveAddress {
            // People are entered as `Person0@..`; what we create is in lower case and found.
            spellings.retain(|spelling| *spelling == spelling.in_lower_case());
        }
        let mut found = self.inner.find_by_email(config, &spellings).await?;
        if self.mutant == Mutant::CreatedForOthersIsFree {
            for record in &mut found {
                record.key = None;
            }
        }
        Ok(match self.mutant {
            Mutant::NoLookUpBeforeCreate => found
                .into_iter()
                .filter(|record| record.key.is_none())
                .collect(),
            Mutant::DeletedProspectForgotten => found
                .into_iter()
                .filter(|record| !record.is_deleted)
                .collect(),
            _ => found,
        })
    }

    fn calls_at_once(&self) -> usize {
        if self.mutant == Mutant::NoSlots { 8 } else { 1 }
    }

    async fn write(&self, config: &Config, writes: &[ProspectWrite]) -> Vec<Written> {
        if self.mutant == Mutant::NoSlots {
            let at_once = writes.iter().map(|write| self.write_one(config, write));
            return join_all(at_once).await;
        }
        let mut written = Vec::with_capacity(writes.len());
        for write in writes {
            written.push(self.write_one(config, write).await);
        }
        written
    }

    async fn users(&self) -> Result<Vec<ServiceUser>, ServiceError> {
        self.inner.users().await
    }

    async fn describe(&self) -> Result<Vec<FieldDescription>, ServiceError> {
        self.inner.describe().await
    }

    async fn create_text_field(&self, name: &str) -> Result<FieldDescription, ServiceError> {
        self.inner.create_text_field(name).await
    }

    fn take_usage(&self) -> Usage {
        self.inner.take_usage()
    }
}
