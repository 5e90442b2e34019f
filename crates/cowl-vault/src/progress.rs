//! How long work tells how far it is, and learns that it shall stop.

/// Receives the progress of one piece of work. Calls come from several threads.
pub trait Progress: Send + Sync {
    /// Work of `bytes` in total begins; 0 where that is not known.
    fn begin(&self, what: &str, bytes: u64);
    /// `bytes` more are done.
    fn advance(&self, bytes: u64);
    /// The work has ended.
    fn end(&self);
    /// Whether the work shall go on. Re-keying asks between two steps that each stand by themselves; what is
    /// left then is still pending. Work that would lose what it has done does not ask.
    fn goes_on(&self) -> bool {
        true
    }
}

/// Nobody looks.
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &str, _: u64) {}
    fn advance(&self, _: u64) {}
    fn end(&self) {}
}
