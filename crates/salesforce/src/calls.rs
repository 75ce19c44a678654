//! How many calls were made of which kind, and what Salesforce says about the day's allowance.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use reqwest::header::{DATE, HeaderMap};

/// Calls by kind: `login`, `query`, `query_more`, `composite`, `collection_create`, `describe`, …
pub type Calls = BTreeMap<&'static str, u64>;

/// Used and allowed API calls of the last 24 hours: header `Sforce-Limit-Info` (apis A2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiUsage {
    /// Calls used, ours and everybody else's.
    pub used: u64,
    /// Calls allowed.
    pub max: u64,
}

impl ApiUsage {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let own = text
            .split(';')
            .find_map(|part| part.trim().strip_prefix("api-usage="))?;
        let (used, max) = own.split_once('/')?;
        Some(Self {
            used: used.parse().ok()?,
            max: max.parse().ok()?,
        })
    }
}

#[derive(Debug, Default)]
struct Inner {
    calls: Calls,
    usage: Option<ApiUsage>,
    server_time: Option<Timestamp>,
}

/// The counters of a client.
#[derive(Debug, Default)]
pub(crate) struct Counters(Mutex<Inner>);

impl Counters {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count(&self, kind: &'static str) {
        *self.lock().calls.entry(kind).or_default() += 1;
    }

    /// Keeps what the headers of an answer say; a header that is missing changes nothing.
    pub(crate) fn note(&self, headers: &HeaderMap) {
        let usage = headers
            .get("sforce-limit-info")
            .and_then(|value| value.to_str().ok());
        let usage = usage.and_then(ApiUsage::parse);
        let server_time = server_time(headers);
        let mut inner = self.lock();
        inner.usage = usage.or(inner.usage);
        inner.server_time = server_time.or(inner.server_time);
    }

    pub(crate) fn snapshot(&self) -> Calls {
        self.lock().calls.clone()
    }

    pub(crate) fn take(&self) -> Calls {
        std::mem::take(&mut self.lock().calls)
    }

    pub(crate) fn usage(&self) -> Option<ApiUsage> {
        self.lock().usage
    }

    pub(crate) fn server_time(&self) -> Option<Timestamp> {
        self.lock().server_time
    }
}

/// The service's clock: header `Date`.
pub(crate) fn server_time(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(DATE)?.to_str().ok()?;
    jiff::fmt::rfc2822::parse(text)
        .ok()
        .map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_read_with_and_without_the_apps_own_share() {
        let expected = Some(ApiUsage {
            used: 18,
            max: 15_000,
        });
        for text in [
            "api-usage=18/15000",
            "api-usage=18/15000; per-app-api-usage=17/250(appName=x)",
        ] {
            assert_eq!(ApiUsage::parse(text), expected);
        }
        assert_eq!(ApiUsage::parse("per-app-api-usage=17/250(appName=x)"), None);
    }
}
