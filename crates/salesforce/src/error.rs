//! What can go wrong, in three storeys: the service answered, the outcome is unknown, or not sent.
//!
//! Texts of the vendor can hold personal data: `Display` and `Debug` print code and fields only.

use std::fmt;

use sync_core::error::ErrorClass;

use crate::code::{ErrorCode, classify};
use crate::refusal::AuthError;
use crate::soql::check_name;

/// A call that did not work.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Salesforce answered with an error.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// Sent, and no proper answer: a write may have landed, so read before repeating it.
    #[error("{call} to {host}: {reason}; the outcome is unknown")]
    Unknown {
        /// The kind of call.
        call: &'static str,
        /// The host.
        host: String,
        /// What was wrong with the answer.
        reason: String,
    },
    /// Surely not sent.
    #[error("{host} cannot be reached ({reason}); check the URL, DNS and the network")]
    NotSent {
        /// The host.
        host: String,
        /// Why.
        reason: String,
    },
    /// Not sent, because it cannot be right: a mistake on our side.
    #[error("{call}: not sent, {problem}")]
    Refused {
        /// The kind of call.
        call: &'static str,
        /// What is wrong with the request.
        problem: String,
    },
    /// The log-in was refused.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// Our clock and Salesforce's differ by more than three minutes; log-in tokens would be refused.
    #[error(
        "this machine's clock is {seconds} s {direction} of Salesforce's; \
         set the clock, a log-in is accepted only within three minutes",
        direction = if *.ahead { "ahead" } else { "behind" }
    )]
    ClockSkew {
        /// By how many seconds.
        seconds: i64,
        /// Whether ours is the later one.
        ahead: bool,
    },
    /// The answer is not what the documents promise.
    #[error("{call}: {problem}")]
    Protocol {
        /// The kind of call.
        call: &'static str,
        /// What is not as promised.
        problem: String,
    },
}

impl Error {
    /// What it means for us.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Service(error) => error.class(),
            Self::Unknown { .. } | Self::NotSent { .. } => ErrorClass::Transient,
            Self::Auth(error) => error.class(),
            Self::ClockSkew { .. } => ErrorClass::Auth,
            Self::Protocol { .. } | Self::Refused { .. } => ErrorClass::Unclassified,
        }
    }

    /// Whether a write that failed like this may have landed all the same.
    #[must_use]
    pub fn may_have_landed(&self) -> bool {
        match self {
            Self::Unknown { .. } | Self::Protocol { .. } => true,
            Self::Service(error) => error.http_status >= 500,
            Self::NotSent { .. }
            | Self::Refused { .. }
            | Self::Auth(_)
            | Self::ClockSkew { .. } => false,
        }
    }

    /// A short stable code for error rows.
    #[must_use]
    pub fn code(&self) -> String {
        match self {
            Self::Service(error) => error.code.as_str().to_owned(),
            Self::Unknown { .. } => "OUTCOME_UNKNOWN".to_owned(),
            Self::NotSent { .. } => "NOT_SENT".to_owned(),
            Self::Refused { .. } => "REFUSED".to_owned(),
            Self::Auth(error) => error.code().to_owned(),
            Self::ClockSkew { .. } => "CLOCK_SKEW".to_owned(),
            Self::Protocol { .. } => "PROTOCOL".to_owned(),
        }
    }
}

/// An error that Salesforce answered, for a whole call.
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceError {
    /// The code.
    pub code: ErrorCode,
    /// The fields it names.
    pub fields: Vec<String>,
    /// The HTTP status, second to the code.
    pub http_status: u16,
    pub(crate) message: String,
}

impl ServiceError {
    /// What it means for us.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        classify(&self.code, &self.message, &self.fields)
    }

    /// Salesforce's own text. It can hold personal data: keep it out of logs.
    #[must_use]
    pub fn vendor_message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        describe(formatter, &self.code, &self.fields)
    }
}

impl fmt::Debug for ServiceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self} (HTTP {})", self.http_status)
    }
}

impl std::error::Error for ServiceError {}

/// An error for one record of a collection.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordError {
    /// The code.
    pub code: ErrorCode,
    /// The fields it names.
    pub fields: Vec<String>,
    pub(crate) message: String,
}

impl RecordError {
    pub(crate) fn new(code: ErrorCode, message: String, fields: Vec<String>) -> Self {
        Self {
            code,
            fields,
            message,
        }
    }

    /// What it means for us.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        classify(&self.code, &self.message, &self.fields)
    }

    /// The unique field whose value another record has already, as `DUPLICATE_VALUE` names it (apis A17).
    #[must_use]
    pub fn duplicate_field(&self) -> Option<&str> {
        if self.code != ErrorCode::DuplicateValue {
            return None;
        }
        let (_, named) = self.message.split_once("duplicate value found: ")?;
        let name = named.split_whitespace().next()?;
        Some(name).filter(|name| check_name(name).is_ok())
    }

    /// Salesforce's own text. It can hold personal data: keep it out of logs.
    #[must_use]
    pub fn vendor_message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        describe(formatter, &self.code, &self.fields)
    }
}

impl fmt::Debug for RecordError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl std::error::Error for RecordError {}

fn describe(
    formatter: &mut fmt::Formatter<'_>,
    code: &ErrorCode,
    fields: &[String],
) -> fmt::Result {
    write!(formatter, "salesforce answered {}", code.as_str())?;
    if fields.is_empty() {
        Ok(())
    } else {
        write!(formatter, " for {}", fields.join(", "))
    }
}
