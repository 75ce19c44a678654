//! Answers of Salesforce: pages, collections, composites, errors, descriptions and tokens.

use salesforce::{ClientSecret, Credentials, Error, RecordResult, Row, Settings, testing};
use serde_json::Value;
use sync_core::ids::{CrmId, SalesforceId};

use super::records::{check_crm_row, config};
use super::{head_and_body, word};
use crate::canary;

/// What holds of every error: no value in it, and a class, a code and a verdict about landing that
/// agree.
fn check_error(error: &Error) {
    canary::assert_kept_by(error);
    canary::assert_kept("a code", &error.code());
    let is_open = matches!(error, Error::Unknown { .. } | Error::Protocol { .. });
    assert!(
        !is_open || error.may_have_landed(),
        "an open outcome is one"
    );
    let _ = error.class();
}

fn parsed(status: u16, body: &[u8]) -> Option<Value> {
    match testing::answer(status, body) {
        Ok(answer) => Some(answer),
        Err(error) => {
            check_error(&error);
            None
        }
    }
}

/// A page: rows are objects, and the next page is inside the API.
pub(super) fn query_page(input: &[u8]) {
    let Some(answer) = parsed(200, input) else {
        return;
    };
    match testing::page(answer) {
        Ok((rows, next)) => check_page(&rows, next.as_deref()),
        Err(error) => check_error(&error),
    }
}

fn check_page(rows: &[Row], next: Option<&str>) {
    if let Some(next) = next {
        let url = reqwest::Url::parse(&format!("https://x.my.salesforce.com{next}"));
        let url = url.expect("a path makes a URL");
        assert_eq!(url.host_str(), Some("x.my.salesforce.com"), "{next}");
        assert!(url.path().starts_with("/services/data/"), "{next}");
    }
    let config = config();
    for row in rows {
        check_crm_row(&config, row);
        if let Err(error) = testing::position(row) {
            check_error(&error);
        }
    }
}

/// A collection, after a line with the number of its records: one result per record, whatever came.
pub(super) fn collection(input: &[u8]) {
    let (head, body) = head_and_body(input);
    let expected = word(&head, 0).unwrap_or(1_usize).min(200);
    let answer = testing::answer(200, body);
    let results = testing::results(expected, answer.clone());
    assert_eq!(results.len(), expected, "one result per record");
    for result in &results {
        check_result(result);
    }
    let ids: Vec<SalesforceId> = (1..=expected as u64)
        .map(|number| sync_core::testing::lead_id(number).as_str().parse())
        .collect::<Result<_, _>>()
        .expect("ids of leads");
    match answer.map(|answer| testing::retrieved(&ids, answer)) {
        Ok(Ok(rows)) => {
            assert_eq!(rows.len(), expected);
            for (row, id) in rows.iter().zip(&ids) {
                let given = row
                    .as_ref()
                    .map(|row| row["Id"].as_str().unwrap_or_default());
                assert!(given.is_none_or(|given| given.parse().as_ref() == Ok(id)));
            }
        }
        Ok(Err(error)) | Err(error) => check_error(&error),
    }
}

fn check_result(result: &Result<RecordResult, Error>) {
    match result {
        Ok(Ok(id)) => {
            assert_eq!(id.as_str().len(), 18);
            let _ = CrmId::try_from(id.clone());
        }
        Ok(Err(refused)) => {
            canary::assert_kept_by(refused);
            canary::assert_kept("a code", refused.code.as_str());
            canary::assert_kept("fields", &refused.fields.join(","));
            let _ = refused.class();
        }
        Err(error) => check_error(error),
    }
}

/// A composite answer, after a line with the number of its subrequests: one answer each.
pub(super) fn composite(input: &[u8]) {
    let (head, body) = head_and_body(input);
    let expected = word(&head, 0).unwrap_or(1_usize);
    let Some(answer) = parsed(200, body) else {
        return;
    };
    let parts = match testing::composite(expected, answer) {
        Ok(parts) => parts,
        Err(error) => return check_error(&error),
    };
    assert_eq!(parts.len(), expected, "one answer per subrequest");
    for part in parts {
        match part.map(|answer| (testing::page(answer.clone()), answer)) {
            Ok((Ok((rows, next)), _)) => check_page(&rows, next.as_deref()),
            Ok((Err(error), answer)) => {
                check_error(&error);
                testing::results(3, Ok(answer))
                    .iter()
                    .for_each(check_result);
            }
            Err(error) => check_error(&error),
        }
    }
}

/// Any answer, after a line with its status: a status of success and JSON is one, all else an error.
pub(super) fn error(input: &[u8]) {
    let (head, body) = head_and_body(input);
    let status = word(&head, 0).unwrap_or(400);
    let is_success = (200..300).contains(&status);
    let json: Option<Value> = serde_json::from_slice(body).ok();
    match testing::answer(status, body) {
        Ok(answer) => {
            assert!(is_success);
            assert_eq!(answer, json.unwrap_or_default());
        }
        Err(error) => {
            assert!(!is_success || json.is_none());
            check_error(&error);
            if let Error::Service(error) = &error {
                canary::assert_kept("fields", &error.fields.join(","));
            }
        }
    }
}

/// The description of an object.
pub(super) fn describe(input: &[u8]) {
    let Some(answer) = parsed(200, input) else {
        return;
    };
    match testing::fields(&answer) {
        Ok(fields) => assert_eq!(
            Some(fields.len()),
            answer["fields"].as_array().map(Vec::len)
        ),
        Err(error) => check_error(&error),
    }
}

/// A token reply, after a line with its status: a session that goes to Salesforce and prints no token.
pub(super) fn token(input: &[u8]) {
    let (head, body) = head_and_body(input);
    let status = word(&head, 0).unwrap_or(200);
    let secret = ClientSecret::new("s");
    let credentials = Credentials::ClientCredentials { secret };
    let settings = Settings::new("https://login.salesforce.com", "id", credentials);
    match testing::session(&settings, status, body) {
        Ok(session) => {
            assert_eq!(status, 200);
            let url = reqwest::Url::parse(&session.instance_url).expect("an origin is a URL");
            let host = url.host_str().unwrap_or_default();
            assert_eq!(url.scheme(), "https");
            assert!(
                host.ends_with(".salesforce.com") || host.ends_with(".force.com"),
                "{host}"
            );
            assert_eq!(url.path(), "/");
            assert_eq!(format!("{:?}", session.bearer), "Bearer(secret)");
        }
        Err(error) => check_error(&error),
    }
    if let Ok(pem) = std::str::from_utf8(body) {
        let _ = salesforce::PrivateKey::from_pem(pem);
    }
}
