//! Into the recycle bin of Account Engagement and out of it (R52, R53; apis B2).

use account_engagement::{
    Client, DeletedFilter, Error, Fields, Prospect, ProspectFilters, ProspectQuery,
};
use async_trait::async_trait;
use serde_json::{Map, Value};
use sync_core::coerce::Service;
use sync_core::error::ErrorClass;
use sync_core::ids::ProspectId;
use sync_core::settle::WriteFailure;

use super::marketing::write_failure;

/// The calls that a move is made of. A process can die between any two of them.
#[async_trait]
pub trait RecycleBin: Send + Sync {
    /// Writes fields of a prospect that is not in the bin.
    async fn mark(&self, id: ProspectId, fields: &Map<String, Value>) -> Result<(), WriteFailure>;

    /// Moves a prospect into the bin.
    async fn delete(&self, id: ProspectId) -> Result<(), WriteFailure>;

    /// Reads a prospect, in the bin or not; the answer may be a minute old (K4).
    async fn read(&self, id: ProspectId) -> Result<Option<Prospect>, WriteFailure>;

    /// The prospects with this address that are in the bin.
    async fn recycled(&self, email: &str) -> Result<Vec<ProspectId>, WriteFailure>;

    /// Takes one prospect with this address out of the bin; the service picks which.
    async fn undelete(&self, email: &str) -> Result<Prospect, WriteFailure>;
}

/// The recycle bin through our own client.
pub(super) struct ClientBin<'a> {
    /// The client.
    pub(super) client: &'a Client,
    /// What is read of a prospect that comes back.
    pub(super) fields: Fields,
}

#[async_trait]
impl RecycleBin for ClientBin<'_> {
    async fn mark(&self, id: ProspectId, fields: &Map<String, Value>) -> Result<(), WriteFailure> {
        let marked = self.client.update(id, fields, &Fields::of(["id"])).await;
        marked.map(|_| ()).map_err(|error| write_failure(&error))
    }

    async fn delete(&self, id: ProspectId) -> Result<(), WriteFailure> {
        let deleted = self.client.delete(id).await;
        deleted.map_err(|error| write_failure(&error))
    }

    async fn read(&self, id: ProspectId) -> Result<Option<Prospect>, WriteFailure> {
        let found = self
            .client
            .read_by_ids(&[id], &self.fields, DeletedFilter::All)
            .await;
        let found = found.map_err(|error| unsent(&error))?;
        Ok(found.into_iter().find(|found| found.id == id))
    }

    async fn recycled(&self, email: &str) -> Result<Vec<ProspectId>, WriteFailure> {
        let query = ProspectQuery {
            fields: Fields::of(["id"]),
            filters: ProspectFilters {
                email: Some(email.to_owned()),
                ..ProspectFilters::default()
            },
            deleted: DeletedFilter::Only,
            ..ProspectQuery::default()
        };
        let found = self.client.query(&query).await;
        let found = found.map_err(|error| unsent(&error))?;
        Ok(found.rows.iter().map(|prospect| prospect.id).collect())
    }

    async fn undelete(&self, email: &str) -> Result<Prospect, WriteFailure> {
        let restored = self.client.undelete(email, &self.fields).await;
        restored.map_err(|error| write_failure(&error))
    }
}

/// Writes what marks the prospect, when there is something, and deletes it; answers whether it is marked. A prospect
/// that somebody deleted already, or purged, is where it is to be, and cannot be marked.
///
/// # Errors
/// The first call that failed for another reason.
pub async fn recycle(
    bin: &impl RecycleBin,
    id: ProspectId,
    mark: &Map<String, Value>,
) -> Result<bool, WriteFailure> {
    let has_mark = !mark.is_empty();
    if has_mark && !is_there(bin.mark(id, mark).await)? {
        return Ok(false);
    }
    is_there(bin.delete(id).await)?;
    Ok(has_mark)
}

