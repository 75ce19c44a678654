#![doc = include_str!("../README.md")]

pub mod boot;
pub mod dynamodb;
pub mod messages;
pub mod put_back;
pub mod queue;
pub mod services;
pub mod settings;
