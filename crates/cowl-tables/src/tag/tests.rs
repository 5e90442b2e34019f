use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::ToPrimitive;
use proptest::prelude::*;

use super::*;

fn key(slots: usize, tags: usize) -> TagKey {
    TagKey::derive(&Secret::new([7; 32]), b"a set", slots, tags)
}

/// Sums of values and tags over the given rows of a small table.
fn sums(key: &TagKey, table: &[Vec<i128>], rows: &[u64]) -> (Vec<i128>, Vec<i128>) {
    let mut values = vec![0; table[0].len()];
    let mut tags = vec![0; key.tags()];
    for &row in rows {
        let cells = &table[row as usize];
        values.iter_mut().zip(cells).for_each(|(sum, cell)| *sum += cell);
        tags.iter_mut().zip(key.tags_of(row, cells).unwrap()).for_each(|(sum, tag)| *sum += i128::from(tag));
    }
    (values, tags)
}

fn table() -> impl Strategy<Value = Vec<Vec<i128>>> {
    prop::collection::vec(prop::collection::vec(-(1i128 << 50)..1 << 50, 5), 8)
}

proptest! {
    #[test]
    fn the_field_computes_as_big_integers_do(value: u128, signed: i128, a: u64, b: u64) {
        for tag in 0..MOST_TAGS {
            let (field, prime) = (field(tag), BigInt::from(field(tag).prime()));
            let expected = |value: BigInt| value.mod_floor(&prime).to_u64().unwrap();
            prop_assert_eq!(field.reduce(value), expected(value.into()));
            prop_assert_eq!(field.of(signed), expected(signed.into()));
            let (a, b) = (field.reduce(a.into()), field.reduce(b.into()));
            prop_assert_eq!(field.multiply(a, b), expected(BigInt::from(a) * b));
            prop_assert_eq!(field.add(a, b), expected(BigInt::from(a) + b));
        }
    }

    #[test]
    fn sums_of_the_selected_rows_pass(table in table(), rows in prop::sample::subsequence((0u64..8).collect::<Vec<_>>(), 0..8)) {
        for tags in 1..=MOST_TAGS {
            let key = key(5, tags);
            let (values, tag_sums) = sums(&key, &table, &rows);
            prop_assert_eq!(key.check(rows.iter().copied(), &values, &tag_sums), Ok(()));
        }
    }

    #[test]
    fn dropped_doubled_and_swapped_rows_are_caught(table in table(), rows in prop::sample::subsequence((0u64..8).collect::<Vec<_>>(), 1..7)) {
        let key = key(5, 1);
        let caught = |added: &[u64]| {
            let (values, tag_sums) = sums(&key, &table, added);
            key.check(rows.iter().copied(), &values, &tag_sums) == Err(TagError::Mismatch)
        };
        prop_assert!(caught(&rows[1..]));
        prop_assert!(caught(&[&rows[..], &rows[..1]].concat()));
        let other = (0..8).find(|row| !rows.contains(row)).unwrap();
        prop_assert!(caught(&[&rows[1..], &[other]].concat()));
        prop_assert!(caught(&[&rows[..], &[other]].concat()));
    }

    #[test]
    fn a_changed_value_or_tag_is_caught(table in table(), slot in 0usize..5, change in 1i128..1 << 59) {
        let key = key(5, 1);
        let rows = [1, 2, 5];
        let (mut values, mut tag_sums) = sums(&key, &table, &rows);
        values[slot] += change;
        prop_assert_eq!(key.check(rows, &values, &tag_sums), Err(TagError::Mismatch));
        values[slot] -= change;
        tag_sums[0] += change;
        prop_assert_eq!(key.check(rows, &values, &tag_sums), Err(TagError::Mismatch));
    }

    #[test]
    fn scores_pass_with_their_factors_and_fail_with_others(table in table(), factors in prop::array::uniform3(-1000i64..1000)) {
        let key = key(5, 1);
        let mut values = vec![0i128; 5];
        let mut tags = vec![0i128];
        for (row, factor) in (0u64..).zip(factors) {
            let (cells, row_tags) = (&table[row as usize], key.tags_of(row, &table[row as usize]).unwrap());
            values.iter_mut().zip(cells).for_each(|(sum, cell)| *sum += cell * i128::from(factor));
            tags[0] += i128::from(row_tags[0]) * i128::from(factor);
        }
        let rows = |change: i64| (0u64..).zip(factors).map(move |(row, factor)| (row, factor + change));
        prop_assert_eq!(key.check_combination(rows(0), &values, &tags), Ok(()));
        prop_assert_eq!(key.check_combination(rows(1), &values, &tags), Err(TagError::Mismatch));
    }
}

/// Why sums wider than the prime carry two tags, and why ranges are checked first.
#[test]
fn a_change_by_the_prime_passes_one_tag_and_is_caught_by_two() {
    let prime = i128::from(field(0).prime());
    let table = vec![vec![3, 4, 5, 6, 7]; 8];
    for (tags, expected) in [(1, Ok(())), (2, Err(TagError::Mismatch))] {
        let key = key(5, tags);
        let (mut values, tag_sums) = sums(&key, &table, &[0, 3]);
        values[2] += prime;
        assert_eq!(key.check([0, 3], &values, &tag_sums), expected);
    }
}

#[test]
fn keys_of_two_sets_have_nothing_in_common() {
    let secret = Secret::new([7; 32]);
    let tag = |context: &[u8]| TagKey::derive(&secret, context, 2, 1).tags_of(0, &[1, 2]).unwrap();
    assert_ne!(tag(b"one"), tag(b"other"));
    assert_ne!(tag(b"one"), TagKey::derive(&Secret::new([8; 32]), b"one", 2, 1).tags_of(0, &[1, 2]).unwrap());
}

#[test]
fn rows_of_another_shape_are_refused() {
    let key = key(5, 1);
    let expected = TagError::WrongCount { what: "values", expected: 5, found: 4 };
    assert_eq!(key.tags_of(0, &[0; 4]), Err(expected));
    assert!(matches!(key.check([0], &[0; 5], &[0; 2]), Err(TagError::WrongCount { what: "tags", .. })));
}

/// Sealed tables depend on it: a change breaks what people have stored.
#[test]
fn tags_are_the_same_as_ever() {
    let tags = key(3, 2).tags_of(41, &[1, -2, 1 << 70]).unwrap();
    assert_eq!(tags, FROZEN);
}

const FROZEN: [u64; 2] = [655_790_152_634_000_933, 1_518_013_734_456_906_872];

/// Miller and Rabin with the bases that decide all 64-bit numbers (Sorenson and Webster 2015).
#[test]
fn both_moduli_are_primes() {
    for complement in COMPLEMENTS {
        let n = (1u64 << TAG_BITS) - complement;
        let (odd, twos) = ((n - 1) >> (n - 1).trailing_zeros(), (n - 1).trailing_zeros());
        for base in [2u32, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37] {
            let mut x = BigInt::from(base).modpow(&odd.into(), &n.into());
            let mut passes = x == BigInt::from(1) || x == BigInt::from(n - 1);
            for _ in 1..twos {
                x = x.modpow(&2.into(), &n.into());
                passes |= x == BigInt::from(n - 1);
            }
            assert!(passes, "{n} is composite");
        }
    }
}
