//! Processors with AES instructions: eight blocks in flight.
#![allow(unsafe_code, reason = "loads, stores and the proof of CPU features")]

use core::arch::x86_64::*;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::Block;

const FLIGHT: usize = 8;

/// Proof that this processor has the instructions: only [`AesNi::detect`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AesNi(());

/// The eleven round keys of AES-128.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct RoundKeys(pub(super) [Block; 11]);

impl AesNi {
    pub(super) fn detect() -> Option<Self> {
        let present = is_x86_feature_detected!("aes") && is_x86_feature_detected!("sse2");
        present.then_some(Self(()))
    }

    pub(super) fn schedule(self, key: &[u8; 16]) -> RoundKeys {
        // SAFETY: a value of this type exists only where `detect` has found the instructions.
        unsafe { schedule(Block::from_le_bytes(*key)) }
    }

    pub(super) fn encrypt(self, keys: &RoundKeys, blocks: &mut [Block]) {
        // SAFETY: as above.
        unsafe { encrypt(keys, blocks) }
    }
}

#[inline]
#[target_feature(enable = "sse2")]
fn load(from: &Block) -> __m128i {
    // SAFETY: a block is 16 readable bytes; the load needs no alignment.
    unsafe { _mm_loadu_si128(core::ptr::from_ref(from).cast()) }
}

#[inline]
#[target_feature(enable = "sse2")]
fn store(to: &mut Block, value: __m128i) {
    // SAFETY: a block is 16 writable bytes; the store needs no alignment.
    unsafe { _mm_storeu_si128(core::ptr::from_mut(to).cast(), value) }
}

/// One round of FIPS 197, section 5.2; `assist` has the substituted word in its highest place.
#[inline]
#[target_feature(enable = "sse2")]
fn next_key(key: __m128i, assist: __m128i) -> __m128i {
    let (mut next, mut shifted) = (key, key);
    for _ in 0..3 {
        shifted = _mm_slli_si128::<4>(shifted);
        next = _mm_xor_si128(next, shifted);
    }
    _mm_xor_si128(next, _mm_shuffle_epi32::<0xff>(assist))
}

#[target_feature(enable = "aes,sse2")]
fn schedule(key: Block) -> RoundKeys {
    let mut keys = RoundKeys([key; 11]);
    let mut current = load(&key);
    macro_rules! rounds {
        ($($round:literal $constant:literal),*) => { $(
            current = next_key(current, _mm_aeskeygenassist_si128::<$constant>(current));
            store(&mut keys.0[$round], current);
        )* };
    }
    rounds!(1 0x01, 2 0x02, 3 0x04, 4 0x08, 5 0x10, 6 0x20, 7 0x40, 8 0x80, 9 0x1b, 10 0x36);
    keys
}

#[target_feature(enable = "aes,sse2")]
fn encrypt(keys: &RoundKeys, blocks: &mut [Block]) {
    let keys = keys.0.each_ref().map(|key| load(key));
    let (flights, rest) = blocks.as_chunks_mut::<FLIGHT>();
    for flight in flights {
        let mut state = flight.each_ref().map(|block| _mm_xor_si128(load(block), keys[0]));
        for key in &keys[1..10] {
            state = state.map(|block| _mm_aesenc_si128(block, *key));
        }
        for (block, state) in flight.iter_mut().zip(state) {
            store(block, _mm_aesenclast_si128(state, keys[10]));
        }
    }
    for block in rest {
        let mut state = _mm_xor_si128(load(block), keys[0]);
        for key in &keys[1..10] {
            state = _mm_aesenc_si128(state, *key);
        }
        store(block, _mm_aesenclast_si128(state, keys[10]));
    }
}
