//! Collections: up to 200 rows in one request, each answered for itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::route::method_not_allowed;
use super::rows::values;
use crate::org::table::Values;
use crate::org::upsert::Unsettled;
use crate::org::{Caller, Org, OrgError, widen};

/// The most rows of a write.
const WRITES: usize = 200;
/// The most rows of a read.
const READS: usize = 2000;
/// The most changes of object within a request.
const CHUNKS: usize = 10;

type Outcome = Result<Value, OrgError>;

/// Runs a request on `composite/sobjects`.
///
/// # Errors
/// A request that is malformed as a whole.
pub fn run(
    org: &mut Org,
    call: &Call,
    version: &str,
    further: &[&str],
    caller: &Caller,
) -> Result<Answer, OrgError> {
    match (call.method.as_str(), further) {
        ("POST", []) => {
            let records = records(call)?;
            check_chunks(&records)?;
            let outcome = |org: &mut Org, record: &Value| {
                let id = org.create(kind(record)?, values(record)?, caller)?;
                Ok(json!({ "id": id, "success": true, "errors": [] }))
            };
            settle(org, &records, all_or_none(call), outcome)
        }
        ("PATCH", []) => {
            let records = records(call)?;
            check_chunks(&records)?;
            settle(org, &records, all_or_none(call), |org, record| {
                update(org, record, caller)
            })
        }
        ("PATCH", [object, field]) => upsert_all(org, call, object, field, caller),
        ("DELETE", []) => delete_all(org, call, caller),
        ("GET" | "POST", [object]) => retrieve(org, call, version, object, caller),
        _ => Err(method_not_allowed(call)),
    }
}

fn all_or_none(call: &Call) -> bool {
    let in_body = call
        .json()
        .ok()
        .and_then(|body| body["allOrNone"].as_bool());
    in_body.unwrap_or_else(|| call.flag("allOrNone"))
}

fn records(call: &Call) -> Result<Vec<Value>, OrgError> {
    let body = call.json()?;
    let records = body["records"].as_array().cloned().ok_or_else(|| {
        OrgError::new(
            "JSON_PARSER_ERROR",
            "The request must contain the property records",
        )
    })?;
    check_size(records.len(), WRITES)?;
    Ok(records)
}

fn check_size(size: usize, most: usize) -> Result<(), OrgError> {
    if size <= most {
        return Ok(());
    }
    let why =
        format!("record limit reached. cannot submit more than {most} records into this call");
    Err(OrgError::new("EXCEEDED_ID_LIMIT", why))
}

fn check_chunks(records: &[Value]) -> Result<(), OrgError> {
    let mut chunks = 0;
    let mut before = None;
    for record in records {
        let kind = Some(kind(record)?);
        chunks += usize::from(kind != before);
        before = kind;
    }
    if chunks <= CHUNKS {
        return Ok(());
    }
    let why = "Cannot have more than 10 chunks in a single operation. Please rearrange the data \
               to reduce chunking.";
    Err(OrgError::new("LIMIT_EXCEEDED", why))
}

fn kind(record: &Value) -> Result<&str, OrgError> {
    record["attributes"]["type"].as_str().ok_or_else(|| {
        OrgError::new(
            "INVALID_TYPE",
            "The record does not name its type in attributes",
        )
    })
}

/// Tries every record. A record that cannot even be read fails the request, as does one record
/// with `allOrNone`.
fn settle<R>(
    org: &mut Org,
    records: &[R],
    all_or_none: bool,
    mut attempt: impl FnMut(&mut Org, &R) -> Outcome,
) -> Result<Answer, OrgError> {
    let savepoint = org.savepoint();
    let mut outcomes = Vec::with_capacity(records.len());
    for record in records {
        let outcome = attempt(org, record);
        if let Err(error) = &outcome
            && error.is_malformed_request()
            && !org.unknown_field_fails_record_only
        {
            org.roll_back(savepoint);
            return Err(error.clone());
        }
        outcomes.push(outcome);
    }
    if all_or_none && outcomes.iter().any(Result::is_err) {
        org.roll_back(savepoint);
        for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_ok()) {
            let why = "Record rolled back because not all records were valid and the request was \
                       using AllOrNone header";
            *outcome = Err(OrgError::new("ALL_OR_NONE_OPERATION_ROLLED_BACK", why));
        }
    }
    let show = |outcome: Outcome| {
        outcome
            .unwrap_or_else(|error| json!({ "success": false, "errors": [error.record_entry()] }))
    };
    Ok(Answer::json(200, outcomes.into_iter().map(show).collect()))
}

