//! From the results of the writes to the link row, the error row, and what the queue is told.

use jiff::Timestamp;

use crate::coerce::Service;
use crate::conflict;
use crate::decision::{Decision, Outcome, Problem, SkipReason};
use crate::error::{ErrorClass, Verdict};
use crate::link::{Intent, IntentKind, LastWrite, Link, LinkState};
use crate::moves::{moved, parted};
use crate::put_back;
use crate::trace::Trace;

pub use crate::results::{ErrorRow, WriteFailure, WriteResult, WriteResults};

/// What happens to the error row of the pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorChange {
    /// Nothing.
    None,
    /// A row is opened or seen again.
    Open(Box<ErrorRow>),
    /// The open row is closed: the pair is in step again.
    Close,
}

impl ErrorChange {
    /// Closes the row, if it is open.
    pub(crate) fn closing(is_open: bool) -> Self {
        if is_open { Self::Close } else { Self::None }
    }
}

/// What to store and what to tell the queue.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    /// The new link row; its version is still the one that was read.
    pub link: Link,
    /// What happens to the error row.
    pub error: ErrorChange,
    /// What the queue is told: `None` acknowledges.
    pub verdict: Option<Verdict>,
}

/// Settles a pair after its writes. Outcomes that wrote nothing settle with empty results.
#[must_use]
pub fn settle(
    link: &Link,
    decision: &Decision,
    results: &WriteResults,
    now: Timestamp,
) -> Settlement {
    let mut next = link.clone();
    next.lease_until = None;
    match &decision.outcome {
        Outcome::Update { crm, prospect, .. } => {
            next.crm_id = Some(crm.clone());
            next.prospect_id = Some(*prospect);
        }
        Outcome::CreateCrm { .. } => {
            if let WriteResult::Written(id) = &results.crm {
                next.crm_id = Some(id.clone());
            }
        }
        Outcome::CreateProspect { .. } => {
            if let WriteResult::Written(id) = &results.prospect {
                next.prospect_id = Some(*id);
            }
        }
        Outcome::Retire { crm, prospect, .. } | Outcome::Restore { crm, prospect } => {
            return moved(link, decision, (crm, *prospect), results, now);
        }
        Outcome::Part => return parted(link, decision, now),
        Outcome::Skip(reason) => {
            return rest(link, LinkState::Skipped(*reason), &decision.trace, now);
        }
        Outcome::Hold(reason) => {
            return rest(link, LinkState::Held(*reason), &decision.trace, now);
        }
        Outcome::Park(problem) => return park(next, problem, &decision.trace, now),
        Outcome::Nothing => return unchanged(link, None),
        Outcome::ReadMore(_) | Outcome::NotYet => return unchanged(link, Some(Verdict::Retry)),
    }
    next.last_trace = Some(story(link, decision));
    next.conflicts = conflict::keep(&link.conflicts, &decision.trace, now);
    note_prospect_write(&mut next, results, now);
    let failures = failures(results);
    if failures.is_empty() && !next.is_complete() {
        // A create without an answer: nothing is known, so the pair comes again.
        unchanged(link, Some(Verdict::Retry))
    } else if failures.is_empty() {
        in_step(next, decision, now)
    } else {
        if next.is_complete() {
            next.state = LinkState::Linked;
        }
        failed(next, &failures, link.lease_until, now)
    }
}

/// What is kept of the decision. A row with an intent of this very decision tells it already, with what
/// an earlier attempt said.
fn story(link: &Link, decision: &Decision) -> Trace {
    let is_told = link
        .intent
        .as_ref()
        .is_some_and(|intent| link.last_trace.is_some() && intent.plan.is_some())
        && is_written(&decision.outcome);
    match &link.last_trace {
        Some(told) if is_told => told.clone(),
        _ => decision.trace.clone().after(link),
    }
}

