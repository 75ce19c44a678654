//! Where this half touches the shell: clock, units, tokens, planned faults and the org's users.
//!
//! `World` implements `Shell`; the tests of this half bring a world without an org.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;

use crate::bu::{ApiError, BusinessUnit};
use crate::http::faults::Asked;

/// What is planned to go wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Planned {
    /// Nothing.
    Nothing,
    /// The answer waits; the call stays in flight.
    Delay(Duration),
    /// A refusal of the API, before anything is done.
    Refuse(ApiError),
    /// An HTML page with this status.
    Html(u16),
    /// The connection breaks before anything is done.
    CutBefore,
    /// The connection breaks after the work is done.
    CutAfterCommit,
}

/// The world around the business units.
pub trait Shell: Send + Sync + 'static {
    /// The world's time.
    fn now(&self) -> Timestamp;

    /// The business units by id.
    fn units(&self) -> &Mutex<BTreeMap<String, BusinessUnit>>;

    /// How often each operation was called.
    fn calls(&self) -> &Mutex<BTreeMap<String, u64>>;

    /// The scopes of a token, `None` when it is unknown or expired.
    fn scopes(&self, token: &str) -> Option<Vec<String>>;

    /// User names and ids of the org's users.
    fn org_users(&self) -> Vec<(String, String)>;

    /// Takes the next fault planned for a request that came with this token.
    fn take_fault(&self, asked: Asked<'_>, token: &str) -> Planned;

    /// Learns that the answer to a write that was done got lost.
    fn note_cut_after_commit(&self) {}
}
