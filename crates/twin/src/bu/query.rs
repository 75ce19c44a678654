//! Queries: parameters into filters and order, strictly as documented (apis.md B2).

use std::cmp::Ordering;
use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::BusinessUnit;
use super::errors::ApiError;
use super::fields::Kind;
use super::objects::Object;
use super::records::{Record, stamp};
use super::token::PageToken;

/// How a filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Comparison {
    Equal,
    OneOf,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Filter {
    field: String,
    comparison: Comparison,
    /// One value; several for `List`.
    values: Vec<String>,
    is_number: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Deleted {
    Only,
    Without,
    All,
}

/// A checked query.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Query {
    filters: Vec<Filter>,
    order_field: String,
    is_descending: bool,
    deleted: Deleted,
    limit: usize,
    offset: usize,
}

/// A page of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The rows, rendered.
    pub values: Vec<Value>,
    /// The token of the next page, if there is one.
    pub next_page_token: Option<String>,
    /// Whether the chain stopped at its limit with rows left (warning 203).
    pub is_cut_at_chain_limit: bool,
}

const SUFFIXES: [(&str, Comparison, bool); 9] = [
    ("GreaterThanOrEqualTo", Comparison::GreaterOrEqual, false),
    ("GreaterThan", Comparison::Greater, false),
    ("LessThanOrEqualTo", Comparison::LessOrEqual, false),
    ("LessThan", Comparison::Less, false),
    ("AfterOrEqualTo", Comparison::GreaterOrEqual, true),
    ("After", Comparison::Greater, true),
    ("BeforeOrEqualTo", Comparison::LessOrEqual, true),
    ("Before", Comparison::Less, true),
    ("List", Comparison::OneOf, false),
];

impl BusinessUnit {
    /// Answers one page of a query; with a token nothing but `fields` may travel.
    pub fn query(
        &mut self,
        object: Object,
        parameters: &[(String, String)],
        now: Timestamp,
    ) -> Result<Page, ApiError> {
        let asked = parameters.iter().find(|(name, _)| name == "fields");
        let (_, fields_text) = asked.ok_or_else(ApiError::fields_missing)?;
        let fields = self.parse_fields(object, fields_text)?;
        let token = parameters.iter().find(|(name, _)| name == "nextPageToken");
        let (query, after, served) = match token {
            Some((_, text)) => {
                if parameters.len() > 2 {
                    let why = "Only fields may be sent with it.";
                    return Err(ApiError::parameter("nextPageToken", why));
                }
                let token = PageToken::decode(text, &self.id, object.path(), now)?;
                (token.query, Some(token.after), token.served)
            }
            None => (self.parse_query(object, parameters)?, None, 0),
        };
        let rows = self.matching(object, &query, after.as_ref(), now);
        let left_in_chain = self.settings.page_chain_limit.saturating_sub(served);
        let take = query.limit.min(left_in_chain);
        let page: Vec<&Record> = rows.iter().take(take).copied().collect();
        let values = page
            .iter()
            .map(|row| self.view_in_query(object, row, &fields))
            .collect();
        let has_more = rows.len() > take;
        let is_cut_at_chain_limit = has_more && take == left_in_chain;
        let last = page.last().filter(|_| has_more && !is_cut_at_chain_limit);
        let next_page_token = last.map(|row| {
            PageToken {
                unit: self.id.clone(),
                object: object.path().to_owned(),
                issued_second: now.as_second(),
                after: (row.text(&query.order_field).to_owned(), row.id),
                served: served + page.len(),
                query: Query {
                    offset: 0,
                    ..query.clone()
                },
            }
            .encode()
        });
        let ids: Vec<u64> = page.iter().map(|row| row.id).collect();
        self.remember_read(object, &ids, now);
        Ok(Page {
            values,
            next_page_token,
            is_cut_at_chain_limit,
        })
    }

    /// Rows that match, in order, behind the last row of the page before.
    fn matching(
        &self,
        object: Object,
        query: &Query,
        after: Option<&(String, u64)>,
        now: Timestamp,
    ) -> Vec<&Record> {
        let mut rows: Vec<&Record> = self
            .table(object)
            .rows
            .values()
            .map(|row| self.seen(object, row, now))
            .filter(|row| query.wants(row))
            .filter(|row| after.is_none_or(|(key, id)| query.is_behind(row, key, *id)))
            .collect();
        rows.sort_by(|left, right| query.order(left, right.text(&query.order_field), right.id));
        rows.split_off(query.offset.min(rows.len()))
    }