/// Whether the decision's own intent was stored before its writes.
fn is_written(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Update {
            to_crm,
            to_prospect,
            ..
        } => !to_crm.is_empty() || !to_prospect.is_empty(),
        Outcome::CreateCrm { .. }
        | Outcome::CreateProspect { .. }
        | Outcome::Retire { .. }
        | Outcome::Restore { .. } => true,
        Outcome::Part
        | Outcome::Nothing
        | Outcome::Skip(_)
        | Outcome::Hold(_)
        | Outcome::Park(_)
        | Outcome::ReadMore(_)
        | Outcome::NotYet => false,
    }
}

/// K4: from now on a read that does not show this write is stale.
fn note_prospect_write(next: &mut Link, results: &WriteResults, now: Timestamp) {
    if let (WriteResult::Written(_), Some(intent)) = (&results.prospect, &next.intent) {
        next.prospect_write = Some(LastWrite {
            token: intent.id.clone(),
            at: now,
        });
    }
}

pub(crate) fn unchanged(link: &Link, verdict: Option<Verdict>) -> Settlement {
    Settlement {
        link: link.clone(),
        error: ErrorChange::None,
        verdict,
    }
}

/// A skip or a hold: stored once, not again on every look. A skip settles an open error too.
///
/// An intent whose result was never learnt stays in the row: whoever takes the pair up again must
/// classify it first. That of a create goes with a skip for which it was classified.
fn rest(link: &Link, state: LinkState, trace: &Trace, now: Timestamp) -> Settlement {
    let closes_error = link.has_open_error && matches!(state, LinkState::Skipped(_));
    let ends_create = link.has_open_create()
        && matches!(&state, LinkState::Skipped(reason) if reason.ends_a_create());
    let is_tombstone = state == LinkState::Skipped(SkipReason::CrmDeleted);
    let is_settled = !closes_error
        && link.lifecycle().is_none()
        && !ends_create
        && (link.is_crm_deleted || !is_tombstone);
    if link.version > 0 && link.state == state && is_settled {
        return unchanged(link, None);
    }
    let mut next = Link {
        state,
        lease_until: None,
        ..link.clone()
    };
    if matches!(next.state, LinkState::Skipped(_)) {
        next.intent = next.intent.and_then(Intent::without_lifecycle);
    }
    if ends_create {
        next.intent = None;
    }
    if let LinkState::Skipped(reason) = &next.state {
        if *reason == SkipReason::CrmDeleted && !link.is_crm_deleted {
            next.is_crm_deleted = true;
            // K4: somebody else had put the prospect into the recycle bin, and an older read still shows it alive.
            next.moved_at = Some(now);
        }
        let lacked_email =
            link.lacked_email || link.state == LinkState::Skipped(SkipReason::NoEmail);
        next.lacked_email = match reason {
            SkipReason::DeletedUnlinked | SkipReason::NotVisible => lacked_email,
            _ => *reason == SkipReason::NoEmail,
        };
    }
    // A wait that will be over says less than what is told of the open error.
    let only_waits = matches!(&next.state, LinkState::Held(reason) if !reason.is_lasting());
    if !link.has_open_error || !only_waits {
        next.last_trace = Some(trace.clone());
    }
    next.has_open_error &= !closes_error;
    let error = ErrorChange::closing(closes_error);
    Settlement {
        link: next,
        error,
        verdict: None,
    }
}

fn park(mut next: Link, problem: &Problem, trace: &Trace, now: Timestamp) -> Settlement {
    next.last_trace = Some(trace.clone());
    end_hold(&mut next);
    next.has_open_error = true;
    let failure = WriteFailure {
        service: Service::Salesforce,
        class: problem.class,
        code: problem.code.clone(),
        fields: problem.fields.iter().map(ToString::to_string).collect(),
        message: problem.message.clone(),
        may_have_landed: false,
    };
    let error = ErrorChange::Open(Box::new(error_row(&next, &failure, now)));
    Settlement {
        link: next,
        error,
        verdict: None,
    }
}

