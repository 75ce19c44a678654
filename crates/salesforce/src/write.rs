//! Writing: collections with a result per record, up to five of them in one call (apis A8, A9).

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Map, Value, json};
use sync_core::ids::SalesforceId;

use crate::answer::names;
use crate::client::{Call, Client, data_path};
use crate::code::ErrorCode;
use crate::composite::HEAVY_REQUESTS_PER_CALL;
use crate::error::{Error, RecordError};

/// The most records of one collection (apis A8).
pub const COLLECTION_RECORDS: usize = 200;

/// How many collections one composite call may hold (apis A9, MEM).
pub const COLLECTIONS_PER_CALL: usize = HEAVY_REQUESTS_PER_CALL;

/// How many runs of records of one object a collection may hold (apis A8, MEM).
const MAX_CHUNKS: usize = 10;

/// One record to write.
#[derive(Clone, PartialEq)]
pub struct Record {
    /// `Lead` or `Contact`.
    pub object: &'static str,
    /// The id of the record to change; `None` inserts.
    pub id: Option<SalesforceId>,
    /// Its fields; null clears one.
    pub fields: Map<String, Value>,
}

/// What became of one record: its id, or why not.
pub type RecordResult = Result<SalesforceId, RecordError>;

#[derive(Clone, Copy)]
pub(crate) enum Verb {
    Create,
    Update,
}

impl Verb {
    fn method(self) -> Method {
        match self {
            Self::Create => Method::POST,
            Self::Update => Method::PATCH,
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Create => "collection_create",
            Self::Update => "collection_update",
        }
    }
}

impl Record {
    fn to_json(&self) -> Value {
        let mut record = self.fields.clone();
        record.insert("attributes".to_owned(), json!({ "type": self.object }));
        if let Some(id) = &self.id {
            record.insert("id".to_owned(), json!(id.as_str()));
        }
        Value::Object(record)
    }
}

impl Client {
    /// Inserts records. One result per record, in the same order; a call that fails fails its own
    /// records only.
    pub async fn create(&self, records: &[Record]) -> Vec<Result<RecordResult, Error>> {
        self.write(Verb::Create, records).await
    }

    /// Changes records. One result per record, in the same order; a call that fails fails its own
    /// records only.
    pub async fn update(&self, records: &[Record]) -> Vec<Result<RecordResult, Error>> {
        self.write(Verb::Update, records).await
    }

    async fn write(&self, verb: Verb, records: &[Record]) -> Vec<Result<RecordResult, Error>> {
        let records: Vec<&Record> = records.iter().collect();
        let problems = problems(verb, &records);
        let sound = without_problems(&records, &problems);
        let results = self.write_sound(verb, &sound).await;
        with_problems(verb.kind(), problems, results)
    }

    async fn write_sound(
        &self,
        verb: Verb,
        records: &[&Record],
    ) -> Vec<Result<RecordResult, Error>> {
        let mut results = Vec::with_capacity(records.len());
        for group in collections(records).chunks(COLLECTIONS_PER_CALL) {
            let answers = match group {
                [only] => vec![self.write_one(verb, only).await],
                several => self.write_several(verb, several).await,
            };
            for (records, answer) in group.iter().zip(answers) {
                results.extend(read_results(verb.kind(), records.len(), answer));
            }
        }
        results
    }

    async fn write_one(&self, verb: Verb, records: &[&Record]) -> Result<Value, Error> {
        let body = collection(records);
        let call = Call::send(
            verb.kind(),
            verb.method(),
            data_path("composite/sobjects"),
            &body,
        );
        self.call(&call).await
    }

    /// Each collection has a verdict of its own: one that fails says nothing about the others.
    async fn write_several(&self, verb: Verb, groups: &[&[&Record]]) -> Vec<Result<Value, Error>> {
        let request = |records: &&[&Record]| {
            json!({
                "method": verb.method().as_str(),
                "url": data_path("composite/sobjects"),
                "httpHeaders": { "Sforce-Auto-Assign": "FALSE" },
                "body": collection(records),
            })
        };
        let answers = self
            .composite(verb.kind(), groups.iter().map(request).collect())
            .await;
        answers.unwrap_or_else(|error| vec![Err(error); groups.len()])
    }
}

pub(crate) fn refused(call: &'static str, problem: &str) -> Error {
    Error::Refused {
        call,
        problem: problem.to_owned(),
    }
}

pub(crate) fn protocol(call: &'static str, problem: &str) -> Error {
    Error::Protocol {
        call,
        problem: problem.to_owned(),
    }
}

/// Why a record is not sent. Which of two changes of one record would win is not defined, so neither
/// is made.
pub(crate) fn problems(verb: Verb, records: &[&Record]) -> Vec<Option<&'static str>> {
    let repeated = repeated(records.iter().filter_map(|record| record.id.as_ref()));
    let problem = |record: &&Record| match (verb, &record.id) {
        (Verb::Create, Some(_)) => Some("a record to create has an id"),
        (Verb::Update, None) => Some("a record to change has no id"),
        (Verb::Update, Some(id)) if repeated.contains(id) => {
            Some("the request holds the same record twice")
        }
        (Verb::Create, None) | (Verb::Update, Some(_)) => None,
    };
    records.iter().map(problem).collect()
}

