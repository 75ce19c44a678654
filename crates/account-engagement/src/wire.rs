//! One exchange with the service: a request out, and bytes into an answer or an error (apis B2).

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Method, Response};
use serde_json::Value;
use sync_core::ids::BusinessUnit;

use crate::calls::{ApiUsage, CallKind, Seen};
use crate::code::ErrorCode;
use crate::error::{Error, NotSent, ProtocolError, ServiceError, UnknownOutcome};
use crate::token::Bearer;

/// A call, before it knows its token.
#[derive(Debug, Clone)]
pub(crate) struct Call<'a> {
    pub kind: CallKind,
    pub method: Method,
    /// The path below `/api/v5/`.
    pub path: String,
    pub query: Vec<(&'static str, String)>,
    pub body: Option<&'a Value>,
}

impl Call<'_> {
    /// A GET.
    pub(crate) fn get(
        kind: CallKind,
        path: impl Into<String>,
        query: Vec<(&'static str, String)>,
    ) -> Self {
        Self {
            kind,
            method: Method::GET,
            path: path.into(),
            query,
            body: None,
        }
    }
}

/// A proper answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The body; `Null` when there was none (204).
    pub body: Value,
    /// The codes of the `Pardot-Warning` headers.
    pub warnings: Vec<u32>,
    /// The id at the end of the `Location` header.
    pub location_id: Option<u64>,
}

/// Everything that stays the same from call to call.
#[derive(Debug)]
pub(crate) struct Wire {
    pub http: reqwest::Client,
    /// Scheme, host and port, without a slash at the end.
    pub base_url: String,
    pub host: String,
    pub business_unit: BusinessUnit,
    pub body_limit_bytes: usize,
}

/// Percent-encodes a value of the query. Commas and colons stay: they are legal there, and 500
/// ids would not fit into a URL otherwise. `+` does not: it would be read as a space.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => encoded.push(char::from(byte)),
            b'-' | b'_' | b'.' | b'~' | b',' | b':' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

impl Wire {
    fn url(&self, call: &Call<'_>) -> String {
        let query: Vec<String> = call
            .query
            .iter()
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .collect();
        let separator = if query.is_empty() { "" } else { "?" };
        format!(
            "{}/api/v5/{}{separator}{}",
            self.base_url,
            call.path,
            query.join("&")
        )
    }

    /// Sends a call and reads its answer, once.
    pub(crate) async fn exchange(
        &self,
        call: &Call<'_>,
        bearer: &Bearer,
    ) -> (Result<Answer, Error>, Seen) {
        let mut authorization = match HeaderValue::try_from(format!("Bearer {}", bearer.expose())) {
            Ok(value) => value,
            Err(_) => {
                let problem = "the access token holds characters that no header may hold";
                return (
                    Err(ProtocolError::new(call.kind, problem).into()),
                    Seen::default(),
                );
            }
        };
        authorization.set_sensitive(true);
        let mut request = self
            .http
            .request(call.method.clone(), self.url(call))
            .header(AUTHORIZATION, authorization)
            .header("Pardot-Business-Unit-Id", self.business_unit.as_str())
            .header("X-Return-Api-Usage", "1");
        if let Some(body) = call.body {
            request = request.json(body);
        }
        match request.send().await {
            Ok(response) => {
                let seen = Seen::of(response.headers());
                (self.read(call, response).await, seen)
            }
            Err(error) => (Err(self.failed_to_send(call.kind, error)), Seen::default()),
        }
    }

    fn failed_to_send(&self, call: CallKind, error: reqwest::Error) -> Error {
        let cause = error.without_url();
        if cause.is_connect() || cause.is_builder() {
            NotSent {
                call,
                host: self.host.clone(),
                cause,
            }
            .into()
        } else {
            let reason = if cause.is_timeout() {
                "no answer in time"
            } else {
                "the connection broke"
            };
            self.unknown(call, reason, Some(cause))
        }
    }

    fn unknown(
        &self,
        call: CallKind,
        reason: impl Into<String>,
        cause: Option<reqwest::Error>,
    ) -> Error {
        UnknownOutcome {
            call,
            host: self.host.clone(),
            reason: reason.into(),
            cause,
        }
        .into()
    }

