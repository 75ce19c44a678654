//! Salesforce over HTTP: everything under `/services/`, in front of the org.

pub mod batch;
pub mod call;
pub mod collections;
pub mod composite;
pub mod graph;
pub mod queries;
pub mod references;
pub mod route;
pub mod rows;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body as Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::routing::any;
use serde_json::{Value, json};

use super::faults::{Asked, Fault, Side};
use super::oauth;
use crate::org::{Caller, OrgError, limits};
use crate::world::{World, lock};
use call::{Answer, Body, Call};

/// The longest address and headers taken together, in bytes.
const HEAD_LIMIT: usize = 16_384;
/// The largest body taken.
const BODY_LIMIT: usize = 50 * 1024 * 1024;

/// Everything under `/services/`.
pub fn router(world: Arc<World>) -> Router {
    Router::new()
        .route("/services/{*rest}", any(serve))
        .with_state(world)
}

async fn serve(State(world): State<Arc<World>>, request: Request) -> Response<Bytes> {
    let (parts, body) = request.into_parts();
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str())
        .to_owned();
    let path = parts.uri.path().trim_end_matches('/').to_owned();
    let headers = texts(&parts.headers);
    let call = Call::new(parts.method.as_str(), &target, headers, Body::Empty);
    let is_login = path == "/services/oauth2/token";
    let key = if is_login {
        "salesforce POST token".to_owned()
    } else {
        route::key(&call)
    };
    world.count(key);
    let Ok(bytes) = to_bytes(body, BODY_LIMIT).await else {
        let why = "The request body cannot be read";
        return respond(&world, &OrgError::new("JSON_PARSER_ERROR", why).into());
    };
    let call = Call {
        body: json_body(&bytes),
        ..call
    };
    let asked = Asked {
        target: &format!("{} {path}", parts.method),
        writes: !is_login && call.writes(),
    };
    let fault = lock(&world.faults).take(Side::Salesforce, asked);
    if let Some(response) = instead(&world, fault.as_ref()).await {
        return response;
    }
    if let Some(status) = too_long(&target, &parts.headers) {
        return html(status);
    }
    let response = if is_login {
        login(&world, &bytes, &parts.headers)
    } else if path == "/services/data" {
        respond(&world, &Answer::json(200, route::versions()))
    } else {
        respond(&world, &run(&world, &call, fault.as_ref()))
    };
    if fault == Some(Fault::CutAfterCommit) {
        cut()
    } else {
        response
    }
}

/// What comes in place of the answer when a fault leaves the request undone.
async fn instead(world: &World, fault: Option<&Fault>) -> Option<Response<Bytes>> {
    let fault = fault?;
    let response = match fault {
        Fault::Status(status) => Some(html(*status)),
        Fault::CutBefore => Some(cut()),
        Fault::Delay { ms } => {
            tokio::time::sleep(Duration::from_millis(*ms)).await;
            None
        }
        _ => return None,
    };
    lock(&world.faults).strike(Side::Salesforce, fault, 1);
    response
}

/// The status of a request whose address or headers are too long (A2).
fn too_long(target: &str, headers: &HeaderMap) -> Option<u16> {
    let size: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    match target.len() {
        length if length > HEAD_LIMIT => Some(414),
        length if length + size > HEAD_LIMIT => Some(431),
        _ => None,
    }
}

