//! The rows of the errors table at the end of a run: each has a cause, and its pair says the same.

use std::collections::BTreeSet;

use connector::dlq::UNDELIVERABLE;
use connector::ports::Errors;
use sync_core::ids::{CrmId, ProspectId};
use sync_core::key::{PairKey, RecordRef};
use sync_core::link::{Link, LinkState};
use sync_core::protocol::AdminCommand;
use sync_core::settle::ErrorRow;

use crate::kernel::Inner;
use crate::lives;
use crate::processes::Deployment;
use crate::run::at_once;
use crate::users::UNFIT;
use crate::world::{EMAIL, FIELDS, World};

/// An error is open while its row says so: otherwise nothing would ever close it, or nobody would learn of it. And it
/// has a cause among the faults of the run.
pub(crate) fn check(inner: &mut Inner, links: &[Link], open: &[ErrorRow]) {
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

/// Whether an error is one that the faults of the run bring about, and its cause is still there.
fn is_explained(inner: &Inner, row: &ErrorRow) -> bool {
    match row.code.as_str() {
        "STRING_TOO_LONG" => is_unfit(&inner.world, row),
        "RESTORE" => has_namesake(&inner.world, row),
        _ => false,
    }
}

/// Whether another prospect has the address of the row's, and was found in the recycle bin with it.
fn has_namesake(world: &World, row: &ErrorRow) -> bool {
    let address = |id: ProspectId| world.shown(&RecordRef::Prospect(id), EMAIL).to_lowercase();
    let prospects = world.owners.keys().filter_map(|record| match record {
        RecordRef::Prospect(id) => Some(*id),
        RecordRef::Crm(_) => None,
    });
    row.prospect_id.is_some_and(|own| {
        let mut others = prospects.filter(|other| *other != own && world.in_bin.contains(other));
        others.any(|other| address(other) == address(own))
    })
}

/// Whether a value that does not fit is still there.
fn is_unfit(world: &World, row: &ErrorRow) -> bool {
    let owner = world.owner_of(records(row.crm_id.as_ref(), row.prospect_id));
    owner.is_some_and(|person| {
        lives::on_both_sides(world, person)
            .any(|record| (0..FIELDS).any(|field| world.shown(&record, field) == UNFIT))
    })
}

/// The records that a row tells of.
fn records(crm: Option<&CrmId>, prospect: Option<ProspectId>) -> impl Iterator<Item = RecordRef> {
    let crm = crm.cloned().map(RecordRef::Crm);
    crm.into_iter().chain(prospect.map(RecordRef::Prospect))
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
    let links = deployment.all_links();
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
pub(crate) fn is_covered(world: &World, person: usize, links: &[Link], open: &[ErrorRow]) -> bool {
    let is_theirs = |crm: Option<&CrmId>, prospect: Option<ProspectId>| {
        records(crm, prospect).any(|record| world.owners.get(&record) == Some(&person))
    };
    let of_both = links
        .iter()
        .find(|link| link.is_complete() && is_theirs(link.crm_id.as_ref(), link.prospect_id));
    open.iter().any(|row| match of_both {
        Some(link) => row.pair == link.key.row(),
        None => is_theirs(row.crm_id.as_ref(), row.prospect_id),
    })
}
