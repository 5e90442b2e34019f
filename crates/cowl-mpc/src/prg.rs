//! Fixed-key AES in batches: the one primitive under everything else.
//!
//! - [`Permutation`], π: AES-128 under a public key that the dealer draws afresh for each bundle. The hash
//!   that trees grow by is H(x) = π(σ(x)) ⊕ σ(x) with σ(h ‖ l) = (h ⊕ l) ‖ h, circular correlation robust if
//!   π is a random permutation (Guo, Katz, Wang, Yu, "Efficient and secure multiparty computation from
//!   fixed-key block ciphers", IEEE S&P 2020, section 6). A key of its own for each bundle keeps bundles from
//!   being attacked together.
//! - [`SeedStream`]: AES-128 in counter mode under a secret seed; both the party that has the seed and the
//!   dealer read its masks at any place, so that they cost no bytes.
//!
//! Conditions for security: a seed comes from the operating system and belongs to one party and one bundle;
//! no [`Lane`] is used for two purposes. Time depends on numbers of blocks only. Where the processor has no
//! AES, crate `aes` computes it bit-sliced. All kernels give the same bytes.

#[cfg(target_arch = "x86_64")]
mod aesni;
mod portable;
#[cfg(target_arch = "x86_64")]
mod vaes;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::error::Error;

/// Sixteen bytes, the first the lowest; the lowest bit is a node's control bit.
pub(crate) type Block = u128;

/// Keys that are walked side by side.
pub(crate) const LANES: usize = 32;

/// Which instructions do the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel(Instructions);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Instructions {
    Portable,
    #[cfg(target_arch = "x86_64")]
    AesNi(aesni::AesNi),
    #[cfg(target_arch = "x86_64")]
    Vaes(vaes::Vaes),
}

impl Kernel {
    /// The fastest that this processor can run.
    pub fn best() -> Self {
        Self::available()[0]
    }

    /// All that this processor can run, the fastest first.
    pub fn available() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        all.extend(vaes::Vaes::detect().map(|proof| Self(Instructions::Vaes(proof))));
        #[cfg(target_arch = "x86_64")]
        all.extend(aesni::AesNi::detect().map(|proof| Self(Instructions::AesNi(proof))));
        all.push(Self(Instructions::Portable));
        all
    }

    /// Its name: `vaes-avx512`, `aes-ni` or `portable`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Instructions::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Instructions::AesNi(_) => "aes-ni",
            #[cfg(target_arch = "x86_64")]
            Instructions::Vaes(_) => "vaes-avx512",
        }
    }
}

/// AES-128 under one key, with the instructions that compute it.
enum Cipher {
    Portable(Box<portable::Cipher>),
    #[cfg(target_arch = "x86_64")]
    AesNi(aesni::AesNi, aesni::RoundKeys),
    #[cfg(target_arch = "x86_64")]
    Vaes(vaes::Vaes, aesni::RoundKeys),
}

impl Cipher {
    fn new(kernel: Kernel, key: &[u8; 16]) -> Self {
        match kernel.0 {
            Instructions::Portable => Self::Portable(Box::new(portable::Cipher::new(key))),
            #[cfg(target_arch = "x86_64")]
            Instructions::AesNi(proof) => Self::AesNi(proof, proof.schedule(key)),
            #[cfg(target_arch = "x86_64")]
            Instructions::Vaes(proof) => Self::Vaes(proof, proof.aes().schedule(key)),
        }
    }

    fn encrypt(&self, blocks: &mut [Block]) {
        match self {
            Self::Portable(cipher) => cipher.encrypt(blocks),
            #[cfg(target_arch = "x86_64")]
            Self::AesNi(proof, keys) => proof.encrypt(keys, blocks),
            #[cfg(target_arch = "x86_64")]
            Self::Vaes(proof, keys) => proof.encrypt(keys, blocks),
        }
    }
}

/// What walks down a tree carry, a lane a key.
pub(crate) struct Walk {
    /// The node; at the end, the party's share of the leaf.
    pub(crate) nodes: [Block; LANES],
    /// In its lowest bit, the share of "the special place is left of the way so far".
    pub(crate) left: [Block; LANES],
}

/// What trees grow from.
pub(crate) struct Planted {
    /// The first party's.
    pub(crate) roots: [Block; LANES],
    /// From there to the second party's; the lowest bits are 1.
    pub(crate) differences: [Block; LANES],
    /// The secret ways, from the highest bits down.
    pub(crate) points: [u64; LANES],
    /// The bits that differ in the leaves.
    pub(crate) specials: [Block; LANES],
}

/// π, public, and H made of it.
pub struct Permutation {
    cipher: Cipher,
}

impl Permutation {
    /// π under a public key, fresh for each bundle.
    pub fn new(kernel: Kernel, key: &[u8; 16]) -> Self {
        Self { cipher: Cipher::new(kernel, key) }
    }

