//! The technique `additive-he` as a job, and its ideal twin, which computes the same query in the clear: one suite for
//! both.
#![allow(clippy::unwrap_used, reason = "a test may stop at what it does not expect")]

#[allow(dead_code, reason = "each test file uses a part")]
mod sealed;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cowl_crypto::digest::Digest;
use cowl_domain::{
    ComputeTerms, Grant, GrantId, ItemId, JobId, PartyId, Power, Powers, RecordId, Signed, Verified,
};
use cowl_job::{
    Assurance, Attested, ConsentTerms, Cost, Disclosure, Driver, Evidence, EvidenceError, Fact, Failure,
    Findings, JobItem, JobSpec, Machine, Outcome, OutputDigest, Plan, Planned, PortError, Ports, Refusal,
    Registry, ResultItem, Roster, Running, Seat, Settled, Spending, Technique, TechniqueId, Unsettled,
    check_grants,
};
use cowl_query::{AggregateFunction, EngineLimits, Output, Query, SelectionEngine, SqliteEngine};
use cowl_tables::coding::{LayoutChoice, PreparedTable};
use cowl_tables::layout::moments_of_row;
use cowl_tables::regression::fit;
use cowl_tables::technique::{AdditiveHe, CohortStore, QueryCloud, QueryProof, StoreError, TableKeys};
use cowl_tables::{CohortLedger, Figure, Model, Moments, OpenerTable, QueryResult, Variable};
use cowl_testkit::technique::{
    CountingSalts, FixedClock, MemoryLedger, MemorySink, MemorySource, NOW, Player, grant_to,
};
use sealed::{Sealed, answer, opener_table, prepared, seal, set, timing};

const SQL: &str = "SELECT death, count(*), enc_avg(Age), enc_linreg(LOS, Age) FROM stays GROUP BY death";
const COLUMNS: [&str; 2] = ["Age", "LOS"];

/// A table of which everybody has a part.
struct Setting {
    table: PreparedTable,
    sealed: Sealed,
    query: Query,
}

impl Setting {
    fn new(sql: &str) -> Self {
        let table = prepared(60);
        let sealed = seal(&table, &[set("pair", LayoutChoice::Moments, &COLUMNS)]);
        let query = sealed.parse(sql);
        Self { table, sealed, query }
    }

    fn technique(&self, world: &Arc<World>) -> AdditiveHe {
        AdditiveHe {
            query: self.query.clone(),
            schemas: vec![self.sealed.opener.schema().clone()],
            minimum_cohort: 5,
            timing: timing(),
            cloud: Arc::<World>::clone(world),
            keys: Arc::<World>::clone(world),
            cohorts: Arc::<World>::clone(world),
        }
    }

    fn world(&self) -> Arc<World> {
        let table = Some(Arc::new(opener_table(&self.sealed.file)));
        Arc::new(World { file: self.sealed.file.clone(), table, ..World::default() })
    }
}

/// The technique's own ports, in memory.
#[derive(Default)]
struct World {
    file: Vec<u8>,
    table: Option<Arc<OpenerTable>>,
    /// Rows that the cloud says its first group has beyond those that it has.
    lies: u64,
    asked: AtomicUsize,
    ledger: Mutex<Option<CohortLedger>>,
    /// How often the store says that another query came first.
    changes: AtomicUsize,
}

#[async_trait]
impl QueryCloud for World {
    async fn answer(&self, _: &JobSpec, query: &Query) -> Result<Vec<u8>, PortError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut answer = answer(&self.file, query, 5);
        answer.groups[0].rows += self.lies;
        Ok(answer.to_bytes())
    }
}

#[async_trait]
impl TableKeys for World {
    async fn open(&self, item: &JobItem, name: &str) -> Result<Arc<OpenerTable>, PortError> {
        assert_eq!(name, "stays");
        self.table.clone().ok_or(PortError::Damaged { item: item.item })
    }
}

