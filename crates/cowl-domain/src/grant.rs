//! Grants: who may do what with which items, for what purpose, until when.

use std::fmt;

use cowl_crypto::digest::Digest;
use minicbor::{Decode, Encode};

use crate::event::CheckpointRef;
use crate::id::{GrantId, ItemId, PartyId, RecordId, RequestId};
use crate::inference::InferenceTerms;
use crate::party::{UnknownWord, coded};
use crate::time::Timestamp;
use crate::wire::{self, Statement};

coded! {
    /// What a grant allows.
    Power ("power") {
        /// Open what is there.
        Read = 0, "read";
        /// Put items in; reports come back this way.
        Append = 1, "append";
        /// Let a named program work on it.
        Compute = 2, "compute";
    }
}

coded! {
    /// Why access is given. In clear at the cloud, hence a fixed list; the note beside it is sealed.
    Purpose ("purpose") {
        /// Treatment.
        Treatment = 0, "treatment";
        /// A second opinion.
        SecondOpinion = 1, "second-opinion";
        /// Diagnosis or reporting.
        Diagnosis = 2, "diagnosis";
        /// Billing and reimbursement.
        Billing = 3, "billing";
        /// Research.
        Research = 4, "research";
        /// Quality assurance.
        Quality = 5, "quality";
        /// An emergency.
        Emergency = 6, "emergency";
        /// Family and carers.
        Family = 7, "family";
        /// Teaching.
        Teaching = 8, "teaching";
        /// Something else; the sealed note may say what.
        Other = 9, "other";
    }
}

/// A set of [`Power`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode)]
#[cbor(transparent)]
pub struct Powers(#[n(0)] u8);

impl Powers {
    /// The set of these.
    pub fn of(powers: impl IntoIterator<Item = Power>) -> Self {
        Self(powers.into_iter().fold(0, |bits, power| bits | 1 << power as u8))
    }

    /// Whether `power` is among them.
    pub fn contains(self, power: Power) -> bool {
        self.0 & (1 << power as u8) != 0
    }

    /// Whether there is none, or one that this version does not know.
    pub fn is_empty_or_unknown(self) -> bool {
        self.0 == 0 || self.0 >= 1 << Power::ALL.len()
    }

    /// The powers in the order of their codes.
    pub fn iter(self) -> impl Iterator<Item = Power> {
        Power::ALL.iter().copied().filter(move |power| self.contains(*power))
    }
}

impl fmt::Display for Powers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.iter().map(Power::as_str).collect();
        f.write_str(&words.join("+"))
    }
}

impl std::str::FromStr for Powers {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let powers: Result<Vec<Power>, _> = text.split(['+', ',']).map(str::parse).collect();
        powers.map(Self::of)
    }
}

/// What a grant is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Scope {
    /// Every item of the record, future ones too.
    #[n(0)]
    Record,
    /// One item.
    #[n(1)]
    Item(#[n(0)] ItemId),
}

impl Scope {
    /// The item, when it is about one.
    pub fn item(&self) -> Option<ItemId> {
        match self {
            Self::Record => None,
            Self::Item(item) => Some(*item),
        }
    }
}

/// Longest name of a technique in [`ComputeTerms`], in bytes.
pub const LONGEST_TECHNIQUE: usize = 32;

/// On what terms programs may work on what is granted.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ComputeTerms {
    /// The only technique that is allowed, e.g. `additive-he`: 1 to 32 of a-z, 0-9 and hyphen.
    #[n(0)]
    pub technique: String,
    /// The fewest rows, patients or images that a released figure may be about; 1 or more.
    #[n(1)]
    pub minimum_cohort: u32,
    /// The most jobs; `None` sets no bound.
    #[n(2)]
    pub runs: Option<u32>,
    /// Of a grant on a model; grants on tables have none.
    #[n(3)]
    pub inference: Option<InferenceTerms>,
}

impl ComputeTerms {
    /// Whether there is a technique, and groups and runs are bounded by something above zero.
    pub fn is_sound(&self) -> bool {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let named = (1..=LONGEST_TECHNIQUE).contains(&self.technique.len());
        let bounded = self.minimum_cohort > 0 && self.runs != Some(0);
        let told = self.inference.is_none_or(|terms| terms.output.is_sound());
        named && self.technique.bytes().all(allowed) && bounded && told
    }
}

