//! `worker`: works on change batches of both lanes; answers for each message alone.

use aws::boot::{Function, Started, start};
use aws::messages::{deliveries, receipts, response};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use connector::events::emit;
use connector::work::work;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use tracing::Instrument;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let started = start(Function::Worker)
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
    let deadline = Timestamp::from_millisecond(i64::try_from(event.context.deadline)?)?;
    let receipts = receipts(&event.payload);
    let deliveries = deliveries(event.payload)?;
    let span = tracing::info_span!("work", run);
    let working = work(&started.environment, deliveries, run, deadline);
    let (failed, reports) = working.instrument(span).await;
    let now = started.environment.clock.now();
    for report in &reports {
        emit(report, &started.stage, run, now);
    }
    if let Some(put_back) = &started.put_back {
        let waits = reports.iter().filter_map(|report| {
            let unit = report.business_unit.clone()?;
            Some((unit, report.quota_wait?))
        });
        put_back
            .put_back(&failed, &receipts, &waits.collect())
            .await;
    }
    Ok(response(failed))
}
