//! A cloud, the people who use it, and whoever stands between them.
//!
//! Registration stretches passwords, which takes time by design; so each test program registers its people
//! once, in a template. A [`World`] starts from a copy of it: a server of its own, and the same people with
//! devices of their own, each behind a [`Mallory`] of its own.
//!
//! Not every test program needs every piece.
#![allow(dead_code, unreachable_pub, unused_imports)]

use std::path::{Path, PathBuf};

pub mod cloud;
pub mod files;
pub mod forge;
pub mod frames;
pub mod mallory;
pub mod party;
pub mod world;

pub use cloud::Cloud;
pub use mallory::Mallory;
pub use party::Party;
pub use world::World;

use cowl_vault::{Result, Tampering, VaultError};

/// What was refused as tampering; anything else fails the test.
#[track_caller]
pub fn tampering<T>(outcome: Result<T>) -> Tampering {
    match outcome {
        Err(VaultError::Tampered(tampering)) => tampering,
        Err(other) => panic!("refused, but not as tampering: {other:?}"),
        Ok(_) => panic!("accepted"),
    }
}

/// The code of a refusal by the server; anything else fails the test.
#[track_caller]
pub fn refusal<T>(outcome: Result<T>) -> cowl_api::ProblemCode {
    match outcome {
        Err(VaultError::Refused(problem)) => problem.code,
        Err(other) => panic!("not refused by the server: {other:?}"),
        Ok(_) => panic!("accepted"),
    }
}

/// Asserts that a value matches a pattern and shows it when it does not.
#[macro_export]
macro_rules! assert_matches {
    ($value:expr, $($pattern:tt)+) => {
        match $value {
            $($pattern)+ => {}
            ref other => panic!("expected {}, got {other:?}", stringify!($($pattern)+)),
        }
    };
}

/// The samples of the repository.
pub fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples")
}
