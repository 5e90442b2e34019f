//! Canonical bytes, and signatures over them.
//!
//! Every statement is CBOR (RFC 8949) as arrays with fixed positions: no maps, no floats, shortest
//! lengths. There is exactly one encoding of a value; [`decode`] refuses every other, so that what was
//! signed, hashed and stored cannot differ in form.

use std::fmt;
use std::marker::PhantomData;

use cowl_crypto::digest::{Digest, Hasher};
use cowl_crypto::merkle::Hash;
use cowl_crypto::sign::{Signature, SigningKey, VerifyingKey};
use minicbor::{Decode, Encode};

use crate::id::PartyId;
use crate::party::PartyKeys;

/// Bytes that are not the canonical form of what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// Not CBOR of the expected shape.
    #[error("malformed {what}: {detail}")]
    Malformed {
        /// The expected type.
        what: &'static str,
        /// What the decoder met.
        detail: String,
    },
    /// The same value written differently, or with bytes behind it.
    #[error("{what} is not in its canonical form")]
    NotCanonical {
        /// The expected type.
        what: &'static str,
    },
}

/// The canonical bytes of a value.
pub fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    minicbor::to_vec(value).expect("writing to a Vec cannot fail")
}

/// Reads the canonical bytes of a value and refuses any other form of it.
///
/// # Errors
/// [`WireError::Malformed`] or [`WireError::NotCanonical`].
pub fn decode<T: Encode<()> + for<'b> Decode<'b, ()>>(
    what: &'static str,
    bytes: &[u8],
) -> Result<T, WireError> {
    let value: T =
        minicbor::decode(bytes).map_err(|e| WireError::Malformed { what, detail: e.to_string() })?;
    if encode(&value) == bytes { Ok(value) } else { Err(WireError::NotCanonical { what }) }
}

/// Something that a party signs.
pub trait Statement: Encode<()> + for<'b> Decode<'b, ()> {
    /// Separates this kind of statement from all others under the same key, e.g. `cowl/grant/v1`.
    const CONTEXT: &'static str;
    /// Its name in messages.
    const NAME: &'static str;
}

/// Why a signed statement does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// The bytes are not the statement's canonical form.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// Signed by somebody else than the keys belong to.
    #[error("{what} is signed by party {found}, not by {expected}")]
    WrongSigner {
        /// The statement.
        what: &'static str,
        /// Whose keys were used to check.
        expected: PartyId,
        /// Who is named as signer.
        found: PartyId,
    },
    /// Signed under another version of the signer's keys.
    #[error("{what} is signed with version {found} of its signer's keys, not {expected}")]
    WrongKeyVersion {
        /// The statement.
        what: &'static str,
        /// The version of the keys at hand.
        expected: u32,
        /// The version that the statement names.
        found: u32,
    },
    /// The signature is not the signer's over these bytes.
    #[error("the signature of this {what} is not valid")]
    BadSignature {
        /// The statement.
        what: &'static str,
    },
}

/// A statement with its signature, as it travels and is stored; nothing is known of it yet.
///
/// [`Signed::verify`] is the only way to a [`Verified`] statement.
pub struct Signed<T> {
    signer: PartyId,
    key_version: u32,
    body: Vec<u8>,
    signature: Signature,
    statement: PhantomData<fn() -> T>,
}

#[derive(Encode, Decode)]
struct SignedForm {
    #[n(0)]
    signer: PartyId,
    #[n(1)]
    key_version: u32,
    #[cbor(n(2), with = "minicbor::bytes")]
    body: Vec<u8>,
    #[cbor(n(3), with = "minicbor::bytes")]
    signature: [u8; 64],
}

impl<T: Statement> Signed<T> {
    /// Signs `statement` with version `key_version` of `signer`'s keys.
    pub fn sign(statement: &T, signer: PartyId, key_version: u32, key: &SigningKey) -> Self {
        let body = encode(statement);
        let signature = key.sign(T::CONTEXT, &body);
        Self { signer, key_version, body, signature, statement: PhantomData }
    }

    /// Checks the signature against the signer's keys.
    ///
    /// # Errors
    /// Names what does not fit: signer, key version, signature or form.
    pub fn verify(&self, keys: &PartyKeys) -> Result<Verified<T>, StatementError> {
        if self.signer != keys.party {
            return Err(StatementError::WrongSigner {
                what: T::NAME,
                expected: keys.party,
                found: self.signer,
            });
        }
        if self.key_version != keys.version {
            return Err(StatementError::WrongKeyVersion {
                what: T::NAME,
                expected: keys.version,
                found: self.key_version,
            });
        }
        self.verify_with(&keys.signing)
    }

    /// Checks the signature against one key. The caller vouches that it is the signer's.
    pub(crate) fn verify_with(&self, key: &VerifyingKey) -> Result<Verified<T>, StatementError> {
        key.verify(T::CONTEXT, &self.body, &self.signature)
            .map_err(|_| StatementError::BadSignature { what: T::NAME })?;
        let statement = decode(T::NAME, &self.body)?;
        Ok(Verified { statement, signer: self.signer, digest: self.digest() })
    }

