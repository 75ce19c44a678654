//! What names a record on either side, and the pair it belongs to.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
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
///
/// A record that was parted from its partner (R54) begins again with another key, `p:<prospect id>:<seconds>`: the
/// old partner may still carry the first one, in a recycle bin where nobody can take it away.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PairKey {
    origin: RecordRef,
    /// When the record was parted from its last partner, in seconds since 1970.
    parted: Option<u64>,
}

impl PairKey {
    /// The key of the pair that begins with this record.
    #[must_use]
    pub fn of(origin: RecordRef) -> Self {
        Self {
            origin,
            parted: None,
        }
    }

    /// The record the pair began with.
    #[must_use]
    pub fn origin(&self) -> &RecordRef {
        &self.origin
    }

    /// The key under which the row of the pair, its claims and its error are stored: that of the record it began
    /// with, whichever partner it has by now.
    #[must_use]
    pub fn row(&self) -> Self {
        Self::of(self.origin.clone())
    }

    /// The key with which the record begins again once it was parted from its partner (R54).
    #[must_use]
    pub fn parted_at(&self, at: Timestamp) -> Self {
        Self {
            parted: Some(at.as_second().unsigned_abs()),
            ..self.clone()
        }
    }

    /// Whether it is that of a record which was parted from a partner.
    #[must_use]
    pub fn is_parted(&self) -> bool {
        self.parted.is_some()
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
        match &self.origin {
            RecordRef::Crm(id) => write!(formatter, "c:{id}")?,
            RecordRef::Prospect(id) => write!(formatter, "p:{id}")?,
        }
        self.parted
            .map_or(Ok(()), |seconds| write!(formatter, ":{seconds}"))
    }
}

impl FromStr for PairKey {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut parts = text.split(':');
        let origin = match (parts.next(), parts.next()) {
            (Some("c"), Some(id)) => RecordRef::Crm(id.parse()?),
            (Some("p"), Some(id)) => RecordRef::Prospect(id.parse()?),
            _ => return Err(IdError::Length(text.len())),
        };
        let other = |_| IdError::Length(text.len());
        let parted = parts.next().map(|seconds| seconds.parse().map_err(other));
        let key = Self {
            origin,
            parted: parted.transpose()?,
        };
        match parts.next() {
            None => Ok(key),
            Some(_) => Err(IdError::Length(text.len())),
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
