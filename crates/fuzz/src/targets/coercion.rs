//! Field values: read, written for both services and read again, with numbers checked digit by digit.

use jiff::tz::TimeZone;
use serde_json::Value;
use sync_core::coerce::{Service, read_value, write_value};
use sync_core::value::{FieldName, FieldType, FieldValue, NormalisedEmail};

use crate::canary;

const TYPES: [FieldType; 8] = [
    FieldType::Text,
    FieldType::Email,
    FieldType::Number,
    FieldType::Boolean,
    FieldType::Date,
    FieldType::DateTime,
    FieldType::Picklist,
    FieldType::MultiSelect,
];

const SERVICES: [Service; 2] = [Service::Salesforce, Service::AccountEngagement];

/// The input as JSON, or as text, under every type.
pub(super) fn coercion(input: &[u8]) {
    let text = String::from_utf8_lossy(input).into_owned();
    if let Some(email) = NormalisedEmail::new(&text) {
        assert_eq!(NormalisedEmail::new(email.as_str()), Some(email));
    }
    let zones = [
        TimeZone::UTC,
        TimeZone::get("America/New_York").unwrap_or(TimeZone::UTC),
    ];
    let parsed: Option<Value> = serde_json::from_str(&text).ok();
    for json in parsed.into_iter().chain([Value::String(text)]) {
        for field_type in TYPES {
            for zone in &zones {
                check(field_type, &json, zone);
            }
        }
    }
}

fn check(field_type: FieldType, json: &Value, zone: &TimeZone) {
    let field = FieldName::from("field");
    let read = |service, json: &Value| read_value(service, &field, field_type, json, zone);
    let value = match read(Service::Salesforce, json) {
        Ok(value) => value,
        Err(error) => {
            canary::assert_kept_by(&error);
            assert!(
                read(Service::AccountEngagement, json).is_err(),
                "one rule for both"
            );
            return;
        }
    };
    canary::assert_kept("a debug form", &format!("{value:?} {}", value.shape()));
    for service in SERVICES {
        let written = write_value(service, &value);
        let again = read(service, &written);
        assert!(
            again.as_ref() == Ok(&value),
            "{field_type:?} {json} is {value}, written {written}, and read as {again:?}"
        );
        let twice = again.map(|again| write_value(service, &again));
        assert_eq!(
            twice.ok().as_ref(),
            Some(&written),
            "written the same again"
        );
    }
    if let FieldValue::Number(number) = &value {
        let digits = match json {
            Value::String(text) => text.trim().to_owned(),
            other => other.to_string(),
        };
        assert_eq!(
            plain(&digits),
            plain(&number.to_string()),
            "{json} is read as {number}"
        );
    }
    let stored = serde_json::to_string(&value).expect("a value is JSON");
    assert!(
        serde_json::from_str::<FieldValue>(&stored).ok() == Some(value),
        "{stored}"
    );
}

/// A decimal as sign, digits without zeros around them, and the power of ten of the last digit.
fn plain(text: &str) -> Option<(bool, String, i64)> {
    let (base, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i64 = exponent.parse().ok()?;
    let is_negative = base.starts_with('-');
    let base = base.trim_start_matches(['+', '-']);
    let (whole, fraction) = base.split_once('.').unwrap_or((base, ""));
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return Some((false, String::new(), 0));
    }
    let zeros = i64::try_from(digits.len() - significant.len()).ok()?;
    let shift = i64::try_from(fraction.len()).ok()?;
    Some((
        is_negative,
        significant.to_owned(),
        exponent - shift + zeros,
    ))
}
