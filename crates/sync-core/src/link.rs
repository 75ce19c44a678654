//! The link: which prospect belongs to which lead or contact, and what both last agreed on.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::decision::{HoldReason, SkipReason};
use crate::ids::{BusinessUnit, CrmId, ProspectId};
use crate::key::{PairKey, RecordRef};
use crate::record::Values;
use crate::trace::Trace;

/// Where a pair stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "reason")]
pub enum LinkState {
    /// Begun: an intent is or was open, the partner is not known yet.
    Pending,
    /// Both records are known and kept in step.
    Linked,
    /// Deliberately not synced; looked at again on the next change.
    Skipped(SkipReason),
    /// Waiting for something that will happen.
    Held(HoldReason),
}

impl LinkState {
    /// The name under which links are listed.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Linked => "linked",
            Self::Skipped(_) => "skipped",
            Self::Held(_) => "held",
        }
    }
}

/// What a worker is about to write, stored before it writes (reliability 2.2, step 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Unique per attempt; equal on redelivery only if the row was never replaced.
    pub id: String,
    /// What is going to happen.
    pub kind: IntentKind,
    /// When the intent was stored.
    pub at: Timestamp,
}

/// The three things a worker can be about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentKind {
    /// Insert a lead or contact.
    CreateCrm,
    /// Insert a prospect.
    CreateProspect,
    /// Change fields of records that exist.
    Update,
}

/// The row of one pair, the truth about its identity. Version 1 of the stored form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// The business unit the pair belongs to.
    pub business_unit: BusinessUnit,
    /// The pair's key.
    pub key: PairKey,
    /// Where the pair stands.
    #[serde(flatten)]
    pub state: LinkState,
    /// The lead or contact.
    pub crm_id: Option<CrmId>,
    /// The prospect.
    pub prospect_id: Option<ProspectId>,
    /// The values both sides last agreed on.
    #[serde(default)]
    pub base: Values,
    /// What a worker is or was about to write.
    pub intent: Option<Intent>,
    /// Until when that worker may write; nobody else touches the pair before.
    pub lease_until: Option<Timestamp>,
    /// Counts the stored changes of this row; every write is conditional on it.
    pub version: u64,
    /// When both sides were last brought into step.
    pub synced_at: Option<Timestamp>,
    /// Whether the record was last seen without an e-mail address: adding one counts as creation
    /// (R46), also when the pair was held in between.
    #[serde(default)]
    pub lacked_email: bool,
    /// Whether the errors table holds an open row for this pair.
    #[serde(default)]
    pub has_open_error: bool,
    /// Why the pair looks the way it does: the trace of the last decision that changed something.
    #[serde(default)]
    pub last_trace: Option<Trace>,
}

impl Link {
    /// A row that has not been stored yet.
    #[must_use]
    pub fn new(business_unit: BusinessUnit, key: PairKey) -> Self {
        let (crm_id, prospect_id) = match key.origin() {
            RecordRef::Crm(id) => (Some(id.clone()), None),
            RecordRef::Prospect(id) => (None, Some(*id)),
        };
        Self {
            business_unit,
            key,
            state: LinkState::Pending,
            crm_id,
            prospect_id,
            base: Values::new(),
            intent: None,
            lease_until: None,
            version: 0,
            synced_at: None,
            lacked_email: false,
            has_open_error: false,
            last_trace: None,
        }
    }

    /// Whether both records are known.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.crm_id.is_some() && self.prospect_id.is_some()
    }
}
