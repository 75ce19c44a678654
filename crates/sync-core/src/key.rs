//! What names a record on either side, and the pair it belongs to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::{BusinessUnit, CrmId, IdError, ProspectId};

/// A reference to one record on either side.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordRef {
    /// A lead or contact.
    Crm(CrmId),
    /// A prospect.
    Prospect(ProspectId),
}

impl fmt::Display for RecordRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crm(id) => write!(formatter, "{} {id}", id.object()),
            Self::Prospect(id) => write!(formatter, "prospect {id}"),
        }
    }
}

/// The key of a pair, computed from the record that was there first (reliability 2.2, step 1):
/// `c:<CRM ID>` or `p:<prospect id>`. The partner that we create or link carries the key in a field.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PairKey(RecordRef);

impl PairKey {
    /// The key of the pair that begins with this record.
    #[must_use]
    pub fn of(origin: RecordRef) -> Self {
        Self(origin)
    }

    /// The record the pair began with.
    #[must_use]
    pub fn origin(&self) -> &RecordRef {
        &self.0
    }

    /// The text that the partner carries: the key with its business unit in front.
    #[must_use]
    pub fn field_value(&self, unit: &BusinessUnit) -> String {
        format!("{unit}:{self}")
    }

    /// Reads a partner's key field; `None` when it is empty, foreign or another unit's.
    #[must_use]
    pub fn from_field(unit: &BusinessUnit, text: &str) -> Option<Self> {
        text.strip_prefix(unit.as_str())?
            .strip_prefix(':')?
            .parse()
            .ok()
    }
}

impl fmt::Display for PairKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            RecordRef::Crm(id) => write!(formatter, "c:{id}"),
            RecordRef::Prospect(id) => write!(formatter, "p:{id}"),
        }
    }
}

impl FromStr for PairKey {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        match text.split_once(':') {
            Some(("c", id)) => Ok(Self(RecordRef::Crm(id.parse()?))),
            Some(("p", id)) => Ok(Self(RecordRef::Prospect(id.parse()?))),
            _ => Err(IdError::Length(text.len())),
        }
    }
}

impl TryFrom<String> for PairKey {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<PairKey> for String {
    fn from(key: PairKey) -> Self {
        key.to_string()
    }
}
