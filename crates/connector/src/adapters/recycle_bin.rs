//! Into the recycle bin of Account Engagement and out of it (R52, R53; apis B2).

use account_engagement::{
    Client, DeletedFilter, Error, Fields, Prospect, ProspectFilters, ProspectQuery,
};
use serde_json::{Map, Value};
use sync_core::coerce::Service;
use sync_core::error::ErrorClass;
use sync_core::ids::ProspectId;
use sync_core::settle::WriteFailure;

use super::marketing::write_failure;

/// Writes what marks the prospect, when there is something, and deletes it. A prospect that somebody
/// deleted already, or purged, is where it is to be.
pub(super) async fn recycle(
    client: &Client,
    id: ProspectId,
    mark: &Map<String, Value>,
) -> Result<(), Error> {
    if !mark.is_empty() {
        let marked = client.update(id, mark, &Fields::of(["id"])).await;
        if !is_there(marked.map(|_| ()))? {
            return Ok(());
        }
    }
    is_there(client.delete(id).await).map(|_| ())
}

/// Whether the service found the prospect outside the recycle bin.
fn is_there(answer: Result<(), Error>) -> Result<bool, Error> {
    match answer {
        Ok(()) => Ok(true),
        Err(error) if error.class() == ErrorClass::LinkRepair => Ok(false),
        Err(error) => Err(error),
    }
}

/// Takes the prospect out of the recycle bin. The service takes an address and picks for itself, so
/// nothing is asked of it while another prospect with the address is in the bin too.
pub(super) async fn restore(
    client: &Client,
    id: ProspectId,
    fields: &Fields,
) -> Result<Prospect, WriteFailure> {
    let found = client.read_by_ids(&[id], fields, DeletedFilter::All).await;
    let found = found.map_err(|error| unsent(&error))?;
    let Some(prospect) = found.into_iter().find(|found| found.id == id) else {
        return Err(refused(
            ErrorClass::Stale,
            "GONE",
            "the prospect is not there any more",
        ));
    };
    // Either somebody was faster, or this read is an older one (K4): whoever decides looks again.
    if !prospect.is_deleted() {
        return Err(refused(
            ErrorClass::Stale,
            "RESTORED",
            "the prospect does not seem to be in the recycle bin any more",
        ));
    }
    let Some(email) = prospect.text("email").map(str::to_owned) else {
        return Err(by_hand(id, "it has no e-mail address to ask for it by"));
    };
    let in_bin = client
        .query(&ProspectQuery {
            fields: Fields::of(["id"]),
            filters: ProspectFilters {
                email: Some(email.clone()),
                ..ProspectFilters::default()
            },
            deleted: DeletedFilter::Only,
            ..ProspectQuery::default()
        })
        .await;
    let others = in_bin.map_err(|error| unsent(&error))?.rows;
    if others.iter().any(|other| other.id != id) {
        return Err(by_hand(
            id,
            "another prospect with its e-mail address is in there too",
        ));
    }
    let restored = client.undelete(&email, fields).await;
    let restored = restored.map_err(|error| write_failure(&error))?;
    if restored.id == id {
        Ok(restored)
    } else {
        Err(by_hand(id, "Account Engagement restored another one"))
    }
}

/// Nothing has been asked for yet, whatever became of the question.
fn unsent(error: &Error) -> WriteFailure {
    WriteFailure {
        may_have_landed: false,
        ..write_failure(error)
    }
}

fn by_hand(id: ProspectId, why: &str) -> WriteFailure {
    let message = format!(
        "prospect {id} cannot be taken out of the recycle bin: {why}; restore it in Account Engagement, \
         and the pair syncs again"
    );
    refused(ErrorClass::Record, "RESTORE", &message)
}

fn refused(class: ErrorClass, code: &str, message: &str) -> WriteFailure {
    WriteFailure {
        service: Service::AccountEngagement,
        class,
        code: code.to_owned(),
        fields: Vec::new(),
        message: message.to_owned(),
        may_have_landed: false,
    }
}
