//! Every hint that the queue delivered in vain becomes an open error row: those of dead messages, and
//! those that are left of a message whose other pairs are done.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sync_core::error::ErrorClass;
use sync_core::hint::ChangeHint;
use sync_core::ids::BusinessUnit;
use sync_core::key::PairKey;
use sync_core::link::Link;
use sync_core::settle::{ErrorChange, ErrorRow};

use crate::environment::Environment;
use crate::ports::{Commit, StoreError};
use crate::work::{Delivery, load_rows, pair_of, parse_body};

/// The code of the rows: the queue gave up on the pair.
pub const UNDELIVERABLE: &str = "UNDELIVERABLE";

/// Turns dead messages into error rows. Returns the ids of those that must stay in the queue:
/// bodies that cannot be read, because nothing can be said about them, and rows that were not stored.
pub async fn drain(environment: &Environment, deliveries: Vec<Delivery>, run: &str) -> Vec<String> {
    let mut kept = Vec::new();
    for delivery in deliveries {
        let drained = match parse_body(&delivery.body) {
            Ok(batch) => give_up(environment, &batch.business_unit, &batch.hints)
                .await
                .map(drop)
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = drained {
            let message_id = &delivery.message_id;
            tracing::error!(run, message_id, error, "A dead message stays in its queue.");
            kept.push(delivery.message_id);
        }
    }
    kept
}

/// Stores an open error row for the pair of each hint; answers how many pairs that are.
///
/// # Errors
/// A table that refused; some of the rows may be stored.
pub(crate) async fn give_up(
    environment: &Environment,
    unit: &BusinessUnit,
    hints: &[ChangeHint],
) -> Result<usize, StoreError> {
    let loaded = load_rows(environment, unit, hints).await?;
    let mut links: BTreeMap<PairKey, Link> = BTreeMap::new();
    let now = environment.clock.now();
    for hint in hints {
        let pair = pair_of(hint, &loaded, now);
        let stored = loaded.links.get(&pair.row()).cloned();
        links
            .entry(pair.row())
            .or_insert_with(|| stored.unwrap_or_else(|| Link::new(unit.clone(), pair)));
    }
    let count = links.len();
    let commits = links.into_values().map(|link| given_up(environment, link));
    for stored in environment.links.commit(commits.collect()).await {
        stored?;
    }
    Ok(count)
}

fn given_up(environment: &Environment, mut link: Link) -> Commit {
    let now = environment.clock.now();
    link.has_open_error = true;
    Commit {
        error: ErrorChange::Open(Box::new(error_row(&link, now))),
        ..Commit::of(link, now)
    }
}

fn error_row(link: &Link, now: Timestamp) -> ErrorRow {
    ErrorRow {
        business_unit: link.business_unit.clone(),
        pair: link.key.row(),
        crm_id: link.crm_id.clone(),
        prospect_id: link.prospect_id,
        class: ErrorClass::Unclassified,
        code: UNDELIVERABLE.to_owned(),
        fields: Vec::new(),
        message:
            "could not be worked on in five deliveries; the worker's log of the run says why; \
                  sync the record by hand when the cause is gone"
                .to_owned(),
        owner: "platform engineer".to_owned(),
        first_seen: now,
        last_seen: now,
        attempts: 1,
        closed_at: None,
    }
}
