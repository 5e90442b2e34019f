//! Recipients and identities as people write them, one a line.

use std::fmt;
use std::str::FromStr;

use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32, Checksum, Hrp};
use cowl_crypto::secret::Secret;
use zeroize::Zeroizing;

use super::passphrase::Passphrase;
use super::x25519::{X25519Identity, X25519Recipient};
use crate::absent::assert_opaque;
use crate::xwing::{XWingIdentity, XWingRecipient};

/// To whom a file is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// `age1…`.
    X25519(X25519Recipient),
    /// `age1pq1…`.
    Hybrid(XWingRecipient),
}

/// What opens a file.
pub enum Identity {
    /// `AGE-SECRET-KEY-1…`.
    X25519(X25519Identity),
    /// `AGE-SECRET-KEY-PQ-1…`.
    Hybrid(XWingIdentity),
    /// A passphrase; it has no written form.
    Passphrase(Passphrase),
}

assert_opaque!(Identity);

/// Why text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyTextError {
    /// Not `age1…` or `age1pq1…`.
    #[error("not an age recipient (age1… or age1pq1…)")]
    NoRecipient,
    /// Not `AGE-SECRET-KEY-1…` or `AGE-SECRET-KEY-PQ-1…`.
    #[error("not an age identity (AGE-SECRET-KEY-1… or AGE-SECRET-KEY-PQ-1…)")]
    NoIdentity,
    /// An identity stands where a recipient is expected.
    #[error("this is a secret identity, not a recipient")]
    Secret,
    /// The checksum does not agree: a slip of the pen.
    #[error("the key is mistyped or cut short")]
    Mistyped,
    /// Well written, but no valid key.
    #[error("the key is not valid")]
    Invalid,
}

/// A line of a file of keys that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {error}")]
pub struct KeyFileError {
    /// From 1.
    pub line: usize,
    /// What is wrong with it.
    #[source]
    pub error: KeyTextError,
}

impl Recipient {
    /// Whether it withstands a quantum computer. Files are sealed to such recipients only, or to none.
    pub fn is_post_quantum(&self) -> bool {
        matches!(self, Self::Hybrid(_))
    }
}

impl FromStr for Recipient {
    type Err = KeyTextError;

    fn from_str(text: &str) -> Result<Self, KeyTextError> {
        if text.get(..IDENTITY_START.len()).is_some_and(|start| start.eq_ignore_ascii_case(IDENTITY_START)) {
            return Err(KeyTextError::Secret);
        }
        if text.starts_with("age1pq1") {
            let key = decode(HYBRID_RECIPIENT, text)?;
            return XWingRecipient::from_bytes(&key).map(Self::Hybrid).map_err(|_| KeyTextError::Invalid);
        }
        if !text.starts_with("age1") {
            return Err(KeyTextError::NoRecipient);
        }
        let key = decode(X25519_RECIPIENT, text)?.as_slice().try_into().map_err(|_| KeyTextError::Invalid)?;
        Ok(Self::X25519(X25519Recipient::from_bytes(key)))
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::X25519(key) => encode(X25519_RECIPIENT, key.as_bytes()),
            Self::Hybrid(key) => encode(HYBRID_RECIPIENT, &key.to_bytes()),
        };
        f.write_str(&text)
    }
}

impl From<XWingRecipient> for Recipient {
    fn from(key: XWingRecipient) -> Self {
        Self::Hybrid(key)
    }
}

impl Identity {
    /// A fresh post-quantum identity.
    pub fn make() -> Self {
        Self::Hybrid(XWingIdentity::make())
    }

    /// The recipient whose files it opens; a passphrase has none.
    pub fn recipient(&self) -> Option<Recipient> {
        match self {
            Self::X25519(identity) => Some(Recipient::X25519(identity.recipient())),
            Self::Hybrid(identity) => Some(Recipient::Hybrid(identity.recipient().clone())),
            Self::Passphrase(_) => None,
        }
    }

