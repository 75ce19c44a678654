//! API v5 of Account Engagement over HTTP: `/api/v5/`, in front of the business units.

mod guard;
mod operations;
mod reply;
mod route;
mod seams;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Response};
use axum::routing::any;

use crate::bu::ApiError;
use crate::http::faults::Asked;
pub use guard::invalid_token;
use guard::{Passage, authorise, bearer, business_unit, header_text, lock};
use operations::{Answer, Call};
use route::Route;
pub use seams::{Planned, Shell};

/// The largest body taken.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// Everything under `/api/v5/`.
pub fn router(shell: Arc<dyn Shell>) -> Router {
    Router::new()
        .route("/api/v5/{*rest}", any(serve))
        .with_state(shell)
}

async fn serve(State(shell): State<Arc<dyn Shell>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let route = Route::parse(path.trim_start_matches("/api/v5/"));
    count(shell.as_ref(), &parts, route.as_ref().ok());
    let passage = match admit(&shell, &parts.headers) {
        Ok(passage) => passage,
        Err(error) => return reply::refuse(&error),
    };
    let writes = parts.method != Method::GET;
    let asked = Asked {
        target: &format!("{} {path}", parts.method),
        writes,
    };
    let planned = shell.take_fault(asked, bearer(&parts.headers).unwrap_or_default());
    match &planned {
        Planned::Nothing | Planned::CutAfterCommit => {}
        Planned::Delay(duration) => tokio::time::sleep(*duration).await,
        Planned::Refuse(error) => return reply::refuse(error),
        Planned::Html(status) => return reply::html(*status),
        Planned::CutBefore => return reply::cut(),
    }
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return reply::refuse(&ApiError::body("it cannot be read"));
    };
    let answered = route.and_then(|route| {
        let call = Call {
            method: parts.method.clone(),
            route,
            parameters: parameters(&parts)?,
            body: body.to_vec(),
        };
        run(shell.as_ref(), passage.unit_id(), &call)
    });
    if planned == Planned::CutAfterCommit {
        if writes && answered.is_ok() {
            shell.note_cut_after_commit();
        }
        return reply::cut();
    }
    let mut response = match answered {
        Ok(answer) => reply::answer(answer, &base(&parts.headers)),
        Err(error) => reply::refuse(&error),
    };
    if header_text(&parts.headers, "x-return-api-usage") == Some("1") {
        add_usage(shell.as_ref(), passage.unit_id(), &mut response);
    }
    response
}

/// Token, business unit, then a place among the calls in flight.
fn admit(shell: &Arc<dyn Shell>, headers: &HeaderMap) -> Result<Passage, ApiError> {
    authorise(shell.as_ref(), headers)?;
    let unit_id = business_unit(shell.as_ref(), headers)?;
    Passage::enter(Arc::clone(shell), unit_id)
}

/// Charges the quota and runs the call under the lock.
fn run(shell: &dyn Shell, unit_id: &str, call: &Call) -> Result<Answer, ApiError> {
    let now = shell.now();
    let org_users = shell.org_users();
    let mut units = lock(shell.units());
    let unit = units.get_mut(unit_id).ok_or_else(guard::unknown_unit)?;
    unit.link_users(&org_users);
    unit.quota.charge(now)?;
    call.run(unit, now)
}

fn count(shell: &dyn Shell, parts: &Parts, route: Option<&Route>) {
    let key = route.map_or_else(
        || format!("engagement {} unknown", parts.method),
        |route| route.key(&parts.method),
    );
    *lock(shell.calls()).entry(key).or_insert(0) += 1;
}

fn parameters(parts: &Parts) -> Result<Vec<(String, String)>, ApiError> {
    Query::try_from_uri(&parts.uri)
        .map(|Query(parameters)| parameters)
        .map_err(|_| ApiError::new(400, 151, "Invalid query string"))
}

/// Scheme and host as the caller addressed them.
fn base(headers: &HeaderMap) -> String {
    format!(
        "http://{}",
        header_text(headers, "host").unwrap_or("pi.pardot.com")
    )
}

fn add_usage(shell: &dyn Shell, unit_id: &str, response: &mut Response<Body>) {
    let units = lock(shell.units());
    let usage = units
        .get(unit_id)
        .map(|unit| format!("{}/{}", unit.quota.used, unit.quota.limit));
    if let Some(value) = usage.and_then(|text| HeaderValue::from_str(&text).ok()) {
        response.headers_mut().insert("x-api-usage", value);
    }
}
