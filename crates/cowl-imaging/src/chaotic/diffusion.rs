//! c = (v + s + c₋₁ + p₋₁) mod 256 and back.

use super::orbit::{LANES, Seeds};

/// Diffuses in place.
pub(super) fn diffuse(seeds: &Seeds, bytes: &mut [u8]) {
    let mut stream = seeds.stream();
    let (mut plain_before, mut cipher_before) = (0u8, 0u8);
    for chunk in bytes.chunks_mut(LANES) {
        for (byte, key) in chunk.iter_mut().zip(stream.next_bytes()) {
            let plain = *byte;
            let mixed = plain.wrapping_add(key).wrapping_add(plain_before);
            cipher_before = cipher_before.wrapping_add(mixed);
            plain_before = plain;
            *byte = cipher_before;
        }
    }
}

/// Undoes [`diffuse`].
pub(super) fn restore(seeds: &Seeds, bytes: &mut [u8]) {
    let mut stream = seeds.stream();
    let (mut plain_before, mut cipher_before) = (0u8, 0u8);
    for chunk in bytes.chunks_mut(LANES) {
        for (byte, key) in chunk.iter_mut().zip(stream.next_bytes()) {
            let cipher = *byte;
            let mixed = cipher.wrapping_sub(cipher_before).wrapping_sub(key);
            cipher_before = cipher;
            plain_before = mixed.wrapping_sub(plain_before);
            *byte = plain_before;
        }
    }
}