#[async_trait]
impl CohortStore for World {
    async fn load(&self, _: &JobItem, rows: u64) -> Result<CohortLedger, PortError> {
        Ok(self.ledger.lock().unwrap().clone().unwrap_or_else(|| CohortLedger::new(rows, 5)))
    }

    async fn replace(
        &self,
        _: &JobItem,
        before: &CohortLedger,
        after: &CohortLedger,
    ) -> Result<(), StoreError> {
        if self.changes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
        {
            return Err(StoreError::Changed);
        }
        let mut ledger = self.ledger.lock().unwrap();
        let current = ledger.clone().unwrap_or_else(|| CohortLedger::new(before.rows(), 5));
        assert_eq!(current, *before);
        *ledger = Some(after.clone());
        Ok(())
    }
}

/// The same query in the clear: what a trusted party would give.
struct ClearTwin {
    query: Query,
    result: QueryResult,
}

impl ClearTwin {
    fn new(setting: &Setting) -> Self {
        let clear = Arc::clone(setting.sealed.opener.clear());
        let engine = SqliteEngine::build(vec![clear], EngineLimits::default()).unwrap();
        let released = engine.select(&setting.query).unwrap().release(&setting.query, 5);
        let rows = released.groups.iter().map(|group| {
            let moments = moments(&setting.table, &group.rows);
            let dropped = group.rows.len() as u64 - moments.rows();
            let figure = |output: &Output| match output {
                Output::Key(place) => Figure::Key(group.keys[usize::from(*place)].clone()),
                Output::Count => Figure::Count(group.rows.len() as u64),
                Output::Aggregate(it) if it.function == AggregateFunction::LinearRegression => {
                    let model = Box::new(fit(&moments, &Model::ordinary(1, vec![0])).unwrap());
                    Figure::Regression { model, dropped }
                }
                Output::Aggregate(_) => {
                    Figure::Number { value: moments.mean(0).unwrap(), used: moments.rows(), dropped }
                }
            };
            cowl_tables::result::ResultRow { figures: setting.query.outputs.iter().map(figure).collect() }
        });
        let result = QueryResult {
            query: setting.query.digest(),
            columns: setting.query.column_names(&[setting.sealed.opener.schema()]),
            rows: rows.collect(),
            rounded: vec![],
            minimum_cohort: 5,
        };
        Self { query: setting.query.clone(), result }
    }
}

/// Sums over rows, straight from the values.
fn moments(table: &PreparedTable, rows: &[u64]) -> Moments {
    let place = |name: &str| table.variables.iter().position(|variable| variable.name == name).unwrap();
    let variables = COLUMNS.map(|name| Variable { name: name.into(), decimals: 0 });
    let mut sums = vec![0i128; cowl_tables::moment_count(2)];
    for row in rows {
        let values = COLUMNS.map(|name| table.values[place(name)][*row as usize]);
        sums.iter_mut().zip(moments_of_row(&values)).for_each(|(sum, value)| *sum += value);
    }
    Moments::from_slots(variables.into(), &sums).unwrap()
}

#[async_trait]
impl Technique for ClearTwin {
    fn id(&self) -> TechniqueId {
        AdditiveHe::name()
    }

    fn plan(&self, spec: &JobSpec, roster: &Roster) -> Result<Plan, Refusal> {
        spec.check_shape()?;
        let technique = self.id();
        if spec.program != self.query.digest() {
            return Err(Refusal::UnknownProgram { technique });
        }
        if spec.power != Power::Compute {
            return Err(Refusal::WrongPower { technique, power: spec.power });
        }
        roster.require_exactly(&[(Seat::Opener, spec.items[0].owner)])?;
        let learns = |party: &PartyId| Disclosure { learner: Machine::Party(*party), fact: Fact::Result };
        Ok(Plan {
            job: spec.job,
            spec: spec.digest(),
            seats: roster.assignments(),
            movements: vec![],
            disclosures: spec.receivers.iter().map(learns).collect(),
            cost: Cost::default(),
            spending: Spending::default(),
        })
    }

