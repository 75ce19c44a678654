//! What becomes of a row when its prospect was moved or marked (R52, R53), or parted from its record (R54).

use jiff::Timestamp;

use crate::decision::{Decision, Outcome, SkipReason};
use crate::error::Verdict;
use crate::ids::{CrmId, ProspectId};
use crate::link::{Intent, Link, LinkState};
use crate::results::{WriteResult, WriteResults};
use crate::settle::{ErrorChange, Settlement, failed, failures, unchanged};

/// The prospect went to the recycle bin, came out of it, or was marked. What both sides had agreed on, and a write
/// that is still to be classified, stay: the pair may come back (R53).
pub(crate) fn moved(
    link: &Link,
    decision: &Decision,
    (crm, prospect): (&CrmId, ProspectId),
    results: &WriteResults,
    now: Timestamp,
) -> Settlement {
    let mut next = Link {
        lease_until: None,
        ..link.clone()
    };
    let failures = failures(results);
    if !failures.is_empty() {
        return failed(next, &failures, link.lease_until, now);
    }
    if !matches!(results.prospect, WriteResult::Written(_)) {
        return unchanged(link, Some(Verdict::Retry));
    }
    next.moved_at = Some(now);
    next.crm_id = Some(crm.clone());
    next.prospect_id = Some(prospect);
    next.intent = next.intent.and_then(Intent::without_lifecycle);
    let was_open = std::mem::take(&mut next.has_open_error);
    next.marked_in = match &decision.outcome {
        Outcome::Retire { marks, .. } if results.is_marked => marks.clone(),
        _ => None,
    };
    next.is_crm_deleted = matches!(decision.outcome, Outcome::Retire { .. });
    next.state = if next.is_crm_deleted {
        LinkState::Skipped(SkipReason::CrmDeleted)
    } else {
        LinkState::Linked
    };
    Settlement {
        link: next,
        error: ErrorChange::closing(was_open),
        verdict: None,
    }
}

/// The row goes on without the partner, as that of the record the pair began with, and under another key: a record in
/// the recycle bin still carries the old one. The other record begins a row of its own when it is looked at (R54).
pub(crate) fn parted(link: &Link, decision: &Decision, now: Timestamp) -> Settlement {
    let fresh = Link::new(link.business_unit.clone(), link.key.parted_at(now));
    let is_of_prospect = fresh.prospect_id.is_some();
    let state = if is_of_prospect {
        LinkState::Pending
    } else {
        LinkState::Skipped(SkipReason::DeletedUnlinked)
    };
    Settlement {
        link: Link {
            state,
            prospect_write: link.prospect_write.clone().filter(|_| is_of_prospect),
            prospect_seen: link.prospect_seen.filter(|_| is_of_prospect),
            version: link.version,
            last_trace: Some(decision.trace.clone()),
            conflicts: link.conflicts.clone(),
            ..fresh
        },
        error: ErrorChange::closing(link.has_open_error),
        verdict: None,
    }
}
