//! Re-keying after a grant has ended: everything new, nobody who stays is cut off, nothing is lost when cut.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::Method;
use cowl_api::paths::{COMMITS, PARTS, REKEYED};
use cowl_api::types::Commit;
use cowl_domain::{ItemId, RecordId};
use cowl_vault::view::GrantState;
use cowl_vault::{AddOptions, Progress, Silent, Source};

use crate::support::{Party, World};

/// A record of some items that fill several commits, shared with the radiologist (record) and the insurer
/// (one item).
async fn shared(world: &World) -> (RecordId, Vec<ItemId>) {
    let record = world.patient.vault.create_record("shared").await.unwrap();
    let sources =
        (0..5).map(|n| Source::bytes(format!("{n}.txt"), format!("text {n}").into_bytes())).collect();
    world.patient.vault.add(record, sources, &AddOptions::default(), &Silent).await.unwrap();
    let items: Vec<ItemId> =
        world.patient.vault.items(record).await.unwrap().iter().map(|info| info.item).collect();
    world.patient.share(record, &[], &world.radiologist).await;
    world.patient.share(record, &items[..1], &world.insurer).await;
    (record, items)
}

/// The names of all parts that were committed so far.
fn committed_parts(party: &Party) -> HashSet<String> {
    let commits = party.mallory.heard_on(&Method::POST, COMMITS);
    let bodies = commits.into_iter().map(|(question, _)| question.json::<Commit>());
    bodies.flat_map(|commit| commit.items).flat_map(|item| item.parts).collect()
}

async fn lock_out(world: &World, record: RecordId) {
    let granted = world.patient.share(record, &[], &world.attacker).await[0].grant;
    world.patient.vault.revoke(&[granted]).await.unwrap();
}

