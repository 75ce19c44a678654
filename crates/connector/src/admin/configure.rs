//! Checking a configuration against both services, and storing it as an immutable version.

use sync_core::config::lint::{Deployment, Finding, Severity, lint};
use sync_core::config::{Config, ConnectorRow, ConnectorState};
use sync_core::protocol::AdminReply;
use sync_core::schema::Schema;

use super::{AdminError, Desk};
use crate::ports::StoreError;

/// Names every mistake. Asks both services for their fields; a service that cannot be asked is a
/// finding of its own.
pub(super) async fn check(desk: &Desk<'_>, config: &Config) -> Result<AdminReply, AdminError> {
    Ok(AdminReply::Findings {
        findings: findings(desk, config).await?,
    })
}

/// Stores the configuration under the next version and puts it in force. Refused when it has errors.
///
/// R3: a new connector begins paused. R45: prospects are created for records from now on, or from
/// the moment the setting was switched on before.
pub(super) async fn apply(desk: &Desk<'_>, config: &Config) -> Result<AdminReply, AdminError> {
    let findings = findings(desk, config).await?;
    if findings
        .iter()
        .any(|finding| finding.severity == Severity::Error)
    {
        return Ok(AdminReply::Findings { findings });
    }
    let state = &desk.environment.state;
    let row = state.connector(&desk.unit).await?;
    let version = store(desk, config, row.as_ref()).await?;
    let now = desk.now();
    let since = row.as_ref().and_then(|row| row.create_prospects_since);
    let next = ConnectorRow {
        business_unit: desk.unit.clone(),
        name: config.name.clone(),
        state: row
            .as_ref()
            .map_or(ConnectorState::Paused, |row| row.state.clone()),
        config_version: version,
        created_at: row.as_ref().map_or(now, |row| row.created_at),
        create_prospects_since: config
            .settings
            .create_prospects
            .then(|| since.unwrap_or(now)),
        used_up: row.as_ref().and_then(|row| row.used_up),
        changed_by: desk.actor.clone(),
        changed_at: now,
        version: row.as_ref().map_or(1, |row| row.version + 1),
    };
    desk.audit(format!("config apply, version {version}"))
        .await?;
    state.put_connector(&next).await?;
    Ok(AdminReply::Applied { version, findings })
}

/// Stores the configuration under the first number that is free: an attempt that was not finished may
/// have left a version behind that was never in force.
async fn store(
    desk: &Desk<'_>,
    config: &Config,
    row: Option<&ConnectorRow>,
) -> Result<u64, AdminError> {
    const ATTEMPTS: u64 = 20;
    let first = row.map_or(1, |row| row.config_version + 1);
    for version in first..first + ATTEMPTS {
        match desk.environment.state.put_config(version, config).await {
            Ok(()) => return Ok(version),
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict.into())
}

async fn findings(desk: &Desk<'_>, config: &Config) -> Result<Vec<Finding>, AdminError> {
    let existing = desk.environment.state.connector(&desk.unit).await?;
    let deployment = Deployment {
        business_units: desk.environment.business_units.clone(),
        existing_connector: existing.map(|row| row.name),
    };
    let (schema, unreachable) = match ask_services(desk, config).await {
        Ok(schema) => (Some(schema), None),
        Err(finding) => (None, Some(finding)),
    };
    let mut findings = lint(config, &deployment, schema.as_ref());
    findings.extend(unreachable);
    findings.sort_by(|a, b| (a.severity, &a.path).cmp(&(b.severity, &b.path)));
    Ok(findings)
}

async fn ask_services(desk: &Desk<'_>, config: &Config) -> Result<Schema, Finding> {
    let unreachable = |error: crate::ports::ServiceError| Finding {
        severity: Severity::Error,
        path: String::new(),
        rule: error.code.clone(),
        message: error.to_string(),
    };
    let sides = desk
        .environment
        .services
        .open(config)
        .await
        .map_err(unreachable)?;
    let crm = sides.crm.describe().await.map_err(unreachable)?;
    let prospect = sides.marketing.describe().await.map_err(unreachable)?;
    Ok(Schema { crm, prospect })
}
