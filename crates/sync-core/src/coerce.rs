//! From the JSON of either service to a canonical value and back: the only place that knows formats.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::value::{FieldName, FieldType, FieldValue};

/// Which service a value comes from or goes to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// Salesforce.
    Salesforce,
    /// Account Engagement.
    AccountEngagement,
}

impl std::fmt::Display for Service {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Salesforce => "Salesforce",
            Self::AccountEngagement => "Account Engagement",
        })
    }
}

/// A value that does not fit its mapped type. Names the field and the shape, never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[error(
    "{service} field `{field}` holds {shape}, which is not {expected}; correct the value or the field's `type` in the configuration"
)]
pub struct CoercionError {
    /// Where the value was read.
    pub service: Service,
    /// The mapped field.
    pub field: FieldName,
    /// What kind of thing was found.
    pub shape: String,
    /// What kind of thing the field map promises.
    pub expected: String,
}

fn shape_of(json: &Value) -> String {
    match json {
        Value::Null => "nothing".to_owned(),
        Value::Bool(_) => "a boolean".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        Value::String(text) => format!("text of {} characters", text.chars().count()),
        Value::Array(values) => format!("a list of {} values", values.len()),
        Value::Object(_) => "an object".to_owned(),
    }
}

fn is_blank(json: &Value) -> bool {
    match json {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(values) => values.iter().all(is_blank),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

/// Reads a JSON value of either service as the given type.
///
/// `zone` is the business unit's time zone; it matters only where an instant becomes a day.
///
/// # Errors
/// [`CoercionError`] when the value cannot be read as the type without guessing.
pub fn read_value(
    service: Service,
    field: &FieldName,
    field_type: FieldType,
    json: &Value,
    zone: &TimeZone,
) -> Result<FieldValue, CoercionError> {
    if is_blank(json) {
        // R85: a boolean has no blank; both services leave an unticked box out or null.
        return Ok(match field_type {
            FieldType::Boolean => FieldValue::Boolean(false),
            _ => FieldValue::Blank,
        });
    }
    let read = match field_type {
        FieldType::Text => text(json).map(|text| FieldValue::Text(text.trim().to_owned())),
        // R96: a picklist value is exact, leading and trailing spaces included.
        FieldType::Picklist => text(json).map(FieldValue::Text),
        FieldType::Email => {
            text(json).map(|address| FieldValue::Text(address.trim().to_lowercase()))
        }
        FieldType::Number => number(json).map(FieldValue::Number),
        FieldType::Boolean => boolean(json).map(FieldValue::Boolean),
        FieldType::Date => date(json, zone).map(FieldValue::Date),
        FieldType::DateTime => json
            .as_str()
            .and_then(parse_instant)
            .map(FieldValue::DateTime),
        FieldType::MultiSelect => set(json),
    };
    read.ok_or_else(|| CoercionError {
        service,
        field: field.clone(),
        shape: shape_of(json),
        expected: expected(field_type).to_owned(),
    })
}

fn expected(field_type: FieldType) -> &'static str {
    match field_type {
        FieldType::Text | FieldType::Picklist => "text",
        FieldType::Email => "an e-mail address",
        FieldType::Number => "a decimal number",
        FieldType::Boolean => "`true` or `false`",
        FieldType::Date => "a date like 2026-11-23",
        FieldType::DateTime => "a date and time like 2026-11-23T10:00:00+00:00",
        FieldType::MultiSelect => "a list of values without `;` in them",
    }
}

fn text(json: &Value) -> Option<String> {
    match json {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(boolean) => Some(boolean.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn number(json: &Value) -> Option<Decimal> {
    let digits = match json {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    // The parser of the decimal type takes `1_000` and rounds what it cannot hold; we take neither.
    let is_plain = digits
        .chars()
        .all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
    if !is_plain {
        return None;
    }
    let parsed = match digits.split_once(['e', 'E']) {
        // Rounds the digits in front of the exponent and takes `-+8` behind them, unless both are known
        // to be right.
        Some((base, exponent)) => {
            exponent.parse::<i32>().ok()?;
            Decimal::from_str_exact(base)
                .and_then(|_| Decimal::from_scientific(&digits))
                .ok()?
        }
        None => Decimal::from_str_exact(&digits).ok()?,
    };
    Some(parsed.normalize())
}

fn boolean(json: &Value) -> Option<bool> {
    match json {
        Value::Bool(boolean) => Some(*boolean),
        // R85: the radio field that carries a checkbox holds exactly these, case-sensitive.
        Value::String(text) => match text.trim() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn date(json: &Value, zone: &TimeZone) -> Option<Date> {
    let text = json.as_str()?.trim();
    let is_plain_day = text.len() == 10;
    let day = if is_plain_day {
        text.parse().ok()
    } else {
        parse_instant(text).map(|instant| zone.to_datetime(instant).date())
    };
    // Neither service has a year before the first; written as text it would be no day any more.
    day.filter(|day: &Date| day.year() > 0)
}

fn set(json: &Value) -> Option<FieldValue> {
    let values: Vec<&str> = match json {
        Value::String(joined) => joined.split(';').collect(),
        Value::Array(values) => values.iter().map(Value::as_str).collect::<Option<_>>()?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return None,
    };
    // Salesforce joins with `;`: a value that holds one would come back as two.
    if values.iter().any(|value| value.contains(';')) {
        return None;
    }
    let chosen: BTreeSet<String> = values
        .into_iter()
        .map(str::trim)
        .filter(|value| !value.is_empty())
        .map(str::to_owned)
        .collect();
    Some(if chosen.is_empty() {
        FieldValue::Blank
    } else {
        FieldValue::Set(chosen)
    })
}

/// Reads an instant with any offset, with or without a colon in it (apis A3, B2), at whole seconds.
#[must_use]
pub fn parse_instant(text: &str) -> Option<Timestamp> {
    let instant = text.trim().parse::<Timestamp>().ok()?;
    Timestamp::from_second(instant.as_second()).ok()
}

/// The JSON that a service expects for a value; blank is null, which clears the field.
#[must_use]
pub fn write_value(service: Service, value: &FieldValue) -> Value {
    match value {
        FieldValue::Blank => Value::Null,
        FieldValue::Text(text) => Value::String(text.clone()),
        FieldValue::Number(number) => number_to_json(*number),
        FieldValue::Boolean(boolean) => Value::Bool(*boolean),
        FieldValue::Date(day) => Value::String(day.to_string()),
        FieldValue::DateTime(instant) => Value::String(instant.to_string()),
        FieldValue::Set(values) => {
            let listed: Vec<&str> = values.iter().map(String::as_str).collect();
            match service {
                Service::Salesforce => Value::String(listed.join(";")),
                Service::AccountEngagement => Value::Array(
                    listed
                        .into_iter()
                        .map(|v| Value::String(v.to_owned()))
                        .collect(),
                ),
            }
        }
    }
}

/// A JSON number where that keeps every digit, else its digits as text, which both services parse.
fn number_to_json(decimal: Decimal) -> Value {
    let digits = decimal.to_string();
    match serde_json::from_str(&digits) {
        Ok(json) if number(&json) == Some(decimal) => json,
        Ok(_) | Err(_) => Value::String(digits),
    }
}
