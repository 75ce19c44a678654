//! Where a pass is: when one is due, and which links come next.

use jiff::{SignedDuration, Timestamp};
use sync_core::ids::BusinessUnit;
use sync_core::link::Link;

use crate::environment::Environment;
use crate::ports::{Listed, PassPage, ReconcileProgress, StoreError};

/// How many pairs are read together: two calls to either service.
pub const BATCH: usize = 1_000;

/// A pass begins a day after the last one began; ten minutes less, so that the tick that comes a
/// second early does not wait for the next one.
pub const PASS_EVERY: SignedDuration = SignedDuration::from_mins(24 * 60 - 10);

/// How many pairs one pass sends to the queue. More drift than this has a cause that repairing pair by
/// pair does not remove, and each repair may cost one of the day's 25,000 calls; it is all counted.
pub const REPAIRS_PER_PASS: u64 = 5_000;

/// The first page of a pass.
const BEGINNING: PassPage = PassPage {
    listed: Listed::Linked,
    token: None,
};

/// The pass that goes on now, or begins; `None` when none is due.
pub(super) fn under_way(
    stored: Option<ReconcileProgress>,
    now: Timestamp,
) -> Option<ReconcileProgress> {
    let Some(stored) = stored else {
        return Some(begun(0, now));
    };
    let is_due = now.duration_since(stored.started_at) >= PASS_EVERY;
    match &stored.next {
        Some(_) => Some(stored),
        None => is_due.then(|| begun(stored.version, now)),
    }
}

fn begun(version: u64, now: Timestamp) -> ReconcileProgress {
    ReconcileProgress {
        started_at: now,
        next: Some(BEGINNING),
        hinted: 0,
        version,
    }
}

/// The links from a page on, as many as are read together, and the page after them.
pub(super) async fn read_batch(
    environment: &Environment,
    unit: &BusinessUnit,
    from: PassPage,
) -> Result<(Vec<Link>, Option<PassPage>), StoreError> {
    let mut links = Vec::new();
    let mut next = Some(from);
    while let Some(page) = next.take() {
        let state = Some(page.listed.name());
        let listed = environment.links.list(unit, state, page.token).await?;
        links.extend(listed.rows);
        next = match listed.next {
            Some(token) => Some(PassPage {
                listed: page.listed,
                token: Some(token),
            }),
            None => after(page.listed),
        };
        if links.len() >= BATCH {
            break;
        }
    }
    Ok((links, next))
}

/// The first page of the state that is listed next.
fn after(listed: Listed) -> Option<PassPage> {
    let listed = match listed {
        Listed::Linked => Listed::Pending,
        Listed::Pending => Listed::Held,
        Listed::Held => return None,
    };
    Some(PassPage {
        listed,
        token: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::constant(1_790_000_000, 0) + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn a_pass_begins_a_day_after_the_last_one_began() {
        let first = under_way(None, at(0)).expect("the first one is due");
        assert_eq!((first.started_at, first.version), (at(0), 0));
        let complete = ReconcileProgress {
            next: None,
            version: 7,
            hinted: 3,
            ..first.clone()
        };
        assert_eq!(under_way(Some(complete.clone()), at(24 * 60 - 11)), None);
        let second = under_way(Some(complete), at(24 * 60)).expect("it is due");
        assert_eq!((second.started_at, second.hinted), (at(24 * 60), 0));
        assert_eq!(second.version, 7, "the row is the same");
        // One that is not complete goes on, however old it is.
        let unfinished = under_way(Some(first.clone()), at(100 * 60));
        assert_eq!(unfinished, Some(first));
    }
}
