//! One value against its field: type, length, range and picklist.

use serde_json::{Number, Value, json};
use sync_core::ids::SalesforceId;

use super::error::OrgError;
use super::schema::{Field, FieldType};
use super::stamps;

/// The value as the org holds it, or why it is refused.
///
/// # Errors
/// The code the API reports for a value of the wrong type, length, range or spelling.
pub fn accept(field: &Field, value: &Value) -> Result<Value, OrgError> {
    if value.is_null() {
        return empty(field);
    }
    match field.kind {
        FieldType::Boolean => {
            let flag = value.as_bool().or_else(|| value.as_str()?.parse().ok());
            flag.map(Value::Bool)
                .ok_or_else(|| OrgError::unreadable("boolean", value))
        }
        FieldType::Int | FieldType::Double | FieldType::Currency => number(field, value),
        FieldType::Date => date(value),
        FieldType::Datetime => {
            let instant = value.as_str().and_then(stamps::read);
            let instant = instant.ok_or_else(|| OrgError::unreadable("datetime", value))?;
            Ok(json!(stamps::show(instant)))
        }
        FieldType::Id | FieldType::Reference => id(field, value),
        FieldType::String
        | FieldType::Textarea
        | FieldType::Email
        | FieldType::Phone
        | FieldType::Url
        | FieldType::Picklist
        | FieldType::Multipicklist => text(field, value),
    }
}

fn empty(field: &Field) -> Result<Value, OrgError> {
    if field.kind == FieldType::Boolean {
        let why = format!("{}: value not of required type: ", field.name);
        return Err(OrgError::new("INVALID_TYPE_ON_FIELD_IN_RECORD", why).on(&field.name));
    }
    Ok(Value::Null)
}

fn number(field: &Field, value: &Value) -> Result<Value, OrgError> {
    let kind = field.kind.name();
    let given = value
        .as_f64()
        .ok_or_else(|| OrgError::unreadable(kind, value))?;
    let digits = i32::try_from(field.precision.saturating_sub(field.scale)).unwrap_or(i32::MAX);
    if given.abs() >= 10_f64.powi(digits) {
        let label = field.label();
        let why = format!("{label}: value outside of valid range on numeric field: {given}");
        return Err(OrgError::new("NUMBER_OUTSIDE_VALID_RANGE", why).on(&field.name));
    }
    if field.kind == FieldType::Int {
        return value
            .as_i64()
            .map(Value::from)
            .ok_or_else(|| OrgError::unreadable(kind, value));
    }
    let factor = 10_f64.powi(i32::try_from(field.scale).unwrap_or(0));
    let rounded = (given * factor).round() / factor;
    Number::from_f64(rounded)
        .map(Value::Number)
        .ok_or_else(|| OrgError::unreadable(kind, value))
}

fn date(value: &Value) -> Result<Value, OrgError> {
    let given = value
        .as_str()
        .ok_or_else(|| OrgError::unreadable("date", value))?;
    let day = given
        .get(..10)
        .filter(|_| given.len() == 10 || stamps::read(given).is_some());
    let day = day.and_then(stamps::read_date);
    day.map(|day| json!(day.to_string()))
        .ok_or_else(|| OrgError::unreadable("date", value))
}

fn id(field: &Field, value: &Value) -> Result<Value, OrgError> {
    let given = value
        .as_str()
        .ok_or_else(|| OrgError::unreadable("reference", value))?;
    if given.is_empty() {
        return Ok(Value::Null);
    }
    given
        .parse::<SalesforceId>()
        .map(|id| json!(id.as_str()))
        .map_err(|_| {
            let why = format!("{}: id value of incorrect type: {given}", field.label());
            OrgError::new("MALFORMED_ID", why).on(&field.name)
        })
}

