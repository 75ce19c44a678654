//! What every implementation of a storage port promises, as tests to run on any of them: memory and
//! DynamoDB or SQS must not differ in anything a use case rests on.
//!
//! ```text
//! connector::links_contract!(memory); // `async fn memory() -> MemoryLinks`
//! ```

pub mod errors;
pub mod links;
pub mod queue;
pub mod state;

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};
use sync_core::ids::BusinessUnit;
use sync_core::key::RecordRef;

/// A business unit that no other test uses, so that tests share tables.
fn fresh_unit() -> BusinessUnit {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let id = format!("0Uv{number:012}");
    id.parse().expect("15 characters with the right prefix")
}

fn prospect(number: usize) -> RecordRef {
    let id = (number + 1).to_string();
    RecordRef::Prospect(id.parse().expect("a number above zero"))
}

fn lead(number: usize) -> RecordRef {
    let id = format!("00Q{number:012}");
    RecordRef::Crm(id.parse().expect("15 characters with the right prefix"))
}

/// So many milliseconds after some moment.
fn after(milliseconds: i64) -> Timestamp {
    let start = Timestamp::constant(1_790_000_000, 0);
    start + SignedDuration::from_millis(milliseconds)
}

/// A test for each promise of a suite.
#[doc(hidden)]
#[macro_export]
macro_rules! promises {
    ([$($attribute:tt)*] $store:path, $suite:ident: $promise:ident $($rest:ident)*) => {
        #[tokio::test]
        $($attribute)*
        async fn $promise() {
            $crate::contract::$suite::$promise(&$store().await).await;
        }
        $crate::promises!([$($attribute)*] $store, $suite: $($rest)*);
    };
    ([$($attribute:tt)*] $store:path, $suite:ident:) => {};
}

/// The tests of an implementation of [`Links`](crate::ports::Links).
#[macro_export]
macro_rules! links_contract {
    ($store:path $(, $attribute:meta)?) => {
        $crate::promises! { [$(#[$attribute])?] $store, links:
            a_row_is_read_back_as_it_was_stored
            a_row_is_stored_by_who_read_its_last_version
            a_record_belongs_to_one_pair
            a_pair_may_claim_its_own_record_again
            a_refused_row_leaves_nothing_and_stops_no_other
            a_commit_removes_the_rows_it_supersedes
            a_row_that_changed_since_it_was_read_does_not_go
            a_record_that_was_released_is_free a_parted_pair_keeps_its_row_and_releases_its_records
            of_many_writers_one_wins
            any_number_of_records_is_loaded_at_once
            business_units_do_not_see_each_other
            every_row_is_on_one_page_and_counted
        }
    };
}

/// The tests of an implementation of [`Errors`](crate::ports::Errors).
#[macro_export]
macro_rules! errors_contract {
    ($store:path $(, $attribute:meta)?) => {
        $crate::promises! { [$(#[$attribute])?] $store, errors:
            a_row_seen_again_keeps_when_it_was_first_seen
            a_row_that_was_closed_opens_anew
            closing_what_is_not_open_changes_nothing
            open_rows_come_first_and_the_oldest_of_them
            every_open_row_of_the_unit_is_counted
            an_error_row_is_stored_with_its_link_row_or_not_at_all
            no_error_is_opened_for_a_record_that_another_pair_has_claimed
            a_row_that_goes_takes_its_open_error_along
        }
    };
}

/// The tests of an implementation of [`State`](crate::ports::State).
#[macro_export]
macro_rules! state_contract {
    ($store:path $(, $attribute:meta)?) => {
        $crate::promises! { [$(#[$attribute])?] $store, state:
            what_was_never_stored_is_absent
            a_connector_is_stored_by_who_read_its_last_version
            a_configuration_version_never_changes
            every_stream_has_a_cursor_of_its_own
            the_last_users_are_kept
            a_comparison_goes_on_where_it_stopped
            a_turn_is_refused_while_another_lasts
            an_audit_entry_is_taken
        }
    };
}

/// The tests of an implementation of [`Queue`](crate::ports::Queue).
#[macro_export]
macro_rules! queue_contract {
    ($store:path $(, $attribute:meta)?) => {
        $crate::promises! { [$(#[$attribute])?] $store, queue:
            every_batch_arrives_in_its_lane_and_the_order_of_its_group
            equal_batches_all_arrive
            more_than_one_request_holds_arrives
            waiting_batches_are_counted
        }
    };
}
