//! What each side is compared with: the values both agreed on, or what an open intent tells about each.

use std::borrow::Cow;

use super::FieldBase;
use crate::config::ConnectorRow;
use crate::link::{Link, Plan};
use crate::pair::Context;
use crate::record::{CrmRecord, ProspectRecord, Values};
use crate::value::FieldName;

/// The bases of a pair (reliability 2.2, step 7).
#[derive(Debug, Clone, PartialEq)]
pub struct Bases<'a> {
    /// What both sides last agreed on.
    pub agreed: Cow<'a, Values>,
    account_engagement: Cow<'a, Values>,
    salesforce: Cow<'a, Values>,
    target: Option<Values>,
}

impl<'a> Bases<'a> {
    /// One base for both sides.
    #[must_use]
    pub fn agreed(base: Cow<'a, Values>) -> Self {
        Self {
            agreed: base.clone(),
            account_engagement: base.clone(),
            salesforce: base,
            target: None,
        }
    }

    /// The bases of a pair as it was read: an open intent is classified side by side. A field that is mapped
    /// to another one since a value was stored has none (reliability 2.3, 32).
    #[must_use]
    pub fn of_pair(
        context: Context<'_>,
        link: &'a Link,
        crm: &CrmRecord,
        prospect: &ProspectRecord,
    ) -> Self {
        let (config, connector) = (context.config, context.connector);
        let agreed = still_mapped(&link.base, link.base_version, connector);
        let Some((intent, plan)) = link
            .intent
            .as_ref()
            .and_then(|intent| Some((intent, intent.plan.as_ref()?)))
        else {
            return Self::agreed(agreed);
        };
        let plan = plan_of_mapped(plan, intent.config_version, connector);
        let crm = Found {
            token: config
                .salesforce
                .token_field
                .as_ref()
                .map(|_| crm.token.as_ref() == Some(&intent.id)),
            carries_key: crm.key.as_ref() == Some(&link.key),
            values: &crm.values,
        };
        let prospect = Found {
            token: config
                .account_engagement
                .token_field
                .as_ref()
                .map(|_| prospect.token.as_ref() == Some(&intent.id)),
            carries_key: prospect.key.as_ref() == Some(&link.key),
            values: &prospect.values,
        };
        Self {
            agreed,
            account_engagement: Cow::Owned(prospect.base(&plan, plan.account_engagement.as_ref())),
            salesforce: Cow::Owned(crm.base(&plan, plan.salesforce.as_ref())),
            target: Some(plan.target),
        }
    }

    /// The base of one field.
    #[must_use]
    pub fn of(&self, field: &FieldName) -> FieldBase<'_> {
        FieldBase {
            agreed: self.agreed.get(field),
            account_engagement: self.account_engagement.get(field),
            salesforce: self.salesforce.get(field),
            target: self.target.as_ref().and_then(|target| target.get(field)),
        }
    }
}

/// The values that were stored under a configuration version, of the fields that were mapped then as they
/// are now.
fn still_mapped<'a>(values: &'a Values, version: u64, connector: &ConnectorRow) -> Cow<'a, Values> {
    let is_mapped = |field: &FieldName| connector.is_mapped_since(field, version);
    if values.keys().all(is_mapped) {
        return Cow::Borrowed(values);
    }
    let mut mapped = values.clone();
    mapped.retain(|field, _| is_mapped(field));
    Cow::Owned(mapped)
}

fn plan_of_mapped(plan: &Plan, version: u64, connector: &ConnectorRow) -> Plan {
    let of_mapped = |values: &Values| still_mapped(values, version, connector).into_owned();
    Plan {
        target: of_mapped(&plan.target),
        salesforce: plan.salesforce.as_ref().map(of_mapped),
        account_engagement: plan.account_engagement.as_ref().map(of_mapped),
    }
}

/// A record as it was found while an intent is open.
struct Found<'a> {
    /// Whether it carries the intent's token; `None` without token field.
    token: Option<bool>,
    /// Whether it carries the pair's key: a record that we created does from its first moment.
    carries_key: bool,
    values: &'a Values,
}

impl Found<'_> {
    /// What the record was known to hold: the target once our write landed, else what was seen when the
    /// intent was stored. A record that was not there then held nothing, unless we created it.
    fn base(&self, plan: &Plan, seen: Option<&Values>) -> Values {
        let Some(seen) = seen else {
            return if self.carries_key {
                plan.target.clone()
            } else {
                Values::new()
            };
        };
        match self.token {
            Some(true) => plan.target.clone(),
            Some(false) => overlaid(plan, seen, |_| true),
            // Only the values can tell whether the write landed. A user who enters again what was there
            // before it is then taken for a write that did not land (docs/reliability.md).
            None => overlaid(plan, seen, |field| {
                self.values.get(field) != plan.target.get(field)
            }),
        }
    }
}

fn overlaid(plan: &Plan, seen: &Values, is_unwritten: impl Fn(&FieldName) -> bool) -> Values {
    let mut base = plan.target.clone();
    let unwritten = seen.iter().filter(|(field, _)| is_unwritten(field));
    base.extend(unwritten.map(|(field, value)| (field.clone(), value.clone())));
    base
}
