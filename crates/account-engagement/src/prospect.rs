//! A prospect as the service answers it (apis B3).

use jiff::Timestamp;
use serde_json::{Map, Value};
use sync_core::ids::ProspectId;

use crate::calls::CallKind;
use crate::error::ProtocolError;
use crate::row::Row;

/// A prospect: its id, and the other fields that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prospect {
    /// Its id.
    pub id: ProspectId,
    /// Everything else, untouched.
    pub fields: Map<String, Value>,
}

impl Prospect {
    pub(crate) fn from_row(
        kind: CallKind,
        mut values: Map<String, Value>,
    ) -> Result<Self, ProtocolError> {
        let number = Row {
            kind,
            values: &values,
        }
        .id()?;
        let id = ProspectId::try_from(number)
            .map_err(|_| ProtocolError::new(kind, "`id` is not the id of a prospect"))?;
        values.remove("id");
        Ok(Self { id, fields: values })
    }

    fn row(&self) -> Row<'_> {
        Row {
            kind: CallKind::Query,
            values: &self.fields,
        }
    }

    /// An instant, whatever offset it is written with; `None` when blank or not asked for.
    pub fn instant(&self, name: &str) -> Result<Option<Timestamp>, ProtocolError> {
        self.row().instant(name)
    }

    /// `updatedAt`; an error when it was not asked for.
    pub fn updated_at(&self) -> Result<Timestamp, ProtocolError> {
        let missing = || ProtocolError::new(CallKind::Query, "`updatedAt` is not there");
        self.instant("updatedAt")?.ok_or_else(missing)
    }

    /// A text; `None` when blank, not asked for, or not a text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.fields
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    }

    /// `isDeleted`; false when it was not asked for.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.fields.get("isDeleted") == Some(&Value::Bool(true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prospect(updated_at: &str) -> Prospect {
        let row = serde_json::json!({ "id": 7, "updatedAt": updated_at });
        Prospect::from_row(CallKind::Query, row.as_object().unwrap().clone()).unwrap()
    }

    #[test]
    fn instants_with_any_offset_are_the_same_instant() {
        let utc: Timestamp = "2026-11-23T15:00:00Z".parse().unwrap();
        for text in [
            "2026-11-23T10:00:00-05:00",
            "2026-11-23T15:00:00+00:00",
            "2026-11-23T15:00:00Z",
            "2026-11-23T20:45:00+05:45",
            "2026-11-23T10:00:00-0500",
        ] {
            assert_eq!(prospect(text).updated_at().unwrap(), utc, "{text}");
        }
        assert!(
            prospect("2026-11-23 15:00:00").updated_at().is_err(),
            "no offset, no guess"
        );
        assert!(prospect("").updated_at().is_err());
    }
}
