//! The invariants: one partner, both sides equal, no edit lost without a recorded conflict.

use std::collections::BTreeSet;

use connector::dlq::UNDELIVERABLE;
use connector::ports::{Errors, Links};
use sync_core::decision::SkipReason;
use sync_core::ids::{CrmId, ProspectId};
use sync_core::key::{PairKey, RecordRef};
use sync_core::link::{Link, LinkState};
use sync_core::protocol::AdminCommand;
use sync_core::settle::ErrorRow;

use crate::kernel::Inner;
use crate::lives::{self, BothLive};
use crate::processes::Deployment;
use crate::remap::{CITY, are_related, held_in};
use crate::run::at_once;
use crate::users::{UNFIT, live_record};
use crate::world::{EMAIL, Edit, EditId, FIELDS, NAMES, World};

/// Looks at the end of a run; `is_final` once the daily comparison has been through where the city is mapped to
/// another field, and until then at everything else.
pub fn check(deployment: &Deployment, is_final: bool) {
    let unit = deployment.unit();
    let links = all_links(deployment);
    let open = at_once(deployment.errors.list(&unit, false)).unwrap_or_default();
    let mut inner = deployment.sim.lock();
    check_errors(&mut inner, &links, &open);
    if is_final {
        check_rest(&mut inner, &links);
    }
    for person in 0..inner.world.people.len() {
        let is_covered = is_covered(&inner.world, person, &links, &open);
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

fn all_links(deployment: &Deployment) -> Vec<Link> {
    let unit = deployment.unit();
    let listed = at_once(deployment.links.list(&unit, None, None));
    listed.map_or_else(Vec::new, |page| page.rows)
}

/// An error is open while its row says so: otherwise nothing would ever close it, or nobody would learn of it. And it
/// has a cause among the faults of the run.
fn check_errors(inner: &mut Inner, links: &[Link], open: &[ErrorRow]) {
    for row in open {
        if !is_explained(inner, row) {
            let (pair, code) = (&row.pair, &row.code);
            inner.violate(format!(
                "errors: {pair} ends with {code}, which nothing explains"
            ));
        }
    }
    let told = links.iter().filter(|link| link.has_open_error);
    let told: BTreeSet<PairKey> = told.map(|link| link.key.row()).collect();
    let open: BTreeSet<PairKey> = open.iter().map(|row| row.pair.clone()).collect();
    for pair in told.symmetric_difference(&open) {
        let is_open = open.contains(pair);
        inner.violate(format!(
            "errors: {pair}, open {is_open}, its row says otherwise"
        ));
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
    let owner = link.records().find_map(|record| world.owners.get(&record));
    let leads = owner.map(|person| lives::records(world, *person, true));
    let own = link.crm_id.clone().map(RecordRef::Crm);
    let mut leads = leads.into_iter().flatten().map(|(lead, _)| lead).chain(own);
    leads.any(|lead| lives::is_in_bin(world, &lead) == Some(true))
}

/// Whether a record of the row is in a recycle bin.
fn is_in_bin(world: &World, link: &Link) -> bool {
    let mut records = link.records();
    records.any(|record| lives::is_in_bin(world, &record) == Some(true))
}

/// Whether an error is one that the faults of the run bring about, and its cause is still there.
fn is_explained(inner: &Inner, row: &ErrorRow) -> bool {
    match row.code.as_str() {
        "STRING_TOO_LONG" => is_unfit(&inner.world, row),
        "RESTORE" => has_namesake(&inner.world, row),
        _ => false,
    }
}

/// Whether another prospect has the address of the row's.
fn has_namesake(world: &World, row: &ErrorRow) -> bool {
    let address = |id: ProspectId| world.shown(&RecordRef::Prospect(id), EMAIL).to_lowercase();
    let prospects = world.owners.keys().filter_map(|record| match record {
        RecordRef::Prospect(id) => Some(*id),
        RecordRef::Crm(_) => None,
    });
    row.prospect_id.is_some_and(|own| {
        let mut others = prospects.filter(|other| *other != own);
        others.any(|other| address(other) == address(own))
    })
}

/// Whether a value that does not fit is still there.
fn is_unfit(world: &World, row: &ErrorRow) -> bool {
    let prospect = row.prospect_id.map(RecordRef::Prospect);
    let mut known = row
        .crm_id
        .clone()
        .map(RecordRef::Crm)
        .into_iter()
        .chain(prospect);
    let owner = known.find_map(|record| world.owners.get(&record));
    owner.is_some_and(|person| {
        on_both_sides(world, *person)
            .any(|record| (0..FIELDS).any(|field| world.shown(&record, field) == UNFIT))
    })
}

/// What an operator does about rows that say that the queue gave up: once the cause is gone, none is left.
pub fn syncs_by_hand(deployment: &Deployment) -> Vec<AdminCommand> {
    let unit = deployment.unit();
    let open = at_once(deployment.errors.list(&unit, false)).unwrap_or_default();
    let given_up = open.into_iter().filter(|row| row.code == UNDELIVERABLE);
    let commands = given_up.filter_map(|row| match (row.prospect_id, row.crm_id) {
        (Some(prospect), _) => Some(AdminCommand::Sync { prospect }),
        (None, Some(record)) => Some(AdminCommand::Send { record }),
        (None, None) => None,
    });
    commands.collect()
}

/// Whether a record of a pair with an open error has a row of its own that nobody goes on with: the comparison does.
pub fn has_row_beside_error(deployment: &Deployment) -> bool {
    let links = all_links(deployment);
    let in_error = links.iter().filter(|link| link.has_open_error);
    let records = in_error.flat_map(Link::records);
    let keys: BTreeSet<PairKey> = records.map(PairKey::of).collect();
    let is_pending = |link: &&Link| link.state == LinkState::Pending && !link.has_open_error;
    links
        .iter()
        .filter(is_pending)
        .any(|link| keys.contains(&link.key.row()))
}

/// Whether an open error tells of a person: of the row of both records where there is one, of any otherwise.
fn is_covered(world: &World, person: usize, links: &[Link], open: &[ErrorRow]) -> bool {
    let is_theirs = |crm: Option<&CrmId>, prospect: Option<ProspectId>| {
        let records = [
            crm.cloned().map(RecordRef::Crm),
            prospect.map(RecordRef::Prospect),
        ];
        let mut owners = records
            .iter()
            .flatten()
            .filter_map(|it| world.owners.get(it));
        owners.any(|owner| *owner == person)
    };
    let of_both = links
        .iter()
        .find(|link| link.is_complete() && is_theirs(link.crm_id.as_ref(), link.prospect_id));
    open.iter().any(|row| match of_both {
        Some(link) => row.pair == link.key.row(),
        None => is_theirs(row.crm_id.as_ref(), row.prospect_id),
    })
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
    let records: Vec<RecordRef> = on_both_sides(&inner.world, person).collect();
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
    let records = on_both_sides(world, person);
    let held = records.map(|record| world.origins_of(&record)[held_in(&record, field)]);
    held.flatten().collect()
}

/// All records of a person, in the recycle bins or not.
fn on_both_sides(world: &World, person: usize) -> impl Iterator<Item = RecordRef> {
    let records = [true, false].map(|on_crm| lives::records(world, person, on_crm));
    records.into_iter().flatten().map(|(record, _)| record)
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
