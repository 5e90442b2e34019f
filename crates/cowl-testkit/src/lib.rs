//! Conformance suites: what every implementation of a port must keep to, one suite a port. And what goes wrong
//! around programs, on demand: disks that are full, connections that break.
//!
//! For tests only: there are clear-text twins in here, which no program may link.

pub mod disk;
pub mod shared;
pub mod store;
pub mod technique;
pub mod wire;
