//! The invariants: one partner, both sides equal, no edit lost without a recorded conflict.

use connector::ports::Errors;
use sync_core::decision::SkipReason;
use sync_core::key::RecordRef;
use sync_core::link::{Link, LinkState};

use crate::errors;
use crate::kernel::Inner;
use crate::lives::{self, BothLive};
use crate::processes::Deployment;
use crate::remap::{CITY, are_related, held_in};
use crate::run::at_once;
use crate::users::live_record;
use crate::world::{Edit, EditId, FIELDS, NAMES, World};

/// Looks at the end of a run; `is_final` once the daily comparison has been through where the city is mapped to
/// another field, and until then at everything else.
pub fn check(deployment: &Deployment, is_final: bool) {
    let unit = deployment.unit();
    let links = deployment.all_links();
    let open = at_once(deployment.errors.list(&unit, false)).unwrap_or_default();
    let mut inner = deployment.sim.lock();
    errors::check(&mut inner, &links, &open);
    if is_final {
        check_rest(&mut inner, &links);
    }
    for person in 0..inner.world.people.len() {
        let is_covered = errors::is_covered(&inner.world, person, &links, &open);
        let is_duplicate = [true, false]
            .into_iter()
            .any(|on_crm| lives::records(&inner.world, person, on_crm).len() > 1);
        inner.world.count.people += u64::from(is_final);
        if inner.world.crossed.contains(&person) {
            inner.world.count.crossed += u64::from(is_final);
            continue;
        }
        inner.world.count.in_error += u64::from(is_final && is_covered);
        let fields = fields(&inner.world, is_final);
        if is_covered && !is_duplicate {
            check_kept(&mut inner, person, &fields);
            continue;
        }
        match lives::check(&inner.world, person) {
            Ok(BothLive(true)) => check_pair(&mut inner, person, &links, &fields),
            Ok(BothLive(false)) => check_kept(&mut inner, person, &fields),
            Err(broken) => inner.violate(broken),
        }
    }
}

/// A row says where its pair stands: nothing is begun that nobody goes on with, nothing waits for what is over, and no
/// reason is given that cannot be.
fn check_rest(inner: &mut Inner, links: &[Link]) {
    for link in links.iter().filter(|link| !link.has_open_error) {
        let is_done = match link.state {
            // Nobody is out of sight, gone for good, merged or converted here.
            LinkState::Pending
            | LinkState::Held(_)
            | LinkState::Skipped(SkipReason::NotVisible | SkipReason::ConvertedUnlinked) => false,
            LinkState::Skipped(SkipReason::CrmDeleted) => {
                link.is_crm_deleted && has_lead_in_bin(&inner.world, link)
            }
            LinkState::Skipped(SkipReason::DeletedUnlinked) => is_in_bin(&inner.world, link),
            LinkState::Linked | LinkState::Skipped(_) => !link.is_creating(),
        };
        if !is_done {
            let (key, state, intent) = (&link.key, &link.state, &link.intent);
            inner.violate(format!("unfinished: {key} is {state:?}, {intent:?}"));
        }
    }
}

/// Whether the lead of the row, or of whoever it is about, is in the recycle bin.
fn has_lead_in_bin(world: &World, link: &Link) -> bool {
    let owner = world.owner_of(link.records());
    let leads = owner.map(|person| lives::records(world, person, true));
    let own = link.crm_id.clone().map(RecordRef::Crm);
    let mut leads = leads.into_iter().flatten().map(|(lead, _)| lead).chain(own);
    leads.any(|lead| lives::is_in_bin(world, &lead) == Some(true))
}

/// Whether a record of the row is in a recycle bin.
fn is_in_bin(world: &World, link: &Link) -> bool {
    let mut records = link.records();
    records.any(|record| lives::is_in_bin(world, &record) == Some(true))
}

/// The fields that are looked at.
fn fields(world: &World, is_final: bool) -> Vec<usize> {
    let is_looked_at =
        |field: &usize| world.city_field.has(*field) && (is_final || !are_related(*field, CITY));
    (0..FIELDS).filter(is_looked_at).collect()
}

