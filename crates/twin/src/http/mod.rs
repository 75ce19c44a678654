//! The HTTP half: axum in front of the engines. One port serves both vendors and the control.

pub mod control;
pub mod engagement;
pub mod faults;
pub mod oauth;
pub mod salesforce;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;

use crate::org::stamps;
use crate::world::World;

/// Everything the twin serves.
pub fn router(world: Arc<World>) -> Router {
    Router::new()
        .merge(salesforce::router(world.clone()))
        .merge(engagement::router(world.clone()))
        .merge(control::router(world.clone()))
        .layer(from_fn_with_state(world, date))
}

/// Dates every reply by the clock of the world.
async fn date(State(world): State<Arc<World>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::from_str(&stamps::show_http(world.clock.now())) {
        response.headers_mut().insert(header::DATE, value);
    }
    response
}
