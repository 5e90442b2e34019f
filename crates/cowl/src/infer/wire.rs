//! What the three say to each other, each as canonical CBOR in one frame.

use cowl_crypto::digest::Digest;
use cowl_domain::{ItemId, OutputReceivers, OutputRule, PartyId, Statement, wire};
use cowl_job::JobItem;
use cowl_mpc::bundle::BundleId;
use minicbor::{Decode, Encode};

use super::job::Order;
use super::store::{SetUpId, Terms};

/// A bundle's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct Id(#[cbor(n(0), with = "minicbor::bytes")] pub(crate) [u8; 16]);

impl From<BundleId> for Id {
    fn from(bundle: BundleId) -> Self {
        Self(bundle.0)
    }
}

impl From<Id> for BundleId {
    fn from(id: Id) -> Self {
        Self(id.0)
    }
}

/// To the dealer.
#[derive(Encode, Decode)]
pub(crate) enum ToDealer {
    /// The model owner: these are the terms of a new set-up. Answered with [`FromDealer::Seed`].
    #[n(0)]
    SetUp(#[n(0)] Terms),
    /// The model owner: its signed weight commitment. Answered with [`FromDealer::Done`].
    #[n(1)]
    Commit {
        /// Of which set-up.
        #[n(0)]
        set_up: SetUpId,
        /// [`super::store::WeightStatement`], signed.
        #[cbor(n(1), with = "minicbor::bytes")]
        commitment: Vec<u8>,
    },
    /// The data owner: deal one more bundle. Answered with [`FromDealer::Dealing`], and in the end with
    /// [`FromDealer::Done`].
    #[n(2)]
    Deal {
        /// Of which set-up.
        #[n(0)]
        set_up: SetUpId,
        /// Digest of the weight commitment that the data owner holds.
        #[cbor(n(1), with = "wire::fixed")]
        commitment: Digest,
        /// What the run is about, and by whose leave it is made.
        #[n(2)]
        leave: Leave,
    },
    /// Either: the next bundle that waits for this party. Answered with [`FromDealer::Parcel`] and a stream, or
    /// with [`FromDealer::Nothing`].
    #[n(3)]
    Next {
        /// Of which set-up.
        #[n(0)]
        set_up: SetUpId,
    },
    /// Either: this bundle is kept here, erase it there. Answered with [`FromDealer::Done`].
    #[n(4)]
    Kept {
        /// Of which set-up.
        #[n(0)]
        set_up: SetUpId,
        /// Which.
        #[n(1)]
        bundle: Id,
    },
}

/// The dealer's answers.
#[derive(Encode, Decode)]
pub(crate) enum FromDealer {
    /// Done.
    #[n(0)]
    Done,
    /// From which the weight mask of the set-up comes.
    #[n(1)]
    Seed(#[cbor(n(0), with = "minicbor::bytes")] [u8; 16]),
    /// So many bytes of a bundle are made.
    #[n(2)]
    Dealing(#[n(0)] u64),
    /// A bundle follows.
    #[n(3)]
    Parcel {
        /// [`Dealt`], signed.
        #[cbor(n(0), with = "minicbor::bytes")]
        dealt: Vec<u8>,
        /// The job that it is for, with the dealer's consent.
        #[n(1)]
        order: Order,
    },
    /// No bundle waits for this party.
    #[n(4)]
    Nothing,
}

/// What a data owner shows to the dealer, so that it can consent to the run for which it deals.
#[derive(Debug, Clone, Encode, Decode)]
pub(crate) struct Leave {
    /// The published model.
    #[n(0)]
    pub(crate) item: JobItem,
    /// The model owner's [`cowl_domain::Grant`] to run it, signed.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) grant: Vec<u8>,
}

/// "I dealt this bundle": signed by the dealer.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Dealt {
    /// Of which set-up.
    #[n(0)]
    pub(crate) set_up: SetUpId,
    /// Its id.
    #[n(1)]
    pub(crate) bundle: Id,
    /// For whom.
    #[n(2)]
    pub(crate) party: PartyId,
    /// The program that it is for.
    #[cbor(n(3), with = "wire::fixed")]
    pub(crate) program: Digest,
    /// Of its bytes, as they are sealed.
    #[cbor(n(4), with = "wire::fixed")]
    pub(crate) digest: Digest,
    /// How many.
    #[n(5)]
    pub(crate) size: u64,
}

impl Statement for Dealt {
    const CONTEXT: &'static str = "cowl/infer/dealt/v1";
    const NAME: &'static str = "dealt bundle";
}

/// What a data owner wants to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Wanted {
    /// Whose weights.
    #[n(0)]
    pub(crate) model: ItemId,
    /// Who is to deal.
    #[n(1)]
    pub(crate) dealer: PartyId,
    /// How much is to be told of the output.
    #[n(2)]
    pub(crate) output: OutputRule,
    /// To whom.
    #[n(3)]
    pub(crate) learns: OutputReceivers,
}

/// To the model owner.
#[derive(Encode, Decode)]
pub(crate) enum ToModelOwner {
    /// Make our set-up, or show it again. Answered with [`FromModelOwner::SetUp`] and, if wanted, a stream of W − B.
    #[n(1)]
    SetUp {
        /// What is to be run.
        #[n(0)]
        wanted: Wanted,
        /// Whether the masked weights are wanted, too.
        #[n(1)]
        weights: bool,
    },
    /// Bundles wait at the dealer: fetch them. Answered with [`FromModelOwner::Bundles`].
    #[n(2)]
    Fetch {
        /// Of which set-up.
        #[n(0)]
        set_up: SetUpId,
    },
    /// Which bundles are there? Answered with [`FromModelOwner::Bundles`].
    #[n(3)]
    List {
        /// Of which set-up.
        #[n(0)]
        set_up: SetUpId,
    },
    /// The data owner has lost its halves of these. Answered with [`FromModelOwner::Dropped`] when they are recorded as
    /// used.
    #[n(5)]
    Gone {
        /// Of which set-up.
        #[n(0)]
        set_up: SetUpId,
        /// Which.
        #[n(1)]
        bundles: Vec<Id>,
    },
    /// Run this bundle. Answered with [`FromModelOwner::Ready`] when it is recorded as used there, or with why not.
    #[n(4)]
    Run {
        /// Of which set-up.
        #[n(0)]
        set_up: SetUpId,
        /// Which.
        #[n(1)]
        bundle: Id,
        /// The data owner's [`cowl_job::ConsentStatement`] to the bundle's job, signed.
        #[cbor(n(2), with = "minicbor::bytes")]
        consent: Vec<u8>,
    },
}

/// The model owner's answers.
#[derive(Encode, Decode)]
pub(crate) enum FromModelOwner {
    /// A set-up.
    #[n(1)]
    SetUp {
        /// What all know.
        #[n(0)]
        terms: Terms,
        /// The signed weight commitment.
        #[cbor(n(1), with = "minicbor::bytes")]
        commitment: Vec<u8>,
    },
    /// These bundles are there.
    #[n(2)]
    Bundles(#[n(0)] Vec<Id>),
    /// All consents and the bundle are recorded as used; the run begins.
    #[n(3)]
    Ready {
        /// The model owner's [`cowl_job::ConsentStatement`], signed.
        #[cbor(n(0), with = "minicbor::bytes")]
        consent: Vec<u8>,
    },
    /// The bundle was used before.
    #[n(4)]
    Used,
    /// The bundle is not there.
    #[n(5)]
    Missing,
    /// The model owner does not consent to this run; another of the stock may do.
    #[n(6)]
    Declined(#[n(0)] String),
    /// So many of those that are gone were there, and are there no more.
    #[n(7)]
    Dropped(#[n(0)] u64),
}