fn text(field: &Field, value: &Value) -> Result<Value, OrgError> {
    let given = value
        .as_str()
        .ok_or_else(|| OrgError::unreadable("string", value))?
        .trim();
    if given.is_empty() {
        return Ok(Value::Null);
    }
    if given.chars().count() > field.length {
        let (label, length) = (field.label(), field.length);
        let why = format!("{label}: data value too large: {given} (max length={length})");
        return Err(OrgError::new("STRING_TOO_LONG", why).on(&field.name));
    }
    match field.kind {
        FieldType::Email if !is_email(given) => {
            let why = format!("{}: invalid email address: {given}", field.label());
            Err(OrgError::new("INVALID_EMAIL_ADDRESS", why).on(&field.name))
        }
        FieldType::Picklist => picked(field, given).map(|()| json!(given)),
        FieldType::Multipicklist => {
            let mut parts: Vec<&str> = given
                .split(';')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .collect();
            for part in &parts {
                picked(field, part)?;
            }
            let place = |part: &&str| {
                field
                    .values
                    .iter()
                    .position(|value| value == part)
                    .unwrap_or(usize::MAX)
            };
            parts.sort_by_key(place);
            parts.dedup();
            Ok(json!(parts.join(";")))
        }
        _ => Ok(json!(given)),
    }
}

fn picked(field: &Field, given: &str) -> Result<(), OrgError> {
    let is_known = field
        .values
        .iter()
        .any(|value| value.eq_ignore_ascii_case(given));
    if is_known || !field.restricted {
        return Ok(());
    }
    let why = format!(
        "{}: bad value for restricted picklist field: {given}",
        field.label()
    );
    Err(OrgError::new("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", why).on(&field.name))
}

/// Whether a text has the form of an address: one `@`, a dot in the domain, no blanks.
fn is_email(given: &str) -> bool {
    let Some((local, domain)) = given.split_once('@') else {
        return false;
    };
    let is_plain = |c: char| !c.is_whitespace() && !"@,;<>()[]\"".contains(c);
    let labels_are_filled = domain.split('.').all(|label| !label.is_empty());
    !local.is_empty()
        && !local.ends_with('.')
        && domain.contains('.')
        && labels_are_filled
        && given.chars().filter(|c| *c == '@').count() == 1
        && local.chars().chain(domain.chars()).all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(kind: FieldType, value: impl Into<Value>) -> Result<Value, &'static str> {
        let values = vec!["A".to_owned(), "B".to_owned()];
        let field = Field {
            name: "F".to_owned(),
            kind,
            length: 8,
            precision: 4,
            scale: 1,
            restricted: true,
            values,
            ..Field::default()
        };
        accept(&field, &value.into()).map_err(|error| error.code)
    }

    #[test]
    fn values_are_taken_or_refused_by_type() {
        assert_eq!(code(FieldType::String, json!("  a ")), Ok(json!("a")));
        assert_eq!(code(FieldType::String, json!("")), Ok(Value::Null));
        assert_eq!(
            code(FieldType::String, json!("123456789")),
            Err("STRING_TOO_LONG")
        );
        assert_eq!(code(FieldType::String, json!(1)), Err("JSON_PARSER_ERROR"));
        assert_eq!(
            code(FieldType::Email, json!("a@b")),
            Err("INVALID_EMAIL_ADDRESS")
        );
        assert_eq!(code(FieldType::Email, json!("a@b.co")), Ok(json!("a@b.co")));
        assert_eq!(code(FieldType::Double, json!(1.26)), Ok(json!(1.3)));
        assert_eq!(
            code(FieldType::Double, json!(1000)),
            Err("NUMBER_OUTSIDE_VALID_RANGE")
        );
        assert_eq!(
            code(FieldType::Date, json!("2026-02-30")),
            Err("JSON_PARSER_ERROR")
        );
        assert_eq!(code(FieldType::Reference, json!("x")), Err("MALFORMED_ID"));
        assert_eq!(
            code(FieldType::Multipicklist, json!("B;A;B")),
            Ok(json!("A;B"))
        );
        let refused = Err("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST");
        assert_eq!(code(FieldType::Picklist, json!("C")), refused);
        assert_eq!(
            code(FieldType::Boolean, Value::Null),
            Err("INVALID_TYPE_ON_FIELD_IN_RECORD")
        );
    }
}
