//! The tests that every storage adapter must pass, as plain async functions: the numbered rules of the ports,
//! the races that matter, and the legacy rows. [`store_conformance!`] lists their names, so that every
//! adapter runs all of them.
//!
//! An adapter's whole test file:
//!
//! ```text
//! async fn fresh() -> Option<(Stores, impl Sized)> { … } // an empty store, and what keeps it alive
//! mfa_store_conformance::store_conformance!(crate::fresh);
//! ```
//!
//! [`kit`] has the parts that the suite is built from. An adapter needs none of them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test suite fails by panicking")]
#![expect(clippy::missing_panics_doc, reason = "every function here panics if the store breaks its rule")]

pub mod api_key;
pub mod ceremony;
pub mod floor;
pub mod go_rows;
pub mod kit;
pub mod predecessors;
pub mod races;
pub mod record;
pub mod rotation;
pub mod rotation_live;

/// Runs the whole suite. `$fresh` is the path of an async function that returns an empty store as
/// [`Stores`](mfa_core::store::Stores), and a value that keeps it alive. `None` skips a test whose
/// server is missing.
#[macro_export]
macro_rules! store_conformance {
    ($fresh:path) => {
        $crate::store_conformance!(@each $fresh, api_keys, api_key::{
            what_is_read_is_what_was_saved,
            every_state_is_kept,
            creating_twice_is_refused,
            a_stale_revision_is_a_conflict,
            a_key_may_join_another_consumer,
            one_of_many_parallel_saves_wins,
            pages_hold_every_key_once,
            pages_by_consumer_hold_its_keys_only,
        });
        $crate::store_conformance!(@records $fresh, totp, TotpRecord);
        $crate::store_conformance!(@records $fresh, users, UserRecord);
        $crate::store_conformance!(@each $fresh, ceremonies, ceremony::{
            what_is_taken_is_what_was_put,
            take_is_exactly_once,
            take_ignores_expired_state,
            an_id_in_use_is_refused,
            an_unknown_id_is_none,
        });
        $crate::store_conformance!(@each $fresh, races, races::{
            one_of_many_activations_gets_the_secret,
            a_code_is_accepted_once,
            no_parallel_guess_goes_uncounted,
            first_calls_share_one_hash,
            a_deleted_totp_stays_deleted,
        });
        $crate::store_conformance!(@each $fresh, floor, floor::{
            what_a_snapshot_brings_back_is_refused,
            every_key_that_may_be_used_gets_the_floor,
            of_floors_raised_at_once_the_latest_stays,
            keys_that_join_inherit_the_floor,
        });
        $crate::store_conformance!(@each $fresh, predecessors, predecessors::{
            totp_rows_of_the_node_predecessor_validate,
            a_legacy_row_is_ours_after_a_wrong_code,
            a_legacy_key_is_upgraded_once,
            another_consumers_secret_opens_nothing,
        });
        $crate::store_conformance!(@each $fresh, go_rows, go_rows::{
            five_kinds_of_credential_log_in,
            every_shape_of_the_json_is_read,
            u2f_keys_of_the_node_predecessor_log_in,
            a_mixed_row_keeps_both_kinds,
            a_moved_row_does_not_open,
            a_login_is_finished_once,
            parallel_registrations_keep_every_credential,
        });
        $crate::store_conformance!(@each $fresh, rotation, rotation::{
            everything_rotates_and_both_keys_work,
            consumers_of_the_predecessors_rotate,
            a_legacy_key_upgrades_in_place,
            one_unreadable_record_is_not_fatal,
            wrong_combinations_change_nothing,
            a_key_joins_by_its_activation,
        });
        $crate::store_conformance!(@each $fresh, rotation_live, rotation_live::{
            a_fault_at_any_call_is_resumed,
            live_traffic_notices_nothing,
            of_two_rotations_at_once_nothing_is_lost,
            there_and_back_at_once_nothing_is_lost,
        });
    };
    (@records $fresh:path, $module:ident, $kind:ident) => {
        mod $module {
            $crate::store_conformance!(@tests $fresh, [$crate::record], [::<mfa_core::store::$kind>]; {
                what_is_read_is_what_was_saved,
                creating_twice_is_refused,
                a_stale_revision_is_a_conflict,
                one_of_many_parallel_saves_wins,
                another_consumers_record_is_not_there,
                deleting_is_exact_and_final,
                a_save_after_a_delete_is_a_conflict,
                a_revision_is_never_given_out_twice,
                pages_hold_every_record_once,
            });
        }
    };
    (@each $fresh:path, $module:ident, $source:ident::$names:tt) => {
        mod $module {
            $crate::store_conformance!(@tests $fresh, [$crate::$source], []; $names);
        }
    };
    (@tests $fresh:path, $source:tt, $kind:tt; { $($name:ident),+ $(,)? }) => {
        $($crate::store_conformance!(@test $fresh, $name, $source, $kind);)+
    };
    (@test $fresh:path, $name:ident, [$($source:tt)+], [$($kind:tt)*]) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $name() {
            let Some((stores, _alive)) = $fresh().await else { return };
            $($source)+::$name $($kind)* (&stores).await;
        }
    };
}
