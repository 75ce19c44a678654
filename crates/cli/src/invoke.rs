//! Calls to the deployed functions, with the operator's own credentials.

use std::env;
use std::error::Error;
use std::process::Command;

use aws_config::BehaviorVersion;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_lambda::primitives::Blob;
use serde_json::Value;

use crate::arguments::Arguments;

/// The stack did not answer, or not with an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{function} {problem}")]
pub(crate) struct InvokeError {
    /// The function that was meant.
    pub(crate) function: String,
    /// What happened and what to look at.
    pub(crate) problem: String,
}

/// The functions of a stack that an operator invokes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    /// Answers requests.
    Admin,
    /// Looks for changes.
    Poller,
}

/// The seam between the commands and AWS: sessions run without a stack.
pub(crate) trait Functions {
    /// Runs a function and returns what it answers.
    async fn invoke(&self, function: Function, payload: &Value) -> Result<Value, InvokeError>;
}

/// A deployed stack. Nothing is read or called before the first invocation.
#[derive(Debug)]
pub(crate) struct Stack {
    name: String,
    admin: Option<String>,
}

impl Stack {
    /// The stack that the arguments name.
    pub(crate) fn new(arguments: &Arguments) -> Self {
        Self {
            name: arguments.stack.clone(),
            admin: arguments.function.clone(),
        }
    }

    fn function_name(&self, function: Function) -> String {
        match function {
            Function::Admin => self
                .admin
                .clone()
                .unwrap_or_else(|| format!("{}-admin", self.name)),
            Function::Poller => format!("{}-poller", self.name),
        }
    }
}

impl Functions for Stack {
    async fn invoke(&self, function: Function, payload: &Value) -> Result<Value, InvokeError> {
        let name = self.function_name(function);
        let failed = |problem: String| InvokeError {
            function: name.clone(),
            problem,
        };
        let sdk = aws_config::load_defaults(BehaviorVersion::latest()).await;
        if sdk.region().is_none() {
            let problem = "cannot be invoked: no region; set AWS_REGION or the profile's region";
            return Err(failed(problem.to_owned()));
        }
        let request = Client::new(&sdk)
            .invoke()
            .function_name(&name)
            .payload(Blob::new(payload.to_string()));
        let answer = request
            .send()
            .await
            .map_err(|error| failed(format!("cannot be invoked: {}", why(&error))))?;
        let body = answer.payload.map(Blob::into_inner).unwrap_or_default();
        let value: Value = serde_json::from_slice(&body)
            .map_err(|error| failed(format!("answered something that is not JSON: {error}")))?;
        if answer.function_error.is_some() {
            let message = value.get("errorMessage").and_then(Value::as_str);
            let message = message.unwrap_or("it gave no message");
            return Err(failed(format!("failed: {message}; see its log")));
        }
        Ok(value)
    }
}

fn why<E>(error: &E) -> String
where
    E: ProvideErrorMetadata + Error,
{
    match error.code() {
        Some("ResourceNotFoundException") => {
            "there is no such function; check --stack, the region and the account".to_owned()
        }
        Some(code) => match error.message() {
            Some(message) => format!("{code}: {message}"),
            None => code.to_owned(),
        },
        None => causes(error),
    }
}

/// The error and everything behind it in one line, for those of the SDK that say little themselves.
fn causes(error: &dyn Error) -> String {
    let mut said = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(inner) = cause {
        said.push(inner.to_string());
        cause = inner.source();
    }
    said.dedup();
    said.join(": ").replace('\n', " ")
}

/// Who asks. The audit trail says where this comes from: IAM knows who really called.
pub(crate) fn actor() -> String {
    let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let user = set("USER").or_else(|| set("USERNAME"));
    let host = set("HOSTNAME")
        .or_else(|| set("COMPUTERNAME"))
        .or_else(host_name);
    format!(
        "{}@{} (as told by the operator's machine)",
        user.as_deref().unwrap_or("unknown user"),
        host.as_deref().unwrap_or("unknown host")
    )
}

fn host_name() -> Option<String> {
    let answer = Command::new("hostname").output().ok()?;
    let name = String::from_utf8(answer.stdout).ok()?.trim().to_owned();
    (!name.is_empty()).then_some(name)
}
