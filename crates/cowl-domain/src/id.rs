//! Identifiers: 16 bytes each, written as 26 characters of lower-case base32.
//!
//! One type per kind of thing, so that a record cannot stand where an item is meant.

use std::fmt;
use std::str::FromStr;

use minicbor::decode::{Decoder, Error as DecodeError};
use minicbor::encode::{Encoder, Error as EncodeError, Write};
use minicbor::{Decode, Encode};

/// Text that is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a {kind}: 26 characters of a-z and 2-7 are expected")]
pub struct IdError {
    /// What was to be read, e.g. `item`.
    pub kind: &'static str,
    /// What stood there, cut to 40 characters.
    pub text: String,
}

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident = $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The identifier with these 16 bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// Its 16 bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&cowl_crypto::id::encode_id(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                cowl_crypto::id::decode_id(text)
                    .map(Self)
                    .map_err(|_| IdError { kind: $kind, text: text.chars().take(40).collect() })
            }
        }

        impl<C> Encode<C> for $name {
            fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
                e.bytes(&self.0)?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
                let bytes = d.bytes()?;
                bytes.try_into().map(Self).map_err(|_| DecodeError::message(concat!($kind, " of wrong length")))
            }
        }
    )*};
}

identifiers! {
    /// A party, derived from its first keys ([`crate::PartyKeys::first_id`]).
    PartyId = "party";
    /// A record of one owner.
    RecordId = "record";
    /// An item; it keeps its identifier through every re-keying.
    ItemId = "item";
    /// The random name under which the cloud stores a part.
    PartName = "part";
    /// A grant.
    GrantId = "grant";
    /// A request for access.
    RequestId = "request";
    /// A running upload.
    UploadId = "upload";
    /// An event of the log.
    EventId = "event";
    /// A job.
    JobId = "job";
}
