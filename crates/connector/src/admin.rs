//! What an operator does: look, set up, configure, pause, activate, sync one record now.

mod configure;
mod setup;

use std::fmt::Write as _;

use jiff::Timestamp;
use sync_core::config::{ConnectorRow, ConnectorState};
use sync_core::hint::{Cause, ChangeHint, Lane};
use sync_core::ids::{BusinessUnit, CrmId, ProspectId};
use sync_core::key::RecordRef;
use sync_core::link::Link;
use sync_core::protocol::{
    AdminCommand, AdminReply, AdminRequest, ConnectorStatus, CursorStatus, StatusReport,
};

use crate::environment::Environment;
use crate::poll::{catch_up, into_batches};
use crate::ports::{AuditEntry, LinkPage, ServiceError, StoreError, Stream};

/// The most error rows of one answer: a function answers with 6 MB at most, and a row has about 1 KB.
const ERROR_ROWS: usize = 2_000;

/// Why a request was not carried out: the message is for the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminError {
    /// The request makes no sense here.
    #[error("{0}")]
    Refused(String),
    /// A table of ours failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// One of the two services could not be asked.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// Carries out a request. Every change is in the audit trail before it is answered (R133).
pub async fn handle(environment: &Environment, request: AdminRequest, run: &str) -> AdminReply {
    let answered = match request.command {
        AdminCommand::Status => status(environment).await,
        command => match unit_of(environment, request.business_unit.as_ref(), &command) {
            Ok(unit) => {
                let desk = Desk {
                    environment,
                    unit,
                    actor: request.actor,
                    run,
                };
                desk.carry_out(command).await
            }
            Err(error) => Err(error),
        },
    };
    answered.unwrap_or_else(|error| AdminReply::Refused {
        message: error.to_string(),
    })
}

/// Which business unit is meant: the configuration's own, the one given, or the only one there is.
fn unit_of(
    environment: &Environment,
    given: Option<&BusinessUnit>,
    command: &AdminCommand,
) -> Result<BusinessUnit, AdminError> {
    if let AdminCommand::ConfigCheck { config } | AdminCommand::ConfigApply { config } = command {
        return Ok(config.business_unit.clone());
    }
    let named = match command {
        AdminCommand::Setup { config } => config.as_ref().map(|config| &config.business_unit),
        _ => None,
    };
    let deployed = &environment.business_units;
    match (named.or(given), deployed.as_slice()) {
        (Some(unit), _) if deployed.contains(unit) => Ok(unit.clone()),
        (Some(unit), _) => Err(AdminError::Refused(format!(
            "business unit {unit} is not part of this deployment; it has {deployed:?}"
        ))),
        (None, [only]) => Ok(only.clone()),
        (None, _) => Err(AdminError::Refused(format!(
            "this deployment has {} business units; name one with --business-unit",
            deployed.len()
        ))),
    }
}

async fn status(environment: &Environment) -> Result<AdminReply, AdminError> {
    let mut connectors = Vec::new();
    for unit in &environment.business_units {
        connectors.push(connector_status(environment, unit).await?);
    }
    Ok(AdminReply::Status(StatusReport {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        connector_version: 2,
        connectors,
        queues: environment.queue.depths().await?,
    }))
}

async fn connector_status(
    environment: &Environment,
    unit: &BusinessUnit,
) -> Result<ConnectorStatus, AdminError> {
    let mut cursors = Vec::new();
    for stream in Stream::ALL {
        if let Some(cursor) = environment.state.cursor(unit, stream).await? {
            cursors.push(CursorStatus {
                stream: stream.to_string(),
                read_to: cursor.read_to,
                polled_at: cursor.polled_at,
            });
        }
    }
    Ok(ConnectorStatus {
        business_unit: unit.clone(),
        row: environment.state.connector(unit).await?,
        cursors,
        links: environment.links.count(unit).await?.into_iter().collect(),
        open_errors: environment.errors.count_open(unit).await?,
    })
}

/// One operator at work on one connector.
pub(crate) struct Desk<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) unit: BusinessUnit,
    pub(crate) actor: String,
    pub(crate) run: &'a str,
}