/// What has nothing wrong with it.
pub(crate) fn without_problems<T: Copy>(all: &[T], problems: &[Option<&'static str>]) -> Vec<T> {
    let both = all.iter().zip(problems);
    both.filter(|(_, problem)| problem.is_none())
        .map(|(sound, _)| *sound)
        .collect()
}

/// The results of what was sent, and in between why the rest was not.
pub(crate) fn with_problems(
    call: &'static str,
    problems: Vec<Option<&'static str>>,
    results: Vec<Result<RecordResult, Error>>,
) -> Vec<Result<RecordResult, Error>> {
    let mut results = results.into_iter();
    let result_of = |problem: Option<&'static str>| match problem {
        Some(problem) => Err(refused(call, problem)),
        None => results
            .next()
            .unwrap_or_else(|| Err(protocol(call, "no result"))),
    };
    problems.into_iter().map(result_of).collect()
}

/// The ids that come more than once.
pub(crate) fn repeated<'a>(
    ids: impl Iterator<Item = &'a SalesforceId>,
) -> BTreeSet<&'a SalesforceId> {
    let mut seen = BTreeSet::new();
    ids.filter(|id| !seen.insert(*id)).collect()
}

fn collection(records: &[&Record]) -> Value {
    let records: Vec<Value> = records.iter().map(|record| record.to_json()).collect();
    json!({ "allOrNone": false, "records": records })
}

/// Cuts records into collections, in order: at most 200 records and ten runs of one object each.
fn collections<'a, 'r>(records: &'a [&'r Record]) -> Vec<&'a [&'r Record]> {
    let mut cut = Vec::new();
    let (mut start, mut runs) = (0, 0);
    for index in 0..records.len() {
        let begins_run = index == start || records[index].object != records[index - 1].object;
        let is_full = index - start == COLLECTION_RECORDS || (begins_run && runs == MAX_CHUNKS);
        if is_full && index > start {
            cut.push(&records[start..index]);
            (start, runs) = (index, 1);
        } else {
            runs += usize::from(begins_run);
        }
    }
    if start < records.len() {
        cut.push(&records[start..]);
    }
    cut
}

/// One result per record. An answer of another length fails the whole collection: which record a
/// result belongs to is known by position only.
pub(crate) fn read_results(
    call: &'static str,
    expected: usize,
    answer: Result<Value, Error>,
) -> Vec<Result<RecordResult, Error>> {
    let all = |error: Error| vec![Err(error); expected];
    match answer {
        Ok(Value::Array(results)) if results.len() == expected => results
            .iter()
            .map(|result| {
                read_result(result).ok_or_else(|| protocol(call, "a result is malformed"))
            })
            .collect(),
        Ok(_) => all(protocol(
            call,
            "the collection was answered with another number of results",
        )),
        Err(error) => all(error),
    }
}

fn read_result(result: &Value) -> Option<RecordResult> {
    if result.get("success")?.as_bool()? {
        return Some(Ok(result.get("id")?.as_str()?.parse().ok()?));
    }
    let error = result.get("errors")?.as_array()?.first()?;
    let code = error
        .get("statusCode")
        .or_else(|| error.get("errorCode"))?
        .as_str()?;
    let message = error
        .get("message")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let code = ErrorCode::from_text(code);
    Some(Err(RecordError::new(
        code,
        message.to_owned(),
        names(error.get("fields")),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(objects: &[&'static str]) -> Vec<Record> {
        objects
            .iter()
            .map(|object| Record {
                object,
                id: None,
                fields: Map::new(),
            })
            .collect()
    }

    fn all(records: &[Record]) -> Vec<&Record> {
        records.iter().collect()
    }

    #[test]
    fn a_thousand_records_of_one_object_are_five_collections() {
        let thousand = records(&["Lead"; 1_000]);
        let sizes: Vec<usize> = collections(&all(&thousand))
            .iter()
            .map(|c| c.len())
            .collect();
        assert_eq!(sizes, [200; 5]);
        assert_eq!(collections(&all(&records(&["Lead"; 201]))).len(), 2);
        assert!(collections(&[]).is_empty());
    }

    #[test]
    fn a_collection_holds_at_most_ten_runs() {
        let alternating: Vec<&'static str> = (0..25)
            .map(|index| if index % 2 == 0 { "Lead" } else { "Contact" })
            .collect();
        let records = records(&alternating);
        let sizes: Vec<usize> = collections(&all(&records))
            .iter()
            .map(|c| c.len())
            .collect();
        assert_eq!(sizes, [10, 10, 5]);
    }

    #[test]
    fn an_answer_of_another_length_fails_every_record() {
        let results = read_results("x", 3, Ok(json!([{ "success": true }])));
        assert_eq!(results.len(), 3);
        assert!(
            results
                .iter()
                .all(|result| matches!(result, Err(Error::Protocol { .. })))
        );
    }
}
