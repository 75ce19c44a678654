//! Answers of Account Engagement. Each input begins with a line: status, `Pardot-Warning`, `Location`.

use account_engagement::testing::{self, Read, Reader};
use account_engagement::{CallKind, Error};
use serde_json::{Map, Value};

use super::records::{check_prospect, config};
use super::{head_and_body, word};
use crate::canary;

fn check_error(error: &Error) {
    canary::assert_kept_by(error);
    canary::assert_kept("a code", &error.code());
    let _ = error.class();
    if let Error::Service(error) = error {
        canary::assert_kept("a field", error.field().unwrap_or_default());
    }
}

fn answer(call: CallKind, input: &[u8]) -> Result<Read, Error> {
    thread_local! {
        static READER: Reader = Reader::new(sync_core::testing::business_unit());
    }
    let (head, body) = head_and_body(input);
    let status = word(&head, 0).unwrap_or(200);
    let warning: String = word(&head, 1).unwrap_or_default();
    let location: String = word(&head, 2).unwrap_or_default();
    let headers = [
        ("pardot-warning", warning.as_str()),
        ("location", &location),
    ];
    READER.with(|reader| reader.answer(call, status, &headers, body))
}

/// A page of prospects: rows are objects, and an empty token is none.
pub(super) fn page(input: &[u8]) {
    let read = answer(CallKind::Query, input).and_then(Read::page);
    let (rows, next, is_truncated) = match read {
        Ok(page) => page,
        Err(error) => return check_error(&error),
    };
    assert!(next.as_deref() != Some(""), "an empty token leads nowhere");
    assert!(
        next.is_none() || !is_truncated,
        "there is a next page, or there are rows left"
    );
    let config = config();
    for row in rows {
        match testing::prospects(vec![row]) {
            Ok(prospects) => prospects
                .iter()
                .for_each(|found| check_prospect(&config, found)),
            Err(error) => check_error(&error),
        }
    }
}

/// The answer to a read, a create and an update of one prospect: its id is the one asked for.
pub(super) fn prospect(input: &[u8]) {
    let known = sync_core::testing::prospect_id(7);
    let calls = [
        (CallKind::Read, Some(known)),
        (CallKind::Update, Some(known)),
        (CallKind::Create, None),
    ];
    for (call, asked) in calls {
        match answer(call, input).and_then(|read| read.prospect(call, asked)) {
            Ok(found) => {
                assert!(
                    asked.is_none_or(|asked| asked == found.id),
                    "another prospect answers"
                );
                assert!(!found.fields.contains_key("id"));
                check_prospect(&config(), &found);
            }
            Err(error) => {
                check_error(&error);
                let is_lost = matches!(error, Error::Unknown(_) | Error::Protocol(_));
                assert!(!is_lost || error.may_have_landed() == call.is_write());
            }
        }
    }
}

/// Rows of users, campaigns and custom fields, and the account.
pub(super) fn objects(input: &[u8]) {
    let read = answer(CallKind::Users, input).map(|read| read.body().clone());
    let body = match read {
        Ok(body) => body,
        Err(error) => return check_error(&error),
    };
    let listed = body.get("values").and_then(Value::as_array);
    for row in listed.into_iter().flatten().filter_map(Value::as_object) {
        check_object(row);
    }
    match answer(CallKind::Account, input).and_then(Read::account) {
        Ok(account) => drop(account.budget(25_000)),
        Err(error) => check_error(&error),
    }
}

fn check_object(row: &Map<String, Value>) {
    if let Err(error) = testing::user(row) {
        check_error(&error);
    }
    if let Err(error) = testing::campaign(row) {
        check_error(&error);
    }
    match testing::custom_field(row) {
        Ok(field) => assert!(!field.api_field_id.is_empty() && !field.field_type.is_empty()),
        Err(error) => check_error(&error),
    }
}

/// Any answer: an error of the service is never taken for a row, nor a row for an error.
pub(super) fn error(input: &[u8]) {
    let (head, body) = head_and_body(input);
    let status: u16 = word(&head, 0).unwrap_or(200);
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let is_row = json.as_ref().is_some_and(|json| json.get("id").is_some());
    for call in [CallKind::Query, CallKind::Create] {
        match answer(call, input) {
            Ok(read) => {
                assert!((200..300).contains(&status));
                assert_eq!(read.body(), json.as_ref().unwrap_or(&Value::Null));
            }
            Err(error) => {
                assert!(!(200..300).contains(&status) || !is_row || json.is_none());
                check_error(&error);
            }
        }
    }
}

/// The allowances in the headers of both services, and what they were made of comes back.
pub(super) fn allowance_headers(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Some(usage) = salesforce::testing::usage(&text) {
        let written = format!("api-usage={}/{}", usage.used, usage.max);
        assert_eq!(salesforce::testing::usage(&written), Some(usage));
    }
    if let Some(usage) = testing::usage(&text) {
        let written = format!("{}/{}", usage.used, usage.allowance);
        assert_eq!(testing::usage(&written), Some(usage));
    }
}
