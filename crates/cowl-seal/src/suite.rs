//! The cipher suites: how an item's header and payload are sealed.
//!
//! Both suites have a header of stanzas and a payload that is a 16-byte nonce and a STREAM of 64 KiB
//! segments, so everything that stores, cuts, joins or reads ranges serves both. Suite `chaotic-image`
//! is not one of them: it codes the image *inside* a `standard` envelope.

use std::fmt;

use crate::age::header::{Header, HeaderError, Stanza};
use crate::age::{self, BadStanza, Identity, OpenHeaderError, Recipient, hybrid};
use crate::file_key::{FileKey32, ItemKey};
use crate::hybrid_rsa::{self, RsaPublicKey, RsaSecretKey};
use crate::shares;
use crate::xwing::{XWingIdentity, XWingRecipient};

/// How an item is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Suite {
    /// age v1: ChaCha20-Poly1305 under a 16-byte file key.
    Standard,
    /// AES-256-GCM under a 32-byte file key that RSA-3072-OAEP wraps; a format of Cowl's own
    /// ([`crate::hybrid_rsa`]).
    HybridRsa,
}

/// To whom a header is sealed.
#[derive(Debug, Clone, Copy)]
pub enum SealTo<'a> {
    /// Either suite: a party or an epoch of a record.
    XWing(&'a XWingRecipient),
    /// Suite `standard`: a recipient from elsewhere.
    Age(&'a Recipient),
    /// Suite `hybrid-rsa`.
    Rsa(&'a RsaPublicKey),
}

/// What opens a header.
#[derive(Clone, Copy)]
pub enum OpenWith<'a> {
    /// Either suite: a party or an epoch of a record.
    XWing(&'a XWingIdentity),
    /// Suite `standard`: an identity from elsewhere.
    Age(&'a Identity),
    /// Suite `hybrid-rsa`.
    Rsa(&'a RsaSecretKey),
}

/// Why a header cannot be sealed to these recipients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealHeaderError {
    /// Nobody could open it.
    #[error("there is no recipient to seal to")]
    NoRecipient,
    /// A recipient of another suite.
    #[error("recipient {index} does not belong to suite {suite}")]
    Unsuited {
        /// Which, from 0.
        index: usize,
        /// The suite of the file key.
        suite: Suite,
    },
    /// Post-quantum and other recipients together would protect no better than the others.
    #[error("recipient {index} is not post-quantum while others are, or the other way round")]
    MixedStrength {
        /// Which, from 0: the first that differs from recipient 0.
        index: usize,
    },
    /// A recipient's key is a point of low order.
    #[error("recipient {index} is no usable key")]
    BadRecipient {
        /// Which, from 0.
        index: usize,
    },
}

impl Suite {
    /// Its name in settings and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::HybridRsa => "hybrid-rsa",
        }
    }

    /// The first line of its headers, without the line feed.
    pub const fn header_line(self) -> &'static str {
        match self {
            Self::Standard => "age-encryption.org/v1",
            Self::HybridRsa => "cowl-hybrid-rsa/v1",
        }
    }

    /// The suite whose first line these bytes begin with.
    pub fn of_file(bytes: &[u8]) -> Option<Self> {
        let begins = |suite: &Self| {
            bytes.strip_prefix(suite.header_line().as_bytes()).is_some_and(|rest| rest.starts_with(b"\n"))
        };
        [Self::Standard, Self::HybridRsa].into_iter().find(begins)
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Seals a file key to several recipients: one stanza each, in this order.
///
/// # Errors
/// [`SealHeaderError`] names the recipient that does not fit.
pub fn seal_header(key: &ItemKey, recipients: &[SealTo<'_>]) -> Result<Header, SealHeaderError> {
    let first = recipients.first().ok_or(SealHeaderError::NoRecipient)?;
    if key.suite() == Suite::Standard
        && let Some(index) =
            recipients.iter().position(|one| one.is_post_quantum() != first.is_post_quantum())
    {
        return Err(SealHeaderError::MixedStrength { index });
    }
    let stanzas = recipients.iter().enumerate().map(|(index, recipient)| recipient.wrap(key, index));
    Ok(Header::seal(key.suite(), &key.mac_key(), stanzas.collect::<Result<_, _>>()?))
}

/// Opens a header with the first of these keys that fits.
///
/// # Errors
/// [`OpenHeaderError`]: no key fits, a stanza cannot be what it says, or the header was changed.
pub fn open_header(header: &Header, keys: &[OpenWith<'_>]) -> Result<ItemKey, OpenHeaderError> {
    age::refuse_accompanied_passphrase(header)?;
    for key in keys {
        for (index, stanza) in header.stanzas().iter().enumerate() {
            let opened = key.unwrap(header.suite(), stanza).map_err(|BadStanza| age::bad_stanza(index))?;
            if let Some(key) = opened {
                header.verify(&key.mac_key())?;
                return Ok(key);
            }
        }
    }
    Err(OpenHeaderError::NoMatch)
}

/// Reads a header that stands alone, of whichever suite.
///
/// # Errors
/// [`HeaderError`].
pub fn decode_header(text: &[u8]) -> Result<Header, HeaderError> {
    Header::decode(Suite::of_file(text).unwrap_or(Suite::Standard), text)
}

impl SealTo<'_> {
    fn is_post_quantum(&self) -> bool {
        match self {
            Self::XWing(_) => true,
            Self::Age(recipient) => recipient.is_post_quantum(),
            Self::Rsa(_) => false,
        }
    }

    fn wrap(&self, key: &ItemKey, index: usize) -> Result<Stanza, SealHeaderError> {
        match (self, key) {
            (Self::XWing(recipient), ItemKey::Standard(key)) => Ok(hybrid::wrap(recipient, key)),
            (Self::XWing(recipient), ItemKey::HybridRsa(_)) => {
                Ok(shares::wrap_item_key(recipient, key, HEADER))
            }
            (Self::Age(recipient), ItemKey::Standard(key)) => {
                recipient.wrap(key).map_err(|_| SealHeaderError::BadRecipient { index })
            }
            (Self::Rsa(recipient), ItemKey::HybridRsa(key)) => Ok(recipient.wrap(key)),
            (Self::Age(_), ItemKey::HybridRsa(_)) | (Self::Rsa(_), ItemKey::Standard(_)) => {
                Err(SealHeaderError::Unsuited { index, suite: key.suite() })
            }
        }
    }
}

impl OpenWith<'_> {
    fn unwrap(&self, suite: Suite, stanza: &Stanza) -> Result<Option<ItemKey>, BadStanza> {
        match (self, suite) {
            (Self::XWing(identity), Suite::Standard) => {
                Ok(hybrid::unwrap(identity, stanza)?.map(ItemKey::Standard))
            }
            (Self::XWing(identity), Suite::HybridRsa) => unwrap_share(identity, stanza),
            (Self::Age(identity), Suite::Standard) => Ok(identity.unwrap(stanza)?.map(ItemKey::Standard)),
            (Self::Rsa(key), Suite::HybridRsa) => {
                Ok(hybrid_rsa::unwrap(key, stanza)?.map(ItemKey::HybridRsa))
            }
            (Self::Age(_), Suite::HybridRsa) | (Self::Rsa(_), Suite::Standard) => Ok(None),
        }
    }
}

fn unwrap_share(identity: &XWingIdentity, stanza: &Stanza) -> Result<Option<ItemKey>, BadStanza> {
    match shares::unwrap(identity, stanza, shares::Kind::ItemKey(Suite::HybridRsa), HEADER) {
        Ok(bytes) => {
            let key = bytes.as_slice().try_into().map_err(|_| BadStanza)?;
            Ok(Some(ItemKey::HybridRsa(FileKey32::new(key))))
        }
        Err(shares::ShareError::Malformed) => Err(BadStanza),
        Err(shares::ShareError::NoShare | shares::ShareError::Closed) => Ok(None),
    }
}

/// Binds a share to a header, so that a grant's share cannot stand there.
const HEADER: &[u8] = b"cowl-hybrid-rsa/v1 header";

#[cfg(test)]
mod tests;
