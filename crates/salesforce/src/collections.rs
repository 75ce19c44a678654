//! Collections of ids: deleting records, and reading them without a query (apis A8).

use reqwest::Method;
use serde_json::{Value, json};
use sync_core::ids::SalesforceId;

use crate::client::{Call, Client, check_object, data_path};
use crate::error::Error;
use crate::query::Row;
use crate::soql::check_name;
use crate::write::{COLLECTION_RECORDS, RecordResult, read_results, refused, repeated};

/// How many records one call may read by id (apis A8, MEM).
pub const RETRIEVED_PER_CALL: usize = 2_000;

impl Client {
    /// Deletes records. One result per id, in the same order; a call that fails fails its own
    /// records only.
    pub async fn delete(&self, ids: &[SalesforceId]) -> Vec<Result<RecordResult, Error>> {
        let kind = "collection_delete";
        if !repeated(ids.iter()).is_empty() {
            return vec![Err(refused(kind, "the request holds the same record twice")); ids.len()];
        }
        let mut results = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(COLLECTION_RECORDS) {
            let path = format!("composite/sobjects?ids={}&allOrNone=false", joined(chunk));
            let path = data_path(&path);
            let call = Call {
                kind,
                method: Method::DELETE,
                path,
                body: None,
            };
            results.extend(read_results(kind, chunk.len(), self.call(&call).await));
        }
        results
    }

    /// Reads records by id. One answer per id, in the same order; `None` for one that is not there
    /// or not visible.
    ///
    /// # Errors
    /// The first call that fails, or an answer that belongs to other ids.
    pub async fn retrieve(
        &self,
        object: &str,
        ids: &[SalesforceId],
        fields: &[&str],
    ) -> Result<Vec<Option<Row>>, Error> {
        let kind = "retrieve";
        check_object(kind, object)?;
        for field in fields {
            check_name(field).map_err(|error| refused(kind, &error.to_string()))?;
        }
        let others = fields.iter().copied().filter(|field| *field != "Id");
        let fields: Vec<&str> = ["Id"].into_iter().chain(others).collect();
        let mut found = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(RETRIEVED_PER_CALL) {
            let listed: Vec<&str> = chunk.iter().map(SalesforceId::as_str).collect();
            let body = json!({ "ids": listed, "fields": fields });
            let path = data_path(&format!("composite/sobjects/{object}"));
            let answer = self
                .call(&Call::send(kind, Method::POST, path, &body))
                .await?;
            found.extend(read_rows(chunk, answer)?);
        }
        Ok(found)
    }
}

fn joined(ids: &[SalesforceId]) -> String {
    let ids: Vec<&str> = ids.iter().map(SalesforceId::as_str).collect();
    ids.join(",")
}

pub(crate) fn read_rows(ids: &[SalesforceId], answer: Value) -> Result<Vec<Option<Row>>, Error> {
    let protocol = |problem: &str| Error::Protocol {
        call: "retrieve",
        problem: problem.to_owned(),
    };
    let rows = match answer {
        Value::Array(rows) if rows.len() == ids.len() => rows,
        _ => {
            return Err(protocol(
                "the ids were answered with another number of rows",
            ));
        }
    };
    let mut found = Vec::with_capacity(rows.len());
    for (id, row) in ids.iter().zip(rows) {
        let row = match row {
            Value::Null => None,
            Value::Object(row) => Some(row),
            _ => return Err(protocol("a row is an object or null")),
        };
        let given = row
            .as_ref()
            .and_then(|row| row.get("Id")?.as_str()?.parse().ok());
        if row.is_some() && given.as_ref() != Some(id) {
            return Err(protocol("a row belongs to another id"));
        }
        found.push(row);
    }
    Ok(found)
}
