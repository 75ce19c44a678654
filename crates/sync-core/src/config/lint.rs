//! What is wrong with a configuration, by path and rule, before anything is written.

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::ids::BusinessUnit;
use crate::schema::Schema;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// The configuration is accepted; somebody should know.
    Warning,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Where: `fields[3].lead`.
    pub path: String,
    /// Which rule: `R14`, `R94`, `A6`.
    pub rule: String,
    /// What is wrong and how to put it right.
    pub message: String,
}

/// What the linter knows of the deployment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deployment {
    /// The business units the stack was deployed for; empty when unknown.
    pub business_units: Vec<BusinessUnit>,
    /// The name of the connector that already exists for this business unit, if any (R1).
    pub existing_connector: Option<String>,
}

/// Checks a configuration. `schema` is `None` when the services were not asked.
#[must_use]
pub fn lint(config: &Config, deployment: &Deployment, schema: Option<&Schema>) -> Vec<Finding> {
    let _ = (config, deployment, schema);
    Vec::new()
}
