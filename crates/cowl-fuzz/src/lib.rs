//! Targets for every parser of bytes from outside: none may panic, whatever it is given.
//!
//! A target is a plain function over bytes. The workspace `fuzz/` wraps each for libFuzzer, and `tests/fuzz.rs`
//! runs each over mutations of real inputs, the same every time, on the stable toolchain.

use std::path::Path;

pub mod api;
pub mod crypto;
pub mod domain;
pub mod imaging;
pub mod job;
pub mod model;
pub mod mpc;
pub mod mutation;
pub mod query;
pub mod seal;
pub mod seeds;
pub mod tables;
pub mod vault;

/// A parser under test.
pub struct Target {
    /// Its name, that of its file under `fuzz/fuzz_targets/`.
    pub name: &'static str,
    /// What is done with an input. Panics when a promise is broken.
    pub run: fn(&[u8]),
    /// Real inputs, to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Mutations of each seed in a test run.
    pub rounds: usize,
}

macro_rules! targets {
    ($($module:ident::$function:ident as $name:ident, $rounds:literal;)*) => {
        /// All targets.
        pub const TARGETS: &[Target] = &[$(Target {
            name: stringify!($name),
            run: $module::$function,
            seeds: seeds::$name,
            rounds: $rounds,
        },)*];
    };
}

targets! {
    api::bodies as api_bodies, 8000;
    api::frames as api_frames, 8000;
    crypto::checkpoints as crypto_checkpoints, 12000;
    crypto::opaque_server as crypto_opaque, 1200;
    crypto::texts as crypto_texts, 8000;
    domain::statements as domain_statements, 2000;
    domain::values as domain_values, 12000;
    imaging::coded as imaging_coded, 1200;
    imaging::files as imaging_files, 800;
    job::statements as job_statements, 4000;
    model::files as model_files, 1500;
    model::published as model_published, 4000;
    mpc::bundles as mpc_bundles, 2000;
    mpc::forms as mpc_forms, 8000;
    mpc::messages as mpc_messages, 2000;
    mpc::set_ups as mpc_set_ups, 4000;
    query::forms as query_forms, 2000;
    query::sql as query_sql, 2000;
    query::table_files as query_table_files, 600;
    seal::armor as seal_armor, 400;
    seal::boxes as seal_boxes, 2000;
    seal::files as seal_files, 240;
    seal::headers as seal_headers, 1200;
    seal::key_texts as seal_keys, 2000;
    seal::payloads as seal_payloads, 2000;
    seal::shares as seal_shares, 1200;
    tables::csv as tables_csv, 600;
    tables::forms as tables_forms, 8000;
    vault::kinds as vault_kinds, 2000;
    vault::segments as vault_segments, 2000;
    vault::texts as vault_texts, 800;
}

/// Makes the program of a target: libFuzzer's under `cargo fuzz`, otherwise one that replays the files that it
/// is given.
#[macro_export]
macro_rules! fuzz {
    ($target:path) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| $target(bytes));

        #[cfg(not(fuzzing))]
        fn main() -> std::io::Result<()> {
            $crate::replay($target)
        }
    };
}

/// Runs a target on each file of the command line.
///
/// # Errors
/// When a file cannot be read.
pub fn replay(target: fn(&[u8])) -> std::io::Result<()> {
    for file in std::env::args_os().skip(1) {
        target(&std::fs::read(Path::new(&file))?);
    }
    Ok(())
}
