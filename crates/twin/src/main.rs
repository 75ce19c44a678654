//! The twin as a program: starts, says where it listens, serves until it is stopped.

use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use serde_json::json;
use twin::config::UNIT;
use twin::{Config, seed};

/// Salesforce and Account Engagement on loopback.
#[derive(Debug, Parser)]
struct Arguments {
    /// The port; 0 lets the system choose.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// A file with an RSA public key in PEM form whose assertions are taken. May be repeated.
    #[arg(long)]
    public_key: Vec<PathBuf>,
    /// The consumer key of the connected app.
    #[arg(long)]
    client_id: Option<String>,
    /// The secret of the connected app.
    #[arg(long)]
    client_secret: Option<String>,
    /// A JSON file with users, business units, fields and rules.
    #[arg(long)]
    config: Option<PathBuf>,
    /// A folder with plan.json and prospects.csv to load.
    #[arg(long)]
    seed: Option<PathBuf>,
}

impl Arguments {
    fn config(&self) -> anyhow::Result<Config> {
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
        };
        let mut config: Config = match &self.config {
            Some(path) => serde_json::from_str(&read(path)?).context("the configuration")?,
            None => Config::default(),
        };
        for path in &self.public_key {
            config.public_keys.push(read(path)?);
        }
        if let Some(id) = &self.client_id {
            config.client_id.clone_from(id);
        }
        if let Some(secret) = &self.client_secret {
            config.client_secret.clone_from(secret);
        }
        if self.port != 0 {
            config.port = self.port;
        }
        Ok(config)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let config = arguments.config()?;
    let unit = config
        .business_units
        .first()
        .cloned()
        .unwrap_or_else(|| UNIT.to_owned());
    let running = twin::serve(config).await?;
    if let Some(folder) = &arguments.seed {
        seed::folder(&running.world, folder, &unit).context("seeding")?;
    }
    println!(
        "{}",
        json!({ "port": running.port, "base_url": running.base_url })
    );
    tokio::select! {
        result = running.wait() => result.context("serving"),
        result = tokio::signal::ctrl_c() => result.context("waiting for a signal"),
    }
}
