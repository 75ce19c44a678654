//! Page tokens: where a chain of pages stands, opaque to the caller, good for four hours.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::errors::ApiError;
use super::query::Query;

/// How long a token lives.
const LIFE_SECONDS: i64 = 4 * 60 * 60;

/// The state of a chain of pages.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PageToken {
    /// The business unit, so that a token of another one is bad.
    pub unit: String,
    /// The object's path segment.
    pub object: String,
    /// When it was handed out.
    pub issued_second: i64,
    /// The query of the first page.
    pub query: Query,
    /// The order key and id of the last row answered.
    pub after: (String, u64),
    /// How many rows the chain has answered.
    pub served: usize,
}

impl PageToken {
    /// The token as text.
    pub fn encode(&self) -> String {
        let json = serde_json::to_vec(self).expect("a token holds text and numbers only");
        URL_SAFE_NO_PAD.encode(json)
    }

    /// Reads a token: 211 when it is not one of ours, 210 when it is too old.
    pub fn decode(text: &str, unit: &str, object: &str, now: Timestamp) -> Result<Self, ApiError> {
        let bad = || ApiError::new(400, 211, "Invalid nextPageToken");
        let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad())?;
        let token: Self = serde_json::from_slice(&json).map_err(|_| bad())?;
        if token.unit != unit || token.object != object {
            return Err(bad());
        }
        if now.as_second() - token.issued_second > LIFE_SECONDS {
            return Err(ApiError::new(400, 210, "The nextPageToken has expired"));
        }
        Ok(token)
    }
}
