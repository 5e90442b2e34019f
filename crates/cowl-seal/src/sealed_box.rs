//! Small things under a key: manifests, caches, settings.
//!
//! ```text
//! "cowlbox" 0x01 ‖ salt (32 bytes) ‖ ChaCha20-Poly1305 ciphertext and tag
//! ```
//!
//! The AEAD key is HKDF-SHA-256(key, salt, `cowl/sealed-box/v1`), used once, with the zero nonce. The
//! associated data are the first 8 bytes and a context that both sides know (record, item, version …):
//! a box opens in its own place only.

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use cowl_crypto::secret::{Secret, hkdf_sha256};
use zeroize::Zeroizing;

/// Why a box does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BoxError {
    /// Another format, or cut short.
    #[error("not a sealed box")]
    NoBox,
    /// A later version of the format.
    #[error("sealed box of version {0}, which is not known here")]
    Version(u8),
    /// Sealed under another key or for another place, or changed.
    #[error("the sealed box does not open with this key in this place")]
    Closed,
}

/// Seals `plaintext` under `key` for the place named by `context`.
pub fn seal(key: &Secret<32>, context: &[u8], plaintext: &[u8]) -> Vec<u8> {
    Format::BOX.seal(key, context, plaintext)
}

/// Opens what [`seal`] made with the same key and context.
///
/// # Errors
/// [`BoxError`].
pub fn open(key: &Secret<32>, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, BoxError> {
    Format::BOX.open(key, context, sealed)
}

/// Bytes that sealing adds.
pub const OVERHEAD: usize = HEAD + SALT + TAG;

/// The frame, under the name of what it holds.
pub(crate) struct Format {
    pub(crate) magic: &'static [u8; 7],
    pub(crate) info: &'static [u8],
}

impl Format {
    const BOX: Self = Self { magic: b"cowlbox", info: b"cowl/sealed-box/v1" };

    pub(crate) fn seal(&self, key: &Secret<32>, context: &[u8], plaintext: &[u8]) -> Vec<u8> {
        self.seal_with_salt(key, context, plaintext, &cowl_crypto::id::random_bytes())
    }

    fn seal_with_salt(
        &self,
        key: &Secret<32>,
        context: &[u8],
        plaintext: &[u8],
        salt: &[u8; SALT],
    ) -> Vec<u8> {
        let head = self.head();
        let mut sealed = Vec::with_capacity(plaintext.len() + OVERHEAD);
        sealed.extend_from_slice(&head);
        sealed.extend_from_slice(salt);
        sealed.extend_from_slice(plaintext);
        let aad = Aad::from([&head, context].concat());
        let tag = self
            .aead(key, salt)
            .seal_in_place_separate_tag(zero_nonce(), aad, &mut sealed[HEAD + SALT..])
            .expect("what fits in memory is within the limit of the AEAD");
        sealed.extend_from_slice(tag.as_ref());
        sealed
    }

    pub(crate) fn open(
        &self,
        key: &Secret<32>,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, BoxError> {
        let (head, rest) = sealed.split_first_chunk::<HEAD>().ok_or(BoxError::NoBox)?;
        if !head.starts_with(self.magic) {
            return Err(BoxError::NoBox);
        }
        if head[HEAD - 1] != VERSION {
            return Err(BoxError::Version(head[HEAD - 1]));
        }
        let (salt, rest) = rest.split_first_chunk().ok_or(BoxError::NoBox)?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG>().ok_or(BoxError::NoBox)?;
        let mut plaintext = Zeroizing::new(vec![0; ciphertext.len()]);
        self.aead(key, salt)
            .open_separate_gather(
                zero_nonce(),
                Aad::from([head, context].concat()),
                ciphertext,
                tag,
                &mut plaintext,
            )
            .map_err(|_| BoxError::Closed)?;
        Ok(plaintext)
    }

    fn head(&self) -> [u8; HEAD] {
        let mut head = [VERSION; HEAD];
        head[..HEAD - 1].copy_from_slice(self.magic);
        head
    }

    fn aead(&self, key: &Secret<32>, salt: &[u8; SALT]) -> LessSafeKey {
        let key = hkdf_sha256(key.expose(), salt, self.info);
        LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key.expose()).expect("the key has 32 bytes"))
    }
}

fn zero_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

const HEAD: usize = 8;
const VERSION: u8 = 1;
const SALT: usize = 32;
const TAG: usize = 16;

#[cfg(test)]
mod tests;
