//! One command: what it asks, what it prints, what it ends with.

mod config;
mod connector;
mod errors;
mod links;
mod setup;
mod status;

use serde_json::{Value, json};
use sync_core::protocol::{AdminCommand, AdminReply, AdminRequest};

use crate::arguments::{Arguments, Command, ConfigCommand};
use crate::explain;
use crate::invoke::{Function, Functions, InvokeError};
use crate::{Answer, Exit, Failure, Operator};
use config::Prepared;

/// Carries a command out.
pub(crate) async fn run(
    arguments: &Arguments,
    functions: &impl Functions,
    operator: &Operator,
) -> Result<Answer, Failure> {
    let command = match &arguments.command {
        Command::Poll => {
            let payload = json!({});
            let reports = functions.invoke(Function::Poller, &payload).await?;
            return Ok(show(arguments, &reports, || connector::poll(&reports)));
        }
        Command::Config { command } => match config::prepare(command)? {
            Prepared::Ask(asked) => asked,
            Prepared::Known(reply) => return Ok(known(&reply, arguments, operator)),
        },
        Command::Setup { file } => match setup::prepare(file.as_deref())? {
            Prepared::Ask(asked) => asked,
            Prepared::Known(reply) => return Ok(known(&reply, arguments, operator)),
        },
        Command::Status => AdminCommand::Status,
        Command::Pause => AdminCommand::Pause,
        Command::Activate => AdminCommand::Activate,
        Command::Sync { prospect } => AdminCommand::Sync {
            prospect: *prospect,
        },
        Command::Send { record } => AdminCommand::Send {
            record: record.clone(),
        },
        Command::Errors { closed } => AdminCommand::Errors { closed: *closed },
        Command::Links {
            state,
            record,
            next,
            explain: _,
        } => AdminCommand::Links {
            state: state.clone(),
            record: record.clone(),
            next: next.clone(),
        },
    };
    let request = AdminRequest {
        business_unit: arguments.business_unit.clone(),
        actor: operator.actor.clone(),
        command,
    };
    let answer = functions.invoke(Function::Admin, &json!(&request)).await?;
    let reply: AdminReply =
        serde_json::from_value(answer.clone()).map_err(|error| InvokeError {
            function: "the admin function".to_owned(),
            problem: format!(
                "answered something that prospect-sync {} does not understand ({error}); use the \
             version that was deployed",
                env!("CARGO_PKG_VERSION")
            ),
        })?;
    Ok(show(arguments, &answer, || {
        answered(&reply, arguments, operator)
    }))
}

/// An answer for which no stack was asked.
fn known(reply: &AdminReply, arguments: &Arguments, operator: &Operator) -> Answer {
    show(arguments, &json!(reply), || {
        answered(reply, arguments, operator)
    })
}

/// The text for people, or the reply as it came.
fn show(arguments: &Arguments, answer: &Value, text: impl FnOnce() -> Answer) -> Answer {
    let read = text();
    if arguments.json {
        Answer {
            text: answer.to_string(),
            exit: read.exit,
        }
    } else {
        read
    }
}

fn answered(reply: &AdminReply, arguments: &Arguments, operator: &Operator) -> Answer {
    let is_explained = matches!(arguments.command, Command::Links { explain: true, .. });
    let fine = |text: String| Answer {
        text,
        exit: Exit::Fine,
    };
    match reply {
        AdminReply::Status(report) => status::show(report, operator.now),
        AdminReply::Connector { row, caught_up } => fine(connector::changed(row, *caught_up)),
        AdminReply::Queued { run, what } => fine(format!("queued: {what} (run {run})")),
        AdminReply::Errors { rows, more } => fine(errors::list(rows, *more, operator.now)),
        AdminReply::Links { rows, next } if is_explained => fine(format!(
            "{}\n{}",
            explain::links(rows),
            links::more(next.as_deref())
        )),
        AdminReply::Links { rows, next } => fine(links::list(rows, next.as_deref())),
        AdminReply::SetUp { fields, findings } => setup::show(fields, findings),
        AdminReply::Findings { findings } => config::findings(findings, is_apply(arguments)),
        AdminReply::Applied { version, findings } => config::applied(*version, findings),
        AdminReply::Refused { message } => Answer {
            text: format!("refused: {message}"),
            exit: Exit::Refused,
        },
    }
}

fn is_apply(arguments: &Arguments) -> bool {
    matches!(
        arguments.command,
        Command::Config {
            command: ConfigCommand::Apply { .. }
        }
    )
}
