//! What the error queue rests on: a row per pair, open until it is closed, the oldest first.

use std::sync::Arc;

use sync_core::error::ErrorClass;
use sync_core::ids::BusinessUnit;
use sync_core::key::PairKey;
use sync_core::link::Link;
use sync_core::settle::{ErrorChange, ErrorRow};

use super::{after, fresh_unit, prospect};
use crate::ports::{Begin, Commit, Errors, Links, StoreError};

fn pair(number: usize) -> PairKey {
    PairKey::of(prospect(number))
}

/// A row seen at this many milliseconds.
fn row(unit: &BusinessUnit, number: usize, seen: i64) -> ErrorRow {
    ErrorRow {
        business_unit: unit.clone(),
        pair: pair(number),
        crm_id: None,
        prospect_id: Some(
            (number.to_string() + "1")
                .parse()
                .expect("a number above zero"),
        ),
        class: ErrorClass::Record,
        code: "FIELD_CUSTOM_VALIDATION_EXCEPTION".to_owned(),
        fields: vec!["Region__c".to_owned()],
        message: "a rule of the org refuses it".to_owned(),
        owner: "marketing operations".to_owned(),
        first_seen: after(seen),
        last_seen: after(seen),
        attempts: 1,
        closed_at: None,
    }
}

/// A row of the link table as it is stored, or the first one.
async fn link(links: &impl Links, unit: &BusinessUnit, pair: &PairKey) -> Link {
    let loaded = links.load(unit, &[], std::slice::from_ref(pair)).await;
    let mut loaded = loaded.expect("the store answers");
    let stored = loaded.links.remove(pair);
    stored.unwrap_or_else(|| Link::new(unit.clone(), pair.clone()))
}

async fn change(links: &impl Links, link: Link, error: ErrorChange, at: i64) {
    let commit = Commit {
        error,
        ..Commit::of(link, after(at))
    };
    let stored = links.commit(vec![commit]).await;
    assert!(matches!(stored[..], [Ok(_)]), "{stored:?}");
}

async fn open(links: &impl Links, rows: Vec<ErrorRow>) {
    for row in rows {
        let link = link(links, &row.business_unit, &row.pair).await;
        change(links, link, ErrorChange::Open(Box::new(row)), 0).await;
    }
}

async fn close(links: &impl Links, unit: &BusinessUnit, numbers: &[usize], at: i64) {
    for number in numbers {
        let link = link(links, unit, &pair(*number)).await;
        change(links, link, ErrorChange::Close, at).await;
    }
}

async fn list(errors: &Arc<impl Errors>, unit: &BusinessUnit, closed: bool) -> Vec<ErrorRow> {
    let rows = errors.list(unit, closed).await;
    rows.expect("the store answers")
}

/// And takes everything else from the last sight.
pub async fn a_row_seen_again_keeps_when_it_was_first_seen(
    (links, errors): &(impl Links, Arc<impl Errors>),
) {
    let unit = fresh_unit();
    open(links, vec![row(&unit, 1, 0)]).await;
    for (attempts, seen) in [(2, 10), (3, 20)] {
        let again = ErrorRow {
            code: format!("CODE_{seen}"),
            ..row(&unit, 1, seen)
        };
        open(links, vec![again.clone()]).await;
        let expected = ErrorRow {
            first_seen: after(0),
            attempts,
            ..again
        };
        assert_eq!(list(errors, &unit, false).await, [expected]);
    }
    assert_eq!(errors.count_open(&unit).await, Ok(1));
}

/// A new problem of an old pair is a new one.
pub async fn a_row_that_was_closed_opens_anew((links, errors): &(impl Links, Arc<impl Errors>)) {
    let unit = fresh_unit();
    open(links, vec![row(&unit, 1, 0)]).await;
    close(links, &unit, &[1], 10).await;
    assert_eq!(list(errors, &unit, false).await, []);
    let closed = ErrorRow {
        closed_at: Some(after(10)),
        ..row(&unit, 1, 0)
    };
    assert_eq!(list(errors, &unit, true).await, [closed]);
    open(links, vec![row(&unit, 1, 20)]).await;
    assert_eq!(list(errors, &unit, true).await, [row(&unit, 1, 20)]);
}

/// Neither a row that is closed already nor one that never was.
pub async fn closing_what_is_not_open_changes_nothing(
    (links, errors): &(impl Links, Arc<impl Errors>),
) {
    let unit = fresh_unit();
    open(links, vec![row(&unit, 1, 0)]).await;
    close(links, &unit, &[1, 2], 10).await;
    close(links, &unit, &[1, 2], 20).await;
    let closed = list(errors, &unit, true).await;
    assert_eq!(closed.len(), 1);
    assert_eq!(closed[0].closed_at, Some(after(10)));
}

