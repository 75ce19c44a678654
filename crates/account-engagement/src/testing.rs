//! The readers of answers without HTTP, for the fuzz targets. Not part of production builds.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};
use sync_core::ids::{BusinessUnit, ProspectId};

use crate::account::Account;
use crate::calls::{ApiUsage, CallKind};
use crate::campaigns::Campaign;
use crate::error::Error;
use crate::fields::CustomField;
use crate::page::{Page, parse};
use crate::prospect::Prospect;
use crate::users::User;
use crate::wire::{Answer, Wire};

/// Reads answers that came from nowhere.
#[derive(Debug)]
pub struct Reader(Wire);

/// The body and the headers of an answer that was read.
#[derive(Debug)]
pub struct Read(Answer);

/// A page: its rows, the token of the next one, and whether rows are left behind it all the same.
pub type Rows = (Vec<Map<String, Value>>, Option<String>, bool);

impl Reader {
    /// A reader for one business unit.
    #[must_use]
    pub fn new(business_unit: BusinessUnit) -> Self {
        Self(Wire {
            http: reqwest::Client::new(),
            base_url: "https://unit.example".to_owned(),
            host: "unit.example".to_owned(),
            business_unit,
            body_limit_bytes: usize::MAX,
        })
    }

    /// The body of an answer, as every call reads it. Header values that no header can have are
    /// left out.
    ///
    /// # Errors
    /// What the body says is wrong, or that nobody knows.
    pub fn answer(
        &self,
        call: CallKind,
        status: u16,
        headers: &[(&'static str, &str)],
        body: &[u8],
    ) -> Result<Read, Error> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_str(value) {
                map.append(HeaderName::from_static(name), value);
            }
        }
        self.0.interpret(call, status, &map, body).map(Read)
    }
}

impl Read {
    /// The body.
    #[must_use]
    pub fn body(&self) -> &Value {
        &self.0.body
    }

    /// A page of rows.
    ///
    /// # Errors
    /// An answer that is no page.
    pub fn page(self) -> Result<Rows, Error> {
        let Page {
            rows,
            next_token,
            is_truncated,
        } = parse(CallKind::Query, self.0)?;
        Ok((rows, next_token, is_truncated))
    }

    /// The prospect of an answer to a call of this kind.
    ///
    /// # Errors
    /// An answer that is no prospect.
    pub fn prospect(self, kind: CallKind, known: Option<ProspectId>) -> Result<Prospect, Error> {
        crate::prospects::one_prospect(kind, known, self.0)
    }

    /// The account.
    ///
    /// # Errors
    /// An answer that is no account.
    pub fn account(self) -> Result<Account, Error> {
        crate::account::read_account(self.0.body)
    }
}

/// The prospects of a page.
///
/// # Errors
/// A row without an id.
pub fn prospects(rows: Vec<Map<String, Value>>) -> Result<Vec<Prospect>, Error> {
    crate::prospects::prospects(rows)
}

/// The user of a row.
///
/// # Errors
/// A row that is no user.
pub fn user(row: &Map<String, Value>) -> Result<User, Error> {
    User::from_row(row).map_err(Error::from)
}

/// The campaign of a row.
///
/// # Errors
/// A row that is no campaign.
pub fn campaign(row: &Map<String, Value>) -> Result<Campaign, Error> {
    Campaign::from_row(row).map_err(Error::from)
}

/// The custom field of a row.
///
/// # Errors
/// A row that is no custom field.
pub fn custom_field(row: &Map<String, Value>) -> Result<CustomField, Error> {
    CustomField::from_row(CallKind::CustomFields, row).map_err(Error::from)
}

/// The allowance in the header `x-api-usage`.
#[must_use]
pub fn usage(header: &str) -> Option<ApiUsage> {
    ApiUsage::parse(header)
}
