//! Prints the JSON schema of the configuration file:
//! `cargo run -p sync-core --example config_schema > config/connector.schema.json`

fn main() -> Result<(), serde_json::Error> {
    let schema = schemars::schema_for!(sync_core::config::Config);
    println!("{}", serde_json::to_string_pretty(&schema)?);
    Ok(())
}