/// Takes a field out of a record, in any spelling of its name.
fn take(record: &Value, field: &str) -> Result<(Values, Option<Value>), OrgError> {
    let mut rest = values(record)?.clone();
    let name = rest
        .keys()
        .find(|name| name.eq_ignore_ascii_case(field))
        .cloned();
    let value = name.and_then(|name| rest.remove(&name));
    Ok((rest, value))
}

fn update(org: &mut Org, record: &Value, caller: &Caller) -> Outcome {
    let (body, id) = take(record, "Id")?;
    let id = id.as_ref().and_then(Value::as_str).ok_or_else(|| {
        OrgError::new("MISSING_ARGUMENT", "Id not specified in an update call").on("Id")
    })?;
    org.update(kind(record)?, id, &body, caller)?;
    Ok(json!({ "id": widen(id), "success": true, "errors": [] }))
}

fn upsert_all(
    org: &mut Org,
    call: &Call,
    object: &str,
    field: &str,
    caller: &Caller,
) -> Result<Answer, OrgError> {
    let object = org.object(object)?.name.clone();
    org.find_by(&object, field, &json!("000000000000000AAA"), caller)?;
    let records = records(call)?;
    let mut given: BTreeMap<String, usize> = BTreeMap::new();
    for record in &records {
        if let (_, Some(value)) = take(record, field)? {
            *given.entry(value.to_string()).or_insert(0) += 1;
        }
    }
    settle(org, &records, all_or_none(call), |org, record| {
        let named = kind(record)?;
        if !named.eq_ignore_ascii_case(&object) {
            let why = format!("record type {named} does not match the request's type {object}");
            return Err(OrgError::new("INVALID_TYPE", why));
        }
        let (body, value) = take(record, field)?;
        let value = value.unwrap_or(Value::Null);
        if given
            .get(&value.to_string())
            .is_some_and(|count| *count > 1)
        {
            let shown = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            let why = format!("Duplicate external id specified: {shown}");
            return Err(OrgError::new("DUPLICATE_VALUE", why).on(field));
        }
        match org.upsert(&object, field, &value, &body, false, caller) {
            Ok(done) => Ok(json!({
                "id": done.id, "success": true, "errors": [], "created": done.is_created,
            })),
            Err(Unsettled::Refused(error)) => Err(error),
            Err(Unsettled::Ambiguous(ids)) => {
                let why = format!(
                    "{field}: more than one record found for external id field: [{}]",
                    ids.join(", ")
                );
                Err(OrgError::new("DUPLICATE_EXTERNAL_ID", why).on(field))
            }
        }
    })
}

fn delete_all(org: &mut Org, call: &Call, caller: &Caller) -> Result<Answer, OrgError> {
    let ids = call.parameter("ids").unwrap_or_default();
    let ids: Vec<&str> = ids.split(',').filter(|id| !id.is_empty()).collect();
    if ids.is_empty() {
        return Err(OrgError::new(
            "MISSING_ARGUMENT",
            "The ids parameter is required",
        ));
    }
    check_size(ids.len(), WRITES)?;
    settle(org, &ids, call.flag("allOrNone"), |org, id| {
        let object = org
            .objects()
            .find(|object| id.starts_with(object.key_prefix))
            .map(|object| object.name.clone());
        let object = object
            .ok_or_else(|| OrgError::new("MALFORMED_ID", format!("malformed id {id}")).on("Id"))?;
        org.delete(&object, id, caller)?;
        Ok(json!({ "id": widen(id), "success": true, "errors": [] }))
    })
}

fn retrieve(
    org: &Org,
    call: &Call,
    version: &str,
    object: &str,
    caller: &Caller,
) -> Result<Answer, OrgError> {
    let object = org.object(object)?;
    let listed = |name: &str| -> Vec<String> {
        if call.method == "GET" {
            let text = call.parameter(name).unwrap_or_default();
            return text.split(',').map(|part| part.trim().to_owned()).collect();
        }
        let array = call
            .json()
            .ok()
            .and_then(|body| body[name].as_array().cloned());
        let texts = array.unwrap_or_default();
        texts
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    if call.method == "POST" {
        call.json()?;
    }
    let ids = listed("ids");
    check_size(ids.len(), READS)?;
    let paths = listed("fields")
        .iter()
        .map(|field| org.resolve(object, field, &caller.user_id))
        .collect::<Result<Vec<_>, _>>()?;
    if ids.is_empty() || paths.is_empty() {
        let why = "The request must contain the properties ids and fields";
        return Err(OrgError::new("JSON_PARSER_ERROR", why));
    }
    let show = |id: &String| {
        let row = widen(id).and_then(|id| org.row(&object.name, &id));
        let row = row.filter(|row| !row.is_deleted());
        row.map_or(Value::Null, |row| org.render(object, row, &paths, version))
    };
    Ok(Answer::json(200, ids.iter().map(show).collect()))
}
