//! Start-up of every function: logs, settings, clients. The only place that reads the environment.

use std::sync::Arc;

use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use connector::Environment;
use connector::ports::{Clock, Queue, SendFailure, ServiceError, Services, Sides, StoreError};
use jiff::Timestamp;
use sync_core::coerce::Service;
use sync_core::config::Config;
use sync_core::error::ErrorClass;
use sync_core::hint::{ChangeBatch, Lane};
use sync_core::protocol::QueueDepth;
use tracing_subscriber::EnvFilter;

use crate::dynamodb::{DynamoErrors, DynamoLinks, DynamoState};
use crate::put_back::PutBack;
use crate::queue::{QueueUrls, SqsQueue};
use crate::services::ConnectedServices;
use crate::settings::{SettingsError, Variables};

/// The functions; each may touch what its role allows and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// Finds changes.
    Poller,
    /// Finds what drifted.
    Reconciler,
    /// Works on them.
    Worker,
    /// Turns dead messages into error rows.
    DlqDrain,
    /// Serves the operator.
    Admin,
}

/// A started function.
pub struct Started {
    /// What its use case may touch.
    pub environment: Environment,
    /// The stage, a dimension of every metric.
    pub stage: String,
    /// Puts unfinished messages back; of the worker only.
    pub put_back: Option<PutBack>,
}

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// What a function was not given.
struct NotGiven;

#[async_trait::async_trait]
impl Services for NotGiven {
    async fn open(&self, _: &Config) -> Result<Sides, ServiceError> {
        Err(ServiceError {
            service: Service::Salesforce,
            class: ErrorClass::Config,
            code: "NOT_GIVEN".to_owned(),
            message: "this function has no access to the services".to_owned(),
        })
    }
}

#[async_trait::async_trait]
impl Queue for NotGiven {
    async fn send(&self, _: Lane, batches: Vec<(String, ChangeBatch)>) -> Result<(), SendFailure> {
        let sent = batches.len();
        let why = "this function may not send to its lanes".to_owned();
        if sent == 0 {
            Ok(())
        } else {
            Err(SendFailure {
                refused: sent,
                sent,
                why,
            })
        }
    }

    async fn depths(&self) -> Result<Vec<QueueDepth>, StoreError> {
        Err(StoreError::Unavailable(
            "this function cannot see the queues".to_owned(),
        ))
    }
}

/// Sends logs to stdout as JSON, one object a line.
fn start_logs() {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_target(false)
        .with_env_filter(EnvFilter::from_default_env())
        .init();
}

/// Builds everything a function needs, once per process. Refuses to start when something is missing.
///
/// # Errors
/// [`SettingsError`] names the variable.
pub async fn start(function: Function) -> Result<Started, SettingsError> {
    start_logs();
    let read = |name: &str| std::env::var(name).ok();
    let variables = Variables(&read);
    let sdk = aws_config::defaults(BehaviorVersion::latest())
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .load()
        .await;
    let tables = aws_sdk_dynamodb::Client::new(&sdk);
    let state_table = match function {
        Function::DlqDrain => String::new(),
        Function::Poller | Function::Reconciler | Function::Worker | Function::Admin => {
            variables.text("CONNECTOR_TABLE")?
        }
    };
    let business_units = match function {
        Function::DlqDrain => Vec::new(),
        Function::Poller | Function::Reconciler | Function::Worker | Function::Admin => {
            variables.business_units()?
        }
    };
    let services: Arc<dyn Services> = match function {
        Function::DlqDrain => Arc::new(NotGiven),
        Function::Poller | Function::Reconciler | Function::Worker | Function::Admin => {
            let secrets = aws_sdk_secretsmanager::Client::new(&sdk);
            Arc::new(ConnectedServices::new(variables.services()?, secrets))
        }
    };
    let sqs = |urls: QueueUrls| Arc::new(SqsQueue::new(aws_sdk_sqs::Client::new(&sdk), urls));
    let queue: Arc<dyn Queue> = match function {
        Function::Worker | Function::DlqDrain => Arc::new(NotGiven),
        Function::Poller | Function::Reconciler => sqs(variables.lanes()?),
        Function::Admin => sqs(variables.queues()?),
    };
    let put_back = match function {
        Function::Worker => {
            let client = aws_sdk_sqs::Client::new(&sdk);
            Some(PutBack::new(client, variables.lanes()?))
        }
        Function::Poller | Function::Reconciler | Function::DlqDrain | Function::Admin => None,
    };
    let errors = DynamoErrors::new(tables.clone(), variables.text("ERRORS_TABLE")?);
    let links_table = variables.text("LINKS_TABLE")?;
    let environment = Environment {
        services,
        links: Arc::new(DynamoLinks::new(
            tables.clone(),
            links_table,
            errors.clone(),
        )),
        errors: Arc::new(errors),
        state: Arc::new(DynamoState::new(tables, state_table)),
        queue,
        clock: Arc::new(SystemClock),
        business_units,
    };
    Ok(Started {
        environment,
        stage: variables.text("STAGE")?,
        put_back,
    })
}
