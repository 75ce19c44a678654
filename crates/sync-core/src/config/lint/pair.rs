//! One mapped field on one object: whether the two sides can hold each other's values.

use super::Report;
use super::types::{fits_salesforce, name, suitable};
use crate::config::{Direction, FieldEntry};
use crate::ids::CrmObject;
use crate::schema::{FieldDescription, FieldKind};

/// One entry on one object, with both descriptions.
pub(super) struct MappedPair<'a> {
    pub(super) entry: &'a FieldEntry,
    pub(super) object: CrmObject,
    pub(super) field: &'a FieldDescription,
    pub(super) prospect: Option<&'a FieldDescription>,
}

impl MappedPair<'_> {
    fn is_written(&self) -> bool {
        self.entry.direction_on(self.object) != Direction::ToProspect
    }

    /// A6: formulas, roll-ups and fields without edit permission are inbound only.
    pub(super) fn check_writable(&self, place: &str, report: &mut Report) {
        if self.is_written() && !self.field.is_writable {
            report.error(
                place,
                "A6",
                format!(
                    "`{}` on {} is not writable by the connector user (a formula or roll-up never \
                     is); give edit permission, or add `direction: to_prospect`",
                    self.field.name, self.object
                ),
            );
        }
    }

    /// Kinds that cannot be mapped on each other whatever type is declared.
    pub(super) fn check_kinds(&self, place: &str, report: &mut Report) -> bool {
        let field = self.field;
        let Some(kind) = field.kind else {
            let message = format!(
                "`{}` is of type {}; lookups and geolocations never sync",
                field.name, field.vendor_type
            );
            report.error(place, "R94", message);
            return false;
        };
        let prospect_kind = self.prospect.and_then(|prospect| prospect.kind);
        if prospect_kind == Some(FieldKind::Number) && kind == FieldKind::Phone {
            let message = format!(
                "`{}` is a phone field and `{}` a number; make the prospect field a text field",
                field.name, self.entry.prospect
            );
            report.error(place, "R94", message);
            return false;
        }
        if prospect_kind == Some(FieldKind::MultiSelect) && kind != FieldKind::MultiSelect {
            let message = format!(
                "`{}` keeps several values and `{}` ({}) one; map it to a multi-select picklist",
                self.entry.prospect, field.name, field.vendor_type
            );
            report.error(place, "R97", message);
            return false;
        }
        true
    }

    /// The declared type against what Salesforce says.
    pub(super) fn check_type(&self, place: &str, report: &mut Report) {
        let declared = self.entry.field_type;
        let field = self.field;
        let Some(kind) = field.kind else { return };
        if !fits_salesforce(declared, kind, self.is_written()) {
            report.error(
                place,
                "R96",
                format!(
                    "`type: {}` does not fit `{}` on {} ({}); expected `{}`",
                    name(declared),
                    field.name,
                    self.object,
                    field.vendor_type,
                    suitable(kind)
                ),
            );
        }
    }

    /// R96: a restricted picklist refuses every other value, case and spaces included.
    pub(super) fn check_restricted(&self, place: &str, report: &mut Report) {
        let Some(prospect) = self.prospect else {
            return;
        };
        let allowed = self.field.restricted_to.len();
        if allowed > 0 && self.is_written() && is_free_text(prospect) {
            report.warning(
                place,
                "R96",
                format!(
                    "`{}` on {} takes only its {allowed} values, but the prospect's `{}` is free \
                     text: every other value becomes an error row; make the prospect field a \
                     dropdown with the same values",
                    self.field.name, self.object, prospect.name
                ),
            );
        }
        let allowed = prospect.restricted_to.len();
        let is_written_back = self.entry.direction != Direction::ToSalesforce;
        if allowed > 0 && is_written_back && is_free_text(self.field) {
            report.warning(
                place,
                "R96",
                format!(
                    "the prospect's `{}` takes only its {allowed} values, but `{}` on {} is free \
                     text: every other value becomes an error row",
                    prospect.name, self.field.name, self.object
                ),
            );
        }
    }
}

fn is_free_text(field: &FieldDescription) -> bool {
    field.kind == Some(FieldKind::Text) && field.restricted_to.is_empty()
}
