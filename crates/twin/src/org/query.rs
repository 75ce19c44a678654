//! Queries against the committed rows of the org.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::ast::{Operator, Order, Query};
use super::cursors::Page;
use super::evaluate::{Hop, Key, Path, Test};
use super::schema::Object;
use super::soql::parse;
use super::table::Row;
use super::{Caller, Org, OrgError};

/// The largest page.
pub const PAGE: usize = 2000;

/// The longest query text, in characters.
const LONGEST: usize = 100_000;

/// How a query is read.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// Whether deleted rows are shown.
    pub with_deleted: bool,
    /// The page size asked for.
    pub batch_size: usize,
    /// The API version, for the addresses of rows.
    pub version: &'a str,
}

impl Org {
    /// Runs a query and answers its first page.
    ///
    /// # Errors
    /// `MALFORMED_QUERY`, `INVALID_TYPE`, `INVALID_FIELD` and the like.
    pub fn query(
        &mut self,
        soql: &str,
        reading: Reading<'_>,
        caller: &Caller,
    ) -> Result<Page, OrgError> {
        if soql.chars().count() > LONGEST {
            let why = format!("SOQL statements cannot be longer than {LONGEST} characters.");
            return Err(OrgError::new("MALFORMED_QUERY", why));
        }
        let query = parse(soql)?;
        let object = self.object(&query.from).map_err(|_| {
            let why = format!("sObject type '{}' is not supported.", query.from);
            OrgError::new("INVALID_TYPE", why)
        })?;
        let mut found = self.select(object, &query, reading, caller)?;
        if query.offset > PAGE {
            let why = format!("Maximum SOQL offset allowed is {PAGE}");
            return Err(OrgError::new("NUMBER_OUTSIDE_VALID_RANGE", why));
        }
        found.drain(..query.offset.min(found.len()));
        found.truncate(query.limit.unwrap_or(usize::MAX));
        let Some(fields) = &query.fields else {
            return Ok(Page {
                total_size: found.len(),
                records: Vec::new(),
                next: None,
            });
        };
        let paths: Vec<Path> = fields
            .iter()
            .map(|field| self.resolve(object, field, &caller.user_id))
            .collect::<Result<_, _>>()?;
        let render = |row: &&Row| self.render(object, row, &paths, reading.version);
        let records: Vec<Value> = found.iter().map(render).collect();
        let size = reading
            .batch_size
            .clamp(1, PAGE)
            .min(self.page_size.unwrap_or(PAGE));
        Ok(self.cursors.open(records, size, caller.now))
    }

    fn select<'a>(
        &'a self,
        object: &Object,
        query: &Query,
        reading: Reading<'_>,
        caller: &Caller,
    ) -> Result<Vec<&'a Row>, OrgError> {
        let condition = query.condition.as_ref();
        let test = condition
            .map(|held| self.bind(object, held, &caller.user_id))
            .transpose()?;
        let order: Vec<(Path, &Order)> = query
            .order
            .iter()
            .map(|order| Ok((self.resolve(object, &order.field, &caller.user_id)?, order)))
            .collect::<Result<_, OrgError>>()?;
        let is_shown =
            |row: &&Row| !row.is_deleted() || (reading.with_deleted && !self.is_gone(row, caller));
        let passes = |row: &&Row| test.as_ref().is_none_or(|test| self.passes(row, test));
        let mut found: Vec<&Row> = match test.as_ref().and_then(ids) {
            Some(ids) => {
                let rows = ids.into_iter().filter_map(|id| self.row(&object.name, id));
                rows.filter(is_shown).filter(passes).collect()
            }
            None => {
                let rows = self.rows(&object.name).map(|(_, row)| row);
                rows.filter(is_shown).filter(passes).collect()
            }
        };
        if !order.is_empty() {
            found.sort_by_cached_key(|row| self.place(row, &order));
        }
        Ok(found)
    }

    fn place(&self, row: &Row, order: &[(Path, &Order)]) -> Vec<Place> {
        order
            .iter()
            .map(|(path, order)| Place {
                key: self.sort_key(row, path),
                is_descending: order.is_descending,
                nulls_last: order.nulls_last,
            })
            .collect()
    }

    /// A row with some of its fields, parents nested.
    #[must_use]
    pub fn render(&self, object: &Object, row: &Row, paths: &[Path], version: &str) -> Value {
        let mut record = Map::new();
        record.insert(
            "attributes".to_owned(),
            attributes(&object.name, row, version),
        );
        for path in paths {
            self.put_value(&mut record, row, &path.hops, &path.field.name, version);
        }
        Value::Object(record)
    }

    fn put_value(
        &self,
        record: &mut Map<String, Value>,
        row: &Row,
        hops: &[Hop],
        field: &str,
        version: &str,
    ) {
        let Some((hop, further)) = hops.split_first() else {
            record.insert(field.to_owned(), row.get(field).clone());
            return;
        };
        let Some(parent) = self.follow(row, std::slice::from_ref(hop)) else {
            record.insert(hop.relationship.clone(), Value::Null);
            return;
        };
        let attributes = attributes(&hop.object, parent, version);
        let nested = record
            .entry(hop.relationship.clone())
            .or_insert_with(|| json!({ "attributes": attributes }));
        if let Value::Object(nested) = nested {
            self.put_value(nested, parent, further, field, version);
        }
    }
}

fn attributes(object: &str, row: &Row, version: &str) -> Value {
    let url = format!(
        "/services/data/{version}/sobjects/{object}/{}",
        row.text("Id")
    );
    json!({ "type": object, "url": url })
}

/// The ids a condition confines the result to, in order, so that not every row is looked at.
fn ids(test: &Test) -> Option<Vec<&str>> {
    let is_id = |path: &Path| path.hops.is_empty() && path.field.name == "Id";
    match test {
        Test::All(tests) => tests.iter().find_map(ids),
        Test::Among(path, true, keys) if is_id(path) => {
            Some(keys.iter().filter_map(text).collect())
        }
        Test::Compare(path, Operator::Equal, key) if is_id(path) => {
            Some(text(key).into_iter().collect())
        }
        _ => None,
    }
}

fn text(key: &Key) -> Option<&str> {
    if let Key::Text(text) = key {
        Some(text)
    } else {
        None
    }
}

/// A row's place under one field of the order.
#[derive(PartialEq, Eq)]
struct Place {
    key: Key,
    is_descending: bool,
    nulls_last: bool,
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        let (left, right) = (self.key == Key::Null, other.key == Key::Null);
        if left || right {
            let nulls_first = right.cmp(&left);
            return if self.nulls_last {
                nulls_first.reverse()
            } else {
                nulls_first
            };
        }
        let ordering = self.key.cmp(&other.key);
        if self.is_descending {
            ordering.reverse()
        } else {
            ordering
        }
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
