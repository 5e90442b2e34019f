//! What is asked for: the job's specification, the same bytes at every seat.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use cowl_crypto::digest::Digest;
use cowl_domain::wire::{self, Statement, WireError};
use cowl_domain::{GrantId, ItemId, JobId, PartyId, Power, RecordId};
use minicbor::{Decode, Encode};

use crate::refusal::Refusal;

/// Longest name of a technique, in bytes.
const MAX_TECHNIQUE_LENGTH: usize = 32;

/// The name of a technique, e.g. `read` or `mpc`: 1 to 32 of a-z, 0-9 and hyphen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
#[cbor(transparent)]
pub struct TechniqueId(#[n(0)] String);

impl TechniqueId {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TechniqueId {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=MAX_TECHNIQUE_LENGTH).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Refusal::NotATechnique { text: text.chars().take(40).collect() })
        }
    }
}

impl<'b, C> Decode<'b, C> for TechniqueId {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        d.str()?.parse().map_err(|_| minicbor::decode::Error::message("not the name of a technique"))
    }
}

impl fmt::Display for TechniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One version of one item, as a job names it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct JobItem {
    /// The record.
    #[n(0)]
    pub record: RecordId,
    /// The record's owner, who must have signed the grants.
    #[n(1)]
    pub owner: PartyId,
    /// The item.
    #[n(2)]
    pub item: ItemId,
    /// Its version.
    #[n(3)]
    pub version: u32,
    /// Digest of the signed placement: no other content can be slipped in under the same name.
    #[cbor(n(4), with = "wire::fixed")]
    pub placement: Digest,
    /// Bytes of the sealed payload.
    #[n(5)]
    pub size: u64,
}

/// Program, items, grants, technique and receivers of one job.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct JobSpec {
    /// The job. A job that failed is planned anew under another identifier.
    #[n(0)]
    pub job: JobId,
    /// How it is computed.
    #[n(1)]
    pub technique: TechniqueId,
    /// What is computed.
    #[cbor(n(2), with = "wire::fixed")]
    pub program: Digest,
    /// What every grant must allow.
    #[n(3)]
    pub power: Power,
    /// On what.
    #[n(4)]
    pub items: Vec<JobItem>,
    /// By whose leave.
    #[n(5)]
    pub grants: Vec<GrantId>,
    /// For whom.
    #[n(6)]
    pub receivers: Vec<PartyId>,
}

impl Statement for JobSpec {
    const CONTEXT: &'static str = "cowl/job/v1";
    const NAME: &'static str = "job";
}

impl JobSpec {
    /// Its canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads its canonical bytes.
    ///
    /// # Errors
    /// [`WireError`] for any other bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        wire::decode("job specification", bytes)
    }

    /// The digest by which plans, consents and evidence name it.
    pub fn digest(&self) -> Digest {
        Digest::derive("cowl/job-spec/v1", &self.to_bytes())
    }

    /// Whether there is something to do for somebody, and nothing is named twice.
    ///
    /// # Errors
    /// [`Refusal::NoItems`], [`Refusal::NoReceivers`], [`Refusal::ItemTwice`] or [`Refusal::ReceiverTwice`].
    pub fn check_shape(&self) -> Result<(), Refusal> {
        if self.items.is_empty() {
            return Err(Refusal::NoItems);
        }
        if self.receivers.is_empty() {
            return Err(Refusal::NoReceivers);
        }
        if let Some(item) = first_repeated(self.items.iter().map(|item| item.item)) {
            return Err(Refusal::ItemTwice { item });
        }
        match first_repeated(self.receivers.iter().copied()) {
            Some(receiver) => Err(Refusal::ReceiverTwice { receiver }),
            None => Ok(()),
        }
    }
}

fn first_repeated<T: Ord + Copy>(mut values: impl Iterator<Item = T>) -> Option<T> {
    let mut seen = BTreeSet::new();
    values.find(|value| !seen.insert(*value))
}
