//! How many calls were made of which kind, and what the service says about its daily allowance.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

/// The kinds of calls, as they are counted and named in messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CallKind {
    /// A page of a prospect query.
    Query,
    /// One prospect, with the fields that a query leaves out (apis K7).
    Read,
    /// A new prospect.
    Create,
    /// A change of a prospect.
    Update,
    /// A prospect into the recycle bin.
    Delete,
    /// `do/upsertLatestByEmail`.
    Upsert,
    /// `do/undelete`.
    Undelete,
    /// A page of users.
    Users,
    /// A page of campaigns.
    Campaigns,
    /// A page of custom fields.
    CustomFields,
    /// A new custom field.
    CreateCustomField,
    /// The account.
    Account,
}

impl CallKind {
    /// The name used as a metric dimension and in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Upsert => "upsert",
            Self::Undelete => "undelete",
            Self::Users => "users",
            Self::Campaigns => "campaigns",
            Self::CustomFields => "custom_fields",
            Self::CreateCustomField => "create_custom_field",
            Self::Account => "account",
        }
    }

    /// Whether the call changes something, so that its outcome matters when the answer is lost.
    #[must_use]
    pub fn is_write(self) -> bool {
        match self {
            Self::Create
            | Self::Update
            | Self::Delete
            | Self::Upsert
            | Self::Undelete
            | Self::CreateCustomField => true,
            Self::Query
            | Self::Read
            | Self::Users
            | Self::Campaigns
            | Self::CustomFields
            | Self::Account => false,
        }
    }
}

impl fmt::Display for CallKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Calls by kind. The repetition with a new token counts as a call of its own.
pub type Calls = BTreeMap<CallKind, u64>;

/// What the service says about today's calls: header `x-api-usage` (apis B2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiUsage {
    /// Calls made today, ours and everybody else's.
    pub used: u64,
    /// Calls allowed a day.
    pub allowance: u64,
}

impl ApiUsage {
    /// Reads `used/max`, and whatever else holds two whole numbers with a slash between them: the
    /// exact format is unpublished.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (before, after) = text.split_once('/')?;
        let used = before
            .rsplit(|c: char| !c.is_ascii_digit())
            .find(|part| !part.is_empty())?;
        let allowance = after
            .split(|c: char| !c.is_ascii_digit())
            .find(|part| !part.is_empty())?;
        Some(Self {
            used: used.parse().ok()?,
            allowance: allowance.parse().ok()?,
        })
    }
}

/// What an answer says about the service, beside its content.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    /// Header `x-api-usage`.
    pub usage: Option<ApiUsage>,
    /// Header `Date`: the service's clock.
    pub server_time: Option<Timestamp>,
}

/// The counters of a client.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    inner: Mutex<(Calls, Seen)>,
}

impl Counters {
    fn lock(&self) -> MutexGuard<'_, (Calls, Seen)> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count(&self, kind: CallKind) {
        *self.lock().0.entry(kind).or_default() += 1;
    }

    /// Keeps what the last answer said; a header that is missing changes nothing.
    pub(crate) fn note(&self, seen: Seen) {
        let mut inner = self.lock();
        let last = inner.1;
        inner.1 = Seen {
            usage: seen.usage.or(last.usage),
            server_time: seen.server_time.or(last.server_time),
        };
    }

    pub(crate) fn calls(&self) -> Calls {
        self.lock().0.clone()
    }

    pub(crate) fn take(&self) -> Calls {
        std::mem::take(&mut self.lock().0)
    }

    pub(crate) fn usage(&self) -> Option<ApiUsage> {
        self.lock().1.usage
    }

    pub(crate) fn server_time(&self) -> Option<Timestamp> {
        self.lock().1.server_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_read_leniently() {
        let usage = Some(ApiUsage {
            used: 12,
            allowance: 25_000,
        });
        for text in [
            "12/25000",
            " 12 / 25000 ",
            "api-usage=12/25000",
            "used 12/25000 calls",
        ] {
            assert_eq!(ApiUsage::parse(text), usage, "{text}");
        }
        for text in ["", "12", "/", "a/b", "12/"] {
            assert_eq!(ApiUsage::parse(text), None, "{text}");
        }
    }
}