impl Desk<'_> {
    async fn carry_out(&self, command: AdminCommand) -> Result<AdminReply, AdminError> {
        match command {
            AdminCommand::Pause => self.change_state(ConnectorState::Paused, "pause").await,
            AdminCommand::Activate => self.change_state(ConnectorState::Active, "activate").await,
            AdminCommand::Sync { prospect } => self.sync(prospect).await,
            AdminCommand::Send { record } => self.send(record).await,
            AdminCommand::Errors { closed } => self.errors(closed).await,
            AdminCommand::Links {
                state,
                record,
                next,
            } => self.links(state, record, next).await,
            AdminCommand::Setup { config } => setup::set_up(self, config.as_deref()).await,
            AdminCommand::ConfigCheck { config } => configure::check(self, &config).await,
            AdminCommand::ConfigApply { config } => configure::apply(self, &config).await,
            AdminCommand::Status => status(self.environment).await,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.environment.clock.now()
    }

    pub(crate) async fn audit(&self, action: String) -> Result<(), AdminError> {
        let entry = AuditEntry {
            at: self.now(),
            actor: self.actor.clone(),
            action,
        };
        Ok(self.environment.state.audit(&self.unit, &entry).await?)
    }

    pub(crate) async fn row(&self) -> Result<ConnectorRow, AdminError> {
        self.environment
            .state
            .connector(&self.unit)
            .await?
            .ok_or_else(|| {
                AdminError::Refused(format!(
                    "business unit {} has no connector yet; run `prospect-sync config apply FILE`",
                    self.unit
                ))
            })
    }

    async fn change_state(
        &self,
        state: ConnectorState,
        action: &str,
    ) -> Result<AdminReply, AdminError> {
        let row = self.row().await?;
        self.audit(format!("{action} (was {})", row.state.name()))
            .await?;
        let changed = ConnectorRow {
            changed_by: self.actor.clone(),
            changed_at: self.now(),
            // Whoever activates wants it to go on now; if no calls are left, the next run is told again.
            used_up: row.used_up.filter(|_| state != ConnectorState::Active),
            state,
            version: row.version + 1,
            ..row
        };
        self.environment.state.put_connector(&changed).await?;
        let caught_up = if changed.state == ConnectorState::Active {
            // The next poll does it too: a failure here must not look like a connector that is not active.
            let caught_up = catch_up(self.environment, &changed, self.run).await;
            caught_up
                .inspect_err(|error| tracing::warn!(%error, "Held pairs wait for the next poll."))
                .unwrap_or(0)
        } else {
            0
        };
        Ok(AdminReply::Connector {
            row: changed,
            caught_up,
        })
    }

    async fn errors(&self, closed: bool) -> Result<AdminReply, AdminError> {
        let mut rows = self.environment.errors.list(&self.unit, closed).await?;
        let more = rows.len().saturating_sub(ERROR_ROWS);
        rows.truncate(ERROR_ROWS);
        Ok(AdminReply::Errors { rows, more })
    }

    /// R49: "Sync with CRM"; works while paused (R8c).
    async fn sync(&self, prospect: ProspectId) -> Result<AdminReply, AdminError> {
        self.enqueue(RecordRef::Prospect(prospect), Cause::SyncNow)
            .await
    }

    /// R47: "Send to Account Engagement"; works while paused (R8c).
    async fn send(&self, record: CrmId) -> Result<AdminReply, AdminError> {
        self.enqueue(RecordRef::Crm(record), Cause::SendNow).await
    }

    async fn enqueue(&self, record: RecordRef, cause: Cause) -> Result<AdminReply, AdminError> {
        let row = self.row().await?;
        if let ConnectorState::AuthFailed(why) = &row.state {
            return Err(AdminError::Refused(format!(
                "the connector is stopped: {why}; put that right and run `prospect-sync activate`"
            )));
        }
        let mut what = format!("{record} on the priority lane");
        if let Some(used_up) = row.used_up_at(self.now()) {
            let _ = write!(what, "; {used_up}");
        }
        self.audit(format!("{cause:?} {record}")).await?;
        let hint = ChangeHint {
            record,
            pair: None,
            cause,
        };
        let batches = into_batches(&self.unit, self.run, self.now(), vec![hint]);
        let sent = self.environment.queue.send(Lane::Priority, batches).await;
        sent.map_err(|error| AdminError::Refused(error.to_string()))?;
        Ok(AdminReply::Queued {
            run: self.run.to_owned(),
            what,
        })
    }

    async fn links(
        &self,
        state: Option<String>,
        record: Option<String>,
        next: Option<String>,
    ) -> Result<AdminReply, AdminError> {
        if let Some(text) = record {
            let rows = self.links_of(&text).await?;
            return Ok(AdminReply::Links { rows, next: None });
        }
        const STATES: [&str; 4] = ["linked", "pending", "skipped", "held"];
        if let Some(name) = state.as_deref().filter(|name| !STATES.contains(name)) {
            return Err(AdminError::Refused(format!(
                "`{name}` is not a state of a link; there are {STATES:?}"
            )));
        }
        let LinkPage { rows, next } = self
            .environment
            .links
            .list(&self.unit, state.as_deref(), next)
            .await?;
        Ok(AdminReply::Links { rows, next })
    }

    async fn links_of(&self, text: &str) -> Result<Vec<Link>, AdminError> {
        let record = match text.parse::<ProspectId>() {
            Ok(prospect) => RecordRef::Prospect(prospect),
            Err(_) => RecordRef::Crm(
                text.parse()
                    .map_err(|error| AdminError::Refused(format!("{error}")))?,
            ),
        };
        let own = sync_core::key::PairKey::of(record.clone());
        let loaded = self
            .environment
            .links
            .load(
                &self.unit,
                std::slice::from_ref(&record),
                std::slice::from_ref(&own),
            )
            .await?;
        let pair = loaded.claims.get(&record).unwrap_or(&own);
        Ok(loaded.links.get(pair).cloned().into_iter().collect())
    }
}
