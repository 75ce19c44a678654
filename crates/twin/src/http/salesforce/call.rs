//! A request and its answer apart from HTTP, so that composite requests can hold others.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::org::{Caller, OrgError};

/// The body of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// None at all.
    Empty,
    /// JSON.
    Json(Value),
    /// Bytes that are no JSON.
    Broken,
}

/// A request below `/services/data/`.
#[derive(Debug, Clone)]
pub struct Call {
    /// The verb.
    pub method: String,
    /// The decoded segments after `/services/data/`.
    pub segments: Vec<String>,
    /// The query parameters.
    pub parameters: Vec<(String, String)>,
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Body,
}

impl Call {
    /// Reads a request from its parts. `target` is path and query as they came.
    #[must_use]
    pub fn new(method: &str, target: &str, headers: BTreeMap<String, String>, body: Body) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let segments = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .skip(2)
            .map(|segment| decode(segment, false))
            .collect();
        let parameters = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decode(name, true), decode(value, true)))
            .collect();
        Self {
            method: method.to_owned(),
            segments,
            parameters,
            headers,
            body,
        }
    }

    /// A query parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(held, _)| held == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether a query parameter says `true`.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.parameter(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// A header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The body, which must be JSON.
    ///
    /// # Errors
    /// `JSON_PARSER_ERROR`.
    pub fn json(&self) -> Result<&Value, OrgError> {
        match &self.body {
            Body::Json(value) => Ok(value),
            Body::Empty => {
                let why = "Premature end of file.";
                Err(OrgError::new("JSON_PARSER_ERROR", why))
            }
            Body::Broken => {
                let why = "Unexpected character at [line:1, column:1]";
                Err(OrgError::new("JSON_PARSER_ERROR", why))
            }
        }
    }

    /// Whether something is to be written, by the request itself or by one that it holds.
    #[must_use]
    pub fn writes(&self) -> bool {
        let writes = |method: &str| !method.eq_ignore_ascii_case("GET");
        let held = match &self.body {
            Body::Json(body) => body["compositeRequest"].as_array(),
            Body::Empty | Body::Broken => None,
        };
        match held {
            Some(parts) => parts
                .iter()
                .any(|part| part["method"].as_str().is_some_and(writes)),
            None => writes(&self.method),
        }
    }

    /// The caller as this request's headers make it.
    #[must_use]
    pub fn caller(&self, base: &Caller) -> Caller {
        let is_off = |text: &str| text.trim().eq_ignore_ascii_case("false");
        let allows = |text: &str| {
            text.split([';', ',']).any(|part| {
                part.split_once('=').is_some_and(|(name, value)| {
                    name.trim().eq_ignore_ascii_case("allowSave")
                        && value.trim().eq_ignore_ascii_case("true")
                })
            })
        };
        Caller {
            auto_assign: !self.header("sforce-auto-assign").is_some_and(is_off),
            allow_save: self
                .header("sforce-duplicate-rule-header")
                .is_some_and(allows),
            ..base.clone()
        }
    }
}

/// Undoes percent encoding; `+` is a blank in queries only.
fn decode(text: &str, is_query: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after
            .get(..2)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        let escaped = hex.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (first, escaped) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (b'+', _) if is_query => {
                bytes.push(b' ');
                rest = after;
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a request is answered with.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Headers of its own.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Option<Value>,
}

impl Answer {
    /// An answer with a body.
    #[must_use]
    pub fn json(status: u16, body: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Some(body),
        }
    }

    /// 204.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            status: 204,
            headers: Vec::new(),
            body: None,
        }
    }

    /// Whether it tells of success.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl From<OrgError> for Answer {
    fn from(error: OrgError) -> Self {
        Self::json(error.status, json!([error.entry()]))
    }
}
