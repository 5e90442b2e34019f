//! What the wire forms and checks of the domain promise.

mod fabricated;
mod parties;
mod records;
mod statements;
mod vectors;
mod words;
