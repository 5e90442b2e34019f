//! Who computes with whom, with what: made once for a model owner, a data owner and a set of weights.

use cowl_crypto::digest::Digest;
use cowl_crypto::id::random_bytes;
use cowl_domain::{OutputReceivers, PartyId, Statement, wire};
use cowl_mpc::{Party, Receivers};
use minicbor::{Decode, Encode};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::folder::Folder;
use crate::infer::error::InferError;

/// Names a set-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct SetUpId(#[cbor(n(0), with = "minicbor::bytes")] [u8; 16]);

impl SetUpId {
    /// A fresh one.
    pub(crate) fn make() -> Self {
        Self(random_bytes())
    }
}

impl std::fmt::Display for SetUpId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&cowl_crypto::id::encode_id(&self.0))
    }
}

impl std::str::FromStr for SetUpId {
    type Err = cowl_crypto::id::IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        cowl_crypto::id::decode_id(text).map(Self)
    }
}

/// What all three know of a set-up.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Terms {
    /// Its name.
    #[n(0)]
    pub(crate) id: SetUpId,
    /// What the model owner calls the model.
    #[n(1)]
    pub(crate) model: String,
    /// Whose weights.
    #[n(2)]
    pub(crate) model_owner: PartyId,
    /// Whose input.
    #[n(3)]
    pub(crate) data_owner: PartyId,
    /// Whose correlations.
    #[n(4)]
    pub(crate) dealer: PartyId,
    /// What is computed: a [`crate::infer::recipe::Recipe`], in bytes.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub(crate) recipe: Vec<u8>,
    /// Digest of the program that all three compile from it.
    #[cbor(n(6), with = "wire::fixed")]
    pub(crate) program: Digest,
    /// Who learns what comes out.
    #[n(7)]
    pub(crate) learns: OutputReceivers,
}

/// Who learns what comes out, as the computation has it.
pub(crate) fn receivers(learns: OutputReceivers) -> Receivers {
    match learns {
        OutputReceivers::DataOwner => Receivers::Only(Party::DataOwner),
        OutputReceivers::ModelOwner => Receivers::Only(Party::ModelOwner),
        OutputReceivers::Both => Receivers::Both,
    }
}

impl Terms {
    /// What statements name them by.
    pub(crate) fn digest(&self) -> Digest {
        Digest::derive("cowl/infer/set-up/v1", &wire::encode(self))
    }
}

/// "In this set-up my weights, under their mask, are these": the weight commitment, signed by the model owner.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct WeightStatement {
    /// [`Terms::digest`].
    #[cbor(n(0), with = "wire::fixed")]
    pub(crate) terms: Digest,
    /// Digest of W − B.
    #[cbor(n(1), with = "wire::fixed")]
    pub(crate) masked: Digest,
}

impl Statement for WeightStatement {
    const CONTEXT: &'static str = "cowl/infer/weight-commitment/v1";
    const NAME: &'static str = "weight commitment";
}

/// What one of the three keeps of a set-up.
#[derive(Encode, Decode)]
pub(crate) struct SetUp {
    /// What all know.
    #[n(0)]
    pub(crate) terms: Terms,
    /// The model owner's signed [`WeightStatement`]; none until it is made.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) commitment: Option<Vec<u8>>,
    /// What this party alone, or with another, knows.
    #[n(2)]
    pub(crate) part: Part,
    /// When it was made here, in milliseconds since 1970.
    #[n(3)]
    pub(crate) made_at: u64,
}

/// A party's own part of a set-up.
#[derive(Encode, Decode, Zeroize, ZeroizeOnDrop)]
pub(crate) enum Part {
    /// The model owner's.
    #[n(0)]
    ModelOwner {
        /// From which the weight mask comes.
        #[cbor(n(0), with = "minicbor::bytes")]
        seed: [u8; 16],
        /// Digest of the weights under a key of the set-up: other weights need another set-up.
        #[cbor(n(1), with = "minicbor::bytes")]
        weights: [u8; 32],
    },
    /// The data owner's.
    #[n(1)]
    DataOwner {
        /// Where the model owner was found.
        #[n(0)]
        model_owner_at: String,
        /// Where the dealer was found.
        #[n(1)]
        dealer_at: String,
    },
    /// The dealer's.
    #[n(2)]
    Dealer {
        /// From which the weight mask comes.
        #[cbor(n(0), with = "minicbor::bytes")]
        seed: [u8; 16],
    },
}

impl SetUp {
    /// The set-up of this name; `None` when there is none.
    ///
    /// # Errors
    /// [`InferError::Damaged`]; those of the disk.
    pub(crate) fn load(folder: &Folder, id: SetUpId) -> Result<Option<Self>, InferError> {
        folder.read(&name(id), "set-up")
    }

    /// Every set-up, the newest first.
    ///
    /// # Errors
    /// As [`SetUp::load`].
    pub(crate) fn all(folder: &Folder) -> Result<Vec<Self>, InferError> {
        let mut all = Vec::new();
        for id in folder.names(FOLDER)?.iter().filter_map(|name| name.parse().ok()) {
            all.extend(Self::load(folder, id)?);
        }
        all.sort_by_key(|set_up| std::cmp::Reverse(set_up.made_at));
        Ok(all)
    }

    /// One that begins now.
    pub(crate) fn new(terms: Terms, commitment: Option<Vec<u8>>, part: Part) -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let made_at = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        Self { terms, commitment, part, made_at }
    }

    /// Digest of the signed weight commitment: what tells one set of weights from another.
    pub(crate) fn commitment_digest(&self) -> Option<Digest> {
        self.commitment.as_deref().map(Digest::of)
    }

    /// Keeps it; on disk when it returns.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn store(&self, folder: &Folder) -> Result<(), InferError> {
        folder.write(&name(self.terms.id), self)
    }
}

/// The name of the file of a set-up's masked weights.
pub(crate) fn weights_name(id: SetUpId) -> String {
    format!("weights/{id}")
}

fn name(id: SetUpId) -> String {
    format!("{FOLDER}/{id}")
}

const FOLDER: &str = "setups";
