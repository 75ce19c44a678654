#![doc = include_str!("../README.md")]

mod answer;
mod auth;
mod calls;
mod client;
mod code;
mod collections;
mod composite;
mod describe;
mod error;
mod keyset;
mod limits;
mod login;
mod query;
mod refusal;
mod rows;
mod settings;
mod soql;
#[cfg(feature = "testing")]
pub mod testing;
mod write;

pub use auth::{Bearer, ClientSecret, Credentials, KeyError, PrivateKey, Session};
pub use calls::{ApiUsage, Calls};
pub use client::{API_VERSION, Client};
pub use code::{ErrorCode, classify};
pub use collections::RETRIEVED_PER_CALL;
pub use describe::Field;
pub use error::{Error, RecordError, ServiceError};
pub use keyset::{ChangePage, Keyset, ROWS_PER_PAGE};
pub use limits::Allowance;
pub use query::{QUERIES_PER_CALL, Row, Rows};
pub use refusal::AuthError;
pub use rows::{ConditionalChange, ROWS_PER_CALL};
pub use settings::{CALL_TIMEOUT, Settings};
pub use soql::{Condition, Literal, MAX_CONDITION_LENGTH, NameError, Soql, in_chunks};
pub use write::{COLLECTION_RECORDS, COLLECTIONS_PER_CALL, Record, RecordResult};
