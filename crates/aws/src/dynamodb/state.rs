//! [`State`] on DynamoDB: the connector table, every row under its business unit.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use connector::ports::{AuditEntry, Cursor, ReconcileProgress, State, StoreError, Stream, Turn};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sync_core::config::{Config, ConnectorRow};
use sync_core::ids::BusinessUnit;
use sync_core::pair::UserMap;

use super::{item, number, row, store_error, text};

const RECONCILE_SK: &str = "reconcile";

/// The connector table.
pub struct DynamoState {
    client: Client,
    table: String,
}

/// On what condition a row is stored.
enum Condition {
    /// None.
    Always,
    /// No such row yet.
    New,
    /// The stored version is this one; 0 stands for no row.
    Version(u64),
}

fn config_sk(version: u64) -> String {
    format!("config#{version:010}")
}

fn cursor_sk(stream: Stream) -> String {
    format!("cursor#{stream}")
}

impl DynamoState {
    /// The table of this name.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }

    async fn get<T: DeserializeOwned>(
        &self,
        unit: &BusinessUnit,
        sk: &str,
    ) -> Result<Option<T>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", text(unit.as_str()))
            .key("sk", text(sk))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| store_error("GetItem", &error))?;
        answer.item.as_ref().map(row).transpose()
    }

    async fn put<T: Serialize + Sync>(
        &self,
        unit: &BusinessUnit,
        sk: String,
        value: &T,
        condition: Condition,
    ) -> Result<(), StoreError> {
        let mut attributes = item(unit.to_string(), sk, value)?;
        let request = self.client.put_item().table_name(&self.table);
        let request = match condition {
            Condition::Always => request,
            Condition::New | Condition::Version(0) => {
                attributes.insert("version".to_owned(), number(1));
                request.condition_expression("attribute_not_exists(pk)")
            }
            Condition::Version(stored) => {
                attributes.insert("version".to_owned(), number(stored + 1));
                request
                    .condition_expression("#version = :stored")
                    .expression_attribute_names("#version", "version")
                    .expression_attribute_values(":stored", number(stored))
            }
        };
        let request = request.set_item(Some(attributes));
        request
            .send()
            .await
            .map_err(|error| store_error("PutItem", &error))?;
        Ok(())
    }
}

#[async_trait]
impl State for DynamoState {
    async fn connector(&self, unit: &BusinessUnit) -> Result<Option<ConnectorRow>, StoreError> {
        self.get(unit, "connector").await
    }

    async fn put_connector(&self, row: &ConnectorRow) -> Result<(), StoreError> {
        let condition = Condition::Version(row.version.saturating_sub(1));
        self.put(&row.business_unit, "connector".to_owned(), row, condition)
            .await
    }

    async fn config(
        &self,
        unit: &BusinessUnit,
        version: u64,
    ) -> Result<Option<Config>, StoreError> {
        self.get(unit, &config_sk(version)).await
    }

    async fn put_config(&self, version: u64, config: &Config) -> Result<(), StoreError> {
        self.put(
            &config.business_unit,
            config_sk(version),
            config,
            Condition::New,
        )
        .await
    }

    async fn cursor(
        &self,
        unit: &BusinessUnit,
        stream: Stream,
    ) -> Result<Option<Cursor>, StoreError> {
        self.get(unit, &cursor_sk(stream)).await
    }

    async fn put_cursor(
        &self,
        unit: &BusinessUnit,
        stream: Stream,
        cursor: &Cursor,
    ) -> Result<(), StoreError> {
        let condition = Condition::Version(cursor.version.saturating_sub(1));
        self.put(unit, cursor_sk(stream), cursor, condition).await
    }

    async fn users(&self, unit: &BusinessUnit) -> Result<Option<(UserMap, Timestamp)>, StoreError> {
        self.get(unit, "users").await
    }

    async fn put_users(
        &self,
        unit: &BusinessUnit,
        users: &UserMap,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.put(unit, "users".to_owned(), &(users, at), Condition::Always)
            .await
    }

    async fn reconcile_progress(
        &self,
        unit: &BusinessUnit,
    ) -> Result<Option<ReconcileProgress>, StoreError> {
        self.get(unit, RECONCILE_SK).await
    }

    async fn put_reconcile_progress(
        &self,
        unit: &BusinessUnit,
        progress: &ReconcileProgress,
    ) -> Result<(), StoreError> {
        let condition = Condition::Version(progress.version.saturating_sub(1));
        self.put(unit, RECONCILE_SK.to_owned(), progress, condition)
            .await
    }

    async fn put_turn(
        &self,
        unit: &BusinessUnit,
        turn: &Turn,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let until = AttributeValue::N(turn.until.as_millisecond().to_string());
        let now = AttributeValue::N(now.as_millisecond().to_string());
        let holder = text(turn.holder.name());
        let mut attributes = item(unit.to_string(), "turn".to_owned(), turn)?;
        attributes.insert("holder".to_owned(), holder.clone());
        attributes.insert("ends".to_owned(), until);
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(attributes))
            .condition_expression("attribute_not_exists(pk) OR #holder = :holder OR #ends <= :now")
            .expression_attribute_names("#holder", "holder")
            .expression_attribute_names("#ends", "ends")
            .expression_attribute_values(":holder", holder)
            .expression_attribute_values(":now", now);
        request
            .send()
            .await
            .map_err(|error| store_error("PutItem", &error))?;
        Ok(())
    }

    async fn audit(&self, unit: &BusinessUnit, entry: &AuditEntry) -> Result<(), StoreError> {
        let sk = format!("audit#{:.9}#{}", entry.at, entry.action);
        self.put(unit, sk, entry, Condition::Always).await
    }
}
