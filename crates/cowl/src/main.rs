//! Cowl.
fn main() {}
