//! Fingerprints of key bundles: what two people read to each other to know that they mean the same keys.

use std::fmt;
use std::str::FromStr;

use subtle::ConstantTimeEq;
use thiserror::Error;

const CONTEXT: &str = "cowl/fingerprint/v1";
const GROUPS: usize = 12;
const DIGITS_PER_GROUP: usize = 5;
const DIGITS: usize = GROUPS * DIGITS_PER_GROUP;

/// 60 decimal digits, about 199 bits, that stand for a key bundle; written as 12 groups of five.
///
/// Each group is 40 bits of BLAKE3 output modulo 100 000, the reduction of Signal's safety numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; DIGITS]);

/// The text is no fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FingerprintError {
    /// Not 60 digits.
    #[error("a fingerprint has {DIGITS} digits, not {found}")]
    Length {
        /// Digits found.
        found: usize,
    },
    /// Something other than digits, white space and hyphens.
    #[error("a fingerprint is made of digits, white space and hyphens, not {found:?}")]
    Character {
        /// The first character that does not belong.
        found: char,
    },
}

impl Fingerprint {
    /// Fingerprint of an encoded key bundle.
    pub fn of(bundle: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        let mut stream = hasher.update(bundle).finalize_xof();
        let mut digits = [0; DIGITS];
        for group in digits.chunks_exact_mut(DIGITS_PER_GROUP) {
            let mut bytes = [0; 8];
            stream.fill(&mut bytes[3..]);
            write_decimal(u64::from_be_bytes(bytes) % 100_000, group);
        }
        Self(digits)
    }

    /// Compares in a time that does not depend on the digits.
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// The 12 groups of five digits, for laying them out.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.0.chunks_exact(DIGITS_PER_GROUP).map(|group| str::from_utf8(group).expect("digits are ASCII"))
    }
}

fn write_decimal(mut value: u64, digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups: Vec<&str> = self.groups().collect();
        f.pad(&groups.join(" "))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads a fingerprint as people type it: white space and hyphens may stand anywhere.
impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let mut digits = Vec::with_capacity(DIGITS);
        for found in text.chars().filter(|character| !character.is_whitespace() && *character != '-') {
            if !found.is_ascii_digit() {
                return Err(FingerprintError::Character { found });
            }
            digits.push(found as u8);
        }
        let found = digits.len();
        digits.try_into().map(Self).map_err(|_| FingerprintError::Length { found })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_fingerprint_is_twelve_groups_of_five_digits() {
        let written = Fingerprint::of(b"bundle").to_string();
        assert_eq!(written.len(), 71);
        assert!(written.split(' ').all(|it| it.len() == 5 && it.bytes().all(|byte| byte.is_ascii_digit())));
        assert_eq!(written.split(' ').count(), 12);
    }

    #[test]
    fn the_derivation_is_pinned() {
        // A change here would make fingerprints that people wrote down worthless.
        let pinned = "36659 07666 80945 02876 48803 33635 11260 73099 96707 42412 42567 02534";
        assert_eq!(Fingerprint::of(b"cowl").to_string(), pinned);
    }

    #[test]
    fn typing_habits_do_not_matter() {
        let fingerprint = Fingerprint::of(b"bundle");
        let written = fingerprint.to_string();
        for typed in [written.replace(' ', ""), written.replace(' ', "-"), format!("\n {written}\t")] {
            assert_eq!(typed.parse(), Ok(fingerprint));
        }
    }

    #[test]
    fn what_is_no_fingerprint_is_named() {
        let written = Fingerprint::of(b"bundle").to_string();
        assert_eq!(written[1..].parse::<Fingerprint>(), Err(FingerprintError::Length { found: 59 }));
        assert_eq!("".parse::<Fingerprint>(), Err(FingerprintError::Length { found: 0 }));
        assert_eq!("1234x".parse::<Fingerprint>(), Err(FingerprintError::Character { found: 'x' }));
        assert_eq!("٣".parse::<Fingerprint>(), Err(FingerprintError::Character { found: '٣' }));
    }

    proptest! {
        #[test]
        fn every_fingerprint_is_read_back(bundle in any::<Vec<u8>>()) {
            let fingerprint = Fingerprint::of(&bundle);
            let read: Fingerprint = fingerprint.to_string().parse().unwrap();
            prop_assert!(read.ct_eq(&fingerprint));
        }

        #[test]
        fn other_bundles_have_other_fingerprints(one in any::<[u8; 32]>(), other in any::<[u8; 32]>()) {
            prop_assume!(one != other);
            prop_assert!(!Fingerprint::of(&one).ct_eq(&Fingerprint::of(&other)));
        }
    }
}
