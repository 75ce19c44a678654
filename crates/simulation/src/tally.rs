//! What many schedules came to, and how a page says it.

use serde::{Deserialize, Serialize};
use simulation::Outcome;
use simulation::count::Count;

/// Of a million entries in Account Engagement so many are overwritten unread at most, where no read is stale
/// and where reads may be a minute old: prospects are read late (K4).
const MOST_UNREAD: [u64; 2] = [105, 220];

/// Of a million entries in Salesforce so many are overwritten at most that were hidden from the condition, in the same
/// settings: they committed late within the very second of an earlier change.
const MOST_HIDDEN: [u64; 2] = [3, 3];

/// Of a million people so many at most have a second record that nobody could find in time, in the same settings.
const MOST_CROSSED: [u64; 2] = [350, 4_000];

/// So many milliseconds can have gone since such an entry: the answer to a read may take 25 s, a write is begun within
/// 15 s of it, given up after 30 s and executed within another 60; and a stale read is up to 60 s older.
const OLDEST_UNREAD: [i64; 2] = [135_000, 200_000];

/// Of a million people so many at most end with an open error, in the same settings.
const MOST_IN_ERROR: [u64; 2] = [15_000, 15_000];

/// Of a million people so many pairs at most have to be synced by hand, because the queue delivers no message longer than
/// Salesforce takes no writes, in the same settings.
const MOST_BY_HAND: [u64; 2] = [3_500, 3_500];

/// The same where Salesforce has no outage of hours: two messages about one pair, of which the last delivery of one met
/// the other.
const MOST_WITHOUT_OUTAGE: [u64; 2] = [20, 20];

/// Fewer entries say nothing about a rate.
const ENOUGH: u64 = 500_000;

/// Fewer people say nothing about one.
const ENOUGH_PEOPLE: u64 = 150_000;

/// What many schedules came to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Tally {
    /// What was counted where no read is stale.
    fresh: Count,
    /// What was counted where reads of prospects may be a minute old.
    stale: Count,
    /// Seeds that broke an invariant, and which.
    pub bad: Vec<(u64, String)>,
}

impl Tally {
    /// Adds what a seed came to.
    pub fn note(&mut self, seed: u64, outcome: Outcome) {
        let count = if outcome.with_cache {
            &mut self.stale
        } else {
            &mut self.fresh
        };
        count.add(&outcome.count);
        if let Some(first) = outcome.violations.into_iter().next() {
            self.bad.push((seed, first));
        }
    }

    /// Adds what other seeds came to.
    pub fn add(&mut self, other: Self) {
        self.fresh.add(&other.fresh);
        self.stale.add(&other.stale);
        self.bad.extend(other.bad);
    }

    /// What happened more often than it can be explained, one line each: entries overwritten unread, how old they were,
    /// people not found in time, people with an open error.
    pub fn unexplained(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (index, count) in [&self.fresh, &self.stale].into_iter().enumerate() {
            let rates = [
                (
                    "entries of Account Engagement overwritten unread",
                    count.unread_on_prospect,
                    count.edits,
                    MOST_UNREAD[index],
                    ENOUGH,
                ),
                (
                    "entries of Salesforce overwritten within a second",
                    count.hidden_on_crm,
                    count.edits,
                    MOST_HIDDEN[index],
                    ENOUGH,
                ),
                (
                    "people not found in time",
                    count.crossed,
                    count.people,
                    MOST_CROSSED[index],
                    ENOUGH_PEOPLE,
                ),
                (
                    "people with an open error",
                    count.in_error,
                    count.people,
                    MOST_IN_ERROR[index],
                    ENOUGH_PEOPLE,
                ),
                (
                    "pairs synced by hand",
                    count.by_hand,
                    count.people,
                    MOST_BY_HAND[index],
                    ENOUGH_PEOPLE,
                ),
                (
                    "pairs synced by hand without an outage",
                    count.by_hand_without_outage,
                    count.people,
                    MOST_WITHOUT_OUTAGE[index],
                    ENOUGH_PEOPLE,
                ),
            ];
            for (what, number, of, most, enough) in rates {
                if of >= enough && number * 1_000_000 > most * of {
                    found.push(format!(
                        "{what}: {}, at most {most}",
                        in_a_million(number, of)
                    ));
                }
            }
            if count.oldest_unread > OLDEST_UNREAD[index] {
                found.push(format!(
                    "an entry of {} ms before overwritten unread",
                    count.oldest_unread
                ));
            }
        }
        found
    }

