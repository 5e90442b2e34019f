//! The kernel for processors with AVX-512 IFMA: eight numbers at once, one a lane.
#![allow(
    unsafe_code,
    reason = "loads, stores and the proof of CPU features; nothing else in the crate is unsafe"
)]
#![allow(
    clippy::absurd_extreme_comparisons,
    clippy::out_of_bounds_indexing,
    reason = "`ten!` writes branches on constants, some of which are never taken"
)]

use core::arch::x86_64::*;

use super::{BLOCK, DIGIT_BITS, DIGIT_MASK, LANES, Octet};

/// Proof that this processor has the instructions: only [`Ifma::detect`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ifma(());

impl Ifma {
    pub(super) fn detect() -> Option<Self> {
        let present = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma");
        present.then_some(Self(()))
    }

    pub(super) fn multiply_add(self, sum: &mut [Octet], a: &[Octet], b: &[Octet]) {
        // SAFETY: a value of this type exists only where `detect` has found the instructions.
        unsafe { multiply_add(sum, a, b) }
    }

    pub(super) fn square(self, sum: &mut [Octet], a: &[Octet]) {
        // SAFETY: as above.
        unsafe { square(sum, a) }
    }

    pub(super) fn reduce(self, sum: &mut [Octet], n: &[u64], inverse: u64, remainder: &mut [Octet]) {
        // SAFETY: as above.
        unsafe { reduce(sum, n, inverse, remainder) }
    }

    pub(super) fn double(self, digits: &mut [Octet]) {
        // SAFETY: as above.
        unsafe { double(digits) }
    }

    pub(super) fn gather_rows(self, rows: [&[Octet]; LANES], digits: &mut [Octet]) {
        // SAFETY: as above.
        unsafe { gather_rows(rows, digits) }
    }

    pub(super) fn select_each(
        self,
        table: &[Octet],
        rows: usize,
        indices: &[[u64; LANES]],
        out: &mut [&mut [Octet]],
    ) {
        // SAFETY: as above.
        unsafe { select_each(table, rows, indices, out) }
    }

