#![doc = include_str!("../README.md")]

pub mod adapters;
pub mod admin;
mod circuit;
#[cfg(feature = "memory")]
pub mod contract;
pub mod dlq;
pub mod environment;
pub mod events;
#[cfg(feature = "memory")]
pub mod memory;
pub mod poll;
pub mod ports;
pub mod reconcile;
pub mod turn;
pub mod work;

pub use environment::{Configured, Environment};
