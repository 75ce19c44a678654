//! One log-in for both services: the Salesforce token is good for Account Engagement (apis A1).

use std::sync::Arc;

use account_engagement::{Bearer, TokenError, TokenSource};
use async_trait::async_trait;

/// Tokens from the Salesforce client.
pub struct SalesforceTokens {
    client: Arc<salesforce::Client>,
}

impl SalesforceTokens {
    /// Tokens of this client's user.
    #[must_use]
    pub fn new(client: Arc<salesforce::Client>) -> Self {
        Self { client }
    }
}

#[async_trait]
impl TokenSource for SalesforceTokens {
    async fn bearer(&self) -> Result<Bearer, TokenError> {
        let bearer = self.client.bearer().await;
        let bearer = bearer.map_err(|error| TokenError::new(error.class(), error))?;
        Ok(Bearer::new(bearer.expose()))
    }

    async fn invalidate(&self, stale: &Bearer) {
        if let Ok(current) = self.client.bearer().await
            && current.expose() == stale.expose()
        {
            self.client.invalidate(&current).await;
        }
    }
}