pub(crate) fn failures(results: &WriteResults) -> Vec<&WriteFailure> {
    let of_crm = match &results.crm {
        WriteResult::Failed(failure) => Some(failure),
        WriteResult::NotNeeded | WriteResult::Written(_) | WriteResult::NotTried => None,
    };
    let of_prospect = match &results.prospect {
        WriteResult::Failed(failure) => Some(failure),
        WriteResult::NotNeeded | WriteResult::Written(_) | WriteResult::NotTried => None,
    };
    of_crm.into_iter().chain(of_prospect).collect()
}

fn in_step(mut next: Link, decision: &Decision, now: Timestamp) -> Settlement {
    let error = ErrorChange::closing(next.has_open_error);
    next.state = LinkState::Linked;
    next.is_crm_deleted = false;
    next.marked_in = None;
    next.put_backs = if is_written(&decision.outcome) {
        put_back::count(&next, &decision.merged, now)
    } else {
        next.put_backs
    };
    next.base = decision.merged.clone();
    next.base_version = decision.config_version;
    next.intent = None;
    next.lacked_email = false;
    next.has_open_error = false;
    next.synced_at = Some(now);
    Settlement {
        link: next,
        error,
        verdict: None,
    }
}

/// The intent of an update stays up, also when nothing landed: it knows what each side holds. So does
/// any intent whose write may still be on its way, and its lease (reliability 2.2, step 3).
pub(crate) fn failed(
    mut next: Link,
    failures: &[&WriteFailure],
    fence: Option<Timestamp>,
    now: Timestamp,
) -> Settlement {
    if failures.iter().any(|failure| failure.may_have_landed) {
        next.lease_until = fence;
    } else {
        let is_there = failures
            .iter()
            .any(|failure| failure.class == ErrorClass::LinkRepair);
        next.intent = next.intent.and_then(|intent| not_landed(intent, is_there));
    }
    let parked = failures
        .iter()
        .find(|failure| failure.class.verdict() == Verdict::Park);
    let error = match parked {
        Some(failure) => {
            end_hold(&mut next);
            next.has_open_error = true;
            ErrorChange::Open(Box::new(error_row(&next, failure, now)))
        }
        None => ErrorChange::None,
    };
    // What one side can still do by itself is not given up because the other side needs a person.
    let verdict = [Verdict::StopConnector, Verdict::StopLane, Verdict::Retry]
        .into_iter()
        .find(|verdict| {
            failures
                .iter()
                .any(|failure| failure.class.verdict() == *verdict)
        });
    Settlement {
        link: next,
        error,
        verdict,
    }
}

/// What is left of an intent whose writes certainly did not land. A lead or contact that could not be
/// created because its key is there already is looked for by that key (reliability 2.2, step 6).
fn not_landed(intent: Intent, is_there: bool) -> Option<Intent> {
    if intent.lifecycle.is_some() {
        return intent.without_lifecycle();
    }
    Some(intent).filter(|intent| match intent.kind {
        IntentKind::Update => true,
        IntentKind::CreateCrm => is_there,
        IntentKind::CreateProspect => false,
    })
}

/// A pair that was looked at waits for nothing any more; held, it would be caught up with every poll.
fn end_hold(next: &mut Link) {
    if matches!(next.state, LinkState::Held(_)) {
        next.state = if next.is_complete() {
            LinkState::Linked
        } else {
            LinkState::Pending
        };
    }
}

fn error_row(link: &Link, failure: &WriteFailure, now: Timestamp) -> ErrorRow {
    ErrorRow {
        business_unit: link.business_unit.clone(),
        pair: link.key.row(),
        crm_id: link.crm_id.clone(),
        prospect_id: link.prospect_id,
        class: failure.class,
        code: failure.code.clone(),
        fields: failure.fields.clone(),
        message: failure.message.clone(),
        owner: failure.class.owner().to_owned(),
        first_seen: now,
        last_seen: now,
        attempts: 1,
        closed_at: None,
    }
}
