//! The technique `additive-he`: the blind cloud adds ciphertexts, the owner's opener opens the sums.
//!
//! One seat, the opener's, which is the owner's: the asker has signed the specification, and the cloud does what it is
//! asked and is checked. The cloud learns the query, the opener the sums of the sets that the query needs, the receivers
//! the figures that it names ([`Visible`] lists them in words).

mod ports;
mod visible;

use std::sync::Arc;

use async_trait::async_trait;
use cowl_crypto::digest::Digest;
use cowl_domain::table::{Layout, TableSchema};
use cowl_domain::wire::{self, WireError};
use cowl_domain::{Power, Verified};
use cowl_job::{
    Assurance, Attested, Cost, Disclosure, Evidence, EvidenceError, Fact, Failure, Findings, Form, JobItem,
    JobSpec, Machine, Movement, Outcome, OutputDigest, Plan, PortError, Ports, Refusal, ResultItem, Roster,
    Running, Seat, Spending, Technique, TechniqueId,
};
use cowl_paillier::{KeySize, Timing};
use cowl_query::{Answer, Query};
use minicbor::{Decode, Encode};

use crate::opener::{OpenError, Opened, Opener, OpenerTable};

pub use ports::{CohortStore, QueryCloud, StoreError, TableKeys};
pub use visible::Visible;

/// How often an answer is opened anew because another query changed the ledger meanwhile.
const MOST_TRIES: usize = 8;
/// Milliseconds of adding and opening a ciphertext sum, roughly.
const MILLIS_A_SUM: u64 = 1;

/// One query as a technique. Its registry is made for the job: a plan depends on the query and on the schemas.
pub struct AdditiveHe {
    /// The query.
    pub query: Query,
    /// The schemas of its tables, in its order.
    pub schemas: Vec<TableSchema>,
    /// The smallest group that the grants let out.
    pub minimum_cohort: u64,
    /// Whether others run programs on this machine.
    pub timing: Timing,
    /// The cloud.
    pub cloud: Arc<dyn QueryCloud>,
    /// The opener's keys.
    pub keys: Arc<dyn TableKeys>,
    /// The ledgers of answered queries.
    pub cohorts: Arc<dyn CohortStore>,
}

/// What the evidence of a query proves with: which query over which placements, how many rows, how many tags fitted.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct QueryProof {
    /// Digest of the query.
    #[cbor(n(0), with = "wire::fixed")]
    pub query: Digest,
    /// The placements of the tables, in the query's order.
    #[n(1)]
    pub placements: Vec<PlacementDigest>,
    /// Rows that went into the answer.
    #[n(2)]
    pub rows: u64,
    /// Row tags that were compared.
    #[n(3)]
    pub tags: u64,
}

/// Digest of a signed placement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct PlacementDigest(#[cbor(n(0), with = "wire::fixed")] pub Digest);

impl QueryProof {
    /// Its canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads a proof.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        wire::decode("proof of a query", bytes)
    }
}

impl AdditiveHe {
    /// The name of the technique.
    pub fn name() -> TechniqueId {
        "additive-he".parse().expect("`additive-he` keeps to the rules of names")
    }

    /// What becomes visible to whom, in words.
    pub fn visible(&self) -> Visible {
        Visible::of(&self.query, &self.schemas, self.minimum_cohort)
    }

    fn check(&self, spec: &JobSpec, roster: &Roster) -> Result<(), Refusal> {
        spec.check_shape()?;
        let technique = Self::name();
        if spec.technique != technique {
            return Err(Refusal::UnknownTechnique { technique: spec.technique.clone() });
        }
        if spec.program != self.query.digest() {
            return Err(Refusal::UnknownProgram { technique });
        }
        if spec.power != Power::Compute {
            return Err(Refusal::WrongPower { technique, power: spec.power });
        }
        let (expected, found) = (self.query.tables.len(), spec.items.len());
        if expected != found || self.schemas.len() != expected {
            return Err(Refusal::WrongItems { expected, found });
        }
        let owner = spec.items[0].owner;
        if let Some(other) = spec.items.iter().find(|item| item.owner != owner) {
            return Err(Refusal::OtherOwner { item: other.item, owner: other.owner });
        }
        roster.require_exactly(&[(Seat::Opener, owner)])
    }

