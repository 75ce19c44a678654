//! What an error of either service means for us: one class, and one verdict per class.

use serde::{Deserialize, Serialize};

/// The class of a failed call or record (connector-behaviour 10.1, apis A17 and B8).
///
/// The two clients classify; nothing behind them looks at vendor codes to decide what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// Gone by itself in seconds or minutes: locks, 5xx, time-outs of the service.
    Transient,
    /// Too many calls at once; the same call works a little later.
    Throttled,
    /// What we read is no longer true: re-read and decide again.
    Stale,
    /// The link points at a record that was deleted, merged, converted, or already exists.
    LinkRepair,
    /// This record cannot be written until somebody changes the record or a rule.
    Record,
    /// A field, object or record is unknown, not visible or not writable: the org's permissions or its
    /// fields no longer fit the field map.
    Schema,
    /// The connector's own set-up is wrong: business unit, permission, feature.
    Config,
    /// Log-in refused or session not accepted: the connector stops, nothing is dropped.
    Auth,
    /// A daily allowance is used up: stop the lane until it is renewed.
    Quota,
    /// A code we do not know. Kept raw, retried a few times, then parked.
    Unclassified,
}

/// Whether a name, a code or a host that a service named can be one by its digits: errors show it, and
/// a phone number can stand in its place. None of the three needs seven digits in a row.
#[must_use]
pub fn is_free_of_phone_numbers(name: &str) -> bool {
    !name
        .split(|c: char| !c.is_ascii_digit())
        .any(|digits| digits.len() >= 7)
}

/// What to do about an error of a class (layout 5.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Give the message back; the queue brings it again and everything is read anew.
    Retry,
    /// Write an error row for the pair and acknowledge the message.
    Park,
    /// Stop calling this side for the rest of this run; give everything back.
    StopLane,
    /// Put the connector into `auth_failed`; give everything back (R7).
    StopConnector,
}

impl ErrorClass {
    /// The verdict for a record that failed with this class.
    #[must_use]
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Transient
            | Self::Throttled
            | Self::Stale
            | Self::LinkRepair
            | Self::Unclassified => Verdict::Retry,
            Self::Record | Self::Schema | Self::Config => Verdict::Park,
            Self::Quota => Verdict::StopLane,
            Self::Auth => Verdict::StopConnector,
        }
    }

    /// Who has to act before the record can sync (connector-behaviour 10.1, "who fixes").
    #[must_use]
    pub fn owner(self) -> &'static str {
        match self {
            Self::Transient | Self::Throttled | Self::Stale | Self::LinkRepair => "nobody, retried",
            Self::Record => "marketing operations",
            Self::Schema | Self::Auth => "Salesforce admin",
            Self::Config | Self::Quota => "platform engineer",
            Self::Unclassified => "prospect-sync maintainers",
        }
    }
}