    async fn run(&self, running: Running, ports: Ports<'_>) -> Result<(Outcome, Evidence), Failure> {
        let (bytes, mut outputs) = (self.result.to_bytes(), Vec::new());
        for (ordinal, receiver) in (0..).zip(running.spec().receivers.clone()) {
            let result = ResultItem { job: running.spec().job, ordinal, receiver, derived_from: None };
            let mut writer = ports.sink.create(&result).await?;
            writer.write(&bytes).await?;
            writer.commit().await?;
            let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
            outputs.push(OutputDigest { receiver, derived_from: None, digest, size });
        }
        let findings = Findings { outputs: outputs.clone(), ..Findings::default() };
        let evidence = running.testify(findings, ports.clock.now());
        Ok((Outcome { outputs, openings: vec![] }, evidence))
    }

    fn verify(&self, evidence: &Verified<Evidence>, spec: &JobSpec) -> Result<Attested, EvidenceError> {
        Attested::of(evidence, spec, Assurance::Word)
    }
}

/// Owner and askers around a job.
struct Stage {
    owner: Player,
    spec: JobSpec,
    grants: Vec<Verified<Grant>>,
    sink: MemorySink,
    technique: Arc<dyn Technique>,
}

impl Stage {
    fn new(query: &Query, technique: Arc<dyn Technique>) -> Self {
        let (owner, record) = (Player::new(Seat::Opener, 1), RecordId::from_bytes([0x20; 16]));
        let askers = [Player::new(Seat::Receiver, 2), Player::new(Seat::Receiver, 3)];
        let grant = |(number, asker): (u8, &Player)| {
            let grant = Grant {
                grant: GrantId::from_bytes([number; 16]),
                compute: Some(ComputeTerms {
                    technique: "additive-he".into(),
                    minimum_cohort: 5,
                    runs: None,
                    inference: None,
                }),
                ..grant_to(asker, record, Powers::of([Power::Compute]))
            };
            Signed::sign(&grant, owner.party(), 0, &owner.signing).verify(&owner.keys).unwrap()
        };
        let grants: Vec<_> = (0x40..).zip(&askers).map(grant).collect();
        let item = JobItem {
            record,
            owner: owner.party(),
            item: ItemId::from_bytes([0x30; 16]),
            version: 0,
            placement: Digest::of(b"placement"),
            size: 1,
        };
        let spec = JobSpec {
            job: JobId::from_bytes([0x10; 16]),
            technique: AdditiveHe::name(),
            program: query.digest(),
            power: Power::Compute,
            items: vec![item],
            grants: grants.iter().map(|grant| grant.grant).collect(),
            receivers: askers.iter().map(Player::party).collect(),
        };
        Self { owner, spec, grants, sink: MemorySink::default(), technique }
    }

    fn registry(&self) -> Registry {
        Registry::new([Arc::clone(&self.technique)])
    }

    fn roster(&self) -> Roster {
        Roster::new([(Seat::Opener, self.owner.keys.clone())]).unwrap()
    }

    fn planned(&self) -> Planned {
        self.registry().plan(self.spec.clone(), self.roster()).unwrap()
    }

    async fn run(&self) -> Result<Settled, Unsettled> {
        let planned = self.planned();
        let check = check_grants(&self.spec, &self.grants, &[], NOW).unwrap();
        let terms = ConsentTerms { made_at: NOW, expires_at: NOW.plus_seconds(60), nonce: [7; 16] };
        let own = check.consent(&planned, &self.owner.participant(), terms).unwrap();
        let consented = planned.consented(own, &[], NOW).unwrap();
        let (source, clock, salts) = (MemorySource::default(), FixedClock(NOW), CountingSalts::default());
        let ports = Ports { source: &source, sink: &self.sink, clock: &clock, salts: &salts };
        let registry = self.registry();
        let ledger: &MemoryLedger = &self.owner.ledger;
        Driver { registry: &registry, ledger, ports }.run(consented, &self.owner.participant()).await
    }
}

