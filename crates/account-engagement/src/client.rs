//! The client: settings, one call with its token, and the counters.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::redirect::Policy;
use sync_core::error::ErrorClass;
use sync_core::ids::BusinessUnit;

use crate::calls::{ApiUsage, Calls, Counters};
use crate::error::Error;
use crate::gate::{Gate, MAX_SLOTS};
use crate::token::{Bearer, TokenSource};
use crate::wire::{Answer, Call, Wire};

/// How long an unused connection is kept. Short: a connection that the other side has closed turns
/// a write into one of unknown outcome.
const POOL_IDLE: Duration = Duration::from_secs(15);

/// How long a call may take; the slowest are queries of a thousand prospects.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(25);

/// How to reach a business unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Scheme and host, `https://pi.pardot.com` or `https://pi.demo.pardot.com` (apis B1).
    /// `http` is taken too, for a service on the same machine.
    pub base_url: String,
    /// The business unit.
    pub business_unit: BusinessUnit,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long to wait for a whole answer.
    pub call_timeout: Duration,
    /// How many calls at once, 1 to [`MAX_SLOTS`]; other numbers are clamped.
    pub slots: usize,
    /// The largest answer that is read.
    pub body_limit_bytes: usize,
}

impl Settings {
    /// Settings with the usual time-outs and all slots.
    pub fn new(base_url: impl Into<String>, business_unit: BusinessUnit) -> Self {
        Self {
            base_url: base_url.into(),
            business_unit,
            connect_timeout: Duration::from_secs(5),
            call_timeout: CALL_TIMEOUT,
            slots: MAX_SLOTS,
            body_limit_bytes: 32 * 1024 * 1024,
        }
    }
}

/// No client can be built from the settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The base URL is not one.
    #[error("the Account Engagement base URL must be `https://` and a host, without a path")]
    BaseUrl,
    /// The HTTP client cannot start.
    #[error("the HTTP client cannot start")]
    Http(#[source] reqwest::Error),
}

impl SettingsError {
    /// What it means for us.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        ErrorClass::Config
    }
}

/// A client of one business unit. Cheap to share behind an `Arc`; nothing is retried in here but
/// a call whose token was refused, once.
pub struct Client {
    wire: Wire,
    token: Arc<dyn TokenSource>,
    gate: Gate,
    counters: Counters,
}

impl Client {
    /// A client with these settings that takes its tokens from `token`.
    pub fn new(settings: Settings, token: Arc<dyn TokenSource>) -> Result<Self, SettingsError> {
        let url = Url::parse(&settings.base_url).map_err(|_| SettingsError::BaseUrl)?;
        let is_plain = url.path() == "/" && url.query().is_none() && url.username().is_empty();
        let has_scheme = matches!(url.scheme(), "https" | "http");
        let host = match url.host_str() {
            Some(host) if is_plain && has_scheme => host.to_owned(),
            _ => return Err(SettingsError::BaseUrl),
        };
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .pool_idle_timeout(POOL_IDLE)
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.call_timeout)
            .build()
            .map_err(SettingsError::Http)?;
        let wire = Wire {
            http,
            base_url: settings.base_url.trim_end_matches('/').to_owned(),
            host,
            business_unit: settings.business_unit,
            body_limit_bytes: settings.body_limit_bytes,
        };
        let gate = Gate::new(settings.slots);
        Ok(Self {
            wire,
            token,
            gate,
            counters: Counters::default(),
        })
    }

    /// The business unit this client talks to.
    #[must_use]
    pub fn business_unit(&self) -> &BusinessUnit {
        &self.wire.business_unit
    }

    /// How many calls can be under way at once.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.gate.width()
    }

    /// Calls made since the start or since they were taken.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.counters.calls()
    }

    /// Calls made since they were last taken; the count starts anew.
    #[must_use]
    pub fn take_calls(&self) -> Calls {
        self.counters.take()
    }

    /// What the service last said about the day's calls (apis B2).
    #[must_use]
    pub fn usage(&self) -> Option<ApiUsage> {
        self.counters.usage()
    }

    /// What the service's clock showed with its last answer.
    #[must_use]
    pub fn server_time(&self) -> Option<jiff::Timestamp> {
        self.counters.server_time()
    }

    /// Makes a call. A refused token is thrown away and the call made once more.
    ///
    /// The slot is taken before the token and kept over the log-in: a call that waits for it must not
    /// come in with a token that was refused meanwhile, and use up its second try for that.
    pub(crate) async fn call(&self, call: &Call<'_>) -> Result<Answer, Error> {
        let _slot = self.gate.enter().await;
        let bearer = self.token.bearer().await?;
        let stale = match self.attempt(call, &bearer).await {
            Err(Error::Service(error)) if error.wants_new_token() => bearer,
            other => return other,
        };
        self.token.invalidate(&stale).await;
        let fresh = self.token.bearer().await?;
        self.attempt(call, &fresh).await
    }

    async fn attempt(&self, call: &Call<'_>, bearer: &Bearer) -> Result<Answer, Error> {
        self.counters.count(call.kind);
        let (answer, seen) = self.wire.exchange(call, bearer).await;
        self.counters.note(seen);
        answer
    }
}
