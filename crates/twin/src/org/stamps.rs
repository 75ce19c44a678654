//! Instants as the org writes them: milliseconds in form, whole seconds in fact.

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil::Date};

/// An instant in the form of a reply, `2026-11-23T10:00:00.000+0000`.
#[must_use]
pub fn show(instant: Timestamp) -> String {
    let utc = instant.to_zoned(TimeZone::UTC);
    format!(
        "{}.{:03}+0000",
        utc.strftime("%Y-%m-%dT%H:%M:%S"),
        utc.millisecond()
    )
}

/// The stamp of a statement: whole seconds.
#[must_use]
pub fn stamp(now: Timestamp) -> String {
    let utc = now.to_zoned(TimeZone::UTC);
    format!("{}.000+0000", utc.strftime("%Y-%m-%dT%H:%M:%S"))
}

/// Reads an instant with `Z`, `+0000` or `+00:00`, with or without a fraction.
#[must_use]
pub fn read(text: &str) -> Option<Timestamp> {
    let is_date_time = text.len() > 10 && text.as_bytes()[10].eq_ignore_ascii_case(&b'T');
    if !is_date_time {
        return None;
    }
    if let Ok(instant) = text.parse() {
        return Some(instant);
    }
    let split = text
        .len()
        .checked_sub(2)
        .filter(|at| text.is_char_boundary(*at))?;
    format!("{}:{}", &text[..split], &text[split..])
        .parse()
        .ok()
}

/// Reads a calendar day.
#[must_use]
pub fn read_date(text: &str) -> Option<Date> {
    if text.len() == 10 {
        text.parse().ok()
    } else {
        None
    }
}

/// Reads an HTTP date, such as `Mon, 30 Nov 2026 08:34:54 GMT`.
#[must_use]
pub fn read_http(text: &str) -> Option<Timestamp> {
    let civil = text.strip_suffix(" GMT")?;
    let civil = jiff::civil::DateTime::strptime("%a, %d %b %Y %H:%M:%S", civil).ok()?;
    civil
        .to_zoned(TimeZone::UTC)
        .ok()
        .map(|zoned| zoned.timestamp())
}

/// An instant as an HTTP date.
#[must_use]
pub fn show_http(instant: Timestamp) -> String {
    instant
        .to_zoned(TimeZone::UTC)
        .strftime("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_in_every_spelling() {
        for text in [
            "2026-11-23T10:00:00Z",
            "2026-11-23T10:00:00.000+0000",
            "2026-11-23T11:00:00+01:00",
            "2026-11-23T10:00:00.000Z",
        ] {
            assert_eq!(
                show(read(text).unwrap()),
                "2026-11-23T10:00:00.000+0000",
                "{text}"
            );
        }
        assert_eq!(read("2026-11-23"), None);
        let instant = read("2026-11-30T08:34:54Z").unwrap();
        assert_eq!(show_http(instant), "Mon, 30 Nov 2026 08:34:54 GMT");
        assert_eq!(read_http("Mon, 30 Nov 2026 08:34:54 GMT"), Some(instant));
        assert_eq!(read_http("yesterday"), None);
    }
}
