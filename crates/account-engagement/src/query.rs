//! What a prospect query may ask for: filters, order, recycle bin (apis B2, B3).

use jiff::Timestamp;
use sync_core::ids::ProspectId;

use crate::error::Error;
use crate::field_list::Fields;
use crate::page::PAGE_LIMIT;

/// The service filters by so many fields at most (code 209).
pub const MAX_FILTERED_FIELDS: usize = 3;

/// Which prospects count, by recycle bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeletedFilter {
    /// Those that are not in it; the service's default.
    #[default]
    Without,
    /// Those in it.
    Only,
    /// All.
    All,
}

impl DeletedFilter {
    pub(crate) fn parameter(self) -> (&'static str, String) {
        let value = match self {
            Self::Without => "false",
            Self::Only => "true",
            Self::All => "all",
        };
        ("deleted", value.to_owned())
    }
}

/// The order of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By id, lowest first.
    #[default]
    IdAscending,
    /// By `updatedAt`, oldest first.
    UpdatedAtAscending,
    /// By `createdAt`, oldest first.
    CreatedAtAscending,
    /// By `lastActivityAt`, latest first.
    LastActivityAtDescending,
}

impl Order {
    fn parameter(self) -> (&'static str, String) {
        let value = match self {
            Self::IdAscending => "id ASC",
            Self::UpdatedAtAscending => "updatedAt ASC",
            Self::CreatedAtAscending => "createdAt ASC",
            Self::LastActivityAtDescending => "lastActivityAt DESC",
        };
        ("orderBy", value.to_owned())
    }
}

/// Filters; all that are set must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProspectFilters {
    /// Changed at this instant or later.
    pub updated_at_after_or_equal: Option<Timestamp>,
    /// Changed before this instant.
    pub updated_at_before: Option<Timestamp>,
    /// An id above this one.
    pub id_greater_than: Option<ProspectId>,
    /// One of these ids. An empty list is no filter: the service would refuse it.
    pub id_list: Vec<ProspectId>,
    /// This e-mail address; the service compares case-sensitively (apis K17).
    pub email: Option<String>,
    /// This CRM id.
    pub salesforce_id: Option<String>,
}

impl ProspectFilters {
    /// How many fields are filtered by; a range over one field counts once.
    #[must_use]
    pub fn filtered_fields(&self) -> usize {
        let by_stamp = self.updated_at_after_or_equal.is_some() || self.updated_at_before.is_some();
        let by_id = self.id_greater_than.is_some() || !self.id_list.is_empty();
        let by_field = [
            by_stamp,
            by_id,
            self.email.is_some(),
            self.salesforce_id.is_some(),
        ];
        by_field.into_iter().filter(|is_used| *is_used).count()
    }

    fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut parameters = Vec::new();
        if let Some(stamp) = self.updated_at_after_or_equal {
            parameters.push(("updatedAtAfterOrEqualTo", stamp.to_string()));
        }
        if let Some(stamp) = self.updated_at_before {
            parameters.push(("updatedAtBefore", stamp.to_string()));
        }
        if let Some(id) = self.id_greater_than {
            parameters.push(("idGreaterThan", id.to_string()));
        }
        if !self.id_list.is_empty() {
            let ids: Vec<String> = self.id_list.iter().map(ToString::to_string).collect();
            parameters.push(("idList", ids.join(",")));
        }
        if let Some(email) = &self.email {
            parameters.push(("email", email.clone()));
        }
        if let Some(id) = &self.salesforce_id {
            parameters.push(("salesforceId", id.clone()));
        }
        parameters
    }
}

/// A query of prospects. Multi-value fields are left out of its rows (apis K7).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProspectQuery {
    /// The fields to answer; `id` is always added.
    pub fields: Fields,
    /// The filters.
    pub filters: ProspectFilters,
    /// The order.
    pub order_by: Order,
    /// Which prospects count, by recycle bin.
    pub deleted: DeletedFilter,
    /// The most rows to answer; `None` is all of them.
    pub limit: Option<usize>,
}

impl ProspectQuery {
    /// The parameters beside `fields`; refuses too many filters.
    pub(crate) fn parameters(&self) -> Result<Vec<(&'static str, String)>, Error> {
        let filtered = self.filters.filtered_fields();
        if filtered > MAX_FILTERED_FIELDS {
            return Err(Error::TooManyFilters(filtered));
        }
        let mut parameters = self.filters.parameters();
        parameters.push(self.order_by.parameter());
        parameters.push(self.deleted.parameter());
        let limit = self.limit.unwrap_or(PAGE_LIMIT).clamp(1, PAGE_LIMIT);
        parameters.push(("limit", limit.to_string()));
        Ok(parameters)
    }
}
