//! A value that does not stay: put back a few times, then a person must look (reliability 2.3, 40 and 41).
//!
//! A service may store a value in a form of its own (a number with fewer decimals), and an automation may
//! change it in the same save. Where the field goes one way, each poll would see the difference and write
//! again, for ever and at the cost of a day's calls.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::decision::{CrmFields, Problem, ProspectFields};
use crate::error::ErrorClass;
use crate::link::Link;
use crate::pair::{Context, Pair};
use crate::record::Values;
use crate::value::FieldName;

/// How often in a row a pair is put back before it waits for a person.
pub const MAX_PUT_BACKS: u32 = 5;

/// Longer ago than this, the last time was another story: somebody edited the side that does not count.
/// What waits for a person does not come to be another story by waiting.
const APART: SignedDuration = SignedDuration::from_hours(1);

/// The last times in a row that a pair was brought back to what both sides had agreed on already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutBacks {
    /// How often.
    pub times: u32,
    /// When the last one landed.
    pub last: Timestamp,
}

/// The count after a decision has landed; `None` when it wrote something new.
pub(crate) fn count(link: &Link, agreed: &Values, now: Timestamp) -> Option<PutBacks> {
    let puts_back = link.is_complete() && link.base == *agreed;
    puts_back.then(|| PutBacks {
        times: recent(link, now) + 1,
        last: now,
    })
}

fn recent(link: &Link, now: Timestamp) -> u32 {
    let is_recent = |put: &PutBacks| link.has_open_error || now < put.last + APART;
    link.put_backs.filter(is_recent).map_or(0, |put| put.times)
}

/// Why a pair is not put back once more; nothing when it is not what both sides had agreed on already.
/// Whoever asks for it by hand gets it; an open intent is finished.
pub(crate) fn does_not_stay(
    pair: &Pair,
    is_agreed_already: bool,
    (to_crm, to_prospect): (&CrmFields, &ProspectFields),
    context: Context<'_>,
) -> Option<Problem> {
    let link = &pair.link;
    let is_written = !to_crm.is_empty() || !to_prospect.is_empty();
    let puts_back = is_written && link.intent.is_none() && is_agreed_already;
    if !puts_back || pair.cause.is_manual() || recent(link, context.read_at) < MAX_PUT_BACKS {
        return None;
    }
    let mut fields = names_on_crm(to_crm, context.config);
    fields.extend(names_on_prospect(to_prospect, context.config));
    Some(Problem {
        code: "NOT_KEPT".to_owned(),
        class: ErrorClass::Record,
        fields: fields.into_iter().map(FieldName).collect(),
        message: format!(
            "written {MAX_PUT_BACKS} times in a row and changed again each time: a service stores it in \
             another form, or an automation sets it; end that, or give the field the other direction"
        ),
    })
}

fn names_on_crm(written: &CrmFields, config: &Config) -> Vec<String> {
    let key = written.key.as_ref().map(|_| &config.salesforce.key_field);
    written.fields.keys().chain(key).cloned().collect()
}

fn names_on_prospect(written: &ProspectFields, config: &Config) -> Vec<String> {
    let settings = &config.account_engagement;
    let key = written.key.as_ref().map(|_| &settings.key_field);
    let shown = written.crm_id.as_ref().and(settings.crm_id_field.as_ref());
    let mut names: Vec<String> = written.fields.keys().cloned().collect();
    names.extend(key.into_iter().chain(shown).cloned());
    names.extend(written.assigned_to.map(|_| "assignedToId".to_owned()));
    names
}
