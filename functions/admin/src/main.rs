//! `admin`: carries out the operator's requests; reached by an IAM-authorised invoke only.

use aws::boot::{Function, Started, start};
use connector::admin::handle;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use sync_core::protocol::{AdminReply, AdminRequest};
use tracing::Instrument;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let started = start(Function::Admin)
        .await
        .map_err(|error| error.to_string())?;
    run(service_fn(|event: LambdaEvent<AdminRequest>| {
        serve(&started, event)
    }))
    .await
}

async fn serve(started: &Started, event: LambdaEvent<AdminRequest>) -> Result<AdminReply, Error> {
    let run = event.context.request_id.as_str();
    let span = tracing::info_span!("admin", run);
    Ok(handle(&started.environment, event.payload, run)
        .instrument(span)
        .await)
}
