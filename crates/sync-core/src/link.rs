//! The link: which prospect belongs to which lead or contact, and what both last agreed on.

use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::conflict::Conflict;
use crate::decision::{HoldReason, SkipReason};
use crate::ids::{BusinessUnit, CrmId, ProspectId};
use crate::key::{PairKey, RecordRef};
use crate::put_back::PutBacks;
use crate::record::{ProspectRecord, Values};
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// Unique per attempt, and the sync token of its writes: a record that carries it was written.
    pub id: String,
    /// What is going to happen, or was when a record was deleted meanwhile.
    pub kind: IntentKind,
    /// Whether the prospect is being retired or restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<Lifecycle>,
    /// When the intent was stored.
    pub at: Timestamp,
    /// Whether the prospect is going to be written; a stale read may hide that for a while (K4).
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub writes_prospect: bool,
    /// The configuration version that the values of the plan were decided under; 0 in older rows.
    #[serde(default, skip_serializing_if = "is_unknown")]
    pub config_version: u64,
    /// What the fields were and what they are to be; none in rows of the first version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
}

fn yes() -> bool {
    true
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "what serde calls it with"
)]
fn is_unknown(version: &u64) -> bool {
    *version == 0
}

/// The values of both sides when an intent was stored, and the values both are to have.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// What both sides will agree on.
    pub target: Values,
    /// What Salesforce had instead, field by field; `None` when there was no record yet.
    pub salesforce: Option<Values>,
    /// What the prospect had instead, field by field; `None` when there was no prospect yet.
    pub account_engagement: Option<Values>,
}

/// The write of ours that the prospect carries since the pair was last in step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastWrite {
    /// Its sync token.
    pub token: String,
    /// When it was known to have landed.
    pub at: Timestamp,
}

/// The newest state of the prospect that a stored decision was made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its `updatedAt`, which never goes back.
    pub updated: Timestamp,
    /// Its mapped values as a number: `updatedAt` has whole seconds, and a second has room for two edits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<u64>,
    /// Whether two states with this stamp were seen. Nobody can say which is the later one: none of them is believed
    /// while a read can be as old as that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_one_of_two: bool,
    /// When the decision was stored; of two states, the second one.
    pub at: Timestamp,
}

impl Seen {
    /// The prospect as a decision that is stored at this moment has read it.
    #[must_use]
    pub fn of(prospect: &ProspectRecord, at: Timestamp) -> Self {
        let mut hasher = DefaultHasher::new();
        serde_json::to_string(&prospect.values)
            .ok()
            .hash(&mut hasher);
        Self {
            updated: prospect.updated,
            content: Some(hasher.finish()),
            is_one_of_two: false,
            at,
        }
    }
}

impl Intent {
    /// What is left when a prospect was retired or restored: an earlier write that is still to be
    /// classified, if there was one.
    #[must_use]
    pub fn without_lifecycle(self) -> Option<Self> {
        if self.lifecycle.is_some() && self.plan.is_none() {
            return None;
        }
        Some(Self {
            lifecycle: None,
            ..self
        })
    }
}

/// What can happen to a prospect because of what happened to its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    /// It goes to the recycle bin (R52).
    Retire,
    /// It stays where it is, and says `[[crm_deleted]]` (R52, R55).
    Mark,
    /// It comes out of the recycle bin (R53, R56).
    Restore,
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
    /// The configuration version that the base was stored under: a field that is mapped to another one
    /// since then has no base. 0 in older rows.
    #[serde(default)]
    pub base_version: u64,
    /// What a worker is or was about to write.
    pub intent: Option<Intent>,
    /// Until when that worker may write; nobody else touches the pair before.
    pub lease_until: Option<Timestamp>,
    /// Our last write to the prospect: a read that does not show it yet is stale (K4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prospect_write: Option<LastWrite>,
    /// What was seen of the prospect: an older read is a stale one (K4).
    #[serde(default)]
    pub prospect_seen: Option<Seen>,
    /// Whether it is settled that the record was deleted (R52). The state may say something else
    /// meanwhile: a pair can be held too.
    #[serde(default)]
    pub is_crm_deleted: bool,
    /// The prospect's field for the CRM ID in which it was told so: one that says nothing there any more was released
    /// by somebody (R54).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marked_in: Option<String>,
    /// When we last marked the prospect, moved it into the recycle bin or out of it, or found it there with its record
    /// deleted: a read that shows what was before is stale (K4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_at: Option<Timestamp>,
    /// How often the last decisions in a row wrote nothing new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put_backs: Option<PutBacks>,
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
    /// The last values that were overruled, the newest at the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
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
            base_version: 0,
            intent: None,
            lease_until: None,
            prospect_write: None,
            prospect_seen: None,
            is_crm_deleted: false,
            marked_in: None,
            moved_at: None,
            put_backs: None,
            version: 0,
            synced_at: None,
            lacked_email: false,
            has_open_error: false,
            last_trace: None,
            conflicts: Vec::new(),
        }
    }

    /// What is open of what can happen to a prospect because of its record.
    #[must_use]
    pub fn lifecycle(&self) -> Option<Lifecycle> {
        self.intent.as_ref()?.lifecycle
    }

    /// Whether a write is open that moves the prospect into the recycle bin or out of it.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        matches!(
            self.lifecycle(),
            Some(Lifecycle::Retire | Lifecycle::Restore)
        )
    }

    /// Keeps which state of the prospect a decision was made on, or that it is one of two in one second (K4).
    pub fn see(&mut self, prospect: Option<&ProspectRecord>, at: Timestamp) {
        let Some(prospect) = prospect else { return };
        let now_seen = Seen::of(prospect, at);
        self.prospect_seen = Some(match self.prospect_seen {
            Some(seen) if seen.updated > now_seen.updated => seen,
            // A minute after their second a read shows the later one: to look again changes nothing about that.
            Some(seen) if seen.updated == now_seen.updated && seen.is_one_of_two => seen,
            Some(seen) if seen.updated == now_seen.updated => Seen {
                is_one_of_two: seen
                    .content
                    .is_some_and(|known| now_seen.content != Some(known)),
                ..now_seen
            },
            _ => now_seen,
        });
    }

    /// Whether a create of the partner was begun, and nobody has stored yet what became of it.
    #[must_use]
    pub fn has_open_create(&self) -> bool {
        let is_create = |intent: &Intent| intent.kind != IntentKind::Update;
        !self.is_complete() && self.intent.as_ref().is_some_and(is_create)
    }

    /// Whether somebody goes on with an open create: until then nobody can say whether the record has a partner.
    #[must_use]
    pub fn is_creating(&self) -> bool {
        self.has_open_create() && !self.rests()
    }

    /// Whether nobody goes on with it before something changes.
    #[must_use]
    pub fn rests(&self) -> bool {
        let waits = match &self.state {
            LinkState::Skipped(_) => true,
            LinkState::Held(reason) => reason.is_lasting(),
            LinkState::Pending | LinkState::Linked => false,
        };
        waits && self.lease_until.is_none()
    }

    /// The records that are known.
    pub fn records(&self) -> impl Iterator<Item = RecordRef> {
        let crm = self.crm_id.clone().map(RecordRef::Crm);
        crm.into_iter()
            .chain(self.prospect_id.map(RecordRef::Prospect))
    }

    /// Whether both records are known.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.crm_id.is_some() && self.prospect_id.is_some()
    }
}
