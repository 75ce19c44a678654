//! The decision tables of the behaviour specification, one test per row, named after the row.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod coercion;
mod creation;
mod fields;
mod identifiers;
mod lifecycle;
mod matching;
mod out_of_sight;
mod parted;
mod protocol;
mod put_back;
mod recovery;
mod remapped;
mod settling;
mod spelling;

use sync_core::decision::{Decision, Outcome, SkipReason};
use sync_core::pair::Pair;
use sync_core::testing::World;

/// Decides and checks that the rule is in the trace.
fn decide_by(rule: &str, world: &World, pair: &Pair) -> Decision {
    let decision = world.decide(pair);
    let spoke = decision.trace.rule_numbers();
    assert!(
        spoke.contains(&rule),
        "{rule} did not speak, only {spoke:?}: {:?}",
        decision.outcome
    );
    decision
}

fn assert_skipped(decision: &Decision, reason: SkipReason) {
    assert_eq!(
        decision.outcome,
        Outcome::Skip(reason),
        "{}",
        decision.trace
    );
    let is_told = !decision.trace.rule_numbers().is_empty();
    assert!(is_told, "nothing says why");
}

fn assert_creates_lead(decision: &Decision) {
    let creates = matches!(decision.outcome, Outcome::CreateCrm { .. });
    assert!(
        creates,
        "expected a create, got {:?}: {}",
        decision.outcome, decision.trace
    );
}

fn assert_creates_prospect(decision: &Decision) {
    let creates = matches!(decision.outcome, Outcome::CreateProspect { .. });
    assert!(
        creates,
        "expected a create, got {:?}: {}",
        decision.outcome, decision.trace
    );
}

/// The ids of an update as `(crm, prospect)` in text.
fn linked_ids(decision: &Decision) -> (String, u64) {
    match &decision.outcome {
        Outcome::Update { crm, prospect, .. } => (crm.to_string(), prospect.get()),
        other => panic!("expected an update, got {other:?}: {}", decision.trace),
    }
}
