//! What the dealer writes and what a party reads.
//!
//! Correlated values are shared additively: the model owner's share comes from its seed and costs no byte,
//! the data owner's is written out. Correction words go to both. Everything is written in the order in which
//! protocols read it, so that a party streams its bundle from a disk and never looks back.
//!
//! Secure when both seeds of a dealing are from the operating system and neither seat sees the other's; the
//! dealer erases its own copies after delivery.

use std::io::{Read, Write};
use std::ops::Range;

use crate::dpf::TILE;
use crate::error::Error;
use crate::prg::{Block, Lane, Permutation, SeedStream};
use crate::ring::{Party, Ring, low, pack, unpack};

/// Values of a layer that are worked on at a time: what is in memory of a layer's keys.
pub(crate) const CHUNK: usize = 256 * TILE;

/// Where a party's correlations are read from, front to back.
pub trait KeySource {
    /// The next `bytes` bytes.
    ///
    /// # Errors
    /// [`Error::KeysEnd`] when there are fewer.
    fn take(&mut self, bytes: usize) -> Result<&[u8], Error>;

    /// Called behind the last byte, before anything of an output is sent: whether that was all, and as it was
    /// dealt.
    ///
    /// # Errors
    /// [`Error::KeysLeft`] when there is more.
    fn finish(&mut self) -> Result<(), Error>;
}

/// Correlations in memory.
impl KeySource for &[u8] {
    fn take(&mut self, bytes: usize) -> Result<&[u8], Error> {
        let missing = bytes.saturating_sub(self.len());
        let (now, later) = self.split_at_checked(bytes).ok_or(Error::KeysEnd { missing })?;
        *self = later;
        Ok(now)
    }

    fn finish(&mut self) -> Result<(), Error> {
        if self.is_empty() { Ok(()) } else { Err(Error::KeysLeft) }
    }
}

/// Correlations from a file or a pipe; holds one chunk of one layer at a time.
pub struct StreamedKeys<R> {
    reader: R,
    held: Vec<u8>,
}

impl<R: Read> StreamedKeys<R> {
    /// Reads from `reader`.
    pub fn new(reader: R) -> Self {
        Self { reader, held: Vec::new() }
    }
}

impl<R: Read> KeySource for StreamedKeys<R> {
    fn take(&mut self, bytes: usize) -> Result<&[u8], Error> {
        if self.held.len() < bytes {
            self.held.resize(bytes, 0);
        }
        let held = &mut self.held[..bytes];
        self.reader.read_exact(held).map_err(|_| Error::KeysEnd { missing: bytes })?;
        Ok(held)
    }

    fn finish(&mut self) -> Result<(), Error> {
        match self.reader.read(&mut [0]) {
            Ok(0) => Ok(()),
            _ => Err(Error::KeysLeft),
        }
    }
}

/// Correlations that are compared with the digest of the whole bundle, header included, before anything of an output
/// is sent. For sources that are not authenticated otherwise.
pub struct VerifiedKeys<K> {
    keys: K,
    hasher: blake3::Hasher,
    digest: [u8; 32],
}

impl<K: KeySource> VerifiedKeys<K> {
    /// `digest` is what [`Digests`] gave, from the dealer by a way that cannot be changed.
    pub fn new(keys: K, digest: [u8; 32]) -> Self {
        Self { keys, hasher: blake3::Hasher::new(), digest }
    }
}

impl<K: KeySource> KeySource for VerifiedKeys<K> {
    fn take(&mut self, bytes: usize) -> Result<&[u8], Error> {
        let taken = self.keys.take(bytes)?;
        self.hasher.update(taken);
        Ok(taken)
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.keys.finish()?;
        if self.hasher.finalize() == self.digest { Ok(()) } else { Err(Error::KeysLeft) }
    }
}

/// Where the dealer writes.
pub trait Delivery {
    /// Appends to what `party` gets.
    ///
    /// # Errors
    /// [`Error::Delivery`].
    fn deliver(&mut self, party: Party, bytes: &[u8]) -> Result<(), Error>;
}

/// Two writers, the model owner's first.
pub struct Writers<W>(pub [W; 2]);

impl<W: Write> Delivery for Writers<W> {
    fn deliver(&mut self, party: Party, bytes: &[u8]) -> Result<(), Error> {
        self.0[party.index()].write_all(bytes).map_err(|_| Error::Delivery)
    }
}

/// Delivers, and digests what each party gets.
pub struct Digests<D> {
    delivery: D,
    hashers: [blake3::Hasher; 2],
}

impl<D: Delivery> Digests<D> {
    /// On the way to `delivery`.
    pub fn new(delivery: D) -> Self {
        Self { delivery, hashers: [blake3::Hasher::new(), blake3::Hasher::new()] }
    }

    /// What everything was delivered to, and BLAKE3 of all that each party got, the model owner's first.
    pub fn finish(self) -> (D, [[u8; 32]; 2]) {
        (self.delivery, self.hashers.map(|hasher| *hasher.finalize().as_bytes()))
    }
}

impl<D: Delivery> Delivery for Digests<D> {
    fn deliver(&mut self, party: Party, bytes: &[u8]) -> Result<(), Error> {
        self.hashers[party.index()].update(bytes);
        self.delivery.deliver(party, bytes)
    }
}

