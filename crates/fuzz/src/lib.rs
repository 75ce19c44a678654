#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod canary;
#[path = "../../cli/src/configuration.rs"]
mod configuration;
mod drive;
mod entropy;
mod json;
mod mutate;
mod targets;

pub use drive::{drive, replay};
pub use mutate::document_mutant;
pub use targets::{TARGETS, Target};
