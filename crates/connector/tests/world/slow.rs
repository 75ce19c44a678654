//! A link table whose listings take time, and rows without records to list.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use connector::Environment;
use connector::memory::FakeClock;
use connector::ports::{Begin, Clock, Commit, LinkPage, Links, Loaded, StoreError};
use jiff::SignedDuration;
use sync_core::ids::BusinessUnit;
use sync_core::key::{PairKey, RecordRef};
use sync_core::link::{Link, LinkState};

use super::World;

/// Moves our clock with every page.
struct SlowLinks {
    inner: Arc<dyn Links>,
    clock: Arc<FakeClock>,
    a_page: SignedDuration,
}

#[async_trait]
impl Links for SlowLinks {
    async fn load(
        &self,
        unit: &BusinessUnit,
        records: &[RecordRef],
        pairs: &[PairKey],
    ) -> Result<Loaded, StoreError> {
        self.inner.load(unit, records, pairs).await
    }

    async fn begin(&self, begins: Vec<Begin>) -> Vec<Result<Link, StoreError>> {
        self.inner.begin(begins).await
    }

    async fn commit(&self, commits: Vec<Commit>) -> Vec<Result<Link, StoreError>> {
        self.inner.commit(commits).await
    }

    async fn list(
        &self,
        unit: &BusinessUnit,
        state: Option<&str>,
        next: Option<String>,
    ) -> Result<LinkPage, StoreError> {
        self.clock.set(self.clock.now() + self.a_page);
        self.inner.list(unit, state, next).await
    }

    async fn count(&self, unit: &BusinessUnit) -> Result<BTreeMap<String, u64>, StoreError> {
        self.inner.count(unit).await
    }
}

impl World {
    /// What a process is given whose listings take this long a page.
    pub fn with_slow_links(&self, a_page: SignedDuration) -> Environment {
        let links = SlowLinks {
            inner: self.links.clone(),
            clock: self.clock.clone(),
            a_page,
        };
        Environment {
            links: Arc::new(links),
            ..self.environment()
        }
    }

    /// Linked pairs with an open error, without records.
    pub async fn add_rows_in_errors(&self, count: usize) {
        let begins = (0..count).map(|number| {
            let lead = format!("00Q{number:012}").parse().expect("an id");
            let key = PairKey::of(RecordRef::Crm(lead));
            let link = Link {
                state: LinkState::Linked,
                has_open_error: true,
                ..Link::new(self.unit(), key)
            };
            let claims = Vec::new();
            Begin { link, claims }
        });
        let stored = self.links.begin(begins.collect()).await;
        assert!(stored.iter().all(Result::is_ok));
    }
}
