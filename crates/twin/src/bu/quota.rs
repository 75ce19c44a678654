//! The plan's daily calls, counted per local day of the account's time zone.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::errors::ApiError;

/// The daily counter of a business unit.
#[derive(Debug, Clone)]
pub struct Quota {
    /// Calls per local day.
    pub limit: u64,
    /// Calls used on `day`.
    pub used: u64,
    /// The account's time zone: the counter restarts at its midnight.
    pub time_zone: TimeZone,
    /// How many calls were refused with code 122.
    pub refused: u64,
    day: Option<Date>,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            limit: 25_000,
            used: 0,
            time_zone: TimeZone::UTC,
            refused: 0,
            day: None,
        }
    }
}

impl Quota {
    /// Counts one call, or refuses it with code 122. A refused call is not counted.
    pub fn charge(&mut self, now: Timestamp) -> Result<(), ApiError> {
        let today = now.to_zoned(self.time_zone.clone()).date();
        if self.day.is_some_and(|day| day != today) {
            self.used = 0;
        }
        self.day = Some(today);
        if self.used >= self.limit {
            self.refused += 1;
            return Err(ApiError::daily_limit());
        }
        self.used += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Quota;
    use jiff::tz::TimeZone;

    #[test]
    fn the_counter_restarts_at_midnight_of_the_account() {
        let time_zone = TimeZone::get("America/New_York").unwrap();
        let mut quota = Quota {
            limit: 1,
            time_zone,
            ..Quota::default()
        };
        let evening = "2026-11-23T23:00:00Z".parse().unwrap();
        let utc_midnight = "2026-11-24T00:30:00Z".parse().unwrap();
        let local_midnight = "2026-11-24T05:00:00Z".parse().unwrap();
        quota.charge(evening).unwrap();
        assert_eq!(quota.charge(utc_midnight).unwrap_err().code, 122);
        quota.charge(local_midnight).unwrap();
        assert_eq!((quota.used, quota.refused), (1, 1));
    }
}
