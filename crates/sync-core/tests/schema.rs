//! The checked-in JSON schema of the configuration is the one of the types.
//! `UPDATE_SCHEMA=1 cargo test -p sync-core --test schema` writes it anew.

use std::path::PathBuf;
use std::{env, fs};

use sync_core::config::Config;

#[test]
fn the_checked_in_schema_is_current() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config/connector.schema.json");
    let schema = serde_json::to_string_pretty(&schemars::schema_for!(Config)).unwrap();
    let expected = format!("{schema}\n");
    if env::var_os("UPDATE_SCHEMA").is_some_and(|value| value == "1") {
        fs::write(&path, &expected).unwrap();
        return;
    }
    let checked_in = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        checked_in == expected,
        "config/connector.schema.json is stale; run `UPDATE_SCHEMA=1 cargo test -p sync-core --test schema`"
    );
}
