#![doc = include_str!("../README.md")]

pub mod bu;
pub mod config;
pub mod http;
pub mod org;
pub mod seed;
pub mod server;
pub mod world;

pub use config::Config;
pub use server::{Running, serve};
pub use world::World;
