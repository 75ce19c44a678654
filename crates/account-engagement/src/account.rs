//! The account behind the business unit: its time zone and daily allowance (apis B5).

use serde_json::Value;

use crate::budget::{DailyBudget, UnknownTimeZone};
use crate::calls::CallKind;
use crate::client::Client;
use crate::error::{Error, ProtocolError};
use crate::field_list::Fields;
use crate::row::Row;
use crate::wire::Call;

/// The account. Its field list is unverified; what is not answered is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: u64,
    /// Its IANA time zone, whose midnight renews the daily allowance.
    pub time_zone: Option<String>,
    /// Calls allowed a day.
    pub daily_calls: Option<u64>,
    /// Calls made today.
    pub calls_used: Option<u64>,
}

impl Account {
    /// The daily budget, in UTC when the account names no time zone; `fallback` calls when it
    /// names no allowance.
    pub fn budget(&self, fallback: u64) -> Result<DailyBudget, UnknownTimeZone> {
        let zone = self.time_zone.as_deref().unwrap_or("UTC");
        DailyBudget::new(self.daily_calls.unwrap_or(fallback), zone)
    }
}

impl Client {
    /// The account.
    pub async fn account(&self) -> Result<Account, Error> {
        let fields = Fields::of(["id", "timezone", "maximumDailyApiCalls", "apiCallsUsed"]);
        let call = Call::get(
            CallKind::Account,
            "objects/account",
            vec![fields.parameter()],
        );
        read_account(self.call(&call).await?.body)
    }
}

pub(crate) fn read_account(body: Value) -> Result<Account, Error> {
    let Value::Object(values) = body else {
        let problem = "the account is not an object";
        return Err(ProtocolError::new(CallKind::Account, problem).into());
    };
    let row = Row {
        kind: CallKind::Account,
        values: &values,
    };
    Ok(Account {
        id: row.id()?,
        time_zone: row.text("timezone")?,
        daily_calls: row.number("maximumDailyApiCalls")?,
        calls_used: row.number("apiCallsUsed")?,
    })
}
