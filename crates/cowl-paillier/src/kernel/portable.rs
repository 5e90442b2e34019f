//! The kernel for every processor: the same digits and the same results as the vector kernel, a lane at a time.
//!
//! Products of 52-bit digits are summed column by column in 128 bits, where sixteen million of them fit. So no
//! carry is handled inside a column, which costs about what 64-bit digits save by being fewer.

use std::ops::Range;

use super::{DIGIT_BITS, DIGIT_MASK, LANES, MOST_DIGITS, Octet, mask_if_equal};

/// A lane's digits, contiguous.
type Lane = [u64; MOST_DIGITS];

fn gather(from: &[Octet], lane: usize) -> Lane {
    let mut digits = [0; MOST_DIGITS];
    for (to, from) in digits.iter_mut().zip(from) {
        *to = from.0[lane];
    }
    digits
}

pub(super) fn multiply_add(sum: &mut [Octet], a: &[Octet], b: &[Octet]) {
    let h = a.len();
    for lane in 0..LANES {
        let (a, b) = (gather(a, lane), gather(b, lane));
        let mut carry = 0_u128;
        for (column, octet) in sum[..2 * h].iter_mut().enumerate() {
            let first = (column + 1).saturating_sub(h);
            let last = column.min(h - 1);
            carry += convolution(&a[first..=last], &b[column - last..=column - first]);
            // Added as it stands, sign and all: what has accumulated is normalised by the reduction.
            octet.0[lane] = octet.0[lane].wrapping_add(carry as u64 & DIGIT_MASK);
            carry >>= DIGIT_BITS;
        }
    }
}

pub(super) fn square(sum: &mut [Octet], a: &[Octet]) {
    let h = a.len();
    for lane in 0..LANES {
        let a = gather(a, lane);
        let mut carry = 0_u128;
        for (column, octet) in sum[..2 * h].iter_mut().enumerate() {
            let first = (column + 1).saturating_sub(h);
            let middle = column.div_ceil(2);
            if first < middle {
                carry += 2 * convolution(&a[first..middle], &a[column + 1 - middle..=column - first]);
            }
            if column % 2 == 0 {
                carry += u128::from(a[column / 2]) * u128::from(a[column / 2]);
            }
            octet.0[lane] = carry as u64 & DIGIT_MASK;
            carry >>= DIGIT_BITS;
        }
    }
}

pub(super) fn reduce(sum: &mut [Octet], n: &[u64], inverse: u64, remainder: &mut [Octet]) {
    for lane in 0..LANES {
        reduce_lane(sum, n, inverse, remainder, lane);
    }
}

fn reduce_lane(sum: &mut [Octet], n: &[u64], inverse: u64, remainder: &mut [Octet], lane: usize) {
    let h = n.len();
    let mut quotient: Lane = [0; MOST_DIGITS];
    let mut carry = 0_i128;
    for column in 0..h {
        carry += i128::from(sum[column].0[lane] as i64) + column_product(&quotient, n, column, 0..column);
        let digit = (carry as u64).wrapping_mul(inverse) & DIGIT_MASK;
        quotient[column] = digit;
        sum[column].0[lane] = digit.wrapping_neg();
        carry = (carry + i128::from(digit) * i128::from(n[0])) >> DIGIT_BITS;
    }
    for column in h..2 * h {
        carry +=
            i128::from(sum[column].0[lane] as i64) + column_product(&quotient, n, column, column + 1 - h..h);
        remainder[column - h].0[lane] = carry as u64 & DIGIT_MASK;
        sum[column].0[lane] = 0;
        carry >>= DIGIT_BITS;
    }
}

/// Σ qᵢ·nⱼ over i in `rows`, i + j = column.
fn column_product(quotient: &Lane, n: &[u64], column: usize, rows: Range<usize>) -> i128 {
    if rows.is_empty() {
        return 0;
    }
    convolution(&quotient[rows.clone()], &n[column + 1 - rows.end..=column - rows.start]) as i128
}

/// Σ aᵢ·b₍last−i₎.
fn convolution(a: &[u64], b: &[u64]) -> u128 {
    a.iter().zip(b.iter().rev()).map(|(&a, &b)| u128::from(a) * u128::from(b)).sum()
}

pub(super) fn double(digits: &mut [Octet]) {
    let mut carry = [0; LANES];
    for octet in digits {
        for lane in 0..LANES {
            let twice = 2 * octet.0[lane] + carry[lane];
            octet.0[lane] = twice & DIGIT_MASK;
            carry[lane] = twice >> DIGIT_BITS;
        }
    }
}

pub(super) fn gather_rows(rows: [&[Octet]; LANES], digits: &mut [Octet]) {
    for (index, octet) in digits.iter_mut().enumerate() {
        for lane in 0..LANES {
            octet.0[lane] = rows[lane][index / LANES].0[index % LANES];
        }
    }
}

pub(super) fn select_each(table: &[Octet], rows: usize, indices: &[[u64; LANES]], out: &mut [&mut [Octet]]) {
    for (index, out) in indices.iter().zip(out) {
        for (octet, words) in out.iter_mut().zip(table.chunks_exact(rows / LANES)) {
            *octet = Octet::default();
            for (number, &word) in words.iter().flat_map(|words| &words.0).enumerate() {
                for lane in 0..LANES {
                    octet.0[lane] |= word & mask_if_equal(index[lane], number as u64);
                }
            }
        }
    }
}

pub(super) fn select_shared(table: &[Octet], index: u64, row: &mut [Octet]) {
    row.fill(Octet::default());
    for (number, candidate) in table.chunks_exact(row.len()).enumerate() {
        let mask = mask_if_equal(index, number as u64);
        for (octet, candidate) in row.iter_mut().zip(candidate) {
            for lane in 0..LANES {
                octet.0[lane] |= candidate.0[lane] & mask;
            }
        }
    }
}
