//! Where and as whom to log in, and which hosts may be called afterwards.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;

use crate::auth::Credentials;

/// How long a call may take; the slowest are collections of 1,000 records with automation behind them.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// Where and as whom to log in.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Scheme and host of the org's My Domain, of login or of test.
    pub login_url: String,
    /// The consumer key of the app.
    pub client_id: String,
    /// How to log in.
    pub credentials: Credentials,
    /// The clock that dates assertions and is compared with Salesforce's.
    pub clock: fn() -> Timestamp,
    /// The longest a call may take.
    pub call_timeout: Duration,
    /// The longest it may take to connect.
    pub connect_timeout: Duration,
    /// How we introduce ourselves in `Sforce-Call-Options` (apis K13).
    pub client_name: String,
    /// The hosts a token reply may send us to, by how they end; the login host is always allowed.
    pub instance_suffixes: Vec<String>,
    /// The largest answer that is read, in bytes.
    pub body_limit_bytes: usize,
}

impl Settings {
    /// Settings with the default time-outs and limits.
    #[must_use]
    pub fn new(
        login_url: impl Into<String>,
        client_id: impl Into<String>,
        credentials: Credentials,
    ) -> Self {
        Self {
            login_url: login_url.into().trim_end_matches('/').to_owned(),
            client_id: client_id.into(),
            credentials,
            clock: Timestamp::now,
            call_timeout: CALL_TIMEOUT,
            connect_timeout: Duration::from_secs(5),
            client_name: "prospect-sync".to_owned(),
            instance_suffixes: [".salesforce.com", ".force.com"]
                .map(str::to_owned)
                .to_vec(),
            body_limit_bytes: 64 * 1024 * 1024,
        }
    }

    /// What is wrong with the login URL, if anything. Secrets travel there: encrypted, or not at all
    /// further than this machine.
    pub(crate) fn login_problem(&self) -> Option<&'static str> {
        let Ok(url) = Url::parse(&self.login_url) else {
            return Some("not a URL");
        };
        let is_loopback = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
        let is_private = url.scheme() == "https" || (url.scheme() == "http" && is_loopback);
        let is_bare = url.path() == "/"
            && url.query().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let is_right = is_private && is_bare;
        (!is_right).then_some("the login URL must be `https://` and a host, without a path")
    }

    /// Scheme, host and port of an instance URL, when calls may go there. The token reply is input
    /// too: only Salesforce's own hosts or the login host get to see a token.
    pub(crate) fn instance_origin(&self, instance_url: &str) -> Option<String> {
        let url = Url::parse(instance_url).ok()?;
        let host = url.host_str()?;
        let is_own = url.scheme() == "https"
            && self
                .instance_suffixes
                .iter()
                .any(|suffix| host.ends_with(suffix));
        let login_origin = Url::parse(&self.login_url).ok()?.origin();
        let is_allowed = is_own || url.origin() == login_origin;
        is_allowed.then(|| url.origin().ascii_serialization())
    }
}

/// The host of a URL, for messages.
pub(crate) fn host_of(url: &str) -> String {
    let parsed = Url::parse(url).ok();
    parsed
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::ClientSecret;

    fn settings(login_url: &str) -> Settings {
        let secret = ClientSecret::new("s");
        Settings::new(login_url, "id", Credentials::ClientCredentials { secret })
    }

    #[test]
    fn calls_go_to_salesforce_or_back_to_the_login_host_only() {
        let twin = settings("http://127.0.0.1:8080");
        for allowed in [
            "https://x.my.salesforce.com",
            "https://x.my.salesforce.com/",
            "https://X.FORCE.com",
            "http://127.0.0.1:8080",
        ] {
            assert!(twin.instance_origin(allowed).is_some(), "{allowed}");
        }
        for refused in [
            "http://x.my.salesforce.com",
            "https://evilsalesforce.com",
            "https://x.salesforce.com.evil.example",
            "https://evil.example\\@x.salesforce.com",
            "https://x.salesforce.com@evil.example",
            "http://127.0.0.1:8081",
            "https://127.0.0.1:8080",
            "",
        ] {
            assert_eq!(twin.instance_origin(refused), None, "{refused}");
        }
        let origin = twin.instance_origin("https://u:p@x.force.com:444/path?q");
        assert_eq!(origin.as_deref(), Some("https://x.force.com:444"));
    }

    #[test]
    fn secrets_leave_this_machine_encrypted_only() {
        for right in [
            "https://x.my.salesforce.com",
            "http://127.0.0.1:1",
            "http://localhost:1/",
        ] {
            assert_eq!(settings(right).login_problem(), None, "{right}");
        }
        for wrong in [
            "http://x.my.salesforce.com",
            "ftp://x",
            "nothing",
            "https://x/path",
            "https://u@x",
        ] {
            assert!(settings(wrong).login_problem().is_some(), "{wrong}");
        }
    }
}
