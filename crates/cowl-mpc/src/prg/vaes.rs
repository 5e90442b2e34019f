//! Processors with VAES and AVX-512: four blocks a register, eight registers in flight; a tile of keys stays
//! in registers from its roots to its leaves.
#![allow(unsafe_code, reason = "loads, stores and the proof of CPU features")]

use core::arch::x86_64::*;

use super::aesni::{AesNi, RoundKeys};
use super::{Block, LANES, Planted, Walk};

/// Blocks of a register.
const WIDTH: usize = 4;
/// Registers in flight.
const FLIGHT: usize = LANES / WIDTH;
/// Bytes of a register.
const BYTES: usize = 16 * WIDTH;

/// Proof that this processor has the instructions: only [`Vaes::detect`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Vaes(AesNi);

impl Vaes {
    pub(super) fn detect() -> Option<Self> {
        let present = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("vaes");
        AesNi::detect().filter(|_| present).map(Self)
    }

    pub(super) fn aes(self) -> AesNi {
        self.0
    }

    pub(super) fn encrypt(self, keys: &RoundKeys, blocks: &mut [Block]) {
        let (flights, rest) = blocks.as_chunks_mut::<LANES>();
        // SAFETY: a value of this type exists only where `detect` has found the instructions.
        unsafe { encrypt(keys, flights) };
        self.0.encrypt(keys, rest);
    }

    pub(super) fn walk(
        self,
        keys: &RoundKeys,
        roots: &[Block; LANES],
        points: &[u64; LANES],
        words: &[u8],
    ) -> Walk {
        // SAFETY: as above.
        unsafe { walk(keys, roots, points, words) }
    }

    pub(super) fn grow(self, keys: &RoundKeys, planted: &Planted, words: &mut [u8]) {
        // SAFETY: as above.
        unsafe { grow(keys, planted, words) }
    }
}

type Flight = [__m512i; FLIGHT];

#[inline]
#[target_feature(enable = "avx512f")]
fn load(from: &[u8; BYTES]) -> __m512i {
    // SAFETY: 64 readable bytes; the load needs no alignment.
    unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_blocks(from: &[Block]) -> __m512i {
    let from: &[Block; WIDTH] = from.first_chunk().expect("a register's blocks");
    // SAFETY: four blocks are 64 readable bytes; the load needs no alignment.
    unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store_blocks(to: &mut [Block], value: __m512i) {
    let to: &mut [Block; WIDTH] = to.first_chunk_mut().expect("a register's blocks");
    // SAFETY: four blocks are 64 writable bytes; the store needs no alignment.
    unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), value) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(to: &mut [u8; BYTES], value: __m512i) {
    // SAFETY: 64 writable bytes; the store needs no alignment.
    unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), value) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn broadcast(key: Block) -> __m512i {
    let (low, high) = (key as u64 as i64, (key >> 64) as u64 as i64);
    _mm512_set_epi64(high, low, high, low, high, low, high, low)
}

#[inline]
#[target_feature(enable = "avx512f,vaes")]
fn rounds(keys: &[__m512i; 11], mut state: Flight) -> Flight {
    for block in &mut state {
        *block = _mm512_xor_si512(*block, keys[0]);
    }
    for key in &keys[1..10] {
        for block in &mut state {
            *block = _mm512_aesenc_epi128(*block, *key);
        }
    }
    for block in &mut state {
        *block = _mm512_aesenclast_epi128(*block, keys[10]);
    }
    state
}

#[target_feature(enable = "avx512f,vaes")]
fn encrypt(keys: &RoundKeys, flights: &mut [[Block; LANES]]) {
    let keys = keys.0.map(|key| broadcast(key));
    for flight in flights {
        let mut state = [_mm512_setzero_si512(); FLIGHT];
        for (register, blocks) in state.iter_mut().zip(flight.chunks_exact(WIDTH)) {
            *register = load_blocks(blocks);
        }
        let state = rounds(&keys, state);
        for (register, blocks) in state.iter().zip(flight.chunks_exact_mut(WIDTH)) {
            store_blocks(blocks, *register);
        }
    }
}

/// σ: the high half becomes high ⊕ low, the low half high.
#[inline]
#[target_feature(enable = "avx512f")]
fn sigma(x: __m512i) -> __m512i {
    let high = _mm512_set_epi64(-1, 0, -1, 0, -1, 0, -1, 0);
    let swapped = _mm512_shuffle_epi32::<0x4e>(x);
    // swapped ⊕ (x ∧ high)
    _mm512_ternarylogic_epi64::<0x78>(swapped, x, high)
}

#[inline]
#[target_feature(enable = "avx512f,vaes")]
fn hash(keys: &[__m512i; 11], nodes: &Flight) -> Flight {
    let mut turned = *nodes;
    for node in &mut turned {
        *node = sigma(*node);
    }
    let mut hashed = rounds(keys, turned);
    for (hashed, node) in hashed.iter_mut().zip(nodes) {
        *hashed = _mm512_xor_si512(*hashed, sigma(*node));
    }
    hashed
}