/// What the technique promises, and its twin with it.
async fn conforms(setting: &Setting, technique: impl Fn() -> Arc<dyn Technique>) {
    let stage = Stage::new(&setting.query, technique());
    assert_eq!(stage.planned().plan(), Stage::new(&setting.query, technique()).planned().plan());
    for receiver in &stage.spec.receivers {
        assert!(stage.planned().plan().discloses(Machine::Party(*receiver), Fact::Result));
    }
    refuses_other_jobs(&stage);
    let settled = stage.run().await.unwrap();
    let expected = ClearTwin::new(setting).result;
    assert_eq!(expected.rows.len(), 2);
    for receiver in &stage.spec.receivers {
        let found = stage.sink.results_for(*receiver);
        assert_eq!(found.len(), 1);
        assert_eq!(QueryResult::from_bytes(&found[0]).as_ref(), Ok(&expected));
    }
    assert_eq!(stage.sink.len(), stage.spec.receivers.len(), "somebody else got a result");
    evidence_is_of_its_own_job(&stage, &settled);
    let again = stage.run().await.unwrap_err();
    assert!(matches!(again, Unsettled::Refused(Refusal::ConsentUsed { .. })), "{again}");
}

fn refuses_other_jobs(stage: &Stage) {
    let plan = |spec: JobSpec, roster| stage.registry().plan(spec, roster).unwrap_err();
    let nobody = Roster::new([]).unwrap();
    assert!(matches!(plan(stage.spec.clone(), nobody), Refusal::SeatEmpty { .. }));
    let two = [(Seat::Opener, stage.owner.keys.clone()), (Seat::Dealer, Player::new(Seat::Dealer, 9).keys)];
    assert!(matches!(plan(stage.spec.clone(), Roster::new(two).unwrap()), Refusal::SeatUnneeded { .. }));
    let other = JobSpec { program: Digest::of(b"another query"), ..stage.spec.clone() };
    assert!(matches!(plan(other, stage.roster()), Refusal::UnknownProgram { .. }));
    let other = JobSpec { power: Power::Read, ..stage.spec.clone() };
    assert!(matches!(plan(other, stage.roster()), Refusal::WrongPower { .. }));
}

fn evidence_is_of_its_own_job(stage: &Stage, settled: &Settled) {
    let evidence = Signed::<Evidence>::from_bytes(&settled.evidence.to_bytes()).unwrap();
    let verified = evidence.verify(&stage.owner.keys).unwrap();
    assert_eq!(stage.technique.verify(&verified, &stage.spec).unwrap(), settled.attested);
    let other = JobSpec { job: JobId::from_bytes([0xee; 16]), ..stage.spec.clone() };
    let refused = stage.technique.verify(&verified, &other).unwrap_err();
    assert!(matches!(refused, EvidenceError::AnotherJob { .. }), "{refused}");
}

#[tokio::test]
async fn the_technique_conforms() {
    let setting = Setting::new(SQL);
    conforms(&setting, || Arc::new(setting.technique(&setting.world()))).await;
}

#[tokio::test]
async fn its_ideal_twin_conforms() {
    let setting = Setting::new(SQL);
    conforms(&setting, || Arc::new(ClearTwin::new(&setting))).await;
}

fn stage_of(setting: &Setting, world: &Arc<World>) -> Stage {
    Stage::new(&setting.query, Arc::new(setting.technique(world)))
}

fn cause(unsettled: Unsettled) -> Failure {
    match unsettled {
        Unsettled::Failed(failed) => failed.cause,
        other => panic!("it had begun: {other}"),
    }
}

#[tokio::test]
async fn a_lying_cloud_leaves_no_result_and_no_entry() {
    let setting = Setting::new(SQL);
    let mut world = setting.world();
    Arc::get_mut(&mut world).unwrap().lies = 1;
    let stage = stage_of(&setting, &world);
    let failed = cause(stage.run().await.unwrap_err());
    assert!(matches!(failed, Failure::Port(PortError::Unavailable { .. })), "{failed}");
    assert_eq!((stage.sink.len(), world.ledger.lock().unwrap().is_none()), (0, true));
}

