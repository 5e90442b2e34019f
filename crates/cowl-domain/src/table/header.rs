//! The header of an item of suite `additive`: it tells the cloud in which order the parts of the table lie.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};

use super::TableError;
use crate::item::PartEntry;
use crate::wire;

/// What stands before the canonical CBOR, so that no other suite's header is taken for one.
const MAGIC: &[u8] = b"cowl-additive/v1\n";

/// Items of other suites list their parts in the sealed manifest only. Of a sealed table the cloud must know the
/// order too, or it could not add.
///
/// Nothing here is believed by owner or readers: they go by the manifest, whose list of parts is the same.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AdditiveHeader {
    /// The text of an age header with the stanzas for owner and epoch, as for suite `standard`.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub key_header: Vec<u8>,
    /// Parts in the order of the payload.
    #[n(1)]
    pub parts: Vec<PartEntry>,
}

impl AdditiveHeader {
    /// Whether these bytes say of themselves that they are one.
    pub fn is_one(bytes: &[u8]) -> bool {
        bytes.starts_with(MAGIC)
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        [MAGIC, &wire::encode(self)].concat()
    }

    /// Reads one, and checks that its parts can be put together.
    ///
    /// # Errors
    /// [`TableError::Header`] or [`TableError::Wire`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TableError> {
        let form = bytes.strip_prefix(MAGIC).ok_or(TableError::Header("does not begin as one does"))?;
        let header: Self = wire::decode("header of a sealed table", form)?;
        header.check()?;
        Ok(header)
    }

    /// Whether its parts can be put together.
    ///
    /// # Errors
    /// [`TableError::Header`].
    pub fn check(&self) -> Result<(), TableError> {
        if self.parts.is_empty() || self.parts.iter().any(|part| part.size == 0) {
            return Err(TableError::Header("names no parts, or an empty one"));
        }
        let names: BTreeSet<_> = self.parts.iter().map(|part| part.name).collect();
        if names.len() != self.parts.len() {
            return Err(TableError::Header("names a part twice"));
        }
        self.payload_size().map(|_| ()).ok_or(TableError::Header("names parts of too many bytes"))
    }

    /// Bytes of the table's file: the sum of its parts. `None` on overflow.
    pub fn payload_size(&self) -> Option<u64> {
        self.parts.iter().try_fold(0u64, |sum, part| sum.checked_add(part.size))
    }
}

#[cfg(test)]
mod tests {
    use cowl_crypto::digest::Digest;

    use super::*;
    use crate::id::PartName;

    fn part(number: u8, size: u64) -> PartEntry {
        PartEntry { name: PartName::from_bytes([number; 16]), size, hash: Digest::of(&[number]) }
    }

    fn header(parts: Vec<PartEntry>) -> AdditiveHeader {
        AdditiveHeader { key_header: b"age-encryption.org/v1\n".to_vec(), parts }
    }

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let header = header(vec![part(1, 70_000), part(2, 3)]);
        let bytes = header.to_bytes();
        assert!(AdditiveHeader::is_one(&bytes));
        assert_eq!(AdditiveHeader::from_bytes(&bytes), Ok(header.clone()));
        assert_eq!(header.payload_size(), Some(70_003));
    }

    #[test]
    fn no_bit_of_a_header_is_without_meaning() {
        let bytes = header(vec![part(1, 70_000), part(2, 3)]).to_bytes();
        let read = AdditiveHeader::from_bytes(&bytes).unwrap();
        for place in 0..bytes.len() {
            let mut other = bytes.clone();
            other[place] ^= 1;
            assert_ne!(AdditiveHeader::from_bytes(&other).as_ref(), Ok(&read), "byte {place}");
        }
        for end in 0..bytes.len() {
            assert!(AdditiveHeader::from_bytes(&bytes[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn parts_that_cannot_be_put_together_are_refused() {
        let refused = |parts| AdditiveHeader::from_bytes(&header(parts).to_bytes()).is_err();
        assert!(refused(Vec::new()));
        assert!(refused(vec![part(1, 0)]));
        assert!(refused(vec![part(1, 5), part(1, 5)]));
        assert!(refused(vec![part(1, u64::MAX), part(2, 1)]));
    }
}
