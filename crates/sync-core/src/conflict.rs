//! Values that were overruled: kept with the pair, so that whoever misses one finds it.
//!
//! The trace tells of the last decision only; the next sync, a hold or an error replaces it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::trace::{FieldTrace, Trace};

/// How many conflicts a pair keeps, unless its last decision alone has more; the oldest go first.
pub const KEPT_CONFLICTS: usize = 10;

/// How much they may weigh as JSON, unless those of the last decision weigh more: a row has 400 KB for
/// everything, and a text area alone up to 64.
const KEPT_BYTES: usize = 100 * 1024;

/// A field of which a value that somebody had entered was overruled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conflict {
    /// When it was decided.
    pub at: Timestamp,
    /// Both values, the base, and which of them it is now.
    #[serde(flatten)]
    pub field: FieldTrace,
}

impl Conflict {
    /// Whether the other one is about the same values with the same end.
    fn is_like(&self, other: &FieldTrace) -> bool {
        let told = |field: &FieldTrace| {
            let values = (field.salesforce.clone(), field.account_engagement.clone());
            (field.field.clone(), values, field.winner)
        };
        told(&self.field) == told(other)
    }
}

/// The conflicts of a pair after this decision: all of its own, then as many of the former ones as there
/// is room for. One that is decided again, because nobody saw how the first attempt ended, is the same one.
pub(crate) fn keep(known: &[Conflict], trace: &Trace, at: Timestamp) -> Vec<Conflict> {
    let mut kept = known.to_vec();
    let mut own = 0;
    for field in trace.fields.iter().filter(|field| field.conflict) {
        kept.retain(|conflict| !conflict.is_like(field));
        let field = field.clone();
        kept.push(Conflict { at, field });
        own += 1;
    }
    while kept.len() > own && (kept.len() > KEPT_CONFLICTS || weight(&kept) > KEPT_BYTES) {
        kept.remove(0);
    }
    kept
}

fn weight(conflicts: &[Conflict]) -> usize {
    serde_json::to_string(conflicts).map_or(0, |json| json.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{at, text};
    use crate::trace::{RuleId, Winner};
    use crate::value::FieldName;

    fn conflict(loser: &str) -> Trace {
        let field = FieldTrace {
            field: FieldName::from("city"),
            rule: RuleId::new("F2"),
            account_engagement: text(loser),
            salesforce: text("Paris"),
            base: None,
            winner: Winner::Salesforce,
            conflict: true,
        };
        Trace {
            fields: vec![field],
            ..Trace::default()
        }
    }

    fn losers(kept: &[Conflict]) -> Vec<String> {
        let values = kept
            .iter()
            .map(|conflict| &conflict.field.account_engagement);
        values.map(ToString::to_string).collect()
    }

    #[test]
    fn the_last_ten_are_kept_and_each_once() {
        let mut kept = Vec::new();
        for number in 0..12 {
            for _ in 0..2 {
                kept = keep(&kept, &conflict(&number.to_string()), at(number));
            }
        }
        let expected: Vec<String> = (2..12).map(|number| format!("\"{number}\"")).collect();
        assert_eq!(losers(&kept), expected);
        assert_eq!(kept.last().map(|conflict| conflict.at), Some(at(11)));
    }

    #[test]
    fn what_one_decision_overrules_is_kept_whole() {
        let of_all = |losers: &[String]| Trace {
            fields: losers
                .iter()
                .flat_map(|loser| conflict(loser).fields)
                .collect(),
            ..Trace::default()
        };
        let many: Vec<String> = (0..12).map(|number| number.to_string()).collect();
        let kept = keep(&[], &conflict("former"), at(0));
        let kept = keep(&kept, &of_all(&many), at(1));
        assert_eq!(kept.len(), many.len());
        assert_eq!(keep(&kept, &of_all(&many), at(2)).len(), many.len());
        let long = ["a", "b", "c"].map(|letter| letter.repeat(64 * 1024));
        assert_eq!(keep(&kept, &of_all(&long), at(3)).len(), long.len());
    }

    #[test]
    fn long_values_do_not_fill_the_row() {
        let long = |letter: &str| letter.repeat(64 * 1024);
        let kept = keep(&[], &conflict(&long("a")), at(0));
        assert_eq!(kept.len(), 1);
        let kept = keep(&kept, &conflict(&long("b")), at(1));
        assert_eq!(losers(&kept), [format!("\"{}\"", long("b"))]);
    }
}
