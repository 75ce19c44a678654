//! [`Links`] on DynamoDB: link rows and claims in one table (docs/decisions/0001).

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, KeysAndAttributes, Put, Select, TransactWriteItem,
};
use connector::ports::{Begin, Commit, LinkPage, Links, Loaded, StoreError};
use futures::stream::{self, StreamExt};
use sync_core::ids::BusinessUnit;
use sync_core::key::{PairKey, RecordRef};
use sync_core::link::Link;
use sync_core::settle::ErrorChange;

use super::{DynamoErrors, Item, item, number, row, store_error, text, transaction_error};

/// The index that lists rows by state.
pub(super) const BY_STATE: &str = "by-state";

/// The states by which links are counted and listed.
const STATES: [&str; 4] = ["linked", "pending", "skipped", "held"];

/// The most keys of one batch read.
const BATCH_KEYS: usize = 100;

/// Writes in flight at once.
const CONCURRENT_WRITES: usize = 16;

/// Rows on a page of a listing.
const PAGE_ROWS: i32 = 100;

/// The link table.
pub struct DynamoLinks {
    client: Client,
    table: String,
    errors: DynamoErrors,
}

fn link_pk(unit: &BusinessUnit, pair: &PairKey) -> String {
    format!("{unit}#link#{pair}")
}

fn claim_pk(unit: &BusinessUnit, record: &RecordRef) -> String {
    format!("{unit}#claim#{}", PairKey::of(record.clone()))
}

fn state_pk(unit: &BusinessUnit, state: &str) -> String {
    format!("{unit}#{state}")
}

/// What is asked for in one batch read: a decision rests on the rows as they are now.
fn wanted_now(keys: Vec<Item>) -> Result<KeysAndAttributes, StoreError> {
    KeysAndAttributes::builder()
        .set_keys(Some(keys))
        .consistent_read(true)
        .build()
        .map_err(|error| StoreError::Unavailable(error.to_string()))
}

