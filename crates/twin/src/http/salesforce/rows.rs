//! Single rows: by id and by external id.

use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::route::method_not_allowed;
use crate::org::table::Values;
use crate::org::upsert::Unsettled;
use crate::org::{Caller, Org, OrgError, stamps, widen};

/// A JSON object as the values of a row.
///
/// # Errors
/// `JSON_PARSER_ERROR` when it is something else.
pub fn values(body: &Value) -> Result<&Values, OrgError> {
    body.as_object()
        .ok_or_else(|| OrgError::unreadable("sobject", body))
}

/// Creates a row.
///
/// # Errors
/// What the org refuses it with.
pub fn create(
    org: &mut Org,
    call: &Call,
    object: &str,
    caller: &Caller,
) -> Result<Answer, OrgError> {
    org.object(object)?;
    let id = org.create(object, values(call.json()?)?, caller)?;
    Ok(Answer::json(
        201,
        json!({ "id": id, "success": true, "errors": [] }),
    ))
}

/// Reads, changes or deletes a row by id.
///
/// # Errors
/// What the org refuses it with.
pub fn row(
    org: &mut Org,
    call: &Call,
    version: &str,
    (object, id): (&str, &str),
    caller: &Caller,
) -> Result<Answer, OrgError> {
    match call.method.as_str() {
        "GET" | "HEAD" => read(org, call, version, (object, id), caller),
        "PATCH" => {
            check_unmodified(org, call, object, id)?;
            org.update(object, id, values(call.json()?)?, caller)?;
            Ok(Answer::nothing())
        }
        "DELETE" => org.delete(object, id, caller).map(|()| Answer::nothing()),
        _ => Err(method_not_allowed(call)),
    }
}

/// The fields asked for, or all of them.
fn wanted(org: &Org, call: &Call, object: &str) -> Result<Vec<String>, OrgError> {
    let object = org.object(object)?;
    let all = || {
        object
            .fields
            .iter()
            .map(|field| field.name.clone())
            .collect()
    };
    let listed = |text: &str| text.split(',').map(|name| name.trim().to_owned()).collect();
    Ok(call.parameter("fields").map_or_else(all, listed))
}

/// A live row with some fields.
///
/// # Errors
/// `NOT_FOUND`, `ENTITY_IS_DELETED` and `INVALID_FIELD`.
pub fn read(
    org: &Org,
    call: &Call,
    version: &str,
    (object_name, given_id): (&str, &str),
    caller: &Caller,
) -> Result<Answer, OrgError> {
    let object = org.object(object_name)?;
    let id = widen(given_id).ok_or_else(OrgError::not_found)?;
    let row = org.row(&object.name, &id).ok_or_else(OrgError::not_found)?;
    if row.is_deleted() {
        return Err(OrgError::deleted());
    }
    let is_explicit = call.parameter("fields").is_some();
    let mut paths = Vec::new();
    for name in wanted(org, call, object_name)? {
        match org.resolve(object, &name, &caller.user_id) {
            Ok(path) => paths.push(path),
            Err(error) if is_explicit => return Err(error),
            Err(_) => {}
        }
    }
    Ok(Answer::json(200, org.render(object, row, &paths, version)))
}

/// Reads, upserts or deletes a row by external id.
///
/// # Errors
/// What the org refuses it with.
pub fn by_field(
    org: &mut Org,
    call: &Call,
    version: &str,
    (object, field, value): (&str, &str, &str),
    caller: &Caller,
) -> Result<Answer, OrgError> {
    if call.method == "PATCH" {
        return upsert(org, call, version, (object, field, value), caller);
    }
    let found = org.find_by(object, field, &json!(value), caller)?;
    match (call.method.as_str(), found.as_slice()) {
        (_, []) => Err(OrgError::not_found()),
        ("GET", [id]) => read(org, call, version, (object, id), caller),
        ("DELETE", [id]) => org.delete(object, id, caller).map(|()| Answer::nothing()),
        ("GET" | "DELETE", several) => Ok(ambiguous(version, object, several)),
        _ => Err(method_not_allowed(call)),
    }
}

fn upsert(
    org: &mut Org,
    call: &Call,
    version: &str,
    (object, field, value): (&str, &str, &str),
    caller: &Caller,
) -> Result<Answer, OrgError> {
    let body = values(call.json()?)?;
    let found = org.find_by(object, field, &json!(value), caller)?;
    if let [id] = found.as_slice() {
        check_unmodified(org, call, object, id)?;
    }
    let update_only = call.flag("updateOnly");
    match org.upsert(object, field, &json!(value), body, update_only, caller) {
        Ok(done) => {
            let status = if done.is_created { 201 } else { 200 };
            let body = json!({
                "id": done.id, "success": true, "errors": [], "created": done.is_created,
            });
            Ok(Answer::json(status, body))
        }
        Err(Unsettled::Ambiguous(ids)) => Ok(ambiguous(version, object, &ids)),
        Err(Unsettled::Refused(error)) => Err(error),
    }
}

/// 300: the addresses of the rows that match.
fn ambiguous(version: &str, object: &str, ids: &[String]) -> Answer {
    let address = |id: &String| format!("/services/data/{version}/sobjects/{object}/{id}");
    let addresses: Vec<String> = ids.iter().map(address).collect();
    Answer::json(300, json!(addresses))
}

/// Refuses a change when the row changed after `If-Unmodified-Since`; whole seconds.
fn check_unmodified(org: &Org, call: &Call, object: &str, id: &str) -> Result<(), OrgError> {
    let Some(given) = call.header("if-unmodified-since") else {
        return Ok(());
    };
    let since = stamps::read_http(given.trim()).ok_or_else(|| {
        OrgError::new(
            "INVALID_HEADER_TYPE",
            format!("If-Unmodified-Since: invalid date {given}"),
        )
    })?;
    let name = org.object(object)?.name.clone();
    let row = widen(id).and_then(|id| org.row(&name, &id).cloned());
    let changed = row.and_then(|row| stamps::read(row.text("LastModifiedDate")));
    if changed.is_some_and(|changed| changed.as_second() > since.as_second()) {
        let why = "The requested record was modified after the given date";
        return Err(OrgError::with_status(412, "PRECONDITION_FAILED", why));
    }
    Ok(())
}
