//! What can go wrong with a call, in storeys: the service answered, the answer is unknown, or the
//! call was not sent.
//!
//! Vendor messages and URLs may hold personal data. `Display` and `Debug` print codes and our own
//! words; the vendor's message is read through [`ServiceError::vendor_message`] only.

use std::fmt;

use sync_core::error::{ErrorClass, is_free_of_phone_numbers};
use sync_core::ids::BusinessUnit;

use crate::calls::CallKind;
use crate::code::{ErrorCode, classify};
use crate::token::TokenError;

/// A call that did not work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The service answered with an error.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// Sent, and no proper answer: a write may have landed, so look before repeating (apis B2).
    #[error(transparent)]
    Unknown(#[from] UnknownOutcome),
    /// Surely not sent.
    #[error(transparent)]
    NotSent(#[from] NotSent),
    /// No access token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The answer is not what the documents promise.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The query filters by more fields than the service takes; refused here, not sent.
    #[error("a query filters by {0} fields; the service takes three")]
    TooManyFilters(usize),
}

impl Error {
    /// What it means for us.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Service(error) => error.class(),
            Self::Unknown(_) | Self::NotSent(_) => ErrorClass::Transient,
            Self::Token(error) => error.class(),
            Self::Protocol(_) => ErrorClass::Unclassified,
            Self::TooManyFilters(_) => ErrorClass::Config,
        }
    }

    /// Whether the write that failed may have landed all the same.
    #[must_use]
    pub fn may_have_landed(&self) -> bool {
        match self {
            Self::Service(error) => error.may_have_landed(),
            Self::Unknown(error) => error.call.is_write(),
            Self::Protocol(error) => error.call.is_write(),
            Self::NotSent(_) | Self::Token(_) | Self::TooManyFilters(_) => false,
        }
    }

    /// A short stable code for error rows: the vendor's number, `http-503`, or our own word.
    #[must_use]
    pub fn code(&self) -> String {
        match self {
            Self::Service(error) => match error.code {
                Some(code) => code.number().to_string(),
                None => format!("http-{}", error.http_status),
            },
            Self::Unknown(_) => "outcome-unknown".to_owned(),
            Self::NotSent(_) => "not-sent".to_owned(),
            Self::Token(_) => "no-token".to_owned(),
            Self::Protocol(_) => "protocol".to_owned(),
            Self::TooManyFilters(_) => "too-many-filters".to_owned(),
        }
    }
}

/// The service answered with an error.
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceError {
    pub(crate) call: CallKind,
    pub(crate) code: Option<ErrorCode>,
    pub(crate) http_status: u16,
    pub(crate) message: String,
    pub(crate) host: String,
    pub(crate) business_unit: BusinessUnit,
}

/// The text of code 122; one public client matches on it because codes were missing (apis K16).
const DAILY_LIMIT_TEXT: &str = "Daily API rate limit met";

impl ServiceError {
    /// The service's code; `None` when only the HTTP status said what is wrong.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        self.code
    }

    /// The HTTP status, second to the code (apis K16).
    #[must_use]
    pub fn http_status(&self) -> u16 {
        self.http_status
    }

    /// The kind of call.
    #[must_use]
    pub fn call(&self) -> CallKind {
        self.call
    }

    /// The service's own message. It may hold personal data: keep it out of logs.
    #[must_use]
    pub fn vendor_message(&self) -> &str {
        &self.message
    }

    /// The field that codes 51, 154 and 180 name; the message names one only (apis B3).
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        if self.class() != ErrorClass::Schema {
            return None;
        }
        let name = self.message.trim_end_matches('.').rsplit(": ").next()?;
        let is_name = is_free_of_phone_numbers(name)
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
        (is_name && !name.is_empty() && name.len() < self.message.len()).then_some(name)
    }

    /// Whether what was asked for is the case already.
    #[must_use]
    pub fn is_already_done(&self) -> bool {
        self.code.is_some_and(ErrorCode::is_already_done)
    }

    /// Whether a new token is worth one try (apis B1: 184, and 49 with 401).
    pub(crate) fn wants_new_token(&self) -> bool {
        match self.code {
            Some(code) => {
                code == ErrorCode::TokenInvalid
                    || (code == ErrorCode::AccessDenied && self.http_status == 401)
            }
            None => self.http_status == 401,
        }
    }

    /// What it means for us: a code we know decides, then the text, then the status (apis K16).
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        let by_code = self.code.map_or(ErrorClass::Unclassified, classify);
        if by_code != ErrorClass::Unclassified {
            return by_code;
        }
        if self.message.contains(DAILY_LIMIT_TEXT) {
            return ErrorClass::Quota;
        }
        match self.http_status {
            401 => ErrorClass::Auth,
            403 | 405 | 413 | 414 | 415 => ErrorClass::Config,
            429 => ErrorClass::Throttled,
            408 | 500.. => ErrorClass::Transient,
            _ => ErrorClass::Unclassified,
        }
    }

    fn may_have_landed(&self) -> bool {
        let is_open = match self.code {
            Some(ErrorCode::Unknown(_)) => self.http_status >= 500,
            Some(code) => code.leaves_outcome_open(),
            None => false,
        };
        self.call.is_write() && is_open
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            call,
            http_status,
            host,
            business_unit,
            ..
        } = self;
        match self.code {
            Some(code @ ErrorCode::UnitUnknown) => write!(
                formatter,
                "Account Engagement host {host} does not know business unit {business_unit}: \
                 wrong host for this org, or inactive unit (code {}, HTTP {http_status})",
                code.number(),
            ),
            Some(code) => {
                let number = code.number();
                write!(
                    formatter,
                    "{call}: {} (code {number}, HTTP {http_status}",
                    code.text()
                )?;
                match self.field() {
                    Some(field) => write!(formatter, ", field {field})"),
                    None => formatter.write_str(")"),
                }
            }
            None => write!(
                formatter,
                "{call}: {host} answered HTTP {http_status} without a code"
            ),
        }
    }
}

