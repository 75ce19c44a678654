//! What many schedules came to, and how a page says it.

use serde::{Deserialize, Serialize};
use simulation::Outcome;
use simulation::world::Count;

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
             read. {} of {} people end with an open error. Entries overwritten unread: {}.",
            self.bad.len(),
            count.edits,
            count.crm_writes,
            count.prospect_writes,
            count.refused_as_stale,
            count.in_error,
            count.people,
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
            format!(
                "{setting}, {on_crm} in Salesforce, besides {hidden} that committed late within the very second of \
                 an earlier change, and {on_prospect} in Account Engagement"
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
