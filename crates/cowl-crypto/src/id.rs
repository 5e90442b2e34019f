//! Random bytes, and the written form of 16-byte identifiers.

use data_encoding::BASE32_NOPAD;
use thiserror::Error;

/// Length in characters of a written identifier.
pub const ENCODED_ID_LENGTH: usize = 26;

/// The text is not a written identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdError {
    /// Not 26 characters.
    #[error("an identifier is {ENCODED_ID_LENGTH} characters, not {found}")]
    Length {
        /// Length in bytes of the text.
        found: usize,
    },
    /// A character outside `a-z2-7`.
    #[error("an identifier is made of the characters a-z and 2-7")]
    Character,
    /// The last character carries bits beyond the 128 of an identifier, so that two texts would name the
    /// same thing.
    #[error("an identifier's last character has bits beyond its end")]
    TrailingBits,
}

/// Bytes from the operating system's generator, fit for keys.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fill_random(&mut bytes);
    bytes
}

pub(crate) fn fill_random(bytes: &mut [u8]) {
    // Going on without randomness would give away every key made from here on; AWS-LC itself aborts
    // where its source of entropy fails.
    aws_lc_rs::rand::fill(bytes).expect("the operating system provides randomness");
}

/// Writes an identifier: RFC 4648 base32 in lower case without padding, 26 characters.
pub fn encode_id(id: &[u8; 16]) -> String {
    let mut text = BASE32_NOPAD.encode(id);
    text.make_ascii_lowercase();
    text
}

/// Reads what [`encode_id`] writes, and nothing else.
pub fn decode_id(text: &str) -> Result<[u8; 16], IdError> {
    if text.len() != ENCODED_ID_LENGTH {
        return Err(IdError::Length { found: text.len() });
    }
    if !text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7')) {
        return Err(IdError::Character);
    }
    let bytes =
        BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).map_err(|_| IdError::TrailingBits)?;
    Ok(bytes.try_into().expect("26 base32 characters are 16 bytes"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_written_form_is_lower_case_base32() {
        assert_eq!(encode_id(&[0; 16]), "aaaaaaaaaaaaaaaaaaaaaaaaaa");
        assert_eq!(encode_id(&[0xff; 16]), "77777777777777777777777774");
        assert_eq!(encode_id(b"foobarfoobarfoob"), "mzxw6ytbojtg633cmfzgm33pmi");
    }

    #[test]
    fn other_writings_of_an_identifier_are_refused() {
        assert_eq!(decode_id("7777777777777777777777777"), Err(IdError::Length { found: 25 }));
        assert_eq!(decode_id("77777777777777777777777774======"), Err(IdError::Length { found: 32 }));
        assert_eq!(decode_id("AAAAAAAAAAAAAAAAAAAAAAAAAA"), Err(IdError::Character));
        assert_eq!(decode_id("aaaaaaaaaaaaaaaaaaaaaaaa1a"), Err(IdError::Character));
        assert_eq!(decode_id("aaaaaaaaaaaaaaaaaaaaaaaaé"), Err(IdError::Character));
        assert_eq!(decode_id("77777777777777777777777775"), Err(IdError::TrailingBits));
    }

    #[test]
    fn random_bytes_do_not_repeat() {
        assert_ne!(random_bytes::<16>(), random_bytes::<16>());
    }

    proptest! {
        #[test]
        fn every_identifier_is_read_back(id in any::<[u8; 16]>()) {
            prop_assert_eq!(decode_id(&encode_id(&id)), Ok(id));
        }

        #[test]
        fn what_is_read_is_written_the_same_way(text in "[a-z2-7]{26}") {
            if let Ok(id) = decode_id(&text) {
                prop_assert_eq!(encode_id(&id), text);
            }
        }
    }
}