impl fmt::Debug for ServiceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ServiceError({self})")
    }
}

impl std::error::Error for ServiceError {}

/// Sent, and no proper answer.
#[derive(Debug, thiserror::Error)]
#[error("{call}: sent to {host}, and the outcome is unknown: {reason}")]
pub struct UnknownOutcome {
    /// The kind of call.
    pub call: CallKind,
    /// The host it was sent to.
    pub host: String,
    /// What came instead of an answer, in our words.
    pub reason: String,
    /// The broken connection, if that is why; its URL is taken out.
    #[source]
    pub(crate) cause: Option<reqwest::Error>,
}

/// Surely not sent.
#[derive(Debug, thiserror::Error)]
#[error("{call}: {host} could not be reached")]
pub struct NotSent {
    /// The kind of call.
    pub call: CallKind,
    /// The host.
    pub host: String,
    /// Why; its URL is taken out.
    #[source]
    pub(crate) cause: reqwest::Error,
}

/// The answer is not what the documents promise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {problem}")]
pub struct ProtocolError {
    /// The kind of call.
    pub call: CallKind,
    /// What is wrong with it, without values.
    pub problem: String,
}

impl ProtocolError {
    pub(crate) fn new(call: CallKind, problem: impl Into<String>) -> Self {
        Self {
            call,
            problem: problem.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: Option<i64>, http_status: u16, message: &str) -> ServiceError {
        ServiceError {
            call: CallKind::Create,
            code: code.map(ErrorCode::from_number),
            http_status,
            message: message.to_owned(),
            host: "pi.pardot.com".to_owned(),
            business_unit: "0Uv000000000001".parse().unwrap(),
        }
    }

    #[test]
    fn the_code_decides_before_text_and_status() {
        // code, status, message, class
        let cases = [
            (Some(66), 401, "", ErrorClass::Throttled),
            (Some(4), 503, "", ErrorClass::Record),
            (Some(66), 429, DAILY_LIMIT_TEXT, ErrorClass::Throttled),
            (Some(122), 200, "", ErrorClass::Quota),
            (None, 429, DAILY_LIMIT_TEXT, ErrorClass::Quota),
            (Some(9999), 429, DAILY_LIMIT_TEXT, ErrorClass::Quota),
            (None, 429, "", ErrorClass::Throttled),
            (Some(9999), 503, "", ErrorClass::Transient),
            (Some(9999), 400, "", ErrorClass::Unclassified),
            (None, 404, "", ErrorClass::Unclassified),
        ];
        for (code, status, message, class) in cases {
            assert_eq!(
                error(code, status, message).class(),
                class,
                "{code:?} {status} {message}"
            );
        }
    }

    #[test]
    fn a_wrong_host_names_host_and_unit() {
        let text = error(Some(201), 403, "whatever").to_string();
        assert!(
            text.starts_with(
                "Account Engagement host pi.pardot.com does not know business unit \
                 0Uv000000000001CAA: wrong host for this org, or inactive unit"
            ),
            "{text}"
        );
    }

    #[test]
    fn vendor_text_is_printed_by_nobody() {
        let refused = error(Some(4), 400, "ann@example.com is not valid");
        for text in [refused.to_string(), format!("{refused:?}")] {
            assert!(!text.contains("ann@"), "{text}");
        }
        assert_eq!(refused.vendor_message(), "ann@example.com is not valid");
    }

    #[test]
    fn the_field_of_a_schema_error_is_named() {
        let property = error(Some(154), 400, "Invalid property in request: UniqueId__c");
        assert_eq!(property.field(), Some("UniqueId__c"));
        assert!(
            property
                .to_string()
                .ends_with("(code 154, HTTP 400, field UniqueId__c)")
        );
        let text = "Invalid parameter: fields. It contains an invalid or unknown field: A__c.";
        assert_eq!(error(Some(51), 400, text).field(), Some("A__c"));
        for value in ["a@b.c", "4155550123"] {
            let text = format!("Invalid property: {value}");
            assert_eq!(error(Some(154), 400, &text).field(), None);
        }
        assert_eq!(error(Some(4), 400, "bad: Field").field(), None);
    }
}
