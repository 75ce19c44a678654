//! `setup`: the connector's own fields on both sides, and how those of Salesforce are deployed.

use std::path::Path;

use sync_core::config::lint::{Finding, Severity};
use sync_core::protocol::{AdminCommand, OwnField, OwnFieldState};

use super::config::{Prepared, count, listed, number_of, with_config};
use crate::table::table;
use crate::{Answer, Exit, Failure};

/// How the fields get into Salesforce.
const DEPLOY: &str = "\
Salesforce's fields are metadata; from a copy of the repository:
  cd infra/salesforce
  sf project deploy start --source-dir main --target-org ORG
  sf org assign permset --name Prospect_Sync_Connector --on-behalf-of CONNECTOR-USER --target-org ORG
";

/// Reads the file, if one is named.
pub(super) fn prepare(file: Option<&Path>) -> Result<Prepared, Failure> {
    let Some(file) = file else {
        return Ok(Prepared::Ask(AdminCommand::Setup { config: None }));
    };
    with_config(file, |config| {
        Prepared::Ask(AdminCommand::Setup {
            config: Some(config),
        })
    })
}

/// What was there, what was created, and what is left to do.
pub(super) fn show(fields: &[OwnField], findings: &[Finding]) -> Answer {
    let cells: Vec<Vec<String>> = fields
        .iter()
        .map(|field| {
            let state = match field.state {
                OwnFieldState::Found => "there",
                OwnFieldState::Created => "created",
                OwnFieldState::Missing => "missing",
            };
            vec![field.object.clone(), field.name.clone(), state.to_owned()]
        })
        .collect();
    let mut text = table(&["object", "field", ""], &cells);
    if !findings.is_empty() {
        text.push('\n');
        text.push_str(&listed(findings));
    }
    let of_salesforce = |finding: &Finding| finding.path.starts_with("salesforce.");
    if findings.iter().any(of_salesforce) {
        text.push('\n');
        text.push_str(DEPLOY);
    }
    let is_created = |field: &&OwnField| field.state == OwnFieldState::Created;
    let created = fields.iter().filter(is_created).count();
    let errors = count(findings, Severity::Error);
    text.push('\n');
    text.push_str(&match created {
        0 if errors == 0 => "every field is there; nothing created".to_owned(),
        0 => "nothing created".to_owned(),
        _ => format!(
            "{} created; Account Engagement may take a minute to show it",
            number_of(created, "field")
        ),
    });
    if errors > 0 {
        text.push_str(&format!(", {}", number_of(errors, "error")));
    }
    Answer {
        text,
        exit: if errors > 0 {
            Exit::Refused
        } else {
            Exit::Fine
        },
    }
}
