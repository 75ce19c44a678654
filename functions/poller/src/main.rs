//! `poller`: asks both sides what changed and puts change batches on the bulk lane.

use aws::boot::{Function, Started, start};
use connector::events::{Event, emit};
use connector::poll::{PollRun, poll_all};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;
use tracing::Instrument;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let started = start(Function::Poller)
        .await
        .map_err(|error| error.to_string())?;
    run(service_fn(|event: LambdaEvent<Value>| {
        poll(&started, event)
    }))
    .await
}

/// Answers with one report per connector; the schedule ignores it, `prospect-sync poll` prints it.
async fn poll(started: &Started, event: LambdaEvent<Value>) -> Result<Vec<Value>, Error> {
    let run = event.context.request_id.as_str();
    let span = tracing::info_span!("poll", run);
    let reports = poll_all(&started.environment, run).instrument(span).await;
    let now = started.environment.clock.now();
    for report in &reports {
        emit(report, &started.stage, run, now);
    }
    emit(&PollRun(&reports), &started.stage, run, now);
    Ok(reports
        .iter()
        .map(|report| Value::Object(report.details()))
        .collect())
}
