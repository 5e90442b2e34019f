//! Signed integers side by side in one, in two's complement.

use num_bigint::BigInt;

const LIMB: usize = u64::BITS as usize;

/// Σ vⱼ·2^offⱼ of the next values, one for each width.
pub(super) fn join(widths: &[u32], values: &mut impl Iterator<Item = i128>) -> BigInt {
    let total: usize = widths.iter().map(|width| *width as usize).sum();
    // One limb more than the slots need holds the sign.
    let mut limbs = vec![0u64; total / LIMB + 3];
    let (mut at, mut borrowed) = (0usize, 0i128);
    for (&width, value) in widths.iter().zip(values) {
        let lowered = value - borrowed;
        borrowed = i128::from(lowered < 0);
        write(&mut limbs, at, width, lowered as u128);
        at += width as usize;
    }
    if borrowed == 1 {
        set_all_from(&mut limbs, at);
    }
    let bytes: Vec<u8> = limbs.iter().flat_map(|limb| limb.to_le_bytes()).collect();
    BigInt::from_signed_bytes_le(&bytes)
}

/// The values of the slots, or `None` when the integer holds more than these.
pub(super) fn split(joined: &BigInt, widths: &[u32], values: &mut Vec<i128>) -> Option<()> {
    let bytes = joined.to_signed_bytes_le();
    let sign = if bytes.last().is_some_and(|byte| byte & 0x80 != 0) { u64::MAX } else { 0 };
    let total: usize = widths.iter().map(|width| *width as usize).sum();
    if bytes.len() * 8 > (total / LIMB + 2) * LIMB {
        return None;
    }
    let mut limbs: Vec<u64> = bytes.chunks(8).map(|chunk| sign_extended(chunk, sign)).collect();
    limbs.resize(total / LIMB + 3, sign);
    let (mut at, mut carried) = (0usize, 0u128);
    for &width in widths {
        let mask = (1u128 << width) - 1;
        let field = read(&limbs, at, width) + carried;
        let negative = field >= 1 << (width - 1);
        carried = u128::from(negative);
        let wrapped = field & mask;
        let fills = if wrapped >= 1 << (width - 1) { !mask } else { 0 };
        values.push((wrapped | fills) as i128);
        at += width as usize;
    }
    // What is above must be the sign that the topmost slot leaves: nothing, once its carry is added.
    let above = (at..limbs.len() * LIMB).all(|bit| (limbs[bit / LIMB] >> (bit % LIMB)) & 1 == carried as u64);
    above.then_some(())
}

fn sign_extended(chunk: &[u8], sign: u64) -> u64 {
    let mut whole = sign.to_le_bytes();
    whole[..chunk.len()].copy_from_slice(chunk);
    u64::from_le_bytes(whole)
}

/// Writes the low `width` bits of `value` at bit `at`, where zeros are.
fn write(limbs: &mut [u64], at: usize, width: u32, value: u128) {
    let value = value & ((1u128 << width) - 1);
    let (limb, shift) = (at / LIMB, at % LIMB);
    limbs[limb] |= (value << shift) as u64;
    limbs[limb + 1] |= (value >> (LIMB - shift)) as u64;
    if shift > 0 {
        limbs[limb + 2] |= (value >> (2 * LIMB - shift)) as u64;
    }
}

/// Reads `width` bits at bit `at`.
fn read(limbs: &[u64], at: usize, width: u32) -> u128 {
    let (limb, shift) = (at / LIMB, at % LIMB);
    let mut value = u128::from(limbs[limb]) >> shift | u128::from(limbs[limb + 1]) << (LIMB - shift);
    if shift > 0 {
        value |= u128::from(limbs[limb + 2]) << (2 * LIMB - shift);
    }
    value & ((1u128 << width) - 1)
}

fn set_all_from(limbs: &mut [u64], at: usize) {
    limbs[at / LIMB] |= u64::MAX << (at % LIMB);
    limbs[at / LIMB + 1..].fill(u64::MAX);
}
