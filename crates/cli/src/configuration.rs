//! Configuration files: read with errors that name the place, checked without a stack.

use std::path::Path;

use anyhow::Context;
use sync_core::config::Config;
use sync_core::config::lint::{Deployment, lint};
use sync_core::protocol::AdminReply;

/// Reads a configuration file.
pub(crate) fn read(file: &Path) -> anyhow::Result<Config> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{} cannot be read", file.display()))?;
    serde_saphyr::from_str(&text)
        .map_err(|error| anyhow::anyhow!("{} is not a configuration: {error}", file.display()))
}

/// Checks what can be checked without asking anybody.
pub(crate) fn check_offline(config: &Config) -> AdminReply {
    AdminReply::Findings { findings: lint(config, &Deployment::default(), None) }
}
