//! The technique `additive-score`: the blind cloud weighs and adds the ciphertexts of columns, the owner's opener opens
//! the score of each row.
//!
//! A technique apart from `additive-he`, so that a grant for figures of groups is none for single rows. Scores do not
//! enter the ledger of rows that were asked about: whom the owner lets see single rows learns nothing more from
//! differences of groups.

use std::sync::Arc;

use async_trait::async_trait;
use cowl_domain::Verified;
use cowl_domain::table::{Layout, TableSchema};
use cowl_job::{
    Attested, Disclosure, Evidence, EvidenceError, Fact, Failure, JobSpec, Machine, Outcome, Plan, PortError,
    Ports, Refusal, Roster, Running, Technique, TechniqueId,
};
use cowl_paillier::{KeySize, Timing};
use cowl_query::{Cell, ScoreAnswer, ScoreProgram, ScoreRequest};

use super::seat::{self, Traffic};
use super::{CohortStore, MOST_TRIES, QueryProof, ScoreCloud, StoreError, TableKeys, Visible};
use crate::cohort::CohortLedger;
use crate::opener::OpenerTable;
use crate::result::{Figure, QueryResult, ResultRow};
use crate::score::Weights;

/// Bytes of a score in a result, about.
const BYTES_A_SCORE: u64 = 24;

/// One request for scores as a technique.
pub struct AdditiveScore {
    /// The request.
    pub request: ScoreRequest,
    /// The schema of its table.
    pub schema: TableSchema,
    /// The smallest group that the grants let out; scores are given where that is one row.
    pub minimum_cohort: u64,
    /// Whether others run programs on this machine.
    pub timing: Timing,
    /// The cloud.
    pub cloud: Arc<dyn ScoreCloud>,
    /// The opener's keys.
    pub keys: Arc<dyn TableKeys>,
    /// The ledgers of answers, which bound the jobs of a grant.
    pub cohorts: Arc<dyn CohortStore>,
}

impl AdditiveScore {
    /// The name of the technique.
    pub fn name() -> TechniqueId {
        cowl_query::SCORES.parse().expect("`additive-score` keeps to the rules of names")
    }

    /// What becomes visible to whom, in words.
    pub fn visible(&self) -> Visible {
        Visible::of_scores(&self.request, &self.schema)
    }

    fn blocks(&self) -> u64 {
        match self.schema.sets.get(usize::from(self.request.set)).map(|set| set.layout) {
            Some(Layout::Columns { rows }) => self.schema.rows.div_ceil(u64::from(rows.max(1))),
            _ => 0,
        }
    }

    async fn answer(&self, spec: &JobSpec, table: &OpenerTable) -> Result<(QueryResult, u64), Failure> {
        // What is refused is refused before the cloud has worked for it.
        self.allowed(spec, table).await?;
        let declined = |words: String| Failure::Declined { words };
        let (weights, program) = table.weigh(&self.request).map_err(|error| declined(error.to_string()))?;
        let bytes = self.cloud.scores(spec, &program).await?;
        let answer = ScoreAnswer::from_bytes(&bytes)
            .map_err(|error| PortError::Unavailable { detail: format!("the cloud's answer: {error}") })?;
        let rows = self.open(table, &program, &weights, &answer)?;
        self.count(spec, table).await?;
        let result = QueryResult {
            query: spec.program,
            columns: ["row", "score"].map(str::to_owned).to_vec(),
            rows,
            rounded: table.rounded(|column| self.uses(column)),
            minimum_cohort: 1,
        };
        Ok((result, table.score_tags(self.request.set)))
    }

    fn uses(&self, column: u16) -> bool {
        let set = self.schema.sets.get(usize::from(self.request.set));
        set.is_some_and(|set| set.columns.contains(&column))
    }

    fn open(
        &self,
        table: &OpenerTable,
        program: &ScoreProgram,
        weights: &Weights,
        answer: &ScoreAnswer,
    ) -> Result<Vec<ResultRow>, Failure> {
        let scale = (weights.decimals, weights.intercept);
        let scores = table.open_scores(program, scale, answer, self.timing).map_err(seat::declined)?;
        let row = |(number, score): (i64, Option<f64>)| ResultRow {
            figures: vec![Figure::Key(Cell::Integer(number)), Figure::Score(score)],
        };
        Ok((1..).zip(scores.rows).map(row).collect())
    }

    /// The ledger, provided that single rows may be shown by the table's minimum and the grant's. Their owner sees them
    /// anyway.
    async fn allowed(&self, spec: &JobSpec, table: &OpenerTable) -> Result<CohortLedger, Failure> {
        let item = &spec.items[0];
        let ledger = self.cohorts.load(item, table.schema().rows).await?;
        let minimum = self.minimum_cohort.max(ledger.minimum());
        if minimum > 1 && spec.receivers.iter().any(|receiver| *receiver != item.owner) {
            return Err(Failure::Declined { words: too_small(minimum) });
        }
        Ok(ledger)
    }

    /// Counts the answer, durably: a grant may bound how many there are.
    async fn count(&self, spec: &JobSpec, table: &OpenerTable) -> Result<(), Failure> {
        for _ in 0..MOST_TRIES {
            let ledger = self.allowed(spec, table).await?;
            match self.cohorts.replace(&spec.items[0], &ledger, &ledger).await {
                Ok(()) => return Ok(()),
                Err(StoreError::Changed) => {}
                Err(StoreError::Unavailable { detail }) => {
                    return Err(PortError::Unavailable { detail }.into());
                }
            }
        }
        let detail = "other jobs about this table are answered all the time; try again".to_owned();
        Err(PortError::Unavailable { detail }.into())
    }
}

fn too_small(minimum: u64) -> String {
    format!(
        "a score is of one row, and no figure about fewer than {minimum} rows may leave; the nearest that is allowed \
         is an average over {minimum} rows or more"
    )
}

#[async_trait]
impl Technique for AdditiveScore {
    fn id(&self) -> TechniqueId {
        Self::name()
    }

    fn plan(&self, spec: &JobSpec, roster: &Roster) -> Result<Plan, Refusal> {
        seat::check(spec, roster, Self::name(), self.request.digest(), 1)?;
        let traffic = Traffic {
            program: self.request.to_bytes().len() as u64,
            ciphertexts: self.blocks().saturating_mul(2 * KeySize::default().bytes() as u64),
            result: self.schema.rows.saturating_mul(BYTES_A_SCORE),
        };
        let coefficients = [Machine::Cloud, Machine::Party(spec.items[0].owner)]
            .map(|learner| Disclosure { learner, fact: Fact::Parameters });
        Ok(seat::plan(spec, roster, &traffic, self.blocks(), coefficients))
    }

    /// Has the cloud weigh and add, opens, and puts the scores for each receiver. Keeps all cores busy for a moment.
    async fn run(&self, running: Running, ports: Ports<'_>) -> Result<(Outcome, Evidence), Failure> {
        let spec = running.spec();
        let table = self.keys.open(&spec.items[0], &self.request.table.name).await?;
        let (result, tags) = self.answer(spec, &table).await?;
        let proof = QueryProof::of(spec, self.schema.rows, tags);
        seat::hand_over(&running, &ports, &result, &proof).await
    }

    fn verify(&self, evidence: &Verified<Evidence>, spec: &JobSpec) -> Result<Attested, EvidenceError> {
        seat::verify(evidence, spec, Self::name())
    }
}
