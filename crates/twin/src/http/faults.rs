//! What control planned to go wrong, taken one request at a time.

use serde::{Deserialize, Serialize};

/// The API a fault is planned for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Everything under `/services/`.
    Salesforce,
    /// Everything under `/api/v5/`.
    Engagement,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A page of HTML with this status; nothing is done.
    Status(u16),
    /// The session is not valid.
    Unauthorised,
    /// Too many calls at once.
    Concurrency,
    /// Nothing of the daily allowance is left.
    DailyLimit,
    /// Every n-th record that the request writes is locked by somebody else.
    LockRow {
        /// Every how many records.
        #[serde(default = "one")]
        every: u32,
    },
    /// The connection breaks before anything is done.
    CutBefore,
    /// The connection breaks after the work is done.
    CutAfterCommit,
    /// The answer waits.
    Delay {
        /// How long.
        ms: u64,
    },
}

fn one() -> u32 {
    1
}

/// A plan: a fault, and the requests it meets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The API.
    pub side: Side,
    /// What goes wrong.
    pub fault: Fault,
    /// A part of `METHOD /path`.
    #[serde(default)]
    pub path: Option<String>,
    /// How often it happens.
    #[serde(default = "one")]
    pub count: u32,
    /// Every how many matching requests it happens.
    #[serde(default = "one")]
    pub every: u32,
    /// How many matching requests came.
    #[serde(skip_deserializing)]
    pub seen: u32,
}

/// The plans that are still open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Faults {
    plans: Vec<Plan>,
}

impl Faults {
    /// Adds a plan.
    pub fn add(&mut self, plan: Plan) {
        self.plans.push(plan);
    }

    /// Forgets every plan.
    pub fn clear(&mut self) {
        self.plans.clear();
    }

    /// The fault of this request. Every plan it matches counts it; the first that is due fires.
    pub fn take(&mut self, side: Side, path: &str) -> Option<Fault> {
        let mut taken = None;
        for plan in &mut self.plans {
            let is_here = plan
                .path
                .as_ref()
                .is_none_or(|part| path.contains(part.as_str()));
            if plan.side != side || !is_here {
                continue;
            }
            plan.seen += 1;
            let is_due = plan.count > 0 && plan.seen.is_multiple_of(plan.every.max(1));
            if is_due && taken.is_none() {
                plan.count -= 1;
                taken = Some(plan.fault.clone());
            }
        }
        self.plans.retain(|plan| plan.count > 0);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_meets_every_nth_matching_request_until_it_is_used_up() {
        let mut faults = Faults::default();
        faults.add(Plan {
            side: Side::Salesforce,
            fault: Fault::Status(503),
            path: Some("/query".to_owned()),
            count: 2,
            every: 2,
            seen: 0,
        });
        let mut take = |side, path| faults.take(side, path).is_some();
        assert!(!take(Side::Engagement, "GET /query"));
        assert!(!take(Side::Salesforce, "GET /limits"));
        let met: Vec<bool> = (0..6)
            .map(|_| take(Side::Salesforce, "GET /query"))
            .collect();
        assert_eq!(met, [false, true, false, true, false, false]);
    }

    #[test]
    fn plans_are_written_as_json() {
        let read = |text| serde_json::from_str::<Plan>(text).map(|plan| plan.fault);
        let fault = read(r#"{"side":"salesforce","fault":{"status":503}}"#).unwrap();
        assert_eq!(fault, Fault::Status(503));
        let fault = read(r#"{"side":"engagement","fault":"cut_after_commit","count":3}"#).unwrap();
        assert_eq!(fault, Fault::CutAfterCommit);
        let fault = read(r#"{"side":"salesforce","fault":{"lock_row":{}}}"#).unwrap();
        assert_eq!(fault, Fault::LockRow { every: 1 });
    }
}
