#![doc = include_str!("../README.md")]

mod account;
mod budget;
mod calls;
mod campaigns;
mod changes;
mod client;
mod code;
mod error;
mod field_list;
mod fields;
mod gate;
mod page;
mod prospect;
mod prospects;
mod query;
mod row;
mod schema;
#[cfg(feature = "testing")]
pub mod testing;
mod token;
mod users;
mod wire;

pub use account::Account;
pub use budget::{DailyBudget, UnknownTimeZone};
pub use calls::{ApiUsage, CallKind, Calls};
pub use campaigns::Campaign;
pub use changes::{ChangePage, ChangeWindow};
pub use client::{CALL_TIMEOUT, Client, Settings, SettingsError};
pub use code::{ErrorCode, classify};
pub use error::{Error, NotSent, ProtocolError, ServiceError, UnknownOutcome};
pub use field_list::Fields;
pub use fields::CustomField;
pub use gate::MAX_SLOTS;
pub use page::Rows;
pub use prospect::Prospect;
pub use prospects::{ID_LIST_CHUNK, Upsert};
pub use query::{DeletedFilter, MAX_FILTERED_FIELDS, Order, ProspectFilters, ProspectQuery};
pub use schema::{DEFAULT_FIELDS, DefaultField, FieldType, Writable, default_field};
pub use token::{Bearer, TokenError, TokenSource};
pub use users::User;
