//! `reconciler`: compares both sides of every pair once a day and puts what drifted on the bulk lane.

use aws::boot::{Function, Started, start};
use connector::events::{Event, emit};
use connector::reconcile::{ReconcileRun, reconcile_all};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;
use tracing::Instrument;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let started = start(Function::Reconciler)
        .await
        .map_err(|error| error.to_string())?;
    run(service_fn(|event: LambdaEvent<Value>| {
        reconcile(&started, event)
    }))
    .await
}

/// Answers with one report per connector; the schedule ignores it.
async fn reconcile(started: &Started, event: LambdaEvent<Value>) -> Result<Vec<Value>, Error> {
    let run = event.context.request_id.as_str();
    let deadline = Timestamp::from_millisecond(i64::try_from(event.context.deadline)?)?;
    let span = tracing::info_span!("reconcile", run);
    let comparing = reconcile_all(&started.environment, run, deadline);
    let reports = comparing.instrument(span).await;
    let now = started.environment.clock.now();
    for report in &reports {
        emit(report, &started.stage, run, now);
    }
    emit(&ReconcileRun(&reports), &started.stage, run, now);
    Ok(reports
        .iter()
        .map(|report| Value::Object(report.details()))
        .collect())
}
