//! `dlq-drain`: turns messages that could not be worked on into open error rows.

use aws::boot::{Function, Started, start};
use aws::messages::{deliveries, response};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use connector::dlq::drain;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use tracing::Instrument;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let started = start(Function::DlqDrain)
        .await
        .map_err(|error| error.to_string())?;
    run(service_fn(|event: LambdaEvent<SqsEvent>| {
        handle(&started, event)
    }))
    .await
}

async fn handle(
    started: &Started,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, Error> {
    let run = event.context.request_id.as_str();
    let deliveries = deliveries(event.payload)?;
    let span = tracing::info_span!("drain", run);
    let kept = drain(&started.environment, deliveries, run)
        .instrument(span)
        .await;
    Ok(response(kept))
}
