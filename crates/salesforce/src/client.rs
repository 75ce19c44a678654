//! One client per connector user: logs in, sends, counts, and refreshes a token once.

use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, Response, redirect};
use serde_json::Value;
use sync_core::ids::SalesforceId;
use tokio::sync::Mutex;

use crate::answer::read;
use crate::auth::{Bearer, Session};
use crate::calls::{ApiUsage, Calls, Counters};
use crate::code::ErrorCode;
use crate::error::{Error, ServiceError};
use crate::refusal::AuthError;
use crate::settings::{Settings, host_of};
use crate::soql::check_name;

/// The API version the client speaks (apis A2).
pub const API_VERSION: &str = "67.0";

/// A call, before it has a host and a token.
pub(crate) struct Call<'a> {
    pub kind: &'static str,
    pub method: Method,
    /// From `/services` on, as Salesforce gives it in `nextRecordsUrl`.
    pub path: String,
    pub body: Option<&'a Value>,
}

impl<'a> Call<'a> {
    pub(crate) fn get(kind: &'static str, path: String) -> Self {
        Self {
            kind,
            method: Method::GET,
            path,
            body: None,
        }
    }

    pub(crate) fn send(kind: &'static str, method: Method, path: String, body: &'a Value) -> Self {
        Self {
            kind,
            method,
            path,
            body: Some(body),
        }
    }
}

/// The path of a resource of the API.
pub(crate) fn data_path(resource: &str) -> String {
    format!("/services/data/v{API_VERSION}/{resource}")
}

/// A client of one org, as one user.
#[derive(Debug)]
pub struct Client {
    pub(crate) settings: Settings,
    pub(crate) http: reqwest::Client,
    session: Mutex<Option<Session>>,
    pub(crate) counters: Counters,
}

