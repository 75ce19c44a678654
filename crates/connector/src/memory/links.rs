//! The link table in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use sync_core::ids::BusinessUnit;
use sync_core::key::{PairKey, RecordRef};
use sync_core::link::Link;

use super::{LinkKey, lock};
use crate::ports::{Begin, Commit, LinkPage, Links, Loaded, StoreError};

type ClaimKey = (BusinessUnit, RecordRef);

#[derive(Debug, Default)]
struct LinkTable {
    rows: BTreeMap<LinkKey, Link>,
    claims: BTreeMap<ClaimKey, PairKey>,
    writes: u64,
}

/// The link table in memory.
#[derive(Debug, Default)]
pub struct MemoryLinks(Mutex<LinkTable>);

impl MemoryLinks {
    /// How many rows and claims have been written.
    #[must_use]
    pub fn writes(&self) -> u64 {
        lock(&self.0).writes
    }

    fn store(
        &self,
        mut link: Link,
        claims: &[RecordRef],
        supersedes: &[PairKey],
    ) -> Result<Link, StoreError> {
        let mut table = lock(&self.0);
        let unit = link.business_unit.clone();
        let key = (unit.clone(), link.key.clone());
        let stored_version = table.rows.get(&key).map_or(0, |row| row.version);
        let is_taken = |record: &RecordRef| {
            table
                .claims
                .get(&(unit.clone(), record.clone()))
                .is_some_and(|pair| *pair != link.key)
        };
        if stored_version != link.version || claims.iter().any(is_taken) {
            return Err(StoreError::Conflict);
        }
        for record in claims {
            table
                .claims
                .insert((unit.clone(), record.clone()), link.key.clone());
        }
        for pair in supersedes {
            table.rows.remove(&(unit.clone(), pair.clone()));
        }
        link.version += 1;
        table.writes += 1 + (claims.len() + supersedes.len()) as u64;
        table.rows.insert(key, link.clone());
        Ok(link)
    }
}

#[async_trait]
impl Links for MemoryLinks {
    async fn load(
        &self,
        unit: &BusinessUnit,
        records: &[RecordRef],
        pairs: &[PairKey],
    ) -> Result<Loaded, StoreError> {
        let table = lock(&self.0);
        let mut loaded = Loaded::default();
        for record in records {
            if let Some(pair) = table.claims.get(&(unit.clone(), record.clone())) {
                loaded.claims.insert(record.clone(), pair.clone());
            }
        }
        let wanted: Vec<PairKey> = loaded.claims.values().chain(pairs).cloned().collect();
        for pair in wanted {
            if let Some(row) = table.rows.get(&(unit.clone(), pair.clone())) {
                loaded.links.insert(pair, row.clone());
            }
        }
        Ok(loaded)
    }

    async fn begin(&self, begins: Vec<Begin>) -> Vec<Result<Link, StoreError>> {
        begins
            .into_iter()
            .map(|begin| self.store(begin.link, &begin.claims, &[]))
            .collect()
    }

    async fn commit(&self, commits: Vec<Commit>) -> Vec<Result<Link, StoreError>> {
        commits
            .into_iter()
            .map(|commit| self.store(commit.link, &commit.claims, &commit.supersedes))
            .collect()
    }

    async fn list(
        &self,
        unit: &BusinessUnit,
        state: Option<&str>,
        next: Option<String>,
    ) -> Result<LinkPage, StoreError> {
        const PAGE: usize = 100;
        let start: usize = next.and_then(|text| text.parse().ok()).unwrap_or(0);
        let table = lock(&self.0);
        let matching: Vec<&Link> = table
            .rows
            .values()
            .filter(|row| row.business_unit == *unit)
            .filter(|row| state.is_none_or(|state| row.state.name() == state))
            .collect();
        let end = (start + PAGE).min(matching.len());
        let rows = matching
            .get(start..end)
            .unwrap_or(&[])
            .iter()
            .map(|row| (*row).clone());
        let next = (end < matching.len()).then(|| end.to_string());
        Ok(LinkPage {
            rows: rows.collect(),
            next,
        })
    }

    async fn count(&self, unit: &BusinessUnit) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut counts = BTreeMap::new();
        for row in lock(&self.0)
            .rows
            .values()
            .filter(|row| row.business_unit == *unit)
        {
            *counts.entry(row.state.name().to_owned()).or_insert(0) += 1;
        }
        Ok(counts)
    }
}
