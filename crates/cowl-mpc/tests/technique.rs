//! The technique `mpc` as a job, run for real between two parties in one process, and its ideal twin, which computes the
//! same in the clear: one suite for both.
#![allow(clippy::unwrap_used, reason = "a test may stop at what it does not expect")]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cowl_crypto::digest::Digest;
use cowl_domain::{
    ComputeTerms, Grant, GrantId, InferenceTerms, ItemId, JobId, OutputReceivers, OutputRule, PartyId, Power,
    Powers, RecordId, Signed, Verified,
};
use cowl_job::{
    Assurance, Attested, Consent, ConsentTerms, Cost, Disclosure, Driver, Evidence, EvidenceError, Fact,
    Failure, Findings, JobItem, JobSpec, Machine, Outcome, OutputDigest, Plan, Planned, Ports, Refusal,
    Registry, ResultItem, Roster, Running, Salts, Seat, Settled, Spending, SystemSalts, Technique,
    TechniqueId, Unsettled, check_grants,
};
use cowl_model::fixed::{Faithful, evaluate, quantise_input, quantise_weights};
use cowl_model::onnx::NoFiles;
use cowl_model::{ImportOptions, PublishedModel, Ring, Rounding, Tensor, import, zoo};
use cowl_mpc::bundle::{BundleId, Draw};
use cowl_mpc::rehearsal::{Dealt, Rehearsal};
use cowl_mpc::technique::{
    Computed, Inference, InferenceProof, InferenceResult, Mpc, Parties, ResultTensor, Seating, Told,
    check_agreement, check_terms, inference_receivers,
};
use cowl_testkit::technique::{FixedClock, MemoryLedger, MemorySink, MemorySource, NOW, Player, grant_to};

/// A model, its weights, and an input: what no party has all of.
struct Setting {
    model: PublishedModel,
    inference: Inference,
    weights: Vec<Tensor<u64>>,
    inputs: Vec<Tensor<u64>>,
    rule: OutputRule,
}

impl Setting {
    fn new(rule: OutputRule) -> Arc<Self> {
        let imported = import(&zoo::perceptron(1), &NoFiles, &ImportOptions::default()).unwrap();
        let model = PublishedModel {
            architecture: imported.architecture,
            ring: Ring::MENU[0],
            rounding: Rounding::Faithful,
            classes: Vec::new(),
        };
        let inference = Inference::new(&model, rule).unwrap();
        let program = inference.protocol.program();
        let weights = quantise_weights(program, &inference.graph, &imported.weights).unwrap();
        let port = &model.architecture.inputs()[0];
        let pixels = (0..port.shape.count()).map(|place| (place * 37 % 256) as f32 / 255.0).collect();
        let image = Tensor::new(port.shape.clone(), pixels).unwrap();
        let inputs = vec![quantise_input(program, &port.name, &image).unwrap()];
        Arc::new(Self { model, inference, weights, inputs, rule })
    }

    /// What a trusted party would give. The ring's truncation is faithful, so the real run must give the same bits.
    fn ideal(&self) -> Vec<ResultTensor> {
        let program = self.inference.protocol.program();
        let outputs = evaluate(program, &self.inputs, &self.weights, &mut Faithful).unwrap();
        ResultTensor::all(program, &outputs).unwrap()
    }

    fn technique(self: &Arc<Self>, receivers: OutputReceivers, fault: Fault) -> Mpc {
        let room = Room { setting: Arc::clone(self), receivers, fault, run: Mutex::default() };
        Mpc {
            program: self.inference.program.clone(),
            forecast: self.inference.forecast(receivers),
            parties: Arc::new(room),
        }
    }
}

/// What one of the parties does wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// It says that the transcript is another one.
    Transcript,
    /// It gives its share of the output to nobody.
    KeepsBack,
}

/// Both parties and the dealer in one process: the first seat that computes runs all.
struct Room {
    setting: Arc<Setting>,
    receivers: OutputReceivers,
    fault: Fault,
    run: Mutex<Option<[Ran; 2]>>,
}

#[derive(Clone)]
struct Ran {
    bundle: BundleId,
    weights: Digest,
    transcript: Digest,
    outputs: Option<Vec<ResultTensor>>,
}

impl Room {
    /// The two who compute, the model owner first.
    fn both(&self) -> [Ran; 2] {
        let mut run = self.run.lock().unwrap();
        run.get_or_insert_with(|| self.rehearse()).clone()
    }

