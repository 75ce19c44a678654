//! Field values of both services in one form, so that two values can be compared and stored.
//!
//! `Debug` never prints a value: it prints the shape, because values are personal data.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// The name of a mapped field: the API name of the prospect field (R94: it exists there first).
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct FieldName(pub String);

impl fmt::Display for FieldName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<&str> for FieldName {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

/// The type under which the two sides of a mapped field are compared (connector-behaviour 7.3).
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// Text of any length, compared after trimming.
    #[default]
    Text,
    /// An e-mail address, compared without regard to case.
    Email,
    /// A decimal number: number, currency or percent in Salesforce.
    Number,
    /// `true` or `false`; there is no blank boolean (R85).
    Boolean,
    /// A calendar day. A Salesforce date-time becomes a day in the business unit's time zone.
    Date,
    /// An instant, compared at whole seconds (R88).
    DateTime,
    /// One of several values, compared exactly, case and all (R96).
    Picklist,
    /// Several values, compared as a set.
    MultiSelect,
}

/// A canonical value: two values are the same for the connector if and only if they are equal here.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type", content = "value")]
pub enum FieldValue {
    /// Null, empty, or whitespace only.
    Blank,
    /// Text or e-mail address, trimmed; or a picklist value as it is (R96).
    Text(String),
    /// A decimal without trailing zeros.
    Number(Decimal),
    /// A boolean.
    Boolean(bool),
    /// A calendar day.
    Date(Date),
    /// An instant at whole seconds.
    DateTime(Timestamp),
    /// The chosen values of a multi-select field.
    Set(BTreeSet<String>),
}

impl FieldValue {
    /// Whether there is nothing in the field.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        matches!(self, Self::Blank)
    }

    /// What can be said about the value without saying the value.
    #[must_use]
    pub fn shape(&self) -> String {
        match self {
            Self::Blank => "blank".to_owned(),
            Self::Text(text) => format!("text of {} characters", text.chars().count()),
            Self::Number(_) => "a number".to_owned(),
            Self::Boolean(_) => "a boolean".to_owned(),
            Self::Date(_) => "a date".to_owned(),
            Self::DateTime(_) => "a date and time".to_owned(),
            Self::Set(values) => format!("a set of {} values", values.len()),
        }
    }
}

impl fmt::Debug for FieldValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.shape())
    }
}

/// The value as a person reads it. For those who may see values: the operator's command.
impl fmt::Display for FieldValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank => formatter.write_str("(blank)"),
            Self::Text(text) => write!(formatter, "{text:?}"),
            Self::Number(number) => write!(formatter, "{number}"),
            Self::Boolean(boolean) => write!(formatter, "{boolean}"),
            Self::Date(date) => write!(formatter, "{date}"),
            Self::DateTime(instant) => write!(formatter, "{instant}"),
            Self::Set(values) => {
                let listed: Vec<&str> = values.iter().map(String::as_str).collect();
                write!(formatter, "{{{}}}", listed.join("; "))
            }
        }
    }
}

/// An e-mail address in the form in which addresses are matched: trimmed and lower-case (K17).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NormalisedEmail(String);

impl NormalisedEmail {
    /// Normalises an address; `None` when there is none.
    #[must_use]
    pub fn new(address: &str) -> Option<Self> {
        let spelling = Spelling::new(address)?;
        Some(Self(spelling.in_lower_case().0))
    }

    /// The normalised address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for NormalisedEmail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an e-mail address")
    }
}

/// An address as it is asked for: trimmed, with the capitals that somebody gave it. Account Engagement may
/// mind them (K17).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spelling(String);

impl Spelling {
    /// An address as it was read; `None` when there is none.
    #[must_use]
    pub fn new(address: &str) -> Option<Self> {
        let trimmed = address.trim();
        (!trimmed.is_empty()).then(|| Self(trimmed.to_owned()))
    }

    /// The same in lower case, which may be the same.
    #[must_use]
    pub fn in_lower_case(&self) -> Self {
        Self(self.0.to_lowercase())
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&NormalisedEmail> for Spelling {
    fn from(email: &NormalisedEmail) -> Self {
        Self(email.0.clone())
    }
}

impl fmt::Debug for Spelling {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a spelling of an e-mail address")
    }
}
