//! What is left of the org's allowances (apis A11). Costs a call; `usage()` is free and nearly as good.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::client::{Call, Client, data_path};
use crate::error::Error;

/// One allowance of the org.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Allowance {
    /// Allowed.
    pub max: u64,
    /// Left. Below zero when the org is over a soft cap.
    pub remaining: i64,
}

impl Client {
    /// The allowances by name: `DailyApiRequests`, `DataStorageMB`, …
    ///
    /// # Errors
    /// When the call fails or its answer is no table of allowances.
    pub async fn limits(&self) -> Result<BTreeMap<String, Allowance>, Error> {
        let answer = self.call(&Call::get("limits", data_path("limits"))).await?;
        let Value::Object(table) = answer else {
            let problem = "the limits are an object".to_owned();
            return Err(Error::Protocol {
                call: "limits",
                problem,
            });
        };
        // An entry of another shape is one we do not use.
        let read = |(name, json)| Some((name, serde_json::from_value(json).ok()?));
        Ok(table.into_iter().filter_map(read).collect())
    }
}
