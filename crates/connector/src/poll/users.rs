//! Which Account Engagement user is which Salesforce user, refreshed once an hour (R98-R100).

use jiff::{SignedDuration, Timestamp};
use sync_core::config::Config;
use sync_core::pair::{MappedUser, UserMap};

use super::PollError;
use crate::environment::Environment;
use crate::ports::{ServiceUser, Sides};

/// Users change rarely and a read costs a call of the scarce kind.
const REFRESH_SECONDS: i64 = 60 * 60;

/// Reads the users again when the stored map is missing or an hour old.
pub(super) async fn refresh(
    environment: &Environment,
    config: &Config,
    sides: &Sides,
) -> Result<(), PollError> {
    let unit = &config.business_unit;
    let now = environment.clock.now();
    if let Some((_, read_at)) = environment.state.users(unit).await?
        && is_fresh(read_at, now)
    {
        return Ok(());
    }
    let users = mapped_users(&sides.marketing.users().await?);
    environment.state.put_users(unit, &users, now).await?;
    Ok(())
}

fn is_fresh(read_at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(read_at) < SignedDuration::from_secs(REFRESH_SECONDS)
}

/// The users that are mapped to a Salesforce user.
#[must_use]
pub fn mapped_users(users: &[ServiceUser]) -> UserMap {
    let mapped = users.iter().filter_map(|user| {
        let salesforce_id = user.salesforce_id.clone()?;
        Some(MappedUser {
            user_id: user.id,
            salesforce_id,
        })
    });
    UserMap(mapped.collect())
}
