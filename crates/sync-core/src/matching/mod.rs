//! Who belongs to whom: tables M and N, and the order among several matches.

mod candidates;
mod to_crm;
mod to_prospect;

pub use candidates::{Choice, TieBreak, choose};
pub use to_crm::{CrmMatch, match_prospect};
pub(crate) use to_crm::{note_not_recreated, switched_off};
pub use to_prospect::{ProspectMatch, match_crm_record};
