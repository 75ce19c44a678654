//! From the results of the writes to the link row, the error row, and what the queue is told.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::coerce::Service;
use crate::decision::{Decision, Outcome, Problem, SkipReason};
use crate::error::{ErrorClass, Verdict};
use crate::ids::{BusinessUnit, CrmId, ProspectId};
use crate::key::PairKey;
use crate::link::{Intent, IntentKind, Link, LinkState};
use crate::record::Values;
use crate::trace::{Trace, Winner};

/// A write that did not succeed, without the vendor's free text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteFailure {
    /// Which service refused.
    pub service: Service,
    /// What it means.
    pub class: ErrorClass,
    /// The vendor's code, or ours.
    pub code: String,
    /// The fields the vendor named.
    pub fields: Vec<String>,
    /// What is wrong, without values.
    pub message: String,
    /// Whether the write may have landed although no proper answer came.
    pub may_have_landed: bool,
}

/// The result of the write on one side.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum WriteResult<Id> {
    /// Nothing had to be written.
    #[default]
    NotNeeded,
    /// Written; the id of the record.
    Written(Id),
    /// Not written, because the other side failed first.
    NotTried,
    /// Refused, or unknown.
    Failed(WriteFailure),
}

/// The results of both sides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WriteResults {
    /// Salesforce.
    pub crm: WriteResult<CrmId>,
    /// Account Engagement.
    pub prospect: WriteResult<ProspectId>,
}

/// An open or closed row of the error queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorRow {
    /// The business unit.
    pub business_unit: BusinessUnit,
    /// The pair.
    pub pair: PairKey,
    /// The lead or contact, when known.
    pub crm_id: Option<CrmId>,
    /// The prospect, when known.
    pub prospect_id: Option<ProspectId>,
    /// The class.
    pub class: ErrorClass,
    /// The code.
    pub code: String,
    /// The fields it is about.
    pub fields: Vec<String>,
    /// What is wrong and how to put it right, without values.
    pub message: String,
    /// Who must act.
    pub owner: String,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When it was last seen.
    pub last_seen: Timestamp,
    /// How often it was seen.
    pub attempts: u32,
    /// When it was resolved; `None` while open.
    #[serde(default)]
    pub closed_at: Option<Timestamp>,
}

impl ErrorRow {
    /// Errors with one cause share a group: class, code and fields.
    #[must_use]
    pub fn group(&self) -> String {
        format!("{}:{}", self.code, self.fields.join(","))
    }
}

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
        Outcome::Skip(reason) => {
            return rest(link, LinkState::Skipped(*reason), &decision.trace);
        }
        Outcome::Hold(reason) => return rest(link, LinkState::Held(*reason), &decision.trace),
        Outcome::Park(problem) => return park(next, problem, &decision.trace, now),
        Outcome::Nothing => return nothing_to_do(link),
        Outcome::ReadMore(_) | Outcome::NotYet => return unchanged(link, Some(Verdict::Retry)),
    }
    next.last_trace = Some(decision.trace.clone());
    let failures = failures(results);
    if failures.is_empty() && !next.is_complete() {
        // A create without an answer: nothing is known, so the pair comes again.
        unchanged(link, Some(Verdict::Retry))
    } else if failures.is_empty() {
        in_step(next, decision, now)
    } else {
        failed(next, decision, results, &failures, link.lease_until, now)
    }
}

fn unchanged(link: &Link, verdict: Option<Verdict>) -> Settlement {
    Settlement {
        link: link.clone(),
        error: ErrorChange::None,
        verdict,
    }
}

/// Nothing is written. An open error goes with the record it was about: a pair that still has both
/// records and an error does not end up here.
fn nothing_to_do(link: &Link) -> Settlement {
    if !link.has_open_error {
        return unchanged(link, None);
    }
    let next = Link {
        has_open_error: false,
        ..link.clone()
    };
    Settlement {
        link: next,
        error: ErrorChange::Close,
        verdict: None,
    }
}

/// A skip or a hold: stored once, not again on every look. A skip settles an open error too.
///
/// A create whose outcome was never learnt stays in the row: whoever takes the pair up again must
/// look for its result first.
fn rest(link: &Link, state: LinkState, trace: &Trace) -> Settlement {
    let closes_error = link.has_open_error && matches!(state, LinkState::Skipped(_));
    let is_open_create = |intent: &Intent| intent.kind != IntentKind::Update;
    let intent = link
        .intent
        .clone()
        .filter(|i| is_open_create(i) && !link.is_complete());
    if link.version > 0 && link.state == state && link.intent == intent && !closes_error {
        return unchanged(link, None);
    }
    let mut next = Link {
        state,
        intent,
        lease_until: None,
        ..link.clone()
    };
    if let LinkState::Skipped(reason) = &next.state {
        next.lacked_email = *reason == SkipReason::NoEmail;
    }
    next.last_trace = Some(trace.clone());
    if closes_error {
        next.has_open_error = false;
    }
    let error = if closes_error {
        ErrorChange::Close
    } else {
        ErrorChange::None
    };
    Settlement {
        link: next,
        error,
        verdict: None,
    }
}

fn park(mut next: Link, problem: &Problem, trace: &Trace, now: Timestamp) -> Settlement {
    next.last_trace = Some(trace.clone());
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

fn failures(results: &WriteResults) -> Vec<&WriteFailure> {
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
    let error = if next.has_open_error {
        ErrorChange::Close
    } else {
        ErrorChange::None
    };
    next.state = LinkState::Linked;
    next.base = decision.merged.clone();
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

fn failed(
    mut next: Link,
    decision: &Decision,
    results: &WriteResults,
    failures: &[&WriteFailure],
    fence: Option<Timestamp>,
    now: Timestamp,
) -> Settlement {
    if failures.iter().any(|failure| failure.may_have_landed) {
        // The write may still be on its way: intent and lease stay up (reliability 2.2, step 3).
        next.lease_until = fence;
    } else {
        next.intent = None;
    }
    if next.is_complete() {
        next.state = LinkState::Linked;
        next.base = agreed_so_far(&next.base, decision, results);
    }
    let parked = failures
        .iter()
        .find(|failure| failure.class.verdict() == Verdict::Park);
    let error = match parked {
        Some(failure) => {
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

/// The base after half a write: only fields that are now equal on both sides move on.
fn agreed_so_far(base: &Values, decision: &Decision, results: &WriteResults) -> Values {
    let crm_is_written = matches!(results.crm, WriteResult::Written(_));
    let prospect_is_written = matches!(results.prospect, WriteResult::Written(_));
    let mut agreed = decision.merged.clone();
    for field in &decision.trace.fields {
        let is_equal_now = match field.winner {
            Winner::Same => true,
            Winner::AccountEngagement => crm_is_written,
            Winner::Salesforce => prospect_is_written,
            Winner::Neither => false,
        };
        if !is_equal_now {
            match base.get(&field.field) {
                Some(value) => agreed.insert(field.field.clone(), value.clone()),
                None => agreed.remove(&field.field),
            };
        }
    }
    agreed
}

fn error_row(link: &Link, failure: &WriteFailure, now: Timestamp) -> ErrorRow {
    ErrorRow {
        business_unit: link.business_unit.clone(),
        pair: link.key.clone(),
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
