//! When the cursor moves: after the queue has everything, never backward, on the service's clock only.
//!
//! Salesforce stamps a row when the statement runs and shows it when the transaction commits, so a
//! row can appear with a stamp that is minutes old. Each poll therefore reads an overlap again. Rows
//! in it that are in the queue already are remembered with their stamp and not enqueued twice.
//!
//! The cursor goes with the service's clock and not with the newest row, so that the overlap leaves a
//! burst behind also when nothing follows it. Each poll stores the row anyway, with the time of the poll.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use sync_core::hint::{Cause, ChangeHint, Lane};
use sync_core::key::{PairKey, RecordRef};

use super::{PollError, beginning, into_batches};
use crate::environment::{Configured, Environment};
use crate::ports::{Changes, Cursor, Sides, Stream};

/// How far each poll reads back: transactions of 15 minutes (apis A4), and a minute for clocks.
pub const OVERLAP_SECONDS: i64 = 16 * 60;

/// How many rows of the overlap are remembered. More would not fit one DynamoDB item of 400 KB;
/// what is not remembered is enqueued again and ends as a no-op.
const MAX_RECENT: usize = 4_000;

/// A row's stamp is final once its second is over on the server's clock; one second more for rounding.
const SETTLE_SECONDS: i64 = 2;

/// What the poll of one stream found.
pub(super) struct PolledStream {
    pub(super) seen: u64,
    pub(super) enqueued: u64,
}

/// A changed row of either service.
struct Change {
    record: RecordRef,
    stamp: Timestamp,
    /// The content as a number, where rows can change without changing their stamp.
    fingerprint: Option<u64>,
    key: Option<PairKey>,
    is_deleted: bool,
}

pub(super) async fn poll_stream(
    environment: &Environment,
    configured: &Configured,
    sides: &Sides,
    stream: Stream,
    run: &str,
) -> Result<PolledStream, PollError> {
    let unit = &configured.row.business_unit;
    let cursor = environment.state.cursor(unit, stream).await?;
    let start = beginning(&configured.row);
    let from = cursor
        .as_ref()
        .map_or(start, |cursor| overlap_start(cursor.read_to).max(start));
    let Changes {
        rows: changes,
        read_at,
    } = read_changes(configured, sides, stream, from).await?;
    let known = cursor.as_ref().map(|cursor| &cursor.recent);
    let fresh: Vec<&Change> = changes
        .iter()
        .filter(|change| !is_known(known, change))
        .collect();
    let seen = fresh.len() as u64;
    let hints = fresh.into_iter().map(hint).collect();
    let batches = into_batches(
        unit,
        &format!("{run}-{stream}"),
        environment.clock.now(),
        hints,
    );
    let enqueued = batches
        .iter()
        .map(|(_, batch)| batch.hints.len() as u64)
        .sum();
    environment.queue.send(Lane::Bulk, batches).await?;
    let settled = read_at
        .saturating_sub(settling(configured, stream))
        .unwrap_or(read_at);
    let next = next_cursor(cursor, start, &changes, (settled, environment.clock.now()));
    environment.state.put_cursor(unit, stream, &next).await?;
    Ok(PolledStream { seen, enqueued })
}

fn overlap_start(read_to: Timestamp) -> Timestamp {
    read_to
        .saturating_sub(SignedDuration::from_secs(OVERLAP_SECONDS))
        .unwrap_or(read_to)
}

async fn read_changes(
    configured: &Configured,
    sides: &Sides,
    stream: Stream,
    from: Timestamp,
) -> Result<Changes<Change>, PollError> {
    let config = &configured.config;
    Ok(match stream {
        Stream::Crm(object) => {
            let changes = sides.crm.changes(config, object, from).await?;
            let rows = changes.rows.into_iter().map(|row| Change {
                record: RecordRef::Crm(row.id),
                stamp: row.stamp,
                fingerprint: Some(row.fingerprint),
                key: row.key,
                is_deleted: row.is_deleted,
            });
            Changes {
                rows: rows.collect(),
                read_at: changes.read_at,
            }
        }
        Stream::Prospects => {
            let changes = sides.marketing.changes(config, from).await?;
            let rows = changes.rows.into_iter().map(|row| Change {
                record: RecordRef::Prospect(row.id),
                stamp: row.stamp,
                fingerprint: None,
                key: row.key,
                is_deleted: row.is_deleted,
            });
            Changes {
                rows: rows.collect(),
                read_at: changes.read_at,
            }
        }
    })
}

