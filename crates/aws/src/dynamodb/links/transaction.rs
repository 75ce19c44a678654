//! A link row and all that is stored or removed with it, as one request.

use aws_sdk_dynamodb::types::{ConditionCheck, Delete, Put, TransactWriteItem};
use connector::ports::{Commit, StoreError};
use sync_core::key::{PairKey, RecordRef};
use sync_core::link::Link;
use sync_core::settle::ErrorChange;

use super::super::{Item, incomplete, item, number, store_error, text, transaction_error};
use super::{DynamoLinks, claim_pk, link_pk, state_pk};

/// A claim that nobody holds, or this pair.
const UNCLAIMED: &str = "attribute_not_exists(pk) OR #pair = :pair";

fn claim_key(link: &Link, record: &RecordRef) -> Item {
    let pk = claim_pk(&link.business_unit, record);
    Item::from([
        ("pk".to_owned(), text(pk)),
        ("sk".to_owned(), text("claim")),
    ])
}

impl DynamoLinks {
    /// Stores a row one version on, with all that goes with it.
    pub(super) async fn store(&self, mut commit: Commit) -> Result<Link, StoreError> {
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
        let put = |put| TransactWriteItem::builder().put(put).build();
        let delete = |delete| TransactWriteItem::builder().delete(delete).build();
        let puts = puts.into_iter().map(put);
        let puts = puts.chain(deletes.into_iter().map(delete));
        // A release is on the same condition, and a transaction takes one request for an item.
        let unclaimed = commit
            .unclaimed()
            .filter(|record| !commit.releases.contains(record));
        let check = unclaimed.map(|record| self.check(&commit.link, record));
        let check = check.transpose()?;
        let check = check.map(|check| TransactWriteItem::builder().condition_check(check).build());
        Ok(puts.chain(check).collect())
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
            .map_err(incomplete)
    }

    /// The end of a claim, on condition that it is this pair's.
    fn release(&self, link: &Link, record: &RecordRef) -> Result<Delete, StoreError> {
        Delete::builder()
            .table_name(&self.table)
            .set_key(Some(claim_key(link, record)))
            .condition_expression(UNCLAIMED)
            .expression_attribute_names("#pair", "pair")
            .expression_attribute_values(":pair", text(link.key.row().to_string()))
            .build()
            .map_err(incomplete)
    }

    /// That the record belongs to nobody or to this pair.
    fn check(&self, link: &Link, record: &RecordRef) -> Result<ConditionCheck, StoreError> {
        ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(claim_key(link, record)))
            .condition_expression(UNCLAIMED)
            .expression_attribute_names("#pair", "pair")
            .expression_attribute_values(":pair", text(link.key.row().to_string()))
            .build()
            .map_err(incomplete)
    }

    /// The row, on condition that the stored version is the one that was read.
    fn put(&self, link: &Link, read_version: u64) -> Result<Put, StoreError> {
        let unit = &link.business_unit;
        let mut attributes = item(link_pk(unit, &link.key), "link".to_owned(), link)?;
        attributes.insert("version".to_owned(), number(link.version));
        attributes.insert("gsi1pk".to_owned(), text(state_pk(unit, link.state.name())));
        attributes.insert("gsi1sk".to_owned(), text(link.key.row().to_string()));
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
        put.build().map_err(incomplete)
    }

    /// A claim, on condition that the record belongs to nobody or to this pair.
    fn claim(&self, link: &Link, record: &RecordRef) -> Result<Put, StoreError> {
        let pair = text(link.key.row().to_string());
        Put::builder()
            .table_name(&self.table)
            .set_item(Some(claim_key(link, record)))
            .item("pair", pair.clone())
            .item("record", text(PairKey::of(record.clone()).to_string()))
            .condition_expression(UNCLAIMED)
            .expression_attribute_names("#pair", "pair")
            .expression_attribute_values(":pair", pair)
            .build()
            .map_err(incomplete)
    }
}
