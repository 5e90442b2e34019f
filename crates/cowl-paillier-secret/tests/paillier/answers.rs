//! Known answers of vectors/paillier, which Python's integers have computed.

use cowl_paillier::{
    Ciphertexts, Encryptor, ExponentLength, Kernel, Plaintext, PublicKey, Timing, encrypt_textbook,
};
use cowl_paillier_secret::OwnerEncryptor;
use crypto_bigint::BoxedUint;

use crate::keys::{SIZES, kernels, rng, secret, variable, vector};

fn number(hex: &str) -> BoxedUint {
    let padded = format!("{hex:0>width$}", width = hex.len().next_multiple_of(16));
    BoxedUint::from_str_radix_vartime(&padded, 16).unwrap()
}

fn trimmed(number: &BoxedUint) -> Vec<u8> {
    number.to_be_bytes_trimmed_vartime().into_vec()
}

struct Answers {
    plaintexts: Vec<BoxedUint>,
    ciphertexts: Vec<BoxedUint>,
    sum: BoxedUint,
    weights: Vec<i64>,
    weighted: Vec<BoxedUint>,
}

fn answers(bits: u32) -> Answers {
    let text = String::from_utf8(vector(&format!("answers-{bits}.txt"))).unwrap();
    let lines: Vec<(&str, &str)> = text.lines().map(|line| line.split_once(' ').unwrap()).collect();
    let named =
        |name: &str| lines.iter().filter(|line| line.0 == name).map(|line| line.1).collect::<Vec<_>>();
    let numbers = |name: &str| named(name).into_iter().map(number).collect::<Vec<_>>();
    Answers {
        plaintexts: numbers("plaintext"),
        ciphertexts: numbers("ciphertext"),
        sum: numbers("sum").remove(0),
        weights: named("weight").into_iter().map(|weight| weight.parse().unwrap()).collect(),
        weighted: numbers("weighted"),
    }
}

fn assert_integers(key: &PublicKey, found: &Ciphertexts, expected: &[BoxedUint]) {
    let found: Vec<_> = found.to_integers(key).unwrap().iter().map(trimmed).collect();
    let expected: Vec<_> = expected.iter().map(trimmed).collect();
    assert_eq!(found, expected);
}

fn assert_plaintexts(found: &[Plaintext], expected: &[BoxedUint]) {
    let found: Vec<_> = found.iter().map(|plaintext| trimmed(&plaintext.to_number())).collect();
    let expected: Vec<_> = expected.iter().map(trimmed).collect();
    assert_eq!(found, expected);
}

fn plaintexts(numbers: &[BoxedUint]) -> Vec<Plaintext> {
    numbers.iter().map(|number| Plaintext::from_words(number.as_words().to_vec())).collect()
}

#[test]
fn the_published_ciphertexts_open_on_every_kernel() {
    for (bits, kernel) in
        SIZES.into_iter().flat_map(|bits| kernels().into_iter().map(move |kernel| (bits, kernel)))
    {
        let (key, answers) = (secret(bits, kernel), answers(bits));
        let ciphertexts = Ciphertexts::from_integers(key.public(), &answers.ciphertexts).unwrap();
        assert_integers(key.public(), &ciphertexts, &answers.ciphertexts);
        assert_plaintexts(&key.decrypt(&ciphertexts, Timing::Constant).unwrap(), &answers.plaintexts);
        assert_plaintexts(&key.decrypt(&ciphertexts, variable()).unwrap(), &answers.plaintexts);
    }
}

#[test]
fn sums_and_products_are_the_published_integers_on_every_kernel() {
    for (bits, kernel) in
        SIZES.into_iter().flat_map(|bits| kernels().into_iter().map(move |kernel| (bits, kernel)))
    {
        let (key, answers) = (secret(bits, kernel), answers(bits));
        let ciphertexts = Ciphertexts::from_integers(key.public(), &answers.ciphertexts).unwrap();
        let sum = ciphertexts.sum(key.public()).unwrap();
        assert_integers(key.public(), &sum, std::slice::from_ref(&answers.sum));
        let weighted = ciphertexts.multiply(key.public(), &answers.weights).unwrap();
        assert_integers(key.public(), &weighted, &answers.weighted);
    }
}

#[test]
fn public_keys_have_exactly_the_published_bytes() {
    for bits in SIZES {
        let bytes = vector(&format!("public-{bits}.cbor"));
        assert_eq!(PublicKey::from_bytes(&bytes).unwrap().to_bytes(), bytes);
        let key = secret(bits, Kernel::best());
        assert_eq!(key.public().to_bytes(), bytes);
        assert_eq!(*key.to_bytes(), vector(&format!("secret-{bits}.cbor")));
    }
}

#[test]
fn every_way_to_encrypt_opens_to_the_plaintext() {
    for bits in SIZES {
        let (key, answers) = (secret(bits, Kernel::best()), answers(bits));
        let rng = &mut rng();
        let mut all = vec![encrypt_textbook(key.public(), &plaintexts(&answers.plaintexts), rng).unwrap()];
        for timing in [Timing::Constant, variable()] {
            for length in [ExponentLength::HalfOfModulus, ExponentLength::Short] {
                let encryptor = Encryptor::new(key.public().clone(), length, timing);
                all.push(encryptor.encrypt(&plaintexts(&answers.plaintexts), rng).unwrap());
            }
            let owner = OwnerEncryptor::new(key.clone(), timing);
            all.push(owner.encrypt(&plaintexts(&answers.plaintexts), rng).unwrap());
        }
        for ciphertexts in all {
            assert_plaintexts(&key.decrypt(&ciphertexts, Timing::Constant).unwrap(), &answers.plaintexts);
            let rows = ciphertexts.to_rows(key.public()).unwrap();
            let again = Ciphertexts::from_rows(key.public(), &rows).unwrap();
            assert_plaintexts(&key.decrypt(&again, Timing::Constant).unwrap(), &answers.plaintexts);
        }
    }
}
