//! `cowl-crypto`: checkpoints, identifiers, fingerprints, the messages of a log-in.

use std::sync::LazyLock;

use cowl_crypto::digest::Digest;
use cowl_crypto::fingerprint::Fingerprint;
use cowl_crypto::merkle::{self, Hash};
use cowl_crypto::opaque::{self, ServerLogin, ServerSetup};
use cowl_crypto::sign::{Signature, SigningKey, VerifyingKey};
use cowl_crypto::{id, log};

/// The name under which the key of [`log_key`] signs.
pub const LOG_NAME: &str = "log.example/cowl";

/// The key that signed the seeds.
pub fn log_key() -> SigningKey {
    SigningKey::from_seed(&[1; 32])
}

/// Signed notes with checkpoints.
pub fn checkpoints(bytes: &[u8]) {
    let Ok(note) = std::str::from_utf8(bytes) else { return };
    if let Ok(checkpoint) = log::open_checkpoint(note, LOG_NAME, &log_key().verifying_key()) {
        assert!(log::sign_checkpoint(&checkpoint, LOG_NAME, &log_key()).is_ok());
    }
    let _ = log::open_checkpoint(note, note, &log_key().verifying_key());
}

/// Identifiers, digests and fingerprints as people and programs write them; proofs and signatures.
pub fn texts(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(identifier) = id::decode_id(text) {
            assert_eq!(id::encode_id(&identifier), text);
        }
        if let Ok(digest) = text.parse::<Digest>() {
            assert_eq!(digest.to_string(), text);
        }
        if let Ok(fingerprint) = text.parse::<Fingerprint>() {
            assert!(
                fingerprint.to_string().parse::<Fingerprint>().is_ok_and(|again| again.ct_eq(&fingerprint))
            );
        }
    }
    proofs(bytes);
    if let Some((signature, rest)) = bytes.split_first_chunk::<64>()
        && let Some((key, message)) = rest.split_first_chunk::<32>()
    {
        let signature = Signature::from_bytes(*signature);
        assert!(VerifyingKey::from_bytes(*key).verify("cowl-fuzz", message, &signature).is_err());
    }
}

/// Two numbers and any count of hashes, as a proof of inclusion and one of consistency.
fn proofs(bytes: &[u8]) {
    let Some((sizes, rest)) = bytes.split_first_chunk::<16>() else { return };
    let (one, other) = sizes.split_at(8);
    let number = |bytes: &[u8]| bytes.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
    let (chunks, _) = rest.as_chunks::<32>();
    let hashes: Vec<_> = chunks.iter().map(|chunk| Hash::from_bytes(*chunk)).collect();
    let [first, second, proof @ ..] = hashes.as_slice() else { return };
    let _ = merkle::verify_inclusion(*first, number(one), number(other), proof, *second);
    let _ = merkle::verify_consistency(number(one), *first, number(other), *second, proof);
}

static SETUP: LazyLock<ServerSetup> = LazyLock::new(ServerSetup::make);

/// The setup under which the seeds were made.
pub fn setup() -> &'static ServerSetup {
    &SETUP
}

/// What a client sends to a server that keeps accounts.
pub fn opaque_server(bytes: &[u8]) {
    let _ = opaque::registration_response(setup(), bytes, "ada");
    let record = opaque::registration_record(bytes);
    let _ = opaque::login_start(setup(), record.as_deref().ok(), bytes, "ada");
    let _ = opaque::login_start(setup(), Some(bytes), bytes, "ada");
    let _ = ServerSetup::from_bytes(bytes);
    if let Ok(state) = ServerLogin::from_bytes(bytes) {
        let _ = opaque::login_finish(state, &[0; opaque::LOGIN_FINALIZATION_LENGTH]);
    }
}
