//! The circuit: whoever is told first that an allowance is used up stores it, and nobody else asks.
//!
//! It is a field of the connector row, which poller, reconciler and worker read before they call
//! anything. It closes by itself: its time is compared with the clock, and nobody has to write.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sync_core::coerce::Service;
use sync_core::config::ConnectorRow;
use sync_core::error::ErrorClass;
use sync_core::quota::UsedUp;

use crate::environment::{Configured, Environment};
use crate::poll::PollError;
use crate::ports::StoreError;

/// Stores that this service's allowance is used up; answers until when nobody calls. An open circuit
/// is never shortened. Losing the race against another change of the row is no problem: the next run
/// finds out again. The refused call was sent after `began`.
pub(crate) async fn open(
    environment: &Environment,
    configured: &Configured,
    service: Service,
    began: Timestamp,
) -> UsedUp {
    let zone = &configured.config.account_engagement.time_zone;
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let used_up = UsedUp::since(began, environment.clock.now(), service, &zone);
    let unit = &configured.row.business_unit;
    match store(environment, configured, used_up).await {
        Ok(()) => tracing::error!(%unit, %used_up, "Nobody calls until then."),
        Err(error) => {
            tracing::error!(%unit, %used_up, %error, "Others go on calling, it was not stored yet.");
        }
    }
    used_up
}

async fn store(
    environment: &Environment,
    configured: &Configured,
    used_up: UsedUp,
) -> Result<(), StoreError> {
    let unit = &configured.row.business_unit;
    let Some(row) = environment.state.connector(unit).await? else {
        return Ok(());
    };
    if row
        .used_up
        .is_some_and(|known| known.until >= used_up.until)
    {
        return Ok(());
    }
    let changed = ConnectorRow {
        used_up: Some(used_up),
        changed_by: "prospect-sync".to_owned(),
        changed_at: environment.clock.now(),
        version: row.version + 1,
        ..row
    };
    environment.state.put_connector(&changed).await
}

/// The same for a run that ended with a problem: nothing unless that is what the problem is.
pub(crate) async fn open_if_refused(
    environment: &Environment,
    configured: &Configured,
    problem: Option<&PollError>,
    began: Timestamp,
) -> Option<UsedUp> {
    match problem {
        Some(PollError::Service(refused)) if refused.class == ErrorClass::Quota => {
            Some(open(environment, configured, refused.service, began).await)
        }
        Some(
            PollError::Service(_)
            | PollError::Store(_)
            | PollError::Queue(_)
            | PollError::UsedUp(_),
        )
        | None => None,
    }
}
