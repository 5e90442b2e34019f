//! Every target over mutations of real inputs, the same in every run.
//!
//! `COWL_FUZZ_ROUNDS=20` makes twenty times as many.

#![allow(clippy::unwrap_used)] // Helpers are test code, too.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use cowl_domain::{Grant, KeyBinding, Signed};
use cowl_fuzz::mutation::Mutator;
use cowl_fuzz::{TARGETS, Target, api, crypto, mpc, seal, seeds, tables};
use cowl_imaging::container;
use cowl_seal::age::header::Stanza;
use cowl_seal::payload::{Cores, PayloadOpener};
use cowl_seal::{FileKey, Suite, age, message, shares};

fn target(name: &str) -> &'static Target {
    TARGETS.iter().find(|target| target.name == name).unwrap()
}

fn rounds(target: &Target) -> usize {
    let factor = std::env::var("COWL_FUZZ_ROUNDS").map_or(1, |text| text.parse().unwrap());
    target.rounds * factor
}

/// Keeps an input that broke something where libFuzzer would, so that the target's program can replay it.
fn keep(target: &Target, input: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/artifacts").join(target.name);
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("crash-{}", cowl_crypto::digest::Digest::of(input)));
    std::fs::write(&file, input).unwrap();
    file
}

fn run(target: &Target, input: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_err() {
        panic!("{} panics on {}", target.name, keep(target, input).display());
    }
}

fn withstands_mutations(name: &str) {
    let target = target(name);
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty(), "{name} has nothing to begin with");
    run(target, b"");
    for (number, seed) in seeds.iter().enumerate() {
        run(target, seed);
        let mut mutator = Mutator::new(0x9e37_79b9_7f4a_7c15 ^ (number as u64) << 32);
        for round in 0..rounds(target) {
            let other = &seeds[(number + round) % seeds.len()];
            run(target, &mutator.mutate(seed, other));
        }
    }
}

macro_rules! withstand_mutations {
    ($($name:ident)*) => {
        $(mod $name {
            #[test]
            fn withstands_mutations() {
                super::withstands_mutations(stringify!($name));
            }
        })*

        const TESTED: &[&str] = &[$(stringify!($name)),*];
    };
}

withstand_mutations! {
    api_bodies api_frames crypto_checkpoints crypto_opaque crypto_texts domain_statements domain_values
    imaging_coded imaging_files job_statements model_files model_published mpc_bundles mpc_forms mpc_messages
    mpc_set_ups query_forms query_sql query_table_files seal_armor seal_boxes
    seal_files seal_headers seal_keys seal_payloads seal_shares tables_csv tables_forms vault_kinds
    vault_segments vault_texts
}

#[test]
fn every_target_has_a_test_and_a_program() {
    let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(names, TESTED);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/fuzz_targets");
    let mut programs: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    programs.sort();
    assert_eq!(programs, names);
}

#[test]
fn mutations_are_the_same_in_every_run() {
    let draw = || {
        let mut mutator = Mutator::new(1);
        (0..100).map(|_| mutator.mutate(b"one input", b"another")).collect::<Vec<_>>()
    };
    assert_eq!(draw(), draw());
    let changed = draw().iter().filter(|bytes| bytes.as_slice() != b"one input").count();
    assert!(changed > 90, "only {changed} of 100 mutations change something");
}

/// How many seeds a parser takes. Mutations of what it refuses at the first byte would test nothing.
fn taken(seeds: Vec<Vec<u8>>, takes: impl Fn(&[u8]) -> bool) -> usize {
    seeds.iter().filter(|seed| takes(seed)).count()
}

#[test]
fn seeds_of_messages_are_accepted() {
    assert_eq!(taken(seeds::api_bodies(), |json| json.starts_with(b"\"") || api::bodies_read(json) > 0), 10);
    assert_eq!(taken(seeds::domain_statements(), |bytes| Signed::<Grant>::from_bytes(bytes).is_ok()), 4);
    assert_eq!(taken(seeds::domain_statements(), |bytes| Signed::<KeyBinding>::from_bytes(bytes).is_ok()), 2);
    assert_eq!(taken(seeds::job_statements(), |bytes| cowl_job::JobSpec::from_bytes(bytes).is_ok()), 1);
    let ledger = |bytes: &[u8]| cowl_tables::CohortLedger::from_bytes(bytes, tables::LEDGER_ROWS).is_ok();
    assert_eq!(taken(seeds::tables_forms(), ledger), 1);
    let schema = |bytes: &[u8]| cowl_domain::TableSchema::from_bytes(bytes).is_ok();
    assert_eq!(taken(seeds::tables_forms(), schema), 1);
    let key = crypto::log_key().verifying_key();
    let opens = |note: &[u8]| {
        let note = std::str::from_utf8(note).unwrap();
        cowl_crypto::log::open_checkpoint(note, crypto::LOG_NAME, &key).is_ok()
    };
    assert_eq!(taken(seeds::crypto_checkpoints(), opens), 3);
    let answered =
        |bytes: &[u8]| cowl_crypto::opaque::registration_response(crypto::setup(), bytes, "ada").is_ok();
    assert_eq!(taken(seeds::crypto_opaque(), answered), 1);
    let documents = |bytes: &[u8]| cowl_vault::search::segment::decode(bytes).is_ok();
    assert!(taken(seeds::vault_segments(), documents) >= 2);
}

