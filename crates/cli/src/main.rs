//! `prospect-sync`: what an operator does with a deployed stack, through its admin function.

mod arguments;
mod configuration;
mod explain;
mod invoke;
mod render;
mod table;

use std::process::ExitCode;

use clap::Parser;
use serde_json::Value;
use sync_core::protocol::{AdminCommand, AdminReply, AdminRequest};

use arguments::{Arguments, Command, ConfigCommand};
use invoke::{InvokeError, Stack};

/// What the process ends with; documented in `--help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Fine = 0,
    /// The stack refused, or the configuration has errors.
    Refused = 1,
    /// The stack cannot be reached.
    Unreachable = 3,
    /// Done, and somebody should look: `status` only.
    NeedsAttention = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("prospect-sync: {error:#}");
            let is_unreachable = error.downcast_ref::<InvokeError>().is_some();
            if is_unreachable { Exit::Unreachable } else { Exit::Refused }.into()
        }
    }
}

async fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    if let Command::Poll = arguments.command {
        let reports = Stack::open(arguments).await.poll().await?;
        print(arguments, &reports, || render::poll(&reports));
        return Ok(Exit::Fine);
    }
    if let Command::Config { command: ConfigCommand::Check { file, offline: true } } =
        &arguments.command
    {
        let config = configuration::read(file)?;
        return Ok(show(arguments, &configuration::check_offline(&config)));
    }
    let request = AdminRequest {
        business_unit: arguments.business_unit.clone(),
        actor: invoke::actor(),
        command: admin_command(&arguments.command)?,
    };
    let reply = Stack::open(arguments).await.ask(&request).await?;
    Ok(show(arguments, &reply))
}

fn admin_command(command: &Command) -> anyhow::Result<AdminCommand> {
    Ok(match command {
        Command::Status | Command::Poll => AdminCommand::Status,
        Command::Pause => AdminCommand::Pause,
        Command::Activate => AdminCommand::Activate,
        Command::Sync { prospect } => AdminCommand::Sync { prospect: *prospect },
        Command::Send { record } => AdminCommand::Send { record: record.clone() },
        Command::Errors { closed } => AdminCommand::Errors { closed: *closed },
        Command::Links { state, record, next, .. } => AdminCommand::Links {
            state: state.clone(),
            record: record.clone(),
            next: next.clone(),
        },
        Command::Config { command: ConfigCommand::Check { file, .. } } => {
            AdminCommand::ConfigCheck { config: Box::new(configuration::read(file)?) }
        }
        Command::Config { command: ConfigCommand::Apply { file } } => {
            AdminCommand::ConfigApply { config: Box::new(configuration::read(file)?) }
        }
    })
}

/// Prints the reply and says what it means for the exit code.
fn show(arguments: &Arguments, reply: &AdminReply) -> Exit {
    let explains = matches!(arguments.command, Command::Links { explain: true, .. });
    let json = serde_json::to_value(reply).unwrap_or(Value::Null);
    print(arguments, &json, || match reply {
        AdminReply::Links { rows, .. } if explains => explain::links(rows),
        _ => render::reply(reply),
    });
    render::exit(reply)
}

fn print(arguments: &Arguments, json: &Value, text: impl FnOnce() -> String) {
    if arguments.json {
        println!("{json}");
    } else {
        println!("{}", text().trim_end());
    }
}
