//! What both sides look like, and in what they differ.

use std::collections::BTreeMap;

use connector::poll::PollReport;
use connector::ports::Usage;
use serde_json::Value;
use sync_core::config::Direction;
use sync_core::ids::CrmObject;

use super::{Drained, Fields, World};

/// Everything that the two services hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    pub leads: Vec<Fields>,
    pub contacts: Vec<Fields>,
    pub prospects: Vec<Fields>,
}

impl World {
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            leads: self.rows("Lead"),
            contacts: self.rows("Contact"),
            prospects: self.prospects(),
        }
    }

    /// The mapped fields in which a record and a prospect differ, of those that travel to both.
    pub fn differences(&self, object: CrmObject, crm: &Fields, prospect: &Fields) -> Vec<String> {
        let mut differing = Vec::new();
        for entry in &self.config.fields.0 {
            let Some(name) = entry.crm_field(object).filter(|name| !name.contains('.')) else {
                continue;
            };
            let of_crm = comparable(crm.get(name));
            let of_prospect = comparable(prospect.get(&entry.prospect.0));
            if entry.direction != Direction::ToProspect && of_crm != of_prospect {
                differing.push(format!("{name}: {of_crm:?} and {of_prospect:?}"));
            }
        }
        differing
    }

    /// Every lead has exactly one prospect with its address, and both are equal.
    #[track_caller]
    pub fn assert_in_step(&self) {
        let prospects = self.prospects();
        let leads = self.rows("Lead");
        for lead in &leads {
            let of_lead: Vec<&Fields> = prospects
                .iter()
                .filter(|prospect| prospect["email"] == lead["Email"])
                .collect();
            assert_eq!(of_lead.len(), 1, "prospects of {}", lead["Email"]);
            let differing = self.differences(CrmObject::Lead, lead, of_lead[0]);
            assert!(differing.is_empty(), "{}: {differing:?}", lead["Email"]);
        }
        assert_eq!(leads.len(), prospects.len());
    }
}

/// A value as text; blank, false and what stands for a missing name are nothing.
fn comparable(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::Null | Value::Bool(false) => None,
        Value::String(text) if text.is_empty() || text == "[[Unknown]]" => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => number.as_f64().map(|number| number.to_string()),
        other => Some(other.to_string()),
    }
}

/// The calls of a poll and of what followed, by service and kind, as the clients counted them. The
/// twin sees queries and writes alike as composites; the clients know what was in them.
pub fn calls_of(polled: Option<&PollReport>, drained: &Drained) -> BTreeMap<String, u64> {
    let mut calls = BTreeMap::new();
    let mut add = |service: &str, usage: &Usage| {
        for (kind, count) in &usage.calls {
            *calls.entry(format!("{service} {kind}")).or_default() += count;
        }
    };
    if let Some(report) = polled {
        add("salesforce", &report.salesforce);
        add("engagement", &report.account_engagement);
    }
    for report in &drained.reports {
        add("salesforce", &report.salesforce);
        add("engagement", &report.account_engagement);
    }
    calls
}

/// How many of the calls of a service change something.
pub fn writes(calls: &BTreeMap<String, u64>, service: &str) -> u64 {
    count(calls, service, true)
}

/// How many of the calls of a service read, without log-ins.
pub fn reads(calls: &BTreeMap<String, u64>, service: &str) -> u64 {
    count(calls, service, false)
}

fn count(calls: &BTreeMap<String, u64>, service: &str, writing: bool) -> u64 {
    let of_service = calls.iter().filter(|(kind, _)| kind.starts_with(service));
    of_service
        .filter(|(kind, _)| is_write(kind) == writing && !kind.ends_with(" login"))
        .map(|(_, count)| count)
        .sum()
}

fn is_write(kind: &str) -> bool {
    let kind = kind.rsplit([' ', '_']).next().unwrap_or_default();
    ["create", "update", "delete", "upsert", "undelete"].contains(&kind)
}
