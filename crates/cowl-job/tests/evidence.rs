//! Evidence proves a job, that job, and nothing else; specifications and plans have one form.
#![allow(clippy::unwrap_used, reason = "a test may stop at what it does not expect")]

mod reading;

use cowl_crypto::digest::Digest;
use cowl_domain::{ItemId, JobId, Signed, Verified};
use cowl_job::{
    Assurance, Evidence, EvidenceError, JobSpec, ReadTechnique, Refusal, Registry, Roster, Seat, Settled,
    Technique, TechniqueId, commit_input,
};
use cowl_testkit::technique::{Player, Stage};
use proptest::prelude::*;
use reading::stage;

async fn settled(stage: &Stage) -> (&Player, Settled) {
    let receiver = stage.players.last().unwrap();
    (receiver, stage.run(receiver, stage.planned()).await.unwrap())
}

fn signed(evidence: &Evidence, player: &Player) -> Verified<Evidence> {
    Signed::sign(evidence, player.party(), 0, &player.signing).verify(&player.keys).unwrap()
}

/// What comes of it when the receiver says something else than it found.
async fn altered(alter: impl FnOnce(&mut Evidence)) -> EvidenceError {
    let stage = stage();
    let (receiver, settled) = settled(&stage).await;
    let mut evidence = settled.evidence.dangerous_unverified().unwrap();
    alter(&mut evidence);
    ReadTechnique.verify(&signed(&evidence, receiver), &stage.spec).unwrap_err()
}

#[tokio::test]
async fn evidence_names_job_program_consents_and_outputs() {
    let stage = stage();
    let (receiver, settled) = settled(&stage).await;
    let evidence = settled.evidence.verify(&receiver.keys).unwrap();
    assert_eq!((evidence.job, evidence.program), (stage.spec.job, ReadTechnique::program()));
    assert_eq!(evidence.consents.len(), stage.players.len());
    let digests: Vec<_> = stage.contents().iter().map(|content| Digest::of(content)).collect();
    assert!(evidence.outputs.iter().map(|output| output.digest).eq(digests));
    assert_eq!(evidence.outputs, settled.outcome.outputs);
    assert_eq!(settled.attested.assurance(), Assurance::Word);
}

#[tokio::test]
async fn openings_open_the_commitments_and_evidence_alone_does_not() {
    let stage = stage();
    let (_, settled) = settled(&stage).await;
    let evidence = settled.evidence.dangerous_unverified().unwrap();
    for (opening, input) in settled.outcome.openings.iter().zip(&evidence.inputs) {
        assert_eq!(commit_input(&opening.content, &opening.salt), input.commitment);
        assert_ne!(commit_input(&opening.content, &[0xff; 32]), input.commitment);
    }
}

#[tokio::test]
async fn an_attested_job_knows_its_consents() {
    let stage = stage();
    let (receiver, settled) = settled(&stage).await;
    let planned = stage.planned();
    let own = stage.consent(receiver, &planned).signed().clone();
    let mut consents: Vec<_> = stage.consents_of_others(receiver, &planned);
    consents.push(own);
    let verified: Vec<_> =
        stage.players.iter().zip(&consents).map(|(it, one)| one.verify(&it.keys).unwrap()).collect();
    assert_eq!(settled.attested.check_consents(&verified), Ok(()));
    let fewer = settled.attested.check_consents(&verified[1..]);
    assert_eq!(fewer, Err(EvidenceError::Consents { job: stage.spec.job }));
}

#[tokio::test]
async fn evidence_that_says_something_else_is_refused_by_name() {
    let job = JobId::from_bytes([9; 16]);
    assert!(
        matches!(altered(|it| it.job = job).await, EvidenceError::AnotherJob { found, .. } if found == job)
    );
    let other = Digest::of(b"other");
    for (what, error) in [
        ("program", altered(|it| it.program = other).await),
        ("specification", altered(|it| it.spec = other).await),
        ("technique", altered(|it| it.technique = "guess".parse().unwrap()).await),
    ] {
        assert!(matches!(error, EvidenceError::AnotherSpecification { what: found, .. } if found == what));
    }
    let item = ItemId::from_bytes([9; 16]);
    let foreign = altered(|it| it.inputs[0].item = item).await;
    assert!(matches!(foreign, EvidenceError::ForeignInput { item: found, .. } if found == item));
    let nobody = cowl_domain::PartyId::from_bytes([9; 16]);
    let foreign = altered(|it| it.outputs[0].receiver = nobody).await;
    assert!(matches!(foreign, EvidenceError::ForeignOutput { receiver, .. } if receiver == nobody));
    assert!(matches!(altered(|it| it.consents.clear()).await, EvidenceError::Consents { .. }));
    assert!(matches!(altered(|it| it.party = nobody).await, EvidenceError::WrongSigner { .. }));
}

