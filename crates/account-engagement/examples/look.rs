//! Prints what a business unit says about itself, without any prospect.

use std::sync::Arc;

use account_engagement::{Bearer, Client, Settings, TokenError, TokenSource};
use anyhow::Context;
use async_trait::async_trait;

/// A token from the environment; there is no other one when it is refused.
struct FromEnvironment(Bearer);

#[async_trait]
impl TokenSource for FromEnvironment {
    async fn bearer(&self) -> Result<Bearer, TokenError> {
        Ok(self.0.clone())
    }

    async fn invalidate(&self, _stale: &Bearer) {}
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let base_url = arguments.next().context("first argument: the base URL")?;
    let unit = arguments
        .next()
        .context("second argument: the business unit id")?
        .parse()?;
    let token = Bearer::new(std::env::var("AE_TOKEN").context("put a token into AE_TOKEN")?);
    let client = Client::new(
        Settings::new(base_url, unit),
        Arc::new(FromEnvironment(token)),
    )?;
    let account = client.account().await?;
    println!(
        "time zone {:?}, calls a day {:?}",
        account.time_zone, account.daily_calls
    );
    println!("{} users", client.users().await?.len());
    for field in client.custom_fields().await? {
        println!("{} ({})", field.api_field_id, field.field_type);
    }
    println!("calls {:?}, usage {:?}", client.calls(), client.usage());
    Ok(())
}
