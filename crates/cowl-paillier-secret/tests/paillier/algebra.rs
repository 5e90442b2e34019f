//! What sums and multiples of ciphertexts open to.

use std::collections::HashSet;

use cowl_paillier::{Ciphertexts, GroupedSums, Plaintext, encrypt_textbook};
use cowl_paillier_secret::OwnerEncryptor;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::keys::{fixture, rng, variable};

fn edge() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), Just(1), Just(-1), Just(i64::MAX), Just(i64::MIN), any::<i64>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn sums_and_differences_open_to_sums_and_differences(pairs in vec((edge(), edge()), 1..20)) {
        let (left, right): (Vec<i64>, Vec<i64>) = pairs.into_iter().unzip();
        let (it, public) = (fixture(), fixture().key.public());
        let (a, b) = (it.sealed(&left), it.sealed(&right));
        let expected = |sign: i128| -> Vec<_> {
            left.iter().zip(&right).map(|(&a, &b)| it.words(i128::from(a) + sign * i128::from(b))).collect()
        };
        prop_assert_eq!(it.opened(&a.add(public, &b).unwrap()), expected(1));
        prop_assert_eq!(it.opened(&a.subtract(public, &b).unwrap()), expected(-1));
    }

    #[test]
    fn multiples_and_scalar_products_open_to_theirs(terms in vec((edge(), edge()), 1..20)) {
        let (values, scalars): (Vec<i64>, Vec<i64>) = terms.into_iter().unzip();
        let (it, public) = (fixture(), fixture().key.public());
        let sealed = it.sealed(&values);
        let products = values.iter().zip(&scalars).map(|(&a, &b)| i128::from(a) * i128::from(b));
        let expected: Vec<_> = products.map(|product| it.words(product)).collect();
        prop_assert_eq!(it.opened(&sealed.multiply(public, &scalars).unwrap()), expected);
        let halves = values.iter().zip(&scalars).map(|(&a, &b)| i128::from(a / 64) * i128::from(b));
        let expected = it.words(halves.sum());
        let sealed = it.sealed(&values.iter().map(|value| value / 64).collect::<Vec<_>>());
        prop_assert_eq!(it.opened(&sealed.scalar_product(public, &scalars).unwrap()), [expected]);
    }

    #[test]
    fn grouped_sums_open_to_the_sums_of_their_groups(rows in vec((any::<i32>(), 0..5_usize), 0..60)) {
        let (it, public) = (fixture(), fixture().key.public());
        let sealed = it.sealed(&rows.iter().map(|row| i64::from(row.0)).collect::<Vec<_>>());
        let stored = sealed.to_rows(public).unwrap();
        let (mut by_row, mut by_batch) = (GroupedSums::new(public, 5), GroupedSums::new(public, 5));
        for (row, (_, group)) in stored.chunks_exact(public.ciphertext_bytes()).zip(&rows) {
            by_row.add_row(row, *group).unwrap();
        }
        by_batch.add_batch(&sealed, |index| rows[index].1).unwrap();
        let sum = |group| rows.iter().filter(|row| row.1 == group).map(|row| i128::from(row.0)).sum();
        let expected: Vec<_> = (0..5).map(|group| it.words(sum(group))).collect();
        let by_row = by_row.finish();
        prop_assert_eq!(it.opened(&by_row), expected);
        prop_assert_eq!(by_row.to_rows(public).unwrap(), by_batch.finish().to_rows(public).unwrap());
    }

    #[test]
    fn a_chain_of_operations_opens_to_its_result(a in any::<i32>(), b in any::<i32>(), c in -999..999_i64) {
        let (it, public) = (fixture(), fixture().key.public());
        let (x, y) = (it.sealed(&[a.into()]), it.sealed(&[b.into()]));
        let mut chain = x.add(public, &y).unwrap().multiply(public, &[c]).unwrap();
        chain.add_assign(public, &x).unwrap();
        chain = chain.subtract(public, &y.add(public, &y).unwrap()).unwrap();
        chain = it.encryptor.rerandomise(&chain, &mut rng()).unwrap();
        let again = Ciphertexts::from_bytes(public, &chain.to_bytes(public).unwrap()).unwrap();
        let (a, b, c) = (i128::from(a), i128::from(b), i128::from(c));
        prop_assert_eq!(it.opened(&again), [it.words((a + b) * c + a - 2 * b)]);
    }
}

#[test]
fn the_largest_plaintext_and_one_make_zero() {
    let (it, public) = (fixture(), fixture().key.public());
    let sum = it.sealed(&[-1]).add(public, &it.sealed(&[1])).unwrap();
    assert_eq!(it.opened(&sum), [it.words(0)]);
}

#[test]
fn sums_of_nothing_open_to_zero() {
    let (it, public) = (fixture(), fixture().key.public());
    assert_eq!(it.opened(&it.sealed(&[]).sum(public).unwrap()), [it.words(0)]);
    assert!(it.opened(&it.sealed(&[])).is_empty());
}

#[test]
fn ciphertexts_of_equal_values_are_never_equal() {
    let (it, public) = (fixture(), fixture().key.public());
    let values: Vec<_> = (0..80).map(|_| Plaintext::from_u64(7)).collect();
    let owner = OwnerEncryptor::new(it.key.clone(), variable());
    let batches = [
        it.encryptor.encrypt(&values, &mut rng()).unwrap(),
        encrypt_textbook(public, &values, &mut rng()).unwrap(),
        owner.encrypt(&values, &mut rng()).unwrap(),
    ];
    let rerandomised = batches.each_ref().map(|batch| it.encryptor.rerandomise(batch, &mut rng()).unwrap());
    let rows = batches.iter().chain(&rerandomised).map(|batch| batch.to_rows(public).unwrap());
    let rows: Vec<Vec<u8>> = rows.collect();
    let all: Vec<_> = rows.iter().flat_map(|rows| rows.chunks_exact(public.ciphertext_bytes())).collect();
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 6 * 80);
    // Nor do they share the half that does not hold the value.
    assert_eq!(all.iter().map(|row| &row[..256]).collect::<HashSet<_>>().len(), 6 * 80);
}

#[test]
fn the_owners_masks_are_nth_residues() {
    // An encryption of zero is one exactly if its power by the order of the n-th residues is one: that it opens to
    // zero. That it is not always the same residue, nor a square always, is seen in the Jacobi symbols.
    let it = fixture();
    let owner = OwnerEncryptor::new(it.key.clone(), variable());
    let zeros: Vec<_> = (0..64).map(|_| Plaintext::from_u64(0)).collect();
    let masks = owner.encrypt(&zeros, &mut rng()).unwrap();
    assert!(it.opened(&masks).iter().all(|words| words.iter().all(|&word| word == 0)));
}