impl DynamoLinks {
    /// The table of this name, whose rows are stored with those of that errors table.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>, errors: DynamoErrors) -> Self {
        Self {
            client,
            table: table.into(),
            errors,
        }
    }

    /// Reads items by key, strongly consistent, whatever the number.
    async fn batch_get(&self, keys: Vec<(String, &'static str)>) -> Result<Vec<Item>, StoreError> {
        let mut found = Vec::new();
        for chunk in keys.chunks(BATCH_KEYS) {
            let mut wanted: Vec<Item> = chunk
                .iter()
                .map(|(pk, sk)| {
                    Item::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(*sk))])
                })
                .collect();
            while !wanted.is_empty() {
                let keys = wanted_now(std::mem::take(&mut wanted))?;
                let request = self
                    .client
                    .batch_get_item()
                    .request_items(&self.table, keys);
                let answer = request
                    .send()
                    .await
                    .map_err(|error| store_error("BatchGetItem", &error))?;
                found.extend(answer.responses.unwrap_or_default().into_values().flatten());
                let left = answer.unprocessed_keys.unwrap_or_default();
                wanted = left.into_values().flat_map(|keys| keys.keys).collect();
            }
        }
        Ok(found)
    }

    /// Stores a row one version on, with all that goes with it.
    async fn store(&self, mut commit: Commit) -> Result<Link, StoreError> {
        let read_version = commit.link.version;
        commit.link.version += 1;
        let put = self.put(&commit.link, read_version)?;
        let others = self.beside(&commit).await?;
        if others.is_empty() {
            self.client
                .put_item()
                .table_name(&self.table)
                .set_item(Some(put.item))
                .set_condition_expression(put.condition_expression)
                .set_expression_attribute_names(put.expression_attribute_names)
                .set_expression_attribute_values(put.expression_attribute_values)
                .send()
                .await
                .map_err(|error| store_error("PutItem", &error))?;
            return Ok(commit.link);
        }
        let first = TransactWriteItem::builder().put(put).build();
        let writes = std::iter::once(first).chain(others).collect();
        let request = self
            .client
            .transact_write_items()
            .set_transact_items(Some(writes));
        request
            .send()
            .await
            .map_err(|error| transaction_error(&error))?;
        Ok(commit.link)
    }

    /// What is stored and removed together with the row itself.
    async fn beside(&self, commit: &Commit) -> Result<Vec<TransactWriteItem>, StoreError> {
        let (mut puts, mut deletes) = (Vec::new(), Vec::new());
        for record in &commit.claims {
            puts.push(self.claim(&commit.link, record)?);
        }
        for record in &commit.releases {
            deletes.push(self.release(&commit.link, record)?);
        }
        for gone in &commit.supersedes {
            deletes.push(self.removal(gone)?);
            puts.extend(self.errors.closed(gone, commit.at).await?);
        }
        match &commit.error {
            ErrorChange::None => {}
            ErrorChange::Open(row) => puts.push(self.errors.opened((**row).clone()).await?),
            ErrorChange::Close => puts.extend(self.errors.closed(&commit.link, commit.at).await?),
        }
        let puts = puts
            .into_iter()
            .map(|put| TransactWriteItem::builder().put(put));
        let deletes = deletes.into_iter();
        let deletes = deletes.map(|delete| TransactWriteItem::builder().delete(delete));
        Ok(puts.chain(deletes).map(|write| write.build()).collect())
    }

    /// The end of a row of a record that joined a pair, on condition that it is as it was read.
    fn removal(&self, gone: &Link) -> Result<Delete, StoreError> {
        Delete::builder()
            .table_name(&self.table)
            .key("pk", text(link_pk(&gone.business_unit, &gone.key)))
            .key("sk", text("link"))
            .condition_expression("#version = :read")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":read", number(gone.version))
            .build()
            .map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    /// The end of a claim. Only its own pair gives one up, and the version of that is a condition.
    fn release(&self, link: &Link, record: &RecordRef) -> Result<Delete, StoreError> {
        Delete::builder()
            .table_name(&self.table)
            .key("pk", text(claim_pk(&link.business_unit, record)))
            .key("sk", text("claim"))
            .build()
            .map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    /// The row, on condition that the stored version is the one that was read.
    fn put(&self, link: &Link, read_version: u64) -> Result<Put, StoreError> {
        let unit = &link.business_unit;
        let mut attributes = item(link_pk(unit, &link.key), "link".to_owned(), link)?;
        attributes.insert("version".to_owned(), number(link.version));
        attributes.insert("gsi1pk".to_owned(), text(state_pk(unit, link.state.name())));
        attributes.insert("gsi1sk".to_owned(), text(link.key.to_string()));
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(attributes));
        let put = if read_version == 0 {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            put.condition_expression("#version = :read")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":read", number(read_version))
        };
        put.build()
            .map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    /// A claim, on condition that the record belongs to nobody or to this pair.
    fn claim(&self, link: &Link, record: &RecordRef) -> Result<Put, StoreError> {
        let pair = text(link.key.to_string());
        Put::builder()
            .table_name(&self.table)
            .item("pk", text(claim_pk(&link.business_unit, record)))
            .item("sk", text("claim"))
            .item("pair", pair.clone())
            .item("record", text(PairKey::of(record.clone()).to_string()))
            .condition_expression("attribute_not_exists(pk) OR #pair = :pair")
            .expression_attribute_names("#pair", "pair")
            .expression_attribute_values(":pair", pair)
            .build()
            .map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    /// One page of the rows of a state, from after `start`.
    async fn page(
        &self,
        unit: &BusinessUnit,
        state: &str,
        start: Option<&str>,
    ) -> Result<(Vec<Link>, Option<String>), StoreError> {
        let start = start.filter(|pair| !pair.is_empty()).map(|pair| {
            Item::from([
                ("pk".to_owned(), text(format!("{unit}#link#{pair}"))),
                ("sk".to_owned(), text("link")),
                ("gsi1pk".to_owned(), text(state_pk(unit, state))),
                ("gsi1sk".to_owned(), text(pair)),
            ])
        });
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(BY_STATE)
            .key_condition_expression("gsi1pk = :state")
            .expression_attribute_values(":state", text(state_pk(unit, state)))
            .limit(PAGE_ROWS)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| store_error("Query", &error))?;
        let rows = answer
            .items
            .unwrap_or_default()
            .iter()
            .map(row)
            .collect::<Result<_, _>>()?;
        let last = answer
            .last_evaluated_key
            .and_then(|key| match key.get("gsi1sk") {
                Some(AttributeValue::S(pair)) => Some(pair.clone()),
                _ => None,
            });
        Ok((rows, last))
    }
}

