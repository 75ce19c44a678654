//! Account Engagement's refusals: a numeric body code, a text and an HTTP status.

/// A refusal as Account Engagement answers it: `{"code":..,"message":".."}` with a status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (code {code}, HTTP {status})")]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// The code of the vendor's registry (apis.md B8); clients decide on it first.
    pub code: u16,
    /// The vendor's text.
    pub message: String,
}

impl ApiError {
    /// A refusal with any status, code and text.
    pub fn new(status: u16, code: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// A query or read parameter that makes no sense.
    pub fn parameter(name: &str, why: &str) -> Self {
        Self::new(400, 151, format!("Invalid parameter: {name}. {why}"))
    }

    /// An unknown name in `fields`.
    pub fn unknown_field(name: &str) -> Self {
        let text =
            format!("Invalid parameter: fields. It contains an invalid or unknown field: {name}.");
        Self::new(400, 51, text)
    }

    /// `fields` is missing where it is mandatory.
    pub fn fields_missing() -> Self {
        Self::new(
            400,
            180,
            "The fields parameter is required for this operation.",
        )
    }

    /// An unknown or unwritable body property.
    pub fn property(name: &str) -> Self {
        Self::new(400, 154, format!("Invalid property in request: {name}"))
    }

    /// The address is not an e-mail address.
    pub fn email() -> Self {
        Self::new(400, 4, "Invalid prospect email address")
    }

    /// A number, date or boolean that does not parse: codes 56, 57 and 50.
    pub fn format(code: u16, field: &str) -> Self {
        let what = match code {
            56 => "number",
            57 => "date",
            _ => "boolean",
        };
        Self::new(400, code, format!("Input must be a valid {what}: {field}"))
    }

    /// The record does not exist.
    pub fn not_found() -> Self {
        Self::new(404, 109, "Requested record not found")
    }

    /// The record is in the recycle bin.
    pub fn in_recycle_bin() -> Self {
        Self::new(404, 132, "Requested record is in the recycle bin")
    }

    /// The assignment target does not exist.
    pub fn user() -> Self {
        Self::new(400, 10, "Invalid user ID")
    }

    /// The campaign does not exist.
    pub fn campaign() -> Self {
        Self::new(400, 38, "Invalid campaign ID")
    }

    /// The verb is not offered here.
    pub fn method() -> Self {
        Self::new(405, 60, "Invalid HTTP request method")
    }

    /// The path is not offered here.
    pub fn endpoint() -> Self {
        Self::new(404, 198, "Invalid API endpoint")
    }

    /// The request body is not what the operation takes.
    pub fn body(why: &str) -> Self {
        Self::new(400, 150, format!("Invalid request body: {why}"))
    }

    /// More calls in flight than the business unit allows.
    pub fn too_many_in_flight() -> Self {
        let text = "You have exceeded your concurrent access limit. Please try again later.";
        Self::new(429, 66, text)
    }

    /// The day's calls are used up.
    pub fn daily_limit() -> Self {
        Self::new(429, 122, "Daily API rate limit met")
    }
}
