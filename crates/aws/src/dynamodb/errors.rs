//! [`Errors`] on DynamoDB: one item per pair, indexed by open and closed.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::Put;
use connector::ports::{Errors, StoreError};
use jiff::Timestamp;
use sync_core::ids::BusinessUnit;
use sync_core::key::PairKey;
use sync_core::link::Link;
use sync_core::settle::ErrorRow;

use super::links::{BY_STATE, count};
use super::{incomplete, item, row, store_error, text};

/// The errors table.
#[derive(Clone)]
pub struct DynamoErrors {
    client: Client,
    table: String,
}

fn state_pk(unit: &BusinessUnit, is_closed: bool) -> String {
    format!("{unit}#{}", if is_closed { "closed" } else { "open" })
}

/// Nine digits always: texts of one length sort like the moments they stand for.
fn state_sk(error: &ErrorRow) -> String {
    format!("{:.9}#{}", error.first_seen, error.pair)
}

impl DynamoErrors {
    /// The table of this name.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }

    async fn get(
        &self,
        unit: &BusinessUnit,
        pair: &PairKey,
    ) -> Result<Option<ErrorRow>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", text(unit.as_str()))
            .key("sk", text(pair.to_string()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| store_error("GetItem", &error))?;
        answer.item.as_ref().map(row).transpose()
    }

    /// The row to store with its pair's link row. Reading first is safe: whoever stores another error row of
    /// the pair stores its link row too, and the version of that is a condition.
    pub(super) async fn opened(&self, mut error: ErrorRow) -> Result<Put, StoreError> {
        let known = self.get(&error.business_unit, &error.pair).await?;
        if let Some(known) = known.filter(|known| known.closed_at.is_none()) {
            error.first_seen = known.first_seen;
            error.attempts = known.attempts + 1;
        }
        self.put(&error)
    }

    /// The row of a pair as it is when it is closed; `None` when it is not open.
    pub(super) async fn closed(
        &self,
        link: &Link,
        now: Timestamp,
    ) -> Result<Option<Put>, StoreError> {
        let known = self.get(&link.business_unit, &link.key.row()).await?;
        let open = known.filter(|known| known.closed_at.is_none());
        let closed = open.map(|open| ErrorRow {
            closed_at: Some(now),
            ..open
        });
        closed.map(|closed| self.put(&closed)).transpose()
    }

    fn put(&self, error: &ErrorRow) -> Result<Put, StoreError> {
        let unit = &error.business_unit;
        let mut attributes = item(unit.to_string(), error.pair.to_string(), error)?;
        attributes.insert(
            "gsi1pk".to_owned(),
            text(state_pk(unit, error.closed_at.is_some())),
        );
        attributes.insert("gsi1sk".to_owned(), text(state_sk(error)));
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(attributes));
        put.build().map_err(incomplete)
    }

    async fn list_state(
        &self,
        unit: &BusinessUnit,
        is_closed: bool,
    ) -> Result<Vec<ErrorRow>, StoreError> {
        let mut rows = Vec::new();
        let mut start = None;
        loop {
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(BY_STATE)
                .key_condition_expression("gsi1pk = :state")
                .expression_attribute_values(":state", text(state_pk(unit, is_closed)))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| store_error("Query", &error))?;
            for item in answer.items.unwrap_or_default() {
                rows.push(row(&item)?);
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(rows);
            }
        }
    }
}

#[async_trait]
impl Errors for DynamoErrors {
    async fn list(&self, unit: &BusinessUnit, closed: bool) -> Result<Vec<ErrorRow>, StoreError> {
        let mut rows = self.list_state(unit, false).await?;
        if closed {
            rows.extend(self.list_state(unit, true).await?);
        }
        Ok(rows)
    }

    async fn count_open(&self, unit: &BusinessUnit) -> Result<u64, StoreError> {
        count(&self.client, &self.table, &state_pk(unit, false)).await
    }
}
