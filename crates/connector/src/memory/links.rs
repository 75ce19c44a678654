//! The link table in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use sync_core::ids::BusinessUnit;
use sync_core::key::{PairKey, RecordRef};
use sync_core::link::Link;
use sync_core::settle::ErrorChange;

use super::{LinkKey, MemoryErrors, lock};
use crate::ports::{Begin, Commit, LinkPage, Links, Loaded, StoreError};

type ClaimKey = (BusinessUnit, RecordRef);

#[derive(Debug, Default)]
struct LinkTable {
    rows: BTreeMap<LinkKey, Link>,
    claims: BTreeMap<ClaimKey, PairKey>,
    writes: u64,
}

/// The link table in memory, and the errors table that is kept with it.
#[derive(Debug, Default)]
pub struct MemoryLinks {
    table: Mutex<LinkTable>,
    errors: Arc<MemoryErrors>,
}

impl MemoryLinks {
    /// An empty table that keeps its errors there.
    #[must_use]
    pub fn new(errors: &Arc<MemoryErrors>) -> Self {
        Self {
            table: Mutex::default(),
            errors: errors.clone(),
        }
    }

    /// How many rows, claims and errors have been written, as items of the tables.
    #[must_use]
    pub fn writes(&self) -> u64 {
        lock(&self.table).writes
    }

    fn store(&self, commit: Commit) -> Result<Link, StoreError> {
        let mut table = lock(&self.table);
        let link = &commit.link;
        let row_key = |link: &Link| (link.business_unit.clone(), link.key.row());
        let claim_key = |record: &RecordRef| (link.business_unit.clone(), record.clone());
        let is_as_read = |read: &Link| {
            let stored = table.rows.get(&row_key(read));
            stored.map_or(0, |row| row.version) == read.version
        };
        let is_taken = |record: &RecordRef| {
            let claim = table.claims.get(&claim_key(record));
            claim.is_some_and(|pair| *pair != link.key.row())
        };
        let mut read = commit.supersedes.iter().chain([link]);
        let mut free = commit
            .claims
            .iter()
            .chain(&commit.releases)
            .chain(commit.unclaimed());
        if !read.all(is_as_read) || free.any(is_taken) {
            return Err(StoreError::Conflict);
        }
        for record in &commit.claims {
            table.claims.insert(claim_key(record), link.key.row());
        }
        for record in &commit.releases {
            table.claims.remove(&claim_key(record));
        }
        for gone in &commit.supersedes {
            table.rows.remove(&row_key(gone));
            self.errors.close(gone, commit.at);
        }
        let errors = usize::from(commit.error != ErrorChange::None);
        match commit.error {
            ErrorChange::None => {}
            ErrorChange::Open(row) => self.errors.open(*row),
            ErrorChange::Close => self.errors.close(link, commit.at),
        }
        let others = commit.claims.len() + commit.releases.len() + commit.supersedes.len();
        table.writes += 1 + (others + errors) as u64;
        let stored = Link {
            version: link.version + 1,
            ..link.clone()
        };
        table.rows.insert(row_key(&stored), stored.clone());
        Ok(stored)
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
        let table = lock(&self.table);
        let mut loaded = Loaded::default();
        for record in records {
            if let Some(pair) = table.claims.get(&(unit.clone(), record.clone())) {
                loaded.claims.insert(record.clone(), pair.clone());
            }
        }
        let wanted = loaded.claims.values().chain(pairs).map(PairKey::row);
        for pair in wanted.collect::<Vec<_>>() {
            if let Some(row) = table.rows.get(&(unit.clone(), pair.clone())) {
                loaded.links.insert(pair, row.clone());
            }
        }
        Ok(loaded)
    }

    async fn begin(&self, begins: Vec<Begin>) -> Vec<Result<Link, StoreError>> {
        begins
            .into_iter()
            .map(|begin| self.store(begin.into()))
            .collect()
    }

    async fn commit(&self, commits: Vec<Commit>) -> Vec<Result<Link, StoreError>> {
        commits
            .into_iter()
            .map(|commit| self.store(commit))
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
        let table = lock(&self.table);
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
        for row in lock(&self.table)
            .rows
            .values()
            .filter(|row| row.business_unit == *unit)
        {
            *counts.entry(row.state.name().to_owned()).or_insert(0) += 1;
        }
        Ok(counts)
    }
}