    pub(super) fn select_shared(self, table: &[Octet], index: u64, row: &mut [Octet]) {
        // SAFETY: as above.
        unsafe { select_shared(table, index, row) }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn load(from: &Octet) -> __m512i {
    // SAFETY: an octet is 64 readable bytes, aligned to 64.
    unsafe { _mm512_load_si512(from.0.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn store(to: &mut Octet, value: __m512i) {
    // SAFETY: an octet is 64 writable bytes, aligned to 64.
    unsafe { _mm512_store_si512(to.0.as_mut_ptr().cast(), value) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn broadcast(value: u64) -> __m512i {
    _mm512_set1_epi64(value as i64)
}

/// Repeats a block with a constant 0, 1 … 9: arrays that are indexed by constants stay in registers.
macro_rules! ten {
    ($k:ident => $body:block) => {
        ten!(@each $k $body 0 1 2 3 4 5 6 7 8 9)
    };
    (@each $k:ident $body:block $($value:literal)*) => {
        $({
            const $k: usize = $value;
            $body
        })*
    };
}

type Digits = [__m512i; BLOCK];
/// A block's digit sums and the one that its carries reach.
type Window = [__m512i; BLOCK + 1];

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn load_block(from: &[Octet]) -> Digits {
    let from: &[Octet; BLOCK] = from[..BLOCK].try_into().expect("a block has ten digits");
    let mut digits = [_mm512_setzero_si512(); BLOCK];
    ten!(K => { digits[K] = load(&from[K]); });
    digits
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn store_block(to: &mut [Octet], window: &Window) {
    let to: &mut [Octet; BLOCK] = (&mut to[..BLOCK]).try_into().expect("a block has ten digits");
    ten!(K => { store(&mut to[K], window[K]); });
}

/// A block with room for its carries.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn widened(digits: &Digits, last: __m512i) -> Window {
    let mut window = [last; BLOCK + 1];
    ten!(K => { window[K] = digits[K]; });
    window
}

/// window += digits·digit.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn multiply_digit(window: &mut Window, digits: &Digits, digit: __m512i) {
    ten!(K => {
        window[K] = _mm512_madd52lo_epu64(window[K], digits[K], digit);
        window[K + 1] = _mm512_madd52hi_epu64(window[K + 1], digits[K], digit);
    });
}

/// Drops the lowest digit sum, which is complete.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn shift(window: &mut Window) {
    ten!(K => { window[K] = window[K + 1]; });
}

/// sum += a·b, digit sums left unnormalised.
#[target_feature(enable = "avx512f,avx512ifma")]
fn multiply_add(sum: &mut [Octet], a: &[Octet], b: &[Octet]) {
    for (block, rows) in a.chunks_exact(BLOCK).enumerate() {
        add_rows(&mut sum[block * BLOCK..], &load_block(rows), b);
    }
}

/// sum += digits·b for one block of digits.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn add_rows(sum: &mut [Octet], digits: &Digits, b: &[Octet]) {
    let sum = &mut sum[..b.len() + BLOCK];
    let mut window = widened(&load_block(sum), _mm512_setzero_si512());
    for (j, digit) in b.iter().enumerate() {
        window[BLOCK] = load(&sum[j + BLOCK]);
        multiply_digit(&mut window, digits, load(digit));
        store(&mut sum[j], window[0]);
        shift(&mut window);
    }
    store_block(&mut sum[b.len()..], &window);
}

/// sum = a², digit sums left unnormalised.
#[target_feature(enable = "avx512f,avx512ifma")]
fn square(sum: &mut [Octet], a: &[Octet]) {
    let zero = _mm512_setzero_si512();
    for octet in sum.iter_mut() {
        store(octet, zero);
    }
    for start in (0..a.len()).step_by(BLOCK) {
        let digits = load_block(&a[start..]);
        add_cross_products(&mut sum[2 * start..], &digits);
        let rest = &a[start + BLOCK..];
        if !rest.is_empty() {
            add_rows(&mut sum[2 * start + BLOCK..], &digits, rest);
        }
    }
    for (digit, pair) in a.iter().zip(sum.chunks_exact_mut(2)) {
        let digit = load(digit);
        let twice_low = _mm512_slli_epi64::<1>(load(&pair[0]));
        let twice_high = _mm512_slli_epi64::<1>(load(&pair[1]));
        store(&mut pair[0], _mm512_madd52lo_epu64(twice_low, digit, digit));
        store(&mut pair[1], _mm512_madd52hi_epu64(twice_high, digit, digit));
    }
}

/// sum += Σ aᵢaⱼ over i < j of one block.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn add_cross_products(sum: &mut [Octet], digits: &Digits) {
    let sum: &mut [Octet; 2 * BLOCK] = (&mut sum[..2 * BLOCK]).try_into().expect("two blocks");
    let mut window = [_mm512_setzero_si512(); 2 * BLOCK];
    ten!(K => {
        window[K] = load(&sum[K]);
        window[BLOCK + K] = load(&sum[BLOCK + K]);
    });
    ten!(I => {
        ten!(J => {
            if I < J {
                window[I + J] = _mm512_madd52lo_epu64(window[I + J], digits[I], digits[J]);
                window[I + J + 1] = _mm512_madd52hi_epu64(window[I + J + 1], digits[I], digits[J]);
            }
        });
    });
    ten!(K => {
        store(&mut sum[K], window[K]);
        store(&mut sum[BLOCK + K], window[BLOCK + K]);
    });
}

/// Doubles numbers of normalised digits.
#[target_feature(enable = "avx512f,avx512ifma")]
fn double(digits: &mut [Octet]) {
    let mut carry = _mm512_setzero_si512();
    let mask = broadcast(DIGIT_MASK);
    for octet in digits {
        let twice = _mm512_add_epi64(_mm512_slli_epi64::<1>(load(octet)), carry);
        store(octet, _mm512_and_si512(twice, mask));
        carry = _mm512_srli_epi64::<DIGIT_BITS>(twice);
    }
}

/// Montgomery reduction: remainder = (sum + q·n)/2^(52·h), with −q left in the low half of sum and zero in the high.
#[target_feature(enable = "avx512f,avx512ifma")]
fn reduce(sum: &mut [Octet], n: &[u64], inverse: u64, remainder: &mut [Octet]) {
    let h = n.len();
    let inverse = broadcast(inverse);
    for start in (0..h).step_by(BLOCK) {
        reduce_block(&mut sum[start..start + h + BLOCK], n, inverse);
    }
    let mut carry = _mm512_setzero_si512();
    let mask = broadcast(DIGIT_MASK);
    for (to, from) in remainder[..h].iter_mut().zip(&mut sum[h..2 * h]) {
        let digit = _mm512_add_epi64(load(from), carry);
        store(to, _mm512_and_si512(digit, mask));
        store(from, _mm512_setzero_si512());
        carry = _mm512_srai_epi64::<DIGIT_BITS>(digit);
    }
}

/// Clears the ten lowest digits of a sum by adding a multiple q·n; the digits of −q take their place.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn reduce_block(sum: &mut [Octet], n: &[u64], inverse: __m512i) {
    let mut window = widened(&load_block(sum), load(&sum[BLOCK]));
    let quotient = quotient_digits(&mut window, &n[..BLOCK], inverse);
    let mut above = load_block(&sum[BLOCK..]);
    above[0] = window[BLOCK];
    ten!(K => { store(&mut sum[K], _mm512_sub_epi64(_mm512_setzero_si512(), quotient[K])); });
    let mut window = above_diagonal(above, &quotient, &n[..BLOCK]);
    for (j, &digit) in n.iter().enumerate().skip(BLOCK) {
        window[BLOCK] = load(&sum[j + BLOCK]);
        multiply_digit(&mut window, &quotient, broadcast(digit));
        store(&mut sum[j], window[0]);
        shift(&mut window);
    }
    store_block(&mut sum[n.len()..], &window);
}

/// The ten digits q that clear the window: products of qₖ and nₗ with k + l < 10.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn quotient_digits(window: &mut Window, n: &[u64], inverse: __m512i) -> Digits {
    let n: &[u64; BLOCK] = n.try_into().expect("a block has ten digits");
    let zero = _mm512_setzero_si512();
    let round_up = broadcast(DIGIT_MASK);
    let mut quotient = [zero; BLOCK];
    ten!(K => {
        let q = _mm512_madd52lo_epu64(zero, window[K], inverse);
        quotient[K] = q;
        // The lowest digit of the sum becomes zero: its carry is known before the product is.
        let carry = _mm512_srai_epi64::<DIGIT_BITS>(_mm512_add_epi64(window[K], round_up));
        window[K + 1] = _mm512_add_epi64(window[K + 1], carry);
        window[K + 1] = _mm512_madd52hi_epu64(window[K + 1], q, broadcast(n[0]));
        ten!(L => {
            if L > 0 && K + L < BLOCK {
                window[K + L] = _mm512_madd52lo_epu64(window[K + L], q, broadcast(n[L]));
                window[K + L + 1] = _mm512_madd52hi_epu64(window[K + L + 1], q, broadcast(n[L]));
            }
        });
    });
    quotient
}

/// Adds the products of qₖ and nₗ with k, l < 10 and k + l ≥ 10.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn above_diagonal(above: Digits, quotient: &Digits, n: &[u64]) -> Window {
    let n: &[u64; BLOCK] = n.try_into().expect("a block has ten digits");
    let mut window = widened(&above, _mm512_setzero_si512());
    ten!(L => {
        ten!(K => {
            if K + L >= BLOCK {
                let at = K + L - BLOCK;
                window[at] = _mm512_madd52lo_epu64(window[at], quotient[K], broadcast(n[L]));
                window[at + 1] = _mm512_madd52hi_epu64(window[at + 1], quotient[K], broadcast(n[L]));
            }
        });
    });
    window
}

