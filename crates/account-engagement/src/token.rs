//! Where the access token comes from: a seam, because the token is a Salesforce one (apis B1).

use std::error::Error as StdError;
use std::fmt;

use async_trait::async_trait;
use sync_core::error::ErrorClass;

/// An access token. Prints nothing of its content.
#[derive(Clone, PartialEq, Eq)]
pub struct Bearer(String);

impl Bearer {
    /// Wraps a token as Salesforce answered it.
    #[must_use]
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The token itself, for the `Authorization` header and nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Bearer(secret)")
    }
}

/// No token could be had.
#[derive(Debug, thiserror::Error)]
#[error("no access token for account engagement")]
pub struct TokenError {
    class: ErrorClass,
    source: Box<dyn StdError + Send + Sync>,
}

impl TokenError {
    /// Wraps what the log-in answered, with what it means.
    pub fn new(class: ErrorClass, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            class,
            source: source.into(),
        }
    }

    /// What it means: [`ErrorClass::Auth`] for a refused log-in, transient for a broken connection.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        self.class
    }
}

/// Hands out access tokens. One source serves many calls at once.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// A token that is good as far as the source knows.
    async fn bearer(&self) -> Result<Bearer, TokenError>;

    /// The service refused `stale` (codes 184 and 49): the source forgets it, unless it holds
    /// another one already because a call at the same time was faster.
    async fn invalidate(&self, stale: &Bearer);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_prints_no_content() {
        assert!(!format!("{:?}", Bearer::new("00Dsecret")).contains("00D"));
    }
}