    fn rehearse(&self) -> [Ran; 2] {
        let Setting { inference, weights, inputs, .. } = &*self.setting;
        let protocol = &inference.protocol;
        let rehearsal = Rehearsal::new(protocol, weights.clone()).unwrap();
        let dealt: Dealt = rehearsal.deal(Draw::random().unwrap()).unwrap();
        let finished = rehearsal.run(&dealt, inputs, inference_receivers(self.receivers)).unwrap();
        let commitment = rehearsal.masked().commitment();
        finished.map(|finished| Ran {
            bundle: dealt.draw.id(),
            weights: Digest::from_bytes(commitment.digest),
            transcript: Digest::from_bytes(finished.transcript),
            outputs: finished.outputs.map(|it| ResultTensor::all(protocol.program(), &it).unwrap()),
        })
    }
}

#[async_trait]
impl Parties for Room {
    async fn hand_out(&self, _: &Running) -> Result<BundleId, Failure> {
        Ok(self.both()[0].bundle)
    }

    async fn compute(&self, running: &Running) -> Result<Computed, Failure> {
        let is_model_owner = running.seat() == Seat::ModelOwner;
        let [model_owner, data_owner] = self.both();
        let ran = if is_model_owner { model_owner } else { data_owner };
        let lies = self.fault == Fault::Transcript && is_model_owner;
        let transcript = if lies { Digest::of(b"another transcript") } else { ran.transcript };
        let outputs = ran.outputs.filter(|_| self.fault != Fault::KeepsBack);
        Ok(Computed { bundle: ran.bundle, weights: ran.weights, transcript, outputs })
    }
}

/// The same model in the clear: what a trusted party would give to each receiver.
struct ClearTwin(Arc<Setting>);

#[async_trait]
impl Technique for ClearTwin {
    fn id(&self) -> TechniqueId {
        Mpc::name()
    }

