//! Table F for one field: three-way merge first, the sync behaviour for true conflicts only.

use crate::config::{BlankRule, Direction, FieldEntry, SyncBehaviour};
use crate::trace::Winner;
use crate::value::FieldValue;

/// Which record was edited last, at whole seconds (R86, R88).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newer {
    /// The lead or contact.
    Salesforce,
    /// The prospect.
    AccountEngagement,
    /// Both in the same second.
    Tie,
}

/// The values of one field and the stamps of the two records they were read from.
#[derive(Debug, Clone, Copy)]
pub struct FieldState<'a> {
    /// The prospect's value.
    pub account_engagement: &'a FieldValue,
    /// Salesforce's value.
    pub salesforce: &'a FieldValue,
    /// What each side's value is compared with.
    pub base: FieldBase<'a>,
    /// Which record was edited last.
    pub newer: Newer,
}

/// What a field was when the sides last agreed. As long as no intent is open it is one value for both;
/// after a write whose result was never learnt each side is compared with what it was known to hold
/// (reliability 2.2, step 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FieldBase<'a> {
    /// What both sides last agreed on.
    pub agreed: Option<&'a FieldValue>,
    /// What the prospect held.
    pub account_engagement: Option<&'a FieldValue>,
    /// What Salesforce held.
    pub salesforce: Option<&'a FieldValue>,
    /// What an open intent wanted both to hold.
    pub target: Option<&'a FieldValue>,
}

impl<'a> FieldBase<'a> {
    /// The value both sides agreed on, if they ever did.
    #[must_use]
    pub fn agreed(base: Option<&'a FieldValue>) -> Self {
        Self {
            agreed: base,
            account_engagement: base,
            salesforce: base,
            target: None,
        }
    }

    /// The last value that both sides held: what an open intent has brought about, else what they had
    /// agreed on before it.
    #[must_use]
    pub fn known_to_both(&self) -> Option<&'a FieldValue> {
        match (self.account_engagement, self.salesforce) {
            (Some(of_prospect), Some(of_salesforce)) if of_prospect == of_salesforce => {
                Some(of_prospect)
            }
            (_, _) => self.agreed,
        }
    }
}

/// Who wins a field, by which rule, and whether somebody's edit was overruled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldVerdict {
    /// The rule that decided.
    pub rule: &'static str,
    /// Whose value the field ends with.
    pub winner: Winner,
    /// Whether the losing value differs from the base, or there was no base to tell.
    pub conflict: bool,
}

/// Decides one field.
#[must_use]
pub fn decide_field(
    entry: &FieldEntry,
    direction: Direction,
    state: FieldState<'_>,
) -> FieldVerdict {
    if state.account_engagement == state.salesforce {
        let rule = if state.salesforce.is_blank() {
            "F5"
        } else {
            "F1"
        };
        return FieldVerdict {
            rule,
            winner: Winner::Same,
            conflict: false,
        };
    }
    let (rule, wanted) = wanted_winner(entry, direction, state);
    let winner = if travels(direction, wanted) {
        wanted
    } else {
        Winner::Neither
    };
    let conflict = winner != Winner::Neither && overrules_an_edit(direction, winner, state);
    FieldVerdict {
        rule,
        winner,
        conflict,
    }
}

fn wanted_winner(
    entry: &FieldEntry,
    direction: Direction,
    state: FieldState<'_>,
) -> (&'static str, Winner) {
    if let Some(decided) = value_beats_blank(entry, state) {
        return decided;
    }
    match direction {
        Direction::ToSalesforce => return ("R93", Winner::AccountEngagement),
        Direction::ToProspect => return ("R93", Winner::Salesforce),
        Direction::Both => {}
    }
    if let Some(winner) = only_changed_side(state) {
        return ("R90", winner);
    }
    if let Some(winner) = opted_out_side(state).filter(|_| entry.opt_out) {
        return ("R91", winner);
    }
    by_behaviour(entry.behaviour, state)
}

