//! The crate decides with values: no I/O, no clock, no randomness.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

const ALLOWED: [&str; 6] = [
    "jiff",
    "rust_decimal",
    "schemars",
    "serde",
    "serde_json",
    "thiserror",
];

const IMPURE: [&str; 14] = [
    "SystemTime",
    "Instant::now",
    "time::Instant",
    "Timestamp::now",
    "Zoned::now",
    "TimeZone::system",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "HashMap",
    "println!",
    "async fn",
];

fn crate_root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The names under `[dependencies]`.
fn dependencies(manifest: &str) -> Vec<&str> {
    manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split(['.', '=', ' ']).next().unwrap())
        .collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

#[test]
fn the_crate_depends_on_pure_crates_only() {
    let manifest = fs::read_to_string(crate_root().join("Cargo.toml")).unwrap();
    let dependencies = dependencies(&manifest);
    assert!(
        dependencies.contains(&"serde"),
        "the manifest was not understood"
    );
    let foreign: Vec<_> = dependencies
        .iter()
        .filter(|name| !ALLOWED.contains(name))
        .collect();
    assert!(
        foreign.is_empty(),
        "add {foreign:?} to ALLOWED only if it does no I/O"
    );
    assert!(
        !manifest.contains("[target."),
        "no dependencies by the back door"
    );
    assert!(!manifest.contains("[build-dependencies]"));
}

#[test]
fn the_source_asks_nobody_for_the_time_or_the_world() {
    let files = sources(&crate_root().join("src"));
    assert!(files.len() > 20, "only {} files found", files.len());
    let mut found = Vec::new();
    for file in files {
        let source = fs::read_to_string(&file).unwrap();
        for (index, line) in source.lines().enumerate() {
            let code = line.split("//").next().unwrap();
            for impure in IMPURE.iter().filter(|impure| code.contains(**impure)) {
                found.push(format!("{}:{}: {impure}", file.display(), index + 1));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
