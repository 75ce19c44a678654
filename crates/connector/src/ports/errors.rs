//! The error queue: one row per pair, open until the pair is in step again.

use async_trait::async_trait;
use jiff::Timestamp;
use sync_core::ids::BusinessUnit;
use sync_core::key::PairKey;
use sync_core::settle::ErrorRow;

use super::StoreError;

/// The errors table.
#[async_trait]
pub trait Errors: Send + Sync {
    /// Opens rows; a row that is open already keeps `first_seen` and counts one attempt more.
    async fn open(&self, rows: Vec<ErrorRow>) -> Vec<Result<(), StoreError>>;

    /// Closes the open rows of these pairs. Closing what is not open is no error.
    async fn close(
        &self,
        unit: &BusinessUnit,
        pairs: &[PairKey],
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Lists rows, open ones first seen first; with `closed`, closed ones after them.
    async fn list(&self, unit: &BusinessUnit, closed: bool) -> Result<Vec<ErrorRow>, StoreError>;

    /// Counts open rows.
    async fn count_open(&self, unit: &BusinessUnit) -> Result<u64, StoreError>;
}