async fn everybody_reads(world: &World, record: RecordId, items: &[ItemId]) {
    for (n, item) in items.iter().enumerate() {
        let text = format!("text {n}").into_bytes();
        assert_eq!(world.patient.get(record, *item).await.unwrap(), text);
        assert_eq!(world.radiologist.get(record, *item).await.unwrap(), text);
    }
    assert_eq!(world.insurer.get(record, items[0]).await.unwrap(), b"text 0");
    assert_eq!(world.insurer.names(record).await.unwrap(), ["0.txt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_was_open_gets_new_keys_payloads_and_names_and_who_stays_still_reads() {
    let world = World::start().await;
    let (record, items) = shared(&world).await;
    let before = committed_parts(&world.patient);
    lock_out(&world, record).await;
    assert_eq!(world.patient.vault.pending().await.unwrap(), 1);
    world.patient.mallory.forget();

    let report = world.patient.vault.rekey_pending(&Silent).await.unwrap();
    // The items and their search segment.
    assert_eq!((report.grants, report.items), (1, 6), "{report:?}");
    assert_eq!(world.patient.vault.pending().await.unwrap(), 0);
    let after = committed_parts(&world.patient);
    assert!(before.is_disjoint(&after) && !after.is_empty());
    let infos = world.patient.vault.items(record).await.unwrap();
    assert!(infos.iter().all(|info| info.version == 1 && info.sealer.as_str() == "patient"));
    assert_eq!(world.patient.vault.find_record("shared").await.unwrap().epoch, 1);
    everybody_reads(&world, record, &items).await;

    let later = world.patient.add_bytes(record, "later.txt", b"later").await;
    assert_eq!(world.radiologist.get(record, later).await.unwrap(), b"later");
    assert_eq!(world.patient.vault.rekey_pending(&Silent).await.unwrap().items, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_grant_on_one_item_re_keys_that_item_only() {
    let world = World::start().await;
    let (record, items) = shared(&world).await;
    let granted = world.patient.share(record, &items[1..2], &world.attacker).await[0].grant;
    world.patient.vault.revoke(&[granted]).await.unwrap();
    let report = world.patient.vault.rekey_pending(&Silent).await.unwrap();
    assert_eq!((report.grants, report.items), (1, 1));
    let versions: Vec<u32> =
        world.patient.vault.items(record).await.unwrap().iter().map(|info| info.version).collect();
    assert_eq!(versions, [0, 1, 0, 0, 0]);
    everybody_reads(&world, record, &items).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_ended_grants_are_dealt_with_in_one_pass() {
    let world = World::start().await;
    let (record, items) = shared(&world).await;
    lock_out(&world, record).await;
    lock_out(&world, record).await;
    let report = world.patient.vault.rekey_pending(&Silent).await.unwrap();
    assert_eq!((report.grants, report.items), (2, 6));
    let states: Vec<GrantState> =
        world.patient.vault.grants().await.unwrap().iter().map(|info| info.state).collect();
    let ended = GrantState::Revoked { rekeyed: true };
    assert_eq!(states.iter().filter(|state| **state == ended).count(), 2);
    everybody_reads(&world, record, &items).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_re_keying_that_is_cut_anywhere_goes_on_where_it_stopped() {
    for (route, passed) in [(COMMITS, 0), (COMMITS, 1), (PARTS, 0), (REKEYED, 0)] {
        let world = World::start().await;
        let (record, items) = shared(&world).await;
        lock_out(&world, record).await;
        world.patient.mallory.fail_after(route, passed);
        world.patient.vault.rekey_pending(&Silent).await.unwrap_err();
        everybody_reads(&world, record, &items).await;
        assert_eq!(world.patient.vault.pending().await.unwrap(), 1);

        world.patient.mallory.relent();
        let patient = world.patient.reopen();
        let world = World { patient, ..world };
        world.patient.vault.rekey_pending(&Silent).await.unwrap();
        assert_eq!(world.patient.vault.pending().await.unwrap(), 0, "{route}");
        let infos = world.patient.vault.items(record).await.unwrap();
        assert!(infos.iter().all(|info| info.version == 1), "{route} {passed}");
        everybody_reads(&world, record, &items).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_device_of_the_owner_finishes_what_the_first_has_left() {
    let world = World::start().await;
    let (record, items) = shared(&world).await;
    lock_out(&world, record).await;
    let second = world.patient.new_device(&world.cloud).await;
    assert_eq!(second.vault.pending().await.unwrap(), 1);
    second.vault.rekey_pending(&Silent).await.unwrap();
    assert!(second.vault.items(record).await.unwrap().iter().all(|info| info.version == 1));
    // The first device looks for itself, finds nothing left, and is content.
    assert_eq!(world.patient.vault.rekey_pending(&Silent).await.unwrap().items, 0);
    assert_eq!(world.patient.vault.pending().await.unwrap(), 0);
    everybody_reads(&world, record, &items).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_suite_and_codec_survives_a_re_keying() {
    use cowl_domain::SuiteId;
    let world = World::start().await;
    let record = world.patient.vault.create_record("suites").await.unwrap();
    let image = std::fs::read(crate::support::samples().join("images/ct_small.dcm")).unwrap();
    let mut items = Vec::new();
    for suite in [SuiteId::Standard, SuiteId::HybridRsa, SuiteId::ChaoticImage] {
        let options = AddOptions { suite: Some(suite), ..AddOptions::default() };
        items.push(world.patient.add_with(record, &format!("{suite}.dcm"), &image, &options).await);
    }
    lock_out(&world, record).await;
    world.patient.vault.rekey_pending(&Silent).await.unwrap();
    for item in items {
        assert!(world.patient.get(record, item).await.unwrap() == image);
    }
}

/// Wants the work to stop once something of it is done.
#[derive(Default)]
struct OneStep(AtomicBool);

impl Progress for OneStep {
    fn begin(&self, _: &str, _: u64) {}

    fn advance(&self, _: u64) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn end(&self) {}

    fn goes_on(&self) -> bool {
        !self.0.load(Ordering::Relaxed)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_re_keying_that_is_told_to_stop_ends_between_two_commits_and_the_rest_stays_pending() {
    let world = World::start().await;
    let record = world.patient.vault.create_record("many").await.unwrap();
    let sources = (0..MORE_THAN_A_COMMIT).map(|n| Source::bytes(format!("{n}.txt"), vec![n as u8])).collect();
    world.patient.vault.add(record, sources, &AddOptions::default(), &Silent).await.unwrap();
    lock_out(&world, record).await;
    let begun = world.patient.vault.rekey_pending(&OneStep::default()).await.unwrap();
    assert!(begun.grants == 0 && (1..MORE_THAN_A_COMMIT).contains(&begun.items), "{begun:?}");
    assert_eq!(world.patient.vault.pending().await.unwrap(), 1);
    let rest = world.patient.vault.rekey_pending(&Silent).await.unwrap();
    assert_eq!(rest.grants, 1);
    assert!(begun.items + rest.items >= MORE_THAN_A_COMMIT, "{begun:?} {rest:?}");
    let infos = world.patient.vault.items(record).await.unwrap();
    assert!(infos.iter().all(|info| info.version == 1));
    assert_eq!(world.patient.vault.pending().await.unwrap(), 0);
}

/// Items; a commit has 256 at the most.
const MORE_THAN_A_COMMIT: u64 = 300;
