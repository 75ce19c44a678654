//! What many schedules came to, and how a page says it.

use serde::{Deserialize, Serialize};
use simulation::Outcome;
use simulation::world::Count;

/// Of a million entries in Account Engagement so many are overwritten unread at most, where no read is stale
/// and where reads may be a minute old: prospects are read late (K4).
const MOST_UNREAD: [u64; 2] = [105, 220];

/// Of a million people so many at most have a second record that nobody could find in time, in the same settings.
const MOST_CROSSED: [u64; 2] = [350, 4_000];

/// So many milliseconds can have gone since such an entry: the answer to a read may take 25 s, a write is begun within
/// 15 s of it, given up after 30 s and executed within another 60; and a stale read is up to 60 s older.
const OLDEST_UNREAD: [i64; 2] = [135_000, 200_000];

/// Fewer entries, or people, say nothing about a rate.
const ENOUGH: u64 = 500_000;

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

    /// Whether more or older entries were overwritten unread than reading late explains, or more people not found.
    pub fn reads_too_early(&self) -> bool {
        let settings = || [&self.fresh, &self.stale].into_iter();
        let is_more =
            |number: u64, of: u64, most: u64| of >= ENOUGH && number * 1_000_000 > most * of;
        let mut unread = settings().zip(MOST_UNREAD);
        let mut crossed = settings().zip(MOST_CROSSED);
        let mut oldest = settings().zip(OLDEST_UNREAD);
        unread.any(|(count, most)| is_more(count.unread_on_prospect, count.edits, most))
            || crossed.any(|(count, most)| is_more(count.crossed, count.people, most))
            || oldest.any(|(count, oldest)| count.oldest_unread > oldest)
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
             found any more, less than a minute before we created one or while we did. Entries overwritten unread: \
             {}.",
            self.bad.len(),
            count.edits,
            count.crm_writes,
            count.prospect_writes,
            count.refused_as_stale,
            count.in_error,
            count.people,
            count.crossed,
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
    fn prospects_that_are_read_too_early_show_in_the_rate() {
        assert!(!tally(105, 220, 1_000_000).reads_too_early());
        assert!(tally(106, 220, 1_000_000).reads_too_early());
        assert!(tally(105, 221, 1_000_000).reads_too_early());
        assert!(!tally(300, 300, ENOUGH - 1).reads_too_early());
        let mut crossed = tally(1, 1, 1_000_000);
        crossed.stale.people = 1_000_000;
        crossed.stale.crossed = 4_000;
        assert!(!crossed.reads_too_early());
        crossed.stale.crossed = 4_001;
        assert!(crossed.reads_too_early());
        let mut old = tally(1, 1, 1_000_000);
        old.stale.oldest_unread = OLDEST_UNREAD[1] + 1;
        assert!(old.reads_too_early());
    }
}
