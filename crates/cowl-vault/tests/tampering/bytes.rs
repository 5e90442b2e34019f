//! Every byte of what the cloud hands out: changed, cut, emptied. Nothing is accepted, nothing panics, and
//! the refusal is one for tampering.

use cowl_api::Blob;
use cowl_api::paths::{GRANTS, ITEMS, PARTY, RECORD};
use cowl_api::types::{GrantView, ItemPage, ItemRow, PartyEntry, RecordView};
use cowl_domain::{ItemId, RecordId};
use cowl_vault::{GrantSpec, Result, Tampering, VaultError};

use crate::assert_matches;
use crate::support::party::grant_spec;
use crate::support::{Party, World, tampering};

/// One change of some bytes.
#[derive(Debug, Clone, Copy)]
enum Change {
    Flip(usize),
    Cut(usize),
    Empty,
    Zeros,
    Longer,
}

impl Change {
    /// Each `step`th byte flipped, and cuts at a few places.
    fn all(length: usize, step: usize) -> Vec<Self> {
        let flips = (0..length).step_by(step).map(Self::Flip);
        let cuts = [1, 2, length / 2, length - 1].map(Self::Cut);
        let rest = [Self::Empty, Self::Zeros, Self::Longer];
        flips.chain(cuts).chain(rest).collect()
    }

    fn apply(self, blob: &mut Blob) {
        match self {
            // Different bits at different places.
            Self::Flip(at) => blob.0[at] ^= 1 << (at % 8),
            Self::Cut(at) => blob.0.truncate(at),
            Self::Empty => blob.0.clear(),
            Self::Zeros => blob.0.fill(0),
            Self::Longer => blob.0.push(0),
        }
    }
}

/// A record with one item, shared with the radiologist.
async fn shared(world: &World) -> (RecordId, ItemId) {
    let record = world.patient.vault.create_record("bytes").await.unwrap();
    let options = cowl_vault::AddOptions {
        description: Some("a description".to_owned()),
        ..cowl_vault::AddOptions::default()
    };
    let item = world.patient.add_with(record, "one.bin", b"\x00one", &options).await;
    let spec =
        GrantSpec { note: Some("a note".to_owned()), ..grant_spec(record, &[], world.radiologist.handle) };
    world.patient.vault.grant(&spec).await.unwrap();
    assert_eq!(world.radiologist.names(record).await.unwrap(), ["one.bin"]);
    (record, item)
}

#[track_caller]
fn refused<T>(outcome: Result<T>, change: Change) {
    match outcome {
        Err(VaultError::Tampered(_)) => {}
        Err(other) => panic!("{change:?} was refused, but not as tampering: {other:?}"),
        Ok(_) => panic!("{change:?} was accepted"),
    }
}

/// Lists the record under every change of one blob of the answer.
async fn list_under_changes<T: serde::Serialize + serde::de::DeserializeOwned + 'static>(
    party: &Party,
    record: RecordId,
    route: &'static str,
    step: usize,
    blob: fn(&mut T) -> &mut Blob,
) {
    party.vault.items(record).await.unwrap();
    let mut original: T = party.mallory.last_answer(&axum::http::Method::GET, route).json();
    let length = blob(&mut original).0.len();
    for change in Change::all(length, step) {
        party.mallory.relent();
        party.mallory.alter(route, move |answer: &mut T| change.apply(blob(answer)));
        refused(party.vault.items(record).await, change);
    }
    party.mallory.relent();
    party.vault.items(record).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_of_a_placement_counts() {
    let world = World::start().await;
    let (record, _) = shared(&world).await;
    list_under_changes::<ItemPage>(&world.radiologist, record, ITEMS, 1, |page| &mut page.items[0].placement)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_of_a_manifest_and_its_label_counts() {
    let world = World::start().await;
    let (record, _) = shared(&world).await;
    list_under_changes::<ItemPage>(&world.radiologist, record, ITEMS, 3, |page| &mut page.items[0].manifest)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_of_a_header_counts() {
    let world = World::start().await;
    let (record, _) = shared(&world).await;
    list_under_changes::<ItemPage>(&world.radiologist, record, ITEMS, 11, |page| &mut page.items[0].header)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_of_a_record_s_head_counts() {
    let world = World::start().await;
    let (record, _) = shared(&world).await;
    list_under_changes::<RecordView>(&world.radiologist, record, RECORD, 5, |view| &mut view.head).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_of_a_record_s_genesis_counts() {
    let world = World::start().await;
    let (record, _) = shared(&world).await;
    list_under_changes::<RecordView>(&world.radiologist, record, RECORD, 1, |view| &mut view.genesis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_of_an_epoch_counts() {
    let world = World::start().await;
    let (record, _) = shared(&world).await;
    list_under_changes::<RecordView>(&world.radiologist, record, RECORD, 7, |view| &mut view.epochs[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_of_a_grant_counts() {
    let world = World::start().await;
    let (record, _) = shared(&world).await;
    list_under_changes::<Vec<GrantView>>(&world.radiologist, record, GRANTS, 1, |grants| {
        &mut grants[0].grant
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_of_a_share_counts() {
    let world = World::start().await;
    let (record, _) = shared(&world).await;
    list_under_changes::<Vec<GrantView>>(&world.radiologist, record, GRANTS, 7, |grants| {
        &mut grants[0].shares[0]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_of_a_note_counts() {
    let world = World::start().await;
    let (record, _) = shared(&world).await;
    list_under_changes::<Vec<GrantView>>(&world.radiologist, record, GRANTS, 17, |grants| {
        grants[0].note.as_mut().unwrap()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_of_a_key_binding_counts() {
    let world = World::start().await;
    world.patient.vault.party("radiologist@city-hospital").await.unwrap();
    let entry: PartyEntry = world.patient.mallory.last_answer(&axum::http::Method::GET, PARTY).json();
    for change in Change::all(entry.bindings[0].0.len(), 7) {
        world.patient.mallory.relent();
        world
            .patient
            .mallory
            .alter(PARTY, move |entry: &mut PartyEntry| change.apply(&mut entry.bindings[0]));
        refused(world.patient.vault.party("radiologist@city-hospital").await, change);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_placement_without_a_signature_is_refused() {
    let world = World::start().await;
    let (record, _) = shared(&world).await;
    let changes: [fn(&mut ItemRow); 2] = [
        // An empty signature, and one of zeros: an Ed25519 signature is the last thing in a statement.
        |row| {
            let length = row.placement.0.len();
            row.placement.0.truncate(length - 66);
            row.placement.0.push(0x40);
        },
        |row| {
            let length = row.placement.0.len();
            row.placement.0[length - 64..].fill(0);
        },
    ];
    for change in changes {
        world.radiologist.mallory.relent();
        world.radiologist.mallory.alter(ITEMS, move |page: &mut ItemPage| change(&mut page.items[0]));
        assert_matches!(tampering(world.radiologist.vault.items(record).await), Tampering::Statement(_));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_content_in_place_of_a_sealed_manifest_is_refused() {
    let world = World::start().await;
    let (record, item) = shared(&world).await;
    for garbage in
        [&b"plain"[..], b"", b"cowlbox\x01", b"cowlbox\x02 and so on, for a while, with no key at all"]
    {
        world.radiologist.mallory.relent();
        world.radiologist.mallory.alter(ITEMS, move |page: &mut ItemPage| {
            let row = page.items.iter_mut().find(|row| row.item == item.to_string()).unwrap();
            row.manifest = garbage.into();
        });
        assert_eq!(tampering(world.radiologist.vault.items(record).await), Tampering::Manifest(item));
    }
}
