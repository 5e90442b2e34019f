//! Shares: a key wrapped for one party in an age stanza, bound to the place where it is to stand.
//!
//! HPKE base mode with X-Wing; `info` is `cowl/share/v1`, the kind of key, and a context chosen by the
//! caller (for a grant: its id and what it opens), so that a share opens in its own place only.

use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};
use zeroize::Zeroizing;

use crate::age::header::Stanza;
use crate::age::{decode_base64_array, encode_base64};
use crate::file_key::ItemKey;
use crate::key_store::EpochIdentity;
use crate::suite::Suite;
use crate::xwing::{ENCAPSULATED_LENGTH, OpenFailure, XWingIdentity, XWingRecipient};

/// What a share wraps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The file key of an item of this suite.
    ItemKey(Suite),
    /// The seed of an epoch's identity.
    Epoch,
}

/// Why a share does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShareError {
    /// Another kind of stanza.
    #[error("this stanza is no share of a key")]
    NoShare,
    /// A share with arguments or a body that it cannot have.
    #[error("the share is malformed")]
    Malformed,
    /// Sealed to another party, for another place or kind of key, or changed.
    #[error("the share was not sealed to this key for this place")]
    Closed,
}

/// Wraps the file key of an item.
pub fn wrap_item_key(recipient: &XWingRecipient, key: &ItemKey, context: &[u8]) -> Stanza {
    wrap(recipient, Kind::ItemKey(key.suite()), key.expose(), context)
}

/// Wraps the identity of an epoch.
pub fn wrap_epoch(recipient: &XWingRecipient, epoch: &EpochIdentity, context: &[u8]) -> Stanza {
    wrap(recipient, Kind::Epoch, &epoch.expose_seed()[..], context)
}

/// Wraps many file keys, each in its own context, on all cores; the results are in the order of `keys`.
pub fn wrap_item_keys(recipient: &XWingRecipient, keys: &[(&ItemKey, &[u8])]) -> Vec<Stanza> {
    keys.par_iter().with_min_len(16).map(|(key, context)| wrap_item_key(recipient, key, context)).collect()
}

/// Opens a share of an item's file key.
///
/// # Errors
/// [`ShareError`].
pub fn unwrap_item_key(
    identity: &XWingIdentity,
    stanza: &Stanza,
    suite: Suite,
    context: &[u8],
) -> Result<ItemKey, ShareError> {
    let key = unwrap(identity, stanza, Kind::ItemKey(suite), context)?;
    ItemKey::from_slice(suite, &key).ok_or(ShareError::Malformed)
}

/// Opens a share of an epoch's identity.
///
/// # Errors
/// [`ShareError`].
pub fn unwrap_epoch(
    identity: &XWingIdentity,
    stanza: &Stanza,
    context: &[u8],
) -> Result<EpochIdentity, ShareError> {
    let seed = unwrap(identity, stanza, Kind::Epoch, context)?;
    let seed = seed.as_slice().try_into().map_err(|_| ShareError::Malformed)?;
    Ok(EpochIdentity::from_seed(seed))
}

fn wrap(recipient: &XWingRecipient, kind: Kind, secret: &[u8], context: &[u8]) -> Stanza {
    let (encapsulated, body) = recipient.seal(&info(kind, context), b"", secret);
    Stanza::with_arg(TAG, encode_base64(&encapsulated), body)
}

pub(crate) fn unwrap(
    identity: &XWingIdentity,
    stanza: &Stanza,
    kind: Kind,
    context: &[u8],
) -> Result<Zeroizing<Vec<u8>>, ShareError> {
    if stanza.tag != TAG {
        return Err(ShareError::NoShare);
    }
    let [encapsulated] = stanza.args.as_slice() else { return Err(ShareError::Malformed) };
    let encapsulated: [u8; ENCAPSULATED_LENGTH] =
        decode_base64_array(encapsulated).ok_or(ShareError::Malformed)?;
    if stanza.body.len() != kind.secret_length() + TAG_LENGTH {
        return Err(ShareError::Malformed);
    }
    identity.open(&info(kind, context), b"", &encapsulated, &stanza.body).map_err(|failure| match failure {
        OpenFailure::Malformed => ShareError::Malformed,
        OpenFailure::Closed => ShareError::Closed,
    })
}

impl Kind {
    const fn secret_length(self) -> usize {
        match self {
            Self::ItemKey(Suite::Standard) => 16,
            Self::ItemKey(Suite::HybridRsa) | Self::Epoch => 32,
        }
    }

    const fn code(self) -> u8 {
        match self {
            Self::ItemKey(Suite::Standard) => 0,
            Self::ItemKey(Suite::HybridRsa) => 1,
            Self::Epoch => 2,
        }
    }
}

/// The prefix has a fixed length, so that no two pairs of kind and context give the same info.
fn info(kind: Kind, context: &[u8]) -> Vec<u8> {
    [b"cowl/share/v1".as_slice(), &[kind.code()], context].concat()
}

const TAG: &str = "cowl-share-v1";
const TAG_LENGTH: usize = 16;

#[cfg(test)]
mod tests;
