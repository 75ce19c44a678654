//! What the rows of the link table say when they are stored: what was agreed on, planned, and lost in a conflict.

use sync_core::conflict::KEPT_CONFLICTS;
use sync_core::decision::SkipReason;
use sync_core::link::{Link, LinkState};
use sync_core::trace::Winner;
use sync_core::value::{FieldName, FieldValue};

use crate::kernel::Inner;
use crate::lives;
use crate::remap::CITY;
use crate::world::{Conflict, NAMES};

/// A row is stored with an intent, before the writes.
pub(crate) const BEGINS: &str = "begin";
/// A row is stored after them.
pub(crate) const COMMITS: &str = "commit";
/// The same with an open error.
pub(crate) const PARKS: &str = "park";
/// A pair goes into the errors table because the queue delivers it no more.
pub(crate) const GIVES_UP: &str = "give up";

/// Keeps what a row that was stored says.
pub(crate) fn note(inner: &mut Inner, what: &'static str, link: &Link, is_stored: bool) {
    inner.tell(
        what,
        format_args!(
            "{} {:?} {:?} {is_stored}",
            link.key, link.state, link.intent
        ),
    );
    if !is_stored {
        return;
    }
    keep_linked(inner, link);
    keep_lives(inner, what, link);
    if what == GIVES_UP {
        inner.world.count.given_up += 1;
    }
    // What is still to be classified says nothing new about what both sides agree on.
    if what != BEGINS && link.intent.is_none() {
        keep_agreed(inner, link);
    }
    // A move carries the plan of an open write along, and compares nothing.
    keep_planned(inner, link, what == BEGINS && !link.is_moving());
    keep_conflicts(inner, link);
}

/// A value as the rows of both services show it.
fn plain(value: &FieldValue) -> String {
    match value {
        FieldValue::Blank => String::new(),
        FieldValue::Text(text) => text.clone(),
        other => format!("{other:?}"),
    }
}

/// Keeps of which records the row knows the fields; a create that was given up knows them no longer.
fn keep_linked(inner: &mut Inner, link: &Link) {
    let linked = &mut inner.world.linked;
    let intent = link.intent.as_ref();
    if link.is_complete() || intent.is_some_and(|intent| intent.plan.is_some()) {
        linked.extend(link.records().map(|record| (record, link.key.row())));
    } else {
        linked.retain(|_, row| *row != link.key.row());
    }
}

/// Keeps what a row says about where the lead is, and on which entries it was decided.
fn keep_lives(inner: &mut Inner, what: &'static str, link: &Link) {
    let task = inner.current;
    let Some(person) = inner.world.owner_of(link.records()) else {
        return;
    };
    inner.world.note_decided(task, person);
    let leads = lives::records(&inner.world, person, true);
    inner.world.life(person).is_retired =
        link.marked_in.is_some() && link.is_crm_deleted && !link.is_moving();
    if link.is_crm_deleted && leads.iter().any(|(_, is_deleted)| *is_deleted) {
        // R56: whoever deleted the prospect before, it comes back with its record.
        inner.world.life(person).is_prospect_deleted = false;
    }
    let life = inner.world.life(person);
    life.is_held = matches!(link.state, LinkState::Held(_));
    life.sent = life
        .sent
        .filter(|_| !life.is_held && matches!(what, BEGINS | COMMITS));
    if !link.is_crm_deleted && !link.is_moving() {
        lives::note_lead_there(&mut inner.world, person);
    }
    let looked = &inner.world.looked;
    let read = link
        .prospect_id
        .and_then(|id| looked.get(&(task, id)).copied());
    if let (LinkState::Skipped(SkipReason::ProspectDeleted), Some(read)) = (&link.state, read) {
        inner.world.life(person).prospect_skipped = Some((inner.now, read));
    }
}

/// Keeps what a commit says both sides have agreed on.
fn keep_agreed(inner: &mut Inner, link: &Link) {
    let task = inner.current;
    let Some(person) = inner.world.owner_of(link.records()) else {
        return;
    };
    let city_field = inner.world.city_field;
    let said = NAMES.iter().enumerate();
    for (field, (name, _)) in said.filter(|(field, _)| city_field.covers(*field, link.base_version))
    {
        if let Some(value) = link.base.get(&FieldName::from(*name)) {
            let value = plain(value);
            inner.world.note_equal(task, person, field, &value);
            inner.world.agreed.insert((person, field), value);
            if field == city_field.field {
                let now = inner.now;
                inner.world.based.entry(person).or_insert(now);
            }
        }
    }
}

/// Keeps what an intent is about to make of both sides. Only a new one comes from a look at both.
fn keep_planned(inner: &mut Inner, link: &Link, is_new: bool) {
    let task = inner.current;
    let (Some(person), Some(intent)) = (inner.world.owner_of(link.records()), link.intent.as_ref())
    else {
        return;
    };
    let Some(plan) = &intent.plan else { return };
    let city = plan.target.get(&FieldName::from(NAMES[CITY].0));
    if let (true, Some(value)) = (is_new, city) {
        let (value, version) = (plain(value), intent.config_version);
        inner.world.note_outrun(task, person, &value, version);
    }
    let city_field = inner.world.city_field;
    let said = NAMES.iter().enumerate();
    for (field, (name, _)) in
        said.filter(|(field, _)| city_field.covers(*field, intent.config_version))
    {
        if let Some(value) = plan.target.get(&FieldName::from(*name)) {
            let value = plain(value);
            if is_new {
                inner.world.note_equal(task, person, field, &value);
                for (on_crm, seen) in [(true, &plan.salesforce), (false, &plan.account_engagement)]
                {
                    let seen = seen
                        .as_ref()
                        .and_then(|seen| seen.get(&FieldName::from(*name)));
                    let seen = seen.map_or_else(|| value.clone(), plain);
                    inner.world.seen.insert((person, field, on_crm), seen);
                }
            }
            inner.world.planned.insert((person, field), value);
        }
    }
}

/// Keeps the conflicts that the row keeps, and those that it has no room for any more; forgets what it has forgotten
/// otherwise.
fn keep_conflicts(inner: &mut Inner, link: &Link) {
    let Some(person) = inner.world.owner_of(link.records()) else {
        return;
    };
    let (known, others): (Vec<_>, Vec<_>) = std::mem::take(&mut inner.world.conflicts)
        .into_iter()
        .partition(|conflict| conflict.pair == link.key.row());
    let mut kept = Vec::new();
    for noted in &link.conflicts {
        let field = &noted.field;
        let Some(number) = NAMES.iter().position(|(name, _)| *name == field.field.0) else {
            continue;
        };
        let loser = match field.winner {
            Winner::Salesforce => plain(&field.account_engagement),
            Winner::AccountEngagement => plain(&field.salesforce),
            Winner::Same | Winner::Neither => continue,
        };
        let conflict = Conflict {
            pair: link.key.row(),
            person,
            field: number,
            loser,
            told: noted.at,
            at: inner.now,
        };
        let before = known.iter().find(|before| before.is_same(&conflict));
        kept.push(before.cloned().unwrap_or(conflict));
    }
    if link.conflicts.len() >= KEPT_CONFLICTS {
        let oldest = link.conflicts.first().map(|oldest| oldest.at);
        for known in known {
            let is_kept = kept.iter().any(|kept: &Conflict| kept.is_same(&known));
            if Some(known.told) <= oldest && !is_kept {
                kept.push(known);
            }
        }
    }
    inner.world.conflicts = others;
    inner.world.conflicts.extend(kept);
}
