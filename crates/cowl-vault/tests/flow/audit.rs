//! The audit log: the owner sees every access, and can prove that nobody rewrote it.

use cowl_domain::EventKind;
use cowl_vault::Silent;

use crate::support::{Party, World};

async fn kinds(party: &Party) -> Vec<EventKind> {
    party.vault.audit_events().await.unwrap().into_iter().map(|line| line.kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_sees_what_everybody_did() {
    let world = World::start().await;
    let record = world.patient.vault.create_record("watched").await.unwrap();
    let item = world.patient.add_bytes(record, "a.txt", b"a").await;
    let granted = world.patient.share(record, &[], &world.radiologist).await[0].grant;
    world.radiologist.get(record, item).await.unwrap();
    world.patient.vault.revoke(&[granted]).await.unwrap();
    world.radiologist.get(record, item).await.unwrap_err();
    world.patient.vault.rekey_pending(&Silent).await.unwrap();

    let seen = kinds(&world.patient).await;
    let expected = [
        EventKind::RecordMade,
        EventKind::ItemsAdded,
        EventKind::GrantMade,
        EventKind::ItemRead,
        EventKind::GrantRevoked,
        EventKind::EpochBegun,
        EventKind::ItemRekeyed,
        EventKind::RekeyingDone,
    ];
    let mut rest = seen.iter();
    for kind in expected {
        assert!(rest.any(|one| *one == kind), "no {kind} in its place among {seen:?}");
    }
    let lines = world.patient.vault.audit_events().await.unwrap();
    let read = lines.iter().find(|line| line.kind == EventKind::ItemRead).unwrap();
    assert_eq!(read.actor.as_ref().map(|handle| handle.as_str()), Some(world.radiologist.handle));
    assert_eq!((read.record, read.item), (Some(record), Some(item)));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_concern_their_parties_only() {
    let world = World::start().await;
    let record = world.patient.vault.create_record("private").await.unwrap();
    world.patient.add_bytes(record, "a.txt", b"a").await;
    world.patient.share(record, &[], &world.radiologist).await;
    assert!(kinds(&world.radiologist).await.contains(&EventKind::GrantMade));
    let others = world.insurer.vault.audit_events().await.unwrap();
    assert!(others.iter().all(|line| line.record.is_none()), "{others:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_proven_from_what_was_seen_before() {
    let world = World::start().await;
    let first = world.patient.vault.audit_verify().await.unwrap();
    assert_eq!(first.bindings, 4);
    world.patient.vault.create_record("one more").await.unwrap();
    let second = world.patient.reopen().vault.audit_verify().await.unwrap();
    assert_eq!(second.from, first.to);
    assert!(second.to > first.to && second.events > first.events, "{first:?} {second:?}");
    assert_eq!(second.bindings, 0, "bindings that were scanned are not scanned again");
}