fn check_pair(inner: &mut Inner, person: usize, links: &[Link], fields: &[usize]) {
    let records = (
        live_record(&inner.world, person, true),
        live_record(&inner.world, person, false),
    );
    let (Some(RecordRef::Crm(crm)), Some(RecordRef::Prospect(prospect))) = records else {
        return;
    };
    let of_either = links
        .iter()
        .filter(|link| link.crm_id.as_ref() == Some(&crm) || link.prospect_id == Some(prospect));
    let (complete, others): (Vec<&Link>, Vec<&Link>) =
        of_either.partition(|link| link.is_complete());
    let [link] = complete[..] else {
        let rows = complete.len();
        inner.violate(format!(
            "unlinked: {crm} and prospect {prospect}, {rows} rows"
        ));
        return;
    };
    // A slow worker may have stored why one of them is skipped (docs/reliability.md).
    let is_skip =
        |link: &&Link| matches!(link.state, LinkState::Skipped(_)) && link.intent.is_none();
    if !others.iter().all(is_skip) {
        inner.violate(format!(
            "unlinked: {crm} or {prospect} has another row, {others:?}"
        ));
    }
    // And a slow one that the prospect is in the recycle bin, which a user has taken it out of since.
    let is_late = link.state == LinkState::Skipped(SkipReason::ProspectDeleted)
        && lives::is_skip_late(&inner.world, person);
    if (link.state != LinkState::Linked && !is_late)
        || link.intent.is_some()
        || link.prospect_id != Some(prospect)
    {
        inner.violate(format!("unfinished: {:?} {:?}", link.state, link.intent));
        return;
    }
    let records = (RecordRef::Crm(crm), RecordRef::Prospect(prospect));
    for field in fields.iter().copied() {
        let on_crm = inner.world.shown(&records.0, field);
        let on_prospect = inner.world.shown(&records.1, field);
        if on_crm != on_prospect {
            inner.violate(format!(
                "diverged: {} is {on_crm:?} and {on_prospect:?}",
                NAMES[field].1
            ));
            continue;
        }
        check_field(inner, person, field, &[on_crm]);
    }
}

/// An open error or a recycle bin may keep the sides of a pair apart; what people entered is still on one
/// of them.
fn check_kept(inner: &mut Inner, person: usize, fields: &[usize]) {
    let records: Vec<RecordRef> = lives::on_both_sides(&inner.world, person).collect();
    for field in fields.iter().copied() {
        let of_record = |record: &RecordRef| inner.world.shown(record, field);
        let values: Vec<String> = records.iter().map(of_record).collect();
        check_field(inner, person, field, &values);
    }
}

/// A final value is one that no user knowingly replaced, and every other such value lost a conflict
/// that was recorded, or was overwritten unread, which is counted.
fn check_field(inner: &mut Inner, person: usize, field: usize, shown: &[String]) {
    let of_field = |edit: &&Edit| edit.person == person && are_related(edit.field, field);
    let held = held_by_pair(&inner.world, person, field);
    let by_id = inner.world.edits.iter().enumerate();
    let standing: Vec<Edit> = by_id
        .filter(|(_, edit)| of_field(edit))
        .filter(|(_, edit)| !edit.is_replaced && !edit.is_merged && !edit.is_overwritten_unread)
        .filter(|(id, edit)| held.contains(id) || !is_beside(&inner.world, edit, field))
        .map(|(_, edit)| edit.clone())
        .collect();
    let lost: Vec<&Edit> = standing
        .iter()
        .filter(|edit| !shown.contains(&edit.value))
        .collect();
    let baseless_until = inner.world.baseless_until(person, field);
    let is_baseless = |edit: &&Edit| edit.at <= baseless_until && is_recorded(&inner.world, edit);
    if !standing.is_empty() && lost.len() == standing.len() && !lost.iter().all(is_baseless) {
        let values: Vec<&str> = standing.iter().map(|edit| edit.value.as_str()).collect();
        inner.violate(format!(
            "lost edit: {} ends as {shown:?}, which was replaced; standing {values:?}",
            NAMES[field].0
        ));
        return;
    }
    let unrecorded: Vec<String> = lost
        .into_iter()
        .filter(|edit| {
            let is_expected = edit.was_agreed
                || edit.restores_agreed
                || edit.is_replaced_beside
                || edit.is_unlinked && edit.value.is_empty();
            !is_expected && !is_recorded(&inner.world, edit)
        })
        .map(|edit| edit.value.clone())
        .collect();
    for value in unrecorded {
        inner.violate(format!(
            "lost edit: {} ends as {shown:?}; {value:?} lost without a recorded conflict",
            NAMES[field].0
        ));
    }
}

/// The entries whose values the records of a person hold in a field, wherever they were made.
fn held_by_pair(world: &World, person: usize, field: usize) -> Vec<EditId> {
    let records = lives::on_both_sides(world, person);
    let held = records.map(|record| world.origins_of(&record)[held_in(&record, field)]);
    held.flatten().collect()
}

/// Whether a row tells that the entry lost a conflict.
fn is_recorded(world: &World, edit: &Edit) -> bool {
    world.conflicts.iter().any(|conflict| {
        conflict.person == edit.person
            && are_related(conflict.field, edit.field)
            && conflict.loser == edit.value
            && conflict.at >= edit.at
    })
}

/// Whether the entry is where it was made, in a field of the lead that is not mapped any more.
fn is_beside(world: &World, edit: &Edit, field: usize) -> bool {
    let is_elsewhere = edit.on_crm && edit.field != field;
    let leads = lives::records(world, edit.person, true);
    let shows = |(lead, _): &(RecordRef, bool)| world.shown(lead, edit.field) == edit.value;
    is_elsewhere && leads.iter().any(shows)
}