#[tokio::test]
async fn reading_must_account_for_every_item_and_every_output() {
    assert!(matches!(altered(|it| it.inputs.truncate(2)).await, EvidenceError::Incomplete { .. }));
    assert!(matches!(altered(|it| it.outputs.truncate(2)).await, EvidenceError::Incomplete { .. }));
    assert!(matches!(altered(|it| it.outputs.swap(0, 1)).await, EvidenceError::Incomplete { .. }));
    let repeated = altered(|it| it.inputs[1] = it.inputs[0].clone()).await;
    assert!(matches!(repeated, EvidenceError::ForeignInput { .. }));
}

#[tokio::test]
async fn a_data_owner_claims_to_have_read_nothing() {
    let stage = stage();
    let owner = &stage.players[0];
    let settled_here = stage.run(owner, stage.planned()).await.unwrap();
    let mut evidence = settled_here.evidence.dangerous_unverified().unwrap();
    assert!(evidence.inputs.is_empty() && evidence.outputs.is_empty());
    evidence.inputs = settled(&stage).await.1.evidence.dangerous_unverified().unwrap().inputs;
    let error = ReadTechnique.verify(&signed(&evidence, owner), &stage.spec).unwrap_err();
    assert!(matches!(error, EvidenceError::Incomplete { .. }));
}

#[test]
fn specifications_have_one_form() {
    let spec = stage().spec;
    let bytes = spec.to_bytes();
    assert_eq!(JobSpec::from_bytes(&bytes).as_ref(), Ok(&spec));
    assert!(JobSpec::from_bytes(&[bytes.as_slice(), &[0]].concat()).is_err());
    assert!((0..bytes.len()).all(|length| JobSpec::from_bytes(&bytes[..length]).is_err()));
}

#[test]
fn techniques_have_plain_names() {
    assert_eq!("read".parse::<TechniqueId>().unwrap().to_string(), "read");
    for name in ["", "Read", "a b", "é", "a_b", &"a".repeat(33)] {
        assert!(matches!(name.parse::<TechniqueId>(), Err(Refusal::NotATechnique { .. })), "{name}");
    }
}

#[test]
fn a_technique_that_is_not_registered_is_refused_by_name() {
    let stage = stage();
    let refusal = Registry::default().plan(stage.spec.clone(), stage.roster()).unwrap_err();
    assert_eq!(refusal, Refusal::UnknownTechnique { technique: "read".parse().unwrap() });
}

#[test]
fn nobody_sits_twice_in_one_seat_or_with_two_sets_of_keys() {
    let player = Player::new(Seat::Receiver, 1);
    let mut changed = player.keys.clone();
    changed.version = 1;
    let twice = |keys, seat| Roster::new([(Seat::Receiver, player.keys.clone()), (seat, keys)]);
    assert!(matches!(twice(player.keys.clone(), Seat::Receiver), Err(Refusal::SeatedTwice { .. })));
    assert!(matches!(twice(changed, Seat::DataOwner), Err(Refusal::SeatedTwice { .. })));
    assert!(twice(player.keys.clone(), Seat::DataOwner).is_ok());
}

proptest! {
    /// Every change to a specification is another job to those who consented to it.
    #[test]
    fn a_changed_byte_gives_another_specification_or_none(place: proptest::sample::Index, change in 1u8..) {
        let spec = stage().spec;
        let mut bytes = spec.to_bytes();
        let place = place.index(bytes.len());
        bytes[place] ^= change;
        if let Ok(changed) = JobSpec::from_bytes(&bytes) {
            prop_assert_ne!(changed.digest(), spec.digest());
        }
    }
}
