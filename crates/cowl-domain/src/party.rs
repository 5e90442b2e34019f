//! Parties: who they are, which keys they hold.

use std::fmt;
use std::str::FromStr;

use cowl_crypto::digest::Digest;
use cowl_crypto::sign::VerifyingKey;
use minicbor::{Decode, Encode};

use crate::id::PartyId;
use crate::time::Timestamp;
use crate::wire::{self, Signed, Statement, StatementError, Verified, WireError};

/// Length of an X-Wing encapsulation key: ML-KEM-768 (1184) and X25519 (32).
pub const SEALING_KEY_LENGTH: usize = 1216;

/// Why a text is not a handle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a handle: 3 to 64 of a-z 0-9 . _ @ -, beginning with a letter or digit")]
pub struct HandleError(pub String);

/// The name by which people know a party, e.g. `radiologist@city-hospital`. In clear at the cloud.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
#[cbor(transparent)]
pub struct Handle(#[n(0)] String);

/// A binding signed for something that is no handle must not get into the directory, hence no derived impl.
impl<'b, C> Decode<'b, C> for Handle {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        d.str()?.parse().map_err(|_| minicbor::decode::Error::message("not a handle"))
    }
}

impl Handle {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Handle {
    type Err = HandleError;

    fn from_str(text: &str) -> Result<Self, HandleError> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._@-".contains(c);
        let first = text.chars().next().is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        if first && (3..=64).contains(&text.len()) && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(HandleError(text.chars().take(80).collect()))
        }
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! coded {
    ($(#[$doc:meta])* $name:ident ($what:literal) { $($(#[$vdoc:meta])* $variant:ident = $code:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, minicbor::Encode, minicbor::Decode)]
        #[cbor(index_only)]
        pub enum $name {
            $($(#[$vdoc])* #[n($code)] $variant,)*
        }

        impl $name {
            /// All of them, in the order of their codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name on the command line and in HTTP.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::party::UnknownWord;

            fn from_str(text: &str) -> Result<Self, $crate::party::UnknownWord> {
                Self::ALL.iter().copied().find(|v| v.as_str() == text).ok_or_else(|| $crate::party::UnknownWord {
                    what: $what,
                    text: text.chars().take(40).collect(),
                    known: Self::ALL.iter().map(|v| v.as_str()).collect::<Vec<_>>().join(", "),
                })
            }
        }
    };
}
pub(crate) use coded;

/// A word that is not in a fixed list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a {what}; known are {known}")]
pub struct UnknownWord {
    /// The list.
    pub what: &'static str,
    /// The word.
    pub text: String,
    /// What the list holds.
    pub known: String,
}

coded! {
    /// What a party is to the others.
    Role ("role") {
        /// A person whose health the records are about.
        Patient = 0, "patient";
        /// Treats, reads, reports.
        Physician = 1, "physician";
        /// An institution that treats.
        Hospital = 2, "hospital";
        /// Pays.
        Insurer = 3, "insurer";
        /// Learns from many records.
        Researcher = 4, "researcher";
        /// Owns a trained model.
        ModelOwner = 5, "model-owner";
        /// Deals correlated randomness to two computing parties.
        Dealer = 6, "dealer";
        /// A trusted execution environment.
        Enclave = 7, "enclave";
        /// A laboratory.
        Laboratory = 8, "laboratory";
        /// A machine or program that acts for an institution.
        Service = 9, "service";
    }
}

/// An X-Wing public key (1216 bytes), to which things are sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct SealingKey(Box<[u8; SEALING_KEY_LENGTH]>);

impl SealingKey {
    /// The key with these bytes; `None` unless there are exactly [`SEALING_KEY_LENGTH`].
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let boxed: Box<[u8; SEALING_KEY_LENGTH]> = bytes.to_vec().into_boxed_slice().try_into().ok()?;
        Some(Self(boxed))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; SEALING_KEY_LENGTH] {
        &self.0
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", Digest::of(self.as_bytes()))
    }
}

impl<C> Encode<C> for SealingKey {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(self.as_bytes())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for SealingKey {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::from_slice(d.bytes()?)
            .ok_or_else(|| minicbor::decode::Error::message("sealing key of wrong length"))
    }
}

/// The public keys of a party, one version of them.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PartyKeys {
    /// Whose keys these are.
    #[n(0)]
    pub party: PartyId,
    /// 0 for the first; one more with every change.
    #[n(1)]
    pub version: u32,
    /// Ed25519, for statements.
    #[cbor(n(2), with = "wire::fixed")]
    pub signing: VerifyingKey,
    /// X-Wing, for sealing to this party.
    #[n(3)]
    pub sealing: SealingKey,
    /// RSA-3072 SubjectPublicKeyInfo (DER), for suite `hybrid-rsa`; made when first needed.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub rsa: Option<Vec<u8>>,
}

impl PartyKeys {
    /// The identifier that belongs to a party whose first keys are these: nobody else can claim it.
    pub fn first_id(signing: &VerifyingKey, sealing: &SealingKey) -> PartyId {
        let both = [signing.as_bytes().as_slice(), sealing.as_bytes().as_slice()].concat();
        let digest = Digest::derive("cowl/party-id/v1", &both);
        let mut id = [0; 16];
        id.copy_from_slice(&digest.as_bytes()[..16]);
        PartyId::from_bytes(id)
    }

    /// The digest by which statements name these keys, e.g. [`crate::Grant::grantee_keys`].
    pub fn digest(&self) -> Digest {
        Digest::derive("cowl/party-keys/v1", &wire::encode(self))
    }

    /// The digest that people compare, as a [`cowl_crypto::fingerprint::Fingerprint`], over all keys.
    pub fn fingerprint(&self) -> cowl_crypto::fingerprint::Fingerprint {
        cowl_crypto::fingerprint::Fingerprint::of(&wire::encode(self))
    }
}

/// "This handle, in this role, has these keys": an open leaf of the log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct KeyBinding {
    /// The party's name.
    #[n(0)]
    pub handle: Handle,
    /// What it says it is.
    #[n(1)]
    pub role: Role,
    /// Its keys.
    #[n(2)]
    pub keys: PartyKeys,
    /// The digest of the binding before, none for the first.
    #[cbor(n(3), with = "wire::optional_fixed")]
    pub previous: Option<Digest>,
    /// When it was made.
    #[n(4)]
    pub made_at: Timestamp,
}

impl Statement for KeyBinding {
    const CONTEXT: &'static str = "cowl/key-binding/v1";
    const NAME: &'static str = "key binding";
}

/// Why a key binding does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BindingError {
    /// The statement itself is not sound.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// A first binding whose identifier does not follow from its keys, or with another version than 0.
    #[error("the first keys of party {0} do not yield its identifier")]
    NotSelfCertifying(PartyId),
    /// A later binding that does not continue the one before.
    #[error("version {version} of the keys of {handle} does not continue the version that is known")]
    NotContinuing {
        /// Whose.
        handle: Handle,
        /// The version that was offered.
        version: u32,
    },
}

