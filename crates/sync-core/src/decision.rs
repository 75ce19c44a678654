//! What the connector decided to do about a pair, as a value.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::{Config, Direction};
use crate::error::ErrorClass;
use crate::ids::{CrmId, CrmObject, ProspectId, SalesforceId};
use crate::key::PairKey;
use crate::record::Values;
use crate::trace::Trace;
use crate::value::{FieldName, FieldValue, NormalisedEmail, Spelling};

/// Why a pair is deliberately not synced. Skips are not errors and are never retried by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// C7, R41: an unassigned prospect without match never creates a record.
    UnassignedNoMatch,
    /// C4, N1: no e-mail address, no match.
    NoEmail,
    /// M1: CRM sync was switched off for this prospect.
    SyncDisabled,
    /// R52: the record was deleted in the CRM and is not recreated.
    CrmDeleted,
    /// M2: the prospect says that its record was deleted in the CRM.
    PreviouslyDeleted,
    /// The record or prospect was deleted before it had a partner.
    DeletedUnlinked,
    /// The lead was converted before it had a prospect; its contact is a record of its own.
    ConvertedUnlinked,
    /// The record or prospect cannot be read, and has no partner: gone for good, or not shared with the connector user.
    NotVisible,
    /// N3: prospects are not created automatically.
    AutoCreateOff,
    /// N10: the record is older than the setting that would create its prospect.
    CreatedBeforeSetting,
    /// R56: the prospect is in the recycle bin, and the record stays as it is.
    ProspectDeleted,
    /// N6 with a taken prospect: the address belongs to a prospect that syncs with another record.
    ProspectTaken,
}

impl SkipReason {
    /// Whether it is decided only once it is known that a create which was open has not landed (N9).
    #[must_use]
    pub fn ends_a_create(self) -> bool {
        match self {
            Self::UnassignedNoMatch
            | Self::AutoCreateOff
            | Self::CreatedBeforeSetting
            | Self::ProspectTaken
            | Self::DeletedUnlinked
            | Self::NotVisible => true,
            Self::NoEmail
            | Self::SyncDisabled
            | Self::CrmDeleted
            | Self::PreviouslyDeleted
            | Self::ConvertedUnlinked
            | Self::ProspectDeleted => false,
        }
    }

    /// The name as it is counted and listed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::UnassignedNoMatch => "unassigned_no_match",
            Self::NoEmail => "no_email",
            Self::SyncDisabled => "sync_disabled",
            Self::CrmDeleted => "crm_deleted",
            Self::PreviouslyDeleted => "previously_deleted",
            Self::DeletedUnlinked => "deleted_unlinked",
            Self::ConvertedUnlinked => "converted_unlinked",
            Self::NotVisible => "not_visible",
            Self::ProspectDeleted => "prospect_deleted",
            Self::AutoCreateOff => "auto_create_off",
            Self::CreatedBeforeSetting => "created_before_setting",
            Self::ProspectTaken => "prospect_taken",
        }
    }
}

/// What a pair is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// C2, R8: the connector is paused; caught up when it is activated.
    Paused,
    /// C1, R7: the connector cannot log in; caught up when it is activated again.
    AuthFailed,
    /// The allowance of calls is used up and the queue would not wait long enough; caught up when it is
    /// renewed.
    QuotaUsedUp,
    /// M5: the lead or contact lost a merge; merge handling is not part of this version.
    CrmRecordMerged,
    /// M4: the lead was converted; re-linking is not part of this version.
    LeadConverted,
    /// R57: the prospect is not even in the recycle bin any more; nothing is created in its place
    /// before somebody says so.
    ProspectPurged,
}

impl HoldReason {
    /// Whether nobody takes it up again before a record changes or somebody acts.
    #[must_use]
    pub fn is_lasting(self) -> bool {
        match self {
            Self::Paused | Self::AuthFailed | Self::QuotaUsedUp => false,
            Self::CrmRecordMerged | Self::LeadConverted | Self::ProspectPurged => true,
        }
    }

    /// The name as it is counted and listed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::AuthFailed => "auth_failed",
            Self::QuotaUsedUp => "quota_used_up",
            Self::CrmRecordMerged => "crm_record_merged",
            Self::LeadConverted => "lead_converted",
            Self::ProspectPurged => "prospect_purged",
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl fmt::Display for HoldReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Fields to write on one side, by that side's API name.
pub type FieldWrites = BTreeMap<String, FieldValue>;

/// What to write to an existing or new lead or contact.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CrmFields {
    /// Mapped fields.
    pub fields: FieldWrites,
    /// The pair key to store in the key field, when the record does not carry it yet.
    pub key: Option<PairKey>,
    /// The owner of a new record; `None` leaves it to the org, which makes it the connector user.
    pub owner: Option<SalesforceId>,
}

