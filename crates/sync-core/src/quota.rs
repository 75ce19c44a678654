//! A service whose allowance of calls is used up: until when nobody calls, and how long messages wait.
//!
//! Account Engagement counts the calls of a day and begins anew at the account's midnight (apis K5).
//! Salesforce counts those of the last 24 hours (apis A2): there is no moment at which all of them come
//! back, so it is asked again after an hour.

use std::fmt;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::coerce::Service;

/// How long Salesforce is left alone after it has refused a call for want of allowance (INF, see
/// docs/assumptions.md): the calls of the hour that leaves the window are free then.
pub const SALESFORCE_PAUSE: SignedDuration = SignedDuration::from_hours(1);

/// How long after midnight Account Engagement is called again: its clock and its counter may be late.
const AFTER_MIDNIGHT: SignedDuration = SignedDuration::from_mins(5);

/// The longest that a message stays away at once; the queue hides none for more than twelve hours.
pub const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(6);

/// An allowance that is used up: an open circuit. It closes by itself when the time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedUp {
    /// Whose.
    pub service: Service,
    /// Neither service is called before, except by an operator's own request.
    pub until: Timestamp,
}

impl UsedUp {
    /// What it means that this service refused, told at `now`, a call that was sent after `began`; `zone` is
    /// where the account's day begins.
    ///
    /// What is told just after midnight, or sent while the counter may be late, may be of the day before, and
    /// the new day's calls are all there: then it asks again soon, and one refused call tells if they are not.
    #[must_use]
    pub fn since(began: Timestamp, now: Timestamp, service: Service, zone: &TimeZone) -> Self {
        let until = match service {
            Service::Salesforce => later(now, SALESFORCE_PAUSE),
            Service::AccountEngagement => {
                let day = later(began, -AFTER_MIDNIGHT);
                let renewed = later(next_midnight(day, zone), AFTER_MIDNIGHT);
                renewed.max(later(now, AFTER_MIDNIGHT))
            }
        };
        Self { service, until }
    }

    /// Whether nobody calls yet.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        now < self.until
    }

    /// How long a message stays away that waits for this: to the end, and at most [`LONGEST_WAIT`].
    #[must_use]
    pub fn message_wait(&self, now: Timestamp) -> SignedDuration {
        LONGEST_WAIT.min(self.until.duration_since(now))
    }
}

impl fmt::Display for UsedUp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the allowance of {} is used up: no calls before {:.0}",
            self.service, self.until
        )
    }
}

/// The first moment of tomorrow, also where clocks change at midnight.
fn next_midnight(now: Timestamp, zone: &TimeZone) -> Timestamp {
    now.to_zoned(zone.clone())
        .tomorrow()
        .and_then(|tomorrow| tomorrow.start_of_day())
        .map_or_else(
            |_| later(now, LONGEST_WAIT),
            |midnight| midnight.timestamp(),
        )
}

fn later(instant: Timestamp, by: SignedDuration) -> Timestamp {
    instant.saturating_add(by).unwrap_or(instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    #[test]
    fn account_engagement_is_left_alone_until_five_minutes_past_the_accounts_midnight() {
        // zone, refused at, called again at
        let cases = [
            ("UTC", "2026-11-24T10:00:00Z", "2026-11-25T00:05:00Z"),
            // Five hours behind UTC in November.
            (
                "America/New_York",
                "2026-11-24T04:59:59Z",
                "2026-11-24T05:05:00Z",
            ),
            (
                "America/New_York",
                "2026-11-24T05:05:00Z",
                "2026-11-25T05:05:00Z",
            ),
            // The day has 25 hours.
            (
                "Europe/Berlin",
                "2026-10-24T22:05:00Z",
                "2026-10-25T23:05:00Z",
            ),
            // Midnight does not exist: the day begins at one o'clock.
            (
                "America/Santiago",
                "2025-09-06T12:00:00Z",
                "2025-09-07T04:05:00Z",
            ),
        ];
        for (zone, refused, again) in cases {
            let tz = TimeZone::get(zone).expect("a zone");
            let at = moment(refused);
            let used_up = UsedUp::since(at, at, Service::AccountEngagement, &tz);
            assert_eq!(used_up.until, moment(again), "{zone} at {refused}");
        }
    }

    #[test]
    fn a_refusal_around_midnight_costs_five_minutes_and_not_the_new_day() {
        // the run began, was refused, called again at
        let cases = [
            ("23:59:00", "23:59:30", "00:05:00"),
            ("23:59:00", "00:02:00", "00:07:00"),
            // A run that is longer than the pause: it is over already, and yet calls must rest.
            ("23:59:00", "00:06:00", "00:11:00"),
            // The counter may be late.
            ("00:00:00", "00:00:01", "00:05:01"),
            ("00:04:59", "00:06:00", "00:11:00"),
        ];
        let moment = |time: &str| {
            let day = if time < "12" { 25 } else { 24 };
            moment(&format!("2026-11-{day}T{time}Z"))
        };
        for (began, refused, again) in cases {
            let (began, refused) = (moment(began), moment(refused));
            let service = Service::AccountEngagement;
            let used_up = UsedUp::since(began, refused, service, &TimeZone::UTC);
            assert_eq!(used_up.until, moment(again), "{began} to {refused}");
        }
    }

    #[test]
    fn salesforce_is_left_alone_for_an_hour() {
        let zone = TimeZone::get("America/New_York").expect("a zone");
        let (began, refused) = ("2026-11-24T04:25:00Z", "2026-11-24T04:30:00Z");
        let (began, refused) = (moment(began), moment(refused));
        let used_up = UsedUp::since(began, refused, Service::Salesforce, &zone);
        assert_eq!(used_up.until, moment("2026-11-24T05:30:00Z"));
    }

    #[test]
    fn a_message_waits_to_the_end_and_at_most_six_hours_at_once() {
        let used_up = UsedUp {
            service: Service::AccountEngagement,
            until: moment("2026-11-25T00:05:00Z"),
        };
        let wait = |at: &str| used_up.message_wait(moment(at)).as_secs();
        assert_eq!(wait("2026-11-24T00:00:00Z"), 6 * 3_600);
        assert_eq!(wait("2026-11-24T23:00:00Z"), 65 * 60);
        assert_eq!(wait("2026-11-25T00:04:59Z"), 1);
    }

    #[test]
    fn it_closes_by_itself() {
        let until = moment("2026-11-25T00:05:00Z");
        let service = Service::Salesforce;
        let used_up = UsedUp { service, until };
        assert!(used_up.is_open(moment("2026-11-25T00:04:59Z")));
        assert!(!used_up.is_open(until));
        assert_eq!(
            used_up.to_string(),
            "the allowance of Salesforce is used up: no calls before 2026-11-25T00:05:00Z"
        );
    }
}
