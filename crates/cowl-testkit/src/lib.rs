//! Conformance suites: what every implementation of a port must keep to, one suite a port.
//!
//! For tests only: there are clear-text twins in here, which no program may link.

pub mod store;
pub mod technique;
