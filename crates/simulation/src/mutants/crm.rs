//! Mutants of what is asked of Salesforce.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use connector::ports::{
    Changes, Crm, CrmChange, CrmUser, CrmWrite, CrmWriteTarget, ServiceError, Usage,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sync_core::config::Config;
use sync_core::error::ErrorClass;
use sync_core::ids::{CrmId, CrmObject, SalesforceId};
use sync_core::key::PairKey;
use sync_core::record::{CrmRecord, Side};
use sync_core::schema::FieldDescription;
use sync_core::settle::WriteFailure;
use sync_core::value::NormalisedEmail;

use super::{Mutant, note_stamps, read_from, was_seen};
use crate::kernel::Sim;

pub(super) struct MutatedCrm {
    pub(super) mutant: Mutant,
    pub(super) inner: Arc<dyn Crm>,
    pub(super) sim: Arc<Sim>,
}

type Written = Result<CrmId, WriteFailure>;

fn is_create(write: &CrmWrite) -> bool {
    matches!(write.target, CrmWriteTarget::Create(_))
}

impl MutatedCrm {
    fn mutate(&self, write: &CrmWrite) -> CrmWrite {
        let mut write = write.clone();
        match self.mutant {
            mutant if mutant.creates_leads_blindly() && is_create(&write) => {
                write.fields.key = None;
            }
            Mutant::NoCondition => write.seen = None,
            _ => {}
        }
        write
    }

    fn writes_no_token(&self) -> bool {
        matches!(
            self.mutant,
            Mutant::NoTokenInSalesforce | Mutant::TokenInSecondUpdate
        )
    }

    /// What becomes of one answer.
    async fn after(&self, config: &Config, write: &CrmWrite, written: Written) -> Written {
        match (self.mutant, written) {
            (Mutant::TokenInSecondUpdate, Ok(id)) => {
                let token_alone = CrmWrite {
                    target: CrmWriteTarget::Update(id),
                    fields: sync_core::decision::CrmFields::default(),
                    token: write.token.clone(),
                    seen: None,
                };
                self.one(config, &token_alone).await
            }
            (mutant, Err(failure))
                if mutant.overwrites_on_create() && failure.code == "DUPLICATE_VALUE" =>
            {
                let keys: Vec<PairKey> = write.fields.key.clone().into_iter().collect();
                let found = self.inner.find_by_key(config, &keys).await;
                match found.ok().and_then(|found| found.into_iter().next()) {
                    Some(record) => {
                        let target = CrmWriteTarget::Update(record.id);
                        let overwrite = CrmWrite {
                            target,
                            seen: None,
                            ..write.clone()
                        };
                        self.one(config, &overwrite).await
                    }
                    None => Err(failure),
                }
            }
            (Mutant::LostReplyIsRefusal, Err(failure)) => Err(WriteFailure {
                may_have_landed: false,
                ..failure
            }),
            (Mutant::LostReplyIsSuccess, Err(failure)) if failure.may_have_landed => {
                match &write.target {
                    CrmWriteTarget::Update(id) => Ok(id.clone()),
                    CrmWriteTarget::Create(_) => Err(failure),
                }
            }
            (Mutant::StaleRefusalIsSuccess, Err(failure)) if failure.class == ErrorClass::Stale => {
                match &write.target {
                    CrmWriteTarget::Update(id) => Ok(id.clone()),
                    CrmWriteTarget::Create(_) => Err(failure),
                }
            }
            (_, written) => written,
        }
    }

    async fn one(&self, config: &Config, write: &CrmWrite) -> Written {
        let mut answers = self.inner.write(config, std::slice::from_ref(write)).await;
        answers.pop().expect("one answer for one write")
    }
}

#[async_trait]
impl Crm for MutatedCrm {
    async fn connector_user(&self) -> Result<SalesforceId, ServiceError> {
        self.inner.connector_user().await
    }

    async fn changes(
        &self,
        config: &Config,
        object: CrmObject,
        from: Timestamp,
    ) -> Result<Changes<CrmChange>, ServiceError> {
        let from = read_from(self.mutant, &self.sim, object.name(), from);
        let mut changes = self.inner.changes(config, object, from).await?;
        note_stamps(
            &self.sim,
            object.name(),
            changes.rows.iter().map(|row| row.stamp),
        );
        match self.mutant {
            Mutant::DeletesNotPolled => changes.rows.retain(|row| !row.is_deleted),
            Mutant::DedupByStamp => changes
                .rows
                .retain(|row| !was_seen(&self.sim, row.id.as_str(), row.stamp)),
            Mutant::SeenByStampAlone => {
                for row in &mut changes.rows {
                    row.fingerprint = 0;
                }
            }
            Mutant::SeenTooEarly => changes.read_at += SignedDuration::from_mins(2),
            Mutant::EchoFilterByUser => {
                let inner = self.sim.lock();
                let connector = json!(inner.world.connector_user);
                changes.rows.retain(|change| {
                    let row = inner.world.lead(&change.id);
                    row.and_then(|row| row.get("LastModifiedById")) != Some(&connector)
                });
            }
            _ => {}
        }
        Ok(changes)
    }

    async fn read(
        &self,
        config: &Config,
        ids: &[CrmId],
    ) -> Result<BTreeMap<CrmId, Side<CrmRecord>>, ServiceError> {
        let mut sides = self.inner.read(config, ids).await?;
        if self.mutant == Mutant::DeletedRecordRecreated {
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
        emails: &[NormalisedEmail],
    ) -> Result<Vec<CrmRecord>, ServiceError> {
        let mut found = self.inner.find_by_email(config, emails).await?;
        if self.mutant.overwrites_on_create() {
            found.retain(|record| record.key.is_none());
        }
        if self.mutant == Mutant::CaseSensitiveAddress {
            found.retain(|record| record.key.is_some());
        }
        if self.mutant == Mutant::CreatedForOthersIsFree {
            for record in &mut found {
                record.key = None;
            }
        }
        Ok(found)
    }

    async fn find_by_key(
        &self,
        config: &Config,
        keys: &[PairKey],
    ) -> Result<Vec<CrmRecord>, ServiceError> {
        if self.mutant.overwrites_on_create() {
            return Ok(Vec::new());
        }
        self.inner.find_by_key(config, keys).await
    }

    async fn write(&self, config: &Config, writes: &[CrmWrite]) -> Vec<Written> {
        let writes: Vec<CrmWrite> = writes.iter().map(|write| self.mutate(write)).collect();
        let mut first = config.clone();
        if self.writes_no_token() {
            first.salesforce.token_field = None;
        }
        // One call, as it was asked for: split, it could outlive the worker's deadline by itself.
        let answers = self.inner.write(&first, &writes).await;
        let mut written = Vec::with_capacity(writes.len());
        for (write, answer) in writes.iter().zip(answers) {
            written.push(self.after(config, write, answer).await);
        }
        written
    }

    async fn describe(&self) -> Result<BTreeMap<String, Vec<FieldDescription>>, ServiceError> {
        self.inner.describe().await
    }

    async fn users(&self) -> Result<Vec<CrmUser>, ServiceError> {
        self.inner.users().await
    }

    fn take_usage(&self) -> Usage {
        self.inner.take_usage()
    }
}
