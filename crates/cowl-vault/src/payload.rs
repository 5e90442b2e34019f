//! How coded content lies in an item's parts: sealed, or, in suite `additive`, as it is, because the cloud is to add
//! what stands there.
//!
//! Of a sealed payload each segment can be checked by itself. Of one that stands as it is only whole parts can: by
//! their hashes in the manifest.

use std::io::{self, Read, Write};

use bytes::Bytes;
use cowl_crypto::id::random_bytes;
use cowl_domain::{PartEntry, SuiteId};
use cowl_seal::file_key::ItemKey;
use cowl_seal::payload::{Cores, OpenReader, PayloadSealer, SealWriter};
use cowl_seal::split::SplitPlan;

use crate::open::OpenItem;
use crate::seal::{Part, name_parts};

/// Whether the parts of this suite hold the content as it is.
pub(crate) fn is_bare(suite: SuiteId) -> bool {
    suite == SuiteId::Additive
}

/// What is put around content on its way into parts.
pub(crate) enum Envelope {
    Sealed(PayloadSealer),
    Bare,
}

impl Envelope {
    /// The envelope of a suite.
    pub(crate) fn of(suite: SuiteId, key: &ItemKey) -> Self {
        if is_bare(suite) { Self::Bare } else { Self::Sealed(PayloadSealer::new(key)) }
    }
}

/// Puts content into its envelope.
pub(crate) enum PayloadWriter<W: Write> {
    Sealed(SealWriter<W>),
    Bare(W),
}

impl<W: Write> PayloadWriter<W> {
    pub(crate) fn new(inner: W, envelope: Envelope) -> io::Result<Self> {
        match envelope {
            Envelope::Sealed(sealer) => SealWriter::new(inner, sealer, Cores::All).map(Self::Sealed),
            Envelope::Bare => Ok(Self::Bare(inner)),
        }
    }

    pub(crate) fn finish(self) -> io::Result<W> {
        match self {
            Self::Sealed(writer) => writer.finish(),
            Self::Bare(inner) => Ok(inner),
        }
    }
}

impl<W: Write> Write for PayloadWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Sealed(writer) => writer.write(bytes),
            Self::Bare(inner) => inner.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Sealed(writer) => writer.flush(),
            Self::Bare(inner) => inner.flush(),
        }
    }
}

/// Takes coded content out of its envelope.
pub(crate) enum PayloadReader<R: Read> {
    Sealed(Box<OpenReader<R>>),
    Bare(R),
}

impl<R: Read> PayloadReader<R> {
    pub(crate) fn new(inner: R, suite: SuiteId, key: &ItemKey, cores: Cores) -> io::Result<Self> {
        if is_bare(suite) {
            return Ok(Self::Bare(inner));
        }
        OpenReader::new(inner, key, cores).map(|reader| Self::Sealed(Box::new(reader)))
    }

    /// Of an item whose parts come joined.
    pub(crate) fn of(open: &OpenItem, joined: R, cores: Cores) -> io::Result<Self> {
        Self::new(joined, open.manifest.suite, &open.key, cores)
    }
}

impl<R: Read> Read for PayloadReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Sealed(reader) => reader.read(out),
            Self::Bare(inner) => inner.read(out),
        }
    }
}

/// Cuts a payload that stands as it is into parts under random names.
pub(crate) fn cut(payload: &[u8]) -> (Vec<PartEntry>, Vec<Part>) {
    let plan = SplitPlan::draw(payload.len() as u64, &random_bytes());
    let checks = plan.check_parts(payload, Cores::One);
    name_parts(checks, Bytes::copy_from_slice(payload))
}
