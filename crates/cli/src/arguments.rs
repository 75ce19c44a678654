//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use sync_core::ids::{BusinessUnit, CrmId, ProspectId};

/// Operates a deployed prospect-sync stack through its admin function.
#[derive(Debug, Parser)]
#[command(
    name = "prospect-sync",
    version,
    after_help = "Exit codes: 0 done; 1 refused, or the configuration has errors; 2 wrong usage; \
                  3 the stack cannot be reached; 4 (status) something needs attention.\n\
                  Region and credentials come from the environment; AWS_ENDPOINT_URL leads to a local stack."
)]
pub(crate) struct Arguments {
    /// Name of the CloudFormation stack.
    #[arg(long, env = "PROSPECT_SYNC_STACK", default_value = "prospect-sync", global = true)]
    pub stack: String,
    /// Business unit (0Uv…); needed when the deployment has several.
    #[arg(long, env = "PROSPECT_SYNC_BUSINESS_UNIT", global = true)]
    pub business_unit: Option<BusinessUnit>,
    /// Print the reply as JSON, for machines.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What an operator does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// How the connectors, cursors, queues and errors are.
    Status,
    /// Hold automatic prospect sync; manual syncs go on.
    Pause,
    /// Start or resume; held pairs are caught up.
    Activate,
    /// Look for changes now instead of waiting for the schedule.
    Poll,
    /// Sync one prospect now; works while paused.
    Sync {
        /// The prospect's id.
        prospect: ProspectId,
    },
    /// Send one lead or contact to Account Engagement now; works while paused.
    Send {
        /// The record's id, 15 or 18 characters.
        record: CrmId,
    },
    /// List open errors, the oldest first.
    Errors {
        /// Also list closed ones.
        #[arg(long)]
        closed: bool,
    },
    /// List links between prospects and records.
    Links {
        /// Only links in this state: linked, pending, skipped, held.
        #[arg(long)]
        state: Option<String>,
        /// Only the link of this CRM ID or prospect id.
        #[arg(long)]
        record: Option<String>,
        /// Explain the last decision, with values.
        #[arg(long)]
        explain: bool,
        /// Continue a listing.
        #[arg(long)]
        next: Option<String>,
    },
    /// Check or apply a configuration.
    Config {
        /// What to do with it.
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

/// What is done with a configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Name every mistake; asks both services for their fields.
    Check {
        /// The YAML file.
        file: PathBuf,
        /// Do not ask the deployed stack.
        #[arg(long)]
        offline: bool,
    },
    /// Store as a new immutable version and put it in force.
    Apply {
        /// The YAML file.
        file: PathBuf,
    },
}
