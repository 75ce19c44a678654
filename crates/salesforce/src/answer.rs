//! What an answer says: the code in its body first, its status second (apis A2).

use serde_json::Value;

use crate::code::ErrorCode;
use crate::error::{Error, ServiceError};

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
        code: ErrorCode::Unknown(format!("HTTP_{status}")),
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
        code: ErrorCode::from_text(code),
        fields: text_list(first.get("fields")),
        http_status: status,
        message: first
            .get("message")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
    })
}

/// A list of texts, empty when it is absent or something else.
pub(crate) fn text_list(json: Option<&Value>) -> Vec<String> {
    let listed = json
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    listed
        .iter()
        .filter_map(Value::as_str)
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
    }
}
