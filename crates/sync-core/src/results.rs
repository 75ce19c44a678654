//! What came of the writes of a pair, and the row of the error queue that a failure opens.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::coerce::Service;
use crate::error::ErrorClass;
use crate::ids::{BusinessUnit, CrmId, ProspectId};
use crate::key::PairKey;

/// A write that did not succeed, without the vendor's free text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteFailure {
    /// Which service refused.
    pub service: Service,
    /// What it means.
    pub class: ErrorClass,
    /// The vendor's code, or ours.
    pub code: String,
    /// The fields the vendor named.
    pub fields: Vec<String>,
    /// What is wrong, without values.
    pub message: String,
    /// Whether the write may have landed although no proper answer came.
    pub may_have_landed: bool,
}

/// The result of the write on one side.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum WriteResult<Id> {
    /// Nothing had to be written.
    #[default]
    NotNeeded,
    /// Written; the id of the record.
    Written(Id),
    /// Not written, because the other side failed first.
    NotTried,
    /// Refused, or unknown.
    Failed(WriteFailure),
}

/// The results of both sides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WriteResults {
    /// Salesforce.
    pub crm: WriteResult<CrmId>,
    /// Account Engagement.
    pub prospect: WriteResult<ProspectId>,
    /// Whether the prospect has been told that its record was deleted.
    pub is_marked: bool,
}

/// An open or closed row of the error queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorRow {
    /// The business unit.
    pub business_unit: BusinessUnit,
    /// The pair.
    pub pair: PairKey,
    /// The lead or contact, when known.
    pub crm_id: Option<CrmId>,
    /// The prospect, when known.
    pub prospect_id: Option<ProspectId>,
    /// The class.
    pub class: ErrorClass,
    /// The code.
    pub code: String,
    /// The fields it is about.
    pub fields: Vec<String>,
    /// What is wrong and how to put it right, without values.
    pub message: String,
    /// Who must act.
    pub owner: String,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When it was last seen.
    pub last_seen: Timestamp,
    /// How often it was seen.
    pub attempts: u32,
    /// When it was resolved; `None` while open.
    #[serde(default)]
    pub closed_at: Option<Timestamp>,
}

impl ErrorRow {
    /// Errors with one cause share a group: class, code and fields.
    #[must_use]
    pub fn group(&self) -> String {
        format!("{}:{}", self.code, self.fields.join(","))
    }
}
