//! The default fields of the prospect: name, type, and whether the API may write them (apis B3).

use FieldType::{Boolean, DateTime, Id, Number, Text};
use Writable::{No, Unverified, Yes};

/// The type of a default field, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// Text.
    Text,
    /// A whole number.
    Number,
    /// True or false.
    Boolean,
    /// An instant.
    DateTime,
    /// The id of an object of the business unit.
    Id,
}

/// Whether the API may write a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writable {
    /// Documented as editable.
    Yes,
    /// Documented as read-only, or derived by the product.
    No,
    /// The sources disagree or are silent; try it on a sandbox first.
    Unverified,
}

/// A default field of the prospect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultField {
    /// The v5 name.
    pub name: &'static str,
    /// Its type.
    pub field_type: FieldType,
    /// Whether the API may write it.
    pub writable: Writable,
}

const fn field(name: &'static str, field_type: FieldType, writable: Writable) -> DefaultField {
    DefaultField {
        name,
        field_type,
        writable,
    }
}

/// The default field with this name, case-sensitively, as the service compares it.
#[must_use]
pub fn default_field(name: &str) -> Option<&'static DefaultField> {
    DEFAULT_FIELDS
        .iter()
        .find(|candidate| candidate.name == name)
}

/// Every default field of table B3.
pub const DEFAULT_FIELDS: &[DefaultField] = &[
    field("id", Id, No),
    field("email", Text, Yes),
    field("firstName", Text, Yes),
    field("lastName", Text, Yes),
    field("salutation", Text, Yes),
    field("jobTitle", Text, Yes),
    field("department", Text, Yes),
    field("company", Text, Yes),
    field("website", Text, Yes),
    field("phone", Text, Yes),
    field("fax", Text, Yes),
    field("addressOne", Text, Yes),
    field("addressTwo", Text, Yes),
    field("city", Text, Yes),
    field("state", Text, Yes),
    field("zip", Text, Yes),
    field("country", Text, Yes),
    field("territory", Text, Yes),
    field("annualRevenue", Text, Yes),
    field("employees", Text, Yes),
    field("industry", Text, Yes),
    field("yearsInBusiness", Text, Yes),
    field("source", Text, Yes),
    field("comments", Text, Yes),
    field("notes", Text, Yes),
    field("score", Number, Yes),
    field("grade", Text, Unverified),
    field("password", Text, Yes),
    field("campaignId", Id, Yes),
    field("profileId", Id, Unverified),
    field("prospectAccountId", Id, Unverified),
    field("userId", Id, Yes),
    field("salesforceOwnerId", Text, Yes),
    field("isDoNotEmail", Boolean, Yes),
    field("isDoNotCall", Boolean, Yes),
    field("isReviewed", Boolean, Yes),
    field("isStarred", Boolean, Yes),
    field("optedOut", Boolean, Unverified),
    field("doNotSell", Boolean, Unverified),
    field("salesforceId", Text, Unverified),
    field("salesforceLeadId", Text, No),
    field("salesforceContactId", Text, No),
    field("salesforceAccountId", Text, No),
    field("salesforceCampaignId", Text, No),
    field("salesforceUrl", Text, No),
    field("salesforceLastSync", DateTime, No),
    field("assignedToId", Id, No),
    field("lifecycleStageId", Id, No),
    field("isDeleted", Boolean, No),
    field("isEmailHardBounced", Boolean, No),
    field("emailBouncedAt", DateTime, No),
    field("emailBouncedReason", Text, No),
    field("convertedAt", DateTime, No),
    field("convertedFromObjectName", Text, No),
    field("convertedFromObjectType", Text, No),
    field("lastActivityAt", DateTime, No),
    field("recentInteraction", Text, No),
    field("firstActivityAt", DateTime, No),
    field("firstAssignedAt", DateTime, No),
    field("firstReferrerQuery", Text, No),
    field("firstReferrerType", Text, No),
    field("firstReferrerUrl", Text, No),
    field("campaignParameter", Text, No),
    field("contentParameter", Text, No),
    field("mediumParameter", Text, No),
    field("sourceParameter", Text, No),
    field("termParameter", Text, No),
    field("createdAt", DateTime, No),
    field("updatedAt", DateTime, No),
    field("createdById", Id, No),
    field("updatedById", Id, No),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_never_look_custom() {
        for (index, entry) in DEFAULT_FIELDS.iter().enumerate() {
            assert!(!entry.name.ends_with("__c"));
            assert!(
                DEFAULT_FIELDS[index + 1..]
                    .iter()
                    .all(|other| other.name != entry.name)
            );
        }
        assert_eq!(
            default_field("score").map(|found| found.writable),
            Some(Yes)
        );
        assert_eq!(default_field("Score"), None);
    }
}