/// How long after its second a row may still be read in an older state.
fn settling(configured: &Configured, stream: Stream) -> SignedDuration {
    let stale_reads = match stream {
        Stream::Crm(_) => 0,
        Stream::Prospects => configured.config.account_engagement.stale_reads_seconds,
    };
    SignedDuration::from_secs(SETTLE_SECONDS + i64::from(stale_reads))
}

fn is_known(known: Option<&BTreeMap<String, Timestamp>>, change: &Change) -> bool {
    known.and_then(|rows| rows.get(&row_id(change))) == Some(&change.stamp)
}

/// The name under which a row is remembered: its id, and its content where the stamp does not tell.
fn row_id(change: &Change) -> String {
    let id = match &change.record {
        RecordRef::Crm(id) => id.to_string(),
        RecordRef::Prospect(id) => id.to_string(),
    };
    match change.fingerprint {
        Some(fingerprint) => format!("{id} {fingerprint:016x}"),
        None => id,
    }
}

fn hint(change: &Change) -> ChangeHint {
    ChangeHint {
        record: change.record.clone(),
        pair: change.key.clone(),
        cause: if change.is_deleted {
            Cause::Deleted
        } else {
            Cause::Poll
        },
    }
}

fn next_cursor(
    cursor: Option<Cursor>,
    start: Timestamp,
    changes: &[Change],
    (settled, now): (Timestamp, Timestamp),
) -> Cursor {
    let (was_at, version) = cursor.map_or((start, 0), |cursor| (cursor.read_to, cursor.version));
    let read_to = complete_to(changes, settled).map_or(was_at, |to| to.max(was_at));
    let overlap = overlap_start(read_to);
    let mut remembered: Vec<&Change> = changes
        .iter()
        .filter(|change| change.stamp >= overlap && change.stamp < settled)
        .collect();
    remembered.sort_by_key(|change| std::cmp::Reverse(change.stamp));
    remembered.truncate(MAX_RECENT);
    let recent = remembered
        .into_iter()
        .map(|c| (row_id(c), c.stamp))
        .collect();
    Cursor {
        read_to,
        polled_at: now,
        recent,
        version: version + 1,
    }
}

/// Up to where this read saw everything, but for late commits: the service's clock when the read began,
/// less the age of a stale read. The newest row says less: it may have been written while a long read went
/// on, minutes after the first page, and the overlap would begin as much too late. It counts only where the
/// service shows no clock.
fn complete_to(changes: &[Change], settled: Timestamp) -> Option<Timestamp> {
    if settled == Timestamp::MIN {
        return changes.iter().map(|change| change.stamp).max();
    }
    // Both services stamp whole seconds.
    Timestamp::from_second(settled.as_second()).ok()
}

#[cfg(test)]
mod tests {
    use sync_core::ids::ProspectId;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a second")
    }

    fn prospect(second: i64) -> Change {
        Change {
            record: RecordRef::Prospect(ProspectId::try_from(1).expect("an id")),
            stamp: at(second),
            fingerprint: None,
            key: None,
            is_deleted: false,
        }
    }

    /// A cursor at second 5,000 after a read that saw these stamps, with what was settled.
    fn moved(stamps: &[i64], settled: Timestamp) -> Timestamp {
        let cursor = Cursor {
            read_to: at(5_000),
            polled_at: at(0),
            recent: BTreeMap::new(),
            version: 1,
        };
        let changes: Vec<Change> = stamps.iter().map(|stamp| prospect(*stamp)).collect();
        next_cursor(Some(cursor), at(0), &changes, (settled, at(9_999))).read_to
    }

    #[test]
    fn a_cursor_goes_with_the_clock_of_the_service() {
        assert_eq!(moved(&[], at(6_000)), at(6_000));
        assert_eq!(moved(&[5_500], at(6_000)), at(6_000));
        assert_eq!(moved(&[5_500], at(4_000)), at(5_000), "never backward");
        let fraction = SignedDuration::from_millis(700);
        assert_eq!(moved(&[], at(6_000) + fraction), at(6_000));
    }

    /// Ten minutes for one read: a row may commit late behind it, among the pages that were read.
    #[test]
    fn a_row_written_during_a_long_read_takes_the_cursor_no_further() {
        assert_eq!(moved(&[5_500, 6_600], at(6_000)), at(6_000));
    }

    #[test]
    fn without_a_clock_of_the_service_the_newest_row_moves_the_cursor() {
        assert_eq!(moved(&[], Timestamp::MIN), at(5_000));
        assert_eq!(moved(&[5_500, 5_400], Timestamp::MIN), at(5_500));
        assert_eq!(moved(&[4_500], Timestamp::MIN), at(5_000));
    }
}