/// The owner's signed statement. The keys come in [`Share`]s bound to it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Grant {
    /// The grant.
    #[n(0)]
    pub grant: GrantId,
    /// The record.
    #[n(1)]
    pub record: RecordId,
    /// All of it, or one item.
    #[n(2)]
    pub scope: Scope,
    /// To whom.
    #[n(3)]
    pub grantee: PartyId,
    /// The digest of the grantee's keys to which it is sealed, so that a substituted key shows.
    #[cbor(n(4), with = "wire::fixed")]
    pub grantee_keys: Digest,
    /// What it allows.
    #[n(5)]
    pub powers: Powers,
    /// Why.
    #[n(6)]
    pub purpose: Purpose,
    /// Digest of the sealed note beside it, if there is one.
    #[cbor(n(7), with = "wire::optional_fixed")]
    pub note: Option<Digest>,
    /// When it was made.
    #[n(8)]
    pub made_at: Timestamp,
    /// When it ends; `None` means when it is revoked.
    #[n(9)]
    pub expires_at: Option<Timestamp>,
    /// What the owner had seen of the log.
    #[n(10)]
    pub checkpoint: CheckpointRef,
    /// Terms of [`Power::Compute`]. Without it there are none.
    #[n(11)]
    pub compute: Option<ComputeTerms>,
}

impl Statement for Grant {
    const CONTEXT: &'static str = "cowl/grant/v1";
    const NAME: &'static str = "grant";
}

impl Grant {
    /// Whether it has ended at `now`.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// Whether there are sound terms exactly where it allows to compute.
    pub fn terms_fit(&self) -> bool {
        match &self.compute {
            Some(terms) => self.powers.contains(Power::Compute) && terms.is_sound(),
            None => !self.powers.contains(Power::Compute),
        }
    }

    /// Whether it hands out keys: whoever may only compute gets none.
    pub fn opens(&self) -> bool {
        self.powers.iter().any(|power| power != Power::Compute)
    }

    /// Whether it covers `item` of its record.
    pub fn covers(&self, item: &ItemId) -> bool {
        self.scope.item().is_none_or(|one| one == *item)
    }
}

/// What a [`Share`] opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
pub enum ShareTarget {
    /// The identity of one epoch of the record.
    #[n(0)]
    Epoch(#[n(0)] u32),
    /// The file key of one version of one item.
    #[n(1)]
    Item(#[n(0)] ItemId, #[n(1)] u32),
}

/// A key, sealed to the grantee under a grant. One more is added when an epoch or a version begins.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Share {
    /// The grant that it fulfils.
    #[n(0)]
    pub grant: GrantId,
    /// What it opens.
    #[n(1)]
    pub target: ShareTarget,
    /// The age stanza that wraps the key, sealed to the grantee's X-Wing key.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub sealed: Vec<u8>,
}

impl Statement for Share {
    const CONTEXT: &'static str = "cowl/share/v1";
    const NAME: &'static str = "share";
}

/// "This grant has ended."
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Revocation {
    /// The grant.
    #[n(0)]
    pub grant: GrantId,
    /// The record.
    #[n(1)]
    pub record: RecordId,
    /// The last thing that the grant opened: epochs or versions up to this one have to be re-keyed.
    #[n(2)]
    pub last: ShareTarget,
    /// When.
    #[n(3)]
    pub revoked_at: Timestamp,
    /// What the owner had seen of the log.
    #[n(4)]
    pub checkpoint: CheckpointRef,
}

impl Statement for Revocation {
    const CONTEXT: &'static str = "cowl/revocation/v1";
    const NAME: &'static str = "revocation";
}

/// A reader asks an owner for access.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AccessRequest {
    /// The request.
    #[n(0)]
    pub request: RequestId,
    /// Who asks.
    #[n(1)]
    pub from: PartyId,
    /// Who is asked.
    #[n(2)]
    pub owner: PartyId,
    /// What for exactly, if the reader knows it; the sealed note describes it otherwise.
    #[n(3)]
    pub item: Option<ItemId>,
    /// What is wanted.
    #[n(4)]
    pub powers: Powers,
    /// Why.
    #[n(5)]
    pub purpose: Purpose,
    /// Until when; `None` leaves it to the owner.
    #[n(6)]
    pub until: Option<Timestamp>,
    /// Words for the owner, sealed to the owner's X-Wing key.
    #[cbor(n(7), with = "minicbor::bytes")]
    pub sealed_note: Vec<u8>,
    /// When it was asked.
    #[n(8)]
    pub made_at: Timestamp,
}

impl Statement for AccessRequest {
    const CONTEXT: &'static str = "cowl/request/v1";
    const NAME: &'static str = "request";
}

/// The owner's answer to a request. An approval names the grants that fulfil it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RequestAnswer {
    /// The request.
    #[n(0)]
    pub request: RequestId,
    /// The grants; none means denied.
    #[n(1)]
    pub grants: Vec<GrantId>,
    /// When it was answered.
    #[n(2)]
    pub answered_at: Timestamp,
}

impl Statement for RequestAnswer {
    const CONTEXT: &'static str = "cowl/request-answer/v1";
    const NAME: &'static str = "answer to a request";
}
