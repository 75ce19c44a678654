//! Every documented error code and what it means for us (apis A17).

use sync_core::error::{ErrorClass, is_free_of_phone_numbers};

macro_rules! codes {
    ($($name:ident $text:literal $class:ident,)*) => {
        /// An error code of Salesforce.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum ErrorCode {
            $(#[doc = concat!("`", $text, "`")] $name,)*
            /// A code that table A17 does not list, kept as it came.
            Unknown(String),
        }

        impl ErrorCode {
            /// Every code of table A17 with its text and class, as far as the code alone decides.
            pub const DOCUMENTED: &'static [(&'static str, ErrorClass)] =
                &[$(($text, ErrorClass::$class),)*];

            /// The code of a text.
            #[must_use]
            pub fn from_text(text: &str) -> Self {
                match text {
                    $($text => Self::$name,)*
                    other => Self::Unknown(printable(other)),
                }
            }

            /// The text of the code.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Unknown(text) => text,
                }
            }

            fn class(&self) -> ErrorClass {
                match self {
                    $(Self::$name => ErrorClass::$class,)*
                    Self::Unknown(_) => ErrorClass::Unclassified,
                }
            }
        }
    };
}

/// A code we do not know is printed and stored: only what looks like one, never a value in its place.
pub(crate) fn printable(code: &str) -> String {
    let is_code = code.len() <= 80
        && is_free_of_phone_numbers(code)
        && code
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_:".contains(&byte));
    if is_code { code } else { "UNREADABLE_CODE" }.to_owned()
}

codes! {
    UnableToLockRow "UNABLE_TO_LOCK_ROW" Transient,
    ServerUnavailable "SERVER_UNAVAILABLE" Transient,
    UnknownException "UNKNOWN_EXCEPTION" Unclassified,
    ApexError "APEX_ERROR" Record,
    CannotInsertUpdateActivateEntity "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY" Record,
    RequestLimitExceeded "REQUEST_LIMIT_EXCEEDED" Quota,
    RequestRunningTooLong "REQUEST_RUNNING_TOO_LONG" Transient,
    QueryTimeout "QUERY_TIMEOUT" Transient,
    TxnSecurityMeteringError "TXN_SECURITY_METERING_ERROR" Transient,
    AllOrNoneOperationRolledBack "ALL_OR_NONE_OPERATION_ROLLED_BACK" Stale,
    ProcessingHalted "PROCESSING_HALTED" Stale,
    BatchProcessingHalted "BATCH_PROCESSING_HALTED" Stale,
    InvalidSessionId "INVALID_SESSION_ID" Auth,
    InvalidAuthHeader "INVALID_AUTH_HEADER" Auth,
    ApiDisabledForOrg "API_DISABLED_FOR_ORG" Config,
    ApiCurrentlyDisabled "API_CURRENTLY_DISABLED" Config,
    FunctionalityNotEnabled "FUNCTIONALITY_NOT_ENABLED" Config,
    InvalidLogin "INVALID_LOGIN" Auth,
    LoginMustUseSecurityToken "LOGIN_MUST_USE_SECURITY_TOKEN" Auth,
    NotFound "NOT_FOUND" LinkRepair,
    EntityIsDeleted "ENTITY_IS_DELETED" LinkRepair,
    DeleteFailed "DELETE_FAILED" Record,
    DependencyExists "DEPENDENCY_EXISTS" Record,
    InsufficientAccessOrReadonly "INSUFFICIENT_ACCESS_OR_READONLY" Record,
    InsufficientAccessOnCrossReferenceEntity "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY" Record,
    InsufficientAccess "INSUFFICIENT_ACCESS" Record,
    NoAccess "NO_ACCESS" Record,
    CannotUpdateConvertedLead "CANNOT_UPDATE_CONVERTED_LEAD" LinkRepair,
    DuplicatesDetected "DUPLICATES_DETECTED" Record,
    DuplicateValue "DUPLICATE_VALUE" LinkRepair,
    DuplicateExternalId "DUPLICATE_EXTERNAL_ID" Record,
    RequiredFieldMissing "REQUIRED_FIELD_MISSING" Record,
    FieldCustomValidationException "FIELD_CUSTOM_VALIDATION_EXCEPTION" Record,
    InvalidOrNullForRestrictedPicklist "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST" Record,
    StringTooLong "STRING_TOO_LONG" Record,
    InvalidEmailAddress "INVALID_EMAIL_ADDRESS" Record,
    InvalidFieldForInsertUpdate "INVALID_FIELD_FOR_INSERT_UPDATE" Schema,
    InvalidField "INVALID_FIELD" Schema,
    InvalidType "INVALID_TYPE" Schema,
    InvalidTypeOnFieldInRecord "INVALID_TYPE_ON_FIELD_IN_RECORD" Record,
    JsonParserError "JSON_PARSER_ERROR" Record,
    NumberOutsideValidRange "NUMBER_OUTSIDE_VALID_RANGE" Record,
    FieldIntegrityException "FIELD_INTEGRITY_EXCEPTION" Record,
    MalformedId "MALFORMED_ID" Record,
    MalformedQuery "MALFORMED_QUERY" Config,
    InvalidQueryFilterOperator "INVALID_QUERY_FILTER_OPERATOR" Config,
    InvalidCrossReferenceKey "INVALID_CROSS_REFERENCE_KEY" LinkRepair,
    InvalidIdField "INVALID_ID_FIELD" Record,
    FieldFilterValidationException "FIELD_FILTER_VALIDATION_EXCEPTION" Record,
    TransferRequiresRead "TRANSFER_REQUIRES_READ" Record,
    InactiveOwnerOrUser "INACTIVE_OWNER_OR_USER" Record,
    OpWithInvalidUserTypeException "OP_WITH_INVALID_USER_TYPE_EXCEPTION" Record,
    CircularDependency "CIRCULAR_DEPENDENCY" Record,
    EntityIsLocked "ENTITY_IS_LOCKED" Record,
    StorageLimitExceeded "STORAGE_LIMIT_EXCEEDED" Schema,
    LimitExceeded "LIMIT_EXCEEDED" Config,
    ExceededIdLimit "EXCEEDED_ID_LIMIT" Config,
    OperationTooLarge "OPERATION_TOO_LARGE" Config,
    QueryTooComplicated "QUERY_TOO_COMPLICATED" Config,
    InvalidQueryLocator "INVALID_QUERY_LOCATOR" Stale,
    TooManyApexRequests "TOO_MANY_APEX_REQUESTS" Transient,
    PreconditionFailed "PRECONDITION_FAILED" Stale,
}

