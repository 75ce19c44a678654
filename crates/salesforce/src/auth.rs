//! Who we are: JWT bearer or client credentials, and what a refusal means (apis A1).

use std::fmt;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use sync_core::ids::SalesforceId;

use crate::refusal::AuthError;

/// How long an assertion is valid: what public clients use (apis A1).
const ASSERTION_SECONDS: i64 = 180;

/// The most that our clock may differ from Salesforce's.
pub(crate) const MAX_SKEW_SECONDS: i64 = 180;

/// An access token. Prints nothing of its content.
#[derive(Clone, PartialEq, Eq)]
pub struct Bearer(String);

impl Bearer {
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

/// The RSA key that signs our assertions. Prints nothing of its content.
#[derive(Clone)]
pub struct PrivateKey(EncodingKey);

impl fmt::Debug for PrivateKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PrivateKey(secret)")
    }
}

/// Why a text is not a private key we can sign with. Says what it looks like, never what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing there.
    #[error("the private key is empty; put the PEM of the app's RSA key into the secret")]
    Empty,
    /// No PEM at all.
    #[error("the private key is not a PEM: it has no `-----BEGIN …-----` line")]
    NotPem,
    /// The public half.
    #[error("this is a public key or certificate; the private key of the pair is needed")]
    Public,
    /// A passphrase would be needed.
    #[error("the private key is encrypted; store it without a passphrase")]
    Encrypted,
    /// PEM, and not an RSA private key.
    #[error("the PEM does not hold an RSA private key (PKCS#1 or PKCS#8)")]
    NotRsa,
}

impl PrivateKey {
    /// Reads a PEM.
    ///
    /// # Errors
    /// [`KeyError`] says what the text is instead of a private key.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let text = pem.trim();
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        if !text.contains("-----BEGIN ") {
            return Err(KeyError::NotPem);
        }
        if text.contains("ENCRYPTED") {
            return Err(KeyError::Encrypted);
        }
        if text.contains("BEGIN PUBLIC KEY")
            || text.contains("BEGIN RSA PUBLIC KEY")
            || text.contains("BEGIN CERTIFICATE")
        {
            return Err(KeyError::Public);
        }
        let key = EncodingKey::from_rsa_pem(text.as_bytes()).map_err(|_| KeyError::NotRsa)?;
        Ok(Self(key))
    }
}

/// How to log in.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// JWT bearer: a signed assertion for a user.
    JwtBearer {
        /// The connector user.
        username: String,
        /// The key whose certificate the app holds.
        key: PrivateKey,
    },
    /// Client credentials: the app's own run-as user. Works on My Domain only.
    ClientCredentials {
        /// The consumer secret.
        secret: ClientSecret,
    },
}

/// A consumer secret. Prints nothing of its content.
#[derive(Clone)]
pub struct ClientSecret(String);

impl ClientSecret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ClientSecret(secret)")
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
}

impl Credentials {
    /// The form of a token request.
    pub(crate) fn form(
        &self,
        client_id: &str,
        login_url: &str,
        now: Timestamp,
    ) -> Result<Vec<(&'static str, String)>, AuthError> {
        match self {
            Self::JwtBearer { username, key } => {
                let claims = Claims {
                    iss: client_id,
                    sub: username,
                    aud: audience(login_url),
                    exp: now.as_second() + ASSERTION_SECONDS,
                };
                let assertion =
                    jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key.0)
                        .map_err(|_| AuthError::CannotSign)?;
                Ok(vec![
                    (
                        "grant_type",
                        "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned(),
                    ),
                    ("assertion", assertion),
                ])
            }
            Self::ClientCredentials { secret } => Ok(vec![
                ("grant_type", "client_credentials".to_owned()),
                ("client_id", client_id.to_owned()),
                ("client_secret", secret.0.clone()),
            ]),
        }
    }
}

/// The audience stays login or test, also when the request goes to My Domain (apis A1, MEM).
fn audience(login_url: &str) -> &'static str {
    let is_sandbox =
        login_url.contains("//test.salesforce.com") || login_url.contains(".sandbox.my.");
    if is_sandbox {
        "https://test.salesforce.com"
    } else {
        "https://login.salesforce.com"
    }
}

/// The reply to a token request.
#[derive(Deserialize)]
pub(crate) struct TokenReply {
    access_token: String,
    pub instance_url: String,
    pub id: String,
}

/// A log-in that worked.
#[derive(Debug, Clone)]
pub struct Session {
    /// The token; good for both services.
    pub bearer: Bearer,
    /// Where to send calls.
    pub instance_url: String,
    /// The user we are.
    pub user_id: SalesforceId,
    /// The org we are in.
    pub organisation_id: SalesforceId,
}

impl TokenReply {
    /// Reads the session; org and user are the last two parts of the identity URL.
    pub(crate) fn session(self, instance_url: String) -> Option<Session> {
        let mut parts = self.id.rsplit('/');
        let user_id = parts.next()?.parse().ok()?;
        let organisation_id = parts.next()?.parse().ok()?;
        Some(Session {
            bearer: Bearer(self.access_token),
            instance_url,
            user_id,
            organisation_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_does_not_parse_says_what_it_is_instead() {
        let cases = [
            ("", KeyError::Empty),
            ("hunter2", KeyError::NotPem),
            (
                "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
                KeyError::Public,
            ),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
                KeyError::Public,
            ),
            (
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA",
                KeyError::Encrypted,
            ),
            (
                "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
                KeyError::NotRsa,
            ),
        ];
        for (pem, expected) in cases {
            assert_eq!(PrivateKey::from_pem(pem).err(), Some(expected));
        }
    }
}
