//! The tests that every store passes.
//!
//! `ecp_inbox::conformance!(MyStage::new().await);` makes a test of each function of [`suite`],
//! [`held`], [`outbox`] and [`time`]. Each gets a [`Stage`] of its own, whose database is empty. The crate that calls it needs `tokio` with `macros` and `rt-multi-thread`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::missing_panics_doc, reason = "a test fails by panicking")]

mod bodies;
pub mod held;
mod model;
pub mod outbox;
pub mod suite;
pub mod time;

use std::sync::Arc;

use async_trait::async_trait;
use ecp_core::{Clock, SteppedClock, Timestamp};

pub use self::bodies::{Body, verified};
use crate::hold::Hold;
use crate::inbox::Inbox;

/// The empty database of one test in the suite that every kind of inbox must pass: the test opens
/// its inboxes there. Implement it for your database, and pass an expression that makes one to
/// `ecp_inbox::conformance!`, which generates the tests.
#[async_trait]
pub trait Stage: Send + Sync {
    /// Opens an inbox in this database with the default [`Hold`] policy. A second call opens the
    /// same database again, as another replica or a restarted process does.
    async fn open(&self, clock: Arc<dyn Clock>) -> Arc<dyn Inbox> {
        self.open_holding(clock, Hold::default()).await
    }

    /// Opens an inbox in this database with the given policy for holding callbacks.
    async fn open_holding(&self, clock: Arc<dyn Clock>, hold: Hold) -> Arc<dyn Inbox>;
}

/// A clock for tests, which moves only when a test sets it forward. It starts in November 2023.
pub fn clock() -> Arc<SteppedClock> {
    let start = Timestamp::from_unix_seconds(1_700_000_000).unwrap();
    Arc::new(SteppedClock::new(start))
}

/// Generates one tokio test for each function of [`suite`], [`held`], [`outbox`] and [`time`]. The argument is
/// an expression that makes a fresh [`Stage`].
#[macro_export]
macro_rules! conformance {
    (@each $room:ident $stage:expr; $($name:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $crate::conformance::$room::$name(&$stage).await;
            }
        )*
    };
    ($stage:expr) => {
        $crate::conformance!(@each held $stage;
            every_final_is_held_where_that_is_the_policy
            one_question_of_a_payment_is_out_at_a_time
            a_question_that_decides_nothing_is_asked_again
            a_contradiction_ends_the_questions
            questions_that_never_end_are_bounded
            workers_ask_gate_and_handle_what_it_confirms
            a_released_callback_keeps_its_place
        );
        $crate::conformance!(@each outbox $stage;
            what_is_taken_in_is_published_once_and_in_order
            a_batch_is_published_in_the_order_of_each_payment
            a_held_callback_is_published_when_it_is_released
            one_publisher_has_the_outbox_at_a_time
            a_body_is_kept_until_it_is_published
            an_outbox_is_kept_for_all_who_share_the_inbox
        );
        $crate::conformance!(@each time $stage;
            a_clock_that_is_set_back_delays_by_a_lease_at_most
            a_clock_that_is_set_back_between_two_starts_delays_by_a_lease_at_most
            a_pause_is_kept_while_nobody_sets_the_clock_back
        );
        $crate::conformance!(@each suite $stage;
            what_was_accepted_is_there_after_a_restart
            the_same_bytes_are_kept_once
            the_same_of_the_same_operation_is_kept_and_not_handled
            whatever_names_its_payment_is_told_apart
            a_callback_without_a_payment_waits_for_nobody
            callbacks_of_a_payment_are_handled_one_after_the_other
            a_failure_holds_up_its_payment_until_it_is_dead
            a_lease_ends_and_then_the_old_one_counts_no_more
            attempts_that_never_end_are_bounded
            what_is_done_or_dead_can_be_replayed
            a_replayed_callback_waits_for_the_one_that_is_handled
            a_callback_that_waits_for_its_next_attempt_is_hurried
            a_callback_is_replayed_once_for_what_was_seen
            a_doubtful_end_is_held_until_gate_agrees
            what_gate_does_not_confirm_stays_held
            a_held_callback_whose_meaning_came_otherwise_is_not_handled
            bodies_are_removed_and_what_is_left_still_tells
            entries_are_listed_by_what_they_are
            stats_count_what_is_there
            many_who_accept_the_same_make_one
            many_who_claim_never_share
            a_dropped_accept_happened_whole_or_not_at_all
            a_worker_handles_everything_in_order
            a_worker_retries_and_gives_up
            a_handler_that_panics_or_hangs_has_failed
            a_worker_that_stops_lets_handlers_end
            random_histories_end_as_in_the_model
        );
    };
}
