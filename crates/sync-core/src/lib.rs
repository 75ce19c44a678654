#![doc = include_str!("../README.md")]

pub mod coerce;
pub mod config;
pub mod decide;
pub mod decision;
pub mod error;
pub mod hint;
pub mod ids;
pub mod key;
pub mod link;
pub mod matching;
pub mod merge;
pub mod pair;
pub mod protocol;
pub mod record;
pub mod schema;
pub mod settle;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod trace;
pub mod value;

pub use decide::decide;
pub use settle::settle;
