//! The error queue: one row per pair, open until the pair is in step again. Its rows are stored with the
//! link rows (`Commit::error`), so that neither ever tells of the other what is not so.

use async_trait::async_trait;
use sync_core::ids::BusinessUnit;
use sync_core::settle::ErrorRow;

use super::StoreError;

/// The errors table.
#[async_trait]
pub trait Errors: Send + Sync {
    /// Lists rows, open ones first seen first; with `closed`, closed ones after them.
    async fn list(&self, unit: &BusinessUnit, closed: bool) -> Result<Vec<ErrorRow>, StoreError>;

    /// Counts open rows.
    async fn count_open(&self, unit: &BusinessUnit) -> Result<u64, StoreError>;
}
