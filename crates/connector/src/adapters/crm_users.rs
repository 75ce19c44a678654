//! The users of Salesforce, for orgs whose users Account Engagement does not map by itself.

use salesforce::{Client, Condition, Literal, Rows, Soql};
use sync_core::value::NormalisedEmail;

use super::crm::{malformed, service_error};
use super::row::text;
use crate::ports::{CrmUser, ServiceError};

/// One query, page by page.
pub(super) async fn users(client: &Client) -> Result<Vec<CrmUser>, ServiceError> {
    let is_active = Condition::Equal("IsActive".to_owned(), Literal::Boolean(true));
    let query = Soql::select("User", ["Id", "Email"], &is_active, &[], None);
    let query = query.map_err(|error| malformed(&error.to_string()))?;
    let rows = client.query(&query, Rows::Live).await;
    let rows = rows.map_err(|error| service_error(&error))?;
    let users = rows.iter().filter_map(|row| {
        Some(CrmUser {
            id: text(row, "Id")?.parse().ok()?,
            email: NormalisedEmail::new(text(row, "Email")?)?,
        })
    });
    Ok(users.collect())
}
