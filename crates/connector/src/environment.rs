//! Everything a use case may touch, built in one place per process.

use std::sync::Arc;

use sync_core::config::{Config, ConnectorRow};
use sync_core::ids::BusinessUnit;

use crate::ports::{Clock, Errors, Links, Queue, Services, State, StoreError};

/// The ports of one deployment.
#[derive(Clone)]
pub struct Environment {
    /// Clients of both services.
    pub services: Arc<dyn Services>,
    /// The link table.
    pub links: Arc<dyn Links>,
    /// The errors table.
    pub errors: Arc<dyn Errors>,
    /// The connector table.
    pub state: Arc<dyn State>,
    /// The lanes.
    pub queue: Arc<dyn Queue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The business units this deployment is for.
    pub business_units: Vec<BusinessUnit>,
}

/// A connector that has been configured: its row and the configuration version in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Configured {
    /// State and dates.
    pub row: ConnectorRow,
    /// The pinned configuration version.
    pub config: Config,
}

impl Environment {
    /// The connector of a business unit with its configuration; `None` before the first apply.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], also when the row names a version that is not there.
    pub async fn configured(&self, unit: &BusinessUnit) -> Result<Option<Configured>, StoreError> {
        let Some(row) = self.state.connector(unit).await? else {
            return Ok(None);
        };
        let config = self
            .state
            .config(unit, row.config_version)
            .await?
            .ok_or_else(|| {
                StoreError::Unavailable(format!(
                    "configuration version {} of {unit} is missing from the connector table",
                    row.config_version
                ))
            })?;
        Ok(Some(Configured { row, config }))
    }
}