/// Four groups of lanes at a time share the loads of the table, which is longer than the nearest cache.
#[target_feature(enable = "avx512f,avx512ifma")]
fn select_each(table: &[Octet], rows: usize, indices: &[[u64; LANES]], out: &mut [&mut [Octet]]) {
    for (indices, out) in indices.chunks(4).zip(out.chunks_mut(4)) {
        match (rows, out) {
            (64, [a, b, c, d]) => select_groups::<4, 4>(table, indices, [a, b, c, d]),
            (128, [a, b, c, d]) => select_groups::<8, 4>(table, indices, [a, b, c, d]),
            (64, out) => out.iter_mut().zip(indices).for_each(|(out, index)| {
                select_groups::<4, 1>(table, std::slice::from_ref(index), [out]);
            }),
            (128, out) => out.iter_mut().zip(indices).for_each(|(out, index)| {
                select_groups::<8, 1>(table, std::slice::from_ref(index), [out]);
            }),
            _ => unreachable!("tables have 64 or 128 rows where all are read"),
        }
    }
}

/// A permutation of two registers picks one of sixteen rows by an index's low four bits; its other bits choose among
/// the permutations' results.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn select_groups<const SIXTEENS: usize, const GROUPS: usize>(
    table: &[Octet],
    indices: &[[u64; LANES]],
    out: [&mut [Octet]; GROUPS],
) {
    let zero = _mm512_setzero_si512();
    let mut index = [zero; GROUPS];
    let mut bits = [[0; 3]; GROUPS];
    for group in 0..GROUPS {
        index[group] = load(&Octet(indices[group]));
        for bit in 0..3 {
            bits[group][bit] = _mm512_test_epi64_mask(index[group], broadcast(16 << bit));
        }
    }
    let length = out[0].len();
    for (digit, words) in table.chunks_exact(2 * SIXTEENS).take(length).enumerate() {
        let mut pairs = [[zero; 2]; SIXTEENS];
        for (pair, words) in pairs.iter_mut().zip(words.chunks_exact(2)) {
            *pair = [load(&words[0]), load(&words[1])];
        }
        for group in 0..GROUPS {
            let candidates = pairs.map(|[low, high]| _mm512_permutex2var_epi64(low, index[group], high));
            store(&mut out[group][digit], choice(&candidates, &bits[group]));
        }
    }
}

