//! Calls to the deployed functions, with the operator's own credentials.

use aws_config::BehaviorVersion;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_lambda::primitives::Blob;
use serde_json::Value;
use sync_core::protocol::{AdminReply, AdminRequest};

use crate::arguments::Arguments;

/// The stack did not answer, or not with an answer.
#[derive(Debug)]
pub(crate) struct InvokeError(String);

impl std::fmt::Display for InvokeError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for InvokeError {}

/// A deployed stack.
pub(crate) struct Stack {
    client: Client,
    name: String,
}

impl Stack {
    /// The stack that the arguments name.
    pub(crate) async fn open(arguments: &Arguments) -> Self {
        let sdk = aws_config::load_defaults(BehaviorVersion::latest()).await;
        Self { client: Client::new(&sdk), name: arguments.stack.clone() }
    }

    /// Sends a request to the admin function.
    pub(crate) async fn ask(&self, request: &AdminRequest) -> anyhow::Result<AdminReply> {
        let answer = self.invoke("admin", serde_json::to_value(request)?).await?;
        Ok(serde_json::from_value(answer)?)
    }

    /// Runs the poller once and returns its reports.
    pub(crate) async fn poll(&self) -> anyhow::Result<Value> {
        self.invoke("poller", Value::Object(serde_json::Map::new())).await
    }

    async fn invoke(&self, function: &str, payload: Value) -> anyhow::Result<Value> {
        let name = format!("{}-{function}", self.name);
        let request = self.client.invoke().function_name(&name).payload(Blob::new(payload.to_string()));
        let answer = request.send().await.map_err(|error| {
            let why = match error.code() {
                Some("ResourceNotFoundException") => {
                    "there is no such function; check --stack and the region".to_owned()
                }
                Some(code) => code.to_owned(),
                None => format!("{}", DisplayErrorContext(&error)),
            };
            InvokeError(format!("{name} cannot be invoked: {why}"))
        })?;
        let body = answer.payload.map(Blob::into_inner).unwrap_or_default();
        let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        if answer.function_error.is_some() {
            let message = body.get("errorMessage").and_then(Value::as_str).unwrap_or("no message");
            return Err(InvokeError(format!("{name} failed: {message}; see its log")).into());
        }
        Ok(body)
    }
}

/// Who asks, as this machine tells it.
pub(crate) fn actor() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("USERNAME"));
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "this machine".to_owned());
    format!("{} at {host}", user.unwrap_or_else(|_| "somebody".to_owned()))
}
