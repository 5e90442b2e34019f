//! Accounts: register, log in, another device, another password, log out, the end.

use cowl_api::ProblemCode;
use cowl_domain::Role;
use cowl_vault::view::Trust;
use cowl_vault::{NewAccount, Password, Profile, RecoveryKit, VaultError, account};

use crate::assert_matches;
use crate::support::party::{password, register};
use crate::support::{Cloud, World, refusal};

fn another_password() -> Password {
    Password::new(b"an entirely different password".to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_device_needs_the_password_and_the_recovery_kit() {
    let cloud = Cloud::start().await;
    let first = tempfile::tempdir().unwrap();
    let (vault, kit) = register(&first, &cloud.url(), "patient", Role::Patient, &password()).await.unwrap();
    let record = vault.create_record("heart").await.unwrap();
    let words = RecoveryKit::from_words(&kit.words()).unwrap();

    let second = tempfile::tempdir().unwrap();
    let mut profile = Profile::create(second.path(), &cloud.url(), None).unwrap();
    let handle = "patient".parse().unwrap();
    let without = account::login(&mut profile, &handle, &password(), None).await;
    assert_matches!(without.err(), Some(VaultError::CannotUnlock));
    let wrong = account::login(&mut profile, &handle, &another_password(), Some(&words)).await;
    assert_eq!(refusal(wrong), ProblemCode::WrongCredentials);
    let vault = account::login(&mut profile, &handle, &password(), Some(&words)).await.unwrap();
    assert_eq!(vault.find_record("heart").await.unwrap().record, record);

    // From now on the second device has what it needs.
    account::login(&mut profile, &handle, &password(), None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kit_of_another_account_unlocks_nothing() {
    let cloud = Cloud::start().await;
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    register(&one, &cloud.url(), "patient", Role::Patient, &password()).await.unwrap();
    let (_, foreign) = register(&two, &cloud.url(), "somebody", Role::Patient, &password()).await.unwrap();
    let device = tempfile::tempdir().unwrap();
    let mut profile = Profile::create(device.path(), &cloud.url(), None).unwrap();
    let login = account::login(&mut profile, &"patient".parse().unwrap(), &password(), Some(&foreign)).await;
    assert_matches!(login.err(), Some(VaultError::CannotUnlock));
    assert!(!device.path().join("device.secret").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_password_ends_the_old_one_and_other_sessions() {
    let world = World::start().await;
    let elsewhere = world.patient.new_device(&world.cloud).await;
    let wrong = world.patient.vault.change_password(&another_password(), &password()).await;
    assert_eq!(refusal(wrong), ProblemCode::WrongCredentials);
    let short = world.patient.vault.change_password(&password(), &Password::new(b"short".to_vec())).await;
    assert_matches!(short, Err(VaultError::Invalid(_)));
    let mut profile = Profile::open(elsewhere.device.path()).unwrap();
    let second = account::login(&mut profile, &"patient".parse().unwrap(), &password(), None).await.unwrap();

    world.patient.vault.change_password(&password(), &another_password()).await.unwrap();
    world.patient.vault.records().await.unwrap();
    assert_eq!(refusal(second.records().await), ProblemCode::Unauthenticated);
    let mut profile = Profile::open(world.patient.device.path()).unwrap();
    let handle = "patient".parse().unwrap();
    let old = account::login(&mut profile, &handle, &password(), None).await;
    assert_eq!(refusal(old), ProblemCode::WrongCredentials);
    account::login(&mut profile, &handle, &another_password(), None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_is_taken_once_and_a_profile_is_one_partys() {
    let world = World::start().await;
    let device = tempfile::tempdir().unwrap();
    let taken = register(&device, &world.cloud.url(), "patient", Role::Patient, &password()).await;
    assert_eq!(refusal(taken), ProblemCode::Conflict);
    let mut profile = Profile::open(world.patient.device.path()).unwrap();
    let new = NewAccount { handle: "other".parse().unwrap(), email: None, role: Role::Patient };
    let again = account::register(&mut profile, new, &password()).await;
    assert_matches!(again.err(), Some(VaultError::Invalid(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_and_a_wrong_password_get_the_same_answer() {
    let world = World::start().await;
    let refused = |handle: &'static str, password: Password| {
        let url = world.cloud.url();
        async move {
            let device = tempfile::tempdir().unwrap();
            let mut profile = Profile::create(device.path(), &url, None).unwrap();
            let login = account::login(&mut profile, &handle.parse().unwrap(), &password, None).await;
            login.err().unwrap().to_string()
        }
    };
    let nobody = refused("nobody-at-all", password()).await;
    assert_eq!(nobody, refused("patient", another_password()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_keeper_takes_a_session_up_again_until_log_out() {
    let world = World::start().await;
    let record = world.patient.vault.create_record("kept").await.unwrap();
    let patient = world.patient.reopen();
    assert_eq!(patient.vault.find_record("kept").await.unwrap().record, record);
    patient.vault.logout().await.unwrap();
    assert_eq!(refusal(patient.reopen().vault.records().await), ProblemCode::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_account_is_gone_here_and_there() {
    let world = World::start().await;
    let record = world.patient.vault.create_record("gone").await.unwrap();
    world.patient.share(record, &[], &world.radiologist).await;
    let wrong = world.patient.vault.delete_account(&another_password()).await;
    assert_eq!(refusal(wrong), ProblemCode::WrongCredentials);
    world.patient.vault.delete_account(&password()).await.unwrap();
    assert!(!world.patient.device.path().join("device.secret").exists());
    assert_matches!(world.radiologist.vault.items(record).await, Err(VaultError::NotFound { .. }));
    assert!(world.radiologist.vault.party("patient").await.unwrap().deleted);
}

#[tokio::test(flavor = "multi_thread")]
async fn fingerprints_that_were_compared_make_a_party_a_verified_one() {
    let world = World::start().await;
    let seen = world.patient.vault.party("insurer").await.unwrap();
    assert_eq!(seen.trust, Trust::FirstUse);
    let wrong = world.attacker.vault.me().fingerprint;
    assert!(world.patient.vault.verify_party("insurer", &wrong).await.unwrap().is_none());
    let told = world.insurer.vault.me().fingerprint;
    let card = world.patient.vault.verify_party("insurer", &told).await.unwrap().unwrap();
    assert_eq!(card.trust, Trust::Verified);
    let listed = world.patient.reopen().vault.parties("ins").await.unwrap();
    assert_eq!((listed.len(), listed[0].trust), (1, Trust::Verified));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_there_is_said_to_be_not_there() {
    let world = World::start().await;
    for name in ["nobody", "aaaaaaaaaaaaaaaaaaaaaaaaaa", "../account", ""] {
        assert_matches!(
            world.patient.vault.party(name).await,
            Err(VaultError::NotFound { what: "party", .. })
        );
    }
}
