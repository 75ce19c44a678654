//! The daily allowance of API calls.

use super::OrgError;

/// The daily allowance. It does not renew itself: the twin's control does that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Calls allowed.
    pub max: u64,
    /// Calls made.
    pub used: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max: 15_000,
            used: 0,
        }
    }
}

impl Limits {
    /// Charges one call.
    ///
    /// # Errors
    /// `REQUEST_LIMIT_EXCEEDED` when nothing is left.
    pub fn charge(&mut self) -> Result<(), OrgError> {
        if self.used >= self.max {
            return Err(exceeded());
        }
        self.used += 1;
        Ok(())
    }

    /// The text of the `Sforce-Limit-Info` header.
    #[must_use]
    pub fn header(&self) -> String {
        format!("api-usage={}/{}", self.used, self.max)
    }
}

/// The refusal beyond the allowance.
#[must_use]
pub fn exceeded() -> OrgError {
    OrgError::with_status(
        403,
        "REQUEST_LIMIT_EXCEEDED",
        "TotalRequests Limit exceeded.",
    )
}