    /// H of each block.
    pub(crate) fn hash(&self, from: &[Block], to: &mut [Block]) {
        debug_assert_eq!(from.len(), to.len());
        to.iter_mut().zip(from).for_each(|(to, from)| *to = sigma(*from));
        self.cipher.encrypt(to);
        to.iter_mut().zip(from).for_each(|(to, from)| *to ^= sigma(*from));
    }

    /// Makes the correction words of [`LANES`] trees at once, in the layout of [`Permutation::walk`].
    pub(crate) fn grow(&self, planted: &Planted, words: &mut [u8]) {
        #[cfg(target_arch = "x86_64")]
        if let Cipher::Vaes(proof, keys) = &self.cipher {
            return proof.grow(keys, planted, words);
        }
        portable::grow(self, planted, words);
    }

    /// Goes down [`LANES`] trees at once. `points` hold the way in their highest bits; `words` are the
    /// correction words, a level behind the other, [`LANES`] blocks a level, the last for the leaf.
    pub(crate) fn walk(&self, roots: &[Block; LANES], points: &[u64; LANES], words: &[u8]) -> Walk {
        #[cfg(target_arch = "x86_64")]
        if let Cipher::Vaes(proof, keys) = &self.cipher {
            return proof.walk(keys, roots, points, words);
        }
        portable::walk(self, roots, points, words)
    }
}

/// A linear map for which both σ and x ↦ σ(x) ⊕ x are permutations.
fn sigma(x: Block) -> Block {
    let (high, low) = ((x >> 64) as u64, x as u64);
    u128::from(high ^ low) << 64 | u128::from(high)
}

/// Sixteen secret bytes from which a party's masks of one bundle come.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Seed([u8; 16]);

impl Seed {
    /// A seed from the operating system.
    ///
    /// # Errors
    /// [`Error::Randomness`] when it gives none.
    pub fn random() -> Result<Self, Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|_| Error::Randomness)?;
        Ok(Self(bytes))
    }

    /// A seed that was dealt.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes, for the sealed bundle.
    pub fn expose(&self) -> &[u8; 16] {
        &self.0
    }
}

/// One sequence of a stream: the layer's place in the program, and what the sequence is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lane {
    place: u32,
    purpose: u32,
}

impl Lane {
    /// The sequence for `purpose` of the layer at `place`.
    pub fn new(place: u32, purpose: u32) -> Self {
        Self { place, purpose }
    }

    /// A sequence so many purposes on.
    pub(crate) fn plus(self, purposes: u32) -> Self {
        Self { purpose: self.purpose + purposes, ..self }
    }

    fn counter(self, first: u64) -> Block {
        u128::from(self.purpose) << 96 | u128::from(self.place) << 64 | u128::from(first)
    }
}

/// A seed's expansion.
pub struct SeedStream {
    cipher: Cipher,
}

impl SeedStream {
    /// The expansion of `seed`.
    pub fn new(kernel: Kernel, seed: &Seed) -> Self {
        Self { cipher: Cipher::new(kernel, &seed.0) }
    }

    /// Blocks `first`, `first` + 1 … of a lane.
    pub(crate) fn blocks(&self, lane: Lane, first: u64, blocks: &mut [Block]) {
        let start = lane.counter(first);
        blocks.iter_mut().zip(0u128..).for_each(|(block, place)| *block = start + place);
        self.cipher.encrypt(blocks);
    }

    /// Uniform numbers `first`, `first` + 1 … of a lane, two a block.
    pub(crate) fn numbers(&self, lane: Lane, first: usize, count: usize) -> Vec<u64> {
        let mut numbers = vec![0; count];
        self.fill(lane, first, &mut numbers);
        numbers
    }

    /// Uniform bits `first`, `first` + 1 … of a lane, 64 a number.
    pub(crate) fn bits(&self, lane: Lane, first: usize, count: usize) -> Vec<u8> {
        let numbers = self.numbers(lane, first / 64, (first + count).div_ceil(64) - first / 64);
        let places = first % 64..first % 64 + count;
        places.map(|place| (numbers[place / 64] >> (place % 64)) as u8 & 1).collect()
    }

    /// As [`SeedStream::numbers`], in place.
    pub(crate) fn fill(&self, lane: Lane, first: usize, numbers: &mut [u64]) {
        const BLOCKS: usize = 64;
        let mut blocks = [0; BLOCKS];
        let (mut place, mut rest) = (first, numbers);
        while !rest.is_empty() {
            let skipped = place % 2;
            let taken = rest.len().min(2 * BLOCKS - skipped);
            let used = (skipped + taken).div_ceil(2);
            self.blocks(lane, place as u64 / 2, &mut blocks[..used]);
            let (now, later) = rest.split_at_mut(taken);
            let (odd, now) = now.split_at_mut(skipped);
            odd.iter_mut().for_each(|number| *number = (blocks[0] >> 64) as u64);
            for (pair, block) in now.chunks_mut(2).zip(&blocks[skipped..used]) {
                pair[0] = *block as u64;
                pair[1..].iter_mut().for_each(|number| *number = (block >> 64) as u64);
            }
            (place, rest) = (place + taken, later);
        }
        blocks.zeroize();
    }
}

#[cfg(test)]
mod tests;