/// Whether the service found the prospect outside the recycle bin.
fn is_there(answer: Result<(), WriteFailure>) -> Result<bool, WriteFailure> {
    match answer {
        Ok(()) => Ok(true),
        Err(failure) if failure.class == ErrorClass::LinkRepair => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// Takes the prospect out of the recycle bin. The service takes an address and picks for itself, so
/// nothing is asked of it while another prospect with the address is in the bin too.
///
/// # Errors
/// The call that failed, or why somebody has to do it by hand.
pub async fn restore(bin: &impl RecycleBin, id: ProspectId) -> Result<Prospect, WriteFailure> {
    let Some(prospect) = bin.read(id).await? else {
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
    let Some(email) = prospect.text("email") else {
        return Err(by_hand(id, "it has no e-mail address to ask for it by"));
    };
    let in_bin = bin.recycled(email).await?;
    if in_bin.iter().any(|other| *other != id) {
        return Err(by_hand(
            id,
            "another prospect with its e-mail address is in there too",
        ));
    }
    let restored = bin.undelete(email).await?;
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use serde_json::json;

    use super::*;

    /// One prospect in the bin or outside it, and which one the service would restore.
    struct FakeBin {
        is_deleted: bool,
        restores: u64,
        was_asked: AtomicBool,
    }

    fn prospect(id: u64, is_deleted: bool) -> Prospect {
        let fields = [
            ("email", json!("ann@example.com")),
            ("isDeleted", json!(is_deleted)),
        ];
        Prospect {
            id: ProspectId::try_from(id).expect("an id"),
            fields: fields
                .map(|(name, value)| (name.to_owned(), value))
                .into_iter()
                .collect(),
        }
    }

    #[async_trait]
    impl RecycleBin for FakeBin {
        async fn mark(&self, _: ProspectId, _: &Map<String, Value>) -> Result<(), WriteFailure> {
            if self.is_deleted {
                Err(refused(ErrorClass::LinkRepair, "132", "in the bin"))
            } else {
                Ok(())
            }
        }

        async fn delete(&self, _: ProspectId) -> Result<(), WriteFailure> {
            Ok(())
        }

        async fn read(&self, id: ProspectId) -> Result<Option<Prospect>, WriteFailure> {
            Ok(Some(Prospect {
                id,
                ..prospect(1, self.is_deleted)
            }))
        }

        async fn recycled(&self, _: &str) -> Result<Vec<ProspectId>, WriteFailure> {
            Ok(Vec::new())
        }

        async fn undelete(&self, _: &str) -> Result<Prospect, WriteFailure> {
            self.was_asked.store(true, Ordering::Relaxed);
            Ok(prospect(self.restores, false))
        }
    }

    /// Answers the code of the refusal, and whether the service was asked.
    async fn restored(is_deleted: bool, restores: u64) -> (Option<String>, bool) {
        let bin = FakeBin {
            is_deleted,
            restores,
            was_asked: AtomicBool::new(false),
        };
        let id = ProspectId::try_from(1).expect("an id");
        let code = restore(&bin, id).await.err().map(|failure| failure.code);
        (code, bin.was_asked.into_inner())
    }

    /// Whoever finds it unmarked later must not take it for released.
    #[tokio::test]
    async fn r54_a_prospect_that_is_in_the_bin_already_is_not_marked() {
        let id = ProspectId::try_from(1).expect("an id");
        let mark = Map::from_iter([("SF_Record_Id__c".to_owned(), json!("[[crm_deleted]]"))]);
        for is_deleted in [true, false] {
            let bin = FakeBin {
                is_deleted,
                restores: 1,
                was_asked: AtomicBool::new(false),
            };
            assert_eq!(recycle(&bin, id, &mark).await, Ok(!is_deleted));
            assert_eq!(recycle(&bin, id, &Map::new()).await, Ok(false));
        }
    }

    /// Another prospect may have taken its address since, and would be taken out of the bin.
    #[tokio::test]
    async fn r53_nothing_is_asked_for_a_prospect_that_is_outside_the_bin() {
        assert_eq!(restored(true, 1).await, (None, true));
        assert_eq!(
            restored(false, 1).await,
            (Some("RESTORED".to_owned()), false)
        );
    }

    /// It came into the bin between our look and our question.
    #[tokio::test]
    async fn r53_another_prospect_that_came_back_instead_is_a_case_for_a_person() {
        assert_eq!(restored(true, 2).await, (Some("RESTORE".to_owned()), true));
    }
}
