//! How the items of a record are sealed where nobody says otherwise.

use cowl_domain::{Kind, Power, Powers, RecordId, SealingPolicy, SuiteId};
use cowl_vault::view::Added;
use cowl_vault::{AddOptions, GrantSpec, Silent};

use crate::support::party::grant_spec;
use crate::support::{Party, World, samples};

fn policy(text: &str) -> SealingPolicy {
    text.parse().unwrap()
}

async fn suite_of(party: &Party, record: RecordId, name: &str) -> SuiteId {
    party.vault.find_item(Some(record), name).await.unwrap().suite
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_sealed_by_the_records_policy_unless_the_caller_says_otherwise() {
    let world = World::start().await;
    let patient = &world.patient;
    let record = patient.vault.create_record_with("paper", &policy("published")).await.unwrap();
    let picture = std::fs::read(samples().join("images/mr_brain_010.png")).unwrap();
    patient.add_bytes(record, "note.txt", b"a note").await;
    patient.add_bytes(record, "brain.png", &picture).await;
    patient.add_bytes(record, "table.csv", b"day,pulse\n1,62\n").await;
    let standard = AddOptions { suite: Some(SuiteId::Standard), ..AddOptions::default() };
    patient.add_with(record, "plain.txt", b"another note", &standard).await;
    for (name, suite) in [
        ("note.txt", SuiteId::HybridRsa),
        ("brain.png", SuiteId::ChaoticImage),
        ("table.csv", SuiteId::Standard),
        ("plain.txt", SuiteId::Standard),
    ] {
        assert_eq!(suite_of(patient, record, name).await, suite, "{name}");
    }
    let brain = patient.vault.find_item(Some(record), "brain.png").await.unwrap();
    assert!(patient.get(record, brain.item).await.unwrap() == picture);
    // What is there already is not sealed anew for the policy's sake.
    let again = patient.try_add(record, "plain.txt", b"another note", &AddOptions::default()).await.unwrap();
    assert!(matches!(again.files[0].1, Added::Unchanged(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_of_archive_stores_gray_images_smaller() {
    let world = World::start().await;
    let image = std::fs::read(samples().join("images/ct_small.dcm")).unwrap();
    let mut codecs = Vec::new();
    for text in ["standard", "codec=archive"] {
        let record = world.patient.vault.create_record_with(text, &policy(text)).await.unwrap();
        world.patient.add_bytes(record, "ct.dcm", &image).await;
        let info = world.patient.vault.find_item(Some(record), "ct.dcm").await.unwrap();
        assert_eq!(info.label.kind, Kind::Dicom);
        codecs.push(cowl_vault::codec::name(info.codec));
    }
    assert_eq!(codecs, ["live", "archive"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_set_later_and_survives_a_new_epoch_and_a_new_device() {
    let world = World::start().await;
    let record = world.patient.vault.create_record("record").await.unwrap();
    world.patient.add_bytes(record, "before.txt", b"before").await;
    world.patient.vault.set_policy(record, &policy("text=hybrid-rsa")).await.unwrap();
    world.patient.add_bytes(record, "after.txt", b"after").await;
    assert_eq!(suite_of(&world.patient, record, "before.txt").await, SuiteId::Standard);
    assert_eq!(suite_of(&world.patient, record, "after.txt").await, SuiteId::HybridRsa);

    let granted = world.patient.share(record, &[], &world.insurer).await[0].grant;
    world.patient.vault.revoke(&[granted]).await.unwrap();
    world.patient.vault.rekey_pending(&Silent).await.unwrap();
    let second = world.patient.new_device(&world.cloud).await;
    let info = second.vault.find_record("record").await.unwrap();
    assert_eq!((info.epoch, info.policy), (1, Some(policy("text=hybrid-rsa"))));

    second.vault.set_policy(record, &policy("standard")).await.unwrap();
    let info = world.patient.vault.find_record("record").await.unwrap();
    assert_eq!(info.policy, Some(SealingPolicy::default()));
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_of_the_record_see_the_policy_and_appenders_keep_to_it() {
    let world = World::start().await;
    let record = world.patient.vault.create_record_with("record", &policy("published")).await.unwrap();
    let item = world.patient.add_bytes(record, "note.txt", b"note").await;
    let powers = Powers::of([Power::Read, Power::Append]);
    let spec = GrantSpec { powers, ..grant_spec(record, &[], world.radiologist.handle) };
    world.patient.vault.grant(&spec).await.unwrap();
    world.patient.share(record, &[item], &world.insurer).await;
    let seen = world.radiologist.vault.find_record("record").await.unwrap();
    assert_eq!(seen.policy, Some(policy("published")));
    assert_eq!(world.insurer.vault.records().await.unwrap()[0].policy, None);

    let report = world.radiologist.add_bytes(record, "report.txt", b"no finding").await;
    world.patient.vault.rekey_pending(&Silent).await.unwrap();
    assert_eq!(suite_of(&world.patient, record, "report.txt").await, SuiteId::HybridRsa);
    assert_eq!(world.patient.get(record, report).await.unwrap(), b"no finding");
    let refused = world.radiologist.vault.set_policy(record, &policy("standard")).await;
    assert!(refused.is_err(), "only the owner sets it");
}