/// Token, allowance, then the operation, under the lock of the org.
fn run(world: &World, call: &Call, fault: Option<&Fault>) -> Answer {
    let now = world.clock.now();
    let refused = |status, code, text: &str| OrgError::with_status(status, code, text).into();
    let bearer = call.header("authorization").and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        let is_known = ["bearer", "oauth"]
            .iter()
            .any(|held| scheme.eq_ignore_ascii_case(held));
        is_known.then(|| token.trim().to_owned())
    });
    let Some(token) = bearer else {
        return refused(401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE");
    };
    let session = lock(&world.tokens).admit(&token, now);
    let session = session.filter(|_| !ends_session(world, &token, fault));
    let Some(session) = session else {
        return refused(401, "INVALID_SESSION_ID", "Session expired or invalid");
    };
    let mut org = lock(&world.org);
    org.begin(now);
    let refusal = match fault {
        Some(Fault::DailyLimit) => Some(limits::exceeded().into()),
        Some(Fault::Concurrency) => {
            let why = "ConcurrentRequests Limit exceeded.";
            Some(refused(403, "REQUEST_LIMIT_EXCEEDED", why))
        }
        _ => None,
    };
    if let (Some(refusal), Some(fault)) = (refusal, fault) {
        lock(&world.faults).strike(Side::Salesforce, fault, 1);
        return refusal;
    }
    if let Err(error) = org.limits.charge() {
        return error.into();
    }
    let mut caller = Caller::new(session.user_id, now);
    if let Some(Fault::LockRow { every }) = fault {
        caller.lock_every = Some(*every);
    }
    let answer = route::run(&mut org, call, &caller);
    if let Some(fault) = fault {
        let harmed = match fault {
            Fault::LockRow { .. } => u64::from(org.planned_locks()),
            Fault::CutAfterCommit => u64::from(org.has_written()),
            _ => 0,
        };
        lock(&world.faults).strike(Side::Salesforce, fault, harmed);
    }
    answer
}

/// Whether a fault makes the session of this call invalid.
fn ends_session(world: &World, token: &str, fault: Option<&Fault>) -> bool {
    let Some(fault) = fault else { return false };
    let is_over = match fault {
        Fault::Unauthorised => true,
        Fault::SessionEnds { after } => lock(&world.tokens).end_used(token, *after),
        _ => false,
    };
    lock(&world.faults).strike(Side::Salesforce, fault, u64::from(is_over));
    is_over
}

fn login(world: &World, bytes: &[u8], headers: &HeaderMap) -> Response<Bytes> {
    let now = world.clock.now();
    let text = String::from_utf8_lossy(bytes);
    let form = Call::new("POST", &format!("?{text}"), BTreeMap::new(), Body::Empty);
    let form: BTreeMap<String, String> = form.parameters.into_iter().collect();
    let admitted = world.login.admit(&form, headers, &lock(&world.org), now);
    let answer = match admitted {
        Ok(session) => {
            let token = lock(&world.tokens).issue(session.clone());
            let host = headers
                .get(header::HOST)
                .and_then(|host| host.to_str().ok());
            let base = format!("http://{}", host.unwrap_or("127.0.0.1"));
            Answer::json(200, oauth::reply(&session, &token, &base, now))
        }
        Err(refusal) => Answer::json(
            refusal.status,
            json!({ "error": refusal.error, "error_description": refusal.description }),
        ),
    };
    build(&answer)
}

fn texts(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect()
}

fn json_body(bytes: &[u8]) -> Body {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Body::Empty;
    }
    serde_json::from_slice::<Value>(bytes).map_or(Body::Broken, Body::Json)
}

/// An answer of the REST API, with what is left of the allowance.
fn respond(world: &World, answer: &Answer) -> Response<Bytes> {
    let mut response = build(answer);
    let usage = lock(&world.org).limits.header();
    if let Ok(value) = HeaderValue::from_str(&usage) {
        response.headers_mut().insert("sforce-limit-info", value);
    }
    response
}

fn build(answer: &Answer) -> Response<Bytes> {
    let text = answer.body.as_ref().map(Value::to_string);
    let has_body = text.is_some();
    let mut response = Response::new(text.map_or_else(Bytes::empty, Bytes::from));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    if has_body {
        let json = HeaderValue::from_static("application/json;charset=UTF-8");
        headers.insert(header::CONTENT_TYPE, json);
    }
    for (name, value) in &answer.headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(*name, value);
        }
    }
    response
}

/// An error page of the edge in front of the API.
fn html(status: u16) -> Response<Bytes> {
    let page = "<html><head><title>Error</title></head><body></body></html>";
    let mut response = Response::new(Bytes::from(page));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let kind = HeaderValue::from_static("text/html;charset=UTF-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// A connection that breaks before the answer is complete: it promises more than it sends.
fn cut() -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_stream(Bytes::from("{").into_data_stream()));
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from_static("1000"));
    response
}
