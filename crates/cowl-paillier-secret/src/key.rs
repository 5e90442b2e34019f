//! The secret key.

use std::sync::Arc;

use cowl_paillier::{Kernel, KeyError, KeySize, Lanes, Modulus, PublicKey, Workspace};
use crypto_bigint::{BoxedUint, ConcatenatingMul};
use zeroize::Zeroizing;

use crate::absent::assert_absent;
use crate::factor::Factor;

/// The version in a secret key's bytes.
const VERSION: u8 = 1;

/// Bytes that are no secret key. What they hold is never told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretKeyError {
    /// Not the canonical bytes of a secret key.
    #[error("these bytes are not a Paillier secret key in canonical form")]
    Malformed,
    /// The two factors are not odd, different and of one length.
    #[error("the factors in this secret key do not make a modulus")]
    Factors,
    /// The public part does not hold together.
    #[error(transparent)]
    Public(#[from] KeyError),
}

/// The factors of n: whoever has them opens every ciphertext under the key.
pub struct SecretKey {
    public: Arc<PublicKey>,
    h: BoxedUint,
    pub(crate) p: Factor,
    pub(crate) q: Factor,
}

assert_absent!(SecretKey: Clone, std::fmt::Debug, std::fmt::Display, PartialEq);

impl SecretKey {
    /// A key of its factors and h, for a kernel of choice.
    pub(crate) fn new(
        p: &BoxedUint,
        q: &BoxedUint,
        h: &BoxedUint,
        kernel: Kernel,
    ) -> Result<Self, SecretKeyError> {
        let odd = |number: &BoxedUint| number.as_words()[0] & 1 == 1;
        let n = p.concatenating_mul(q);
        let size = KeySize::of_bits(n.bits())?;
        if p.bits() != size.bits() / 2 || q.bits() != p.bits() || !odd(p) || !odd(q) {
            return Err(SecretKeyError::Factors);
        }
        let public = Arc::new(PublicKey::with_kernel(&n, h, kernel)?);
        let factor = |prime: &BoxedUint, other: &BoxedUint| {
            Factor::new(prime, other, Modulus::new(prime, kernel)).ok_or(SecretKeyError::Factors)
        };
        Ok(Self { public, h: h.clone(), p: factor(p, q)?, q: factor(q, p)? })
    }

    /// The public key.
    pub fn public(&self) -> &Arc<PublicKey> {
        &self.public
    }

    /// The number modulo n that is x modulo p and y modulo q, and (y − x)/p modulo q, from which it was made.
    pub(crate) fn join(&self, work: &mut Workspace, x: &Lanes, y: &Lanes) -> (Lanes, Lanes) {
        let quotient = self.q.difference_over_other(work, y, x);
        let joined = self.q.modulus.multiply_wide(work, x, &quotient, &self.p.itself);
        (joined, quotient)
    }

    /// The secret bytes: a CBOR array of version, p, q and h, big-endian. To be sealed before they are stored.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let half = self.public.size().bytes() / 2;
        let mut bytes = Zeroizing::new(Vec::with_capacity(4 * half + 64));
        let fixed = |number: &BoxedUint, length: usize| {
            let all = Zeroizing::new(number.to_be_bytes().into_vec());
            Zeroizing::new(all[all.len() - length..].to_vec())
        };
        minicbor::Encoder::new(&mut *bytes)
            .array(4)
            .and_then(|encoder| encoder.u8(VERSION))
            .and_then(|encoder| encoder.bytes(&fixed(&self.p.prime, half)))
            .and_then(|encoder| encoder.bytes(&fixed(&self.q.prime, half)))
            .and_then(|encoder| encoder.bytes(&fixed(&self.h, 2 * half)))
            .expect("writing to a Vec cannot fail");
        bytes
    }

    /// Reads a key from its bytes, for the fastest kernel of this machine.
    ///
    /// # Errors
    /// [`SecretKeyError`]. That the factors are prime is not looked at again.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SecretKeyError> {
        Self::from_bytes_with_kernel(bytes, Kernel::best())
    }

    /// Reads a key from its bytes, for a kernel of choice.
    ///
    /// # Errors
    /// As [`SecretKey::from_bytes`].
    pub fn from_bytes_with_kernel(bytes: &[u8], kernel: Kernel) -> Result<Self, SecretKeyError> {
        let [p, q, h] = decoded(bytes).map_err(|_| SecretKeyError::Malformed)?;
        let number = |bytes: &[u8]| Zeroizing::new(BoxedUint::from_be_slice_vartime(bytes));
        let key = Self::new(&number(p), &number(q), &number(h), kernel)?;
        if *key.to_bytes() == bytes { Ok(key) } else { Err(SecretKeyError::Malformed) }
    }
}

fn decoded(bytes: &[u8]) -> Result<[&[u8]; 3], minicbor::decode::Error> {
    let mut decoder = minicbor::Decoder::new(bytes);
    if decoder.array()? != Some(4) || decoder.u8()? != VERSION {
        return Err(minicbor::decode::Error::message("not version 1"));
    }
    let parts = [decoder.bytes()?, decoder.bytes()?, decoder.bytes()?];
    // Longer numbers are none of ours, and would cost time before they are refused.
    if parts.iter().any(|part| part.len() > 512) {
        return Err(minicbor::decode::Error::message("too long"));
    }
    Ok(parts)
}