impl Client {
    /// A client that has not logged in yet.
    ///
    /// # Errors
    /// [`Error::NotSent`] when the login URL is not one, or TLS cannot be set up.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let host = host_of(&settings.login_url);
        let not_sent = |reason: &str| Error::NotSent {
            host: host.clone(),
            reason: reason.to_owned(),
        };
        if let Some(problem) = settings.login_problem() {
            return Err(not_sent(problem));
        }
        let http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.call_timeout)
            .build()
            .map_err(|_| not_sent("TLS cannot be set up"))?;
        Ok(Self {
            settings,
            http,
            session: Mutex::new(None),
            counters: Counters::default(),
        })
    }

    /// The id of the user we are.
    ///
    /// # Errors
    /// When nobody is logged in and the log-in fails.
    pub async fn user_id(&self) -> Result<SalesforceId, Error> {
        Ok(self.session().await?.user_id)
    }

    /// Who we are, where and with which token.
    ///
    /// # Errors
    /// When nobody is logged in and the log-in fails.
    pub async fn token(&self) -> Result<Session, Error> {
        self.session().await
    }

    /// The token, for the other service.
    ///
    /// # Errors
    /// When nobody is logged in and the log-in fails.
    pub async fn bearer(&self) -> Result<Bearer, Error> {
        Ok(self.session().await?.bearer)
    }

    /// Forgets a token that was refused, unless a newer one is already there.
    pub async fn invalidate(&self, stale: &Bearer) {
        let mut session = self.session.lock().await;
        if session
            .as_ref()
            .is_some_and(|session| session.bearer == *stale)
        {
            *session = None;
        }
    }

    /// Calls made since they were last taken; they stay counted.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.counters.snapshot()
    }

    /// Calls made since they were last taken.
    #[must_use]
    pub fn take_calls(&self) -> Calls {
        self.counters.take()
    }

    /// What Salesforce last said about the allowance.
    #[must_use]
    pub fn usage(&self) -> Option<ApiUsage> {
        self.counters.usage()
    }

    /// What Salesforce's clock showed with its last answer.
    #[must_use]
    pub fn server_time(&self) -> Option<Timestamp> {
        self.counters.server_time()
    }

    /// The session; logs in when there is none. Calls at the same time share one log-in.
    async fn session(&self) -> Result<Session, Error> {
        let mut session = self.session.lock().await;
        if let Some(session) = session.as_ref() {
            return Ok(session.clone());
        }
        let fresh = self.log_in().await?;
        *session = Some(fresh.clone());
        Ok(fresh)
    }

    /// Makes a call and reads its JSON. A refused token is thrown away and the call made once more.
    pub(crate) async fn call(&self, call: &Call<'_>) -> Result<Value, Error> {
        let session = self.session().await?;
        match self.attempt(call, &session).await {
            Err(Error::Service(error)) if wants_new_token(&error)? => {
                self.invalidate(&session.bearer).await;
                let fresh = self.session().await?;
                self.attempt(call, &fresh).await
            }
            other => other,
        }
    }

    async fn attempt(&self, call: &Call<'_>, session: &Session) -> Result<Value, Error> {
        let mut authorization =
            HeaderValue::try_from(format!("Bearer {}", session.bearer.expose())).map_err(|_| {
                let problem = "the token holds characters that no header may hold".to_owned();
                Error::Protocol {
                    call: call.kind,
                    problem,
                }
            })?;
        authorization.set_sensitive(true);
        let mut request = self
            .http
            .request(
                call.method.clone(),
                format!("{}{}", session.instance_url, call.path),
            )
            .header(AUTHORIZATION, authorization)
            .header(
                "Sforce-Call-Options",
                format!("client={}", self.settings.client_name),
            )
            .header("Sforce-Auto-Assign", "FALSE");
        if let Some(body) = call.body {
            request = request.json(body);
        }
        self.counters.count(call.kind);
        let host = host_of(&session.instance_url);
        let response = request
            .send()
            .await
            .map_err(|error| transport(call.kind, &host, &error))?;
        self.counters.note(response.headers());
        let status = response.status().as_u16();
        let body = self.body(call.kind, &host, response).await?;
        read(call.kind, &host, status, &body)
    }

    /// Reads a body up to the limit; one that breaks off leaves the outcome unknown.
    pub(crate) async fn body(
        &self,
        call: &'static str,
        host: &str,
        mut response: Response,
    ) -> Result<Vec<u8>, Error> {
        let limit = self.settings.body_limit_bytes;
        let mut bytes = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if bytes.len() + chunk.len() > limit => {
                    return Err(unknown(call, host, "the answer is too large"));
                }
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) => return Ok(bytes),
                Err(_) => return Err(unknown(call, host, "the answer broke off")),
            }
        }
    }
}

fn unknown(call: &'static str, host: &str, reason: &str) -> Error {
    Error::Unknown {
        call,
        host: host.to_owned(),
        reason: reason.to_owned(),
    }
}

/// What a call that got no answer means: without a connection nothing was sent.
pub(crate) fn transport(call: &'static str, host: &str, error: &reqwest::Error) -> Error {
    let not_sent = |reason: &str| Error::NotSent {
        host: host.to_owned(),
        reason: reason.to_owned(),
    };
    if error.is_connect() {
        return not_sent("no connection");
    }
    if error.is_builder() {
        return not_sent("the request cannot be built");
    }
    unknown(
        call,
        host,
        if error.is_timeout() {
            "no answer in time"
        } else {
            "the connection broke"
        },
    )
}

/// A name that goes into a path.
pub(crate) fn check_object(call: &'static str, object: &str) -> Result<(), Error> {
    check_name(object).map_err(|error| Error::Refused {
        call,
        problem: error.to_string(),
    })
}

/// Texts of a refused session that a new token would not help (apis A1).
const NOT_REFRESHABLE: [&str; 2] = [
    "This session is not valid for use with the REST API",
    "Connected app is not attached to Agent",
];

fn wants_new_token(error: &ServiceError) -> Result<bool, AuthError> {
    let is_session = matches!(
        error.code,
        ErrorCode::InvalidSessionId | ErrorCode::InvalidAuthHeader
    );
    if is_session
        && NOT_REFRESHABLE
            .iter()
            .any(|text| error.message.contains(text))
    {
        return Err(AuthError::SessionNotAccepted);
    }
    Ok(is_session)
}