    /// Bytes of the sums of one group. The schema does not say how long the key is; the default is taken.
    fn bytes_of_a_group(&self) -> u64 {
        let sums = self.sums_of_a_group();
        sums.saturating_mul(2 * KeySize::default().bytes() as u64)
    }

    fn sums_of_a_group(&self) -> u64 {
        let sets = self.query.sets();
        let layouts = sets.iter().filter_map(|set| self.schemas[0].sets.get(usize::from(*set)));
        let sums = layouts.map(|set| match set.layout {
            Layout::Cells { ciphertexts } | Layout::Moments { ciphertexts } => u64::from(ciphertexts),
            Layout::Columns { .. } => 0,
        });
        sums.sum()
    }

    fn movements(&self, spec: &JobSpec) -> Vec<Movement> {
        let (owner, item) = (Machine::Party(spec.items[0].owner), spec.items[0].item);
        let bytes = self.query.to_bytes().len() as u64;
        let asked =
            Movement { what: Fact::Program, from: owner, to: Machine::Cloud, form: Form::Clear, bytes };
        let bytes = self.bytes_of_a_group();
        let added = Movement {
            what: Fact::Sums(item),
            from: Machine::Cloud,
            to: owner,
            form: Form::Encrypted,
            bytes,
        };
        let results = spec.receivers.iter().map(|receiver| Movement {
            what: Fact::Result,
            from: owner,
            to: Machine::Party(*receiver),
            form: Form::Sealed,
            bytes: 16 * self.query.outputs.len() as u64,
        });
        [asked, added].into_iter().chain(results).collect()
    }
}

fn disclosures(spec: &JobSpec) -> Vec<Disclosure> {
    let opener = Machine::Party(spec.items[0].owner);
    let mut found = vec![
        Disclosure { learner: Machine::Cloud, fact: Fact::Program },
        Disclosure { learner: opener, fact: Fact::Program },
        Disclosure { learner: opener, fact: Fact::Result },
        Disclosure { learner: opener, fact: Fact::Sums(spec.items[0].item) },
    ];
    for item in &spec.items {
        let facts = [Fact::Size(item.item), Fact::Use(item.item)];
        found.extend(facts.map(|fact| Disclosure { learner: Machine::Cloud, fact }));
        found.push(Disclosure { learner: opener, fact: Fact::Use(item.item) });
    }
    for receiver in spec.receivers.iter().map(|receiver| Machine::Party(*receiver)) {
        let facts = [Fact::Program, Fact::Result, Fact::Use(spec.items[0].item)];
        found.extend(facts.map(|fact| Disclosure { learner: receiver, fact }));
    }
    found
}

#[async_trait]
impl Technique for AdditiveHe {
    fn id(&self) -> TechniqueId {
        Self::name()
    }

    fn plan(&self, spec: &JobSpec, roster: &Roster) -> Result<Plan, Refusal> {
        self.check(spec, roster)?;
        let movements = self.movements(spec);
        let bytes = movements.iter().fold(0u64, |sum, one| sum.saturating_add(one.bytes));
        let compute_millis = self.sums_of_a_group().saturating_mul(MILLIS_A_SUM);
        Ok(Plan {
            job: spec.job,
            spec: spec.digest(),
            seats: roster.assignments(),
            movements,
            disclosures: disclosures(spec).into_iter().collect(),
            cost: Cost { bytes, rounds: 2, compute_millis },
            spending: Spending { releases: spec.receivers.len() as u32, epsilon_millionths: None },
        })
    }

