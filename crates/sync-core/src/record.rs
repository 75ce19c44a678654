//! What was read of one record on each side, and what is known when it is not there.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::coerce::CoercionError;
use crate::ids::{CrmId, ProspectId, SalesforceId};
use crate::key::PairKey;
use crate::value::{FieldName, FieldValue, NormalisedEmail, Spelling};

/// Canonical values of mapped fields by field name.
pub type Values = BTreeMap<FieldName, FieldValue>;

/// A lead or contact as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct CrmRecord {
    /// Its id.
    pub id: CrmId,
    /// `CreatedDate`.
    pub created: Timestamp,
    /// `LastModifiedDate`: the business edit time, used for conflicts only (R70).
    pub modified: Timestamp,
    /// `SystemModstamp`: the last change of any kind.
    pub stamp: Timestamp,
    /// `LastActivityDate`, for the order among several matches (R23).
    pub last_activity: Option<jiff::civil::Date>,
    /// `CreatedById`.
    pub created_by: Option<SalesforceId>,
    /// `OwnerId`: a user or a queue.
    pub owner: Option<SalesforceId>,
    /// The address in matching form.
    pub email: Option<NormalisedEmail>,
    /// The same address as it was read.
    pub spelling: Option<Spelling>,
    /// A lead that was converted, and the contact it became (R27).
    pub converted: Option<Conversion>,
    /// Whether it is in the recycle bin: a look-up by key finds it there too.
    pub is_deleted: bool,
    /// The record that it was merged into, when that is why.
    pub merged_into: Option<CrmId>,
    /// Our key field, when it holds a key of this business unit.
    pub key: Option<PairKey>,
    /// The sync token: which write of ours touched the record last.
    pub token: Option<String>,
    /// Mapped values.
    pub values: Values,
    /// Mapped fields whose value does not fit their type.
    pub unreadable: Vec<CoercionError>,
}

impl CrmRecord {
    /// The last change that was seen: what a condition on a write compares with. Whichever of the two
    /// stamps Salesforce looks at, a change after the read is later than this (apis A14).
    #[must_use]
    pub fn last_change(&self) -> Timestamp {
        self.modified.max(self.stamp)
    }
}

/// What a converted lead says about itself (apis A15).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    /// `ConvertedContactId`; hidden when the connector user may not see the contact.
    pub contact: Option<CrmId>,
}

/// What the CRM ID field of a prospect says (connector-behaviour 1, sentinel values).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum NativeCrmId {
    /// Nothing.
    #[default]
    None,
    /// A lead or contact.
    Record(CrmId),
    /// `[[crm_deleted]]`: the record was deleted, do not recreate.
    CrmDeleted,
    /// `[[crm_ignore_prospect]]`: sync was switched off for this prospect.
    Ignore,
}

/// What our own field for the CRM ID shows on a prospect.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ShownCrmId {
    /// Nothing.
    #[default]
    Nothing,
    /// A lead or contact.
    Record(CrmId),
    /// `[[crm_deleted]]`.
    CrmDeleted,
    /// Something that somebody wrote there.
    Other,
}

/// A prospect as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct ProspectRecord {
    /// Its id.
    pub id: ProspectId,
    /// `createdAt`.
    pub created: Timestamp,
    /// `updatedAt`.
    pub updated: Timestamp,
    /// The address in matching form.
    pub email: Option<NormalisedEmail>,
    /// The assigned Account Engagement user.
    pub assigned_to: Option<u64>,
    /// The CRM ID that Account Engagement itself shows.
    pub native_crm_id: NativeCrmId,
    /// What our own field for the CRM ID shows; nothing when the configuration names none.
    pub shown_crm_id: ShownCrmId,
    /// Whether it is in the recycle bin: a look-up by address finds it there too.
    pub is_deleted: bool,
    /// Our key field, when it holds a key of this business unit.
    pub key: Option<PairKey>,
    /// The sync token: which write of ours touched the prospect last.
    pub token: Option<String>,
    /// Mapped values.
    pub values: Values,
    /// Mapped fields whose value does not fit their type.
    pub unreadable: Vec<CoercionError>,
}

/// One side of a pair. Absent is never `None`-means-something.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Side<R> {
    /// The pair has no record on this side yet.
    #[default]
    Unlinked,
    /// Read.
    Present(R),
    /// In the recycle bin.
    Deleted {
        /// The record that survived when this one lost a merge (R59).
        merged_into: Option<CrmId>,
    },
    /// The id is known and nothing is there: purged, or not visible to the connector user.
    Missing,
}

impl<R> Side<R> {
    /// The record, when there is one.
    #[must_use]
    pub fn present(&self) -> Option<&R> {
        match self {
            Self::Present(record) => Some(record),
            Self::Unlinked | Self::Deleted { .. } | Self::Missing => None,
        }
    }
}