impl From<WireError> for BindingError {
    fn from(error: WireError) -> Self {
        Self::Statement(error.into())
    }
}

/// Checks a party's first binding: signed by the key that it names, identifier derived from its keys.
///
/// # Errors
/// [`BindingError`] says what does not fit.
pub fn verify_first_binding(signed: &Signed<KeyBinding>) -> Result<Verified<KeyBinding>, BindingError> {
    let claimed = signed.dangerous_unverified()?;
    let verified = signed.verify(&claimed.keys)?;
    let keys = &verified.keys;
    let derived = PartyKeys::first_id(&keys.signing, &keys.sealing);
    if keys.version != 0 || verified.previous.is_some() || derived != keys.party {
        return Err(BindingError::NotSelfCertifying(keys.party));
    }
    Ok(verified)
}

/// Checks that `signed` continues `known`: same handle and party, next version, signed by the *known* key.
///
/// # Errors
/// [`BindingError`] says what does not fit.
pub fn verify_next_binding(
    known: &Verified<KeyBinding>,
    signed: &Signed<KeyBinding>,
) -> Result<Verified<KeyBinding>, BindingError> {
    let verified = signed.verify(&known.keys)?;
    let continues = verified.handle == known.handle
        && verified.keys.party == known.keys.party
        && Some(verified.keys.version) == known.keys.version.checked_add(1)
        && verified.previous == Some(known.digest());
    if continues {
        Ok(verified)
    } else {
        Err(BindingError::NotContinuing { handle: verified.handle.clone(), version: verified.keys.version })
    }
}
