//! Suite `hybrid-rsa`: AES-256 for the payload, RSA for the key, after the published scheme for text.
//!
//! The format is Cowl's own, version 1, and borrows age's shape:
//!
//! ```text
//! cowl-hybrid-rsa/v1
//! -> rsa-oaep-sha256 <first 16 bytes of SHA-256 of the SubjectPublicKeyInfo, base64>
//! <RSA-3072-OAEP(file key), SHA-256, MGF1-SHA-256, label "cowl-hybrid-rsa/v1", base64, 64 columns>
//! --- <HMAC-SHA-256 over all up to and including "---">
//! <nonce, 16 bytes> <STREAM of AES-256-GCM segments, 64 KiB each>
//! ```
//!
//! The file key has 32 bytes. MAC and payload keys are HKDF-SHA-256 of it with infos
//! `cowl-hybrid-rsa/v1 header` (no salt) and `cowl-hybrid-rsa/v1 payload` (salt: the nonce). A header may
//! also hold X-Wing stanzas ([`crate::shares`]), for epochs of records and for parties without RSA keys.
//! RSA does not withstand a quantum computer; suite `standard` does.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
    PublicEncryptingKey,
};
use zeroize::Zeroizing;

use crate::absent::assert_opaque;
use crate::age::header::Stanza;
use crate::age::{BadStanza, decode_base64_array, encode_base64};
use crate::file_key::FileKey32;

/// The public half of an RSA-3072 key.
#[derive(Clone, PartialEq, Eq)]
pub struct RsaPublicKey {
    der: Vec<u8>,
}

/// An RSA-3072 key that unwraps file keys.
pub struct RsaSecretKey {
    key: OaepPrivateDecryptingKey,
    pkcs8: Zeroizing<Vec<u8>>,
    public: RsaPublicKey,
}

assert_opaque!(RsaSecretKey);

/// The bytes are no RSA-3072 key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an RSA key of {RSA_BITS} bits")]
pub struct BadRsaKey;

impl RsaPublicKey {
    /// Decodes a SubjectPublicKeyInfo in DER.
    ///
    /// # Errors
    /// [`BadRsaKey`] also for keys of another size.
    pub fn from_der(der: &[u8]) -> Result<Self, BadRsaKey> {
        let key = PublicEncryptingKey::from_der(der).map_err(|_| BadRsaKey)?;
        let same = key.key_size_bits() == RSA_BITS && public_der(&key) == der;
        if same { Ok(Self { der: der.to_vec() }) } else { Err(BadRsaKey) }
    }

    /// The SubjectPublicKeyInfo in DER.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// Wraps a file key.
    pub fn wrap(&self, file_key: &FileKey32) -> Stanza {
        let key = PublicEncryptingKey::from_der(&self.der).expect("the DER was checked");
        let key = OaepPublicEncryptingKey::new(key).expect("every RSA key can be used with OAEP");
        let mut body = vec![0; WRAPPED_LENGTH];
        key.encrypt(&OAEP_SHA256_MGF1SHA256, file_key.expose(), &mut body, Some(LABEL))
            .expect("32 bytes are within the limit of OAEP with 3072 bits");
        Stanza::with_arg(TAG, encode_base64(&self.tag()), body)
    }

    /// What a stanza says about whose it is.
    fn tag(&self) -> [u8; 16] {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.der);
        *digest.as_ref().first_chunk().expect("SHA-256 yields 32 bytes")
    }
}

impl fmt::Debug for RsaPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaPublicKey({})", cowl_crypto::digest::Digest::of(&self.der))
    }
}

impl RsaSecretKey {
    /// A fresh key; takes tenths of a second.
    pub fn make() -> Self {
        let key = PrivateDecryptingKey::generate(KeySize::Rsa3072).expect("the system has randomness");
        let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).expect("a made key has a DER form");
        let pkcs8 = Zeroizing::new(der.as_ref().to_vec());
        Self::new(key, pkcs8)
    }

    /// Decodes a PKCS #8 PrivateKeyInfo in DER.
    ///
    /// # Errors
    /// [`BadRsaKey`] also for keys of another size.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, BadRsaKey> {
        let key = PrivateDecryptingKey::from_pkcs8(pkcs8).map_err(|_| BadRsaKey)?;
        if key.key_size_bits() != RSA_BITS {
            return Err(BadRsaKey);
        }
        Ok(Self::new(key, Zeroizing::new(pkcs8.to_vec())))
    }

    /// The key as PKCS #8 PrivateKeyInfo in DER.
    pub fn expose_pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public half.
    pub fn public_key(&self) -> &RsaPublicKey {
        &self.public
    }

    fn new(key: PrivateDecryptingKey, pkcs8: Zeroizing<Vec<u8>>) -> Self {
        let public = RsaPublicKey { der: public_der(&key.public_key()) };
        let key = OaepPrivateDecryptingKey::new(key).expect("every RSA key can be used with OAEP");
        Self { key, pkcs8, public }
    }
}

/// The file key if this stanza wraps it for this key.
pub(crate) fn unwrap(key: &RsaSecretKey, stanza: &Stanza) -> Result<Option<FileKey32>, BadStanza> {
    if stanza.tag != TAG {
        return Ok(None);
    }
    let [whose] = stanza.args.as_slice() else { return Err(BadStanza) };
    let whose: [u8; 16] = decode_base64_array(whose).ok_or(BadStanza)?;
    if stanza.body.len() != WRAPPED_LENGTH {
        return Err(BadStanza);
    }
    if whose != key.public.tag() {
        return Ok(None);
    }
    let mut plain = Zeroizing::new(vec![0; WRAPPED_LENGTH]);
    let opened = key.key.decrypt(&OAEP_SHA256_MGF1SHA256, &stanza.body, &mut plain, Some(LABEL));
    Ok(opened.ok().and_then(|bytes| <[u8; 32]>::try_from(&*bytes).ok()).map(FileKey32::new))
}

fn public_der(key: &PublicEncryptingKey) -> Vec<u8> {
    AsDer::<PublicKeyX509Der<'_>>::as_der(key).expect("an RSA key has a DER form").as_ref().to_vec()
}

const TAG: &str = "rsa-oaep-sha256";
const LABEL: &[u8] = b"cowl-hybrid-rsa/v1";
const RSA_BITS: usize = 3072;
const WRAPPED_LENGTH: usize = RSA_BITS / 8;

#[cfg(test)]
mod tests;
