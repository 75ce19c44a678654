//! Users, recycled ones included: they still own prospects (apis B5).

use serde_json::{Map, Value};

use crate::calls::CallKind;
use crate::client::Client;
use crate::error::{Error, ProtocolError};
use crate::field_list::Fields;
use crate::page::{Collection, PAGE_LIMIT};
use crate::row::Row;

const USERS: Collection = Collection {
    kind: CallKind::Users,
    path: "objects/users",
};

/// A user of the business unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: u64,
    /// Its address.
    pub email: Option<String>,
    /// Its log-in name.
    pub username: Option<String>,
    /// The Salesforce user it is mapped to, as the service writes it.
    pub salesforce_id: Option<String>,
    /// Whether it is in the recycle bin.
    pub is_deleted: bool,
}

impl User {
    pub(crate) fn from_row(values: &Map<String, Value>) -> Result<Self, ProtocolError> {
        let row = Row {
            kind: CallKind::Users,
            values,
        };
        Ok(Self {
            id: row.id()?,
            email: row.text("email")?,
            username: row.text("username")?,
            salesforce_id: row.text("salesforceId")?,
            is_deleted: row.is("isDeleted")?,
        })
    }
}

impl Client {
    /// All users, recycled ones included.
    pub async fn users(&self) -> Result<Vec<User>, Error> {
        let fields = Fields::of(["id", "email", "username", "salesforceId", "isDeleted"]);
        let parameters = [
            ("deleted", "all".to_owned()),
            ("limit", PAGE_LIMIT.to_string()),
        ];
        let rows = self.every_row(USERS, &fields, &parameters).await?;
        rows.iter()
            .map(|row| User::from_row(row).map_err(Error::from))
            .collect()
    }
}
