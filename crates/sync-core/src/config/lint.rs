//! What is wrong with a configuration, by path and rule, before anything is written.
//!
//! The checks come in two kinds. What a file says about itself and about the deployment is checked
//! always; what the two services say about their fields only when they were asked. Each check names
//! the setting by its path, the rule it comes from, and what to do about it.

mod fields;
mod pair;
mod services;
mod settings;
mod spelling;
mod types;

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

/// The findings so far.
#[derive(Debug, Default)]
struct Report(Vec<Finding>);

impl Report {
    fn error(&mut self, path: impl Into<String>, rule: &str, message: impl Into<String>) {
        self.add(Severity::Error, path.into(), rule, message.into());
    }

    fn warning(&mut self, path: impl Into<String>, rule: &str, message: impl Into<String>) {
        self.add(Severity::Warning, path.into(), rule, message.into());
    }

    fn add(&mut self, severity: Severity, path: String, rule: &str, message: String) {
        self.0.push(Finding {
            severity,
            path,
            rule: rule.to_owned(),
            message,
        });
    }
}

/// Checks a configuration. `schema` is `None` when the services were not asked.
///
/// Errors come first; within a severity the order is that of the file.
#[must_use]
pub fn lint(config: &Config, deployment: &Deployment, schema: Option<&Schema>) -> Vec<Finding> {
    let mut report = Report::default();
    settings::check_identity(config, deployment, &mut report);
    settings::check_values(config, &mut report);
    fields::check_tokens(config, &mut report);
    fields::check_map(config, &mut report);
    fields::check_repetitions(config, &mut report);
    fields::check_entries(config, &mut report);
    if let Some(schema) = schema {
        services::check_own_fields(config, schema, &mut report);
        services::check_required(config, schema, &mut report);
        services::check_entries(config, schema, &mut report);
    }
    let mut findings = report.0;
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// Checks only the fields that the connector keeps for itself: pair key, sync token, shown CRM ID.
#[must_use]
pub fn lint_own_fields(config: &Config, schema: &Schema) -> Vec<Finding> {
    let mut report = Report::default();
    services::check_own_fields(config, schema, &mut report);
    report.0
}
