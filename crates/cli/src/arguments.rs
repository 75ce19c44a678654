//! The command line. Ids are checked here, before anything is called.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};
use sync_core::ids::{BusinessUnit, CrmId, IdError, ProspectId};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  refused, or the configuration has errors
  2  wrong usage, or a file that cannot be read
  3  the stack cannot be reached
  4  status only: something needs attention (login refused, no calls left, open errors,
     a dead-letter queue that is not empty, a poll older than 10 minutes)

Region and credentials come from the environment or the profile, as with the AWS CLI;
AWS_ENDPOINT_URL leads to a local stack. Behind single sign-on, first run
  eval \"$(aws configure export-credentials --format env)\"";

/// Operates a deployed prospect-sync stack through its admin function.
#[derive(Debug, Parser)]
#[command(name = "prospect-sync", version, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// Name of the CloudFormation stack
    #[arg(
        long,
        env = "PROSPECT_SYNC_STACK",
        hide_env_values = true,
        default_value = "prospect-sync",
        value_name = "NAME",
        global = true
    )]
    pub(crate) stack: String,
    /// Name or ARN of the admin function, instead of <stack>-admin
    #[arg(
        long,
        env = "PROSPECT_SYNC_FUNCTION",
        hide_env_values = true,
        value_name = "NAME",
        global = true
    )]
    pub(crate) function: Option<String>,
    /// Business unit (0Uv...); needed when the deployment has several
    #[arg(
        long,
        env = "PROSPECT_SYNC_BUSINESS_UNIT",
        hide_env_values = true,
        value_name = "ID",
        global = true
    )]
    pub(crate) business_unit: Option<BusinessUnit>,
    /// Print the reply as JSON, for machines
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What an operator does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show connectors, cursors, links, queues, and what needs attention
    Status,
    /// Hold automatic prospect sync; manual syncs go on
    Pause,
    /// Start or resume; held pairs are caught up
    Activate,
    /// Look for changes now instead of waiting for the schedule (invokes <stack>-poller)
    Poll,
    /// Sync one prospect now; works while paused
    Sync {
        /// The prospect's id
        #[arg(value_name = "PROSPECT-ID")]
        prospect: ProspectId,
    },
    /// Send one lead or contact to Account Engagement now; works while paused
    Send {
        /// The record's id, 15 or 18 characters
        #[arg(value_name = "LEAD-OR-CONTACT-ID")]
        record: CrmId,
    },
    /// List open errors, the oldest first
    Errors {
        /// Also list closed ones
        #[arg(long)]
        closed: bool,
    },
    /// List links between prospects and records
    Links {
        /// Only links in this state
        #[arg(
            long,
            value_parser = PossibleValuesParser::new(["linked", "pending", "skipped", "held"])
        )]
        state: Option<String>,
        /// Only the link of this lead, contact or prospect
        #[arg(long, value_name = "ID", value_parser = record_id)]
        record: Option<String>,
        /// Explain the last decision: rule, both values, base and winner of each field
        #[arg(long)]
        explain: bool,
        /// Continue a listing after this page
        #[arg(long, value_name = "TOKEN")]
        next: Option<String>,
    },
    /// Create the connector's own fields in Account Engagement, and name those Salesforce lacks
    Setup {
        /// The YAML file; the configuration in force when left out
        file: Option<PathBuf>,
    },
    /// Check or apply a configuration
    Config {
        /// What to do with it.
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

/// What is done with a configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Name every mistake; the stack asks both services for their fields
    Check {
        /// The YAML file
        file: PathBuf,
        /// Check what can be checked without a stack
        #[arg(long)]
        offline: bool,
    },
    /// Store as a new immutable version and put it in force
    Apply {
        /// The YAML file
        file: PathBuf,
    },
}

/// A prospect id or a CRM ID, in the form in which the stack knows it.
///
/// An id of 15 digits is both by its characters; its key prefix decides.
fn record_id(text: &str) -> Result<String, IdError> {
    let is_number = text.chars().all(|c| c.is_ascii_digit());
    let is_crm_id = matches!(text.len(), 15 | 18) && text.starts_with("003");
    if is_number && !is_crm_id {
        text.parse::<ProspectId>().map(|id| id.to_string())
    } else {
        text.parse::<CrmId>().map(|id| id.to_string())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_contact_id_of_digits_is_no_prospect_id() {
        assert_eq!(record_id("123").unwrap(), "123");
        assert_eq!(record_id("003500000000001").unwrap(), "003500000000001AAA");
        assert_eq!(record_id("0035000000Gv7qJ").unwrap(), "0035000000Gv7qJAAR");
        assert_eq!(record_id("0"), Err(IdError::Prospect));
    }
}
