//! [`Links`] on DynamoDB: link rows and claims in one table (docs/decisions/0001).

mod transaction;

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Select};
use connector::ports::{Begin, Commit, LinkPage, Links, Loaded, StoreError};
use futures::stream::{self, StreamExt};
use sync_core::ids::BusinessUnit;
use sync_core::key::{PairKey, RecordRef};
use sync_core::link::Link;

use super::{DynamoErrors, Item, incomplete, row, store_error, text};

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
    format!("{unit}#link#{}", pair.row())
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
        .map_err(incomplete)
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
            loaded.links.insert(link.key.row(), link);
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
