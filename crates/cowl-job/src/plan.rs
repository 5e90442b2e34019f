//! What will happen if everybody consents, said before anybody does.

use std::collections::BTreeSet;

use cowl_crypto::digest::Digest;
use cowl_domain::wire::{self, WireError};
use cowl_domain::{ItemId, JobId, PartyId};
use minicbor::{Decode, Encode};

use crate::seat::Assignment;

/// Where something is, or who learns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum Machine {
    /// The blind cloud.
    #[n(0)]
    Cloud,
    /// A party and its machine.
    #[n(1)]
    Party(#[n(0)] PartyId),
}

/// Something that can be learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum Fact {
    /// What the program is.
    #[n(0)]
    Program,
    /// The parameters of the program, such as a model's weights.
    #[n(1)]
    Parameters,
    /// The result.
    #[n(2)]
    Result,
    /// What an item says.
    #[n(3)]
    Content(#[n(0)] ItemId),
    /// About how large an item is.
    #[n(4)]
    Size(#[n(0)] ItemId),
    /// That an item was used, when and by whom.
    #[n(5)]
    Use(#[n(0)] ItemId),
    /// Sums over rows of a table. Which ones, the technique says.
    #[n(6)]
    Sums(#[n(0)] ItemId),
    /// With which numbers the program computes: how many bits they have, and how many stand behind the point. Where they
    /// were fitted to the parameters, that says how large these are.
    #[n(7)]
    Arithmetic,
    /// Whether the parameters are those of an earlier run.
    #[n(8)]
    ParameterCommitment,
    /// Randomness that was dealt for one run, and says nothing of anybody's secrets.
    #[n(9)]
    Correlations,
    /// What a party puts in that is no item of the job.
    #[n(10)]
    Input,
    /// What is computed on the way from input to result.
    #[n(11)]
    Intermediate,
}

/// In which form something travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Form {
    /// As it is.
    #[n(0)]
    Clear,
    /// Sealed to the one who gets it.
    #[n(1)]
    Sealed,
    /// Encrypted under a key that the one who gets it does not have.
    #[n(2)]
    Encrypted,
    /// Split so that no part says anything.
    #[n(3)]
    Shared,
}

/// What leaves which machine.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Movement {
    /// What is moved.
    #[n(0)]
    pub what: Fact,
    /// Where it leaves.
    #[n(1)]
    pub from: Machine,
    /// Where it arrives.
    #[n(2)]
    pub to: Machine,
    /// In which form.
    #[n(3)]
    pub form: Form,
    /// About how many bytes.
    #[n(4)]
    pub bytes: u64,
}

/// One mark in the matrix of parties and facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Disclosure {
    /// Who learns it.
    #[n(0)]
    pub learner: Machine,
    /// What is learned.
    #[n(1)]
    pub fact: Fact,
}

/// What a job takes, estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
pub struct Cost {
    /// Bytes over the network, all machines together.
    #[n(0)]
    pub bytes: u64,
    /// Messages that have to wait for one another.
    #[n(1)]
    pub rounds: u32,
    /// Milliseconds of computing, all machines together.
    #[n(2)]
    pub compute_millis: u64,
}

/// What a job takes from the budget of the grants under which it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
pub struct Spending {
    /// Results released.
    #[n(0)]
    pub releases: u32,
    /// Privacy loss ε of a differentially private release in millionths; `None` when nothing bounds it.
    #[n(1)]
    pub epsilon_millionths: Option<u64>,
}

/// What a technique will do with a job: shown to people before they consent, and named by their consents.
///
/// Made by [`crate::Technique::plan`], a pure function of specification and roster: every seat gets the same.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Plan {
    /// The job.
    #[n(0)]
    pub job: JobId,
    /// [`crate::JobSpec::digest`].
    #[cbor(n(1), with = "wire::fixed")]
    pub spec: Digest,
    /// Who takes part.
    #[n(2)]
    pub seats: Vec<Assignment>,
    /// What leaves which machine.
    #[n(3)]
    pub movements: Vec<Movement>,
    /// Who learns what they need not have known before.
    #[n(4)]
    pub disclosures: BTreeSet<Disclosure>,
    /// What it takes.
    #[n(5)]
    pub cost: Cost,
    /// What it uses up.
    #[n(6)]
    pub spending: Spending,
}

impl Plan {
    /// Its canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads its canonical bytes.
    ///
    /// # Errors
    /// [`WireError`] for any other bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        wire::decode("plan", bytes)
    }

    /// The digest by which consents and evidence name it.
    pub fn digest(&self) -> Digest {
        Digest::derive("cowl/job-plan/v1", &self.to_bytes())
    }

    /// Whether `learner` learns `fact`.
    pub fn discloses(&self, learner: Machine, fact: Fact) -> bool {
        self.disclosures.contains(&Disclosure { learner, fact })
    }

    /// The disclosures as a table, one row a learner, one column a fact.
    pub fn matrix(&self) -> Matrix {
        let learners: BTreeSet<_> = self.disclosures.iter().map(|one| one.learner).collect();
        let facts: BTreeSet<_> = self.disclosures.iter().map(|one| one.fact).collect();
        let row = |learner| facts.iter().map(|fact| self.discloses(learner, *fact)).collect();
        Matrix {
            rows: learners.iter().map(|learner| (*learner, row(*learner))).collect(),
            facts: facts.iter().copied().collect(),
        }
    }
}

/// Who learns what, as a table for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// The columns.
    pub facts: Vec<Fact>,
    /// The rows: a learner, and a mark for each column.
    pub rows: Vec<(Machine, Vec<bool>)>,
}
