//! The daily allowance of calls and when it starts anew: midnight where the account lives (apis K5).

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The account names a time zone that is not in the database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time zone of the IANA database")]
pub struct UnknownTimeZone(pub String);

/// A daily allowance and the time zone whose midnight renews it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailyBudget {
    /// Calls allowed a day.
    pub allowance: u64,
    /// The account's time zone.
    pub time_zone: TimeZone,
}

impl DailyBudget {
    /// A budget in the time zone of this IANA name.
    pub fn new(allowance: u64, time_zone: &str) -> Result<Self, UnknownTimeZone> {
        let zone = TimeZone::get(time_zone).map_err(|_| UnknownTimeZone(time_zone.to_owned()))?;
        Ok(Self {
            allowance,
            time_zone: zone,
        })
    }

    /// Calls left when `used` were made today.
    #[must_use]
    pub fn left(&self, used: u64) -> u64 {
        self.allowance.saturating_sub(used)
    }

    /// The first instant of tomorrow, also where clocks change at midnight.
    #[must_use]
    pub fn next_reset(&self, now: Timestamp) -> Timestamp {
        now.to_zoned(self.time_zone.clone())
            .tomorrow()
            .and_then(|tomorrow| tomorrow.start_of_day())
            .map_or(Timestamp::MAX, |midnight| midnight.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reset_is_the_next_local_midnight() {
        // zone, now, reset
        let cases = [
            ("UTC", "2026-11-23T10:00:00Z", "2026-11-24T00:00:00Z"),
            (
                "America/New_York",
                "2026-11-23T04:59:59Z",
                "2026-11-23T05:00:00Z",
            ),
            (
                "America/New_York",
                "2026-11-23T05:00:00Z",
                "2026-11-24T05:00:00Z",
            ),
            // the day has 23 hours, then 25
            (
                "Europe/Berlin",
                "2026-03-28T23:00:00Z",
                "2026-03-29T22:00:00Z",
            ),
            (
                "Europe/Berlin",
                "2026-10-24T22:00:00Z",
                "2026-10-25T23:00:00Z",
            ),
            // midnight does not exist: the day starts at one o'clock
            (
                "America/Santiago",
                "2025-09-06T12:00:00Z",
                "2025-09-07T04:00:00Z",
            ),
            // midnight exists twice: the first one counts
            (
                "America/Havana",
                "2025-11-01T12:00:00Z",
                "2025-11-02T04:00:00Z",
            ),
            (
                "Asia/Kolkata",
                "2026-11-23T18:29:59Z",
                "2026-11-23T18:30:00Z",
            ),
        ];
        for (zone, now, reset) in cases {
            let budget = DailyBudget::new(25_000, zone).unwrap();
            let next = budget.next_reset(now.parse().unwrap());
            assert_eq!(next, reset.parse().unwrap(), "{zone} at {now}");
        }
    }

    #[test]
    fn what_is_left_is_never_negative() {
        let budget = DailyBudget::new(10, "UTC").unwrap();
        assert_eq!((budget.left(4), budget.left(11)), (6, 0));
        assert_eq!(
            DailyBudget::new(1, "Mars/Olympus"),
            Err(UnknownTimeZone("Mars/Olympus".into()))
        );
    }
}