    /// The digest of the statement's kind and bytes: two statements with equal digests say the same.
    pub fn digest(&self) -> Digest {
        let length = (T::CONTEXT.len() as u64).to_be_bytes();
        let mut hasher = Hasher::derive("cowl/statement/v1");
        hasher.update(&length).update(T::CONTEXT.as_bytes()).update(&self.body).finalize()
    }

    /// Reads the statement without checking who signed it.
    ///
    /// # Errors
    /// [`WireError`] when the body is not canonical.
    pub fn dangerous_unverified(&self) -> Result<T, WireError> {
        decode(T::NAME, &self.body)
    }

    /// Reads a signed statement from its canonical bytes.
    ///
    /// # Errors
    /// [`WireError`] when the bytes are not the canonical form of a signed statement of this kind.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let form: SignedForm = decode(T::NAME, bytes)?;
        let signed = Self {
            signer: form.signer,
            key_version: form.key_version,
            body: form.body,
            signature: Signature::from_bytes(form.signature),
            statement: PhantomData,
        };
        signed.dangerous_unverified()?;
        Ok(signed)
    }
}

impl<T> Signed<T> {
    /// Its canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(&SignedForm {
            signer: self.signer,
            key_version: self.key_version,
            body: self.body.clone(),
            signature: *self.signature.as_bytes(),
        })
    }

    /// Who is named as signer. Nothing is proven yet.
    pub fn signer(&self) -> PartyId {
        self.signer
    }

    /// The version of the signer's keys that is named.
    pub fn key_version(&self) -> u32 {
        self.key_version
    }
}

impl<T> Clone for Signed<T> {
    fn clone(&self) -> Self {
        Self {
            signer: self.signer,
            key_version: self.key_version,
            body: self.body.clone(),
            signature: self.signature,
            statement: PhantomData,
        }
    }
}

impl<T> PartialEq for Signed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.to_bytes() == other.to_bytes()
    }
}

impl<T> Eq for Signed<T> {}

impl<T: Statement> fmt::Debug for Signed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signed<{}>({} by {})", T::NAME, self.digest(), self.signer)
    }
}

/// A statement whose signature has been checked. Only [`Signed::verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<T> {
    statement: T,
    signer: PartyId,
    digest: Digest,
}

impl<T> Verified<T> {
    /// Who signed it.
    pub fn signer(&self) -> PartyId {
        self.signer
    }

    /// The digest of the signed bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The statement alone.
    pub fn into_statement(self) -> T {
        self.statement
    }
}

impl<T> std::ops::Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.statement
    }
}

/// Types of `cowl-crypto` that are a fixed number of bytes, for `#[cbor(with = "crate::wire::fixed")]`.
pub trait FixedBytes<const N: usize>: Sized {
    /// From its bytes.
    fn from_array(bytes: [u8; N]) -> Self;
    /// Its bytes.
    fn as_array(&self) -> &[u8; N];
}

macro_rules! fixed_bytes {
    ($($type:ty = $n:literal),*) => {$(
        impl FixedBytes<$n> for $type {
            fn from_array(bytes: [u8; $n]) -> Self {
                Self::from_bytes(bytes)
            }

            fn as_array(&self) -> &[u8; $n] {
                self.as_bytes()
            }
        }
    )*};
}

fixed_bytes!(Digest = 32, Hash = 32, VerifyingKey = 32, Signature = 64);

/// CBOR of [`FixedBytes`]: one byte string.
pub mod fixed {
    use minicbor::decode::{Decoder, Error as DecodeError};
    use minicbor::encode::{Encoder, Error as EncodeError, Write};

    use super::FixedBytes;

    /// Writes the bytes.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn encode<C, W: Write, T: FixedBytes<N>, const N: usize>(
        value: &T,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.bytes(value.as_array())?.ok()
    }

    /// Reads exactly `N` bytes.
    ///
    /// # Errors
    /// When something else than a byte string of that length stands there.
    pub fn decode<C, T: FixedBytes<N>, const N: usize>(
        d: &mut Decoder<'_>,
        _: &mut C,
    ) -> Result<T, DecodeError> {
        d.bytes()?
            .try_into()
            .map(T::from_array)
            .map_err(|_| DecodeError::message("byte string of wrong length"))
    }
}

/// CBOR of an optional [`FixedBytes`]: one byte string, or null.
pub mod optional_fixed {
    use minicbor::data::Type;
    use minicbor::decode::{Decoder, Error as DecodeError};
    use minicbor::encode::{Encoder, Error as EncodeError, Write};

    use super::FixedBytes;

    /// Writes the bytes, or null.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn encode<C, W: Write, T: FixedBytes<N>, const N: usize>(
        value: &Option<T>,
        e: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        match value {
            Some(value) => super::fixed::encode(value, e, context),
            None => e.null()?.ok(),
        }
    }

    /// Reads exactly `N` bytes, or null.
    ///
    /// # Errors
    /// When something else stands there.
    pub fn decode<C, T: FixedBytes<N>, const N: usize>(
        d: &mut Decoder<'_>,
        context: &mut C,
    ) -> Result<Option<T>, DecodeError> {
        if d.datatype()? == Type::Null {
            d.null()?;
            return Ok(None);
        }
        super::fixed::decode(d, context).map(Some)
    }
}
