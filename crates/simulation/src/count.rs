//! What happened in a run, in numbers.

use serde::{Deserialize, Serialize};

use crate::kernel::Millis;

/// What was written, entered, overwritten and left open.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Count {
    /// Writes that landed in Salesforce.
    pub crm_writes: u64,
    /// Writes that landed in Account Engagement.
    pub prospect_writes: u64,
    /// Writes that Salesforce refused because the lead was changed after it was read.
    pub refused_as_stale: u64,
    /// Edits of leads that a write overwrote unread.
    pub unread_on_crm: u64,
    /// The same, where no condition can help: committed late within the second of an earlier change.
    pub hidden_on_crm: u64,
    /// Edits of prospects that a write overwrote unread.
    pub unread_on_prospect: u64,
    /// How old the oldest entry was that a write to Account Engagement overwrote unread.
    pub oldest_unread: Millis,
    /// Edits by users.
    pub edits: u64,
    /// People whose records were looked at in the end.
    pub people: u64,
    /// Those of them who have an open error: of their records less is asked.
    pub in_error: u64,
    /// Pairs that the queue delivered in vain, so that they went into the errors table.
    #[serde(default)]
    pub given_up: u64,
    /// Those of them that were still there in the end, and that an operator had to sync by hand.
    #[serde(default)]
    pub by_hand: u64,
    /// Those of these in runs where Salesforce had no outage of hours.
    #[serde(default)]
    pub by_hand_without_outage: u64,
    /// Those of the people who were entered on the other side too late to be found there: nothing is asked of them.
    #[serde(default)]
    pub crossed: u64,
    /// Prospects that were let have another lead.
    #[serde(default)]
    pub released: u64,
}

impl Count {
    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        self.crm_writes += other.crm_writes;
        self.prospect_writes += other.prospect_writes;
        self.refused_as_stale += other.refused_as_stale;
        self.unread_on_crm += other.unread_on_crm;
        self.hidden_on_crm += other.hidden_on_crm;
        self.unread_on_prospect += other.unread_on_prospect;
        self.oldest_unread = self.oldest_unread.max(other.oldest_unread);
        self.edits += other.edits;
        self.people += other.people;
        self.in_error += other.in_error;
        self.given_up += other.given_up;
        self.by_hand += other.by_hand;
        self.by_hand_without_outage += other.by_hand_without_outage;
        self.crossed += other.crossed;
        self.released += other.released;
    }
}
