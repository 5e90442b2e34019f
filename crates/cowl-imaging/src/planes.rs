//! The samples of a frame as planes of *keys*, one a component, and differences between colour components.

use crate::pixels::SampleFormat;

/// Maps samples to keys: 16-bit numbers whose order and wrapping arithmetic are those of the samples.
#[derive(Clone, Copy)]
pub(crate) struct Keys {
    pub(crate) bytes: usize,
    bias: u16,
    /// 8-bit samples are kept in the upper half of the key, so that they wrap where a byte does.
    pub(crate) shift: u32,
}

impl Keys {
    pub(crate) fn of(format: SampleFormat) -> Self {
        let bias = if format.is_signed() { 0 } else { 0x8000 };
        Self { bytes: format.bytes(), bias, shift: 16 - u32::from(format.bits_allocated()) }
    }

    /// The key of sample zero.
    pub(crate) fn zero(self) -> i16 {
        self.bias as i16
    }

    /// Takes one component of interleaved samples.
    pub(crate) fn load(self, samples: &[u8], component: usize, components: usize, keys: &mut [i16]) {
        let pixels = samples.chunks_exact(components * self.bytes);
        let at = component * self.bytes;
        match (self.bytes, components) {
            (2, 1) => {
                for (key, sample) in keys.iter_mut().zip(samples.chunks_exact(2)) {
                    *key = (u16::from_le_bytes([sample[0], sample[1]]) ^ self.bias) as i16;
                }
            }
            (2, _) => {
                for (key, pixel) in keys.iter_mut().zip(pixels) {
                    *key = (u16::from_le_bytes([pixel[at], pixel[at + 1]]) ^ self.bias) as i16;
                }
            }
            _ => {
                for (key, pixel) in keys.iter_mut().zip(pixels) {
                    *key = ((u16::from(pixel[at]) << 8) ^ self.bias) as i16;
                }
            }
        }
    }

    /// Puts one component, keys as bytes in little endian, among interleaved samples.
    pub(crate) fn store(self, keys: &[u8], component: usize, components: usize, samples: &mut [u8]) {
        let at = component * self.bytes;
        match (self.bytes, components) {
            (2, 1) => {
                for (key, sample) in keys.chunks_exact(2).zip(samples.chunks_exact_mut(2)) {
                    sample.copy_from_slice(&(u16::from_le_bytes([key[0], key[1]]) ^ self.bias).to_le_bytes());
                }
            }
            (2, _) => {
                for (key, pixel) in keys.chunks_exact(2).zip(samples.chunks_exact_mut(2 * components)) {
                    let sample = u16::from_le_bytes([key[0], key[1]]) ^ self.bias;
                    pixel[at..at + 2].copy_from_slice(&sample.to_le_bytes());
                }
            }
            _ => {
                for (key, pixel) in keys.chunks_exact(2).zip(samples.chunks_exact_mut(components)) {
                    pixel[at] = key[1] ^ (self.bias >> 8) as u8;
                }
            }
        }
    }

    /// Zigzag: small numbers of either sign become small unsigned ones.
    #[inline(always)]
    pub(crate) fn fold(self, residual: i16) -> u16 {
        let value = residual >> self.shift;
        ((value << 1) ^ (value >> 15)) as u16
    }

    /// Undoes [`Keys::fold`].
    #[inline(always)]
    pub(crate) fn unfold(self, folded: u16) -> i16 {
        (((folded >> 1) ^ (folded & 1).wrapping_neg()) << self.shift) as i16
    }
}

/// Replaces the first and third component by their differences to the second when that makes them smoother.
pub(crate) fn subtract_second_where_smaller(components: &mut [Vec<i16>]) -> bool {
    let [first, second, third] = components else { return false };
    let smoother = |keys: &[i16]| roughness(keys.iter().zip(&*second).map(|(a, b)| a.wrapping_sub(*b)));
    let plain = roughness(first.iter().copied()) + roughness(third.iter().copied());
    if smoother(first) + smoother(third) >= plain {
        return false;
    }
    for keys in [first, third] {
        for (key, second) in keys.iter_mut().zip(&*second) {
            *key = key.wrapping_sub(*second);
        }
    }
    true
}

/// Sum of the magnitudes of steps along the rows.
fn roughness(keys: impl Iterator<Item = i16>) -> u64 {
    let mut last = 0i16;
    keys.map(|key| u64::from(key.wrapping_sub(std::mem::replace(&mut last, key)).unsigned_abs())).sum()
}

/// With colour differences the second component comes first, as the others need it.
pub(crate) fn component_order(count: usize, colour: bool) -> impl Iterator<Item = usize> {
    let order = if colour { [1, 0, 2, 3] } else { [0, 1, 2, 3] };
    order.into_iter().take(count)
}

/// What the first sample of a component is predicted from: sample zero, or no difference.
pub(crate) fn first_key(keys_of: Keys, colour: bool, component: usize) -> i16 {
    if colour && component != 1 { 0 } else { keys_of.zero() }
}

/// Undoes the colour differences; keys as bytes, little endian.
pub(crate) fn add_second(keys: &mut [u8], second: &[u8]) {
    for (key, second) in keys.chunks_exact_mut(2).zip(second.chunks_exact(2)) {
        let sum =
            u16::from_le_bytes([key[0], key[1]]).wrapping_add(u16::from_le_bytes([second[0], second[1]]));
        key.copy_from_slice(&sum.to_le_bytes());
    }
}
