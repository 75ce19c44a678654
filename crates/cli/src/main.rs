#![doc = include_str!("../README.md")]

mod age;
mod arguments;
mod commands;
mod configuration;
mod explain;
mod invoke;
#[cfg(test)]
mod sessions;
mod table;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use jiff::Timestamp;

use arguments::Arguments;
use invoke::{InvokeError, Stack};

/// What the process ends with; documented in `--help`. Wrong usage, 2, is clap's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Fine = 0,
    /// The stack refused, or the configuration has errors.
    Refused = 1,
    /// The command makes no sense: a file that cannot be read.
    Usage = 2,
    /// The stack cannot be reached.
    Unreachable = 3,
    /// Done, and somebody should look: `status` only.
    NeedsAttention = 4,
}

/// Why there is nothing to print.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The operator has to call the command differently.
    #[error("{0}")]
    Usage(String),
    /// The stack did not answer.
    #[error(transparent)]
    Unreachable(#[from] InvokeError),
}

impl Failure {
    fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Unreachable(_) => Exit::Unreachable,
        }
    }
}

/// Who asks, and when.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    /// For the audit trail.
    pub(crate) actor: String,
    /// What ages are counted from.
    pub(crate) now: Timestamp,
}

/// What a command prints and ends with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// For standard output.
    pub(crate) text: String,
    /// For the shell.
    pub(crate) exit: Exit,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let operator = Operator {
        actor: invoke::actor(),
        now: Timestamp::now(),
    };
    let exit = match commands::run(&arguments, &Stack::new(&arguments), &operator).await {
        Ok(answer) => {
            // A reader that has seen enough (`| head`) is no failure of the command.
            let _ = writeln!(std::io::stdout(), "{}", answer.text.trim_end());
            answer.exit
        }
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "prospect-sync: {failure}");
            failure.exit()
        }
    };
    ExitCode::from(exit as u8)
}
