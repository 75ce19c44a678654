//! Mutants of the link table and of the error rows that are stored with it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use connector::ports::{Begin, Commit, LinkPage, Links, Loaded, StoreError};
use jiff::SignedDuration;
use sync_core::ids::BusinessUnit;
use sync_core::key::{PairKey, RecordRef};
use sync_core::link::{Intent, Link};
use sync_core::record::Values;
use sync_core::settle::ErrorChange;
use sync_core::value::{FieldName, FieldValue};
use twin::world::lock;

use super::Mutant;
use crate::setting::MIRROR;

pub(super) struct MutatedLinks {
    pub(super) mutant: Mutant,
    pub(super) inner: Arc<dyn Links>,
    /// Intents that are stored with the commit only.
    pub(super) waiting: Arc<Mutex<BTreeMap<PairKey, Intent>>>,
}

impl MutatedLinks {
    fn loaded(&self, link: &mut Link) {
        match self.mutant {
            Mutant::OneBaseForBothSides => {
                if let Some(intent) = &mut link.intent {
                    intent.plan = None;
                }
            }
            Mutant::SeenValuesForgotten => {
                if let Some(plan) = link.intent.as_mut().and_then(|intent| intent.plan.as_mut()) {
                    plan.salesforce = plan.salesforce.as_ref().map(|_| Values::new());
                    plan.account_engagement =
                        plan.account_engagement.as_ref().map(|_| Values::new());
                }
            }
            Mutant::WholeRecordLastWriterWins => {
                link.base.clear();
                if let Some(intent) = &mut link.intent {
                    intent.plan = None;
                }
            }
            Mutant::LeaseIgnored => link.lease_until = None,
            Mutant::OwnWritesTakenForEdits => link.prospect_write = None,
            Mutant::SeenStatesForgotten => link.prospect_seen = None,
            Mutant::RetirementForgotten => link.is_crm_deleted = false,
            Mutant::ReleasedUnmarked => link.marked_in = Some(MIRROR.to_owned()),
            Mutant::PartedKeepsKey => link.key = link.key.row(),
            _ => {}
        }
    }

    async fn begun(&self, mut begin: Begin) -> Begin {
        let link = &mut begin.link;
        match self.mutant {
            Mutant::NoStoredIntent => link.intent = None,
            Mutant::IntentAfterWrite => {
                if let Some(intent) = link.intent.take() {
                    lock(&self.waiting).insert(link.key.clone(), intent);
                }
            }
            Mutant::BaseNotAdvanced => {
                if let Some(stored) = self.stored(link).await {
                    link.base = stored.base;
                }
            }
            Mutant::BaseWrittenFirst => {
                if let Some(plan) = link.intent.as_mut().and_then(|intent| intent.plan.take()) {
                    link.base = plan.target;
                }
            }
            mutant if mutant.has_no_lease() => link.lease_until = None,
            Mutant::LeaseTooShort | Mutant::BlindCreateUnderShortLease => {
                let at = link.intent.as_ref().map(|intent| intent.at);
                link.lease_until = at.map(|at| at + SignedDuration::from_secs(10));
            }
            Mutant::NoDeadline => {
                let at = link.intent.as_ref().map(|intent| intent.at);
                link.lease_until = at.map(|at| at + SignedDuration::from_secs(90));
            }
            Mutant::NoClaims => begin.claims.clear(),
            Mutant::ConflictsUnrecorded => link.conflicts.clear(),
            _ => {}
        }
        begin
    }

    fn committed(&self, mut commit: Commit) -> Commit {
        let link = &mut commit.link;
        match self.mutant {
            Mutant::IntentGivenUp if link.lease_until.is_none() => link.intent = None,
            Mutant::IntentAfterWrite => {
                let waiting = lock(&self.waiting).remove(&link.key);
                if link.lease_until.is_some() {
                    link.intent = waiting;
                }
            }
            Mutant::BaseForgotten => link.base.clear(),
            Mutant::BaseUnnormalised => {
                if let Some(FieldValue::Text(address)) =
                    link.base.get_mut(&FieldName::from("email"))
                {
                    *address = address.to_uppercase();
                }
            }
            Mutant::NoClaims => commit.claims.clear(),
            // Two are released when a pair is parted, which is no create.
            Mutant::ClaimsKept if commit.releases.len() == 1 => commit.releases.clear(),
            Mutant::ErrorsNotOpened => commit.error = ErrorChange::None,
            Mutant::ConflictsUnrecorded => link.conflicts.clear(),
            _ => {}
        }
        commit
    }

    async fn stored(&self, link: &Link) -> Option<Link> {
        let pairs = std::slice::from_ref(&link.key);
        let loaded = self
            .inner
            .load(&link.business_unit, &[], pairs)
            .await
            .ok()?;
        loaded.links.get(&link.key.row()).cloned()
    }

    async fn version(&self, link: &Link) -> u64 {
        self.stored(link).await.map_or(0, |stored| stored.version)
    }
}

#[async_trait]
impl Links for MutatedLinks {
    async fn load(
        &self,
        unit: &BusinessUnit,
        records: &[RecordRef],
        pairs: &[PairKey],
    ) -> Result<Loaded, StoreError> {
        let mut loaded = self.inner.load(unit, records, pairs).await?;
        for link in loaded.links.values_mut() {
            self.loaded(link);
        }
        Ok(loaded)
    }

    async fn begin(&self, begins: Vec<Begin>) -> Vec<Result<Link, StoreError>> {
        let mut mutated = Vec::new();
        for begin in begins {
            let mut begin = self.begun(begin).await;
            if matches!(
                self.mutant,
                Mutant::BeginWithoutEpoch | Mutant::NoLeaseNoCondition
            ) {
                begin.link.version = self.version(&begin.link).await;
            }
            mutated.push(begin);
        }
        self.inner.begin(mutated).await
    }

    async fn commit(&self, commits: Vec<Commit>) -> Vec<Result<Link, StoreError>> {
        let commits = commits.into_iter().map(|commit| self.committed(commit));
        self.inner.commit(commits.collect()).await
    }

    async fn list(
        &self,
        unit: &BusinessUnit,
        state: Option<&str>,
        next: Option<String>,
    ) -> Result<LinkPage, StoreError> {
        if self.mutant == Mutant::HeldForgotten && state == Some("held") {
            return Ok(LinkPage::default());
        }
        self.inner.list(unit, state, next).await
    }

    async fn count(&self, unit: &BusinessUnit) -> Result<BTreeMap<String, u64>, StoreError> {
        self.inner.count(unit).await
    }
}
