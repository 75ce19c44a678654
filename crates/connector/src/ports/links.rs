//! The link table: rows by pair key, and claims that make each record belong to one pair only.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use sync_core::ids::BusinessUnit;
use sync_core::key::{PairKey, RecordRef};
use sync_core::link::Link;
use sync_core::settle::ErrorChange;

use super::StoreError;

/// Link rows and claims.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Loaded {
    /// The row of the pair that each of the records belongs to; records without claim are left out.
    pub claims: BTreeMap<RecordRef, PairKey>,
    /// The stored rows of the pairs, by [`PairKey::row`]; pairs without row are left out.
    pub links: BTreeMap<PairKey, Link>,
}

/// A row to store before anything is written to the services.
#[derive(Debug, Clone, PartialEq)]
pub struct Begin {
    /// The row with intent and lease; its version is the one that was read.
    pub link: Link,
    /// Records that must belong to this pair from now on.
    pub claims: Vec<RecordRef>,
}

/// A row to store after everything was written, with what goes with it: all of it or nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// The settled row; its version is the one that was read or begun.
    pub link: Link,
    /// Records that must belong to this pair from now on.
    pub claims: Vec<RecordRef>,
    /// Records that this pair had claimed: for a create that certainly did not land, or until they were parted.
    pub releases: Vec<RecordRef>,
    /// Rows that the partner had on its own before it was linked, as they were read: a skip, a hold or an
    /// error, which is closed with its row.
    pub supersedes: Vec<Link>,
    /// What happens to the pair's error row.
    pub error: ErrorChange,
    /// When all this happens.
    pub at: Timestamp,
}

impl Commit {
    /// The record that nobody else may have claimed, though this pair does not either: an error tells of the
    /// record alone.
    #[must_use]
    pub fn unclaimed(&self) -> Option<&RecordRef> {
        let opens = matches!(self.error, ErrorChange::Open(_));
        (opens && !self.link.is_complete()).then(|| self.link.key.origin())
    }

    /// A row and nothing else.
    #[must_use]
    pub fn of(link: Link, at: Timestamp) -> Self {
        Self {
            link,
            claims: Vec::new(),
            releases: Vec::new(),
            supersedes: Vec::new(),
            error: ErrorChange::None,
            at,
        }
    }
}

/// A row with its claims, and nothing else.
impl From<Begin> for Commit {
    fn from(begin: Begin) -> Self {
        let begun = begin.link.intent.as_ref().map(|intent| intent.at);
        Self {
            claims: begin.claims,
            ..Self::of(begin.link, begun.unwrap_or_default())
        }
    }
}

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LinkPage {
    /// The rows.
    pub rows: Vec<Link>,
    /// Where the next page starts.
    pub next: Option<String>,
}

/// The link table. All reads that decisions rest on are strongly consistent.
#[async_trait]
pub trait Links: Send + Sync {
    /// Loads the claims of the records, and the rows of the claimed and the given pairs.
    async fn load(
        &self,
        unit: &BusinessUnit,
        records: &[RecordRef],
        pairs: &[PairKey],
    ) -> Result<Loaded, StoreError>;

    /// Stores rows with their intents, each on condition that the version is the one that was read
    /// and that no other pair claims the records. Answers per row, in order, with the row as stored.
    async fn begin(&self, begins: Vec<Begin>) -> Vec<Result<Link, StoreError>>;

    /// Stores settled rows with their error rows, each on the same conditions, and on condition that the
    /// rows that go have the version that was read. No error is opened for a record that another pair has
    /// claimed. An error row that is open already keeps `first_seen` and counts one attempt more. Answers per
    /// row, in order.
    async fn commit(&self, commits: Vec<Commit>) -> Vec<Result<Link, StoreError>>;

    /// Lists rows of a state, or of all states.
    async fn list(
        &self,
        unit: &BusinessUnit,
        state: Option<&str>,
        next: Option<String>,
    ) -> Result<LinkPage, StoreError>;

    /// Counts rows by state.
    async fn count(&self, unit: &BusinessUnit) -> Result<BTreeMap<String, u64>, StoreError>;
}
