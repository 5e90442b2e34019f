//! Numbers of a few bits behind each other, lowest bit first.

use crate::error::Error;
use crate::ring::low;

/// Bytes of `count` numbers of `bits` bits.
pub fn packed_bytes(count: usize, bits: u32) -> usize {
    (count * bits as usize).div_ceil(8)
}

/// The lowest `bits` bits (1 to 64) of each number; the last byte is filled with zeros.
pub fn pack(values: impl IntoIterator<Item = u64>, bits: u32) -> Vec<u8> {
    let mut values = values.into_iter();
    if bits == 1 {
        return pack_bits(values);
    }
    if bits == 32 {
        let mut packed = Vec::with_capacity(4 * values.size_hint().0);
        values.by_ref().for_each(|value| packed.extend_from_slice(&(value as u32).to_le_bytes()));
        return packed;
    }
    let mut packed = Vec::with_capacity(packed_bytes(values.size_hint().0, bits) + 16);
    let (mut pending, mut held) = (0u128, 0);
    for value in values {
        pending |= u128::from(low(value, bits)) << held;
        held += bits;
        while held >= 8 {
            packed.push(pending as u8);
            pending >>= 8;
            held -= 8;
        }
    }
    if held > 0 {
        packed.push(pending as u8);
    }
    packed
}

fn pack_bits(mut values: impl Iterator<Item = u64>) -> Vec<u8> {
    let mut packed = Vec::with_capacity(values.size_hint().0.div_ceil(8));
    while let Some(first) = values.next() {
        let rest = values.by_ref().take(7).zip(1..);
        packed.push(rest.fold(first & 1, |byte, (value, place)| byte | (value & 1) << place) as u8);
    }
    packed
}

/// `count` numbers of `bits` bits (1 to 64).
///
/// # Errors
/// [`Error::Message`] unless there are exactly so many bytes, and nothing but zeros behind the last number.
pub fn unpack(packed: &[u8], count: usize, bits: u32) -> Result<Vec<u64>, Error> {
    let expected = packed_bytes(count, bits);
    let refusal = Error::Message { expected, found: packed.len() };
    if packed.len() != expected {
        return Err(refusal);
    }
    if bits == 32 {
        let (numbers, _) = packed.as_chunks::<4>();
        return Ok(numbers.iter().map(|number| u32::from_le_bytes(*number).into()).collect());
    }
    let (mut bytes, mut pending, mut held) = (packed.iter(), 0u128, 0);
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        while held < bits {
            pending |= u128::from(*bytes.next().expect("the length was checked")) << held;
            held += 8;
        }
        values.push(low(pending as u64, bits));
        pending >>= bits;
        held -= bits;
    }
    if pending == 0 { Ok(values) } else { Err(refusal) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_width_come_back() {
        for bits in 1..=64 {
            for count in [0, 1, 7, 33] {
                let values: Vec<u64> = (0..count)
                    .map(|place: u64| low((place + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15), bits))
                    .collect();
                let packed = pack(values.iter().copied(), bits);
                assert_eq!(packed.len(), packed_bytes(values.len(), bits));
                assert_eq!(unpack(&packed, values.len(), bits), Ok(values));
            }
        }
    }

    #[test]
    fn wrong_lengths_and_a_second_encoding_are_refused() {
        assert_eq!(unpack(&[0; 3], 8, 2), Err(Error::Message { expected: 2, found: 3 }));
        assert!(unpack(&[0b1_0000], 4, 1).is_err());
        assert!(unpack(&[0b1111], 4, 1).is_ok());
    }
}
