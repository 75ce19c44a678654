//! Which operation a request asks for.

use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::{batch, collections, composite, graph, queries, rows};
use crate::org::{Caller, Org, OrgError, stamps};

/// The versions served.
const VERSIONS: std::ops::RangeInclusive<u32> = 50..=67;

/// The list of versions, which needs no token.
#[must_use]
pub fn versions() -> Value {
    let entry = |number: u32| {
        let season = ["Winter", "Spring", "Summer"][usize::try_from(number % 3).unwrap_or(0)];
        let year = (number + 11) / 3;
        json!({
            "label": format!("{season} '{year}"), "url": format!("/services/data/v{number}.0"),
            "version": format!("{number}.0"),
        })
    };
    VERSIONS.map(entry).collect()
}

/// The key a request is counted under, such as `salesforce GET sobjects/Lead/{id}`.
#[must_use]
pub fn key(call: &Call) -> String {
    let segments: Vec<&str> = call.segments.iter().skip(1).map(String::as_str).collect();
    let pattern = match segments[..] {
        ["query" | "queryAll", _] => format!("{}/{{page}}", segments[0]),
        [
            "sobjects",
            object,
            verb @ ("describe" | "updated" | "deleted"),
        ] => {
            format!("sobjects/{object}/{verb}")
        }
        ["sobjects", object, _] => format!("sobjects/{object}/{{id}}"),
        ["sobjects", object, field, _] => format!("sobjects/{object}/{field}/{{value}}"),
        [] => "data".to_owned(),
        _ => segments.join("/"),
    };
    format!("salesforce {} {pattern}", call.method)
}

/// Runs a request.
pub fn run(org: &mut Org, call: &Call, base: &Caller) -> Answer {
    let caller = call.caller(base);
    let version = call
        .segments
        .first()
        .map(String::as_str)
        .unwrap_or_default();
    let number = version
        .strip_prefix('v')
        .and_then(|text| text.strip_suffix(".0"));
    if !number
        .and_then(|text| text.parse().ok())
        .is_some_and(|held| VERSIONS.contains(&held))
    {
        return OrgError::not_found().into();
    }
    let segments: Vec<&str> = call.segments.iter().skip(1).map(String::as_str).collect();
    let answer = match (call.method.as_str(), &segments[..]) {
        ("GET", []) => Ok(Answer::json(200, resources(version))),
        ("GET", ["query"]) => queries::query(org, call, version, false, &caller),
        ("GET", ["queryAll"]) => queries::query(org, call, version, true, &caller),
        ("GET", ["query" | "queryAll", locator]) => queries::page(org, version, locator, &caller),
        ("GET", ["limits"]) => Ok(Answer::json(200, limits(org))),
        ("GET", ["sobjects"]) => Ok(Answer::json(200, org.describe_all(version))),
        ("GET", ["sobjects", object]) => org
            .describe_short(object, version)
            .map(|body| Answer::json(200, body)),
        ("POST", ["sobjects", object]) => rows::create(org, call, object, &caller),
        ("GET", ["sobjects", object, "describe"]) => org
            .describe(object, version, &caller.user_id)
            .map(|body| Answer::json(200, body)),
        ("GET", ["sobjects", object, "updated"]) => span(call)
            .and_then(|span| org.updated(object, span, &caller))
            .map(|body| Answer::json(200, body)),
        ("GET", ["sobjects", object, "deleted"]) => span(call)
            .and_then(|span| org.deleted(object, span, &caller))
            .map(|body| Answer::json(200, body)),
        (_, ["sobjects", object, id]) => rows::row(org, call, version, (object, id), &caller),
        (_, ["sobjects", object, field, value]) => {
            rows::by_field(org, call, version, (object, field, value), &caller)
        }
        ("POST", ["composite"]) => composite::run_all(org, call, base),
        ("POST", ["composite", "batch"]) => batch::run_all(org, call, base),
        ("POST", ["composite", "graph"]) => graph::run_all(org, call, base),
        (_, ["composite", "sobjects", further @ ..]) => {
            collections::run(org, call, version, further, &caller)
        }
        _ => Err(OrgError::not_found()),
    };
    answer.unwrap_or_else(Answer::from)
}

/// The refusal of a verb.
#[must_use]
pub fn method_not_allowed(call: &Call) -> OrgError {
    let why = format!("HTTP Method '{}' not allowed.", call.method);
    OrgError::with_status(405, "METHOD_NOT_ALLOWED", why)
}

fn span(call: &Call) -> Result<(jiff::Timestamp, jiff::Timestamp), OrgError> {
    let read = |name: &str| {
        // A `+` that was not escaped arrives as a blank.
        let text = call.parameter(name).unwrap_or_default().replace(' ', "+");
        stamps::read(&text).ok_or_else(|| {
            OrgError::new(
                "INVALID_REPLICATION_DATE",
                format!("{name}: invalid date {text}"),
            )
        })
    };
    Ok((read("start")?, read("end")?))
}

fn resources(version: &str) -> Value {
    let base = format!("/services/data/{version}");
    json!({
        "query": format!("{base}/query"), "queryAll": format!("{base}/queryAll"),
        "sobjects": format!("{base}/sobjects"), "composite": format!("{base}/composite"),
        "limits": format!("{base}/limits"),
    })
}

fn limits(org: &Org) -> Value {
    let pair = |max: u64, used: u64| json!({ "Max": max, "Remaining": max.saturating_sub(used) });
    json!({
        "DailyApiRequests": pair(org.limits.max, org.limits.used),
        "DailyBulkApiBatches": pair(15_000, 0), "DailyBulkV2QueryJobs": pair(10_000, 0),
        "DailyDurableStreamingApiEvents": pair(10_000, 0),
        "HourlyPublishedPlatformEvents": pair(50_000, 0), "DataStorageMB": pair(5, 0),
    })
}