/// All ones in the blocks whose lowest bit is set.
#[inline]
#[target_feature(enable = "avx512f")]
fn control(node: __m512i) -> __m512i {
    let doubled = _mm512_shuffle_epi32::<0x44>(node);
    _mm512_srai_epi64::<63>(_mm512_slli_epi64::<63>(doubled))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn spread(points: &[u64]) -> __m512i {
    let [a, b, c, d] = *points.first_chunk::<WIDTH>().expect("a register's points");
    let [a, b, c, d] = [a, b, c, d].map(|point| point as i64);
    _mm512_set_epi64(d, d, c, c, b, b, a, a)
}

#[target_feature(enable = "avx512f,vaes")]
fn walk(keys: &RoundKeys, roots: &[Block; LANES], points: &[u64; LANES], words: &[u8]) -> Walk {
    let keys = keys.0.map(|key| broadcast(key));
    let zero = _mm512_setzero_si512();
    let (mut nodes, mut ways, mut left) = ([zero; FLIGHT], [zero; FLIGHT], [zero; FLIGHT]);
    for register in 0..FLIGHT {
        nodes[register] = load_blocks(&roots[register * WIDTH..]);
        ways[register] = spread(&points[register * WIDTH..]);
    }
    let (words, _) = words.as_chunks::<BYTES>();
    let levels = (words.len() / FLIGHT).saturating_sub(1);
    for level in words.chunks_exact(FLIGHT).take(levels) {
        let hashed = hash(&keys, &nodes);
        for register in 0..FLIGHT {
            let node = nodes[register];
            let right = _mm512_srai_epi64::<63>(ways[register]);
            ways[register] = _mm512_slli_epi64::<1>(ways[register]);
            // a ⊕ (b ∧ c)
            let child = _mm512_ternarylogic_epi64::<0x78>(hashed[register], node, right);
            let child = _mm512_ternarylogic_epi64::<0x78>(child, load(&level[register]), control(node));
            let passed = _mm512_xor_si512(node, child);
            left[register] = _mm512_ternarylogic_epi64::<0x78>(left[register], passed, right);
            nodes[register] = child;
        }
    }
    let hashed = hash(&keys, &nodes);
    let mut walk = Walk { nodes: [0; LANES], left: [0; LANES] };
    for (register, leaf) in words.iter().skip(levels * FLIGHT).take(FLIGHT).enumerate() {
        let leaf = _mm512_ternarylogic_epi64::<0x78>(hashed[register], load(leaf), control(nodes[register]));
        store_blocks(&mut walk.nodes[register * WIDTH..], leaf);
        store_blocks(&mut walk.left[register * WIDTH..], left[register]);
    }
    walk
}

#[target_feature(enable = "avx512f,vaes")]
fn grow(keys: &RoundKeys, planted: &Planted, words: &mut [u8]) {
    let keys = keys.0.map(|key| broadcast(key));
    let zero = _mm512_setzero_si512();
    let (mut nodes, mut ways, mut others) = ([zero; FLIGHT], [zero; FLIGHT], [zero; FLIGHT]);
    for register in 0..FLIGHT {
        nodes[register] = load_blocks(&planted.roots[register * WIDTH..]);
        ways[register] = spread(&planted.points[register * WIDTH..]);
    }
    let (words, _) = words.as_chunks_mut::<BYTES>();
    let levels = (words.len() / FLIGHT).saturating_sub(1);
    for (level, words) in words.chunks_exact_mut(FLIGHT).enumerate() {
        for register in 0..FLIGHT {
            let difference = load_blocks(&planted.differences[register * WIDTH..]);
            others[register] = _mm512_xor_si512(nodes[register], difference);
        }
        let (first, second) = (hash(&keys, &nodes), hash(&keys, &others));
        for register in 0..FLIGHT {
            let (node, hashed) = (nodes[register], first[register]);
            let right = _mm512_srai_epi64::<63>(ways[register]);
            ways[register] = _mm512_slli_epi64::<1>(ways[register]);
            let changed = if level < levels {
                _mm512_andnot_si512(right, load_blocks(&planted.differences[register * WIDTH..]))
            } else {
                load_blocks(&planted.specials[register * WIDTH..])
            };
            // a ⊕ b ⊕ c
            let word = _mm512_ternarylogic_epi64::<0x96>(hashed, second[register], changed);
            store(&mut words[register], word);
            // a ⊕ (b ∧ c)
            let child = _mm512_ternarylogic_epi64::<0x78>(hashed, node, right);
            nodes[register] = _mm512_ternarylogic_epi64::<0x78>(child, word, control(node));
        }
    }
}
