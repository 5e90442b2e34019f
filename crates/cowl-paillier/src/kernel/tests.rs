//! Both kernels against each other, digit by digit, and against num-bigint.

use num_bigint::BigInt;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const LENGTHS: [usize; 5] = [20, 30, 40, 60, 80];

fn kernels() -> Vec<Kernel> {
    let mut kernels = vec![Kernel::portable(), Kernel::best()];
    kernels.dedup();
    kernels
}

fn digit() -> impl Strategy<Value = u64> {
    prop_oneof![1 => Just(0), 1 => Just(DIGIT_MASK), 1 => Just(1), 5 => 0..=DIGIT_MASK]
}

fn octets(length: usize) -> impl Strategy<Value = Vec<Octet>> {
    vec(proptest::array::uniform8(digit()).prop_map(Octet), length)
}

/// An odd modulus with the twelve bits of room that all moduli have.
fn modulus(length: usize) -> impl Strategy<Value = Vec<u64>> {
    vec(digit(), length).prop_map(move |mut digits| {
        digits[0] |= 1;
        digits[length - 1] = digits[length - 1] >> 12 | 1 << 30;
        digits
    })
}

fn operands() -> impl Strategy<Value = (Vec<Octet>, Vec<Octet>, Vec<u64>)> {
    proptest::sample::select(&LENGTHS[..])
        .prop_flat_map(|length| (octets(length), octets(length), modulus(length)))
}

/// A lane's number, its digits signed and of any size.
fn number(octets: &[Octet], lane: usize) -> BigInt {
    let digits = octets.iter().rev();
    digits.fold(BigInt::ZERO, |sum, octet| (sum << DIGIT_BITS) + (octet.0[lane] as i64))
}

fn inverse(n0: u64) -> u64 {
    (0..6).fold(1_u64, |x, _| x.wrapping_mul(2_u64.wrapping_sub(n0.wrapping_mul(x)))).wrapping_neg()
        & DIGIT_MASK
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn products_and_squares_are_those_of_num_bigint((a, b, _) in operands()) {
        for kernel in kernels() {
            let mut sum = vec![Octet::default(); 2 * a.len()];
            kernel.multiply_add(&mut sum, &a, &b);
            kernel.multiply_add(&mut sum, &b, &b);
            let mut square = vec![Octet([u64::MAX; LANES]); 2 * a.len()];
            kernel.square(&mut square, &a);
            for lane in 0..LANES {
                let (x, y) = (number(&a, lane), number(&b, lane));
                prop_assert_eq!(number(&sum, lane), &x * &y + &y * &y);
                prop_assert_eq!(number(&square, lane), &x * &x);
            }
        }
    }

    #[test]
    fn reductions_are_exact_and_alike((a, b, n) in operands()) {
        let length = n.len();
        let modulus = n.iter().rev().fold(BigInt::ZERO, |sum, &digit| (sum << DIGIT_BITS) + digit);
        let mut remainders = Vec::new();
        for kernel in kernels() {
            // Numbers below 2n, as the arithmetic above hands over: one factor's highest digit is small.
            let mut low = a.clone();
            low[length - 1] = Octet([1 << 20; LANES]);
            let mut sum = vec![Octet::default(); 2 * length];
            kernel.multiply_add(&mut sum, &low, &b);
            let before: Vec<_> = (0..LANES).map(|lane| number(&sum, lane)).collect();
            let mut remainder = vec![Octet::default(); length];
            kernel.reduce(&mut sum, &n, inverse(n[0]), &mut remainder);
            prop_assert!(sum[length..].iter().all(|octet| *octet == Octet::default()));
            for lane in 0..LANES {
                let quotient = -number(&sum[..length], lane);
                let cleared = &before[lane] + quotient * &modulus;
                prop_assert_eq!(number(&remainder, lane) << (DIGIT_BITS as usize * length), cleared);
            }
            remainders.push((remainder, sum));
        }
        prop_assert!(remainders.windows(2).all(|two| two[0] == two[1]));
    }

    #[test]
    fn doubling_doubles((a, _, _) in operands()) {
        let mut room = a.clone();
        let last = room.len() - 1;
        room[last] = Octet(room[last].0.map(|digit| digit >> 2));
        for kernel in kernels() {
            let mut twice = room.clone();
            kernel.double(&mut twice);
            for lane in 0..LANES {
                prop_assert_eq!(number(&twice, lane), number(&room, lane) * 2);
            }
            prop_assert!(twice.iter().all(|octet| octet.0.iter().all(|digit| *digit <= DIGIT_MASK)));
        }
    }

    #[test]
    fn selections_are_the_rows_asked_for(
        wide in any::<bool>(),
        seed in any::<u64>(),
        indices in vec(proptest::array::uniform8(any::<u64>()), 1..10),
    ) {
        let (rows, length) = (if wide { 128 } else { 64 }, 20);
        let word = |digit: usize, row: usize| seed.wrapping_mul((digit * rows + row) as u64 | 1);
        let words = (0..length * rows / LANES).map(|at| {
            Octet(std::array::from_fn(|lane| word(at * LANES / rows, at * LANES % rows + lane)))
        });
        let table: Vec<_> = words.collect();
        let indices: Vec<_> = indices.iter().map(|eight| eight.map(|index| index % rows as u64)).collect();
        for kernel in kernels() {
            let mut out = vec![vec![Octet([7; LANES]); length]; indices.len()];
            let mut slices: Vec<_> = out.iter_mut().map(|out| &mut out[..]).collect();
            kernel.select_each(&table, rows, &indices, &mut slices);
            for (out, index) in out.iter().zip(&indices) {
                for (digit, octet) in out.iter().enumerate() {
                    prop_assert_eq!(octet.0, index.map(|row| word(digit, row as usize)));
                }
            }
        }
    }

    #[test]
    fn shared_and_open_rows_are_the_ones_asked_for(table in octets(32 * 20), index in 0..32_usize) {
        for kernel in kernels() {
            let mut row = vec![Octet([7; LANES]); 20];
            kernel.select_shared(&table, index as u64, &mut row);
            prop_assert_eq!(&row[..], &table[index * 20..][..20]);
            // A row of eight digits an octet: 20 digits are two octets and a half.
            let rows: [&[Octet]; LANES] = std::array::from_fn(|lane| &table[3 * lane + index..][..3]);
            kernel.gather_rows(rows, &mut row);
            for (digit, octet) in row.iter().enumerate() {
                let expected: [u64; LANES] = std::array::from_fn(|lane| rows[lane][digit / LANES].0[digit % LANES]);
                prop_assert_eq!(octet.0, expected);
            }
        }
    }
}

#[test]
fn a_mask_is_all_ones_for_equal_numbers_only() {
    assert_eq!(mask_if_equal(5, 5), u64::MAX);
    assert!([(0, 1), (1, 0), (0, u64::MAX), (1 << 63, 0)].iter().all(|&(a, b)| mask_if_equal(a, b) == 0));
}
