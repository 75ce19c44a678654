//! Reading: queries to their last page, and several queries in one call (apis A3).

use std::ops::ControlFlow;

use reqwest::Url;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::client::{Call, Client, data_path};
use crate::composite::HEAVY_REQUESTS_PER_CALL;
use crate::error::Error;
use crate::soql::Soql;

/// A row as Salesforce answers it.
pub type Row = Map<String, Value>;

/// How many queries one composite call may hold (apis A9, MEM).
pub const QUERIES_PER_CALL: usize = HEAVY_REQUESTS_PER_CALL;

/// The longest query that travels in the URL; longer ones go in the body of a composite call.
const MAX_URL_QUERY_BYTES: usize = 6_000;

/// Whether rows in the recycle bin are answered too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Live rows only.
    Live,
    /// Deleted and archived rows too: `queryAll`.
    All,
}

impl Rows {
    fn resource(self) -> &'static str {
        match self {
            Self::Live => "query",
            Self::All => "queryAll",
        }
    }
}

/// A page, and where the next one is.
pub(crate) struct Page {
    pub rows: Vec<Row>,
    pub next: Option<String>,
}

fn protocol(problem: &str) -> Error {
    Error::Protocol {
        call: "query",
        problem: problem.to_owned(),
    }
}

/// Reads a page. Whether there is more is Salesforce's word, never a computation (apis K12).
pub(crate) fn read_page(json: Value) -> Result<Page, Error> {
    let Value::Object(mut page) = json else {
        return Err(protocol("a page is an object"));
    };
    let Some(Value::Array(records)) = page.remove("records") else {
        return Err(protocol("a page has `records`"));
    };
    let is_done = page
        .get("done")
        .and_then(Value::as_bool)
        .ok_or_else(|| protocol("no `done`"))?;
    let next = page
        .get("nextRecordsUrl")
        .and_then(Value::as_str)
        .map(str::to_owned);
    if !is_done && next.is_none() {
        return Err(protocol(
            "a page that is not the last has no `nextRecordsUrl`",
        ));
    }
    if next.as_deref().is_some_and(|next| !is_in_api(next)) {
        return Err(protocol("`nextRecordsUrl` leads out of the API"));
    }
    let rows = records
        .into_iter()
        .map(|record| match record {
            Value::Object(row) => Ok(row),
            _ => Err(protocol("a record is an object")),
        })
        .collect::<Result<_, _>>()?;
    Ok(Page {
        rows,
        next: next.filter(|_| !is_done),
    })
}

/// Whether a path stays in the API when it is sent, with `..`, `\` and escapes resolved.
fn is_in_api(path: &str) -> bool {
    let is_path = |url: Url| url.path().starts_with("/services/data/");
    path.starts_with("/services/data/")
        && Url::parse(&format!("https://org.example{path}")).is_ok_and(is_path)
}

fn encode(text: &str) -> String {
    let pairs = [("q", text)];
    Url::parse_with_params("http://x/", pairs)
        .ok()
        .and_then(|url| url.query().map(str::to_owned))
        .unwrap_or_default()
}

impl Client {
    /// All rows of a query, page by page to the end.
    ///
    /// # Errors
    /// The first call that fails.
    pub async fn query(&self, soql: &Soql, rows: Rows) -> Result<Vec<Row>, Error> {
        let mut answers = self.query_many(std::slice::from_ref(soql), rows).await?;
        Ok(answers.pop().unwrap_or_default())
    }

    /// All rows of several queries, [`QUERIES_PER_CALL`] a call. Answers in the same order.
    ///
    /// # Errors
    /// The first query that fails.
    pub async fn query_many(&self, queries: &[Soql], rows: Rows) -> Result<Vec<Vec<Row>>, Error> {
        let mut answers = Vec::with_capacity(queries.len());
        for chunk in queries.chunks(QUERIES_PER_CALL) {
            for page in self.first_pages(chunk, rows).await? {
                answers.push(self.follow(page).await?);
            }
        }
        Ok(answers)
    }

    /// All rows of a query as values of a type.
    ///
    /// # Errors
    /// The first call that fails, or a row that is not of the type.
    pub async fn query_as<T: DeserializeOwned>(
        &self,
        soql: &Soql,
        rows: Rows,
    ) -> Result<Vec<T>, Error> {
        let found = self.query(soql, rows).await?;
        // The cause names the value that does not fit, which can be personal data.
        let read = |row| serde_json::from_value(Value::Object(row));
        let read: Result<Vec<T>, _> = found.into_iter().map(read).collect();
        read.map_err(|_| protocol("a row is not of the type asked for"))
    }

    /// The rows of a query page by page, until the end or until `take` has enough.
    ///
    /// # Errors
    /// The first call that fails.
    pub async fn query_pages(
        &self,
        soql: &Soql,
        rows: Rows,
        mut take: impl FnMut(Vec<Row>) -> ControlFlow<()> + Send,
    ) -> Result<(), Error> {
        let mut page = self.first_page(soql, rows).await?;
        loop {
            if take(page.rows).is_break() {
                return Ok(());
            }
            let Some(path) = page.next else { return Ok(()) };
            page = self.page("query_more", path).await?;
        }
    }

    async fn first_pages(&self, queries: &[Soql], rows: Rows) -> Result<Vec<Page>, Error> {
        if let [only] = queries {
            let encoded = encode(only.as_str());
            if encoded.len() <= MAX_URL_QUERY_BYTES {
                let path = data_path(&format!("{}?{encoded}", rows.resource()));
                return Ok(vec![self.page("query", path).await?]);
            }
        }
        let requests: Vec<Value> = queries
            .iter()
            .map(|query| {
                let resource = format!("{}?{}", rows.resource(), encode(query.as_str()));
                json!({ "method": "GET", "url": data_path(&resource) })
            })
            .collect();
        let answers = self.composite("query", requests).await?;
        answers
            .into_iter()
            .map(|answer| read_page(answer?))
            .collect()
    }

    /// The first page only, whichever way the query has to travel.
    pub(crate) async fn first_page(&self, query: &Soql, rows: Rows) -> Result<Page, Error> {
        let mut pages = self.first_pages(std::slice::from_ref(query), rows).await?;
        pages.pop().ok_or_else(|| protocol("a query has a page"))
    }

    async fn page(&self, kind: &'static str, path: String) -> Result<Page, Error> {
        read_page(self.call(&Call::get(kind, path)).await?)
    }

    async fn follow(&self, first: Page) -> Result<Vec<Row>, Error> {
        let Page { mut rows, mut next } = first;
        while let Some(path) = next {
            let page = self.page("query_more", path).await?;
            rows.extend(page.rows);
            next = page.next;
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_in_the_api() {
        assert!(is_in_api("/services/data/v67.0/query/01g000-2000"));
        for path in [
            "/services/data/../../secur/logout.jsp",
            "/services/data/\\..\\..\\secur/logout.jsp",
            "/services/data/%2e%2e/%2E%2e/secur/logout.jsp",
            "//evil.example/services/data/",
            "",
        ] {
            assert!(!is_in_api(path), "{path}");
        }
    }
}
