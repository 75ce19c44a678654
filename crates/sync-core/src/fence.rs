//! When a pair must not be decided yet: a write may still land, or what was read may be older than it.

use jiff::{SignedDuration, Timestamp};

use crate::config::Config;
use crate::decision::CrmFields;
use crate::link::{Link, Seen};
use crate::pair::{Context, Pair};
use crate::record::{CrmRecord, ProspectRecord, Side};

/// How far the clocks of two functions are apart at most; and how old a stamp is whose second is over, with
/// half as much between our clock and Salesforce's.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(2);

/// The longest that a worker can go on under the configuration that it began with: a function's time.
const LONGEST_RUN: SignedDuration = SignedDuration::from_mins(15);

/// Nobody touches a pair while another worker may still write to it. A prospect that was going to be
/// written is looked at only when a stale read cannot hide the write any more (K4).
pub(crate) fn is_fenced(pair: &Pair, config: &Config, now: Timestamp) -> bool {
    let intent = pair.link.intent.as_ref();
    let stale_reads = if intent.is_some_and(|intent| intent.writes_prospect) {
        stale_reads(config)
    } else {
        SignedDuration::ZERO
    };
    pair.link
        .lease_until
        .is_some_and(|until| now.duration_since(until) < stale_reads)
}

/// How long a read may still show what was before, by the clock of another function; none where reads
/// are never stale.
fn stale_reads(config: &Config) -> SignedDuration {
    let seconds = i64::from(config.account_engagement.stale_reads_seconds);
    SignedDuration::from_secs(seconds)
        + if seconds > 0 {
            CLOCK_SKEW
        } else {
            SignedDuration::ZERO
        }
}

/// Whether the read can show a state older than this moment.
fn can_be_older(at: Timestamp, context: Context<'_>) -> bool {
    context.read_at.duration_since(at) < stale_reads(context.config)
}

/// Whether somebody may still change the record within the second of its last change that was read. The
/// condition on our write knows whole seconds, and would let it overwrite that (apis A14).
pub(crate) fn is_too_fresh(crm: &CrmRecord, to_crm: &CrmFields, context: Context<'_>) -> bool {
    let config = context.config;
    config.salesforce.conditional_updates
        && to_crm.overwrites_entries(config, crm.id.object())
        && context.read_at.duration_since(crm.last_change()) < CLOCK_SKEW
}

/// K4: whether the prospect seems to be in the recycle bin, or outside it, only because the read is older
/// than our own last write: it was moved, or created, a moment ago. One that was seen a moment ago may be so new
/// that the read does not show it.
pub(crate) fn seems_moved(pair: &Pair, context: Context<'_>) -> bool {
    let link = &pair.link;
    let was_retired = link.is_crm_deleted && link.moved_at.is_some();
    let contradicts = match &pair.prospect {
        Side::Present(_) => was_retired && pair.crm.present().is_some(),
        // A restore looks once more, and would take an older read for one that is done already.
        Side::Deleted { .. } | Side::Missing => !was_retired || pair.crm.present().is_some(),
        Side::Unlinked => false,
    };
    let written = link.prospect_write.as_ref().map(|last| last.at);
    let latest = if was_retired {
        link.moved_at
    } else {
        written.max(link.moved_at)
    };
    let seen = link
        .prospect_seen
        .filter(|_| pair.prospect == Side::Missing);
    contradicts && latest.is_some_and(|at| can_be_older(at, context))
        || seen.is_some_and(|seen| can_be_older(seen.at, context))
}

/// K4: whether the read can show the prospect as it was before we marked it.
pub(crate) fn is_older_than_move(link: &Link, context: Context<'_>) -> bool {
    link.moved_at.is_some_and(|at| can_be_older(at, context))
}

/// Whether a row of a moment ago tells that another configuration is in force by now. Its values may be
/// those of fields that are mapped otherwise here; the next delivery begins under the new one.
pub(crate) fn is_outrun(link: &Link, context: Context<'_>) -> bool {
    let intent = link.intent.as_ref();
    let under = intent.map_or(0, |intent| intent.config_version);
    let stored_at = link.synced_at.max(intent.map(|intent| intent.at));
    context.connector.config_version < under.max(link.base_version)
        && stored_at.is_some_and(|at| context.read_at.duration_since(at) < LONGEST_RUN)
}

/// K4: whether the prospect was read in a state older than our own last write to it, or than one that
/// was seen before. What it shows is then nobody's edit.
pub(crate) fn is_stale(pair: &Pair, prospect: &ProspectRecord, context: Context<'_>) -> bool {
    let settings = &context.config.account_engagement;
    let seen = pair.link.prospect_seen.as_ref();
    if seen.is_some_and(|seen| can_be_before(seen, pair, prospect, context)) {
        return true;
    }
    let Some(last) = &pair.link.prospect_write else {
        return false;
    };
    let shows_it = if settings.token_field.is_some() {
        prospect.token.as_ref() == Some(&last.token)
    } else {
        let mut agreed = pair.link.base.iter();
        agreed.all(|(field, value)| prospect.values.get(field) == Some(value))
    };
    can_be_older(last.at, context) && !shows_it
}

/// Whether the read can show a state before the one that was seen: its stamp is earlier, or it is the same
/// and the content is not, or two contents with it were seen. What shows our write after that state comes after it.
fn can_be_before(
    seen: &Seen,
    pair: &Pair,
    prospect: &ProspectRecord,
    context: Context<'_>,
) -> bool {
    if prospect.updated > seen.updated || !can_be_older(seen.at, context) {
        return false;
    }
    let written = pair.link.prospect_write.as_ref();
    let shows_later_write = written
        .is_some_and(|last| last.at >= seen.at && prospect.token.as_ref() == Some(&last.token));
    let is_other = || {
        let content = Seen::of(prospect, seen.at).content;
        seen.is_one_of_two || seen.content.is_some() && seen.content != content
    };
    prospect.updated < seen.updated || (!shows_later_write && is_other())
}
