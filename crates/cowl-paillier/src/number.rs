//! Big numbers between their words, bytes and 52-bit digits.

use crypto_bigint::BoxedUint;
use zeroize::Zeroizing;

use crate::kernel::{DIGIT_BITS, DIGIT_MASK};

/// The digits of a number that is given as little-endian 64-bit words; words beyond `count` digits must be zero.
pub(crate) fn digits_of_words(words: &[u64], digits: &mut [u64]) {
    for (index, digit) in digits.iter_mut().enumerate() {
        let bit = index * DIGIT_BITS as usize;
        let (word, shift) = (bit / 64, bit % 64);
        let low = words.get(word).map_or(0, |low| low >> shift);
        let high = words.get(word + 1).map_or(0, |high| if shift == 0 { 0 } else { high << (64 - shift) });
        *digit = (low | high) & DIGIT_MASK;
    }
}

/// The digits of a number that is given as little-endian bytes: thirteen bytes are two digits.
pub(crate) fn digits_of_bytes(bytes: &[u8], digits: &mut [u64]) {
    let mut padded = [0; 512 + 16];
    padded[..bytes.len()].copy_from_slice(bytes);
    let word = |at: usize| u64::from_le_bytes(padded[at..at + 8].try_into().expect("eight bytes"));
    for (index, pair) in digits.chunks_exact_mut(2).enumerate() {
        pair[0] = word((13 * index).min(520)) & DIGIT_MASK;
        pair[1] = (word((13 * index + 6).min(520)) >> 4) & DIGIT_MASK;
    }
}

/// The little-endian 64-bit words of a number that is given as digits.
pub(crate) fn words_of_digits(digits: &[u64], words: &mut [u64]) {
    words.fill(0);
    for (index, &digit) in digits.iter().enumerate() {
        let bit = index * DIGIT_BITS as usize;
        let (word, shift) = (bit / 64, bit % 64);
        if let Some(low) = words.get_mut(word) {
            *low |= digit << shift;
        }
        if shift > 64 - DIGIT_BITS as usize
            && let Some(high) = words.get_mut(word + 1)
        {
            *high |= digit >> (64 - shift);
        }
    }
}

/// Little-endian words of little-endian bytes.
pub(crate) fn words_of_bytes(bytes: &[u8]) -> impl Iterator<Item = u64> {
    bytes.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    })
}

/// The digits of a big number, of a fixed count.
pub(crate) fn digits_of(number: &BoxedUint, count: usize) -> Vec<u64> {
    let words = Zeroizing::new(number.to_words());
    let mut digits = vec![0; count];
    digits_of_words(&words, &mut digits);
    digits
}

/// The big number of some digits, with at least `bits` of precision.
pub(crate) fn number_of(digits: &[u64], bits: u32) -> BoxedUint {
    let mut words = Zeroizing::new(vec![0; (bits as usize).div_ceil(64)]);
    words_of_digits(digits, &mut words);
    BoxedUint::from_words(words.iter().copied())
}
