//! The log-in: one token request, with both clocks compared before any other verdict (apis A1).

use jiff::Timestamp;
use serde_json::Value;
use sync_core::error::is_free_of_phone_numbers;

use crate::auth::{MAX_SKEW_SECONDS, Session, TokenReply};
use crate::calls::server_time;
use crate::client::{Client, transport};
use crate::error::Error;
use crate::refusal::AuthError;
use crate::settings::{Settings, host_of};

impl Client {
    /// Asks for a token. A second request is never made here: the queue repeats.
    pub(crate) async fn log_in(&self) -> Result<Session, Error> {
        let now = (self.settings.clock)();
        let form = self.settings.credentials.form(
            &self.settings.client_id,
            &self.settings.login_url,
            now,
        )?;
        let url = format!("{}/services/oauth2/token", self.settings.login_url);
        let host = host_of(&self.settings.login_url);
        self.counters.count("login");
        let sent = self.http.post(&url).form(&form).send().await;
        let response = sent.map_err(|error| transport("login", &host, &error))?;
        self.counters.note(response.headers());
        if let Some(server) = server_time(response.headers()) {
            check_skew(now, server)?;
        }
        let status = response.status().as_u16();
        let body = self.body("login", &host, response).await?;
        read_reply(&self.settings, status, &body)
    }
}

/// What the body of a token reply says.
pub(crate) fn read_reply(settings: &Settings, status: u16, body: &[u8]) -> Result<Session, Error> {
    let json: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    if status != 200 {
        let text = |name: &str| json.get(name).and_then(Value::as_str).unwrap_or_default();
        return Err(AuthError::of(status, text("error"), text("error_description")).into());
    }
    let protocol = |problem: &str| Error::Protocol {
        call: "login",
        problem: problem.to_owned(),
    };
    let reply: TokenReply = serde_json::from_value(json)
        .map_err(|_| protocol("the token reply lacks access_token, instance_url or id"))?;
    let Some(origin) = settings.instance_origin(&reply.instance_url) else {
        let host = host_of(&reply.instance_url);
        let is_shown = is_free_of_phone_numbers(&host);
        let host = if is_shown { &host } else { "a number" };
        return Err(protocol(&format!(
            "the instance URL points to `{host}`, which is not Salesforce"
        )));
    };
    reply
        .session(origin)
        .ok_or_else(|| protocol("the identity URL names no org and user"))
}

fn check_skew(ours: Timestamp, theirs: Timestamp) -> Result<(), Error> {
    let seconds = ours.as_second() - theirs.as_second();
    if seconds.abs() > MAX_SKEW_SECONDS {
        return Err(Error::ClockSkew {
            seconds: seconds.abs(),
            ahead: seconds > 0,
        });
    }
    Ok(())
}
