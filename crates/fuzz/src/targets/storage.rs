//! Rows of the tables, as anybody may have left them: a line with the kind and the schema, a document.

use std::fmt::Debug;

use aws::dynamodb::testing::{document, read};
use connector::ports::{AuditEntry, Cursor};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sync_core::config::{Config, ConnectorRow};
use sync_core::link::Link;
use sync_core::pair::UserMap;
use sync_core::settle::ErrorRow;

use super::{head_and_body, word};
use crate::canary;

/// A row: refused by position, or stored and read as the same.
pub(super) fn row(input: &[u8]) {
    let (head, body) = head_and_body(input);
    let schema: String = word(&head, 1).unwrap_or_default();
    let body = String::from_utf8_lossy(body);
    match head.split_whitespace().next() {
        Some("error") => check::<ErrorRow>(&schema, &body),
        Some("connector") => check::<ConnectorRow>(&schema, &body),
        Some("config") => check::<Config>(&schema, &body),
        Some("cursor") => check::<Cursor>(&schema, &body),
        Some("users") => check::<(UserMap, Timestamp)>(&schema, &body),
        Some("audit") => check::<AuditEntry>(&schema, &body),
        _ => check::<Link>(&schema, &body),
    }
}

fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(schema: &str, body: &str) {
    let stored: T = match read(schema, body) {
        Ok(stored) => stored,
        Err(error) => return canary::assert_kept_by(&error),
    };
    assert_eq!(schema, "1", "a later version is not ours to read");
    let written = document(&stored).expect("a row is JSON");
    let again: T = read("1", &written).expect("what we write is what we read");
    assert_eq!(again, stored);
}
