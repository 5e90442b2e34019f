//! Every malformed key, ciphertext and request has its own name.

use cowl_paillier::{
    Ciphertexts, Error, GroupedSums, Kernel, KeyError, KeySize, Plaintext, PublicKey, Timing,
};
use cowl_paillier_secret::{SecretKey, SecretKeyError};
use crypto_bigint::BoxedUint;

use crate::keys::{fixture, rng, secret, vector};

fn little_endian(number: &BoxedUint, length: usize) -> Vec<u8> {
    let mut bytes = number.to_le_bytes().into_vec();
    bytes.resize(length, 0);
    bytes
}

/// Rows of ciphertexts, in the middle one the halves replaced.
fn rows_with(low: Option<&BoxedUint>, high: Option<&BoxedUint>) -> Vec<u8> {
    let it = fixture();
    let mut rows = it.sealed(&[1, 2, 3]).to_rows(it.key.public()).unwrap();
    for (number, at) in [(low, 512), (high, 768)] {
        if let Some(number) = number {
            rows[at..at + 256].copy_from_slice(&little_endian(number, 256));
        }
    }
    rows
}

fn factor() -> BoxedUint {
    // The first factor stands behind array head, version and a two-byte length.
    BoxedUint::from_be_slice_vartime(&vector("secret-2048.cbor")[4..4 + 128])
}

#[test]
fn a_half_that_is_not_below_n_is_out_of_range() {
    let public = fixture().key.public();
    let n = public.n();
    for rows in
        [rows_with(Some(&n), None), rows_with(None, Some(&n)), rows_with(None, Some(&BoxedUint::max(2048)))]
    {
        assert_eq!(Ciphertexts::from_rows(public, &rows).unwrap_err(), Error::OutOfRange { index: 1 });
        let mut sums = GroupedSums::new(public, 1);
        assert_eq!(sums.add_row(&rows[512..1024], 0).unwrap_err(), Error::OutOfRange { index: 0 });
    }
}

#[test]
fn zero_and_multiples_of_a_factor_are_no_units() {
    let public = fixture().key.public();
    for number in [BoxedUint::zero_with_precision(2048), factor()] {
        let rows = rows_with(Some(&number), None);
        assert_eq!(Ciphertexts::from_rows(public, &rows).unwrap_err(), Error::NotAUnit { index: 1 });
    }
}

#[test]
fn a_forged_number_that_reaches_the_opener_by_a_sum_is_refused() {
    let it = fixture();
    let rows = rows_with(Some(&factor()), None);
    let mut sums = GroupedSums::new(it.key.public(), 2);
    for (index, row) in rows.chunks_exact(512).enumerate() {
        sums.add_row(row, usize::from(index != 0)).unwrap();
    }
    let refused = it.key.decrypt(&sums.finish(), Timing::Constant).map(|_| ());
    assert_eq!(refused, Err(Error::NotAUnit { index: 1 }));
}

#[test]
fn bytes_of_another_length_are_refused() {
    let public = fixture().key.public();
    let rows = rows_with(None, None);
    for length in [1, 511, 513, rows.len() - 1] {
        let refused = Ciphertexts::from_rows(public, &rows[..length]).unwrap_err();
        assert_eq!(refused, Error::Length { expected: 512, found: length });
    }
    let larger = secret(3072, Kernel::best());
    assert!(matches!(Ciphertexts::from_rows(larger.public(), &rows[..512]), Err(Error::Length { .. })));
}

#[test]
fn ciphertexts_under_another_key_are_refused_everywhere() {
    let it = fixture();
    let other = secret(3072, Kernel::best());
    let sealed = it.sealed(&[1]);
    let wrong = Error::WrongKey { expected: other.public().digest(), found: it.key.public().digest() };
    let public = other.public();
    assert_eq!(other.decrypt(&sealed, Timing::Constant).map(|_| ()), Err(wrong.clone()));
    assert_eq!(sealed.add(public, &sealed).unwrap_err(), wrong);
    assert_eq!(sealed.subtract(public, &sealed).unwrap_err(), wrong);
    assert_eq!(sealed.multiply(public, &[2]).unwrap_err(), wrong);
    assert_eq!(sealed.sum(public).unwrap_err(), wrong);
    assert_eq!(sealed.to_rows(public).unwrap_err(), wrong);
    let bytes = sealed.to_bytes(it.key.public()).unwrap();
    assert_eq!(Ciphertexts::from_bytes(public, &bytes).unwrap_err(), wrong);
}

