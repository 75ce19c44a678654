//! Which Account Engagement user is which Salesforce user, refreshed once an hour (R98-R100).

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use sync_core::config::Config;
use sync_core::ids::SalesforceId;
use sync_core::pair::{MappedUser, UserMap};

use super::PollError;
use crate::environment::Environment;
use crate::ports::{CrmUser, ServiceUser, Sides};

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
    let users = sides.marketing.users().await?;
    let crm_users = if config.settings.match_users_by_email {
        sides.crm.users().await?
    } else {
        Vec::new()
    };
    let users = mapped_users(&users, &crm_users);
    environment.state.put_users(unit, &users, now).await?;
    Ok(())
}

fn is_fresh(read_at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(read_at) < SignedDuration::from_secs(REFRESH_SECONDS)
}

/// The users that Account Engagement maps to a Salesforce user, and those without mapping whose address
/// exactly one unmapped Salesforce user has.
#[must_use]
pub fn mapped_users(users: &[ServiceUser], crm_users: &[CrmUser]) -> UserMap {
    let taken: BTreeSet<&SalesforceId> = users
        .iter()
        .filter_map(|user| user.salesforce_id.as_ref())
        .collect();
    let by_email = |user: &ServiceUser| {
        let email = user.email.as_ref()?;
        let twins = users
            .iter()
            .filter(|other| other.email.as_ref() == Some(email));
        let mut found = crm_users
            .iter()
            .filter(|crm| crm.email == *email && !taken.contains(&crm.id));
        let (first, second) = (found.next()?, found.next());
        (second.is_none() && twins.count() == 1).then(|| first.id.clone())
    };
    let mapped = users.iter().filter_map(|user| {
        let salesforce_id = user.salesforce_id.clone().or_else(|| by_email(user))?;
        Some(MappedUser {
            user_id: user.id,
            salesforce_id,
        })
    });
    UserMap(mapped.collect())
}

#[cfg(test)]
mod tests {
    use sync_core::value::NormalisedEmail;

    use super::*;

    fn crm_id(number: u64) -> SalesforceId {
        let id = format!("005{number:012}");
        id.parse().expect("15 characters")
    }

    fn user(id: u64, email: &str, salesforce: Option<u64>) -> ServiceUser {
        let email = NormalisedEmail::new(email);
        let salesforce_id = salesforce.map(crm_id);
        ServiceUser {
            id,
            email,
            salesforce_id,
        }
    }

    fn crm(number: u64, email: &str) -> CrmUser {
        let email = NormalisedEmail::new(email).expect("an address");
        let id = crm_id(number);
        CrmUser { id, email }
    }

    #[test]
    fn users_are_mapped_by_address_when_nothing_else_maps_them() {
        let users = [
            user(1, "ann@example.com", Some(1)),
            user(2, "Bea@example.com", None),
            user(3, "cem@example.com", None),
            user(4, "dora@example.com", None),
        ];
        let crm_users = [
            crm(1, "dora@example.com"), // Ann's already
            crm(2, "bea@example.com"),
            crm(3, "cem@example.com"), // two with one address
            crm(4, "cem@example.com"),
        ];
        let pairs = |map: UserMap| -> Vec<(u64, SalesforceId)> {
            let users = map.0.into_iter();
            users
                .map(|user| (user.user_id, user.salesforce_id))
                .collect()
        };
        let expected = [(1, crm_id(1)), (2, crm_id(2))];
        assert_eq!(pairs(mapped_users(&users, &crm_users)), expected);
        assert_eq!(pairs(mapped_users(&users, &[])), expected[..1]);
    }
}
