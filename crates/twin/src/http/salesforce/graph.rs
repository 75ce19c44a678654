//! Graphs: composites that each happen as a whole or not at all.

use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::composite::{Part, parts, run_parts};
use crate::org::{Caller, Org, OrgError};

/// The most graphs.
const MOST: usize = 75;
/// The most subrequests of all graphs together.
const MOST_NODES: usize = 500;
/// After so many failed graphs the rest is not tried.
const MOST_FAILED: usize = 14;

/// `POST /composite/graph`.
///
/// # Errors
/// A request that is malformed as a whole or has too many graphs or parts.
pub fn run_all(org: &mut Org, call: &Call, base: &Caller) -> Result<Answer, OrgError> {
    let body = call.json()?;
    let list = body["graphs"].as_array().ok_or_else(|| {
        OrgError::new(
            "JSON_PARSER_ERROR",
            "The request must contain the property graphs",
        )
    })?;
    let graphs = list
        .iter()
        .map(|graph| Ok((graph["graphId"].clone(), parts(graph)?)))
        .collect::<Result<Vec<(Value, Vec<Part>)>, OrgError>>()?;
    let nodes: usize = graphs.iter().map(|(_, parts)| parts.len()).sum();
    if graphs.len() > MOST || nodes > MOST_NODES {
        let why = format!("The limits are {MOST} graphs and {MOST_NODES} nodes");
        return Err(OrgError::new("LIMIT_EXCEEDED", why));
    }
    let mut failed = 0;
    let mut shown = Vec::with_capacity(graphs.len());
    for (graph_id, parts) in &graphs {
        let (answers, is_successful) = if failed >= MOST_FAILED {
            (parts.iter().map(halted).collect(), false)
        } else {
            run_parts(org, parts, true, base)
        };
        failed += usize::from(!is_successful);
        shown.push(json!({
            "graphId": graph_id, "graphResponse": { "compositeResponse": answers },
            "isSuccessful": is_successful,
        }));
    }
    Ok(Answer::json(200, json!({ "graphs": shown })))
}

fn halted(part: &Part) -> Value {
    let why = "Processing of this graph was halted because too many graphs failed";
    let error = OrgError::new("PROCESSING_HALTED", why);
    json!({
        "body": [error.entry()], "httpHeaders": {}, "httpStatusCode": 400,
        "referenceId": part.reference_id,
    })
}
