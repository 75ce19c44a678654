//! What the error queue rests on: a row per pair, open until it is closed, the oldest first.

use sync_core::error::ErrorClass;
use sync_core::ids::BusinessUnit;
use sync_core::key::PairKey;
use sync_core::settle::ErrorRow;

use super::{after, fresh_unit, prospect};
use crate::ports::Errors;

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

async fn open(errors: &impl Errors, rows: Vec<ErrorRow>) {
    let count = rows.len();
    assert_eq!(errors.open(rows).await, vec![Ok(()); count]);
}

async fn close(errors: &impl Errors, unit: &BusinessUnit, numbers: &[usize], at: i64) {
    let pairs: Vec<_> = numbers.iter().map(|number| pair(*number)).collect();
    assert_eq!(errors.close(unit, &pairs, after(at)).await, Ok(()));
}

async fn list(errors: &impl Errors, unit: &BusinessUnit, closed: bool) -> Vec<ErrorRow> {
    let rows = errors.list(unit, closed).await;
    rows.expect("the store answers")
}

/// And takes everything else from the last sight.
pub async fn a_row_seen_again_keeps_when_it_was_first_seen(errors: &impl Errors) {
    let unit = fresh_unit();
    open(errors, vec![row(&unit, 1, 0)]).await;
    for (attempts, seen) in [(2, 10), (3, 20)] {
        let again = ErrorRow {
            code: format!("CODE_{seen}"),
            ..row(&unit, 1, seen)
        };
        open(errors, vec![again.clone()]).await;
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
pub async fn a_row_that_was_closed_opens_anew(errors: &impl Errors) {
    let unit = fresh_unit();
    open(errors, vec![row(&unit, 1, 0)]).await;
    close(errors, &unit, &[1], 10).await;
    assert_eq!(list(errors, &unit, false).await, []);
    let closed = ErrorRow {
        closed_at: Some(after(10)),
        ..row(&unit, 1, 0)
    };
    assert_eq!(list(errors, &unit, true).await, [closed]);
    open(errors, vec![row(&unit, 1, 20)]).await;
    assert_eq!(list(errors, &unit, true).await, [row(&unit, 1, 20)]);
}

/// Neither a row that is closed already nor one that never was.
pub async fn closing_what_is_not_open_changes_nothing(errors: &impl Errors) {
    let unit = fresh_unit();
    open(errors, vec![row(&unit, 1, 0)]).await;
    close(errors, &unit, &[1, 2], 10).await;
    close(errors, &unit, &[1, 2], 20).await;
    let closed = list(errors, &unit, true).await;
    assert_eq!(closed.len(), 1);
    assert_eq!(closed[0].closed_at, Some(after(10)));
    assert_eq!(errors.close(&unit, &[], after(30)).await, Ok(()));
}

/// Closed ones follow, oldest first too.
pub async fn open_rows_come_first_and_the_oldest_of_them(errors: &impl Errors) {
    let unit = fresh_unit();
    // Full seconds and parts of one, in an order that is neither the pairs' nor the time's.
    let seen = [2000, 500, 1000, 1, 1500, 0];
    let rows = seen.into_iter().enumerate();
    open(
        errors,
        rows.map(|(number, seen)| row(&unit, number, seen))
            .collect(),
    )
    .await;
    close(errors, &unit, &[0, 1], 3000).await;
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
pub async fn every_open_row_of_the_unit_is_counted(errors: &impl Errors) {
    let (ours, theirs) = (fresh_unit(), fresh_unit());
    open(
        errors,
        (0..130).map(|number| row(&ours, number, 0)).collect(),
    )
    .await;
    open(errors, vec![row(&theirs, 1, 0)]).await;
    close(errors, &ours, &[1], 10).await;
    assert_eq!(errors.count_open(&ours).await, Ok(129));
    assert_eq!(list(errors, &ours, false).await.len(), 129);
    assert_eq!(errors.count_open(&theirs).await, Ok(1));
}
