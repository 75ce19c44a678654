//! Campaigns; the API creates none (apis B5).

use serde_json::{Map, Value};

use crate::calls::CallKind;
use crate::client::Client;
use crate::error::{Error, ProtocolError};
use crate::field_list::Fields;
use crate::page::{Collection, PAGE_LIMIT};
use crate::row::Row;

const CAMPAIGNS: Collection = Collection {
    kind: CallKind::Campaigns,
    path: "objects/campaigns",
};

/// A campaign of the business unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campaign {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: Option<String>,
    /// The Salesforce campaign it is connected to.
    pub salesforce_id: Option<String>,
    /// Whether it is in the recycle bin.
    pub is_deleted: bool,
}

impl Campaign {
    pub(crate) fn from_row(values: &Map<String, Value>) -> Result<Self, ProtocolError> {
        let row = Row {
            kind: CallKind::Campaigns,
            values,
        };
        Ok(Self {
            id: row.id()?,
            name: row.text("name")?,
            salesforce_id: row.text("salesforceId")?,
            is_deleted: row.is("isDeleted")?,
        })
    }
}

impl Client {
    /// All campaigns, recycled ones included.
    pub async fn campaigns(&self) -> Result<Vec<Campaign>, Error> {
        let fields = Fields::of(["id", "name", "salesforceId", "isDeleted"]);
        let parameters = [
            ("deleted", "all".to_owned()),
            ("limit", PAGE_LIMIT.to_string()),
        ];
        let rows = self.every_row(CAMPAIGNS, &fields, &parameters).await?;
        rows.iter()
            .map(|row| Campaign::from_row(row).map_err(Error::from))
            .collect()
    }
}
