//! Logs in and prints who we are and what is left of the day's calls, without any record.

use anyhow::Context;
use salesforce::{Client, ClientSecret, Credentials, PrivateKey, Settings};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let login_url = arguments.next().context("first argument: the login URL")?;
    let client_id = arguments
        .next()
        .context("second argument: the consumer key")?;
    let credentials = match arguments.next() {
        Some(username) => {
            let path = std::env::var("SF_KEY_FILE").context("put the key's path in SF_KEY_FILE")?;
            let key = PrivateKey::from_pem(&std::fs::read_to_string(path)?)?;
            Credentials::JwtBearer { username, key }
        }
        None => {
            let secret = std::env::var("SF_CLIENT_SECRET")
                .context("third argument: the user name; or put a secret in SF_CLIENT_SECRET")?;
            Credentials::ClientCredentials {
                secret: ClientSecret::new(secret),
            }
        }
    };
    let client = Client::new(Settings::new(login_url, client_id, credentials))?;
    let session = client.token().await?;
    println!("user {} of {}", session.user_id, session.organisation_id);
    println!("calls go to {}", session.instance_url);
    let limits = client.limits().await?;
    println!("daily calls: {:?}", limits.get("DailyApiRequests"));
    println!("calls {:?}, usage {:?}", client.calls(), client.usage());
    Ok(())
}
