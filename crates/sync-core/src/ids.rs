//! Typed ids of both services, validated where they enter.
//!
//! Salesforce ids are case-sensitive in their 15-character form; the 18-character form appends
//! three characters that encode the case of the first fifteen. We hold 18 characters only.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a piece of text is not an id. Carries the shape of the input, never more than the input id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Neither 15 nor 18 characters.
    #[error("a Salesforce id has 15 or 18 characters, this one has {0}")]
    Length(usize),
    /// A character outside `[0-9A-Za-z]`.
    #[error("a Salesforce id holds letters and digits only; position {0} does not")]
    Character(usize),
    /// The last three characters do not encode the case of the first fifteen.
    #[error("the id `{given}` has a wrong checksum: expected it to end in `{expected}`")]
    Checksum {
        /// The id as given.
        given: String,
        /// The three characters that the first fifteen require.
        expected: String,
    },
    /// The first three characters belong to another object.
    #[error("the id `{given}` starts with `{found}`; expected {expected}")]
    Prefix {
        /// The id as given.
        given: String,
        /// Its key prefix.
        found: String,
        /// What would be right, in words.
        expected: &'static str,
    },
    /// A prospect id is a positive whole number.
    #[error("a prospect id is a positive whole number")]
    Prospect,
}

const CHECKSUM_ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/// The three-character suffix of a 15-character id: one character per block of five, one bit per
/// upper-case letter, lowest bit first.
fn checksum(first_fifteen: &[u8]) -> String {
    first_fifteen
        .chunks(5)
        .map(|block| {
            let bits = block
                .iter()
                .enumerate()
                .filter(|(_, character)| character.is_ascii_uppercase())
                .fold(0_usize, |bits, (position, _)| bits | 1 << position);
            char::from(CHECKSUM_ALPHABET[bits])
        })
        .collect()
}

/// Any Salesforce record id, held in its 18-character form.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SalesforceId(String);

impl SalesforceId {
    /// The 18 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The three characters that name the object, `00Q` for a lead.
    #[must_use]
    pub fn key_prefix(&self) -> &str {
        &self.0[..3]
    }
}

impl FromStr for SalesforceId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if let Some(position) = text.chars().position(|c| !c.is_ascii_alphanumeric()) {
            return Err(IdError::Character(position + 1));
        }
        let suffix = match text.len() {
            15 | 18 => checksum(&text.as_bytes()[..15]),
            other => return Err(IdError::Length(other)),
        };
        if text.len() == 18 && !text[15..].eq_ignore_ascii_case(&suffix) {
            return Err(IdError::Checksum {
                given: text.to_owned(),
                expected: suffix,
            });
        }
        Ok(Self(format!("{}{suffix}", &text[..15])))
    }
}

impl TryFrom<String> for SalesforceId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<SalesforceId> for String {
    fn from(id: SalesforceId) -> Self {
        id.0
    }
}

impl fmt::Display for SalesforceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for SalesforceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The Salesforce objects a prospect can be linked to.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
pub enum CrmObject {
    /// `Lead`, key prefix `00Q`.
    Lead,
    /// `Contact`, key prefix `003`.
    Contact,
}

impl CrmObject {
    /// Both, in the order in which they are polled.
    pub const ALL: [Self; 2] = [Self::Lead, Self::Contact];

    /// The API name of the object.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lead => "Lead",
            Self::Contact => "Contact",
        }
    }
}

impl fmt::Display for CrmObject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The CRM ID of a prospect: the id of a lead or of a contact.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CrmId(SalesforceId);

impl CrmId {
    /// The object this id belongs to, read from its key prefix.
    #[must_use]
    pub fn object(&self) -> CrmObject {
        if self.0.key_prefix() == "00Q" {
            CrmObject::Lead
        } else {
            CrmObject::Contact
        }
    }

    /// The 18 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl TryFrom<SalesforceId> for CrmId {
    type Error = IdError;
    fn try_from(id: SalesforceId) -> Result<Self, IdError> {
        match id.key_prefix() {
            "00Q" | "003" => Ok(Self(id)),
            found => Err(IdError::Prefix {
                found: found.to_owned(),
                given: id.to_string(),
                expected: "`00Q` (lead) or `003` (contact)",
            }),
        }
    }
}

impl FromStr for CrmId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        text.parse::<SalesforceId>()?.try_into()
    }
}

impl TryFrom<String> for CrmId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<CrmId> for String {
    fn from(id: CrmId) -> Self {
        id.0.into()
    }
}

impl fmt::Display for CrmId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl fmt::Debug for CrmId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

/// The id of a prospect in its business unit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct ProspectId(u64);

impl ProspectId {
    /// The number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for ProspectId {
    type Error = IdError;
    fn try_from(number: u64) -> Result<Self, IdError> {
        if number == 0 {
            Err(IdError::Prospect)
        } else {
            Ok(Self(number))
        }
    }
}

impl From<ProspectId> for u64 {
    fn from(id: ProspectId) -> Self {
        id.0
    }
}

impl FromStr for ProspectId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        text.parse::<u64>()
            .map_err(|_| IdError::Prospect)?
            .try_into()
    }
}

impl fmt::Display for ProspectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

impl fmt::Debug for ProspectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// The id of an Account Engagement business unit, key prefix `0Uv` (apis B1).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BusinessUnit(SalesforceId);

impl BusinessUnit {
    /// The 18 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for BusinessUnit {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let id: SalesforceId = text.parse()?;
        match id.key_prefix() {
            "0Uv" => Ok(Self(id)),
            found => Err(IdError::Prefix {
                found: found.to_owned(),
                given: id.to_string(),
                expected: "`0Uv` (business unit)",
            }),
        }
    }
}

impl TryFrom<String> for BusinessUnit {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<BusinessUnit> for String {
    fn from(unit: BusinessUnit) -> Self {
        unit.0.into()
    }
}

impl fmt::Display for BusinessUnit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl fmt::Debug for BusinessUnit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifteen_characters_are_widened() {
        let id: SalesforceId = "0015000000Gv7qJ".parse().unwrap();
        assert_eq!(id.as_str(), "0015000000Gv7qJAAR");
        assert_eq!("0015000000Gv7qJAAR".parse::<SalesforceId>().unwrap(), id);
    }

    #[test]
    fn a_wrong_checksum_is_named() {
        let error = "0015000000Gv7qJAAB".parse::<SalesforceId>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the id `0015000000Gv7qJAAB` has a wrong checksum: expected it to end in `AAR`"
        );
    }

    #[test]
    fn wrong_length_character_and_prefix_are_refused() {
        assert_eq!("00Q".parse::<SalesforceId>(), Err(IdError::Length(3)));
        assert_eq!(
            "0015000000Gv7q-".parse::<SalesforceId>(),
            Err(IdError::Character(15))
        );
        assert!(matches!(
            "0015000000Gv7qJ".parse::<CrmId>(),
            Err(IdError::Prefix { .. })
        ));
        assert_eq!("0".parse::<ProspectId>(), Err(IdError::Prospect));
    }

    #[test]
    fn the_prefix_tells_lead_from_contact() {
        assert_eq!(
            "00Q5000000Gv7qJ".parse::<CrmId>().unwrap().object(),
            CrmObject::Lead
        );
        assert_eq!(
            "0035000000Gv7qJ".parse::<CrmId>().unwrap().object(),
            CrmObject::Contact
        );
    }
}