/// What a code means, looking at text and fields where the code alone does not decide.
#[must_use]
pub fn classify(code: &ErrorCode, message: &str, fields: &[String]) -> ErrorClass {
    match code {
        ErrorCode::RequestLimitExceeded if message.contains("ConcurrentRequests") => {
            ErrorClass::Throttled
        }
        // A customer's trigger that ran into a lock or a time-out works a little later.
        ErrorCode::ApexError | ErrorCode::CannotInsertUpdateActivateEntity
            if speaks_of_a_passing_trouble(message) =>
        {
            ErrorClass::Transient
        }
        // An owner that is not there is not a stale link: a person has to name another one.
        ErrorCode::InvalidCrossReferenceKey if fields.iter().any(|field| field == "OwnerId") => {
            ErrorClass::Record
        }
        other => other.class(),
    }
}

/// Whole words only: an account that is "blocked" is blocked tomorrow too.
fn speaks_of_a_passing_trouble(message: &str) -> bool {
    let text = message.to_ascii_lowercase();
    let is_passing = |word: &str| matches!(word, "lock" | "timeout");
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .any(is_passing)
        || [
            "unable_to_lock_row",
            "invalid_session_id",
            "time limit",
            "timed out",
        ]
        .iter()
        .any(|sign| text.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_code_has_its_class_and_keeps_its_text() {
        for (text, class) in ErrorCode::DOCUMENTED {
            let code = ErrorCode::from_text(text);
            assert_eq!(code.as_str(), *text);
            assert_eq!(classify(&code, "", &[]), *class, "{text}");
            assert!(!matches!(code, ErrorCode::Unknown(_)), "{text}");
        }
    }

    /// Table A17 once more, by hand and by verdict: a changed class has to be meant.
    #[test]
    fn classes_are_those_of_table_a17() {
        use ErrorClass as Class;
        let by_hand: &[(Class, &str)] = &[
            (
                Class::Transient,
                "UNABLE_TO_LOCK_ROW SERVER_UNAVAILABLE REQUEST_RUNNING_TOO_LONG QUERY_TIMEOUT \
                 TXN_SECURITY_METERING_ERROR TOO_MANY_APEX_REQUESTS",
            ),
            (Class::Unclassified, "UNKNOWN_EXCEPTION"),
            (Class::Quota, "REQUEST_LIMIT_EXCEEDED"),
            (
                Class::Stale,
                "ALL_OR_NONE_OPERATION_ROLLED_BACK PROCESSING_HALTED BATCH_PROCESSING_HALTED \
                 INVALID_QUERY_LOCATOR PRECONDITION_FAILED",
            ),
            (
                Class::Auth,
                "INVALID_SESSION_ID INVALID_AUTH_HEADER INVALID_LOGIN LOGIN_MUST_USE_SECURITY_TOKEN",
            ),
            (
                Class::Config,
                "API_DISABLED_FOR_ORG API_CURRENTLY_DISABLED FUNCTIONALITY_NOT_ENABLED \
                 MALFORMED_QUERY INVALID_QUERY_FILTER_OPERATOR LIMIT_EXCEEDED EXCEEDED_ID_LIMIT \
                 OPERATION_TOO_LARGE QUERY_TOO_COMPLICATED",
            ),
            (
                Class::LinkRepair,
                "NOT_FOUND ENTITY_IS_DELETED CANNOT_UPDATE_CONVERTED_LEAD DUPLICATE_VALUE \
                 INVALID_CROSS_REFERENCE_KEY",
            ),
            (
                // A full storage takes no new record, and every update: no reason to stop all calls.
                Class::Schema,
                "INVALID_FIELD_FOR_INSERT_UPDATE INVALID_FIELD INVALID_TYPE STORAGE_LIMIT_EXCEEDED",
            ),
            (
                Class::Record,
                "APEX_ERROR CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY DELETE_FAILED DEPENDENCY_EXISTS \
                 INSUFFICIENT_ACCESS_OR_READONLY INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY \
                 INSUFFICIENT_ACCESS NO_ACCESS DUPLICATES_DETECTED DUPLICATE_EXTERNAL_ID \
                 REQUIRED_FIELD_MISSING FIELD_CUSTOM_VALIDATION_EXCEPTION \
                 INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST STRING_TOO_LONG INVALID_EMAIL_ADDRESS \
                 INVALID_TYPE_ON_FIELD_IN_RECORD JSON_PARSER_ERROR NUMBER_OUTSIDE_VALID_RANGE \
                 FIELD_INTEGRITY_EXCEPTION MALFORMED_ID INVALID_ID_FIELD \
                 FIELD_FILTER_VALIDATION_EXCEPTION TRANSFER_REQUIRES_READ INACTIVE_OWNER_OR_USER \
                 OP_WITH_INVALID_USER_TYPE_EXCEPTION CIRCULAR_DEPENDENCY ENTITY_IS_LOCKED",
            ),
        ];
        let mut listed = 0;
        for (class, codes) in by_hand {
            for text in codes.split_whitespace() {
                assert_eq!(
                    classify(&ErrorCode::from_text(text), "", &[]),
                    *class,
                    "{text}"
                );
                listed += 1;
            }
        }
        assert_eq!(listed, ErrorCode::DOCUMENTED.len());
    }

    #[test]
    fn every_code_stands_in_the_operators_page_under_its_class() {
        let page = include_str!("../../../docs/errors/README.md");
        for (text, class) in ErrorCode::DOCUMENTED {
            let heading = format!("### {class:?}:");
            let section = page.split(&heading).nth(1).unwrap_or_default();
            let section = section.split("### ").next().unwrap_or_default();
            assert!(
                section.contains(&format!("`{text}`")),
                "{text} under {heading}"
            );
        }
    }

    #[test]
    fn an_unknown_code_is_kept_raw_in_a_class_of_its_own() {
        let code = ErrorCode::from_text("BRAND_NEW_CODE");
        assert_eq!(code.as_str(), "BRAND_NEW_CODE");
        assert_eq!(classify(&code, "", &[]), ErrorClass::Unclassified);
    }

    #[test]
    fn a_value_in_the_place_of_a_code_is_not_kept() {
        for text in ["ann@example.org", "Ann Smith", "é"] {
            assert_eq!(ErrorCode::from_text(text).as_str(), "UNREADABLE_CODE");
        }
    }

    #[test]
    fn texts_and_fields_decide_where_the_code_does_not() {
        let limit = ErrorCode::RequestLimitExceeded;
        assert_eq!(
            classify(&limit, "TotalRequests Limit exceeded.", &[]),
            ErrorClass::Quota
        );
        assert_eq!(
            classify(
                &limit,
                "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
                &[]
            ),
            ErrorClass::Throttled
        );
        let apex = ErrorCode::CannotInsertUpdateActivateEntity;
        assert_eq!(
            classify(&apex, "unable to obtain lock", &[]),
            ErrorClass::Transient
        );
        assert_eq!(classify(&apex, "Read Timeout", &[]), ErrorClass::Transient);
        assert_eq!(
            classify(&apex, "INVALID_SESSION_ID", &[]),
            ErrorClass::Transient
        );
        assert_eq!(
            classify(&apex, "FooTrigger: null pointer", &[]),
            ErrorClass::Record
        );
        assert_eq!(
            classify(&apex, "this account is blocked", &[]),
            ErrorClass::Record
        );
        let reference = ErrorCode::InvalidCrossReferenceKey;
        assert_eq!(classify(&reference, "", &[]), ErrorClass::LinkRepair);
        assert_eq!(
            classify(&reference, "", &["OwnerId".to_owned()]),
            ErrorClass::Record
        );
    }
}
