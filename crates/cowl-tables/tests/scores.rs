//! The technique `additive-score` as a job, with an honest cloud and with others.
#![allow(clippy::unwrap_used, reason = "a test may stop at what it does not expect")]

#[allow(dead_code, reason = "each test file uses a part")]
mod sealed;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cowl_crypto::digest::Digest;
use cowl_domain::{ComputeTerms, Grant, GrantId, ItemId, JobId, Power, Powers, RecordId, Signed, Verified};
use cowl_job::{
    ConsentTerms, Driver, Fact, Failure, JobItem, JobSpec, Machine, Planned, PortError, Ports, Refusal,
    Registry, Roster, Seat, Settled, Technique, Unsettled, check_grants,
};
use cowl_query::parquet::TableFile;
use cowl_query::{Cell, QueryTable, ScoreProgram, ScoreRequest, ScoreTerm, encrypted_scores};
use cowl_tables::coding::{LayoutChoice, PreparedTable};
use cowl_tables::technique::{AdditiveScore, CohortStore, QueryProof, ScoreCloud, StoreError, TableKeys};
use cowl_tables::{CohortLedger, Figure, OpenerTable, QueryResult};
use cowl_testkit::technique::{
    CountingSalts, FixedClock, MemoryLedger, MemorySink, MemorySource, NOW, Player, grant_to,
};
use sealed::{Sealed, opener_table, prepared, seal, set, timing};

const ROWS: usize = 60;

/// What a cloud does to the bytes of its answer, or to the program that it runs.
type Program = fn(&mut ScoreProgram);
type Bytes = fn(&mut Vec<u8>, usize);

struct World {
    file: Vec<u8>,
    table: Arc<OpenerTable>,
    runs: Program,
    lies: Bytes,
    asked: AtomicUsize,
    answered: AtomicUsize,
    ledger: Mutex<CohortLedger>,
}

#[async_trait]
impl ScoreCloud for World {
    async fn scores(&self, _: &JobSpec, program: &ScoreProgram) -> Result<Vec<u8>, PortError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let file = TableFile::open(self.file.clone()).unwrap();
        let mut run = program.clone();
        (self.runs)(&mut run);
        let mut answer = encrypted_scores(&run, file.key(), &file.pages(0).unwrap()).unwrap();
        answer.program = program.digest();
        (self.lies)(&mut answer.ciphertexts, file.key().ciphertext_bytes());
        Ok(answer.to_bytes())
    }
}

#[async_trait]
impl TableKeys for World {
    async fn open(&self, _: &JobItem, name: &str) -> Result<Arc<OpenerTable>, PortError> {
        assert_eq!(name, "stays");
        Ok(Arc::clone(&self.table))
    }
}

#[async_trait]
impl CohortStore for World {
    async fn load(&self, _: &JobItem, _: u64) -> Result<CohortLedger, PortError> {
        Ok(self.ledger.lock().unwrap().clone())
    }

