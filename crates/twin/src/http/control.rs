//! Control over the world while it runs: `/control/`, JSON in and out, for tests and demos only.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::faults::Plan;
use crate::bu::{self, BusinessUnit};
use crate::config::UNIT;
use crate::org::users::ADMIN;
use crate::org::{Caller, Org, OrgError, OrgSettings};
use crate::seed;
use crate::world::{World, lock};

/// A control request that was refused.
struct Refused(String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, Json(json!({ "error": self.0 }))).into_response()
    }
}

impl<E: std::error::Error> From<E> for Refused {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            text = format!("{text}: {inner}");
            source = inner.source();
        }
        Self(text)
    }
}

type Reply = Result<Json<Value>, Refused>;
type Shared = State<Arc<World>>;

/// Everything under `/control/`.
pub fn router(world: Arc<World>) -> Router {
    Router::new()
        .route(
            "/control/health",
            get(async || Json(json!({ "status": "ok" }))),
        )
        .route("/control/clock", get(read_clock).post(move_clock))
        .route(
            "/control/faults",
            get(list_faults).post(plan_faults).delete(forget_faults),
        )
        .route("/control/calls", get(read_calls).delete(forget_calls))
        .route("/control/tokens", delete(expire_tokens))
        .route("/control/dump", get(dump))
        .route("/control/seed/salesforce", post(seed_salesforce))
        .route("/control/seed/prospects", post(seed_prospects))
        .route("/control/org/edit", post(edit))
        .route("/control/org/rules", post(rules))
        .route("/control/units/{id}", post(configure_unit))
        .route("/control/units/{id}/edit", post(edit_unit))
        .with_state(world)
}

async fn read_clock(State(world): Shared) -> Reply {
    Ok(Json(json!({ "now": world.clock.now().to_string() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: i64,
}

async fn move_clock(State(world): Shared, Json(by): Json<Advance>) -> Reply {
    world
        .clock
        .advance(SignedDuration::from_secs(by.advance_seconds));
    read_clock(State(world)).await
}

async fn list_faults(State(world): Shared) -> Reply {
    Ok(Json(json!(*lock(&world.faults))))
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Plans {
    Several(Vec<Plan>),
    One(Plan),
}

async fn plan_faults(State(world): Shared, Json(plans): Json<Plans>) -> Reply {
    let plans = match plans {
        Plans::Several(plans) => plans,
        Plans::One(plan) => vec![plan],
    };
    for plan in plans {
        lock(&world.faults).add(plan);
    }
    list_faults(State(world)).await
}

async fn forget_faults(State(world): Shared) -> Reply {
    lock(&world.faults).clear();
    list_faults(State(world)).await
}

async fn read_calls(State(world): Shared) -> Reply {
    Ok(Json(json!(*lock(&world.calls))))
}

async fn forget_calls(State(world): Shared) -> Reply {
    lock(&world.calls).clear();
    Ok(Json(json!({})))
}

async fn expire_tokens(State(world): Shared) -> Reply {
    lock(&world.tokens).expire_all();
    Ok(Json(json!({})))
}

async fn dump(State(world): Shared) -> Reply {
    let now = world.clock.now();
    let org = {
        let mut org = lock(&world.org);
        org.settle(now);
        org.dump()
    };
    let units: Map<String, Value> = lock(&world.units)
        .iter()
        .map(|(id, unit)| (id.clone(), unit.dump()))
        .collect();
    Ok(Json(
        json!({ "now": now.to_string(), "org": org, "units": units }),
    ))
}

async fn seed_salesforce(State(world): Shared, Json(body): Json<Value>) -> Reply {
    let now = world.clock.now();
    let count = seed::salesforce(&mut lock(&world.org), &body, now)?;
    Ok(Json(json!({ "created": count })))
}

#[derive(Deserialize)]
struct Unit {
    business_unit: Option<String>,
}

async fn seed_prospects(State(world): Shared, Query(unit): Query<Unit>, csv: String) -> Reply {
    let now = world.clock.now();
    let id = unit.business_unit.unwrap_or_else(|| UNIT.to_owned());
    let org_users = lock(&world.org).user_names();
    let count = with_unit(&world, id, |unit| {
        unit.link_users(&org_users);
        bu::seed_csv(unit, &csv, now)
    })?;
    Ok(Json(json!({ "created": count })))
}

/// Works on a business unit, which is made when it is new.
fn with_unit<T>(world: &World, id: String, act: impl FnOnce(&mut BusinessUnit) -> T) -> T {
    let mut units = lock(&world.units);
    act(units
        .entry(id.clone())
        .or_insert_with(|| BusinessUnit::new(id)))
}

/// What a person does to a row.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    object: String,
    id: Option<String>,
    #[serde(default)]
    fields: Map<String, Value>,
    user: Option<String>,
    #[serde(default)]
    delete: bool,
    #[serde(default)]
    undelete: bool,
    #[serde(default)]
    convert: bool,
    merge_into: Option<String>,
    visible_after_seconds: Option<i64>,
    #[serde(default)]
    run_assignment_rules: bool,
}

async fn edit(State(world): Shared, Json(edit): Json<Edit>) -> Reply {
    let now = world.clock.now();
    let mut org = lock(&world.org);
    org.begin(now);
    let username = edit.user.as_deref().unwrap_or(ADMIN);
    let user = org.user_id(username);
    let user = user.ok_or_else(|| Refused(format!("no user is called `{username}`")))?;
    let caller = Caller {
        auto_assign: edit.run_assignment_rules,
        allow_save: true,
        visible_after: edit.visible_after_seconds,
        ..Caller::new(user, now)
    };
    let savepoint = org.savepoint();
    let done = apply(&mut org, &edit, &caller);
    if done.is_err() {
        org.roll_back(savepoint);
    }
    Ok(Json(json!({ "id": done? })))
}

fn apply(org: &mut Org, edit: &Edit, caller: &Caller) -> Result<String, OrgError> {
    let object = &edit.object;
    let Some(id) = &edit.id else {
        return org.create(object, &edit.fields, caller);
    };
    if edit.undelete {
        org.undelete(object, id, caller)?;
    }
    if !edit.fields.is_empty() {
        org.update(object, id, &edit.fields, caller)?;
    }
    if edit.convert {
        return org.convert_lead(id, caller);
    }
    if let Some(winner) = &edit.merge_into {
        org.merge(object, id, winner, caller)?;
    } else if edit.delete {
        org.delete(object, id, caller)?;
    }
    Ok(id.clone())
}

async fn rules(State(world): Shared, Json(settings): Json<OrgSettings>) -> Reply {
    let now = world.clock.now();
    lock(&world.org).configure(settings, now)?;
    Ok(Json(json!({})))
}

async fn configure_unit(
    State(world): Shared,
    Path(id): Path<String>,
    Json(settings): Json<Value>,
) -> Reply {
    with_unit(&world, id, |unit| unit.configure(settings)).map_err(Refused)?;
    Ok(Json(json!({})))
}

async fn edit_unit(State(world): Shared, Path(id): Path<String>, Json(edit): Json<Value>) -> Reply {
    let now = world.clock.now();
    let org_users = lock(&world.org).user_names();
    let done = with_unit(&world, id, |unit| {
        unit.link_users(&org_users);
        unit.human_edit(edit, now)
    });
    Ok(Json(done.map_err(Refused)?))
}