#[test]
fn batches_of_different_lengths_do_not_meet() {
    let (it, public) = (fixture(), fixture().key.public());
    let counts = Error::Counts { left: 2, right: 3 };
    let (two, three) = (it.sealed(&[1, 2]), it.sealed(&[1, 2, 3]));
    assert_eq!(two.add(public, &three).unwrap_err(), counts);
    assert_eq!(two.multiply(public, &[1, 2, 3]).unwrap_err(), counts);
}

#[test]
fn a_plaintext_must_be_below_n() {
    let it = fixture();
    let n = it.key.public().n();
    let too_large = [n.as_words().to_vec(), vec![u64::MAX; 32], [vec![0; 32], vec![1]].concat()];
    for words in too_large {
        let plaintexts = [Plaintext::from_u64(1), Plaintext::from_words(words)];
        let refused = it.encryptor.encrypt(&plaintexts, &mut rng()).unwrap_err();
        assert_eq!(refused, Error::PlaintextOutOfRange { index: 1 });
    }
}

#[test]
fn an_integer_ciphertext_beyond_the_square_is_out_of_range() {
    let public = fixture().key.public();
    let beyond = BoxedUint::max(8192);
    assert_eq!(Ciphertexts::from_integers(public, &[beyond]).unwrap_err(), Error::OutOfRange { index: 0 });
}

#[test]
fn a_modulus_of_another_length_or_an_even_one_is_no_key() {
    let one = BoxedUint::from(3_u64);
    for bits in [512, 1024, 2047, 2049, 8192] {
        let n = BoxedUint::one_with_precision(bits).shl(bits - 1);
        assert_eq!(PublicKey::new(&n, &one).unwrap_err(), KeyError::Length { bits });
    }
    let even = BoxedUint::one_with_precision(2048).shl(2047);
    assert_eq!(PublicKey::new(&even, &one).unwrap_err(), KeyError::Even);
    assert_eq!(KeySize::of_bits(1024), Err(KeyError::Length { bits: 1024 }));
}

#[test]
fn a_generator_must_be_a_unit_that_hides_something() {
    let n = fixture().key.public().n();
    let (zero, one) = (BoxedUint::zero_with_precision(2048), BoxedUint::one_with_precision(2048));
    for h in [zero, one, n.clone(), factor()] {
        assert_eq!(PublicKey::new(&n, &h).unwrap_err(), KeyError::Generator);
    }
}

#[test]
fn cut_or_lengthened_forms_are_refused() {
    let it = fixture();
    let public_bytes = it.key.public().to_bytes();
    let secret_bytes = it.key.to_bytes();
    let batch = it.sealed(&[5]).to_bytes(it.key.public()).unwrap();
    for length in [0, 1, 2, 30, 200] {
        assert!(matches!(PublicKey::from_bytes(&public_bytes[..length]), Err(KeyError::Malformed { .. })));
        assert!(
            SecretKey::from_bytes(&secret_bytes[..length])
                .is_err_and(|error| error == SecretKeyError::Malformed)
        );
        let refused = Ciphertexts::from_bytes(it.key.public(), &batch[..length]);
        assert!(matches!(refused, Err(Error::Malformed { .. })));
    }
    let longer = |bytes: &[u8]| [bytes, &[0]].concat();
    assert!(matches!(PublicKey::from_bytes(&longer(&public_bytes)), Err(KeyError::Malformed { .. })));
    assert!(
        SecretKey::from_bytes(&longer(&secret_bytes)).is_err_and(|error| error == SecretKeyError::Malformed)
    );
    assert!(matches!(
        Ciphertexts::from_bytes(it.key.public(), &longer(&batch)),
        Err(Error::Malformed { .. })
    ));
}

#[test]
fn factors_that_are_equal_or_even_make_no_key() {
    let mut bytes = vector("secret-2048.cbor");
    let first = bytes[4..4 + 128].to_vec();
    bytes[131] ^= 1;
    assert!(SecretKey::from_bytes(&bytes).is_err());
    let mut bytes = vector("secret-2048.cbor");
    bytes[134..134 + 128].copy_from_slice(&first);
    assert!(SecretKey::from_bytes(&bytes).is_err());
}
