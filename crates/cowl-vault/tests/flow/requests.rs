//! Requests: a reader asks, the owner answers.

use cowl_domain::{Power, Powers, Purpose};
use cowl_vault::view::RequestState;
use cowl_vault::{RequestSpec, VaultError};

use crate::assert_matches;
use crate::support::World;

fn spec(note: &str) -> RequestSpec {
    RequestSpec {
        owner: "patient".to_owned(),
        item: None,
        powers: Powers::of([Power::Read]),
        purpose: Purpose::Diagnosis,
        until: None,
        note: note.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_request_opens_what_the_owner_chose() {
    let world = World::start().await;
    let record = world.patient.vault.create_record("asked for").await.unwrap();
    let item = world.patient.add_bytes(record, "scan.txt", b"scan").await;
    let asked = world.radiologist.vault.request(&spec("the scan of May, please")).await.unwrap();
    assert_eq!(asked.state, RequestState::Open);
    assert_eq!(asked.note.as_deref(), Some("the scan of May, please"));

    let seen = world.patient.vault.requests().await.unwrap();
    assert_eq!(seen[0].note.as_deref(), Some("the scan of May, please"));
    assert_eq!((seen[0].from.as_str(), seen[0].purpose), (world.radiologist.handle, Purpose::Diagnosis));
    let grants = world.patient.vault.approve(asked.request, vec![item], record, None, None).await.unwrap();
    assert_eq!(grants.len(), 1);
    let answered = &world.radiologist.vault.requests().await.unwrap()[0];
    assert_eq!(answered.state, RequestState::Approved(vec![grants[0].grant]));
    assert_eq!(world.radiologist.get(record, item).await.unwrap(), b"scan");
    assert_matches!(
        world.patient.vault.approve(asked.request, vec![item], record, None, None).await,
        Err(VaultError::Invalid(_))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_request_opens_nothing() {
    let world = World::start().await;
    let asked = world.insurer.vault.request(&spec("everything")).await.unwrap();
    assert_matches!(world.insurer.vault.deny(asked.request).await, Err(VaultError::Invalid(_)));
    world.patient.vault.deny(asked.request).await.unwrap();
    assert_eq!(world.insurer.vault.requests().await.unwrap()[0].state, RequestState::Denied);
    assert!(world.insurer.vault.records().await.unwrap().is_empty());
    assert_matches!(world.patient.vault.deny(asked.request).await, Err(VaultError::Invalid(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_concern_those_two_only() {
    let world = World::start().await;
    let asked = world.radiologist.vault.request(&spec("between us")).await.unwrap();
    assert!(world.attacker.vault.requests().await.unwrap().is_empty());
    assert_matches!(
        world.attacker.vault.deny(asked.request).await,
        Err(VaultError::NotFound { what: "request", .. })
    );
    let own = RequestSpec { owner: world.radiologist.handle.to_owned(), ..spec("myself") };
    assert_matches!(world.radiologist.vault.request(&own).await, Err(VaultError::Invalid(_)));
}
