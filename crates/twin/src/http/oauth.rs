//! The token endpoint: assertions, client credentials and the two older flows.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde_json::{Value, json};

use crate::config::{Config, ConfigError};
use crate::org::{ORG_ID, Org};

/// How far ahead an assertion may expire.
const LONGEST_SECONDS: i64 = 300;

/// A token's session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The id of the user.
    pub user_id: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// What it may be used for.
    pub scopes: Vec<String>,
}

/// A session, and how many calls came with its token.
#[derive(Debug)]
struct Held {
    session: Session,
    served: u64,
}

/// The tokens handed out.
#[derive(Debug, Default)]
pub struct Tokens {
    sessions: BTreeMap<String, Held>,
    issued: u64,
}

impl Tokens {
    /// The session of a token that is still good; counts the call.
    pub fn admit(&mut self, token: &str, now: Timestamp) -> Option<Session> {
        let held = self.sessions.get_mut(token)?;
        held.served += 1;
        (held.session.expires_at > now).then(|| held.session.clone())
    }

    /// Ends the session of a token that more calls than these came with; whether it did.
    pub fn end_used(&mut self, token: &str, served: u64) -> bool {
        let is_used = self
            .sessions
            .get(token)
            .is_some_and(|held| held.served > served);
        is_used && self.sessions.remove(token).is_some()
    }

    /// Hands out a token.
    pub fn issue(&mut self, session: Session) -> String {
        self.issued += 1;
        let token = format!("{}!AQ.{:032}", &ORG_ID[..15], self.issued);
        let held = Held { session, served: 0 };
        self.sessions.insert(token.clone(), held);
        token
    }

    /// Ends every session.
    pub fn expire_all(&mut self) {
        self.sessions.clear();
    }
}

/// A login that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The error.
    pub error: &'static str,
    /// Its description.
    pub description: &'static str,
}

fn refusal(error: &'static str, description: &'static str) -> Refusal {
    Refusal {
        status: 400,
        error,
        description,
    }
}

/// Who may log in, and how.
pub struct Login {
    keys: Vec<DecodingKey>,
    config: Config,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Login")
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}

impl Login {
    /// Reads the keys.
    ///
    /// # Errors
    /// A key that is no RSA key in PEM form.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        let keys = config
            .public_keys
            .iter()
            .enumerate()
            .map(|(at, pem)| {
                DecodingKey::from_rsa_pem(pem.as_bytes()).map_err(|_| ConfigError::Key(at))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            keys,
            config: config.clone(),
        })
    }

    /// Checks a token request and answers the session it earns.
    ///
    /// # Errors
    /// The refusals of A1.
    pub fn admit(
        &self,
        form: &BTreeMap<String, String>,
        headers: &HeaderMap,
        org: &Org,
        now: Timestamp,
    ) -> Result<Session, Refusal> {
        let given = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let username = match given("grant_type") {
            "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
                self.assertion(given("assertion"), now)?
            }
            "client_credentials" => {
                self.client(form, headers)?;
                if org
                    .user_id(&self.config.run_as)
                    .is_none_or(|id| !org.is_active(&id))
                {
                    return Err(refusal(
                        "invalid_grant",
                        "no client credentials user enabled",
                    ));
                }
                self.config.run_as.clone()
            }
            "refresh_token" => {
                self.client(form, headers)?;
                if given("refresh_token") != self.config.refresh_token {
                    return Err(refusal("invalid_grant", "expired access/refresh token"));
                }
                self.config.run_as.clone()
            }
            "password" => {
                self.client(form, headers)?;
                if given("password") != self.config.password {
                    return Err(refusal("invalid_grant", "authentication failure"));
                }
                given("username").to_owned()
            }
            _ => {
                return Err(refusal(
                    "unsupported_grant_type",
                    "grant type not supported",
                ));
            }
        };
        let is_assertion = form.contains_key("assertion");
        let unknown = if is_assertion {
            refusal("invalid_grant", "user hasn't approved this consumer")
        } else {
            refusal("invalid_grant", "authentication failure")
        };
        let user_id = org.user_id(&username).ok_or(unknown)?;
        if !org.is_active(&user_id) {
            return Err(refusal("invalid_grant", "inactive user"));
        }
        let life = SignedDuration::from_secs(self.config.token_seconds);
        let expires_at = now.saturating_add(life).unwrap_or(Timestamp::MAX);
        Ok(Session {
            user_id,
            expires_at,
            scopes: self.config.scopes.clone(),
        })
    }

    /// Checks an assertion and answers the user it speaks for.
    fn assertion(&self, assertion: &str, now: Timestamp) -> Result<String, Refusal> {
        let invalid = || refusal("invalid_grant", "invalid assertion");
        let (message, signature) = assertion.rsplit_once('.').ok_or_else(invalid)?;
        let (header, claims) = message.split_once('.').ok_or_else(invalid)?;
        let header = decode(header).ok_or_else(invalid)?;
        let claims = decode(claims).ok_or_else(invalid)?;
        if header["alg"] != "RS256" {
            return Err(invalid());
        }
        if claims["iss"] != self.config.client_id.as_str() {
            return Err(refusal("invalid_client_id", "client identifier invalid"));
        }
        let is_signed = self.keys.iter().any(|key| {
            crypto::verify(signature, message.as_bytes(), key, Algorithm::RS256).unwrap_or(false)
        });
        if !is_signed {
            return Err(invalid());
        }
        let is_ours = |aud: &Value| {
            self.config
                .audiences
                .iter()
                .any(|held| aud == held.as_str())
        };
        if !is_ours(&claims["aud"]) {
            return Err(refusal("invalid_grant", "audience is invalid"));
        }
        let exp = &claims["exp"];
        let exp = exp
            .as_i64()
            .or_else(|| exp.as_str()?.parse().ok())
            .ok_or_else(invalid)?;
        let ahead = exp.saturating_sub(now.as_second());
        if ahead <= 0 {
            return Err(refusal("invalid_grant", "expired authorization code"));
        }
        if ahead > LONGEST_SECONDS {
            return Err(invalid());
        }
        claims["sub"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(invalid)
    }

    /// Checks id and secret of the app, from the body or from Basic authentication.
    fn client(&self, form: &BTreeMap<String, String>, headers: &HeaderMap) -> Result<(), Refusal> {
        let from_form = form.get("client_id").map(|id| {
            (
                id.clone(),
                form.get("client_secret").cloned().unwrap_or_default(),
            )
        });
        let (id, secret) = from_form.or_else(|| basic(headers)).unwrap_or_default();
        if id != self.config.client_id {
            return Err(refusal("invalid_client_id", "client identifier invalid"));
        }
        if secret != self.config.client_secret {
            return Err(refusal("invalid_client", "invalid client credentials"));
        }
        Ok(())
    }
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get("authorization")?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

fn decode(part: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// The reply to a login.
#[must_use]
pub fn reply(session: &Session, token: &str, base: &str, now: Timestamp) -> Value {
    json!({
        "access_token": token,
        "scope": session.scopes.join(" "),
        "instance_url": base,
        "id": format!("https://login.salesforce.com/id/{ORG_ID}/{}", session.user_id),
        "token_type": "Bearer",
        "issued_at": now.as_millisecond().to_string(),
    })
}
