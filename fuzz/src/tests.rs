//! Every target over mutations of real inputs, the same in every run.
//!
//! `COWL_FUZZ_ROUNDS=20` makes twenty times as many.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crate::mutation::Mutator;
use crate::{TARGETS, Target};

fn target(name: &str) -> &'static Target {
    TARGETS.iter().find(|target| target.name == name).unwrap()
}

fn rounds(target: &Target) -> usize {
    let factor = std::env::var("COWL_FUZZ_ROUNDS").map_or(1, |text| text.parse().unwrap());
    target.rounds * factor
}

/// Keeps an input that broke something where libFuzzer would, so that the target's program can replay it.
fn keep(target: &Target, input: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts").join(target.name);
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
    imaging_coded imaging_files job_statements seal_armor seal_boxes seal_files seal_headers seal_keys
    seal_payloads seal_shares vault_kinds vault_segments vault_texts
}

#[test]
fn every_target_has_a_test_and_a_program() {
    let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(names, TESTED);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz_targets");
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
