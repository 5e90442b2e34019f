//! What can go wrong, and whose fault it is.

/// Why a correlation cannot be dealt or a protocol cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A ring that is not on the menu (the caller's fault).
    #[error("{bits} bits with {fraction} behind the point: take k of 32, 40, 48 or 64, and f below k / 2")]
    Ring {
        /// k
        bits: u32,
        /// f
        fraction: u32,
    },
    /// A layer that cannot be (the caller's fault).
    #[error("{what}: not with these sizes")]
    Sizes {
        /// Which layer or argument.
        what: &'static str,
    },
    /// Another number of values than the layer takes (the caller's fault).
    #[error("{what}: {expected} values are needed, {found} given")]
    Count {
        /// Which values.
        what: &'static str,
        /// How many the layer takes.
        expected: usize,
        /// How many came.
        found: usize,
    },
    /// A message of another length than the program says (the peer's fault).
    #[error("message of {found} bytes where the program has {expected}: the peer runs another program")]
    Message {
        /// What the program says.
        expected: usize,
        /// What came.
        found: usize,
    },
    /// The bundle has fewer bytes than the program needs (the dealer's fault, or the disk's).
    #[error("the bundle ends where {missing} more bytes are needed: have it dealt again")]
    KeysEnd {
        /// Bytes missing.
        missing: usize,
    },
    /// The bundle has more bytes than the program needs, or others than were dealt (the dealer's fault, or the
    /// disk's).
    #[error("the bundle is not as it was dealt: have another one dealt")]
    KeysLeft,
    /// A bundle's header that is none (the dealer's fault, or the disk's).
    #[error("not a bundle of this version for this seat and program")]
    Header,
    /// Correlations cannot be written away (the disk's fault, or the network's).
    #[error("correlations cannot be delivered")]
    Delivery,
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes")]
    Randomness,
}

impl Error {
    pub(crate) fn count(what: &'static str, expected: usize, found: usize) -> Result<(), Self> {
        if expected == found { Ok(()) } else { Err(Self::Count { what, expected, found }) }
    }
}
