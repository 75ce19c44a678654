//! Several requests in one call, each with a verdict of its own (apis A9).

use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::interpret;
use crate::client::{Call, Client, data_path};
use crate::error::Error;
use crate::settings::host_of;

/// How many queries or collections one composite call may hold (apis A9, MEM).
pub(crate) const HEAVY_REQUESTS_PER_CALL: usize = 5;

impl Client {
    /// Sends subrequests in one call: one answer each, in the same order. The others go ahead when
    /// one fails, so a failure belongs to its own subrequest and says nothing about the rest.
    ///
    /// # Errors
    /// When the call as a whole fails.
    pub(crate) async fn composite(
        &self,
        kind: &'static str,
        mut requests: Vec<Value>,
    ) -> Result<Vec<Result<Value, Error>>, Error> {
        for (index, request) in requests.iter_mut().enumerate() {
            request["referenceId"] = json!(reference(index));
        }
        let expected = requests.len();
        let body = json!({ "allOrNone": false, "compositeRequest": requests });
        let call = Call::send(kind, Method::POST, data_path("composite"), &body);
        let answer = self.call(&call).await?;
        read_answers(kind, &host_of(&self.settings.login_url), expected, answer)
    }
}

fn reference(index: usize) -> String {
    format!("r{index}")
}

pub(crate) fn read_answers(
    kind: &'static str,
    host: &str,
    expected: usize,
    mut answer: Value,
) -> Result<Vec<Result<Value, Error>>, Error> {
    let protocol = |problem: &str| Error::Protocol {
        call: kind,
        problem: problem.to_owned(),
    };
    let Some(Value::Array(parts)) = answer.get_mut("compositeResponse").map(Value::take) else {
        return Err(protocol("a composite answer has `compositeResponse`"));
    };
    if parts.len() != expected {
        return Err(protocol("a composite answer has one part per subrequest"));
    }
    let mut answers = Vec::with_capacity(expected);
    for (index, mut part) in parts.into_iter().enumerate() {
        if part.get("referenceId").and_then(Value::as_str) != Some(reference(index).as_str()) {
            return Err(protocol(
                "a composite answer is in the order of its subrequests",
            ));
        }
        let status = part.get("httpStatusCode").and_then(Value::as_u64);
        let status = status.and_then(|status| u16::try_from(status).ok());
        let status = status.ok_or_else(|| protocol("a part of a composite answer has a status"))?;
        let body = part.get_mut("body").map(Value::take);
        answers.push(interpret(
            kind,
            host,
            status,
            Some(body.unwrap_or_default()),
        ));
    }
    Ok(answers)
}