#[async_trait]
impl Links for DynamoLinks {
    async fn load(
        &self,
        unit: &BusinessUnit,
        records: &[RecordRef],
        pairs: &[PairKey],
    ) -> Result<Loaded, StoreError> {
        let mut loaded = Loaded::default();
        let keys = distinct(records.iter().map(|record| claim_pk(unit, record)));
        for claim in self.batch_get(with_sort_key(keys, "claim")).await? {
            let record = key_attribute(&claim, "record")?;
            loaded
                .claims
                .insert(record.origin().clone(), key_attribute(&claim, "pair")?);
        }
        let wanted = loaded
            .claims
            .values()
            .chain(pairs)
            .map(|pair| link_pk(unit, pair));
        for stored in self
            .batch_get(with_sort_key(distinct(wanted), "link"))
            .await?
        {
            let link: Link = row(&stored)?;
            loaded.links.insert(link.key.clone(), link);
        }
        Ok(loaded)
    }

    async fn begin(&self, begins: Vec<Begin>) -> Vec<Result<Link, StoreError>> {
        let writes: Vec<_> = begins
            .into_iter()
            .map(|begin| self.store(begin.into()))
            .collect();
        stream::iter(writes)
            .buffered(CONCURRENT_WRITES)
            .collect()
            .await
    }

    async fn commit(&self, commits: Vec<Commit>) -> Vec<Result<Link, StoreError>> {
        let writes: Vec<_> = commits
            .into_iter()
            .map(|commit| self.store(commit))
            .collect();
        stream::iter(writes)
            .buffered(CONCURRENT_WRITES)
            .collect()
            .await
    }

    async fn list(
        &self,
        unit: &BusinessUnit,
        state: Option<&str>,
        next: Option<String>,
    ) -> Result<LinkPage, StoreError> {
        let (at_state, start) = match (&next, state) {
            (Some(next), _) => next.split_once('/').unwrap_or((next, "")),
            (None, Some(state)) => (state, ""),
            (None, None) => (STATES[0], ""),
        };
        let (rows, last) = self.page(unit, at_state, Some(start)).await?;
        let following = match (last, state) {
            (Some(pair), _) => Some(format!("{at_state}/{pair}")),
            (None, Some(_)) => None,
            (None, None) => {
                let position = STATES.iter().position(|state| *state == at_state);
                let next_state = position.and_then(|position| STATES.get(position + 1));
                next_state.map(|state| format!("{state}/"))
            }
        };
        Ok(LinkPage {
            rows,
            next: following,
        })
    }

    async fn count(&self, unit: &BusinessUnit) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut counts = BTreeMap::new();
        for state in STATES {
            let count = count(&self.client, &self.table, &state_pk(unit, state)).await?;
            if count > 0 {
                counts.insert(state.to_owned(), count);
            }
        }
        Ok(counts)
    }
}

/// Counts the rows under one key of the by-state index.
pub(super) async fn count(client: &Client, table: &str, key: &str) -> Result<u64, StoreError> {
    let mut counted = 0_u64;
    let mut start = None;
    loop {
        let answer = client
            .query()
            .table_name(table)
            .index_name(BY_STATE)
            .key_condition_expression("gsi1pk = :key")
            .expression_attribute_values(":key", text(key))
            .select(Select::Count)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| store_error("Query", &error))?;
        counted += u64::try_from(answer.count).unwrap_or(0);
        start = answer.last_evaluated_key;
        if start.is_none() {
            return Ok(counted);
        }
    }
}

fn distinct(keys: impl Iterator<Item = String>) -> Vec<String> {
    let mut keys: Vec<String> = keys.collect();
    keys.sort();
    keys.dedup();
    keys
}

fn with_sort_key(keys: Vec<String>, sk: &'static str) -> Vec<(String, &'static str)> {
    keys.into_iter().map(|pk| (pk, sk)).collect()
}

fn key_attribute(item: &Item, name: &str) -> Result<PairKey, StoreError> {
    let value = item.get(name).and_then(|value| value.as_s().ok());
    value
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| StoreError::Unavailable(format!("a claim has no {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p4_rows_are_read_strongly_consistent() {
        let asked = wanted_now(vec![Item::new()]).expect("a request");
        assert_eq!(asked.consistent_read(), Some(true));
    }
}
