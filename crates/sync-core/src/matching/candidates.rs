//! R23: the deterministic order among several leads and contacts with one address.

use std::cmp::{Ordering, Reverse};

use crate::ids::{CrmId, CrmObject};
use crate::pair::{Belongs, Candidate};
use crate::record::CrmRecord;

/// The step of R23 that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TieBreak {
    /// There was only one usable record.
    OnlyOne,
    /// Step 1: a contact goes before a lead.
    ContactFirst,
    /// Step 3: the latest activity.
    LastActivity,
    /// Step 4: the latest modification.
    LastModified,
    /// Step 5: the earliest creation.
    EarliestCreated,
    /// Step 6: the lowest id.
    LowestId,
}

impl TieBreak {
    /// The step in words, for the trace.
    #[must_use]
    pub fn said(self) -> &'static str {
        match self {
            Self::OnlyOne => "linked to the only usable match",
            Self::ContactFirst => "linked to the contact, which goes before a lead",
            Self::LastActivity => "linked to the match with the latest activity",
            Self::LastModified => "linked to the match that was modified last",
            Self::EarliestCreated => "linked to the match that was created first",
            Self::LowestId => "linked to the match with the lowest id",
        }
    }
}

/// The record that was chosen and the ones that were not.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice<'a> {
    /// The partner.
    pub record: &'a CrmRecord,
    /// The step that decided.
    pub by: TieBreak,
    /// Usable records that were turned down.
    pub rejected: Vec<CrmId>,
}

/// Chooses among the records with the prospect's address; `None` when none is usable.
///
/// Converted leads and records that belong to another pair are not usable (step 2).
#[must_use]
pub fn choose(candidates: &[Candidate<CrmRecord>]) -> Option<Choice<'_>> {
    let mut usable: Vec<&CrmRecord> = candidates
        .iter()
        .filter(|candidate| {
            candidate.belongs == Belongs::ToNobody && candidate.record.converted.is_none()
        })
        .map(|candidate| &candidate.record)
        .collect();
    usable.sort_by(|a, b| compare(a, b).0);
    let (first, rest) = usable.split_first()?;
    let by = rest
        .first()
        .map_or(TieBreak::OnlyOne, |second| compare(first, second).1);
    Some(Choice {
        record: first,
        by,
        rejected: rest.iter().map(|r| r.id.clone()).collect(),
    })
}

/// The order of two records and the step that made it.
fn compare(a: &CrmRecord, b: &CrmRecord) -> (Ordering, TieBreak) {
    let is_lead = |record: &CrmRecord| record.id.object() == CrmObject::Lead;
    let steps = [
        (is_lead(a).cmp(&is_lead(b)), TieBreak::ContactFirst),
        // `None` is the smallest, so reversed it goes last: nulls last.
        (
            Reverse(a.last_activity).cmp(&Reverse(b.last_activity)),
            TieBreak::LastActivity,
        ),
        (
            Reverse(a.modified).cmp(&Reverse(b.modified)),
            TieBreak::LastModified,
        ),
        (a.created.cmp(&b.created), TieBreak::EarliestCreated),
    ];
    steps
        .into_iter()
        .find(|(order, _)| order.is_ne())
        .unwrap_or((a.id.cmp(&b.id), TieBreak::LowestId))
}
