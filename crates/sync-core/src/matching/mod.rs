//! Who belongs to whom: tables M and N, and the order among several matches.

mod candidates;
mod to_crm;
mod to_prospect;

pub use candidates::{Choice, TieBreak, choose};
pub(crate) use to_crm::switched_off;
pub use to_crm::{CrmMatch, match_prospect};
pub use to_prospect::{ProspectMatch, match_crm_record};
