//! Passphrases: the `scrypt` stanza (C2SP age, "The scrypt recipient type").

use cowl_crypto::secret::Secret;
use scrypt::Params;
use zeroize::Zeroizing;

use super::header::Stanza;
use super::{BadStanza, base64, wrap};
use crate::absent::assert_opaque;
use crate::file_key::FileKey;

/// A passphrase and how hard it is to try: the memory that one try takes is 2^`work_factor` KiB.
pub struct Passphrase {
    text: Zeroizing<String>,
    work_factor: u8,
    highest_work_factor: u8,
}

assert_opaque!(Passphrase);

impl Passphrase {
    /// Seals with a work factor of 18 (256 MiB, about a second) and opens up to 20 (1 GiB).
    pub fn new(text: impl Into<Zeroizing<String>>) -> Self {
        Self { text: text.into(), work_factor: 18, highest_work_factor: 20 }
    }

    /// Seals with another work factor, from 1 to 22.
    ///
    /// # Panics
    /// For a work factor out of range.
    #[must_use]
    pub fn with_work_factor(self, work_factor: u8) -> Self {
        assert!((1..=HIGHEST).contains(&work_factor), "work factor {work_factor} is not from 1 to {HIGHEST}");
        Self { work_factor, ..self }
    }

    /// Opens files up to this work factor, at most 22; a file from elsewhere can ask for 2^factor KiB.
    ///
    /// # Panics
    /// For a work factor out of range.
    #[must_use]
    pub fn with_highest_work_factor(self, work_factor: u8) -> Self {
        assert!((1..=HIGHEST).contains(&work_factor), "work factor {work_factor} is not from 1 to {HIGHEST}");
        Self { highest_work_factor: work_factor, ..self }
    }

    /// Wraps a file key. The stanza must be the only one of its header.
    pub fn wrap(&self, file_key: &FileKey) -> Stanza {
        let salt = cowl_crypto::id::random_bytes();
        let body = wrap::wrap(&self.wrapping_key(&salt, self.work_factor), file_key);
        let args = vec![base64::encode(&salt), self.work_factor.to_string()];
        Stanza { tag: TAG.to_owned(), args, body }
    }

    /// The file key if this stanza wraps it under this passphrase.
    pub(super) fn unwrap(&self, stanza: &Stanza) -> Result<Option<FileKey>, BadStanza> {
        if stanza.tag != TAG {
            return Ok(None);
        }
        let [salt, work_factor] = stanza.args.as_slice() else { return Err(BadStanza) };
        let salt = base64::decode_array(salt).ok_or(BadStanza)?;
        let work_factor = decode_work_factor(work_factor).ok_or(BadStanza)?;
        let body = stanza.body.as_slice().try_into().map_err(|_| BadStanza)?;
        if work_factor > self.highest_work_factor {
            return Err(BadStanza);
        }
        Ok(wrap::unwrap(&self.wrapping_key(&salt, work_factor), body))
    }

    fn wrapping_key(&self, salt: &[u8; 16], work_factor: u8) -> Secret<32> {
        let salt = [b"age-encryption.org/v1/scrypt".as_slice(), salt].concat();
        let params = Params::new(work_factor, 8, 1).expect("work factors from 1 to 22 are within scrypt's");
        let mut key = Zeroizing::new([0; 32]);
        scrypt::scrypt(self.text.as_bytes(), &salt, &params, &mut key[..])
            .expect("32 bytes are within scrypt's");
        Secret::new(*key)
    }
}

/// Whether the stanza is one that must stand alone.
pub(super) fn is_passphrase(stanza: &Stanza) -> bool {
    stanza.tag == TAG
}

/// Decimal without sign or leading zeros, 1 to 99.
fn decode_work_factor(text: &str) -> Option<u8> {
    let digits = matches!(text.as_bytes(), [b'1'..=b'9'] | [b'1'..=b'9', b'0'..=b'9']);
    digits.then(|| text.parse().ok()).flatten()
}

const TAG: &str = "scrypt";
const HIGHEST: u8 = 22;
