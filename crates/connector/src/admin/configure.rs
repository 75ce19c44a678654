//! Checking a configuration against both services, and storing it as an immutable version.

use sync_core::config::lint::{Deployment, Finding, Severity, lint};
use sync_core::config::{Config, ConnectorRow, ConnectorState, FieldMap, MappedSince};
use sync_core::protocol::AdminReply;
use sync_core::schema::Schema;

use super::{AdminError, Desk};
use crate::ports::StoreError;

/// Names every mistake. Asks both services for their fields; a service that cannot be asked is a
/// finding of its own.
pub(super) async fn check(desk: &Desk<'_>, config: &Config) -> Result<AdminReply, AdminError> {
    Ok(AdminReply::Findings {
        findings: findings(desk, config, InForce::of(desk).await?.as_ref()).await?,
    })
}

/// Stores the configuration under the next version and puts it in force. Refused when it has errors.
///
/// R3: a new connector begins paused. R45: prospects are created for records from now on, or from
/// the moment the setting was switched on before.
pub(super) async fn apply(desk: &Desk<'_>, config: &Config) -> Result<AdminReply, AdminError> {
    let in_force = InForce::of(desk).await?;
    let findings = findings(desk, config, in_force.as_ref()).await?;
    if findings
        .iter()
        .any(|finding| finding.severity == Severity::Error)
    {
        return Ok(AdminReply::Findings { findings });
    }
    let state = &desk.environment.state;
    let row = in_force.as_ref().map(|in_force| &in_force.row);
    let version = store(desk, config, row).await?;
    let now = desk.now();
    let since = row.and_then(|row| row.create_prospects_since);
    let next = ConnectorRow {
        business_unit: desk.unit.clone(),
        name: config.name.clone(),
        state: row.map_or(ConnectorState::Paused, |row| row.state.clone()),
        config_version: version,
        mapped_since: in_force.as_ref().map_or_else(MappedSince::new, |in_force| {
            in_force.mapped_since(&config.fields, version)
        }),
        created_at: row.map_or(now, |row| row.created_at),
        create_prospects_since: config
            .settings
            .create_prospects
            .then(|| since.unwrap_or(now)),
        used_up: row.and_then(|row| row.used_up),
        changed_by: desk.actor.clone(),
        changed_at: now,
        version: row.map_or(1, |row| row.version + 1),
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

/// What a new configuration replaces.
struct InForce {
    row: ConnectorRow,
    /// Nothing when the table has lost the version that the row names.
    fields: Option<FieldMap>,
}

impl InForce {
    async fn of(desk: &Desk<'_>) -> Result<Option<Self>, AdminError> {
        let state = &desk.environment.state;
        let Some(row) = state.connector(&desk.unit).await? else {
            return Ok(None);
        };
        let config = state.config(&desk.unit, row.config_version).await?;
        let fields = config.map(|config| config.fields);
        Ok(Some(Self { row, fields }))
    }

    fn mapped_since(&self, next: &FieldMap, version: u64) -> MappedSince {
        next.mapped_since(self.fields.as_ref(), &self.row.mapped_since, version)
    }

    /// Fields that are going to be compared with another field than before.
    fn remapped(&self, next: &FieldMap) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (index, entry) in next.0.iter().enumerate() {
            let mut before = self.fields.iter().flat_map(|map| &map.0);
            let before = before.find(|old| old.prospect == entry.prospect);
            let Some(before) = before.filter(|before| !entry.is_mapped_like(before)) else {
                continue;
            };
            let was_mapped_to = [&before.lead, &before.contact].into_iter().flatten();
            let names: Vec<String> = was_mapped_to.map(|name| format!("`{name}`")).collect();
            findings.push(Finding {
                severity: Severity::Warning,
                path: format!("fields[{index}]"),
                rule: "R90".to_owned(),
                message: format!(
                    "`{}` was mapped to {}, or under another type: what both sides agreed on there does not \
                     count any more, and where they differ now, `behaviour` decides",
                    entry.prospect,
                    names.join(" and "),
                ),
            });
        }
        findings
    }
}

async fn findings(
    desk: &Desk<'_>,
    config: &Config,
    in_force: Option<&InForce>,
) -> Result<Vec<Finding>, AdminError> {
    let deployment = Deployment {
        business_units: desk.environment.business_units.clone(),
        existing_connector: in_force.map(|in_force| in_force.row.name.clone()),
    };
    let (schema, unreachable) = match ask_services(desk, config).await {
        Ok(schema) => (Some(schema), None),
        Err(finding) => (None, Some(finding)),
    };
    let mut findings = lint(config, &deployment, schema.as_ref());
    findings.extend(unreachable);
    findings.extend(
        in_force
            .into_iter()
            .flat_map(|in_force| in_force.remapped(&config.fields)),
    );
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
