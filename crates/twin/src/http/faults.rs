//! What control planned to go wrong, taken one request at a time, and what really went wrong.

use std::collections::BTreeMap;

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

impl Side {
    /// As in JSON.
    fn name(self) -> &'static str {
        match self {
            Self::Salesforce => "salesforce",
            Self::Engagement => "engagement",
        }
    }
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A page of HTML with this status; nothing is done.
    Status(u16),
    /// The session is not valid, for this call.
    Unauthorised,
    /// The session ends; a new log-in works.
    SessionEnds {
        /// How many calls a token serves at least: one that was just handed out is good.
        #[serde(default = "one_call")]
        after: u64,
    },
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

impl Fault {
    /// As in JSON.
    fn name(&self) -> &'static str {
        match self {
            Self::Status(_) => "status",
            Self::Unauthorised => "unauthorised",
            Self::SessionEnds { .. } => "session_ends",
            Self::Concurrency => "concurrency",
            Self::DailyLimit => "daily_limit",
            Self::LockRow { .. } => "lock_row",
            Self::CutBefore => "cut_before",
            Self::CutAfterCommit => "cut_after_commit",
            Self::Delay { .. } => "delay",
        }
    }
}

fn one() -> u32 {
    1
}

fn one_call() -> u64 {
    1
}

/// A request, as far as a plan looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// `METHOD /path`.
    pub target: &'a str,
    /// Whether it asks for something to be written.
    pub writes: bool,
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
    /// Whether it meets requests only that write.
    #[serde(default)]
    pub writes: bool,
    /// How often it happens.
    #[serde(default = "one")]
    pub count: u32,
    /// Every how many matching requests it happens.
    #[serde(default = "one")]
    pub every: u32,
    /// In place of `every`: the chance of each matching request, in thousandths.
    #[serde(default)]
    pub per_mille: Option<u32>,
    /// What the chances are drawn from; the same seed meets the same requests.
    #[serde(default)]
    pub seed: u64,
    /// How many matching requests came.
    #[serde(skip_deserializing)]
    pub seen: u32,
}

impl Plan {
    fn meets(&self, side: Side, asked: Asked<'_>) -> bool {
        let is_here = self
            .path
            .as_ref()
            .is_none_or(|part| asked.target.contains(part.as_str()));
        self.side == side && is_here && (asked.writes || !self.writes)
    }

    /// Whether the request that was just counted is one of those.
    fn is_due(&self) -> bool {
        let is_chosen = match self.per_mille {
            Some(chance) => draw(self.seed, self.seen) % 1000 < u64::from(chance),
            None => self.seen.is_multiple_of(self.every.max(1)),
        };
        self.count > 0 && is_chosen
    }
}

/// The n-th number of a seed (`SplitMix64`): needs no state, so that a plan reads like a value.
fn draw(seed: u64, number: u32) -> u64 {
    const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
    let steps = u64::from(number).wrapping_mul(STEP);
    let mut mixed = seed.wrapping_mul(STEP).wrapping_add(steps);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// The plans that are still open, and what they have done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Faults {
    plans: Vec<Plan>,
    /// How often each fault took effect, such as `salesforce lock_row`. A plan that met a request which
    /// it could not harm, a lock where nothing is written, does not count.
    struck: BTreeMap<String, u64>,
}

impl Faults {
    /// Adds a plan.
    pub fn add(&mut self, plan: Plan) {
        self.plans.push(plan);
    }

    /// Forgets every plan, and what they have done.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Counts a fault that took effect.
    pub fn strike(&mut self, side: Side, fault: &Fault, times: u64) {
        if times > 0 {
            let key = format!("{} {}", side.name(), fault.name());
            *self.struck.entry(key).or_insert(0) += times;
        }
    }

    /// The fault of this request. Every plan it matches counts it; the first that is due fires.
    pub fn take(&mut self, side: Side, asked: Asked<'_>) -> Option<Fault> {
        let mut taken = None;
        for plan in &mut self.plans {
            if !plan.meets(side, asked) {
                continue;
            }
            plan.seen += 1;
            if plan.is_due() && taken.is_none() {
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

    fn plan(text: &str) -> Plan {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_plan_meets_every_nth_matching_request_until_it_is_used_up() {
        let mut faults = Faults::default();
        faults.add(plan(
            r#"{"side":"salesforce","fault":{"status":503},"path":"/query","count":2,"every":2}"#,
        ));
        let writes = false;
        let mut take = |side, target| faults.take(side, Asked { target, writes }).is_some();
        assert!(!take(Side::Engagement, "GET /query"));
        assert!(!take(Side::Salesforce, "GET /limits"));
        let met: Vec<bool> = (0..6)
            .map(|_| take(Side::Salesforce, "GET /query"))
            .collect();
        assert_eq!(met, [false, true, false, true, false, false]);
    }

    #[test]
    fn a_plan_with_a_chance_meets_about_so_many_and_the_same_ones_again() {
        let met = |seed: u64| -> Vec<usize> {
            let mut faults = Faults::default();
            faults.add(Plan {
                seed,
                ..plan(
                    r#"{"side":"engagement","fault":"concurrency","per_mille":200,"count":9999}"#,
                )
            });
            let (target, writes) = ("GET /", false);
            let mut take = || faults.take(Side::Engagement, Asked { target, writes });
            (0..1000).filter(|_| take().is_some()).collect()
        };
        assert!((150..250).contains(&met(7).len()), "{}", met(7).len());
        assert_eq!(met(7), met(7));
        assert_ne!(met(7), met(8));
    }

    #[test]
    fn a_plan_for_writes_leaves_reads_alone() {
        let mut faults = Faults::default();
        faults.add(plan(
            r#"{"side":"engagement","fault":"cut_after_commit","writes":true}"#,
        ));
        let target = "POST /";
        let mut take = |writes| faults.take(Side::Engagement, Asked { target, writes });
        assert_eq!(take(false), None);
        assert_eq!(take(true), Some(Fault::CutAfterCommit));
    }

    #[test]
    fn plans_are_written_as_json() {
        let fault = |text| plan(text).fault;
        let status = r#"{"side":"salesforce","fault":{"status":503}}"#;
        assert_eq!(fault(status), Fault::Status(503));
        let cut = r#"{"side":"engagement","fault":"cut_after_commit","count":3}"#;
        assert_eq!(fault(cut), Fault::CutAfterCommit);
        let lock = r#"{"side":"salesforce","fault":{"lock_row":{}}}"#;
        assert_eq!(fault(lock), Fault::LockRow { every: 1 });
        let ends = r#"{"side":"salesforce","fault":{"session_ends":{}}}"#;
        assert_eq!(fault(ends), Fault::SessionEnds { after: 1 });
    }
}
