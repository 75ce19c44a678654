//! The day's calls to Account Engagement, and who knows that they are used up.

use std::collections::BTreeSet;

use crate::kernel::{Millis, TaskId};

/// The day's calls.
#[derive(Debug, Default)]
pub struct Allowance {
    /// How many are left; `None` when there are enough.
    pub left: Option<u32>,
    /// When there are enough again.
    pub renewed_at: Millis,
    told: BTreeSet<TaskId>,
    stored_before: Option<TaskId>,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charge {
    /// It is answered.
    Taken,
    /// It is one too many.
    Refused,
    /// It is one too many, and its sender could know.
    Known,
}

impl Allowance {
    /// Charges a call. Whoever was told before, or began when the connector row already said so, knows.
    pub fn charge(&mut self, task: TaskId, now: Millis) -> Charge {
        match self.left {
            Some(0) if now < self.renewed_at => {
                let is_stored = self.stored_before.is_some_and(|newest| task > newest);
                let knows = is_stored || !self.told.insert(task);
                if knows {
                    Charge::Known
                } else {
                    Charge::Refused
                }
            }
            Some(left) if now < self.renewed_at => {
                self.left = Some(left - 1);
                Charge::Taken
            }
            Some(_) | None => Charge::Taken,
        }
    }

    /// The connector row says that nothing is left, or does not any more. `newest` is the last process
    /// that had begun by then.
    pub fn note_row(&mut self, is_used_up: bool, newest: TaskId) {
        self.stored_before = match (is_used_up, self.stored_before) {
            (true, None) => Some(newest),
            (true, known) => known,
            (false, _) => None,
        };
    }
}
