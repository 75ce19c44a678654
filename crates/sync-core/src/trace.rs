//! Why a decision came out as it did: the rules that spoke, and per field both values and the winner.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::CrmId;
use crate::link::Link;
use crate::value::{FieldName, FieldValue};

/// The number of a rule in the behaviour specification: `R41`, `M12`, `F3`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleId(Cow<'static, str>);

impl RuleId {
    /// The rule of this number.
    #[must_use]
    pub const fn new(number: &'static str) -> Self {
        Self(Cow::Borrowed(number))
    }

    /// The number.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// One rule that spoke about the pair as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleApplied {
    /// The rule.
    pub rule: RuleId,
    /// What it said, without values.
    pub said: Cow<'static, str>,
    /// Records that were looked at and not chosen (M12, M13).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<CrmId>,
}

/// Whose value a field ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Winner {
    /// Both sides were equal.
    Same,
    /// Salesforce's value goes to the prospect.
    Salesforce,
    /// The prospect's value goes to Salesforce.
    AccountEngagement,
    /// The sides differ and neither may be written.
    Neither,
}

/// What was decided about one field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldTrace {
    /// The field.
    pub field: FieldName,
    /// The rule that decided.
    pub rule: RuleId,
    /// The prospect's value.
    pub account_engagement: FieldValue,
    /// Salesforce's value.
    pub salesforce: FieldValue,
    /// What both last agreed on, if they ever did.
    pub base: Option<FieldValue>,
    /// Whose value it is now.
    pub winner: Winner,
    /// Whether a value that somebody entered was overruled.
    pub conflict: bool,
}

/// Everything a decision can say about itself.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[must_use]
pub struct Trace {
    /// Rules about the pair, in the order in which they spoke.
    pub rules: Vec<RuleApplied>,
    /// Fields that differed. Equal fields are not listed.
    pub fields: Vec<FieldTrace>,
}

impl Trace {
    /// Notes that a rule spoke.
    pub fn note(&mut self, rule: &'static str, said: impl Into<Cow<'static, str>>) {
        self.note_rejecting(rule, said, Vec::new());
    }

    /// Notes that a rule spoke and which records it turned down.
    pub fn note_rejecting(
        &mut self,
        rule: &'static str,
        said: impl Into<Cow<'static, str>>,
        rejected: Vec<CrmId>,
    ) {
        let rule = RuleId::new(rule);
        self.rules.push(RuleApplied {
            rule,
            said: said.into(),
            rejected,
        });
    }

    /// The numbers of all rules that spoke, each once, in order.
    #[must_use]
    pub fn rule_numbers(&self) -> Vec<&str> {
        let spoken = self.rules.iter().map(|applied| applied.rule.as_str());
        let mut numbers: Vec<&str> = Vec::new();
        for number in spoken.chain(self.fields.iter().map(|field| field.rule.as_str())) {
            if !numbers.contains(&number) {
                numbers.push(number);
            }
        }
        numbers
    }

    /// The story of a partner that was created and then looked at once more: what the create said
    /// comes first, and of a field the last word counts.
    pub fn continued_by(mut self, later: Self) -> Self {
        let is_new = |entry: &FieldTrace| later.fields.iter().all(|l| l.field != entry.field);
        self.fields.retain(is_new);
        self.fields.extend(later.fields);
        self.rules.extend(later.rules);
        self
    }

    /// The trace of a pair that was written before without learning the result: what that attempt said
    /// is part of the story, because its conflicts were real.
    pub(crate) fn after(self, link: &Link) -> Self {
        match (&link.intent, &link.last_trace) {
            (Some(_), Some(before)) => before.clone().continued_by(self),
            (_, _) => self,
        }
    }

    /// How many fields were in conflict.
    #[must_use]
    pub fn conflicts(&self) -> usize {
        self.fields.iter().filter(|field| field.conflict).count()
    }
}

/// The trace without values: rules and field names only.
impl fmt::Display for Trace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self
            .rules
            .iter()
            .map(|applied| format!("{}: {}", applied.rule, applied.said))
            .collect();
        for field in &self.fields {
            let winner = match field.winner {
                Winner::Same => "equal",
                Winner::Salesforce => "Salesforce's value",
                Winner::AccountEngagement => "Account Engagement's value",
                Winner::Neither => "left as it is",
            };
            let conflict = if field.conflict { ", conflict" } else { "" };
            parts.push(format!(
                "{} {}: {winner}{conflict}",
                field.rule, field.field
            ));
        }
        formatter.write_str(&parts.join("; "))
    }
}