    fn plan(&self, spec: &JobSpec, roster: &Roster) -> Result<Plan, Refusal> {
        let technique = self.id();
        if spec.program != self.0.inference.program.digest() {
            return Err(Refusal::UnknownProgram { technique });
        }
        if spec.power != Power::Compute {
            return Err(Refusal::WrongPower { technique, power: spec.power });
        }
        Seating::of(spec, roster)?;
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
        let (receiver, mut outputs) = (running.party(), Vec::new());
        if running.seat() != Seat::Dealer && running.spec().receivers.contains(&receiver) {
            let bytes = InferenceResult::new(self.0.ideal(), ports.salts.make_salt()).to_bytes();
            let item = ResultItem { job: running.spec().job, ordinal: 0, receiver, derived_from: None };
            let mut writer = ports.sink.create(&item).await?;
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

/// Three parties around a job.
struct Stage {
    players: [Player; 3],
    spec: JobSpec,
    grants: Vec<Verified<Grant>>,
    sink: MemorySink,
    technique: Arc<dyn Technique>,
}

impl Stage {
    fn new(setting: &Setting, receivers: OutputReceivers, technique: Arc<dyn Technique>) -> Self {
        let players = [(Seat::DataOwner, 1), (Seat::ModelOwner, 2), (Seat::Dealer, 3)]
            .map(|(seat, it)| Player::new(seat, it));
        let [data_owner, model_owner, _] = &players;
        let record = RecordId::from_bytes([0x20; 16]);
        let inference = Some(InferenceTerms { output: setting.rule, receivers });
        let grant = Grant {
            grant: GrantId::from_bytes([0x40; 16]),
            compute: Some(ComputeTerms {
                technique: "mpc".into(),
                minimum_cohort: 1,
                runs: Some(3),
                inference,
            }),
            ..grant_to(data_owner, record, Powers::of([Power::Read, Power::Compute]))
        };
        let signed = Signed::sign(&grant, model_owner.party(), 0, &model_owner.signing);
        let grants = vec![signed.verify(&model_owner.keys).unwrap()];
        let item = JobItem {
            record,
            owner: model_owner.party(),
            item: ItemId::from_bytes([0x30; 16]),
            version: 0,
            placement: Digest::of(b"placement"),
            size: 1,
        };
        let gets = [(receivers.has_data_owner(), data_owner), (receivers.has_model_owner(), model_owner)];
        let spec = JobSpec {
            job: JobId::from_bytes([0x10; 16]),
            technique: Mpc::name(),
            program: setting.inference.program.digest(),
            power: Power::Compute,
            items: vec![item],
            grants: vec![grant.grant],
            receivers: gets.iter().filter(|(gets, _)| *gets).map(|(_, player)| player.party()).collect(),
        };
        Self { players, spec, grants, sink: MemorySink::default(), technique }
    }

    fn registry(&self) -> Registry {
        Registry::new([Arc::clone(&self.technique)])
    }

    fn roster(&self) -> Roster {
        Roster::new(self.players.iter().map(|player| (player.seat, player.keys.clone()))).unwrap()
    }

    fn planned(&self) -> Planned {
        self.registry().plan(self.spec.clone(), self.roster()).unwrap()
    }

    fn consent(&self, player: &Player, planned: &Planned) -> Consent {
        let check = check_grants(&self.spec, &self.grants, &[], NOW).unwrap();
        let terms = ConsentTerms { made_at: NOW, expires_at: NOW.plus_seconds(60), nonce: [7; 16] };
        check.consent(planned, &player.participant(), terms).unwrap()
    }

    async fn run(&self, player: &Player) -> Result<Settled, Unsettled> {
        let planned = self.planned();
        let others = self.players.iter().filter(|other| other.seat != player.seat);
        let others: Vec<_> = others.map(|other| self.consent(other, &planned).signed().clone()).collect();
        let own = self.consent(player, &planned);
        let consented = planned.consented(own, &others, NOW).unwrap();
        let (source, clock) = (MemorySource::default(), FixedClock(NOW));
        let salts: &dyn Salts = &SystemSalts;
        let ports = Ports { source: &source, sink: &self.sink, clock: &clock, salts };
        let registry = self.registry();
        let ledger: &MemoryLedger = &player.ledger;
        Driver { registry: &registry, ledger, ports }.run(consented, &player.participant()).await
    }

    async fn run_all(&self) -> Vec<Settled> {
        let mut settled = Vec::new();
        for player in &self.players {
            settled.push(self.run(player).await.unwrap());
        }
        settled
    }

    fn verified(&self, settled: &[Settled]) -> Vec<Verified<Evidence>> {
        let pairs = settled.iter().zip(&self.players);
        pairs.map(|(settled, player)| settled.evidence.verify(&player.keys).unwrap()).collect()
    }
}

/// What the technique promises, and its twin with it.
async fn conforms(setting: &Setting, receivers: OutputReceivers, technique: impl Fn() -> Arc<dyn Technique>) {
    let stage = Stage::new(setting, receivers, technique());
    assert_eq!(stage.planned().plan(), Stage::new(setting, receivers, technique()).planned().plan());
    let bytes = stage.planned().plan().to_bytes();
    assert_eq!(Plan::from_bytes(&bytes).as_ref(), Ok(stage.planned().plan()));
    for receiver in &stage.spec.receivers {
        assert!(stage.planned().plan().discloses(Machine::Party(*receiver), Fact::Result));
    }
    refuses_other_jobs(&stage);
    let settled = stage.run_all().await;
    let expected = setting.ideal();
    for receiver in &stage.spec.receivers {
        let found = stage.sink.results_for(*receiver);
        assert_eq!(found.len(), 1);
        assert_eq!(InferenceResult::from_bytes(&found[0]).unwrap().outputs(), expected);
    }
    assert_eq!(stage.sink.len(), stage.spec.receivers.len(), "somebody else got a result");
    for (evidence, settled) in stage.verified(&settled).iter().zip(&settled) {
        assert_eq!(stage.technique.verify(evidence, &stage.spec).unwrap(), settled.attested);
        let other = JobSpec { job: JobId::from_bytes([0xee; 16]), ..stage.spec.clone() };
        let refused = stage.technique.verify(evidence, &other).unwrap_err();
        assert!(matches!(refused, EvidenceError::AnotherJob { .. }), "{refused}");
    }
    for player in &stage.players {
        let again = stage.run(player).await.unwrap_err();
        assert!(matches!(again, Unsettled::Refused(Refusal::ConsentUsed { .. })), "{again}");
    }
}

fn refuses_other_jobs(stage: &Stage) {
    let plan = |spec: JobSpec, roster| stage.registry().plan(spec, roster).unwrap_err();
    for absent in 0..3 {
        let present = stage.players.iter().enumerate().filter(|(place, _)| *place != absent);
        let roster = Roster::new(present.map(|(_, player)| (player.seat, player.keys.clone()))).unwrap();
        assert!(matches!(plan(stage.spec.clone(), roster), Refusal::SeatEmpty { .. }));
    }
    let everybody = || stage.players.iter().map(|player| (player.seat, player.keys.clone()));
    let stranger = (Seat::Opener, Player::new(Seat::Opener, 9).keys);
    let roster = Roster::new(everybody().chain([stranger])).unwrap();
    assert!(matches!(plan(stage.spec.clone(), roster), Refusal::SeatUnneeded { .. }));
    let dealer = (Seat::Dealer, stage.players[0].keys.clone());
    let roster = Roster::new(everybody().take(2).chain([dealer])).unwrap();
    assert!(matches!(plan(stage.spec.clone(), roster), Refusal::SeatsOfOneParty { .. }));
    let other = JobSpec { program: Digest::of(b"another program"), ..stage.spec.clone() };
    assert!(matches!(plan(other, stage.roster()), Refusal::UnknownProgram { .. }));
    let other = JobSpec { power: Power::Read, ..stage.spec.clone() };
    assert!(matches!(plan(other, stage.roster()), Refusal::WrongPower { .. }));
}

#[tokio::test]
async fn the_technique_conforms_whoever_receives() {
    for receivers in OutputReceivers::ALL {
        let setting = Setting::new(OutputRule::Top(1));
        conforms(&setting, *receivers, || Arc::new(setting.technique(*receivers, Fault::None))).await;
    }
}

#[tokio::test]
async fn its_ideal_twin_conforms() {
    let setting = Setting::new(OutputRule::Labels);
    let receivers = OutputReceivers::Both;
    conforms(&setting, receivers, || Arc::new(ClearTwin(Arc::clone(&setting)))).await;
}

#[tokio::test]
async fn both_parties_and_the_dealer_say_the_same_of_a_run() {
    let (setting, receivers) = (Setting::new(OutputRule::Labels), OutputReceivers::DataOwner);
    let stage = Stage::new(&setting, receivers, Arc::new(setting.technique(receivers, Fault::None)));
    let settled = stage.run_all().await;
    let evidence = stage.verified(&settled);
    let program = &setting.inference.program;
    let agreed = check_agreement(program, &stage.spec, &evidence).unwrap();
    assert_eq!(agreed.proof.architecture.as_bytes(), &setting.model.architecture.digest());
    assert_eq!((agreed.attested.len(), agreed.outputs.len()), (3, 1));
    let dealers = InferenceProof::from_bytes(&evidence[2].proof).unwrap();
    assert_eq!((dealers.bundle, dealers.run), (agreed.proof.bundle, None));
    let alone = check_agreement(program, &stage.spec, &evidence[..1]).unwrap_err();
    assert!(matches!(alone, EvidenceError::Incomplete { .. }), "{alone}");
}

#[tokio::test]
async fn another_transcript_is_no_agreement() {
    let (setting, receivers) = (Setting::new(OutputRule::Labels), OutputReceivers::DataOwner);
    let stage = Stage::new(&setting, receivers, Arc::new(setting.technique(receivers, Fault::Transcript)));
    let evidence = stage.verified(&stage.run_all().await);
    let refused = check_agreement(&setting.inference.program, &stage.spec, &evidence).unwrap_err();
    assert!(refused.to_string().contains("transcripts"), "{refused}");
}

#[tokio::test]
async fn a_share_that_is_kept_back_is_the_peers_fault_and_leaves_no_result() {
    let (setting, receivers) = (Setting::new(OutputRule::Labels), OutputReceivers::DataOwner);
    let stage = Stage::new(&setting, receivers, Arc::new(setting.technique(receivers, Fault::KeepsBack)));
    let Unsettled::Failed(failed) = stage.run(&stage.players[0]).await.unwrap_err() else {
        panic!("it had begun");
    };
    let model_owner = stage.players[1].party();
    assert!(matches!(failed.cause, Failure::Peer { party, .. } if party == model_owner), "{failed}");
    assert_eq!(stage.sink.len(), 0);
}

#[tokio::test]
async fn forged_evidence_is_told_apart() {
    let (setting, receivers) = (Setting::new(OutputRule::Labels), OutputReceivers::DataOwner);
    let stage = Stage::new(&setting, receivers, Arc::new(setting.technique(receivers, Fault::None)));
    let evidence = stage.verified(&stage.run_all().await);
    let forge = |seat: usize, change: fn(&mut Evidence)| {
        let (player, mut changed) = (&stage.players[seat], Evidence::clone(&evidence[seat]));
        change(&mut changed);
        let signed = Signed::sign(&changed, player.party(), 0, &player.signing);
        stage.technique.verify(&signed.verify(&player.keys).unwrap(), &stage.spec).unwrap_err()
    };
    let refusals = [
        forge(0, |evidence| evidence.proof.clear()),
        forge(0, |evidence| evidence.outputs.clear()),
        forge(0, |evidence| {
            let mut proof = InferenceProof::from_bytes(&evidence.proof).unwrap();
            proof.run = None;
            evidence.proof = proof.to_bytes();
        }),
        forge(1, |evidence| {
            let mut proof = InferenceProof::from_bytes(&evidence.proof).unwrap();
            proof.architecture = Digest::of(b"another architecture");
            evidence.proof = proof.to_bytes();
        }),
    ];
    for refused in refusals {
        assert!(matches!(refused, EvidenceError::Incomplete { .. }), "{refused}");
    }
}

#[tokio::test]
async fn digests_of_equal_results_differ_by_their_salts() {
    let (setting, receivers) = (Setting::new(OutputRule::Labels), OutputReceivers::Both);
    let stage = Stage::new(&setting, receivers, Arc::new(setting.technique(receivers, Fault::None)));
    let settled = stage.run_all().await;
    let digests: Vec<_> =
        settled.iter().flat_map(|one| one.outcome.outputs.iter().map(|it| it.digest)).collect();
    assert_eq!(digests.len(), 2);
    assert_ne!(digests[0], digests[1]);
}

#[test]
fn the_plan_tells_architecture_and_numbers_to_all_and_weights_and_input_to_nobody() {
    let (setting, receivers) = (Setting::new(OutputRule::Labels), OutputReceivers::DataOwner);
    let stage = Stage::new(&setting, receivers, Arc::new(setting.technique(receivers, Fault::None)));
    let (planned, forecast) = (stage.planned(), setting.inference.forecast(receivers));
    let plan = planned.plan();
    for player in &stage.players {
        let learner = Machine::Party(player.party());
        assert!(plan.discloses(learner, Fact::Program) && plan.discloses(learner, Fact::Arithmetic));
        assert!(!plan.discloses(learner, Fact::Parameters) && !plan.discloses(learner, Fact::Input));
        assert_eq!(plan.discloses(learner, Fact::Result), player.seat == Seat::DataOwner);
        assert_eq!(plan.discloses(learner, Fact::ParameterCommitment), player.seat == Seat::DataOwner);
    }
    let moved: u64 = plan.movements.iter().map(|movement| movement.bytes).sum();
    assert_eq!(moved, plan.cost.bytes);
    assert_eq!(moved, forecast.bytes() + 32, "what is sent and dealt, and the commitment");
    assert_eq!(plan.cost.rounds, forecast.rounds);
    let program = setting.inference.protocol.program();
    let told = Told::new(&setting.model, program, setting.rule, receivers);
    assert!(
        told.data_owner.iter().any(|line| line.contains("1 numbers a run over 118282 weights")),
        "{told:?}"
    );
    assert!(told.model_owner.iter().all(|line| !line.contains("the output,")));
}

#[test]
fn a_grants_terms_bound_what_is_told_and_to_whom() {
    let grant = GrantId::from_bytes([1; 16]);
    let terms = |output, receivers| ComputeTerms {
        technique: "mpc".into(),
        minimum_cohort: 1,
        runs: None,
        inference: Some(InferenceTerms { output, receivers }),
    };
    let check = |terms: &ComputeTerms, output, receivers| check_terms(grant, terms, output, receivers);
    let narrow = terms(OutputRule::Labels, OutputReceivers::DataOwner);
    assert!(check(&narrow, OutputRule::Labels, OutputReceivers::DataOwner).is_ok());
    let more = check(&narrow, OutputRule::Values, OutputReceivers::DataOwner).unwrap_err();
    assert!(matches!(&more, Refusal::TermsExceeded { what, .. } if what.contains("values")), "{more}");
    let others = check(&narrow, OutputRule::Labels, OutputReceivers::Both).unwrap_err();
    assert!(others.to_string().contains("model owner"), "{others}");
    let table = ComputeTerms { technique: "additive-he".into(), inference: None, ..narrow.clone() };
    let other = check(&table, OutputRule::Labels, OutputReceivers::DataOwner).unwrap_err();
    assert!(matches!(other, Refusal::TechniqueNotGranted { .. }), "{other}");
    let nothing = ComputeTerms { inference: None, ..narrow };
    assert!(check(&nothing, OutputRule::Labels, OutputReceivers::DataOwner).is_err());
}
