//! Batch: up to 25 requests that know nothing of each other.

use serde_json::{Value, json};

use super::call::{Answer, Body, Call};
use super::route;
use crate::org::{Caller, Org, OrgError};

/// The most subrequests.
const MOST: usize = 25;

/// `POST /composite/batch`.
///
/// # Errors
/// A request that is malformed as a whole or has too many parts.
pub fn run_all(org: &mut Org, call: &Call, base: &Caller) -> Result<Answer, OrgError> {
    let body = call.json()?;
    let requests = body["batchRequests"].as_array().ok_or_else(|| {
        OrgError::new(
            "JSON_PARSER_ERROR",
            "The request must contain the property batchRequests",
        )
    })?;
    if requests.len() > MOST {
        let why = format!("The maximum number of subrequests is {MOST}");
        return Err(OrgError::new("LIMIT_EXCEEDED", why));
    }
    let halts = body["haltOnError"].as_bool().unwrap_or(false);
    let mut results = Vec::with_capacity(requests.len());
    let mut has_errors = false;
    for request in requests {
        let answer = if halts && has_errors {
            let why = "The batch was halted by an earlier error";
            OrgError::with_status(412, "BATCH_PROCESSING_HALTED", why).into()
        } else {
            run_one(org, call, request, base)
        };
        has_errors |= !answer.is_success();
        results.push(json!({ "statusCode": answer.status, "result": answer.body }));
    }
    Ok(Answer::json(
        200,
        json!({ "hasErrors": has_errors, "results": results }),
    ))
}

fn run_one(org: &mut Org, outer: &Call, request: &Value, base: &Caller) -> Answer {
    if let Err(error) = org.limits.charge() {
        return error.into();
    }
    let method = request["method"].as_str().unwrap_or("GET").to_uppercase();
    let url = request["url"]
        .as_str()
        .unwrap_or_default()
        .trim_start_matches('/');
    let target = if url.starts_with("services/data/") {
        format!("/{url}")
    } else {
        format!("/services/data/{url}")
    };
    let body = request
        .get("richInput")
        .map_or(Body::Empty, |body| Body::Json(body.clone()));
    let call = Call::new(&method, &target, outer.headers.clone(), body);
    if call.segments.get(1).is_some_and(|held| held == "composite") {
        let why = format!("The subrequest {target} is not supported");
        return OrgError::new("INVALID_INPUT", why).into();
    }
    route::run(org, &call, base)
}
