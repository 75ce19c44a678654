#![doc = include_str!("../README.md")]

pub mod coerce;
pub mod config;
pub mod conflict;
pub mod decide;
pub mod decision;
pub mod error;
mod fence;
pub mod hint;
pub mod ids;
pub mod intent;
pub mod key;
mod lifecycle;
pub mod link;
pub mod matching;
pub mod merge;
mod moves;
pub mod pair;
pub mod protocol;
mod put_back;
pub mod quota;
pub mod record;
mod results;
pub mod schema;
pub mod settle;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod trace;
pub mod value;

pub use decide::decide;
pub use intent::intend;
pub use put_back::{MAX_PUT_BACKS, PutBacks};
pub use settle::settle;
