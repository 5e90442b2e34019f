//! Bytes that stay as they are.

use cowl_paillier::{Ciphertexts, Kernel, Timing};

use crate::keys::{SIZES, fixture, folder, secret, vector};

#[test]
fn a_frozen_batch_opens_and_is_written_with_the_same_bytes() {
    for bits in SIZES {
        let key = secret(bits, Kernel::best());
        let bytes = vector(&format!("batch-{bits}.cbor"));
        let batch = Ciphertexts::from_bytes(key.public(), &bytes).unwrap();
        assert_eq!(batch.to_bytes(key.public()).unwrap(), bytes);
        let opened = key.decrypt(&batch, Timing::Constant).unwrap();
        let small: Vec<u64> = opened.iter().map(|plaintext| plaintext.words()[0]).collect();
        assert_eq!(small, [3, 1, 4, 1, 5, 9, 2, 6, 5]);
    }
}

#[test]
fn a_keys_name_depends_on_every_byte() {
    let digests = SIZES.map(|bits| secret(bits, Kernel::best()).public().digest().as_bytes().to_vec());
    let frozen: Vec<Vec<u8>> = SIZES.map(|bits| vector(&format!("digest-{bits}.bin"))).into();
    assert_eq!(digests.to_vec(), frozen);
}

#[test]
fn half_a_batch_in_the_wrong_order_opens_to_something_else() {
    let (it, public) = (fixture(), fixture().key.public());
    let mut rows = it.sealed(&[77]).to_rows(public).unwrap();
    rows.rotate_left(256);
    let swapped = Ciphertexts::from_rows(public, &rows).unwrap();
    assert_ne!(it.opened(&swapped), [it.words(77)]);
}

/// Writes what is missing in vectors/paillier; never overwrites.
#[test]
#[ignore = "writes vectors"]
fn write_batches() {
    for bits in SIZES {
        use cowl_paillier::{Plaintext, encrypt_textbook};
        let key = secret(bits, Kernel::best());
        let plaintexts = [3, 1, 4, 1, 5, 9, 2, 6, 5].map(Plaintext::from_u64);
        let batch = encrypt_textbook(key.public(), &plaintexts, &mut crate::keys::rng()).unwrap();
        let bytes = batch.to_bytes(key.public()).unwrap();
        let digest = key.public().digest().as_bytes().to_vec();
        for (name, bytes) in [(format!("batch-{bits}.cbor"), bytes), (format!("digest-{bits}.bin"), digest)] {
            let path = folder().join(name);
            if !path.exists() {
                std::fs::write(path, bytes).unwrap();
            }
        }
    }
}