    async fn replace(&self, _: &JobItem, old: &CohortLedger, new: &CohortLedger) -> Result<(), StoreError> {
        assert_eq!((&*self.ledger.lock().unwrap(), old), (old, new), "scores leave the ledger as it is");
        self.answered.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// A table with scores to be had, a request, and everybody around it.
struct Stage {
    table: PreparedTable,
    world: Arc<World>,
    request: ScoreRequest,
    minimum: u32,
    owner: Player,
    asker: Player,
    sink: MemorySink,
}

impl Stage {
    fn new(terms: &[(&str, f64)]) -> Self {
        let table = prepared(ROWS);
        let choice = set("scores", LayoutChoice::Columns { weight: 1 << 30 }, &["Age", "MechVent", "ICU"]);
        let sealed: Sealed = seal(&table, &[choice]);
        let schema = sealed.catalog().tables[0].digest();
        let term = |&(name, coefficient): &(&str, f64)| ScoreTerm { name: name.to_owned(), coefficient };
        let request = ScoreRequest {
            table: QueryTable { name: "stays".into(), schema },
            set: 0,
            terms: terms.iter().map(term).collect(),
            decimals: 4,
        };
        let world = World {
            table: Arc::new(opener_table(&sealed.file)),
            file: sealed.file,
            runs: |_| (),
            lies: |_, _| (),
            asked: AtomicUsize::new(0),
            answered: AtomicUsize::new(0),
            ledger: Mutex::new(CohortLedger::new(ROWS as u64, 1)),
        };
        Self {
            table,
            world: Arc::new(world),
            request,
            minimum: 1,
            owner: Player::new(Seat::Opener, 1),
            asker: Player::new(Seat::Receiver, 2),
            sink: MemorySink::default(),
        }
    }

    fn world(&mut self) -> &mut World {
        Arc::get_mut(&mut self.world).unwrap()
    }

    fn technique(&self) -> AdditiveScore {
        AdditiveScore {
            request: self.request.clone(),
            schema: self.world.table.schema().clone(),
            minimum_cohort: self.minimum.into(),
            timing: timing(),
            cloud: Arc::<World>::clone(&self.world),
            keys: Arc::<World>::clone(&self.world),
            cohorts: Arc::<World>::clone(&self.world),
        }
    }

    fn grant(&self, technique: &str) -> Verified<Grant> {
        let grant = Grant {
            grant: GrantId::from_bytes([0x40; 16]),
            compute: Some(ComputeTerms {
                technique: technique.into(),
                minimum_cohort: self.minimum,
                runs: None,
                inference: None,
            }),
            ..grant_to(&self.asker, RecordId::from_bytes([0x20; 16]), Powers::of([Power::Compute]))
        };
        Signed::sign(&grant, self.owner.party(), 0, &self.owner.signing).verify(&self.owner.keys).unwrap()
    }

    fn spec(&self) -> JobSpec {
        JobSpec {
            job: JobId::from_bytes([0x10; 16]),
            technique: AdditiveScore::name(),
            program: self.request.digest(),
            power: Power::Compute,
            items: vec![JobItem {
                record: RecordId::from_bytes([0x20; 16]),
                owner: self.owner.party(),
                item: ItemId::from_bytes([0x30; 16]),
                version: 0,
                placement: Digest::of(b"placement"),
                size: 1,
            }],
            grants: vec![GrantId::from_bytes([0x40; 16])],
            receivers: vec![self.asker.party()],
        }
    }

    fn registry(&self) -> Registry {
        let technique: Arc<dyn Technique> = Arc::new(self.technique());
        Registry::new([technique])
    }

    fn planned(&self) -> Planned {
        let roster = Roster::new([(Seat::Opener, self.owner.keys.clone())]).unwrap();
        self.registry().plan(self.spec(), roster).unwrap()
    }

    async fn run(&self) -> Result<Settled, Unsettled> {
        let planned = self.planned();
        let check = check_grants(&self.spec(), &[self.grant("additive-score")], &[], NOW).unwrap();
        let terms = ConsentTerms { made_at: NOW, expires_at: NOW.plus_seconds(60), nonce: [7; 16] };
        let own = check.consent(&planned, &self.owner.participant(), terms).unwrap();
        let consented = planned.consented(own, &[], NOW).unwrap();
        let (source, clock, salts) = (MemorySource::default(), FixedClock(NOW), CountingSalts::default());
        let ports = Ports { source: &source, sink: &self.sink, clock: &clock, salts: &salts };
        let registry = self.registry();
        let ledger: &MemoryLedger = &self.owner.ledger;
        Driver { registry: &registry, ledger, ports }.run(consented, &self.owner.participant()).await
    }

    async fn failure(&self) -> Failure {
        match self.run().await.unwrap_err() {
            Unsettled::Failed(failed) => failed.cause,
            other => panic!("it had begun: {other}"),
        }
    }

    /// 2.5 · Age − 3 · MechVent + 1 in the clear.
    fn expected(&self, row: usize) -> Option<f64> {
        let cell = |name: &str| {
            let place = self.table.variables.iter().position(|it| it.name == name).unwrap();
            self.table.values[place][row].map(|value| value as f64)
        };
        Some(2.5 * cell("Age")? - 3.0 * cell("MechVent")? + 1.0)
    }
}

const TERMS: [(&str, f64); 3] = [("Age", 2.5), ("MechVent", -3.0), ("(intercept)", 1.0)];

#[tokio::test]
async fn scores_are_those_of_open_rows_and_the_evidence_says_so() {
    let stage = Stage::new(&TERMS);
    let settled = stage.run().await.unwrap();
    let results = stage.sink.results_for(stage.asker.party());
    let result = QueryResult::from_bytes(&results[0]).unwrap();
    assert_eq!((stage.sink.len(), result.columns.as_slice()), (1, &["row", "score"].map(str::to_owned)[..]));
    assert_eq!((result.rows.len(), result.query), (ROWS, stage.request.digest()));
    for (place, row) in result.rows.iter().enumerate() {
        assert_eq!(row.figures[0], Figure::Key(Cell::Integer(place as i64 + 1)));
        assert_eq!(row.figures[1], Figure::Score(stage.expected(place)), "row {place}");
    }
    let verified = settled.evidence.verify(&stage.owner.keys).unwrap();
    assert_eq!(stage.technique().verify(&verified, &stage.spec()).unwrap(), settled.attested);
    let proof = QueryProof::from_bytes(&verified.proof).unwrap();
    assert_eq!((proof.query, proof.rows), (stage.request.digest(), ROWS as u64));
    assert!(proof.tags > 0);
    assert_eq!(stage.world.answered.load(Ordering::Relaxed), 1, "grants may bound how many there are");
}

#[tokio::test]
async fn a_cloud_that_changes_scores_is_caught_and_nothing_leaves() {
    let programs: [Program; 4] = [
        |program| program.weights[0] += 1,
        |program| program.weights[0] = -program.weights[0],
        |program| *program.weights.last_mut().unwrap() = 0,
        |program| program.weights.reverse(),
    ];
    let answers: [Bytes; 4] = [
        |bytes, one| bytes.truncate(bytes.len() - one),
        |bytes, one| bytes.rotate_left(one),
        |bytes, one| bytes.copy_within(0..one, one),
        |bytes, _| bytes[9] ^= 1,
    ];
    let mut stage = Stage::new(&TERMS);
    assert!(stage.technique().visible().receiver[0].contains("60 numbers"));
    for change in programs {
        stage.world().runs = change;
        caught(&stage).await;
    }
    stage.world().runs = |_| ();
    for change in answers {
        stage.world().lies = change;
        caught(&stage).await;
    }
    assert_eq!(stage.world.answered.load(Ordering::Relaxed), 0);
}

async fn caught(stage: &Stage) {
    // A consent is good for one run.
    let fresh = Stage {
        table: stage.table.clone(),
        world: Arc::clone(&stage.world),
        request: stage.request.clone(),
        minimum: 1,
        owner: Player::new(Seat::Opener, 1),
        asker: Player::new(Seat::Receiver, 2),
        sink: MemorySink::default(),
    };
    let failed = fresh.failure().await;
    assert!(matches!(failed, Failure::Port(PortError::Unavailable { .. })), "{failed}");
    assert_eq!(fresh.sink.len(), 0);
}

#[tokio::test]
async fn scores_that_may_not_be_had_are_declined_before_the_cloud_works() {
    let words = |failure: Failure| match failure {
        Failure::Declined { words } => words,
        other => panic!("not declined: {other}"),
    };
    let mut grouped = Stage::new(&TERMS);
    grouped.minimum = 10;
    assert!(words(grouped.failure().await).contains("no figure about fewer than 10 rows may leave"));
    let mut kept = Stage::new(&TERMS);
    *kept.world().ledger.get_mut().unwrap() = CohortLedger::new(ROWS as u64, 5);
    assert!(words(kept.failure().await).contains("fewer than 5 rows"));
    let unknown = Stage::new(&[("LOS", 1.0)]);
    let said = words(unknown.failure().await);
    assert!(said.contains("'LOS' is no variable of this set; it has Age, ICU, MechVent"), "{said}");
    assert!(!said.contains("MICU"), "levels say something about patients: {said}");
    let heavy = Stage::new(&[("Age", 1e9)]);
    assert!(words(heavy.failure().await).contains("fewer decimals"));
    let nothing = Stage::new(&[("Age", 1e-9)]);
    assert!(words(nothing.failure().await).contains("all coefficients are zero at 4 decimals"));
    for stage in [grouped, kept, unknown, heavy, nothing] {
        let used = (stage.world.asked.load(Ordering::Relaxed), stage.world.answered.load(Ordering::Relaxed));
        assert_eq!((used, stage.sink.len()), ((0, 0), 0));
    }
}

#[test]
fn a_grant_for_figures_is_none_for_scores() {
    let stage = Stage::new(&TERMS);
    let refused = check_grants(&stage.spec(), &[stage.grant("additive-he")], &[], NOW).unwrap_err();
    assert!(refused.to_string().contains("additive"), "{refused}");
    let roster = || Roster::new([(Seat::Opener, stage.owner.keys.clone())]).unwrap();
    let plan = |spec| stage.registry().plan(spec, roster()).unwrap_err();
    let other = JobSpec { program: Digest::of(b"other coefficients"), ..stage.spec() };
    assert!(matches!(plan(other), Refusal::UnknownProgram { .. }));
}

#[test]
fn the_plan_shows_scores_to_owner_and_receiver_and_coefficients_to_the_cloud() {
    let stage = Stage::new(&TERMS);
    let planned = stage.planned();
    let learns = |learner, fact| planned.plan().discloses(learner, fact);
    let (owner, asker) = (Machine::Party(stage.owner.party()), Machine::Party(stage.asker.party()));
    assert!(learns(owner, Fact::Result) && learns(asker, Fact::Result));
    assert!(!learns(Machine::Cloud, Fact::Result) && learns(Machine::Cloud, Fact::Parameters));
}
