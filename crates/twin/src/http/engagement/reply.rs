//! Answers and refusals as HTTP responses, with the vendor's headers.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::operations::Answer;
use crate::bu::ApiError;

/// A response of the API: JSON, or nothing at all with 204.
fn respond(status: StatusCode, body: Option<&Value>) -> Response<Body> {
    let bytes = body.map_or_else(Body::empty, |value| Body::from(value.to_string()));
    let mut response = Response::new(bytes);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if body.is_some() {
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
    }
    headers.insert(header::SERVER, HeaderValue::from_static("PardotServer"));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-store, must-revalidate"),
    );
    headers.insert("x-pardot-route", HeaderValue::from_static("7e1a5a5b"));
    response
}

/// A refusal.
pub fn refuse(error: &ApiError) -> Response<Body> {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
    respond(
        status,
        Some(&json!({ "code": error.code, "message": error.message })),
    )
}

/// An error page of the edge in front of the API.
pub fn html(status: u16) -> Response<Body> {
    let page = "<html><head><title>Service Unavailable</title></head><body></body></html>";
    let mut response = Response::new(Body::from(page));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}

/// A connection that breaks before the answer is complete: it promises more than it sends.
pub fn cut() -> Response<Body> {
    let of_unknown_length = Body::from_stream(Body::from("{").into_data_stream());
    let mut response = Response::new(of_unknown_length);
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from_static("1000"));
    response
}

/// An answer; `base` is scheme and host as the caller addressed them.
pub fn answer(answer: Answer, base: &str) -> Response<Body> {
    match answer {
        Answer::Page(object, fields, page) => {
            let url = page.next_page_token.as_ref().map(|token| {
                let path = object.path();
                let fields = fields.replace(' ', "");
                format!("{base}/api/v5/objects/{path}?fields={fields}&nextPageToken={token}")
            });
            let body = json!({
                "nextPageToken": page.next_page_token,
                "nextPageUrl": url,
                "values": page.values,
            });
            let response = respond(StatusCode::OK, Some(&body));
            let warning = "203;Maximum number of records for this query reached";
            warned(response, page.is_cut_at_chain_limit.then_some(warning))
        }
        Answer::Single(value, is_deleted) => {
            let response = respond(StatusCode::OK, Some(&value));
            warned(response, is_deleted.then_some("201;Record In Recycle Bin"))
        }
        Answer::Created(object, id, value) => {
            let mut response = respond(StatusCode::CREATED, Some(&value));
            let location = format!("{base}/api/v5/objects/{}/{id}", object.path());
            if let Ok(location) = HeaderValue::from_str(&location) {
                response.headers_mut().insert(header::LOCATION, location);
            }
            response
        }
        Answer::Written(Some(value)) => respond(StatusCode::OK, Some(&value)),
        Answer::Written(None) => respond(StatusCode::NO_CONTENT, None),
    }
}

fn warned(mut response: Response<Body>, warning: Option<&'static str>) -> Response<Body> {
    if let Some(text) = warning {
        response
            .headers_mut()
            .insert("pardot-warning", HeaderValue::from_static(text));
    }
    response
}
