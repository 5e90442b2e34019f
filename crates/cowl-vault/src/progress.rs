//! How long work tells how far it is.

/// Receives the progress of one piece of work. Calls come from several threads.
pub trait Progress: Send + Sync {
    /// Work of `bytes` in total begins; 0 where that is not known.
    fn begin(&self, what: &str, bytes: u64);
    /// `bytes` more are done.
    fn advance(&self, bytes: u64);
    /// The work has ended.
    fn end(&self);
}

/// Nobody looks.
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &str, _: u64) {}
    fn advance(&self, _: u64) {}
    fn end(&self) {}
}
