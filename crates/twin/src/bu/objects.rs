//! The objects a business unit offers: their paths, relations, filters and verbs (apis.md B5).

/// An object of API v5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    /// `prospects`
    Prospects,
    /// `users`
    Users,
    /// `campaigns`
    Campaigns,
    /// `lists`
    Lists,
    /// `list-memberships`
    ListMemberships,
    /// `custom-fields`
    CustomFields,
    /// `prospect-accounts`
    ProspectAccounts,
    /// `opportunities`
    Opportunities,
    /// `visitor-activities`
    VisitorActivities,
}

impl Object {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Prospects,
        Self::Users,
        Self::Campaigns,
        Self::Lists,
        Self::ListMemberships,
        Self::CustomFields,
        Self::ProspectAccounts,
        Self::Opportunities,
        Self::VisitorActivities,
    ];

    /// The path segment.
    pub fn path(self) -> &'static str {
        match self {
            Self::Prospects => "prospects",
            Self::Users => "users",
            Self::Campaigns => "campaigns",
            Self::Lists => "lists",
            Self::ListMemberships => "list-memberships",
            Self::CustomFields => "custom-fields",
            Self::ProspectAccounts => "prospect-accounts",
            Self::Opportunities => "opportunities",
            Self::VisitorActivities => "visitor-activities",
        }
    }

    /// The object of a path segment.
    pub fn from_path(segment: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|object| object.path() == segment)
    }

    /// Whether the API may create, update and delete rows.
    pub fn is_writable(self) -> bool {
        match self {
            Self::Prospects | Self::Lists | Self::ListMemberships | Self::CustomFields => true,
            Self::Users
            | Self::Campaigns
            | Self::ProspectAccounts
            | Self::Opportunities
            | Self::VisitorActivities => false,
        }
    }

    /// The field and target of a relation name, such as `campaign` in `campaign.name`.
    pub fn relation(self, name: &str) -> Option<(&'static str, Self)> {
        match (self, name) {
            (Self::Prospects | Self::ProspectAccounts, "assignedTo") => {
                Some(("assignedToId", Self::Users))
            }
            (Self::Prospects, "prospectAccount") => {
                Some(("prospectAccountId", Self::ProspectAccounts))
            }
            (
                Self::Prospects | Self::Lists | Self::Opportunities | Self::VisitorActivities,
                "campaign",
            ) => Some(("campaignId", Self::Campaigns)),
            (Self::ListMemberships, "list") => Some(("listId", Self::Lists)),
            (Self::ListMemberships | Self::VisitorActivities, "prospect") => {
                Some(("prospectId", Self::Prospects))
            }
            (Self::VisitorActivities, "createdBy" | "updatedBy") => None,
            (_, "createdBy") => Some(("createdById", Self::Users)),
            (_, "updatedBy") => Some(("updatedById", Self::Users)),
            _ => None,
        }
    }

    /// The fields a query may filter on.
    pub fn filterable(self) -> &'static [&'static str] {
        match self {
            Self::Prospects => &[
                "id",
                "email",
                "salesforceId",
                "userId",
                "assignedToId",
                "createdAt",
                "updatedAt",
                "lastActivityAt",
            ],
            Self::Users => &[
                "id",
                "email",
                "username",
                "salesforceId",
                "createdAt",
                "updatedAt",
            ],
            Self::Campaigns => &["id", "name", "salesforceId", "createdAt", "updatedAt"],
            Self::Lists => &["id", "name", "createdAt", "updatedAt"],
            Self::ListMemberships => &["id", "listId", "prospectId", "createdAt", "updatedAt"],
            Self::CustomFields => &["id", "createdAt", "updatedAt"],
            Self::ProspectAccounts => &["id"],
            Self::Opportunities => &["id", "createdAt", "updatedAt"],
            Self::VisitorActivities => &["id", "prospectId", "type", "createdAt", "updatedAt"],
        }
    }

    /// The fields a query may be ordered by.
    pub fn orderable(self) -> &'static [&'static str] {
        match self {
            Self::Prospects => &["id", "createdAt", "updatedAt", "lastActivityAt"],
            Self::ProspectAccounts => &["id"],
            Self::Users
            | Self::Campaigns
            | Self::Lists
            | Self::ListMemberships
            | Self::CustomFields
            | Self::Opportunities
            | Self::VisitorActivities => &["id", "createdAt", "updatedAt"],
        }
    }

    /// Whether a query takes `deleted`; custom fields and activities have no recycle bin.
    pub fn has_recycle_bin(self) -> bool {
        !matches!(self, Self::CustomFields | Self::VisitorActivities)
    }
}
