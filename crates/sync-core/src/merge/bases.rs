//! What each side is compared with: the values both agreed on, or what an open intent tells about each.

use std::borrow::Cow;

use super::FieldBase;
use crate::config::Config;
use crate::link::{Link, Plan};
use crate::record::{CrmRecord, ProspectRecord, Values};
use crate::value::FieldName;

/// The bases of a pair (reliability 2.2, step 7).
#[derive(Debug, Clone, PartialEq)]
pub struct Bases<'a> {
    /// What both sides last agreed on.
    pub agreed: &'a Values,
    account_engagement: Cow<'a, Values>,
    salesforce: Cow<'a, Values>,
    target: Option<&'a Values>,
}

impl<'a> Bases<'a> {
    /// One base for both sides.
    #[must_use]
    pub fn agreed(base: &'a Values) -> Self {
        Self {
            agreed: base,
            account_engagement: Cow::Borrowed(base),
            salesforce: Cow::Borrowed(base),
            target: None,
        }
    }

    /// The bases of a pair as it was read: an open intent is classified side by side.
    #[must_use]
    pub fn of_pair(
        config: &Config,
        link: &'a Link,
        crm: &CrmRecord,
        prospect: &ProspectRecord,
    ) -> Self {
        let Some((intent, plan)) = link
            .intent
            .as_ref()
            .and_then(|intent| Some((intent, intent.plan.as_ref()?)))
        else {
            return Self::agreed(&link.base);
        };
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
            agreed: &link.base,
            account_engagement: Cow::Owned(prospect.base(plan, plan.account_engagement.as_ref())),
            salesforce: Cow::Owned(crm.base(plan, plan.salesforce.as_ref())),
            target: Some(&plan.target),
        }
    }

    /// The base of one field.
    #[must_use]
    pub fn of(&self, field: &FieldName) -> FieldBase<'_> {
        FieldBase {
            agreed: self.agreed.get(field),
            account_engagement: self.account_engagement.get(field),
            salesforce: self.salesforce.get(field),
            target: self.target.and_then(|target| target.get(field)),
        }
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
