//! A job of technique `read` between fabricated parties.

use std::sync::Arc;

use cowl_domain::Power;
use cowl_job::ReadTechnique;
use cowl_testkit::technique::{Stage, Subject};

/// Everybody in place, nothing asked yet.
pub(crate) fn stage() -> Stage {
    Stage::new(&Subject {
        technique: Arc::new(ReadTechnique),
        program: ReadTechnique::program(),
        power: Power::Read,
        further_seats: Vec::new(),
        ideal: <[Vec<u8>]>::to_vec,
    })
}
