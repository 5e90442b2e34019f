//! Public keys.

use std::fmt;

use crypto_bigint::{BoxedUint, Gcd};

use crate::error::KeyError;
use crate::kernel::Kernel;
use crate::lanes::Pairs;
use crate::modulus::Modulus;
use crate::timing::{Timing, VariableTime};

const CONTEXT: &str = "cowl/paillier/public-key/v1";
/// The version in a key's wire form.
const VERSION: u8 = 1;

/// Length of the modulus n. Security against factoring: NIST SP 800-57 part 1, table 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeySize {
    /// 2,048 bits, about 112 bits of security.
    Bits2048,
    /// 3,072 bits, about 128 bits of security.
    #[default]
    Bits3072,
    /// 4,096 bits, about 152 bits of security.
    Bits4096,
}

impl KeySize {
    /// Bits of n.
    pub const fn bits(self) -> u32 {
        match self {
            Self::Bits2048 => 2048,
            Self::Bits3072 => 3072,
            Self::Bits4096 => 4096,
        }
    }

    /// The size with so many bits.
    ///
    /// # Errors
    /// [`KeyError::Length`].
    pub const fn of_bits(bits: u32) -> Result<Self, KeyError> {
        match bits {
            2048 => Ok(Self::Bits2048),
            3072 => Ok(Self::Bits3072),
            4096 => Ok(Self::Bits4096),
            bits => Err(KeyError::Length { bits }),
        }
    }

    /// Bytes of n, and of each half of a ciphertext.
    pub const fn bytes(self) -> usize {
        self.bits() as usize / 8
    }
}

/// BLAKE3 digest of a public key's canonical bytes: the key's name wherever a ciphertext says what it is under.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// Takes a digest from where it was stored.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..8].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A public key: the modulus n and Damgård, Jurik and Nielsen's h.
///
/// Whoever makes the key takes a random x and h = −x² mod n; its powers hide plaintexts. That h was made so cannot
/// be seen from outside, and concerns only the key's owner: a bad h makes ciphertexts easier to open for others.
pub struct PublicKey {
    size: KeySize,
    modulus: Modulus,
    h: BoxedUint,
    digest: KeyDigest,
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} bits, {})", self.size.bits(), self.digest)
    }
}

impl PublicKey {
    /// A key of its two numbers, for the fastest kernel of this machine.
    ///
    /// # Errors
    /// [`KeyError`] when n has another length or is even, or h is no unit modulo n.
    pub fn new(n: &BoxedUint, h: &BoxedUint) -> Result<Self, KeyError> {
        Self::with_kernel(n, h, Kernel::best())
    }

    /// A key of its two numbers, for a kernel of choice.
    ///
    /// # Errors
    /// As [`PublicKey::new`].
    pub fn with_kernel(n: &BoxedUint, h: &BoxedUint, kernel: Kernel) -> Result<Self, KeyError> {
        let size = KeySize::of_bits(n.bits_vartime())?;
        if n.as_words()[0] & 1 == 0 {
            return Err(KeyError::Even);
        }
        let is_one = |number: &BoxedUint| number.bits_vartime() == 1;
        if h.bits_vartime() < 2 || h >= n || !is_one(&h.gcd(n)) {
            return Err(KeyError::Generator);
        }
        let digest = KeyDigest(blake3::derive_key(CONTEXT, &encoded(size, n, h)));
        Ok(Self { size, modulus: Modulus::new(n, kernel), h: h.clone(), digest })
    }

    /// Length of n.
    pub fn size(&self) -> KeySize {
        self.size
    }

    /// The key's name.
    pub fn digest(&self) -> KeyDigest {
        self.digest
    }

    /// The modulus n.
    pub fn n(&self) -> BoxedUint {
        crate::number::number_of(&self.modulus.digits, self.size.bits())
    }

    /// Arithmetic modulo n and n².
    pub fn modulus(&self) -> &Modulus {
        &self.modulus
    }

    /// Bytes of one ciphertext: c mod n and ⌊c/n⌋.
    pub fn ciphertext_bytes(&self) -> usize {
        2 * self.size.bytes()
    }

    /// hⁿ mod n² in every lane, in Montgomery form: its powers are n-th residues.
    pub(crate) fn residue_generator(&self) -> Pairs {
        let mut work = self.modulus.workspace();
        let mut base = self.modulus.zero_pairs();
        let digits = crate::number::digits_of(&self.h, self.modulus.digit_count());
        base.low = crate::lanes::Lanes::broadcast(&digits);
        self.modulus.enter_pairs(&mut work, &mut base);
        // The base and the exponent are public.
        let timing = Timing::Variable(VariableTime::of_public_numbers());
        self.modulus.raise(&mut work, &base, self.n().as_words(), self.size.bits(), timing)
    }

    /// The canonical bytes: a CBOR array of version, n and h, both big-endian of the length of n.
    pub fn to_bytes(&self) -> Vec<u8> {
        encoded(self.size, &self.n(), &self.h)
    }

    /// Reads a key from its canonical bytes.
    ///
    /// # Errors
    /// [`KeyError`]; every other form of the same key is refused.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let malformed = |detail: String| KeyError::Malformed { detail };
        let (n, h) = decoded(bytes).map_err(|error| malformed(error.to_string()))?;
        let key = Self::new(&BoxedUint::from_be_slice_vartime(n), &BoxedUint::from_be_slice_vartime(h))?;
        if key.to_bytes() == bytes { Ok(key) } else { Err(malformed("not in canonical form".into())) }
    }
}

fn encoded(size: KeySize, n: &BoxedUint, h: &BoxedUint) -> Vec<u8> {
    let mut encoder = minicbor::Encoder::new(Vec::new());
    encoder
        .array(3)
        .and_then(|encoder| encoder.u8(VERSION))
        .and_then(|encoder| encoder.bytes(&big_endian(n, size.bytes())))
        .and_then(|encoder| encoder.bytes(&big_endian(h, size.bytes())))
        .expect("writing to a Vec cannot fail");
    encoder.into_writer()
}

fn decoded(bytes: &[u8]) -> Result<(&[u8], &[u8]), minicbor::decode::Error> {
    let mut decoder = minicbor::Decoder::new(bytes);
    if decoder.array()? != Some(3) || decoder.u8()? != VERSION {
        return Err(minicbor::decode::Error::message("not version 1 of a Paillier key"));
    }
    Ok((decoder.bytes()?, decoder.bytes()?))
}

/// The last `length` big-endian bytes of a number that fits them.
fn big_endian(number: &BoxedUint, length: usize) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let mut out = vec![0; length.saturating_sub(bytes.len())];
    out.extend_from_slice(&bytes[bytes.len().saturating_sub(length)..]);
    out
}
