//! The body of a native stanza: the file key under a wrapping key used once.

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use cowl_crypto::secret::Secret;
use zeroize::Zeroizing;

use crate::file_key::FileKey;

/// ChaCha20-Poly1305 with the zero nonce; each wrapping key wraps one file key.
pub(super) fn wrap(wrapping_key: &Secret<32>, file_key: &FileKey) -> Vec<u8> {
    let mut body = file_key.expose().to_vec();
    aead(wrapping_key)
        .seal_in_place_append_tag(Nonce::assume_unique_for_key([0; 12]), Aad::empty(), &mut body)
        .expect("16 bytes are within the limit of the AEAD");
    body
}

/// `None` when another key wrapped it. The caller has checked the length ([`WRAPPED_LENGTH`]): a body of
/// another length could be made to open under two keys.
pub(super) fn unwrap(wrapping_key: &Secret<32>, body: &[u8; WRAPPED_LENGTH]) -> Option<FileKey> {
    let mut plain = Zeroizing::new(*body);
    let opened = aead(wrapping_key)
        .open_in_place(Nonce::assume_unique_for_key([0; 12]), Aad::empty(), &mut plain[..])
        .ok()?;
    let key = opened.try_into().expect("a body of 32 bytes holds 16");
    Some(FileKey::new(key))
}

fn aead(key: &Secret<32>) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key.expose()).expect("the key has 32 bytes"))
}

/// Bytes of a wrapped file key: 16 and a tag.
pub(super) const WRAPPED_LENGTH: usize = 32;
