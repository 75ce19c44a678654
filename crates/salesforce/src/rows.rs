//! Changes of single rows, each only while nobody else has changed the row: 25 in one call, because a
//! collection cannot carry a condition (apis A9, A14).

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::client::{Client, data_path};
use crate::error::{Error, RecordError};
use crate::write::{
    Record, RecordResult, Verb, problems, protocol, with_problems, without_problems,
};

/// How many changes of single rows one composite call may hold (apis A9).
pub const ROWS_PER_CALL: usize = 25;

const KIND: &str = "conditional_update";

/// A change that is refused when the record was changed since it was read.
#[derive(Clone, PartialEq)]
pub struct ConditionalChange {
    /// What to change.
    pub record: Record,
    /// The last change that was seen. Compared at whole seconds: a later change within this second
    /// is not noticed.
    pub unmodified_since: Timestamp,
}

impl ConditionalChange {
    fn to_request(&self) -> Option<Value> {
        let id = self.record.id.as_ref()?;
        let row = format!("sobjects/{}/{}", self.record.object, id.as_str());
        Some(json!({
            "method": "PATCH",
            "url": data_path(&row),
            "httpHeaders": {
                "Sforce-Auto-Assign": "FALSE",
                "If-Unmodified-Since": http_date(self.unmodified_since),
            },
            "body": self.record.fields,
        }))
    }
}

/// An instant as HTTP writes it, rounded down to its second.
fn http_date(instant: Timestamp) -> String {
    let utc = instant.to_zoned(TimeZone::UTC);
    utc.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

impl Client {
    /// Changes records that nobody else has changed since. One result per record, in the same order,
    /// [`ROWS_PER_CALL`] a call; a record that was changed fails alone, with `PRECONDITION_FAILED`.
    pub async fn update_unmodified(
        &self,
        changes: &[ConditionalChange],
    ) -> Vec<Result<RecordResult, Error>> {
        let records: Vec<&Record> = changes.iter().map(|change| &change.record).collect();
        let problems = problems(Verb::Update, &records);
        let changes: Vec<&ConditionalChange> = changes.iter().collect();
        let sound = without_problems(&changes, &problems);
        let mut results = Vec::with_capacity(sound.len());
        for chunk in sound.chunks(ROWS_PER_CALL) {
            let requests = chunk.iter().filter_map(|change| change.to_request());
            let answers = self.composite(KIND, requests.collect()).await;
            let answers = answers.unwrap_or_else(|error| vec![Err(error); chunk.len()]);
            for (change, answer) in chunk.iter().zip(answers) {
                results.push(result(&change.record, answer));
            }
        }
        with_problems(KIND, problems, results)
    }
}

/// What became of one row. A refusal is the record's own; a failure of the service may have landed.
fn result(record: &Record, answer: Result<Value, Error>) -> Result<RecordResult, Error> {
    match answer {
        Ok(_) => {
            let id = record.id.clone();
            id.map(Ok).ok_or_else(|| protocol(KIND, "no id"))
        }
        Err(Error::Service(error)) if error.http_status < 500 => Ok(Err(RecordError::new(
            error.code,
            error.message,
            error.fields,
        ))),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_an_http_date_of_whole_seconds() {
        for text in ["2026-11-30T08:34:54Z", "2026-11-30T08:34:54.999Z"] {
            let instant = text.parse().expect("an instant");
            assert_eq!(http_date(instant), "Mon, 30 Nov 2026 08:34:54 GMT");
        }
        let early = "2026-01-05T00:00:00Z".parse().expect("an instant");
        assert_eq!(http_date(early), "Mon, 05 Jan 2026 00:00:00 GMT");
    }
}