    pub(super) fn seen<'a>(
        &'a self,
        object: Object,
        row: &'a Record,
        now: Timestamp,
    ) -> &'a Record {
        if object == Object::Prospects {
            self.cache.seen(row, now)
        } else {
            row
        }
    }

    pub(super) fn remember_read(&mut self, object: Object, ids: &[u64], now: Timestamp) {
        if object != Object::Prospects || self.cache.seconds == 0 {
            return;
        }
        let live = self
            .tables
            .get(&object)
            .expect("`new` puts a table for every object");
        for row in ids.iter().filter_map(|id| live.rows.get(id)) {
            self.cache.remember(row, now);
        }
    }

    fn parse_query(
        &self,
        object: Object,
        parameters: &[(String, String)],
    ) -> Result<Query, ApiError> {
        let mut query = Query {
            filters: Vec::new(),
            order_field: "id".to_owned(),
            is_descending: false,
            deleted: Deleted::Without,
            limit: 200,
            offset: 0,
        };
        for (name, value) in parameters {
            match name.as_str() {
                "fields" => {}
                "limit" => query.limit = bounded(name, value, 1, 1000)?,
                "offset" => query.offset = bounded(name, value, 0, 2000)?,
                "orderBy" => {
                    let (field, is_descending) = parse_order(object, value)?;
                    query.order_field = field;
                    query.is_descending = is_descending;
                }
                "deleted" if object.has_recycle_bin() => query.deleted = parse_deleted(value)?,
                _ => query.filters.push(self.parse_filter(object, name, value)?),
            }
        }
        let filtered: BTreeSet<&String> = query.filters.iter().map(|f| &f.field).collect();
        if filtered.len() > 3 {
            return Err(ApiError::new(
                400,
                209,
                "Too many filters; at most 3 fields are allowed",
            ));
        }
        Ok(query)
    }

    fn parse_filter(&self, object: Object, name: &str, value: &str) -> Result<Filter, ApiError> {
        let unknown = || ApiError::parameter(name, "It is not a parameter of this operation.");
        let suffix = SUFFIXES.iter().find_map(|(suffix, comparison, is_date)| {
            name.strip_suffix(suffix)
                .map(|base| (base, *comparison, Some(*is_date)))
        });
        let (base, comparison, is_date) = suffix.unwrap_or((name, Comparison::Equal, None));
        let field = object
            .filterable()
            .contains(&base)
            .then(|| self.field(object, base))
            .flatten()
            .ok_or_else(unknown)?;
        let (comparison, values) = match (field.kind, comparison, is_date) {
            (Kind::DateTime, _, Some(true)) => date_filter(base, comparison, value)?,
            (Kind::DateTime, _, _) | (_, _, Some(true)) => return Err(unknown()),
            (_, Comparison::OneOf, _) => {
                let items: Vec<String> = value.split(',').map(|v| v.trim().to_owned()).collect();
                (comparison, items)
            }
            (Kind::Integer, _, _) | (_, Comparison::Equal, _) => {
                (comparison, vec![value.to_owned()])
            }
            _ => return Err(unknown()),
        };
        let is_number = field.kind == Kind::Integer;
        if is_number && values.iter().any(|value| value.parse::<i64>().is_err()) {
            return Err(ApiError::format(56, name));
        }
        Ok(Filter {
            field: base.to_owned(),
            comparison,
            values,
            is_number,
        })
    }
}

impl Query {
    fn wants(&self, row: &Record) -> bool {
        let is_in_part = match self.deleted {
            Deleted::All => true,
            Deleted::Only => row.is_deleted(),
            Deleted::Without => !row.is_deleted(),
        };
        is_in_part && self.filters.iter().all(|filter| filter.wants(row))
    }

    /// The order of a row relative to a key and id; descending turns both.
    fn order(&self, row: &Record, key: &str, id: u64) -> Ordering {
        let ordering = row.text(&self.order_field).cmp(key).then(row.id.cmp(&id));
        if self.is_descending {
            ordering.reverse()
        } else {
            ordering
        }
    }

    fn is_behind(&self, row: &Record, key: &str, id: u64) -> bool {
        self.order(row, key, id) == Ordering::Greater
    }
}

impl Filter {
    fn wants(&self, row: &Record) -> bool {
        let held = row.get(&self.field);
        let matches_one = |wanted: &String| {
            let ordering = if self.is_number {
                held.as_i64()
                    .map(|held| held.cmp(&wanted.parse().unwrap_or_default()))
            } else {
                held.as_str().map(|held| held.cmp(wanted.as_str()))
            };
            ordering.is_some_and(|ordering| match self.comparison {
                Comparison::Equal | Comparison::OneOf => ordering.is_eq(),
                Comparison::Greater => ordering.is_gt(),
                Comparison::GreaterOrEqual => ordering.is_ge(),
                Comparison::Less => ordering.is_lt(),
                Comparison::LessOrEqual => ordering.is_le(),
            })
        };
        self.values.iter().any(matches_one)
    }
}

/// A date filter against rows of whole seconds: a fraction turns `>=` into `>` and `<` into `<=`.
fn date_filter(
    field: &str,
    comparison: Comparison,
    value: &str,
) -> Result<(Comparison, Vec<String>), ApiError> {
    let instant: Timestamp = value.parse().map_err(|_| ApiError::format(57, field))?;
    let has_fraction = instant.subsec_nanosecond() != 0;
    let adjusted = match comparison {
        Comparison::GreaterOrEqual if has_fraction => Comparison::Greater,
        Comparison::Less if has_fraction => Comparison::LessOrEqual,
        other => other,
    };
    Ok((adjusted, vec![stamp(instant)]))
}

fn bounded(name: &str, value: &str, least: usize, most: usize) -> Result<usize, ApiError> {
    value
        .parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| ApiError::parameter(name, &format!("It must be {least} to {most}.")))
}

fn parse_order(object: Object, value: &str) -> Result<(String, bool), ApiError> {
    let bad = || ApiError::parameter("orderBy", "It is no field of this object to order by.");
    let (field, direction) = value
        .trim()
        .split_once(' ')
        .unwrap_or((value.trim(), "ASC"));
    let is_descending = match direction.trim().to_ascii_uppercase().as_str() {
        "ASC" => false,
        "DESC" => true,
        _ => return Err(bad()),
    };
    if object.orderable().contains(&field) {
        Ok((field.to_owned(), is_descending))
    } else {
        Err(bad())
    }
}

fn parse_deleted(value: &str) -> Result<Deleted, ApiError> {
    match value {
        "all" => Ok(Deleted::All),
        "true" => Ok(Deleted::Only),
        "false" => Ok(Deleted::Without),
        _ => Err(ApiError::parameter(
            "deleted",
            "It must be all, true or false.",
        )),
    }
}
