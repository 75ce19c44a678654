//! `do/upsertLatestByEmail` and `do/undelete`: prospects found by address, latest activity first.

use jiff::Timestamp;

use super::BusinessUnit;
use super::errors::ApiError;
use super::objects::Object;
use super::prospects::{Body, Writer};

/// What an upsert asks for.
#[derive(Debug, Clone, Default)]
pub struct Upsert {
    /// The address to match; the prospect's own when absent.
    pub match_email: Option<String>,
    /// The values to write.
    pub prospect: Body,
    /// Whether a match in the recycle bin is taken out of it (AMPSEA only).
    pub secondary_deleted_search: bool,
}

/// What an upsert did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upserted {
    /// There was no match.
    Created(u64),
    /// The match with the latest activity was changed.
    Updated(u64),
}

impl Upserted {
    /// The prospect's id.
    pub fn id(self) -> u64 {
        match self {
            Self::Created(id) | Self::Updated(id) => id,
        }
    }
}

impl BusinessUnit {
    /// Updates the prospect with this address and the latest activity, or creates one. Addresses
    /// match case-sensitively (K17).
    pub fn upsert_latest_by_email(
        &mut self,
        upsert: &Upsert,
        writer: Writer,
        now: Timestamp,
    ) -> Result<Upserted, ApiError> {
        let own = upsert
            .prospect
            .get("email")
            .and_then(serde_json::Value::as_str);
        let address = upsert
            .match_email
            .as_deref()
            .or(own)
            .ok_or_else(ApiError::email)?
            .to_owned();
        if let Some(id) = self.latest_by_email(&address, false) {
            self.update_prospect(id, &upsert.prospect, writer, now)?;
            return Ok(Upserted::Updated(id));
        }
        let revives = upsert.secondary_deleted_search || !self.settings.ampsea;
        if let Some(id) = self.latest_by_email(&address, true).filter(|_| revives) {
            let before = self.prospect_mut(id)?.clone();
            self.undelete_prospect(id, writer, now)?;
            if let Err(error) = self.update_prospect(id, &upsert.prospect, writer, now) {
                *self.prospect_mut(id)? = before;
                return Err(error);
            }
            return Ok(Upserted::Updated(id));
        }
        let mut prospect = upsert.prospect.clone();
        prospect.entry("email").or_insert_with(|| address.into());
        self.create_prospect(&prospect, writer, now)
            .map(Upserted::Created)
    }

    /// Takes the deleted prospect with this address and the latest activity out of the bin.
    pub fn undelete_by_email(
        &mut self,
        email: &str,
        writer: Writer,
        now: Timestamp,
    ) -> Result<u64, ApiError> {
        let id = self
            .latest_by_email(email, true)
            .ok_or_else(ApiError::not_found)?;
        self.undelete_prospect(id, writer, now)?;
        Ok(id)
    }

    /// The id with the latest activity among prospects with exactly this address.
    pub fn latest_by_email(&self, email: &str, is_deleted: bool) -> Option<u64> {
        self.table(Object::Prospects)
            .rows
            .values()
            .filter(|row| row.is_deleted() == is_deleted && row.text("email") == email)
            .max_by_key(|row| (row.text("lastActivityAt"), row.id))
            .map(|row| row.id)
    }
}
