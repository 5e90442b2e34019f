//! What the wire forms and checks of the domain promise.
#![allow(clippy::unwrap_used, reason = "a test may stop at what it does not expect")]

mod fabricated;
mod parties;
mod policies;
mod records;
mod statements;
mod tables;
mod vectors;
mod words;
