//! The party's own keys, its server, its log-in and its session.

use axum::http::Method;
use cowl_api::ProblemCode;
use cowl_api::paths::{LOGIN_FINISH, LOGIN_START, SERVER};
use cowl_api::types::{ServerInfo, Session};
use cowl_vault::{Password, Profile, Result, Tampering, Vault, account};

use crate::support::forge::Impostor;
use crate::support::party::{PASSWORD, password};
use crate::support::{Party, World, refusal, tampering};

async fn log_in(party: &Party) -> Result<Vault> {
    let mut profile = Profile::open(party.device.path()).unwrap();
    account::login(&mut profile, &party.handle.parse().unwrap(), &password(), None).await
}

/// What the server says at the end of a log-in.
async fn session_of(party: &Party) -> Session {
    log_in(party).await.unwrap();
    party.mallory.last_answer(&Method::POST, LOGIN_FINISH).json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_store_of_another_account_is_not_taken_for_ones_own() {
    let world = World::start().await;
    let foreign = session_of(&world.attacker).await.key_store;
    world.patient.mallory.alter(LOGIN_FINISH, move |session: &mut Session| {
        session.key_store = foreign.clone();
    });
    assert_eq!(tampering(log_in(&world.patient).await), Tampering::OwnKeys);
}

#[tokio::test(flavor = "multi_thread")]
async fn bindings_of_another_account_are_not_taken_for_ones_own() {
    let world = World::start().await;
    let foreign = session_of(&world.attacker).await.bindings;
    world.patient.mallory.alter(LOGIN_FINISH, move |session: &mut Session| {
        session.bindings = foreign.clone();
    });
    assert_eq!(tampering(log_in(&world.patient).await), Tampering::OwnKeys);
}

#[tokio::test(flavor = "multi_thread")]
async fn bindings_made_up_under_ones_own_handle_are_refused() {
    let world = World::start().await;
    let forged = Impostor::make().binding("patient").to_bytes();
    world.patient.mallory.alter(LOGIN_FINISH, move |session: &mut Session| {
        session.bindings = vec![forged.clone().into()];
    });
    assert_eq!(tampering(log_in(&world.patient).await), Tampering::OwnKeys);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_bindings_is_refused() {
    let world = World::start().await;
    world.patient.mallory.alter(LOGIN_FINISH, |session: &mut Session| session.bindings.clear());
    assert_eq!(tampering(log_in(&world.patient).await), Tampering::OwnKeys);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_store_from_before_a_change_of_password_is_refused() {
    let world = World::start().await;
    let old = session_of(&world.patient).await.key_store;
    let fresh = Password::new(b"another good password".to_vec());
    world.patient.vault.change_password(&password(), &fresh).await.unwrap();
    world.patient.mallory.alter(LOGIN_FINISH, move |session: &mut Session| session.key_store = old.clone());
    let mut profile = Profile::open(world.patient.device.path()).unwrap();
    let login = account::login(&mut profile, &"patient".parse().unwrap(), &fresh, None).await;
    assert_eq!(tampering(login), Tampering::OwnKeys);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_log_key_is_another_server() {
    let world = World::start().await;
    world.patient.mallory.alter(SERVER, |info: &mut ServerInfo| {
        info.log_key = Impostor::make().signing.verifying_key().as_bytes().as_slice().into();
    });
    assert_eq!(tampering(log_in(&world.patient).await), Tampering::Server);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_origin_is_another_server() {
    let world = World::start().await;
    world.patient.mallory.alter(SERVER, |info: &mut ServerInfo| info.origin = "elsewhere".to_owned());
    assert_eq!(tampering(log_in(&world.patient).await), Tampering::Server);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_answer_to_a_log_in_opens_nothing_when_replayed() {
    let world = World::start().await;
    log_in(&world.patient).await.unwrap();
    let old = world.patient.mallory.last_answer(&Method::POST, LOGIN_START);
    world.patient.mallory.replay(LOGIN_START, old);
    assert_eq!(refusal(log_in(&world.patient).await), ProblemCode::WrongCredentials);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_session_replayed_after_log_out_is_no_session() {
    let world = World::start().await;
    let vault = log_in(&world.patient).await.unwrap();
    let old = world.patient.mallory.last_answer(&Method::POST, LOGIN_FINISH);
    vault.logout().await.unwrap();
    world.patient.mallory.replay(LOGIN_FINISH, old);
    let vault = log_in(&world.patient).await.unwrap();
    assert_eq!(refusal(vault.records().await), ProblemCode::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_somebody_kept_is_worth_nothing_after_log_out() {
    let world = World::start().await;
    let kept = world.patient.vault.to_keeper();
    world.patient.vault.logout().await.unwrap();
    let vault = Vault::resume(Profile::open(world.patient.device.path()).unwrap(), &kept).unwrap();
    assert_eq!(refusal(vault.records().await), ProblemCode::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_tells_the_server_neither_password_nor_device_secret() {
    let world = World::start().await;
    log_in(&world.patient).await.unwrap();
    let device = std::fs::read(world.patient.device.path().join("device.secret")).unwrap();
    for (question, _) in world.patient.mallory.heard() {
        let holds = |secret: &[u8]| question.body.windows(secret.len()).any(|window| window == secret);
        assert!(!holds(PASSWORD.as_bytes()) && !holds(&device), "{}", question.target);
    }
}
