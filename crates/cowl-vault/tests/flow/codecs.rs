//! Suites and storage codecs: whatever is chosen, the bytes come back.

use cowl_domain::{CodecId, SuiteId};
use cowl_vault::{AddOptions, CodecChoice, VaultError};

use crate::assert_matches;
use crate::support::files::noise;
use crate::support::{World, samples};

/// Something of each kind.
fn contents() -> Vec<(&'static str, Vec<u8>)> {
    let sample = |name: &str| std::fs::read(samples().join(name)).unwrap();
    vec![
        ("note.txt", "the same words over and over. ".repeat(200).into_bytes()),
        ("noise.bin", noise(3, 20_000)),
        ("empty.txt", Vec::new()),
        ("ct.dcm", sample("images/ct_small.dcm")),
        ("mr.png", sample("images/mr_brain_010.png")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_lossless_codec_gives_back_every_kind_of_file_in_every_suite() {
    let world = World::start().await;
    let suites = [SuiteId::Standard, SuiteId::HybridRsa, SuiteId::ChaoticImage];
    let codecs =
        [CodecChoice::Auto, CodecChoice::None, CodecChoice::Zstd, CodecChoice::Live, CodecChoice::Archive];
    for suite in suites {
        for codec in codecs {
            let record = world.patient.vault.create_record(&format!("{suite} {codec:?}")).await.unwrap();
            let options = AddOptions { suite: Some(suite), codec, ..AddOptions::default() };
            for (name, content) in contents() {
                let item = world.patient.add_with(record, name, &content, &options).await;
                let opened = world.patient.get(record, item).await.unwrap();
                assert!(opened == content, "{suite} {codec:?} {name}");
                let info = world.patient.vault.find_item(Some(record), name).await.unwrap();
                assert_eq!((info.suite, info.size), (suite, content.len() as u64), "{codec:?} {name}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_compresses_is_compressed_and_what_does_not_is_left() {
    let world = World::start().await;
    let record = world.patient.vault.create_record("sizes").await.unwrap();
    for (name, content) in contents() {
        world.patient.add_bytes(record, name, &content).await;
    }
    let find = async |name| world.patient.vault.find_item(Some(record), name).await.unwrap();
    let note = find("note.txt").await;
    assert!(note.stored < note.size / 4, "{} of {}", note.stored, note.size);
    assert_ne!(note.codec, CodecId::NONE);
    let random = find("noise.bin").await;
    assert_eq!(random.codec, CodecId::NONE);
    assert!(random.stored < random.size + 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lossy_codec_says_so_and_is_not_for_diagnostic_images() {
    let world = World::start().await;
    let record = world.patient.vault.create_record("lossy").await.unwrap();
    let options = AddOptions { codec: CodecChoice::Dct(60), ..AddOptions::default() };
    let dicom = std::fs::read(samples().join("images/ct_small.dcm")).unwrap();
    let report = world.patient.try_add(record, "ct.dcm", &dicom, &options).await.unwrap();
    assert_matches!(&report.files[0].1, cowl_vault::view::Added::Refused(why) if why.contains("diagnostic"));

    let image = std::fs::read(samples().join("images/mr_brain_010.png")).unwrap();
    let item = world.patient.add_with(record, "mr.png", &image, &options).await;
    let info = world.patient.vault.find_item(Some(record), &item.to_string()).await.unwrap();
    let lossy = info.label.lossy.expect("the label says that it is lossy");
    assert!(lossy.method.contains("60") && lossy.psnr_millidb > 20_000 && lossy.ratio_ppm > 0, "{lossy:?}");
    let stored = world.patient.get(record, item).await.unwrap();
    assert!(!stored.is_empty() && info.size == stored.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hybrid_rsa_item_opens_after_the_next_log_in_and_for_those_it_is_shared_with() {
    let world = World::start().await;
    let record = world.patient.vault.create_record("rsa").await.unwrap();
    let options = AddOptions { suite: Some(SuiteId::HybridRsa), ..AddOptions::default() };
    let item = world.patient.add_with(record, "a.txt", b"rsa", &options).await;
    assert!(world.patient.vault.has_renewed_keys());
    let patient = world.patient.reopen();
    assert_eq!(patient.get(record, item).await.unwrap(), b"rsa");
    patient.share(record, &[item], &world.radiologist).await;
    patient.share(record, &[], &world.insurer).await;
    assert_eq!(world.radiologist.get(record, item).await.unwrap(), b"rsa");
    assert_eq!(world.insurer.get(record, item).await.unwrap(), b"rsa");
    assert_eq!(world.insurer.vault.party("patient").await.unwrap().key_version, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_an_image_codec_cannot_take_is_kept_as_it_is() {
    let world = World::start().await;
    let record = world.patient.vault.create_record("damaged").await.unwrap();
    let mut damaged = std::fs::read(samples().join("images/ct_small.dcm")).unwrap();
    damaged.truncate(3000);
    let options = AddOptions { codec: CodecChoice::Archive, ..AddOptions::default() };
    let item = world.patient.add_with(record, "half.dcm", &damaged, &options).await;
    assert!(world.patient.get(record, item).await.unwrap() == damaged);
    let found = world.patient.vault.find_item(Some(record), "nowhere.dcm").await;
    assert_matches!(found, Err(VaultError::NotFound { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_renewed_while_others_are_at_work_are_understood_by_them() {
    let world = World::start().await;
    let record = world.patient.vault.create_record("renewed").await.unwrap();
    let before = world.patient.add_bytes(record, "before.txt", b"before").await;
    world.patient.share(record, &[], &world.radiologist).await;
    assert_eq!(world.radiologist.get(record, before).await.unwrap(), b"before");
    let options = AddOptions { suite: Some(SuiteId::HybridRsa), ..AddOptions::default() };
    let after = world.patient.add_with(record, "after.txt", b"after", &options).await;
    world.patient.share(record, &[after], &world.radiologist).await;
    assert_eq!(world.radiologist.vault.grants().await.unwrap().len(), 2);
    assert_eq!(world.radiologist.get(record, after).await.unwrap(), b"after");
    assert_eq!(world.radiologist.get(record, before).await.unwrap(), b"before");
}
