//! The targets: what is read, and what holds whatever the input.

mod coercion;
mod configuration;
mod engagement;
mod ids;
mod instants;
mod queue;
mod records;
mod salesforce;
mod soql;
mod storage;
mod stored_link;

use std::str::FromStr;

/// One reader of foreign bytes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The name of its test and of its folder in the corpus.
    pub name: &'static str,
    /// Panics when an input breaks a promise.
    pub check: fn(&[u8]),
}

const fn target(name: &'static str, check: fn(&[u8])) -> Target {
    Target { name, check }
}

/// All targets.
pub const TARGETS: &[Target] = &[
    target("salesforce_query_page", salesforce::query_page),
    target("salesforce_collection", salesforce::collection),
    target("salesforce_composite", salesforce::composite),
    target("salesforce_error", salesforce::error),
    target("salesforce_describe", salesforce::describe),
    target("salesforce_token", salesforce::token),
    target("engagement_page", engagement::page),
    target("engagement_prospect", engagement::prospect),
    target("engagement_objects", engagement::objects),
    target("engagement_error", engagement::error),
    target("allowance_headers", engagement::allowance_headers),
    target("sqs_body", queue::body),
    target("sqs_event", queue::event),
    target("config_yaml", configuration::yaml),
    target("admin_request", configuration::admin_request),
    target("soql", soql::query),
    target("soql_lists", soql::lists),
    target("instants", instants::instants),
    target("ids", ids::ids),
    target("coercion", coercion::coercion),
    target("stored_row", storage::row),
    target("stored_link", stored_link::link),
];

/// The first line of an input and what is behind it.
fn head_and_body(input: &[u8]) -> (String, &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n');
    let end = end.unwrap_or(input.len());
    let head = String::from_utf8_lossy(&input[..end]).into_owned();
    (head, input.get(end + 1..).unwrap_or_default())
}

/// The word of a line with this number, read.
fn word<T: FromStr>(line: &str, number: usize) -> Option<T> {
    line.split_whitespace().nth(number)?.parse().ok()
}
