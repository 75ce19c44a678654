//! What every call passes before it reaches the engine: token, business unit, gate and quota.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, header};

use super::seams::Shell;
use crate::bu::ApiError;

/// The scope a token needs here.
const SCOPE: &str = "pardot_api";

/// Locks, also after a panic elsewhere: the twin answers on.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A header as text.
pub fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The token of a call.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    header_text(headers, header::AUTHORIZATION.as_str())
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
}

/// Checks the token: 49 without one or without the scope, 184 when it is unknown or expired.
pub fn authorise(shell: &dyn Shell, headers: &HeaderMap) -> Result<(), ApiError> {
    let denied = || ApiError::new(401, 49, "Access Denied");
    let token = bearer(headers).ok_or_else(denied)?;
    let scopes = shell.scopes(token).ok_or_else(invalid_token)?;
    if scopes.iter().any(|scope| scope == SCOPE) {
        Ok(())
    } else {
        Err(denied())
    }
}

/// The refusal of an unknown or expired token.
pub fn invalid_token() -> ApiError {
    ApiError::new(401, 184, "access_token is invalid, unknown, or malformed")
}

/// The business unit a call names: 181 without the header, 201 when there is no such unit.
pub fn business_unit(shell: &dyn Shell, headers: &HeaderMap) -> Result<String, ApiError> {
    let given = header_text(headers, "pardot-business-unit-id").ok_or_else(|| {
        ApiError::new(
            400,
            181,
            "Required header Pardot-Business-Unit-Id is missing",
        )
    })?;
    if lock(shell.units()).contains_key(given) {
        return Ok(given.to_owned());
    }
    Err(unknown_unit())
}

/// The refusal of a business unit that does not exist, or of the wrong host.
pub fn unknown_unit() -> ApiError {
    let text = "Business Unit specified in Pardot-Business-Unit-Id header not found or inactive.";
    ApiError::new(403, 201, text)
}

/// A place among the calls in flight, given back when dropped, also when the caller hangs up.
pub struct Passage {
    shell: Arc<dyn Shell>,
    unit_id: String,
}

impl Passage {
    /// Takes a place, or refuses with 66.
    pub fn enter(shell: Arc<dyn Shell>, unit_id: String) -> Result<Self, ApiError> {
        if let Some(unit) = lock(shell.units()).get_mut(&unit_id) {
            unit.gate.enter()?;
        }
        Ok(Self { shell, unit_id })
    }

    /// The business unit.
    pub fn unit_id(&self) -> &str {
        &self.unit_id
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        if let Some(unit) = lock(self.shell.units()).get_mut(&self.unit_id) {
            unit.gate.leave();
        }
    }
}
