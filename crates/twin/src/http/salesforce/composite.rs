//! Composite: up to 25 requests in one call, later ones may refer to earlier ones.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::call::{Answer, Body, Call};
use super::references::{fill, fill_text};
use super::route;
use crate::org::{Caller, Org, OrgError};

/// The most subrequests.
const MOST: usize = 25;
/// The most queries and collections among them.
const MOST_HEAVY: usize = 5;

/// A subrequest as it came.
#[derive(Debug, Clone)]
pub struct Part {
    method: String,
    url: String,
    /// The name others refer to it by.
    pub reference_id: String,
    body: Option<Value>,
    headers: BTreeMap<String, String>,
}

/// Reads the subrequests of a body.
///
/// # Errors
/// `JSON_PARSER_ERROR` when something is missing or a name is used twice.
pub fn parts(body: &Value) -> Result<Vec<Part>, OrgError> {
    let missing = |name: &str| {
        OrgError::new(
            "JSON_PARSER_ERROR",
            format!("The request must contain the property {name}"),
        )
    };
    let list = body["compositeRequest"]
        .as_array()
        .ok_or_else(|| missing("compositeRequest"))?;
    let mut parts: Vec<Part> = Vec::with_capacity(list.len());
    for entry in list {
        let text = |name: &str| {
            entry[name]
                .as_str()
                .map(str::to_owned)
                .ok_or_else(|| missing(name))
        };
        let headers = entry["httpHeaders"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        let headers = headers.into_iter().filter_map(|(name, value)| {
            Some((name.to_ascii_lowercase(), value.as_str()?.to_owned()))
        });
        let part = Part {
            method: text("method")?.to_uppercase(),
            url: text("url")?,
            reference_id: text("referenceId")?,
            body: entry.get("body").cloned(),
            headers: headers.collect(),
        };
        if parts
            .iter()
            .any(|held| held.reference_id == part.reference_id)
        {
            let why = format!("Duplicate reference id: {}", part.reference_id);
            return Err(OrgError::new("INVALID_INPUT", why));
        }
        parts.push(part);
    }
    Ok(parts)
}

/// `POST /composite`.
///
/// # Errors
/// A request that is malformed as a whole or has too many parts.
pub fn run_all(org: &mut Org, call: &Call, base: &Caller) -> Result<Answer, OrgError> {
    let body = call.json()?;
    let parts = parts(body)?;
    let is_heavy = |part: &&Part| {
        ["/query", "/composite/"]
            .iter()
            .any(|held| part.url.contains(held))
    };
    if parts.len() > MOST || parts.iter().filter(is_heavy).count() > MOST_HEAVY {
        let why = format!(
            "The maximum number of subrequests is {MOST}, of which {MOST_HEAVY} may be queries \
             or collections"
        );
        return Err(OrgError::new("LIMIT_EXCEEDED", why));
    }
    let all_or_none = body["allOrNone"].as_bool().unwrap_or(false);
    let (answers, _) = run_parts(org, &parts, all_or_none, base);
    Ok(Answer::json(200, json!({ "compositeResponse": answers })))
}

/// Runs subrequests in order and answers whether all succeeded. When all or none shall happen, a
/// failure takes the others back.
pub fn run_parts(
    org: &mut Org,
    parts: &[Part],
    all_or_none: bool,
    base: &Caller,
) -> (Vec<Value>, bool) {
    let savepoint = org.savepoint();
    let mut bodies: BTreeMap<String, Value> = BTreeMap::new();
    let mut answers: Vec<(&Part, Answer)> = Vec::with_capacity(parts.len());
    for part in parts {
        let answer = run_part(org, part, &bodies, base);
        let is_success = answer.is_success();
        if is_success {
            let body = answer.body.clone().unwrap_or(Value::Null);
            bodies.insert(part.reference_id.clone(), body);
        }
        answers.push((part, answer));
        if all_or_none && !is_success {
            break;
        }
    }
    let failed = answers.iter().position(|(_, answer)| !answer.is_success());
    let shown = |part: &Part, answer: &Answer| {
        let headers: BTreeMap<_, _> = answer.headers.iter().cloned().collect();
        json!({
            "body": answer.body, "httpHeaders": headers, "httpStatusCode": answer.status,
            "referenceId": part.reference_id,
        })
    };
    let Some(culprit) = failed.filter(|_| all_or_none) else {
        let shown = answers
            .iter()
            .map(|(part, answer)| shown(part, answer))
            .collect();
        return (shown, failed.is_none());
    };
    org.roll_back(savepoint);
    let halted = Answer::from(OrgError::new(
        "PROCESSING_HALTED",
        "The transaction was rolled back since another operation in the same transaction failed.",
    ));
    let pick = |at: usize| {
        if at == culprit {
            &answers[at].1
        } else {
            &halted
        }
    };
    (
        parts
            .iter()
            .enumerate()
            .map(|(at, part)| shown(part, pick(at)))
            .collect(),
        false,
    )
}

fn run_part(org: &mut Org, part: &Part, bodies: &BTreeMap<String, Value>, base: &Caller) -> Answer {
    let url = match fill_text(&part.url, bodies) {
        Ok(url) => url,
        Err(error) => return error.into(),
    };
    let body = match part
        .body
        .as_ref()
        .map(|body| fill(body, bodies))
        .transpose()
    {
        Ok(body) => body.map_or(Body::Empty, Body::Json),
        Err(error) => return error.into(),
    };
    let call = Call::new(&part.method, &url, part.headers.clone(), body);
    let further = call.segments.get(1..3).unwrap_or_default();
    let is_nested = further.first().is_some_and(|held| held == "composite")
        && further.get(1).is_none_or(|held| held != "sobjects");
    if is_nested || !url.starts_with("/services/data/") {
        let why = format!("The subrequest {url} is not supported");
        return OrgError::new("INVALID_INPUT", why).into();
    }
    route::run(org, &call, base)
}
