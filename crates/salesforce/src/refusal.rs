//! Why Salesforce refused a log-in, told apart by error and text (apis A1).

use sync_core::error::ErrorClass;

use crate::code::printable;

/// Why a log-in was refused (apis A1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The user never approved the app and no admin did.
    #[error(
        "salesforce refused the log-in: the connector user has not approved the app; pre-authorise it"
    )]
    UserNotApproved,
    /// Wrong login host for this org.
    #[error(
        "salesforce refused the log-in: wrong audience; check whether the login URL is production or sandbox"
    )]
    AudienceInvalid,
    /// Expired or malformed assertion.
    #[error(
        "salesforce refused the log-in: the assertion is invalid or expired; check clock and certificate"
    )]
    AssertionInvalid,
    /// Inactive, locked or restricted user.
    #[error(
        "salesforce refused the log-in: authentication failed; check user, IP ranges and certificate"
    )]
    AuthenticationFailure,
    /// Unknown consumer key.
    #[error(
        "salesforce refused the log-in: the client id is not known; check the parameter ClientId"
    )]
    ClientIdInvalid,
    /// The app is not allowed for this user.
    #[error("salesforce refused the log-in: no admin approved the app for the connector user")]
    NotAdminApproved,
    /// The flow is switched off.
    #[error("salesforce refused the log-in: the app does not allow this grant type")]
    UnsupportedGrant,
    /// Wrong secret, or no run-as user.
    #[error("salesforce refused the log-in: client credentials are wrong or have no run-as user")]
    ClientCredentialsInvalid,
    /// A session that Salesforce refuses to renew.
    #[error("salesforce does not accept the session for this API; check the app's scopes")]
    SessionNotAccepted,
    /// The key does not sign.
    #[error("the private key cannot sign; it must be an RSA key of 2048 bits or more")]
    CannotSign,
    /// Salesforce is not able to log anybody in right now.
    #[error("salesforce cannot log anybody in right now (HTTP {0})")]
    Unavailable(u16),
    /// Anything else.
    #[error("salesforce refused the log-in ({0})")]
    Other(String),
}

impl AuthError {
    /// The verdict on an error reply.
    pub(crate) fn of(status: u16, error: &str, description: &str) -> Self {
        let says = |text: &str| description.to_ascii_lowercase().contains(text);
        match error {
            _ if status >= 500 || status == 429 => Self::Unavailable(status),
            "unknown_error" => Self::Unavailable(status),
            _ if says("rate exceeded") => Self::Unavailable(status),
            "" => Self::Other(format!(
                "HTTP {status} without a reason; check the login URL"
            )),
            "invalid_grant" if says("approved") => Self::UserNotApproved,
            "invalid_grant" if says("audience") => Self::AudienceInvalid,
            "invalid_grant" if says("assertion") || says("expired") => Self::AssertionInvalid,
            "invalid_grant" if says("client credentials") => Self::ClientCredentialsInvalid,
            "invalid_grant" => Self::AuthenticationFailure,
            "invalid_client" if says("credentials") => Self::ClientCredentialsInvalid,
            "invalid_client_id" | "invalid_client" => Self::ClientIdInvalid,
            "invalid_app_access" => Self::NotAdminApproved,
            "unsupported_grant_type" => Self::UnsupportedGrant,
            other => Self::Other(printable(other)),
        }
    }

    /// What it means for us.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Unavailable(_) => ErrorClass::Transient,
            _ => ErrorClass::Auth,
        }
    }

    /// A short stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UserNotApproved => "USER_NOT_APPROVED",
            Self::AudienceInvalid => "AUDIENCE_INVALID",
            Self::AssertionInvalid => "ASSERTION_INVALID",
            Self::AuthenticationFailure => "AUTHENTICATION_FAILURE",
            Self::ClientIdInvalid => "CLIENT_ID_INVALID",
            Self::NotAdminApproved => "NOT_ADMIN_APPROVED",
            Self::UnsupportedGrant => "UNSUPPORTED_GRANT",
            Self::ClientCredentialsInvalid => "CLIENT_CREDENTIALS_INVALID",
            Self::SessionNotAccepted => "SESSION_NOT_ACCEPTED",
            Self::CannotSign => "CANNOT_SIGN",
            Self::Unavailable(_) => "LOGIN_UNAVAILABLE",
            Self::Other(_) => "LOGIN_REFUSED",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_refusal_is_told_apart() {
        let cases = [
            (
                "invalid_grant",
                "user hasn't approved this consumer",
                AuthError::UserNotApproved,
            ),
            (
                "invalid_grant",
                "audience is invalid",
                AuthError::AudienceInvalid,
            ),
            (
                "invalid_grant",
                "invalid assertion",
                AuthError::AssertionInvalid,
            ),
            (
                "invalid_grant",
                "authentication failure",
                AuthError::AuthenticationFailure,
            ),
            (
                "invalid_grant",
                "inactive user",
                AuthError::AuthenticationFailure,
            ),
            (
                "invalid_grant",
                "no client credentials user enabled",
                AuthError::ClientCredentialsInvalid,
            ),
            (
                "invalid_client_id",
                "client identifier invalid",
                AuthError::ClientIdInvalid,
            ),
            (
                "invalid_client",
                "invalid client credentials",
                AuthError::ClientCredentialsInvalid,
            ),
            (
                "invalid_app_access",
                "user is not admin approved to access this app",
                AuthError::NotAdminApproved,
            ),
            (
                "unsupported_grant_type",
                "grant type not supported",
                AuthError::UnsupportedGrant,
            ),
        ];
        for (error, description, expected) in cases {
            let read = AuthError::of(400, error, description);
            assert_eq!(read, expected, "{error}: {description}");
            assert_eq!(read.class(), ErrorClass::Auth);
        }
    }

    #[test]
    fn a_log_in_that_may_work_later_does_not_stop_the_connector() {
        let cases = [
            (503, "", ""),
            (429, "", ""),
            (400, "unknown_error", "retry your request"),
            (400, "invalid_grant", "login rate exceeded"),
        ];
        for (status, error, description) in cases {
            let read = AuthError::of(status, error, description);
            assert_eq!(read.class(), ErrorClass::Transient, "{status} {error}");
        }
        assert!(AuthError::of(404, "", "").to_string().contains("HTTP 404"));
    }

    #[test]
    fn a_value_in_the_place_of_the_error_is_not_kept() {
        let read = AuthError::of(400, "ann@example.org", "ann@example.org");
        assert_eq!(read, AuthError::Other("UNREADABLE_CODE".to_owned()));
    }
}