/// Closed ones follow, oldest first too.
pub async fn open_rows_come_first_and_the_oldest_of_them(
    (links, errors): &(impl Links, Arc<impl Errors>),
) {
    let unit = fresh_unit();
    // Full seconds and parts of one, in an order that is neither the pairs' nor the time's.
    let seen = [2000, 500, 1000, 1, 1500, 0];
    let rows = seen.into_iter().enumerate();
    open(
        links,
        rows.map(|(number, seen)| row(&unit, number, seen))
            .collect(),
    )
    .await;
    close(links, &unit, &[0, 1], 3000).await;
    let order = |rows: Vec<ErrorRow>| rows.iter().map(|row| row.pair.clone()).collect::<Vec<_>>();
    assert_eq!(
        order(list(errors, &unit, false).await),
        [5, 3, 2, 4].map(pair)
    );
    assert_eq!(
        order(list(errors, &unit, true).await),
        [5, 3, 2, 4, 1, 0].map(pair)
    );
}

/// And none of another.
pub async fn every_open_row_of_the_unit_is_counted(
    (links, errors): &(impl Links, Arc<impl Errors>),
) {
    let (ours, theirs) = (fresh_unit(), fresh_unit());
    open(
        links,
        (0..130).map(|number| row(&ours, number, 0)).collect(),
    )
    .await;
    open(links, vec![row(&theirs, 1, 0)]).await;
    close(links, &ours, &[1], 10).await;
    assert_eq!(errors.count_open(&ours).await, Ok(129));
    assert_eq!(list(errors, &ours, false).await.len(), 129);
    assert_eq!(errors.count_open(&theirs).await, Ok(1));
}

/// An error that another worker has settled meanwhile is not opened after it.
pub async fn an_error_row_is_stored_with_its_link_row_or_not_at_all(
    (links, errors): &(impl Links, Arc<impl Errors>),
) {
    let unit = fresh_unit();
    let read = link(links, &unit, &pair(1)).await;
    open(links, vec![row(&unit, 1, 0)]).await;
    close(links, &unit, &[1], 10).await;
    for version in [read.version, read.version + 1] {
        let late = Commit {
            error: ErrorChange::Open(Box::new(row(&unit, 1, 20))),
            ..Commit::of(
                Link {
                    version,
                    ..read.clone()
                },
                after(20),
            )
        };
        let refused = links.commit(vec![late]).await;
        assert_eq!(refused, [Err(StoreError::Conflict)]);
    }
    assert_eq!(list(errors, &unit, false).await, []);
    assert_eq!(errors.count_open(&unit).await, Ok(0));
}

/// Its pair tells of it now, and nobody would look at the row of the record alone again.
pub async fn no_error_is_opened_for_a_record_that_another_pair_has_claimed(
    (links, errors): &(impl Links, Arc<impl Errors>),
) {
    let unit = fresh_unit();
    let other = Begin {
        link: link(links, &unit, &pair(2)).await,
        claims: vec![prospect(1)],
    };
    let begun = links.begin(vec![other]).await;
    assert!(matches!(begun[..], [Ok(_)]), "{begun:?}");
    let opens = |link: Link| Commit {
        error: ErrorChange::Open(Box::new(row(&unit, 1, 0))),
        ..Commit::of(link, after(0))
    };
    let alone = link(links, &unit, &pair(1)).await;
    let released = Commit {
        releases: vec![prospect(1)],
        ..opens(alone.clone())
    };
    for commit in [opens(alone), released] {
        let refused = links.commit(vec![commit]).await;
        assert_eq!(refused, [Err(StoreError::Conflict)]);
    }
    assert_eq!(list(errors, &unit, false).await, []);
}

/// Nobody would close it afterwards.
pub async fn a_row_that_goes_takes_its_open_error_along(
    (links, errors): &(impl Links, Arc<impl Errors>),
) {
    let unit = fresh_unit();
    open(links, vec![row(&unit, 1, 0)]).await;
    let gone = link(links, &unit, &pair(1)).await;
    let commit = Commit {
        supersedes: vec![gone],
        ..Commit::of(link(links, &unit, &pair(2)).await, after(10))
    };
    let stored = links.commit(vec![commit]).await;
    assert!(matches!(stored[..], [Ok(_)]), "{stored:?}");
    let closed = ErrorRow {
        closed_at: Some(after(10)),
        ..row(&unit, 1, 0)
    };
    assert_eq!(list(errors, &unit, true).await, [closed]);
    assert_eq!(list(errors, &unit, false).await, []);
}