#[tokio::test]
async fn what_the_opener_declines_is_declined_before_the_cloud_works() {
    let setting = Setting::new("SELECT enc_avg(Age) FROM stays WHERE death = 7");
    let world = setting.world();
    let stage = stage_of(&setting, &world);
    let Failure::Declined { words } = cause(stage.run().await.unwrap_err()) else { panic!("not declined") };
    assert!(words.contains("fewer than 5 complete rows"), "{words}");
    assert_eq!((world.asked.load(Ordering::Relaxed), stage.sink.len()), (0, 0));
}

#[tokio::test]
async fn a_table_that_cannot_be_opened_leaves_no_result() {
    let setting = Setting::new(SQL);
    let world = Arc::new(World::default());
    let stage = stage_of(&setting, &world);
    let failed = cause(stage.run().await.unwrap_err());
    assert!(matches!(failed, Failure::Port(PortError::Damaged { .. })), "{failed}");
    assert_eq!(stage.sink.len(), 0);
}

#[tokio::test]
async fn a_query_that_came_second_is_judged_by_the_ledger_of_the_first() {
    let setting = Setting::new(SQL);
    let world = setting.world();
    world.changes.store(2, Ordering::Relaxed);
    let stage = stage_of(&setting, &world);
    stage.run().await.unwrap();
    assert_eq!(world.ledger.lock().unwrap().as_ref().unwrap().queries(), 2);
    let busy = setting.world();
    busy.changes.store(usize::MAX, Ordering::Relaxed);
    let failed = cause(stage_of(&setting, &busy).run().await.unwrap_err());
    assert!(matches!(failed, Failure::Port(PortError::Unavailable { .. })), "{failed}");
}

#[tokio::test]
async fn evidence_proves_query_placements_rows_and_tags() {
    let setting = Setting::new(SQL);
    let stage = stage_of(&setting, &setting.world());
    let settled = stage.run().await.unwrap();
    let verified = settled.evidence.verify(&stage.owner.keys).unwrap();
    let proof = QueryProof::from_bytes(&verified.proof).unwrap();
    assert_eq!((proof.query, proof.rows), (setting.query.digest(), 60));
    assert_eq!(proof.placements.len(), 1);
    assert!(proof.tags >= 2, "two groups have a tag at least each");
    let forge = |change: fn(&mut Evidence)| {
        let mut evidence = Evidence::clone(&verified);
        change(&mut evidence);
        let signed = Signed::sign(&evidence, stage.owner.party(), 0, &stage.owner.signing);
        stage.technique.verify(&signed.verify(&stage.owner.keys).unwrap(), &stage.spec).unwrap_err()
    };
    let refusals = [
        forge(|evidence| evidence.proof.clear()),
        forge(|evidence| {
            let mut proof = QueryProof::from_bytes(&evidence.proof).unwrap();
            proof.placements.clear();
            evidence.proof = proof.to_bytes();
        }),
        forge(|evidence| evidence.outputs.truncate(1)),
    ];
    for refused in refusals {
        assert!(matches!(refused, EvidenceError::Incomplete { .. }), "{refused}");
    }
}

#[test]
fn the_plan_shows_sums_to_the_opener_alone_and_names_them() {
    let setting = Setting::new(SQL);
    let technique = setting.technique(&setting.world());
    let visible = technique.visible();
    let stage = stage_of(&setting, &setting.world());
    let (planned, item) = (stage.planned(), stage.spec.items[0].item);
    let sums = |learner| planned.plan().discloses(learner, Fact::Sums(item));
    assert!(sums(Machine::Party(stage.owner.party())) && !sums(Machine::Cloud));
    assert!(stage.spec.receivers.iter().all(|receiver| !sums(Machine::Party(*receiver))));
    assert!(!planned.plan().discloses(Machine::Cloud, Fact::Result));
    assert!(visible.opener.iter().any(|line| line.contains("'pair'") && line.contains("Age, LOS")));
    assert_eq!(visible.receiver.len(), 5);
    assert!(visible.receiver[0].contains('5') && visible.receiver[3].starts_with("enc_avg(Age)"));
}
