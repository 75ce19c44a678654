//! Reading changes behind the last row seen, without a cursor on the server (apis A4).
//!
//! A bulk load stamps more rows than a page holds with one `SystemModstamp`: only the pair of stamp
//! and id tells where the next page begins.

use jiff::Timestamp;
use serde_json::Value;
use sync_core::ids::SalesforceId;

use crate::client::Client;
use crate::error::Error;
use crate::query::{Row, Rows};
use crate::soql::{Condition, Literal, NameError, Soql};

/// The largest page of a query (apis K12).
pub const ROWS_PER_PAGE: usize = 2_000;

const STAMP: &str = "SystemModstamp";

/// Where to go on reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyset {
    /// The first stamp of interest.
    pub from: Timestamp,
    /// The last row already read.
    pub after: Option<(Timestamp, SalesforceId)>,
    /// The first stamp that is of interest no more.
    pub to: Option<Timestamp>,
}

/// A page of changes.
#[derive(Clone, PartialEq)]
pub struct ChangePage {
    /// The rows in the order of (stamp, id), recycled ones included.
    pub rows: Vec<Row>,
    /// Where to go on; `None` behind the last row.
    pub next: Option<Keyset>,
}

impl Keyset {
    /// Everything from an instant on.
    #[must_use]
    pub fn starting(from: Timestamp) -> Self {
        Self {
            from,
            after: None,
            to: None,
        }
    }

    fn condition(&self) -> Condition {
        let stamp = |at: Timestamp| Literal::Instant(at);
        let beginning = match &self.after {
            None => Condition::AtLeast(STAMP.to_owned(), stamp(self.from)),
            Some((last_stamp, last_id)) => Condition::Or(vec![
                Condition::Greater(STAMP.to_owned(), stamp(*last_stamp)),
                Condition::And(vec![
                    Condition::Equal(STAMP.to_owned(), stamp(*last_stamp)),
                    Condition::Greater("Id".to_owned(), Literal::Text(last_id.to_string())),
                ]),
            ]),
        };
        match self.to {
            None => beginning,
            Some(to) => Condition::And(vec![
                beginning,
                Condition::Less(STAMP.to_owned(), stamp(to)),
            ]),
        }
    }

    fn query(&self, object: &str, fields: &[&str], limit: usize) -> Result<Soql, NameError> {
        // A deleted row that names a master was merged, not deleted (apis A15).
        let own: &[&str] = match object {
            "Lead" | "Contact" | "Account" => &["Id", STAMP, "IsDeleted", "MasterRecordId"],
            _ => &["Id", STAMP, "IsDeleted"],
        };
        let others = fields.iter().filter(|field| !own.contains(field));
        let fields = own.iter().chain(others).copied();
        Soql::select(
            object,
            fields,
            &self.condition(),
            &[STAMP, "Id"],
            Some(limit),
        )
    }
}

impl Client {
    /// One page of changes of an object, at most `limit` rows (and at most 2,000), whole or not
    /// read at all.
    ///
    /// # Errors
    /// When the call fails, or the page does not lead further.
    pub async fn poll_changes(
        &self,
        object: &str,
        fields: &[&str],
        keyset: &Keyset,
        limit: usize,
    ) -> Result<ChangePage, Error> {
        let limit = limit.clamp(1, ROWS_PER_PAGE);
        let query = keyset
            .query(object, fields, limit)
            .map_err(|error| Error::Refused {
                call: "query",
                problem: error.to_string(),
            })?;
        let page = self.first_page(&query, Rows::All).await?;
        // A page can be smaller than asked; only Salesforce's word makes it the last (apis K12).
        let is_last = page.next.is_none() && page.rows.len() < limit;
        let next = match page.rows.last() {
            Some(last) if !is_last => {
                let position = position(last)?;
                if keyset
                    .after
                    .as_ref()
                    .is_some_and(|after| *after == position)
                {
                    return Err(protocol("a page of changes ends where the last one did"));
                }
                Some(Keyset {
                    after: Some(position),
                    ..keyset.clone()
                })
            }
            _ => None,
        };
        Ok(ChangePage {
            rows: page.rows,
            next,
        })
    }

    /// Every row of an object whose `SystemModstamp` is `from` or later, recycled ones included, in
    /// the order of (stamp, id).
    ///
    /// # Errors
    /// The first call that fails.
    pub async fn changed_since(
        &self,
        object: &str,
        fields: &[&str],
        from: Timestamp,
    ) -> Result<Vec<Row>, Error> {
        let mut changed = Vec::new();
        let mut next = Some(Keyset::starting(from));
        while let Some(keyset) = next {
            let page = self
                .poll_changes(object, fields, &keyset, ROWS_PER_PAGE)
                .await?;
            changed.extend(page.rows);
            next = page.next;
        }
        Ok(changed)
    }
}

fn protocol(problem: &str) -> Error {
    Error::Protocol {
        call: "query",
        problem: problem.to_owned(),
    }
}

pub(crate) fn position(row: &Row) -> Result<(Timestamp, SalesforceId), Error> {
    let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
    let stamp = text(STAMP)
        .parse()
        .map_err(|_| protocol("a row has no SystemModstamp"))?;
    let id = text("Id")
        .parse()
        .map_err(|_| protocol("a row has no Id"))?;
    Ok((stamp, id))
}