/// R83 and R84: unless a blank counts as a value for this field, the side with a value wins. Without
/// a base nobody has cleared anything yet, so that linking two records never erases a value.
fn value_beats_blank(entry: &FieldEntry, state: FieldState<'_>) -> Option<(&'static str, Winner)> {
    let salesforce_blank_counts = match entry.blanks {
        BlankRule::ValueWins => false,
        BlankRule::SalesforceBlankWins => entry.behaviour == SyncBehaviour::UseSalesforce,
        BlankRule::BlankIsValue => state.base.salesforce.is_some(),
    };
    let account_engagement_blank_counts =
        entry.blanks == BlankRule::BlankIsValue && state.base.account_engagement.is_some();
    if state.salesforce.is_blank() && !salesforce_blank_counts {
        return Some(("F3", Winner::AccountEngagement));
    }
    if state.account_engagement.is_blank() && !account_engagement_blank_counts {
        return Some(("F4", Winner::Salesforce));
    }
    None
}

/// R90: when only one side differs from its base, that side wins, unless the other side's value is an
/// edit that never reached it. When neither differs, an open intent is half done and goes on to its
/// target.
fn only_changed_side(state: FieldState<'_>) -> Option<Winner> {
    let (of_prospect, of_salesforce) = (state.base.account_engagement?, state.base.salesforce?);
    let is_unchanged = (
        state.account_engagement == of_prospect,
        state.salesforce == of_salesforce,
    );
    let was_known = |value: &FieldValue, to_other: &FieldValue| {
        value == to_other || Some(value) == state.base.agreed
    };
    match is_unchanged {
        (true, false) => {
            was_known(state.account_engagement, of_salesforce).then_some(Winner::Salesforce)
        }
        (false, true) => {
            was_known(state.salesforce, of_prospect).then_some(Winner::AccountEngagement)
        }
        (true, true) if state.base.target == Some(state.salesforce) => Some(Winner::Salesforce),
        (true, true) if state.base.target == Some(state.account_engagement) => {
            Some(Winner::AccountEngagement)
        }
        (true, true) | (false, false) => None,
    }
}

/// R91: on ambiguity an opt-out is never turned into an opt-in.
fn opted_out_side(state: FieldState<'_>) -> Option<Winner> {
    match (state.salesforce, state.account_engagement) {
        (FieldValue::Boolean(true), _) => Some(Winner::Salesforce),
        (_, FieldValue::Boolean(true)) => Some(Winner::AccountEngagement),
        (_, _) => None,
    }
}

fn by_behaviour(behaviour: SyncBehaviour, state: FieldState<'_>) -> (&'static str, Winner) {
    let flagged_blank = state.salesforce.is_blank();
    match (behaviour, state.newer) {
        (SyncBehaviour::UseSalesforce, _) if flagged_blank => ("R84", Winner::Salesforce),
        (SyncBehaviour::UseSalesforce, _)
        | (SyncBehaviour::MostRecentRecord, Newer::Salesforce) => ("F2", Winner::Salesforce),
        (SyncBehaviour::UseAccountEngagement, _)
        | (SyncBehaviour::MostRecentRecord, Newer::AccountEngagement) => {
            ("F2", Winner::AccountEngagement)
        }
        (SyncBehaviour::MostRecentRecord, Newer::Tie) => ("R87", Winner::Salesforce),
    }
}

fn travels(direction: Direction, winner: Winner) -> bool {
    match direction {
        Direction::Both => true,
        Direction::ToSalesforce => winner == Winner::AccountEngagement,
        Direction::ToProspect => winner == Winner::Salesforce,
    }
}

/// Whether the value that loses is one that somebody entered since that side was last known, or one that
/// never reached the winning side.
fn overrules_an_edit(direction: Direction, winner: Winner, state: FieldState<'_>) -> bool {
    if direction != Direction::Both {
        return false;
    }
    let of_prospect = (state.account_engagement, state.base.account_engagement);
    let of_salesforce = (state.salesforce, state.base.salesforce);
    let ((loser, its_base), (_, base_of_winner)) = match winner {
        Winner::Salesforce => (of_prospect, of_salesforce),
        Winner::AccountEngagement => (of_salesforce, of_prospect),
        Winner::Same | Winner::Neither => return false,
    };
    match (its_base, base_of_winner) {
        (Some(its_base), Some(base_of_winner)) => {
            let never_arrived = Some(loser) != state.base.agreed && loser != base_of_winner;
            loser != its_base || never_arrived
        }
        (Some(its_base), None) if loser != its_base => true,
        (_, _) => !loser.is_blank(),
    }
}