#[test]
fn seeds_of_models_are_imported_and_those_of_runs_end_well() {
    use cowl_model::onnx::NoFiles;
    let imported = |file: &[u8]| cowl_model::import(file, &NoFiles, &Default::default()).is_ok();
    assert_eq!(taken(seeds::model_files(), imported), 4);
    let published = |bytes: &[u8]| cowl_model::PublishedModel::from_bytes(bytes).is_ok();
    assert_eq!(taken(seeds::model_published(), published), 6);
    assert_eq!(taken(seeds::model_published(), |bytes| cowl_model::Graph::from_bytes(bytes).is_ok()), 1);
    let played = mpc::played();
    assert!(played.heard.iter().all(|heard| heard.len() > 100));
    assert_eq!(taken(seeds::mpc_bundles(), |bytes| bytes[1..].starts_with(b"cowl-mpc")), 2);
    assert_eq!(taken(seeds::mpc_set_ups(), |bytes| bytes == played.masked), 1);
    let result = |bytes: &[u8]| cowl_mpc::technique::InferenceResult::from_bytes(bytes).is_ok();
    assert_eq!(taken(seeds::mpc_forms(), result), 1);
}

#[test]
fn seeds_of_files_are_accepted() {
    assert!(taken(seeds::imaging_files(), |file| container::find_raster(file).is_some()) >= 3);
    assert!(taken(seeds::imaging_files(), |file| cowl_imaging::dicom::DicomFile::read(file).is_ok()) >= 1);
    let is_table = |file: &[u8]| cowl_tables::import::read_csv(file, &Default::default()).is_ok();
    assert_eq!(taken(seeds::tables_csv(), is_table), 4);
    let decoded = |seed: &[u8]| container::decode_file(seed[0], &seed[1..]).is_ok();
    assert!(taken(seeds::imaging_coded(), decoded) >= 13);
    let extractors = cowl_vault::text::Extractors::default();
    let has_text = |file: &[u8]| {
        use cowl_domain::TextExtractor;
        let kind = cowl_vault::kind::detect("", file);
        extractors.extract(kind, "", file).is_ok_and(|text| !text.is_empty())
    };
    assert!(taken(seeds::vault_texts(), has_text) >= 8);
}

#[test]
fn seeds_of_seals_are_opened() {
    let keys = seal::keys();
    assert!(taken(seeds::seal_files(), |file| age::open(&keys.identities, file).is_ok()) >= 15);
    assert!(taken(seeds::seal_armor(), |text| age::armor::decode(text).is_ok()) >= 3);
    let key = FileKey::new([7; 16]).into();
    assert_eq!(
        taken(seeds::seal_payloads(), |payload| PayloadOpener::open(&key, payload, Cores::One).is_ok()),
        1
    );
    let shared = |text: &[u8]| {
        let stanza = Stanza::decode(text).unwrap();
        shares::unwrap_item_key(&keys.xwing, &stanza, Suite::Standard, b"cowl-fuzz").is_ok()
    };
    assert_eq!(taken(seeds::seal_shares(), shared), 1);
    let message = |sealed: &[u8]| message::open_with(&keys.xwing, b"cowl-fuzz", sealed).is_ok();
    assert_eq!(taken(seeds::seal_boxes(), message), 1);
    let text =
        |text: &[u8]| std::str::from_utf8(text).is_ok_and(|text| text.parse::<age::Identity>().is_ok());
    assert_eq!(taken(seeds::seal_keys(), text), 2);
}

#[test]
fn an_input_that_breaks_something_is_kept() {
    let broken =
        Target { name: "self-test", run: |bytes| assert!(bytes.is_empty()), seeds: Vec::new, rounds: 0 };
    run(&broken, b"");
    assert!(catch_unwind(|| run(&broken, b"x")).is_err());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/artifacts/self-test");
    let kept: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|entry| std::fs::read(entry.unwrap().path())).collect();
    assert!(matches!(kept.as_slice(), [Ok(bytes)] if bytes == b"x"));
    std::fs::remove_dir_all(folder).unwrap();
}
