//! The field catalogue of every object: name, type, and who may write it (apis.md B3, B5).

use serde_json::Value;

use super::objects::Object;
use super::records::Record;

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Integer,
    /// A number of a custom field.
    Number,
    /// Text, also radio button, dropdown, hidden and CRM user.
    Text,
    /// An e-mail address.
    Email,
    /// True or false.
    Boolean,
    /// A day, `YYYY-MM-DD`.
    Date,
    /// An instant.
    DateTime,
    /// Several values: multi-select, checkbox and multi-response fields.
    Several,
}

/// A field of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The v5 name; custom fields end in `__c`.
    pub name: String,
    /// Its type.
    pub kind: Kind,
    /// Whether the API may write it.
    pub is_editable: bool,
    /// Whether a single written value is added to those already there.
    pub is_recording_responses: bool,
}

impl Field {
    fn standard(name: &str, kind: Kind, is_editable: bool) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            is_editable,
            is_recording_responses: false,
        }
    }

    /// The prospect field that a `custom-fields` row stands for.
    pub fn custom(row: &Record) -> Self {
        let is_recording_responses = row.get("isRecordMultipleResponses") == &Value::Bool(true);
        let kind = match row.text("type") {
            _ if is_recording_responses => Kind::Several,
            "Multi-Select" | "Checkbox" => Kind::Several,
            "Number" => Kind::Number,
            "Date" => Kind::Date,
            _ => Kind::Text,
        };
        let name = row.text("apiFieldId").to_owned();
        Self {
            name,
            kind,
            is_editable: true,
            is_recording_responses,
        }
    }

    /// Query leaves these out, a single read answers them (K7).
    pub fn is_omitted_by_query(&self) -> bool {
        self.kind == Kind::Several
    }
}

/// The types a custom field may have.
pub const CUSTOM_TYPES: [&str; 10] = [
    "Text",
    "Radio Button",
    "Checkbox",
    "Dropdown",
    "Textarea",
    "Multi-Select",
    "Hidden",
    "Number",
    "Date",
    "CRM User",
];

/// The standard fields of an object; names after `*` are editable, types go with the group.
pub fn standard(object: Object) -> Vec<Field> {
    groups(object)
        .iter()
        .flat_map(|(kind, is_editable, names)| {
            names
                .split_whitespace()
                .map(|name| Field::standard(name, *kind, *is_editable))
        })
        .collect()
}

type Group = (Kind, bool, &'static str);

const PROSPECT: &[Group] = &[
    (Kind::Email, true, "email"),
    (
        Kind::Text,
        true,
        "firstName lastName salutation jobTitle department company website phone fax addressOne
         addressTwo city state zip country territory annualRevenue employees industry
         yearsInBusiness source comments notes password",
    ),
    (Kind::Integer, true, "score campaignId profileId userId"),
    (Kind::Text, true, "salesforceOwnerId salesforceId"),
    (
        Kind::Boolean,
        true,
        "isDoNotEmail isDoNotCall isReviewed isStarred doNotSell optedOut",
    ),
    (
        Kind::Integer,
        false,
        "id prospectAccountId assignedToId lifecycleStageId createdById",
    ),
    (Kind::Integer, false, "updatedById"),
    (
        Kind::Text,
        false,
        "grade salesforceLeadId salesforceContactId salesforceAccountId salesforceCampaignId
         salesforceUrl emailBouncedReason convertedFromObjectName convertedFromObjectType
         recentInteraction firstReferrerQuery firstReferrerType firstReferrerUrl
         campaignParameter contentParameter mediumParameter sourceParameter termParameter",
    ),
    (Kind::Boolean, false, "isDeleted isEmailHardBounced"),
    (
        Kind::DateTime,
        false,
        "createdAt updatedAt lastActivityAt firstActivityAt firstAssignedAt convertedAt
         emailBouncedAt salesforceLastSync",
    ),
];
const STAMPS: Group = (Kind::DateTime, false, "createdAt updatedAt");
const AUTHORS: Group = (Kind::Integer, false, "id createdById updatedById");

fn groups(object: Object) -> &'static [Group] {
    match object {
        Object::Prospects => PROSPECT,
        Object::Users => &[
            (
                Kind::Text,
                false,
                "email username firstName lastName role roleName salesforceId",
            ),
            (Kind::Text, false, "jobTitle timezone"),
            (Kind::Boolean, false, "isDeleted"),
            AUTHORS,
            STAMPS,
        ],
        Object::Campaigns => &[
            (Kind::Text, false, "name salesforceId"),
            (Kind::Integer, false, "cost folderId parentCampaignId"),
            (Kind::Boolean, false, "isDeleted"),
            AUTHORS,
            STAMPS,
        ],
        Object::Lists => &[
            (Kind::Text, true, "name title description"),
            (Kind::Boolean, true, "isPublic isCrmVisible"),
            (Kind::Integer, true, "campaignId folderId"),
            (Kind::Boolean, false, "isDynamic isDeleted"),
            AUTHORS,
            STAMPS,
        ],
        Object::ListMemberships => &[
            (Kind::Integer, true, "listId prospectId"),
            (Kind::Boolean, true, "optedOut"),
            (Kind::Boolean, false, "isDeleted"),
            AUTHORS,
            STAMPS,
        ],
        Object::CustomFields => &[
            (Kind::Text, true, "name fieldId type salesforceId"),
            (
                Kind::Boolean,
                true,
                "isRequired isRecordMultipleResponses isUseValues isAnalyticsSynced",
            ),
            (Kind::Text, false, "apiFieldId"),
            AUTHORS,
            STAMPS,
        ],
        Object::ProspectAccounts => &[
            (
                Kind::Text,
                false,
                "name salesforceId annualRevenue industry website phone",
            ),
            (
                Kind::Text,
                false,
                "billingCity billingCountry shippingCity shippingCountry",
            ),
            (Kind::Boolean, false, "isDeleted"),
            (Kind::Integer, false, "assignedToId"),
            AUTHORS,
            STAMPS,
        ],
        Object::Opportunities => &[
            (Kind::Text, false, "name type stage status salesforceId"),
            (Kind::Number, false, "value probability"),
            (Kind::Integer, false, "campaignId"),
            (Kind::Boolean, false, "isDeleted"),
            (Kind::DateTime, false, "closedAt"),
            AUTHORS,
            STAMPS,
        ],
        Object::VisitorActivities => &[
            (
                Kind::Integer,
                false,
                "id type prospectId visitorId campaignId emailId formId",
            ),
            (Kind::Text, false, "typeName details"),
            STAMPS,
        ],
    }
}
