//! `config check` and `config apply`: the file is read here, judged by the stack.

use std::fs;
use std::path::Path;

use sync_core::config::Config;
use sync_core::config::lint::{Deployment, Finding, Severity, lint};
use sync_core::protocol::{AdminCommand, AdminReply};

use crate::arguments::ConfigCommand;
use crate::configuration::parse;
use crate::table::table;
use crate::{Answer, Exit, Failure};

/// What is to be done about a configuration file.
pub(super) enum Prepared {
    /// Ask the stack this.
    Ask(AdminCommand),
    /// The answer is known without a stack.
    Known(AdminReply),
}

/// Reads the file. One that is no configuration is answered with a finding, like any other mistake.
pub(super) fn prepare(command: &ConfigCommand) -> Result<Prepared, Failure> {
    let (ConfigCommand::Check { file, .. } | ConfigCommand::Apply { file }) = command;
    with_config(file, |config| match command {
        ConfigCommand::Check { offline: true, .. } => {
            let findings = lint(&config, &Deployment::default(), None);
            Prepared::Known(AdminReply::Findings { findings })
        }
        ConfigCommand::Check { offline: false, .. } => {
            Prepared::Ask(AdminCommand::ConfigCheck { config })
        }
        ConfigCommand::Apply { .. } => Prepared::Ask(AdminCommand::ConfigApply { config }),
    })
}

/// The same for what is asked about any configuration.
pub(super) fn with_config(
    file: &Path,
    ask: impl FnOnce(Box<Config>) -> Prepared,
) -> Result<Prepared, Failure> {
    Ok(match read(file)? {
        Ok(config) => ask(Box::new(config)),
        Err(finding) => Prepared::Known(AdminReply::Findings {
            findings: vec![finding],
        }),
    })
}

fn read(file: &Path) -> Result<Result<Config, Finding>, Failure> {
    let text = fs::read_to_string(file).map_err(|error| {
        let file = file.display();
        Failure::Usage(format!("{file} cannot be read: {error}"))
    })?;
    Ok(parse(&text))
}

/// What is wrong, or that nothing is.
pub(super) fn findings(found: &[Finding], is_apply: bool) -> Answer {
    let errors = count(found, Severity::Error);
    let warnings = count(found, Severity::Warning);
    let mut text = listed(found);
    text.push_str(&match (errors, warnings) {
        (0, 0) => "no findings".to_owned(),
        (0, _) => format!(
            "{}, no errors: `config apply` accepts this",
            number_of(warnings, "warning")
        ),
        (_, _) => format!(
            "{}{}, {}",
            if is_apply { "not applied: " } else { "" },
            number_of(errors, "error"),
            number_of(warnings, "warning")
        ),
    });
    Answer {
        text,
        exit: if errors > 0 {
            Exit::Refused
        } else {
            Exit::Fine
        },
    }
}

/// The version that is in force now, and what should be known about it.
pub(super) fn applied(version: u64, found: &[Finding]) -> Answer {
    Answer {
        text: format!("{}version {version} is in force", listed(found)),
        exit: Exit::Fine,
    }
}

pub(super) fn count(found: &[Finding], severity: Severity) -> usize {
    let same = |finding: &&Finding| finding.severity == severity;
    found.iter().filter(same).count()
}

pub(super) fn number_of(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

pub(super) fn listed(found: &[Finding]) -> String {
    if found.is_empty() {
        return String::new();
    }
    let cells: Vec<Vec<String>> = found
        .iter()
        .map(|finding| {
            let severity = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            vec![
                severity.to_owned(),
                finding.path.clone(),
                finding.rule.clone(),
                finding.message.clone(),
            ]
        })
        .collect();
    table(&["", "where", "rule", "what"], &cells)
}