/// A party's place in one run.
pub struct Seat {
    party: Party,
    permutation: Permutation,
    stream: SeedStream,
}

impl Seat {
    /// `stream` is the expansion of the seed that the dealer gave this party for this run.
    pub fn new(party: Party, permutation: Permutation, stream: SeedStream) -> Self {
        Self { party, permutation, stream }
    }

    /// Who sits here.
    pub fn party(&self) -> Party {
        self.party
    }

    pub(crate) fn permutation(&self) -> &Permutation {
        &self.permutation
    }

    /// Shares of masks.
    pub(crate) fn masks(&self, lane: Lane, range: Range<usize>, bits: u32) -> Vec<u64> {
        own_numbers(&self.stream, lane, range, bits)
    }

    /// Shares of masks of bits.
    pub(crate) fn bit_masks(&self, lane: Lane, range: Range<usize>) -> Vec<u8> {
        self.stream.bits(lane, range.start, range.len())
    }

    pub(crate) fn roots(&self, lane: Lane, tile: usize) -> [Block; TILE] {
        own_roots(&self.stream, self.party, lane, tile)
    }

    /// Shares of values that the dealer knows.
    pub(crate) fn values(
        &self,
        lane: Lane,
        range: Range<usize>,
        ring: Ring,
        keys: &mut dyn KeySource,
    ) -> Result<Vec<u64>, Error> {
        match self.party {
            Party::ModelOwner => Ok(self.masks(lane, range, ring.bits())),
            Party::DataOwner => {
                let bytes = keys.take(range.len() * ring.bytes())?;
                unpack(bytes, range.len(), ring.bits())
            }
        }
    }

    /// Shares of the same places' values in `count` lanes, from `first` on.
    pub(crate) fn lanes_of_values(
        &self,
        first: Lane,
        count: usize,
        range: Range<usize>,
        ring: Ring,
        keys: &mut dyn KeySource,
    ) -> Result<Vec<Vec<u64>>, Error> {
        (0..count as u32).map(|lane| self.values(first.plus(lane), range.clone(), ring, keys)).collect()
    }
}

/// The dealer's place in one run; also what a plaintext reference needs to know the masks.
pub struct Dealer {
    permutation: Permutation,
    streams: [SeedStream; 2],
}

impl Dealer {
    /// `streams` are the expansions of both parties' seeds, the model owner's first.
    pub fn new(permutation: Permutation, streams: [SeedStream; 2]) -> Self {
        Self { permutation, streams }
    }

    pub(crate) fn permutation(&self) -> &Permutation {
        &self.permutation
    }

    /// Masks: the sums of both parties' shares.
    pub(crate) fn masks(&self, lane: Lane, range: Range<usize>, bits: u32) -> Vec<u64> {
        let [a, b] = self.streams.each_ref().map(|stream| own_numbers(stream, lane, range.clone(), 64));
        a.iter().zip(b).map(|(a, b)| low(a.wrapping_add(b), bits)).collect()
    }

    /// Masks of bits: both parties' shares added without carry.
    pub(crate) fn bit_masks(&self, lane: Lane, range: Range<usize>) -> Vec<u64> {
        let [a, b] = self.streams.each_ref().map(|stream| stream.bits(lane, range.start, range.len()));
        a.iter().zip(b).map(|(a, b)| u64::from(a ^ b)).collect()
    }

    /// What one party draws for itself.
    pub(crate) fn own(&self, party: Party, lane: Lane, range: Range<usize>, bits: u32) -> Vec<u64> {
        own_numbers(&self.streams[party.index()], lane, range, bits)
    }

    pub(crate) fn roots(&self, lane: Lane, tile: usize) -> [[Block; TILE]; 2] {
        Party::BOTH.map(|party| own_roots(&self.streams[party.index()], party, lane, tile))
    }

    /// Shares values that start at place `first` of a lane.
    pub(crate) fn share(
        &self,
        lane: Lane,
        first: usize,
        values: &[u64],
        ring: Ring,
        delivery: &mut dyn Delivery,
    ) -> Result<(), Error> {
        let random = self.own(Party::ModelOwner, lane, first..first + values.len(), ring.bits());
        let others = values.iter().zip(random).map(|(value, random)| ring.other_share(*value, random));
        delivery.deliver(Party::DataOwner, &pack(others, ring.bits()))
    }
}

fn own_numbers(stream: &SeedStream, lane: Lane, range: Range<usize>, bits: u32) -> Vec<u64> {
    let mut numbers = stream.numbers(lane, range.start, range.len());
    numbers.iter_mut().for_each(|number| *number = low(*number, bits));
    numbers
}

/// The lowest bits tell the parties apart.
fn own_roots(stream: &SeedStream, party: Party, lane: Lane, tile: usize) -> [Block; TILE] {
    let mut roots = [0; TILE];
    stream.blocks(lane, (tile * TILE) as u64, &mut roots);
    roots.map(|root| root & !1 | party.index() as Block)
}

/// A layer's places in chunks.
pub(crate) fn chunks(count: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..count).step_by(size).map(move |start| start..count.min(start + size))
}
