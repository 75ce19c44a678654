#![doc = include_str!("../README.md")]

pub mod adapters;
pub mod admin;
pub mod dlq;
pub mod environment;
pub mod events;
#[cfg(any(test, feature = "memory"))]
pub mod memory;
pub mod poll;
pub mod ports;
pub mod work;

pub use environment::{Configured, Environment};