    async fn read(&self, call: &Call<'_>, mut response: Response) -> Result<Answer, Error> {
        let status = response.status().as_u16();
        let mut bytes: Vec<u8> = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if bytes.len() + chunk.len() > self.body_limit_bytes => {
                    let reason =
                        format!("the answer has more than {} bytes", self.body_limit_bytes);
                    return Err(self.unknown(call.kind, reason, None));
                }
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => {
                    let cause = error.without_url();
                    return Err(self.unknown(call.kind, "the answer broke off", Some(cause)));
                }
            }
        }
        self.interpret(call.kind, status, response.headers(), &bytes)
    }

    /// What an answer says: the code in the body first, the status second (apis K16).
    pub(crate) fn interpret(
        &self,
        call: CallKind,
        status: u16,
        headers: &HeaderMap,
        bytes: &[u8],
    ) -> Result<Answer, Error> {
        let body: Option<Value> = serde_json::from_slice(bytes).ok();
        let refused = |code: Option<i64>, message: String| {
            Err(Error::Service(ServiceError {
                call,
                code: code.map(ErrorCode::from_number),
                http_status: status,
                message,
                host: self.host.clone(),
                business_unit: self.business_unit.clone(),
            }))
        };
        if let Some((code, message)) = body.as_ref().and_then(|body| refusal(body, status)) {
            return refused(Some(code), message);
        }
        match status {
            200..=299 => {}
            408 | 500.. => {
                let reason = format!("HTTP {status} without a code of the service");
                return Err(self.unknown(call, reason, None));
            }
            300..=399 => {
                let problem =
                    format!("HTTP {status}: the service redirects, which we do not follow");
                return Err(ProtocolError::new(call, problem).into());
            }
            _ => return refused(None, String::from_utf8_lossy(bytes).into_owned()),
        }
        let body = match body {
            Some(body) => body,
            None if bytes.iter().all(u8::is_ascii_whitespace) => Value::Null,
            None => return Err(self.unknown(call, "the answer is not JSON", None)),
        };
        let warnings = headers.get_all("pardot-warning").iter();
        let warnings = warnings
            .filter_map(|value| value.to_str().ok())
            .flat_map(|text| text.split(','))
            .filter_map(|text| text.split(';').next()?.trim().parse().ok())
            .collect();
        let location = header_text(headers, LOCATION.as_str());
        let location_id = location
            .and_then(|text| {
                text.split('?')
                    .next()?
                    .trim_end_matches('/')
                    .rsplit('/')
                    .next()
            })
            .and_then(|text| text.parse().ok());
        Ok(Answer {
            body,
            warnings,
            location_id,
        })
    }
}

impl Seen {
    fn of(headers: &HeaderMap) -> Self {
        let date = header_text(headers, reqwest::header::DATE.as_str());
        let server_time = date
            .and_then(|text| jiff::fmt::rfc2822::parse(text).ok())
            .map(|zoned| zoned.timestamp());
        let usage = header_text(headers, "x-api-usage").and_then(ApiUsage::parse);
        Self { usage, server_time }
    }
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Code and message of an error body. Under a status of success it must look like nothing else.
fn refusal(body: &Value, status: u16) -> Option<(i64, String)> {
    let object = body.as_object()?;
    let code = match object.get("code")? {
        Value::Number(number) => number.as_i64()?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    let message = object.get("message").and_then(Value::as_str);
    let is_success = (200..300).contains(&status);
    let is_row = object.contains_key("id") || object.contains_key("values");
    if is_success && (is_row || message.is_none()) {
        return None;
    }
    Some((code, message.unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plus_is_encoded_and_commas_are_not() {
        assert_eq!(
            encode("2026-11-23T10:00:00+01:00"),
            "2026-11-23T10:00:00%2B01:00"
        );
        assert_eq!(encode("1,2,3"), "1,2,3");
        assert_eq!(encode("a+b@c.d é&="), "a%2Bb%40c.d%20%C3%A9%26%3D");
    }
}