/// What to write to an existing or new prospect.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProspectFields {
    /// Mapped fields.
    pub fields: FieldWrites,
    /// The pair key to store in the key field, when the prospect does not carry it yet.
    pub key: Option<PairKey>,
    /// The CRM ID to show in the mirror field.
    pub crm_id: Option<CrmId>,
    /// Whether the mirror field is to say `[[crm_deleted]]` instead (R52).
    pub marks_crm_deleted: bool,
    /// The Account Engagement user to assign (R101).
    pub assigned_to: Option<u64>,
    /// The campaign of a new prospect.
    pub campaign: Option<u64>,
}

impl CrmFields {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.key.is_none()
    }

    /// Whether an entry that a user makes meanwhile could be lost under an update with this. The pair key is
    /// nobody's entry, and a field that only Account Engagement fills is overwritten anyway (R93).
    #[must_use]
    pub fn overwrites_entries(&self, config: &Config, object: CrmObject) -> bool {
        config.fields.0.iter().any(|entry| {
            let name = entry.crm_field(object);
            let is_written = name.is_some_and(|name| self.fields.contains_key(name));
            is_written && entry.direction_on(object) != Direction::ToSalesforce
        })
    }
}

impl ProspectFields {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
            && self.key.is_none()
            && self.crm_id.is_none()
            && !self.marks_crm_deleted
            && self.assigned_to.is_none()
    }
}

/// What a pair needs to be read before it can be decided.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReadMore {
    /// Leads and contacts with this address.
    CrmByEmail(NormalisedEmail),
    /// The lead or contact that carries this pair's key.
    CrmByKey(PairKey),
    /// Prospects with this address in this spelling.
    ProspectsByEmail(Spelling),
    /// The prospect that carries this pair's key, among those that changed since its create was begun:
    /// somebody may have given it another address meanwhile.
    CreatedProspect {
        /// The key.
        key: PairKey,
        /// The moment.
        since: Timestamp,
    },
    /// A lead or contact by id: a CRM ID that only the prospect knew.
    Crm(CrmId),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Both sides are known and differ.
    Update {
        /// The lead or contact.
        crm: CrmId,
        /// The prospect.
        prospect: ProspectId,
        /// What to write in Salesforce; may be empty.
        to_crm: CrmFields,
        /// What to write in Account Engagement; may be empty.
        to_prospect: ProspectFields,
    },
    /// Insert a lead or contact for a prospect (C6).
    CreateCrm {
        /// Which object.
        object: CrmObject,
        /// Its fields.
        fields: CrmFields,
    },
    /// Insert a prospect for a lead or contact (N5, N7).
    CreateProspect {
        /// Its fields.
        fields: ProspectFields,
    },
    /// The record was deleted: the prospect is marked and goes to the recycle bin (R52).
    Retire {
        /// The lead or contact that was deleted.
        crm: CrmId,
        /// Its prospect.
        prospect: ProspectId,
        /// The prospect's field that is to say `[[crm_deleted]]`, where there is one.
        marks: Option<String>,
        /// Whether the prospect goes to the recycle bin.
        recycles: bool,
    },
    /// The prospect comes out of the recycle bin (R53, R56).
    Restore {
        /// The lead or contact.
        crm: CrmId,
        /// Its prospect.
        prospect: ProspectId,
    },
    /// Somebody took the mark of a deleted record off its prospect: the two are parted, and the prospect begins
    /// again, as one that has had no record (R54).
    Part,
    /// Both sides are equal and the link says so already (C10).
    Nothing,
    /// Deliberately not synced.
    Skip(SkipReason),
    /// Waiting.
    Hold(HoldReason),
    /// Cannot sync until somebody acts.
    Park(Problem),
    /// Not decidable yet: read this first.
    ReadMore(Vec<ReadMore>),
    /// Not decidable yet: an earlier write may still land or be hidden by a stale read (K4).
    NotYet,
}

/// A problem that needs a person, found before anything was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A code of ours: `ACCESS`, `TYPE`.
    pub code: String,
    /// Its class, and with it who has to act.
    pub class: ErrorClass,
    /// The fields it is about.
    pub fields: Vec<FieldName>,
    /// What is wrong and how to put it right, without values.
    pub message: String,
}

/// A decision and its reasons.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Decision {
    /// What to do.
    pub outcome: Outcome,
    /// Why.
    pub trace: Trace,
    /// The values both sides will have agreed on when everything is written.
    pub merged: Values,
    /// The values both sides are known to have agreed on before it: what an open intent has taught about
    /// them included. Only updates say it.
    pub agreed: Values,
    /// The configuration version that both are values of; 0 where nothing was compared.
    pub config_version: u64,
}
