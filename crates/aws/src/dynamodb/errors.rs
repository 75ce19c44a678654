//! [`Errors`] on DynamoDB: one item per pair, indexed by open and closed.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use connector::ports::{Errors, StoreError};
use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use sync_core::ids::BusinessUnit;
use sync_core::key::PairKey;
use sync_core::settle::ErrorRow;

use super::links::{BY_STATE, count};
use super::{item, row, store_error, text};

/// Writes in flight at once.
const CONCURRENT_WRITES: usize = 8;

/// The errors table.
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

    async fn put(&self, error: &ErrorRow) -> Result<(), StoreError> {
        let unit = &error.business_unit;
        let mut attributes = item(unit.to_string(), error.pair.to_string(), error)?;
        attributes.insert(
            "gsi1pk".to_owned(),
            text(state_pk(unit, error.closed_at.is_some())),
        );
        attributes.insert("gsi1sk".to_owned(), text(state_sk(error)));
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(attributes));
        request
            .send()
            .await
            .map_err(|error| store_error("PutItem", &error))?;
        Ok(())
    }

    /// The pair's lease keeps two workers from writing the same row, so reading first is safe.
    async fn open_one(&self, mut error: ErrorRow) -> Result<(), StoreError> {
        let known = self.get(&error.business_unit, &error.pair).await?;
        if let Some(known) = known.filter(|known| known.closed_at.is_none()) {
            error.first_seen = known.first_seen;
            error.attempts = known.attempts + 1;
        }
        self.put(&error).await
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
    async fn open(&self, rows: Vec<ErrorRow>) -> Vec<Result<(), StoreError>> {
        let writes: Vec<_> = rows.into_iter().map(|error| self.open_one(error)).collect();
        stream::iter(writes)
            .buffered(CONCURRENT_WRITES)
            .collect()
            .await
    }

    async fn close(
        &self,
        unit: &BusinessUnit,
        pairs: &[PairKey],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for pair in pairs {
            let known = self.get(unit, pair).await?;
            if let Some(open) = known.filter(|known| known.closed_at.is_none()) {
                self.put(&ErrorRow {
                    closed_at: Some(now),
                    ..open
                })
                .await?;
            }
        }
        Ok(())
    }

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
