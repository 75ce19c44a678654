//! Dates and times as both services write them.

use account_engagement::testing::prospects;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sync_core::coerce::parse_instant;

use crate::entropy::Entropy;

/// Text first, then instants made of the same bytes, in every form of both services.
pub(super) fn instants(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Some(instant) = parse_instant(&text) {
        assert_eq!(instant.subsec_nanosecond(), 0, "whole seconds");
        assert_eq!(parse_instant(&instant.to_string()), Some(instant));
    }
    let of_engagement = engagement(&text);
    assert_eq!(
        of_engagement.map(Timestamp::as_second),
        parse_instant(&text)
            .map(Timestamp::as_second)
            .filter(|_| of_engagement.is_some()),
    );
    let mut entropy = Entropy::new(input);
    let instant = entropy.instant();
    let whole = Timestamp::from_second(instant.as_second()).expect("a second of an instant");
    let offset = SignedDuration::from_mins(i64::from(entropy.byte()) * 6 - 720);
    for written in forms(instant, offset) {
        assert_eq!(parse_instant(&written), Some(whole), "{written}");
        assert!(engagement(&written).is_some(), "{written}");
    }
}

fn engagement(text: &str) -> Option<Timestamp> {
    let row = json!({ "id": 1, "updatedAt": text });
    let row = row.as_object().cloned().unwrap_or_default();
    prospects(vec![row]).ok()?.first()?.updated_at().ok()
}

/// One instant as Salesforce, Account Engagement and their clients write it.
fn forms(instant: Timestamp, offset: SignedDuration) -> Vec<String> {
    let shown = twin::org::stamps::show(instant);
    let mut forms = vec![instant.to_string(), shown];
    // Near the ends of time another offset is another year, of five digits or before the first.
    let Ok(local) = instant.checked_add(offset) else {
        return forms;
    };
    let civil = local.to_zoned(jiff::tz::TimeZone::UTC).datetime();
    if (1..=9999).contains(&civil.year()) {
        let sign = if offset.is_negative() { '-' } else { '+' };
        let minutes = offset.as_mins().abs();
        let (hours, minutes) = (minutes / 60, minutes % 60);
        forms.push(format!("{civil}{sign}{hours:02}:{minutes:02}"));
        forms.push(format!("{civil}{sign}{hours:02}{minutes:02}"));
    }
    forms
}
