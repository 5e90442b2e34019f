//! The directory lies about who holds which keys.

use cowl_api::paths::{BINDINGS, PARTIES, PARTY};
use cowl_api::types::{BindingPage, OpenLeaf, PartyEntry, PartyPage};
use cowl_domain::{KeyBinding, RecordId, Signed};
use cowl_seal::XWingIdentity;
use cowl_vault::view::Trust;
use cowl_vault::{AddOptions, Result, Tampering, Vault};

use crate::assert_matches;
use crate::support::forge::{Impostor, resign};
use crate::support::party::grant_spec;
use crate::support::{Party, World, tampering};

const RADIOLOGIST: &str = "radiologist@city-hospital";

/// The patient has compared the radiologist's fingerprint, and begins the next command.
async fn verified(world: World) -> (World, RecordId) {
    let fingerprint = world.radiologist.vault.me().fingerprint;
    let card = world.patient.vault.verify_party(RADIOLOGIST, &fingerprint).await.unwrap().unwrap();
    assert_eq!(card.trust, Trust::Verified);
    let record = world.patient.vault.create_record("heart").await.unwrap();
    world.patient.add_bytes(record, "a.txt", b"a").await;
    let patient = world.patient.reopen();
    (World { patient, ..world }, record)
}

async fn share(party: &Party, record: RecordId) -> Result<()> {
    party.vault.grant(&grant_spec(record, &[], RADIOLOGIST)).await.map(drop)
}

/// The directory lies about the radiologist, and about nobody else.
fn alter_radiologist(party: &Party, mut change: impl FnMut(&mut PartyEntry) + Send + 'static) {
    party.mallory.alter(PARTY, move |entry: &mut PartyEntry| {
        if entry.handle == RADIOLOGIST {
            change(entry);
        }
    });
}

fn keys_changed() -> Tampering {
    Tampering::KeysChanged { handle: RADIOLOGIST.parse().unwrap() }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_substituted_after_verification_are_not_sealed_to() {
    let (world, record) = Box::pin(verified(World::start().await)).await;
    let impostor = Impostor::make();
    alter_radiologist(&world.patient, move |entry| *entry = impostor.entry(RADIOLOGIST));
    assert_eq!(tampering(share(&world.patient, record).await), keys_changed());
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_substituted_at_first_sight_are_not_in_the_log() {
    let world = World::start().await;
    let record = world.patient.vault.create_record("heart").await.unwrap();
    let impostor = Impostor::make();
    alter_radiologist(&world.patient, move |entry| {
        *entry = PartyEntry { index: entry.index, ..impostor.entry(RADIOLOGIST) };
    });
    assert_matches!(tampering(share(&world.patient, record).await), Tampering::Directory(..));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_partys_entry_is_not_taken_for_the_one_asked_for() {
    let (world, record) = Box::pin(verified(World::start().await)).await;
    let attacker = world.patient.vault.party("attacker").await.unwrap().party;
    world.patient.mallory.on_question(PARTY, move |question| {
        question.target = question.target.replace(RADIOLOGIST, &attacker.to_string());
        None
    });
    assert_matches!(tampering(share(&world.patient, record).await), Tampering::Directory(..));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_partys_keys_do_not_pass_under_a_borrowed_handle() {
    let (world, record) = Box::pin(verified(World::start().await)).await;
    world.attacker.vault.party("attacker").await.unwrap();
    let stolen: PartyEntry = world.attacker.mallory.last_answer(&axum::http::Method::GET, PARTY).json();
    world
        .patient
        .mallory
        .alter(PARTY, move |entry: &mut PartyEntry| entry.bindings = stolen.bindings.clone());
    assert_matches!(tampering(share(&world.patient, record).await), Tampering::Directory(..));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_next_version_of_keys_that_the_old_ones_did_not_sign_is_refused() {
    let (world, record) = Box::pin(verified(World::start().await)).await;
    let attacker = world.attacker;
    let sealing = XWingIdentity::make().recipient().to_bytes();
    alter_radiologist(&world.patient, move |entry| {
        let newest = entry.bindings.last().unwrap().0.clone();
        let before = Signed::<KeyBinding>::from_bytes(&newest).unwrap().digest();
        let next = crate::support::forge::impersonate::<KeyBinding>(&newest, &attacker, |binding| {
            binding.keys.version += 1;
            binding.keys.sealing = cowl_domain::SealingKey::from_slice(&sealing).unwrap();
            binding.previous = Some(before);
        });
        entry.bindings.push(next.into());
    });
    assert_matches!(tampering(share(&world.patient, record).await), Tampering::Directory(..));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_not_rolled_back_to_an_older_version() {
    let world = World::start().await;
    let old: PartyEntry = entry_of(&world.radiologist.vault, &world).await;
    let own = world.radiologist.vault.create_record("own").await.unwrap();
    let options = AddOptions { suite: Some(cowl_domain::SuiteId::HybridRsa), ..AddOptions::default() };
    world.radiologist.add_with(own, "a.txt", b"a", &options).await;
    let (world, record) = Box::pin(verified(world)).await;
    alter_radiologist(&world.patient, move |entry| *entry = old.clone());
    assert_eq!(tampering(share(&world.patient, record).await), keys_changed());
}

async fn entry_of(vault: &Vault, world: &World) -> PartyEntry {
    vault.party(RADIOLOGIST).await.unwrap();
    world.radiologist.mallory.last_answer(&axum::http::Method::GET, PARTY).json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_parties_shows_no_substituted_keys_for_a_known_handle() {
    let (world, _) = Box::pin(verified(World::start().await)).await;
    let impostor = Impostor::make();
    world.patient.mallory.alter(PARTIES, move |page: &mut PartyPage| {
        page.parties = vec![impostor.entry(RADIOLOGIST)];
    });
    assert_eq!(tampering(world.patient.vault.parties("radio").await), keys_changed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_for_ones_own_handle_that_is_not_in_the_log_is_refused_by_the_audit() {
    let world = World::start().await;
    world.patient.mallory.alter(BINDINGS, |page: &mut BindingPage| {
        let index = page.bindings.last().map_or(0, |leaf| leaf.index);
        page.bindings.pop();
        page.bindings
            .push(OpenLeaf { index, binding: Impostor::make().binding("patient").to_bytes().into() });
    });
    assert_matches!(tampering(world.patient.vault.audit_verify().await), Tampering::Log(_));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_signed_by_the_one_who_gains_from_it_is_refused() {
    let (world, record) = Box::pin(verified(World::start().await)).await;
    let attacker = world.attacker;
    alter_radiologist(&world.patient, move |entry| {
        let first = entry.bindings[0].0.clone();
        entry.bindings = vec![resign::<KeyBinding>(&first, &attacker, |_| {}).into()];
    });
    assert_matches!(tampering(share(&world.patient, record).await), Tampering::Directory(..));
}