/// The candidate whose number the bits are, lowest first, in each lane.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn choice(candidates: &[__m512i], bits: &[__mmask8; 3]) -> __m512i {
    let four = |four: &[__m512i]| {
        let low = _mm512_mask_blend_epi64(bits[0], four[0], four[1]);
        let high = _mm512_mask_blend_epi64(bits[0], four[2], four[3]);
        _mm512_mask_blend_epi64(bits[1], low, high)
    };
    match candidates.len() {
        4 => four(candidates),
        _ => _mm512_mask_blend_epi64(bits[2], four(&candidates[..4]), four(&candidates[4..])),
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn select_shared(table: &[Octet], index: u64, row: &mut [Octet]) {
    let length = row.len();
    let index = broadcast(index);
    row.fill(Octet::default());
    for (number, candidate) in table.chunks_exact(length).enumerate() {
        let here = _mm512_cmpeq_epi64_mask(index, broadcast(number as u64));
        for (octet, candidate) in row.iter_mut().zip(candidate) {
            store(octet, _mm512_mask_mov_epi64(load(octet), here, load(candidate)));
        }
    }
}

/// Turns eight rows, one a lane, into digits: blocks of eight by eight words by two shuffles and a permutation each.
#[target_feature(enable = "avx512f,avx512ifma")]
fn gather_rows(rows: [&[Octet]; LANES], digits: &mut [Octet]) {
    for (block, eight) in digits.chunks_mut(LANES).enumerate() {
        let mut words = [_mm512_setzero_si512(); LANES];
        for lane in 0..LANES {
            words[lane] = load(&rows[lane][block]);
        }
        let turned = transposed(words);
        for (octet, turned) in eight.iter_mut().zip(turned) {
            store(octet, turned);
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn transposed(words: [__m512i; LANES]) -> [__m512i; LANES] {
    let mut pairs = [_mm512_setzero_si512(); LANES];
    for k in 0..4 {
        pairs[k] = _mm512_unpacklo_epi64(words[2 * k], words[2 * k + 1]);
        pairs[k + 4] = _mm512_unpackhi_epi64(words[2 * k], words[2 * k + 1]);
    }
    let mut turned = [_mm512_setzero_si512(); LANES];
    for odd in 0..2 {
        let [a, b, c, d] = [pairs[4 * odd], pairs[4 * odd + 1], pairs[4 * odd + 2], pairs[4 * odd + 3]];
        let (ab_even, ab_odd) = (_mm512_shuffle_i64x2::<0x88>(a, b), _mm512_shuffle_i64x2::<0xdd>(a, b));
        let (cd_even, cd_odd) = (_mm512_shuffle_i64x2::<0x88>(c, d), _mm512_shuffle_i64x2::<0xdd>(c, d));
        turned[odd] = _mm512_shuffle_i64x2::<0x88>(ab_even, cd_even);
        turned[odd + 2] = _mm512_shuffle_i64x2::<0x88>(ab_odd, cd_odd);
        turned[odd + 4] = _mm512_shuffle_i64x2::<0xdd>(ab_even, cd_even);
        turned[odd + 6] = _mm512_shuffle_i64x2::<0xdd>(ab_odd, cd_odd);
    }
    turned
}