    /// The paragraph about `done` schedules from a seed on.
    pub fn figures(&self, start: u64, done: u64) -> String {
        let mut count = self.fresh;
        count.add(&self.stale);
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let bound = 3.0 / done as f64;
        let bound = if self.bad.is_empty() {
            format!(" (95 % bound {bound:.1e} a schedule)")
        } else {
            String::new()
        };
        format!(
            "{done} schedules from seed {start}, {} of them violated{bound}. {} entries of users; {} writes to \
             Salesforce, {} to Account Engagement; {} updates refused because the lead had changed since it was \
             read. {} of {} people end with an open error, and of {} a second record was entered when it could not be \
             found any more, less than a minute before we created one or while we did. {} deleted leads were let be \
             created again. Of {} pairs that the queue had delivered in vain {} had to be synced by hand in the end, \
             {} of them where Salesforce had no outage of hours. Entries overwritten unread: {}.",
            self.bad.len(),
            count.edits,
            count.crm_writes,
            count.prospect_writes,
            count.refused_as_stale,
            count.in_error,
            count.people,
            count.crossed,
            count.released,
            count.given_up,
            count.by_hand,
            count.by_hand_without_outage,
            self.unread(),
        )
    }

    /// Entries overwritten unread, with stale reads and without.
    fn unread(&self) -> String {
        let settings = [
            ("where no read is stale", &self.fresh),
            ("where reads may be a minute old", &self.stale),
        ];
        let ran = settings.into_iter().filter(|(_, count)| count.edits > 0);
        let rates = ran.map(|(setting, count)| {
            let on_crm = in_a_million(count.unread_on_crm, count.edits);
            let on_prospect = in_a_million(count.unread_on_prospect, count.edits);
            let hidden = count.hidden_on_crm;
            let oldest = count.oldest_unread / 1_000;
            format!(
                "{setting}, {on_crm} in Salesforce, besides {hidden} that committed late within the very second of \
                 an earlier change, and {on_prospect} in Account Engagement, the oldest {oldest} s before"
            )
        });
        rates.collect::<Vec<_>>().join("; ")
    }
}

/// A number, and how often that is in a million entries.
fn in_a_million(number: u64, entries: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let rate = number as f64 * 1_000_000.0 / entries as f64;
    format!("{number} ({rate:.0} in a million)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(fresh: u64, stale: u64, edits: u64) -> Tally {
        let count = |unread_on_prospect| Count {
            unread_on_prospect,
            edits,
            ..Count::default()
        };
        Tally {
            fresh: count(fresh),
            stale: count(stale),
            bad: Vec::new(),
        }
    }

    #[test]
    fn what_happens_too_often_is_told() {
        let none: [String; 0] = [];
        assert_eq!(tally(105, 220, 1_000_000).unexplained(), none);
        assert_eq!(tally(106, 220, 1_000_000).unexplained().len(), 1);
        assert_eq!(tally(105, 221, 1_000_000).unexplained().len(), 1);
        assert_eq!(tally(300, 300, ENOUGH - 1).unexplained(), none);
        let mut hidden = tally(1, 1, 1_000_000);
        hidden.fresh.hidden_on_crm = 3;
        assert_eq!(hidden.unexplained(), none);
        hidden.fresh.hidden_on_crm = 4;
        assert_eq!(hidden.unexplained().len(), 1);
        let mut people = tally(1, 1, 1_000_000);
        people.stale.people = 1_000_000;
        people.stale.crossed = 4_000;
        people.stale.in_error = 15_000;
        assert_eq!(people.unexplained(), none);
        people.stale.crossed = 4_001;
        assert!(people.unexplained()[0].starts_with("people not found"));
        people.stale.in_error = 15_001;
        assert!(people.unexplained()[1].starts_with("people with an open error"));
        let mut by_hand = tally(1, 1, 1_000_000);
        by_hand.fresh.people = 1_000_000;
        by_hand.fresh.by_hand = 3_500;
        by_hand.fresh.by_hand_without_outage = 20;
        assert_eq!(by_hand.unexplained(), none);
        by_hand.fresh.by_hand_without_outage = 21;
        assert_eq!(by_hand.unexplained().len(), 1);
        by_hand.fresh.by_hand = 3_501;
        assert_eq!(by_hand.unexplained().len(), 2);
        let mut old = tally(1, 1, 1_000_000);
        old.stale.oldest_unread = OLDEST_UNREAD[1] + 1;
        assert_eq!(old.unexplained().len(), 1);
    }
}