    /// Has the cloud add, opens, and puts the result for each receiver. Opening keeps all cores busy for a moment: a
    /// program that does other things meanwhile runs this where blocking does no harm.
    async fn run(&self, running: Running, ports: Ports<'_>) -> Result<(Outcome, Evidence), Failure> {
        let spec = running.spec();
        let mut tables = Vec::with_capacity(spec.items.len());
        for (item, table) in spec.items.iter().zip(&self.query.tables) {
            tables.push(self.keys.open(item, &table.name).await?);
        }
        let opened = self.answer(spec, &tables).await?;
        let bytes = opened.result.to_bytes();
        let (mut outcome, mut findings) = (Outcome::default(), Findings::default());
        for (ordinal, receiver) in (0..).zip(&spec.receivers) {
            let result = ResultItem { job: spec.job, ordinal, receiver: *receiver, derived_from: None };
            let mut writer = ports.sink.create(&result).await?;
            writer.write(&bytes).await?;
            writer.commit().await?;
            let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
            outcome.outputs.push(OutputDigest { receiver: *receiver, derived_from: None, digest, size });
        }
        findings.outputs = outcome.outputs.clone();
        findings.proof = proof(spec, &opened).to_bytes();
        let evidence = running.testify(findings, ports.clock.now());
        Ok((outcome, evidence))
    }

    fn verify(&self, evidence: &Verified<Evidence>, spec: &JobSpec) -> Result<Attested, EvidenceError> {
        let attested = Attested::of(evidence, spec, Assurance::Word)?;
        let incomplete = |detail| Err(EvidenceError::Incomplete { technique: Self::name(), detail });
        if evidence.seat != Seat::Opener || spec.items.iter().any(|item| item.owner != evidence.party) {
            return incomplete("it is not the owner's, as opener");
        }
        let Ok(proof) = QueryProof::from_bytes(&evidence.proof) else {
            return incomplete("its proof is none of a query");
        };
        let placements = proof.placements.iter().map(|placement| placement.0);
        if proof.query != spec.program || !placements.eq(spec.items.iter().map(|item| item.placement)) {
            return incomplete("its proof is of another query, or of other versions of the tables");
        }
        if !evidence.outputs.iter().map(|output| output.receiver).eq(spec.receivers.iter().copied()) {
            return incomplete("each receiver gets one result");
        }
        Ok(attested)
    }
}

impl AdditiveHe {
    /// The opened answer, whose rows are durably in the ledger.
    async fn answer(&self, spec: &JobSpec, tables: &[Arc<OpenerTable>]) -> Result<Opened, Failure> {
        let item = &spec.items[0];
        let joined: Vec<_> = tables[1..].iter().map(|table| Arc::clone(table.clear())).collect();
        let opener = Opener {
            table: &tables[0],
            joined: &joined,
            minimum_cohort: self.minimum_cohort,
            timing: self.timing,
        };
        let rows = tables[0].schema().rows;
        let mut before = self.cohorts.load(item, rows).await?;
        // What is refused is refused before the cloud has worked for it.
        let mut decision = opener.decide(&self.query, &before).map_err(declined)?;
        let bytes = self.cloud.answer(spec, &self.query).await?;
        let answer = Answer::from_bytes(&bytes)
            .map_err(|error| PortError::Unavailable { detail: format!("the cloud's answer: {error}") })?;
        for _ in 0..MOST_TRIES {
            let opened = opener.open_as_decided(&self.query, &answer, &decision).map_err(declined)?;
            match self.cohorts.replace(item, &before, &opened.ledger).await {
                Ok(()) => return Ok(opened),
                Err(StoreError::Changed) => {
                    before = self.cohorts.load(item, rows).await?;
                    decision = opener.decide(&self.query, &before).map_err(declined)?;
                }
                Err(StoreError::Unavailable { detail }) => {
                    return Err(PortError::Unavailable { detail }.into());
                }
            }
        }
        let detail = "other queries of this table are answered all the time; try again".to_owned();
        Err(PortError::Unavailable { detail }.into())
    }
}

fn declined(error: OpenError) -> Failure {
    if error.is_the_clouds_fault() {
        return Failure::Port(PortError::Unavailable { detail: error.to_string() });
    }
    Failure::Declined { words: error.to_asker() }
}

fn proof(spec: &JobSpec, opened: &Opened) -> QueryProof {
    QueryProof {
        query: spec.program,
        placements: spec.items.iter().map(|item: &JobItem| PlacementDigest(item.placement)).collect(),
        rows: opened.rows,
        tags: opened.tags,
    }
}
