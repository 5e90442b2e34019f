//! The conformance suite over SQLite with a folder, and over PostgreSQL with S3.
//!
//! The second pair is tested where `COWL_TEST_POSTGRES` (a `postgres://` URL of a role that may create
//! databases) and `COWL_TEST_S3` (and its companions, see `docs/testing.md`) are set.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail by panic, and says why it is skipped"
)]

mod places;

/// One module a pair of stores, one test a behaviour.
macro_rules! conformance {
    ($($behaviour:ident :: $name:ident,)*) => {
        mod sqlite_and_folder {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    let place = super::places::embedded();
                    cowl_testkit::store::$behaviour::$name(&place.stores().await).await;
                }
            )*
        }

        mod postgres_and_s3 {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    let Some(place) = super::places::grown_up().await else { return };
                    let stores = place.stores().await;
                    cowl_testkit::store::$behaviour::$name(&stores).await;
                    stores.ledger.close().await;
                    place.remove().await;
                }
            )*
        }
    };
}

conformance! {
    races::a_handle_has_one_winner,
    races::an_item_has_one_winner,
    races::a_head_has_one_winner,
    races::commits_of_two_processes_follow_each_other,
    races::the_log_has_no_gaps,
    races::migrations_run_once,
    writing::a_commit_is_all_or_nothing,
    writing::a_stale_or_wrong_head_is_a_conflict,
    writing::rekeying_replaces_an_item,
    writing::appended_items_wait_for_the_owner,
    writing::quotas_hold,
    writing::keys_continue,
    writing::a_deleted_account_leaves_its_name_only,
    logins::attempts_are_slowed_down,
    logins::guessers_do_not_lock_the_owner_out,
    logins::successes_are_not_held_against_an_address,
    logins::a_crowd_gains_nothing,
    logins::a_clock_set_back_makes_nobody_wait,
    logins::attempts_are_single_use_and_lapse,
    logins::sessions_end,
    sharing::revocation_bites_at_once,
    sharing::grants_and_tickets_run_out,
    sharing::a_grant_names_the_keys_of_today,
    sharing::an_item_grant_opens_one_item,
    sharing::not_there_is_not_yours,
    sharing::reads_are_told_to_those_concerned,
    sharing::requests_are_answered_once,
    jobs::a_job_goes_its_way,
    jobs::a_job_moves_forward_only,
    jobs::a_job_is_asked_for_once,
    jobs::strangers_learn_nothing_of_jobs,
    jobs::grants_bound_what_may_be_asked,
    jobs::runs_are_counted_under_races,
    jobs::runs_come_back_when_nothing_was_computed,
    jobs::what_is_gone_ends_a_job,
    jobs::waiting_jobs_are_bounded,
    jobs::jobs_are_listed_by_side_and_state,
    jobs::a_grant_to_compute_opens_nothing,
    jobs::a_deleted_account_takes_its_jobs,
    collection::an_orphan_is_collected,
    collection::a_broken_off_upload_is_given_up,
    collection::a_thin_pack_is_compacted,
    durability::packs_are_read_back,
    durability::a_broken_stream_leaves_nothing,
}

/// Under this isolation PostgreSQL breaks off all but one of those who write to the same row at once.
#[tokio::test(flavor = "multi_thread")]
async fn what_postgresql_breaks_off_is_done_again() {
    let Some(place) = places::grown_up().await else { return };
    place.isolate("serializable").await;
    let stores = place.stores().await;
    let owner = stores.register("owner").await.id();
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (ledger, act) = (stores.ledger.clone(), stores.act());
        writers.spawn(async move { ledger.login_refused(&owner, &act).await });
    }
    assert!(writers.join_all().await.into_iter().all(|outcome| outcome == Ok(())));
    assert_eq!(stores.ledger.log_size().await.unwrap(), 9);
    stores.ledger.close().await;
    place.remove().await;
}
