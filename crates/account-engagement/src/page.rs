//! Paging: the token travels with `fields` and nothing else, and a chain stops at 100,000 rows
//! (apis K6, B2).

use serde_json::{Map, Value};

use crate::calls::CallKind;
use crate::client::Client;
use crate::error::{Error, ProtocolError};
use crate::field_list::Fields;
use crate::wire::{Answer, Call};

/// The most rows a page may have.
pub(crate) const PAGE_LIMIT: usize = 1000;

/// The warning that a chain of pages stopped with rows left.
const WARNING_TRUNCATED: u32 = 203;

/// One page as it came.
#[derive(Debug)]
pub(crate) struct Page {
    pub rows: Vec<Map<String, Value>>,
    pub next_token: Option<String>,
    pub is_truncated: bool,
}

impl Page {
    /// Whether there are rows behind this page.
    pub(crate) fn has_more(&self) -> bool {
        self.next_token.is_some() || self.is_truncated
    }
}

/// The rows of a whole query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows<T> {
    /// The rows, in the order asked for.
    pub rows: Vec<T>,
    /// Whether the service stopped at 100,000 rows with some left: ask again from the last row on.
    pub is_truncated: bool,
}

/// A collection that is read in pages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Collection {
    pub kind: CallKind,
    /// The path below `/api/v5/`.
    pub path: &'static str,
}

impl Client {
    /// The first page of a query.
    pub(crate) async fn first_page(
        &self,
        collection: Collection,
        fields: &Fields,
        parameters: &[(&'static str, String)],
    ) -> Result<Page, Error> {
        let mut query = vec![fields.parameter()];
        query.extend_from_slice(parameters);
        let call = Call::get(collection.kind, collection.path, query);
        parse(collection.kind, self.call(&call).await?)
    }

    /// The page that a token leads to.
    pub(crate) async fn next_page(
        &self,
        collection: Collection,
        fields: &Fields,
        token: String,
    ) -> Result<Page, Error> {
        let query = vec![fields.parameter(), ("nextPageToken", token)];
        let call = Call::get(collection.kind, collection.path, query);
        parse(collection.kind, self.call(&call).await?)
    }

    /// All pages of a query, or as many rows as `enough` says.
    pub(crate) async fn all_pages(
        &self,
        collection: Collection,
        fields: &Fields,
        parameters: &[(&'static str, String)],
        enough: Option<usize>,
    ) -> Result<Rows<Map<String, Value>>, Error> {
        let mut page = self.first_page(collection, fields, parameters).await?;
        let mut rows = Vec::new();
        loop {
            rows.append(&mut page.rows);
            let has_enough = enough.is_some_and(|count| rows.len() >= count);
            match page.next_token {
                Some(token) if !has_enough => {
                    page = self.next_page(collection, fields, token).await?;
                }
                _ => break,
            }
        }
        let is_truncated = page.is_truncated;
        if let Some(count) = enough {
            rows.truncate(count);
        }
        Ok(Rows { rows, is_truncated })
    }

    /// All rows of a small collection; one that is cut off is an error.
    pub(crate) async fn every_row(
        &self,
        collection: Collection,
        fields: &Fields,
        parameters: &[(&'static str, String)],
    ) -> Result<Vec<Map<String, Value>>, Error> {
        let answer = self.all_pages(collection, fields, parameters, None).await?;
        if answer.is_truncated {
            let problem = "the collection has more than 100,000 rows";
            return Err(ProtocolError::new(collection.kind, problem).into());
        }
        Ok(answer.rows)
    }
}

pub(crate) fn parse(kind: CallKind, answer: Answer) -> Result<Page, Error> {
    let protocol = |problem: &str| Error::from(ProtocolError::new(kind, problem));
    let Value::Object(mut body) = answer.body else {
        return Err(protocol("a page is not an object"));
    };
    let Some(Value::Array(values)) = body.remove("values") else {
        return Err(protocol("a page has no list `values`"));
    };
    let next_token = match body.remove("nextPageToken") {
        None | Some(Value::Null) => None,
        Some(Value::String(token)) => Some(token).filter(|token| !token.is_empty()),
        Some(_) => return Err(protocol("`nextPageToken` is not text")),
    };
    let mut rows = Vec::with_capacity(values.len());
    for value in values {
        match value {
            Value::Object(row) => rows.push(row),
            _ => return Err(protocol("a row of a page is not an object")),
        }
    }
    let is_truncated = next_token.is_none() && answer.warnings.contains(&WARNING_TRUNCATED);
    Ok(Page {
        rows,
        next_token,
        is_truncated,
    })
}
