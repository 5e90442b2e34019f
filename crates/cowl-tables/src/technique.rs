//! The technique `additive-he`: the blind cloud adds ciphertexts, the owner's opener opens the sums. Its sister
//! `additive-score` ([`AdditiveScore`]) scores single rows.
//!
//! One seat, the opener's, which is the owner's: the asker has signed the specification, and the cloud does what it is
//! asked and is checked. The cloud learns the query, the opener the sums of the sets that the query needs, the receivers
//! the figures that it names ([`Visible`] lists them in words).

mod ports;
mod proof;
mod scores;
mod seat;
mod visible;

use std::sync::Arc;

use async_trait::async_trait;
use cowl_domain::Verified;
use cowl_domain::table::{Layout, TableSchema};
use cowl_job::{
    Attested, Evidence, EvidenceError, Failure, JobSpec, Outcome, Plan, PortError, Ports, Refusal, Roster,
    Running, Technique, TechniqueId,
};
use cowl_paillier::{KeySize, Timing};
use cowl_query::{Answer, Query};

use crate::opener::{Opened, Opener, OpenerTable};

pub use ports::{CohortStore, QueryCloud, ScoreCloud, StoreError, TableKeys};
pub use proof::{PlacementDigest, QueryProof};
pub use scores::AdditiveScore;
use seat::Traffic;
pub use seat::verify;
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

impl AdditiveHe {
    /// The name of the technique.
    pub fn name() -> TechniqueId {
        cowl_query::FIGURES.parse().expect("`additive-he` keeps to the rules of names")
    }

    /// What becomes visible to whom, in words.
    pub fn visible(&self) -> Visible {
        Visible::of(&self.query, &self.schemas, self.minimum_cohort)
    }

    fn check(&self, spec: &JobSpec, roster: &Roster) -> Result<(), Refusal> {
        let tables = self.query.tables.len();
        seat::check(spec, roster, Self::name(), self.query.digest(), tables)?;
        let (expected, found) = (tables, self.schemas.len());
        if found == expected { Ok(()) } else { Err(Refusal::WrongItems { expected, found }) }
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
}

#[async_trait]
impl Technique for AdditiveHe {
    fn id(&self) -> TechniqueId {
        Self::name()
    }

    fn plan(&self, spec: &JobSpec, roster: &Roster) -> Result<Plan, Refusal> {
        self.check(spec, roster)?;
        let bytes = Traffic {
            program: self.query.to_bytes().len() as u64,
            ciphertexts: self.bytes_of_a_group(),
            result: 16 * self.query.outputs.len() as u64,
        };
        let compute_millis = self.sums_of_a_group().saturating_mul(MILLIS_A_SUM);
        Ok(seat::plan(spec, roster, &bytes, compute_millis, []))
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
        let proof = QueryProof::of(spec, opened.rows, opened.tags);
        seat::hand_over(&running, &ports, &opened.result, &proof).await
    }

    fn verify(&self, evidence: &Verified<Evidence>, spec: &JobSpec) -> Result<Attested, EvidenceError> {
        seat::verify(evidence, spec, Self::name())
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
        let mut decision = opener.decide(&self.query, &before).map_err(seat::declined)?;
        let bytes = self.cloud.answer(spec, &self.query).await?;
        let answer = Answer::from_bytes(&bytes)
            .map_err(|error| PortError::Unavailable { detail: format!("the cloud's answer: {error}") })?;
        for _ in 0..MOST_TRIES {
            let opened = opener.open_as_decided(&self.query, &answer, &decision).map_err(seat::declined)?;
            match self.cohorts.replace(item, &before, &opened.ledger).await {
                Ok(()) => return Ok(opened),
                Err(StoreError::Changed) => {
                    before = self.cohorts.load(item, rows).await?;
                    decision = opener.decide(&self.query, &before).map_err(seat::declined)?;
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
