use super::*;
use crate::prg::{Kernel, Lane, Seed, SeedStream};

/// Roots, and points drawn besides.
fn drawn() -> ([[Block; TILE]; 2], Vec<u64>) {
    let stream = SeedStream::new(Kernel::best(), &Seed::from_bytes([42; 16]));
    let mut roots = [[0; TILE]; 2];
    stream.blocks(Lane::new(0, 0), 0, &mut roots[0]);
    stream.blocks(Lane::new(0, 1), 0, &mut roots[1]);
    roots[0].iter_mut().for_each(|root| *root &= !1);
    roots[1].iter_mut().for_each(|root| *root |= 1);
    (roots, stream.numbers(Lane::new(0, 2), 0, 2 * TILE))
}

/// Whether "α is not right of x" comes out, and whether both parties' shares make it.
fn check(domain: Domain, secret: &[u64], points: &[u64]) {
    let permutation = Permutation::new(Kernel::best(), &[1; 16]);
    let (roots, _) = drawn();
    let mut words = vec![0; secret.len() * domain.key_bytes()];
    domain.generate(&permutation, [&roots[0], &roots[1]], secret, &mut words);
    let [a, b] = roots.map(|roots| domain.reach(&permutation, &roots, points, &words).not_right);
    for lane in 0..secret.len() {
        let expected = u64::from(secret[lane] <= points[lane]);
        assert_eq!(a[lane] ^ b[lane], expected, "{} bits, {} at {}", domain.bits, secret[lane], points[lane]);
    }
}

#[test]
fn small_domains_are_right_at_every_point() {
    for bits in [1, 2, 5, 7, 8, 9] {
        for secret in 0..1u64 << bits {
            for points in (0..1u64 << bits).collect::<Vec<_>>().chunks(TILE) {
                check(Domain::new(bits), &vec![secret; points.len()], points);
            }
        }
    }
}

#[test]
fn large_domains_are_right_at_random_points_and_around_the_secret_one() {
    let (_, numbers) = drawn();
    for bits in [19, 31, 39, 47, 63, 64] {
        let cut = |number: u64| number >> (64 - bits);
        let secret: Vec<u64> = numbers[..TILE].iter().copied().map(cut).collect();
        let points: Vec<u64> = numbers[TILE..].iter().copied().map(cut).collect();
        check(Domain::new(bits), &secret, &points);
        check(Domain::new(bits), &secret, &secret);
        let before: Vec<u64> = secret.iter().map(|point| point.saturating_sub(1)).collect();
        check(Domain::new(bits), &secret, &before);
    }
}

#[test]
fn a_key_of_31_bits_is_400_bytes_and_one_of_19_bits_208() {
    assert_eq!([31, 19, 7, 1].map(|bits| Domain::new(bits).key_bytes()), [400, 208, 16, 16]);
}

#[test]
fn shares_alone_are_even_whatever_the_secret() {
    let permutation = Permutation::new(Kernel::best(), &[1; 16]);
    let domain = Domain::new(31);
    for secret in [0, 1 << 30, (1 << 31) - 1] {
        let mut ones = 0;
        for round in 0..200u128 {
            let (mut roots, _) = drawn();
            roots.iter_mut().flatten().for_each(|root| *root ^= round << 7);
            roots[0].iter_mut().for_each(|root| *root ^= round << 70);
            let mut words = vec![0; TILE * domain.key_bytes()];
            domain.generate(&permutation, [&roots[0], &roots[1]], &[secret; TILE], &mut words);
            let reached = domain.reach(&permutation, &roots[0], &[1 << 30; TILE], &words);
            ones += reached.not_right.iter().sum::<u64>();
        }
        // 6,400 fair coins: seven standard deviations around the mean.
        assert!((2920..=3480).contains(&ones), "{ones}");
    }
}
