//! Grants: changed, revived, hidden, moved; shares held back or exchanged.

use axum::http::Method;
use cowl_api::paths::{GRANTS, REQUESTS};
use cowl_api::types::{GrantView, RequestView};
use cowl_domain::{
    AccessRequest, Grant, Power, Powers, Purpose, RecordId, RequestAnswer, Revocation, Share, StatementError,
};
use cowl_vault::view::GrantState;
use cowl_vault::{GrantSpec, RequestSpec, Silent, Tampering};

use crate::assert_matches;
use crate::support::forge::{impersonate, read, resign};
use crate::support::party::grant_spec;
use crate::support::{Party, World, tampering};

async fn record_of(party: &Party) -> RecordId {
    let record = party.vault.create_record("granted").await.unwrap();
    party.add_bytes(record, "one.txt", b"one").await;
    record
}

fn alter_grants(party: &Party, change: impl FnMut(&mut Vec<GrantView>) + Send + 'static) {
    party.mallory.alter(GRANTS, change);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_is_not_widened() {
    let world = World::start().await;
    let record = record_of(&world.patient).await;
    world.patient.share(record, &[], &world.radiologist).await;
    let attacker = world.attacker;
    alter_grants(&world.radiologist, move |grants| {
        grants[0].grant = impersonate::<Grant>(&grants[0].grant.0, &attacker, |grant| {
            grant.powers = Powers::of([Power::Read, Power::Append]);
            grant.expires_at = None;
        })
        .into();
    });
    assert_matches!(
        tampering(world.radiologist.vault.grants().await),
        Tampering::Statement(StatementError::BadSignature { what: "grant" })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_to_somebody_else_is_not_shown_as_ones_own() {
    let world = World::start().await;
    let record = record_of(&world.patient).await;
    world.patient.share(record, &[], &world.radiologist).await;
    world.patient.vault.grants().await.unwrap();
    let grants: Vec<GrantView> = world.patient.mallory.last_answer(&Method::GET, GRANTS).json();
    alter_grants(&world.insurer, move |shown| *shown = grants.clone());
    assert_matches!(
        tampering(world.insurer.vault.grants().await),
        Tampering::Misplaced { what: "grant", .. }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn grants_do_not_exchange_their_identifiers() {
    let world = World::start().await;
    let record = record_of(&world.patient).await;
    world.patient.share(record, &[], &world.radiologist).await;
    world.patient.share(record, &[], &world.insurer).await;
    alter_grants(&world.patient, |grants| {
        let first = grants[0].grant_id.clone();
        grants[0].grant_id = std::mem::replace(&mut grants[1].grant_id, first);
    });
    assert_matches!(
        tampering(world.patient.vault.grants().await),
        Tampering::Misplaced { what: "grant", .. }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_do_not_move_between_grants() {
    let world = World::start().await;
    let record = record_of(&world.patient).await;
    world.patient.share(record, &[], &world.radiologist).await;
    world.patient.share(record, &[], &world.insurer).await;
    alter_grants(&world.patient, |grants| {
        let first = grants[0].shares.clone();
        grants[0].shares = std::mem::replace(&mut grants[1].shares, first);
    });
    assert_matches!(
        tampering(world.patient.vault.grants().await),
        Tampering::Misplaced { what: "share", .. }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_sealed_by_the_cloud_is_refused() {
    let world = World::start().await;
    let record = record_of(&world.patient).await;
    world.patient.share(record, &[], &world.radiologist).await;
    let attacker = world.attacker;
    alter_grants(&world.radiologist, move |grants| {
        let share = grants[0].shares[0].0.clone();
        grants[0].shares[0] = resign::<Share>(&share, &attacker, |_| {}).into();
    });
    assert_matches!(
        tampering(world.radiologist.vault.items(record).await),
        Tampering::Statement(StatementError::WrongSigner { .. })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_does_not_move_to_another_grant_or_vanish() {
    let world = World::start().await;
    let record = record_of(&world.patient).await;
    let spec = |note: &str| GrantSpec {
        note: Some(note.to_owned()),
        ..grant_spec(record, &[], world.radiologist.handle)
    };
    world.patient.vault.grant(&spec("for the heart")).await.unwrap();
    world.patient.vault.grant(&spec("for the lung")).await.unwrap();
    let changes: [fn(&mut Vec<GrantView>); 2] = [
        |grants| {
            let first = grants[0].note.clone();
            grants[0].note = std::mem::replace(&mut grants[1].note, first);
        },
        |grants| grants[0].note = None,
    ];
    for change in changes {
        world.radiologist.mallory.relent();
        alter_grants(&world.radiologist, change);
        assert_matches!(tampering(world.radiologist.vault.grants().await), Tampering::Misplaced { .. });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_grant_is_not_shown_to_its_owner_as_living() {
    let world = World::start().await;
    let record = record_of(&world.patient).await;
    let granted = world.patient.share(record, &[], &world.attacker).await[0].grant;
    world.patient.vault.revoke(&[granted]).await.unwrap();
    // The cloud would like the next epoch to be shared with the one who was locked out.
    alter_grants(&world.patient, |grants| {
        for grant in grants {
            (grant.revocation, grant.rekeyed) = (None, false);
        }
    });
    let patient = world.patient.reopen();
    assert_eq!(tampering(patient.vault.grants().await), Tampering::Revived(granted));
    assert_eq!(tampering(patient.vault.rekey_pending(&Silent).await), Tampering::Revived(granted));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_grant_is_not_hidden_from_its_owner() {
    let world = World::start().await;
    let record = record_of(&world.patient).await;
    let granted = world.patient.share(record, &[], &world.attacker).await[0].grant;
    world.patient.vault.revoke(&[granted]).await.unwrap();
    alter_grants(&world.patient, Vec::clear);
    assert_eq!(tampering(world.patient.vault.pending().await), Tampering::Revived(granted));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_device_that_has_seen_the_revocation_does_not_forget_it() {
    let world = World::start().await;
    let record = record_of(&world.patient).await;
    let granted = world.patient.share(record, &[], &world.attacker).await[0].grant;
    let second = world.patient.new_device(&world.cloud).await;
    world.patient.vault.revoke(&[granted]).await.unwrap();
    assert_eq!(second.vault.pending().await.unwrap(), 1);
    alter_grants(&second, |grants| grants.iter_mut().for_each(|grant| grant.revocation = None));
    assert_eq!(tampering(second.vault.grants().await), Tampering::Revived(granted));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_that_claims_that_re_keying_is_done_is_not_believed() {
    let world = World::start().await;
    let record = record_of(&world.patient).await;
    let granted = world.patient.share(record, &[], &world.attacker).await[0].grant;
    world.patient.vault.revoke(&[granted]).await.unwrap();
    alter_grants(&world.patient, |grants| grants.iter_mut().for_each(|grant| grant.rekeyed = true));
    assert_eq!(world.patient.vault.pending().await.unwrap(), 1);
    let state = world.patient.vault.grants().await.unwrap()[0].state;
    assert_eq!(state, GrantState::Revoked { rekeyed: false });
    let report = world.patient.vault.rekey_pending(&Silent).await.unwrap();
    assert!(report.items > 0);
    assert_eq!(world.patient.vault.pending().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_held_back_do_not_shorten_what_is_re_keyed() {
    let world = World::start().await;
    let record = record_of(&world.patient).await;
    // A first re-keying gives the attacker, who may stay, a share of epoch 1.
    let stays = world.patient.share(record, &[], &world.attacker).await[0].grant;
    let goes = world.patient.share(record, &[], &world.insurer).await[0].grant;
    world.patient.vault.revoke(&[goes]).await.unwrap();
    world.patient.vault.rekey_pending(&Silent).await.unwrap();
    alter_grants(&world.patient, move |grants| {
        let is_it = |grant: &&mut GrantView| grant.grant_id == stays.to_string();
        grants.iter_mut().filter(is_it).for_each(|grant| grant.shares.truncate(1));
    });
    world.patient.vault.revoke(&[stays]).await.unwrap();
    let report = world.patient.vault.rekey_pending(&Silent).await.unwrap();
    assert!(report.items > 0, "{report:?}");
    assert_eq!(world.patient.vault.find_record("granted").await.unwrap().epoch, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_of_another_grant_does_not_end_this_one() {
    let world = World::start().await;
    let record = record_of(&world.patient).await;
    world.patient.share(record, &[], &world.radiologist).await;
    let other = world.patient.share(record, &[], &world.radiologist).await[0].grant;
    world.patient.vault.revoke(&[other]).await.unwrap();
    alter_grants(&world.radiologist, |grants| {
        let revocation = grants.iter().find_map(|grant| grant.revocation.clone());
        grants.iter_mut().for_each(|grant| grant.revocation = revocation.clone());
    });
    assert_matches!(
        tampering(world.radiologist.vault.grants().await),
        Tampering::Misplaced { what: "revocation", .. }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_that_the_owner_did_not_sign_ends_nothing() {
    let world = World::start().await;
    let record = record_of(&world.patient).await;
    let granted = world.patient.share(record, &[], &world.radiologist).await[0].grant;
    let other = world.patient.share(record, &[], &world.insurer).await[0].grant;
    world.patient.vault.revoke(&[other]).await.unwrap();
    world.patient.vault.grants().await.unwrap();
    let views: Vec<GrantView> = world.patient.mallory.last_answer(&Method::GET, GRANTS).json();
    let real = views.iter().find_map(|view| view.revocation.clone()).unwrap();
    let mut revocation: Revocation = read(&real.0);
    revocation.grant = granted;
    let forged = impersonate::<Revocation>(&real.0, &world.attacker, |it| *it = revocation.clone());
    alter_grants(&world.radiologist, move |grants| grants[0].revocation = Some(forged.clone().into()));
    assert_matches!(
        tampering(world.radiologist.vault.grants().await),
        Tampering::Statement(StatementError::BadSignature { .. })
    );
}

type ChangeRequests = Box<dyn Fn(&mut Vec<RequestView>) + Send>;

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_answers_are_not_made_up_or_moved() {
    let world = World::start().await;
    let spec = RequestSpec {
        owner: "patient".to_owned(),
        item: None,
        powers: Powers::of([Power::Read]),
        purpose: Purpose::Diagnosis,
        until: None,
        note: "the scan, please".to_owned(),
    };
    let first = world.radiologist.vault.request(&spec).await.unwrap().request;
    world.radiologist.vault.request(&spec).await.unwrap();
    world.patient.vault.deny(first).await.unwrap();
    let attacker = world.attacker;
    let changes: [ChangeRequests; 3] = [
        Box::new(|views| {
            let answer = views.iter().find_map(|view| view.answer.clone());
            views.iter_mut().for_each(|view| view.answer = answer.clone());
        }),
        Box::new(|views| {
            let ids: Vec<String> = views.iter().rev().map(|view| view.request_id.clone()).collect();
            views.iter_mut().zip(ids).for_each(|(view, id)| view.request_id = id);
        }),
        Box::new(move |views| {
            let request: AccessRequest = read(&views[0].request.0);
            let answer =
                RequestAnswer { request: request.request, grants: vec![], answered_at: request.made_at };
            views[0].answer = Some(attacker.sign(&answer).into());
        }),
    ];
    for change in changes {
        world.radiologist.mallory.relent();
        world.radiologist.mallory.alter(REQUESTS, move |views: &mut Vec<RequestView>| change(views));
        assert_matches!(
            tampering(world.radiologist.vault.requests().await),
            Tampering::Misplaced { .. } | Tampering::Statement(_)
        );
    }
}
