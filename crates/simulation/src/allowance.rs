//! The day's calls to each service, and who knows that they are used up.

use std::collections::BTreeSet;

use sync_core::coerce::Service;
use sync_core::quota::UsedUp;

use crate::kernel::{Millis, TaskId};

/// How far clocks of functions are apart at most.
const SKEW: Millis = 2_000;

/// The day's calls to both services.
#[derive(Debug, Default)]
pub struct Allowances {
    /// Those to Salesforce.
    pub salesforce: Allowance,
    /// Those to Account Engagement.
    pub account_engagement: Allowance,
}

impl Allowances {
    /// The connector row says whose calls are used up, or that none are. `newest` is the last process that
    /// had begun by then.
    pub fn note_row(&mut self, used_up: Option<UsedUp>, newest: TaskId) {
        for service in [Service::Salesforce, Service::AccountEngagement] {
            let theirs = used_up.filter(|used_up| used_up.service == service);
            let until = theirs.map(|used_up| used_up.until.as_millisecond());
            self.of(service).note_row(until, newest);
        }
    }

    /// Those to one of them.
    pub fn of(&mut self, service: Service) -> &mut Allowance {
        match service {
            Service::Salesforce => &mut self.salesforce,
            Service::AccountEngagement => &mut self.account_engagement,
        }
    }
}

/// The day's calls to a service.
#[derive(Debug, Default)]
pub struct Allowance {
    /// How many are left; `None` when there are enough.
    pub left: Option<u32>,
    /// When there are enough again.
    pub renewed_at: Millis,
    told: BTreeSet<TaskId>,
    /// Who had begun when the connector row said so first, and until when it says so.
    stored: Option<(TaskId, Millis)>,
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
                let says_so = |(newest, until)| task > newest && now + SKEW < until;
                let is_stored = self.stored.is_some_and(says_so);
                let knows = is_stored || self.told.contains(&task);
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

    /// A process learns that a call of its was one too many.
    pub fn note_refusal(&mut self, task: TaskId) {
        self.told.insert(task);
    }

    fn note_row(&mut self, until: Option<Millis>, newest: TaskId) {
        self.stored = until.map(|until| match self.stored {
            Some((known, before)) if before == until => (known, until),
            Some(_) | None => (newest, until),
        });
    }
}
