#![doc = include_str!("../README.md")]

pub mod addresses;
pub mod allowance;
pub mod check;
pub mod count;
pub mod crm;
mod errors;
pub mod faults;
pub mod kernel;
mod landing;
pub mod lanes;
pub mod lives;
pub mod marketing;
pub mod mutants;
pub mod people;
pub mod processes;
pub mod provenance;
mod recycle_bin;
pub mod releases;
pub mod remap;
mod rest;
pub mod run;
pub mod setting;
pub mod shrink;
mod stored;
pub mod stores;
pub mod users;
pub mod wire;
pub mod world;

pub use run::{Options, Outcome, run};
pub use shrink::shrunk;
