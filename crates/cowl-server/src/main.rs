//! The blind cloud.
fn main() {}
