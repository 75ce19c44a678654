//! What poller and worker rest on: nothing is lost, nothing is merged, a group keeps its order.

use async_trait::async_trait;
use sync_core::hint::{CHANGE_BATCH_VERSION, Cause, ChangeBatch, ChangeHint, Lane};
use sync_core::ids::BusinessUnit;

use super::{after, fresh_unit, lead};
use crate::ports::Queue;

/// A queue whose receiving end a test can hold.
#[async_trait]
pub trait Tap: Queue {
    /// Takes everything that waits in a lane, with its groups, in the order of arrival.
    async fn take(&self, lane: Lane) -> Vec<(String, ChangeBatch)>;
}

fn batch(unit: &BusinessUnit, run: &str, hints: usize) -> ChangeBatch {
    let hint = |number| ChangeHint {
        record: lead(number),
        pair: None,
        cause: Cause::Poll,
    };
    ChangeBatch {
        version: CHANGE_BATCH_VERSION,
        business_unit: unit.clone(),
        run: run.to_owned(),
        enqueued_at: after(0),
        hints: (0..hints).map(hint).collect(),
    }
}

fn of_group(taken: &[(String, ChangeBatch)], group: &str) -> Vec<String> {
    let of_group = taken.iter().filter(|(of, _)| of == group);
    of_group.map(|(_, batch)| batch.run.clone()).collect()
}

/// Two groups, both lanes.
pub async fn every_batch_arrives_in_its_lane_and_the_order_of_its_group(queue: &impl Tap) {
    let unit = fresh_unit();
    let numbers = 0..6;
    let batches = numbers.map(|number| {
        (
            format!("group{}", number % 2),
            batch(&unit, &number.to_string(), 2),
        )
    });
    assert_eq!(queue.send(Lane::Bulk, batches.collect()).await, Ok(()));
    let urgent = batch(&unit, "urgent", 1);
    let sent = vec![("group0".to_owned(), urgent.clone())];
    assert_eq!(queue.send(Lane::Priority, sent.clone()).await, Ok(()));
    assert_eq!(queue.take(Lane::Priority).await, sent);
    let taken = queue.take(Lane::Bulk).await;
    assert_eq!(of_group(&taken, "group0"), ["0", "2", "4"]);
    assert_eq!(of_group(&taken, "group1"), ["1", "3", "5"]);
    assert!(taken.iter().all(|(_, batch)| batch.hints.len() == 2));
}

/// A record can change twice within one stamp: equal content is no repetition (reliability 2.1).
pub async fn equal_batches_all_arrive(queue: &impl Tap) {
    let unit = fresh_unit();
    let same = ("group".to_owned(), batch(&unit, "run", 3));
    for _ in 0..2 {
        let twice = vec![same.clone(), same.clone()];
        assert_eq!(queue.send(Lane::Bulk, twice).await, Ok(()));
    }
    assert_eq!(queue.take(Lane::Bulk).await, vec![same; 4]);
}

/// By number and by size.
pub async fn more_than_one_request_holds_arrives(queue: &impl Tap) {
    let unit = fresh_unit();
    let full = ChangeBatch::MAX_HINTS;
    let batches: Vec<_> = (0..33)
        .map(|number| {
            (
                format!("group{}", number % 3),
                batch(&unit, &number.to_string(), full),
            )
        })
        .collect();
    assert_eq!(queue.send(Lane::Bulk, batches).await, Ok(()));
    let taken = queue.take(Lane::Bulk).await;
    assert_eq!(taken.len(), 33);
    let expected: Vec<_> = (0..33)
        .step_by(3)
        .map(|number| number.to_string())
        .collect();
    assert_eq!(of_group(&taken, "group0"), expected);
    assert!(taken.iter().all(|(_, batch)| batch.hints.len() == full));
    assert_eq!(queue.send(Lane::Bulk, Vec::new()).await, Ok(()));
}

/// By lane.
pub async fn waiting_batches_are_counted(queue: &impl Tap) {
    let unit = fresh_unit();
    for (lane, count) in [(Lane::Priority, 2), (Lane::Bulk, 5)] {
        let batches = (0..count).map(|number| (format!("group{number}"), batch(&unit, "run", 1)));
        assert_eq!(queue.send(lane, batches.collect()).await, Ok(()));
    }
    let depths = queue.depths().await.expect("the queue answers");
    let waiting = |name: &str| {
        depths
            .iter()
            .find(|depth| depth.name == name)
            .map(|depth| depth.waiting)
    };
    assert_eq!((waiting("priority"), waiting("bulk")), (Some(2), Some(5)));
}
