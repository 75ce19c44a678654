//! Values of a request body, checked and brought into the form rows hold.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Number, Value, json};

use super::errors::ApiError;
use super::fields::{Field, Kind};
use super::records::stamp;

/// Checks a value against its field and answers it as rows hold it. Empty text clears a field.
pub fn accept(field: &Field, value: &Value) -> Result<Value, ApiError> {
    match field.kind {
        Kind::Email => match value.as_str() {
            Some(text) if is_email(text) => Ok(value.clone()),
            _ => Err(ApiError::email()),
        },
        Kind::Boolean => boolean(value).ok_or_else(|| ApiError::format(50, &field.name)),
        Kind::Several => several(value).ok_or_else(|| ApiError::property(&field.name)),
        _ if value.is_null() || value.as_str() == Some("") => Ok(Value::Null),
        Kind::Integer => integer(value).ok_or_else(|| ApiError::format(56, &field.name)),
        Kind::Number => number(value).ok_or_else(|| ApiError::format(56, &field.name)),
        Kind::Date => date(value).ok_or_else(|| ApiError::format(57, &field.name)),
        Kind::DateTime => value
            .as_str()
            .and_then(|text| text.parse::<Timestamp>().ok())
            .map(|instant| json!(stamp(instant)))
            .ok_or_else(|| ApiError::format(57, &field.name)),
        Kind::Text => scalar_text(value)
            .map(Value::String)
            .ok_or_else(|| ApiError::property(&field.name)),
    }
}

/// The vendor's check: `^[^ @]{1,64}@[^ @]{1,255}\.[^ @]{2,13}$`, at most 255 characters.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let is_clean = !text.contains(' ') && !domain.contains('@');
    let local_length = local.chars().count();
    let has_ending = domain.match_indices('.').any(|(position, _)| {
        let ending = domain[position + 1..].chars().count();
        position > 0 && (2..=13).contains(&ending)
    });
    is_clean && (1..=64).contains(&local_length) && has_ending && text.chars().count() <= 255
}

fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn integer(value: &Value) -> Option<Value> {
    let whole = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    whole.map(|whole| json!(whole))
}

fn number(value: &Value) -> Option<Value> {
    match value {
        Value::Number(_) => Some(value.clone()),
        Value::String(_) => integer(value).or_else(|| {
            let fraction = value.as_str()?.trim().parse::<f64>().ok()?;
            Number::from_f64(fraction).map(Value::Number)
        }),
        _ => None,
    }
}

fn boolean(value: &Value) -> Option<Value> {
    match value {
        Value::Null => Some(json!(false)),
        Value::Bool(_) => Some(value.clone()),
        Value::Number(number) => match number.as_i64() {
            Some(0) => Some(json!(false)),
            Some(1) => Some(json!(true)),
            _ => None,
        },
        Value::String(text) => match text.as_str() {
            "true" | "1" => Some(json!(true)),
            "false" | "0" | "" => Some(json!(false)),
            _ => None,
        },
        Value::Array(_) | Value::Object(_) => None,
    }
}

fn date(value: &Value) -> Option<Value> {
    let text = value.as_str()?;
    let is_plain = text.len() == 10;
    let day = text.parse::<Date>().ok().filter(|_| is_plain)?;
    Some(json!(day.to_string()))
}

/// An array of texts, or one text joined with `;`. No values at all is null.
fn several(value: &Value) -> Option<Value> {
    let parts: Vec<String> = match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().map(scalar_text).collect::<Option<_>>()?,
        Value::Object(_) => return None,
        Value::String(_) | Value::Number(_) | Value::Bool(_) => scalar_text(value)?
            .split(';')
            .map(|part| part.trim().to_owned())
            .collect(),
    };
    let kept: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    Some(if kept.is_empty() {
        Value::Null
    } else {
        json!(kept)
    })
}

#[cfg(test)]
mod tests {
    use super::{accept, is_email};
    use crate::bu::fields::{Field, Kind};
    use serde_json::json;

    fn field(kind: Kind) -> Field {
        let name = "F".to_owned();
        Field {
            name,
            kind,
            is_editable: true,
            is_recording_responses: false,
        }
    }

    #[test]
    fn an_address_is_checked_as_the_vendor_does() {
        for good in ["a@b.co", "x.y+z@mail.example.com"] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "", "a", "a@b", "@b.co", "a@.co", "a b@c.de", "a@b@c.de", "a@b.c",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn wrong_formats_carry_their_codes() {
        for (kind, value, code) in [
            (Kind::Integer, json!("x"), 56),
            (Kind::Number, json!("1,5"), 56),
            (Kind::Date, json!("23.11.2026"), 57),
            (Kind::Date, json!("2026-11-23T00:00:00Z"), 57),
            (Kind::Boolean, json!("yes"), 50),
            (Kind::Email, json!("no address"), 4),
        ] {
            assert_eq!(
                accept(&field(kind), &value).unwrap_err().code,
                code,
                "{kind:?}"
            );
        }
    }

    #[test]
    fn several_values_come_as_text_or_array() {
        let several = field(Kind::Several);
        assert_eq!(accept(&several, &json!("A; B")), Ok(json!(["A", "B"])));
        assert_eq!(accept(&several, &json!(["A", "B"])), Ok(json!(["A", "B"])));
        assert_eq!(accept(&several, &json!("")), Ok(json!(null)));
    }
}
