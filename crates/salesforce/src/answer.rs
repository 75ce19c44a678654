//! What an answer says: the code in its body first, its status second (apis A2).

use serde_json::Value;
use sync_core::error::is_free_of_phone_numbers;

use crate::code::ErrorCode;
use crate::error::{Error, ServiceError};
use crate::soql::check_name;

/// Reads the body of an answer; a success may have none.
pub(crate) fn read(
    call: &'static str,
    host: &str,
    status: u16,
    body: &[u8],
) -> Result<Value, Error> {
    let is_empty = body.is_empty() && (200..300).contains(&status);
    let json = if is_empty {
        Some(Value::Null)
    } else {
        serde_json::from_slice(body).ok()
    };
    interpret(call, host, status, json)
}

/// The verdict on an answer. `json` is `None` when the body is something else.
pub(crate) fn interpret(
    call: &'static str,
    host: &str,
    status: u16,
    json: Option<Value>,
) -> Result<Value, Error> {
    let unknown = |reason: String| Error::Unknown {
        call,
        host: host.to_owned(),
        reason,
    };
    if (200..300).contains(&status) {
        return json.ok_or_else(|| unknown("the answer is not JSON".to_owned()));
    }
    if let Some(error) = json.as_ref().and_then(|json| service_error(json, status)) {
        return Err(Error::Service(error));
    }
    // Between us and Salesforce something else may answer: what got through is not known then.
    if !(300..500).contains(&status) || status == 408 {
        return Err(unknown(format!("HTTP {status} without a code")));
    }
    Err(Error::Service(ServiceError {
        code: code_of(&format!("HTTP_{status}"), status),
        fields: Vec::new(),
        http_status: status,
        message: String::new(),
    }))
}

/// The error of a body: `[{"errorCode", "message", "fields"}]`.
fn service_error(json: &Value, status: u16) -> Option<ServiceError> {
    let first = json.as_array()?.first()?;
    let code = first
        .get("errorCode")
        .or_else(|| first.get("statusCode"))?
        .as_str()?;
    Some(ServiceError {
        code: code_of(code, status),
        fields: names(first.get("fields")),
        http_status: status,
        message: first
            .get("message")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
    })
}

/// The code of a text. A condition that did not hold is known by its status, whatever the text (A14).
fn code_of(text: &str, status: u16) -> ErrorCode {
    match ErrorCode::from_text(text) {
        ErrorCode::Unknown(_) if status == 412 => ErrorCode::PreconditionFailed,
        code => code,
    }
}

/// The API names of a list. Errors print them: whatever else is listed is left out.
pub(crate) fn names(json: Option<&Value>) -> Vec<String> {
    let listed = json
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    listed
        .iter()
        .filter_map(Value::as_str)
        .filter(|name| check_name(name).is_ok() && is_free_of_phone_numbers(name))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sync_core::error::ErrorClass;

    use super::*;

    fn failure(status: u16, json: Option<Value>) -> Error {
        interpret("query", "x.example", status, json).unwrap_err()
    }

    #[test]
    fn the_code_decides_before_the_status() {
        let body =
            json!([{ "errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "ConcurrentRequests" }]);
        assert_eq!(failure(403, Some(body)).class(), ErrorClass::Throttled);
        let body = json!([{ "errorCode": "UNABLE_TO_LOCK_ROW", "message": "" }]);
        assert_eq!(failure(400, Some(body)).class(), ErrorClass::Transient);
    }

    #[test]
    fn a_page_of_a_proxy_leaves_the_outcome_unknown() {
        for status in [408, 500, 502, 503, 504] {
            let error = failure(status, None);
            assert!(matches!(error, Error::Unknown { .. }), "{status}");
            assert!(error.may_have_landed() && error.class() == ErrorClass::Transient);
        }
        assert!(matches!(failure(200, None), Error::Unknown { .. }));
    }

    #[test]
    fn a_refusal_without_a_code_keeps_its_status() {
        let error = failure(404, None);
        assert_eq!(
            (error.code().as_str(), error.class()),
            ("HTTP_404", ErrorClass::Unclassified)
        );
        assert!(!error.may_have_landed());
    }

    #[test]
    fn a_condition_that_did_not_hold_is_known_by_its_status() {
        let wordless = failure(412, Some(Value::Null));
        let other = json!([{ "errorCode": "PRECONDITION", "message": "" }]);
        let halted = json!([{ "errorCode": "BATCH_PROCESSING_HALTED", "message": "" }]);
        for (error, code) in [
            (wordless, "PRECONDITION_FAILED"),
            (failure(412, Some(other)), "PRECONDITION_FAILED"),
            (failure(412, Some(halted)), "BATCH_PROCESSING_HALTED"),
        ] {
            assert_eq!(
                (error.code().as_str(), error.class()),
                (code, ErrorClass::Stale)
            );
            assert!(!error.may_have_landed());
        }
    }

    #[test]
    fn what_is_printed_holds_no_text_of_the_vendor() {
        let body = json!([{ "errorCode": "INVALID_EMAIL_ADDRESS", "fields": ["Email"],
            "message": "invalid: ann@example.org" }]);
        let error = failure(400, Some(body));
        assert_eq!(
            error.to_string(),
            "salesforce answered INVALID_EMAIL_ADDRESS for Email"
        );
        assert!(!format!("{error:?}").contains("ann"));
        let Error::Service(error) = error else {
            panic!("{error}")
        };
        assert_eq!(error.vendor_message(), "invalid: ann@example.org");
        for value in ["ann@example.org", "4155550123", "A4155550123"] {
            let body = json!([{ "errorCode": value, "fields": ["Email", value], "message": "" }]);
            assert_eq!(
                failure(400, Some(body)).to_string(),
                "salesforce answered UNREADABLE_CODE for Email"
            );
        }
    }
}