    /// The identity as text; a passphrase has none.
    pub fn expose_string(&self) -> Option<Zeroizing<String>> {
        let (hrp, seed) = match self {
            Self::X25519(identity) => (X25519_IDENTITY, Zeroizing::new(*identity.expose_scalar())),
            Self::Hybrid(identity) => (HYBRID_IDENTITY, identity.expose_seed()),
            Self::Passphrase(_) => return None,
        };
        let mut text = Zeroizing::new(encode(hrp, &seed[..]));
        text.make_ascii_uppercase();
        Some(text)
    }
}

impl FromStr for Identity {
    type Err = KeyTextError;

    fn from_str(text: &str) -> Result<Self, KeyTextError> {
        let hybrid = text.starts_with("AGE-SECRET-KEY-PQ-1");
        if !hybrid && !text.starts_with("AGE-SECRET-KEY-1") {
            return Err(KeyTextError::NoIdentity);
        }
        let seed = decode(if hybrid { HYBRID_IDENTITY } else { X25519_IDENTITY }, text)?;
        let seed = Secret::from_slice(&seed).ok_or(KeyTextError::Invalid)?;
        Ok(if hybrid {
            Self::Hybrid(XWingIdentity::from_seed(seed.expose()))
        } else {
            Self::X25519(X25519Identity::from_scalar(seed))
        })
    }
}

/// Reads a recipients file: one a line; empty lines and lines that begin with `#` are skipped.
///
/// # Errors
/// [`KeyFileError`] names the first bad line.
pub fn read_recipients(text: &str) -> Result<Vec<Recipient>, KeyFileError> {
    read_keys(text)
}

/// Reads an identity file: one a line; empty lines and lines that begin with `#` are skipped.
///
/// # Errors
/// [`KeyFileError`] names the first bad line, not what it says.
pub fn read_identities(text: &str) -> Result<Vec<Identity>, KeyFileError> {
    read_keys(text)
}

fn read_keys<K: FromStr<Err = KeyTextError>>(text: &str) -> Result<Vec<K>, KeyFileError> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim_end()));
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(number, line)| line.parse().map_err(|error| KeyFileError { line: number, error }))
        .collect()
}

/// The bytes of a canonical Bech32 text with this prefix; either case, not both.
fn decode(hrp: Hrp, text: &str) -> Result<Zeroizing<Vec<u8>>, KeyTextError> {
    let checked = CheckedHrpstring::new::<LongBech32>(text).map_err(|_| KeyTextError::Mistyped)?;
    let bytes = Zeroizing::new(checked.byte_iter().collect::<Vec<u8>>());
    // Encoding again catches another prefix and non-zero padding bits.
    let again = Zeroizing::new(encode(hrp, &bytes));
    if again.eq_ignore_ascii_case(text) { Ok(bytes) } else { Err(KeyTextError::Mistyped) }
}

fn encode(hrp: Hrp, bytes: &[u8]) -> String {
    bech32::encode_lower::<LongBech32>(hrp, bytes).expect("keys are shorter than the code")
}

/// Bech32 without its limit of 90 characters, as age has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LongBech32 {}

impl Checksum for LongBech32 {
    type MidstateRepr = <Bech32 as Checksum>::MidstateRepr;
    const CHECKSUM_LENGTH: usize = Bech32::CHECKSUM_LENGTH;
    const CODE_LENGTH: usize = 4096;
    const GENERATOR_SH: [u32; 5] = Bech32::GENERATOR_SH;
    const TARGET_RESIDUE: u32 = Bech32::TARGET_RESIDUE;
}

const IDENTITY_START: &str = "AGE-SECRET-KEY-";
const X25519_RECIPIENT: Hrp = Hrp::parse_unchecked("age");
const HYBRID_RECIPIENT: Hrp = Hrp::parse_unchecked("age1pq");
const X25519_IDENTITY: Hrp = Hrp::parse_unchecked("age-secret-key-");
const HYBRID_IDENTITY: Hrp = Hrp::parse_unchecked("age-secret-key-pq-");

#[cfg(test)]
mod tests;
