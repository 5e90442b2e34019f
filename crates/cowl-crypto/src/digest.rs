//! BLAKE3 digests of parts, contents and statements.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use thiserror::Error;

/// A 32-byte BLAKE3 digest, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// The text is not 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a digest is 64 lower-case hexadecimal digits")]
pub struct DigestError;

impl Digest {
    /// Digest of the bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Digest of a sequence of parts, each preceded by its length (64 bits, big-endian), so that moving a
    /// byte from one part to its neighbour changes the digest.
    pub fn of_parts(parts: &[&[u8]]) -> Self {
        let mut hasher = Hasher::new();
        for part in parts {
            hasher.update(&(part.len() as u64).to_be_bytes()).update(part);
        }
        hasher.finalize()
    }

    /// Digest of the bytes under a purpose (BLAKE3's `derive_key` mode).
    ///
    /// The context is a constant of the program, unique to the purpose, never input.
    pub fn derive(context: &str, bytes: &[u8]) -> Self {
        Self(blake3::derive_key(context, bytes))
    }

    /// Takes a digest that was computed elsewhere.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| DigestError)?;
        bytes.try_into().map(Self).map_err(|_| DigestError)
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Computes a [`Digest`] of bytes that arrive in pieces.
#[derive(Debug, Clone, Default)]
pub struct Hasher(blake3::Hasher);

impl Hasher {
    /// Starts a digest that ends as [`Digest::of`] of all the pieces.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a digest that ends as [`Digest::derive`] of all the pieces.
    pub fn derive(context: &str) -> Self {
        Self(blake3::Hasher::new_derive_key(context))
    }

    /// Takes the next piece.
    pub fn update(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(bytes);
        self
    }

    /// Digest of the pieces so far.
    pub fn finalize(&self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the official BLAKE3 test vectors (`input_len` 0 and 1).
    const EMPTY: &str = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
    const ONE_ZERO_BYTE: &str = "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213";

    #[test]
    fn digests_are_those_of_the_official_vectors() {
        assert_eq!(Digest::of(b"").to_string(), EMPTY);
        assert_eq!(Digest::of(&[0]).to_string(), ONE_ZERO_BYTE);
    }

    #[test]
    fn parts_do_not_flow_into_each_other() {
        assert_ne!(Digest::of_parts(&[b"ab", b"c"]), Digest::of_parts(&[b"a", b"bc"]));
        assert_ne!(Digest::of_parts(&[b"ab"]), Digest::of_parts(&[b"ab", b""]));
        assert_ne!(Digest::of_parts(&[b"ab"]), Digest::of(b"ab"));
    }

    #[test]
    fn each_part_is_hashed_behind_its_length() {
        let whole = [&2u64.to_be_bytes(), b"ab".as_slice(), &0u64.to_be_bytes()].concat();
        assert_eq!(Digest::of_parts(&[b"ab", b""]), Digest::of(&whole));
    }

    #[test]
    fn contexts_separate_equal_bytes() {
        assert_ne!(Digest::derive("one", b"x"), Digest::derive("two", b"x"));
        assert_ne!(Digest::derive("one", b"x"), Digest::of(b"x"));
    }

    #[test]
    fn pieces_give_the_digest_of_the_whole() {
        assert_eq!(Hasher::new().update(b"ab").update(b"c").finalize(), Digest::of(b"abc"));
        assert_eq!(
            Hasher::derive("one").update(b"ab").update(b"c").finalize(),
            Digest::derive("one", b"abc")
        );
    }

    #[test]
    fn only_the_written_form_is_read_back() {
        assert_eq!(EMPTY.parse(), Ok(Digest::of(b"")));
        assert_eq!(format!("{:?}", Digest::of(b"")), EMPTY);
        for other in
            [&EMPTY[1..], &EMPTY.to_uppercase(), &format!("{EMPTY}00"), "", "zz", &format!(" {EMPTY}")]
        {
            assert_eq!(other.parse::<Digest>(), Err(DigestError));
        }
    }
}
