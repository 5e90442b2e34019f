//! Records and items that nobody made who may, and keys that the cloud would like things to be sealed to.

use axum::http::Method;
use cowl_api::paths::{COMMITS, ITEMS, PARTS_BATCH, RECORD, RECORDS};
use cowl_api::types::{Commit, ItemPage, ItemRow, RecordView};
use cowl_domain::{
    Epoch, Placement, Power, Powers, RecordGenesis, RecordHead, RecordId, SealingKey, Signed, StatementError,
};
use cowl_seal::XWingIdentity;
use cowl_vault::{GrantSpec, Silent, Tampering};

use crate::assert_matches;
use crate::support::forge::{impersonate, read, resign};
use crate::support::frames::alter;
use crate::support::party::grant_spec;
use crate::support::{World, tampering};

async fn one_item(world: &World) -> RecordId {
    let record = world.patient.vault.create_record("mine").await.unwrap();
    world.patient.add_bytes(record, "one.txt", b"one").await;
    record
}

/// A row for the patient's record that the attacker made with his own keys.
async fn forged_row(world: &World, record: RecordId) -> ItemRow {
    let own = world.attacker.vault.create_record("attacker's").await.unwrap();
    let item = world.attacker.add_bytes(own, "evil.txt", b"evil").await;
    world.attacker.vault.items(own).await.unwrap();
    let page: ItemPage = world.attacker.mallory.last_answer(&Method::GET, ITEMS).json();
    let mut row = page.items.into_iter().find(|row| row.item == item.to_string()).unwrap();
    row.placement = resign::<Placement>(&row.placement.0, &world.attacker, |placement| {
        placement.record = record;
        placement.epoch = 0;
    })
    .into();
    row
}

fn insert(rows: &mut Vec<ItemRow>, row: ItemRow) {
    rows.push(row);
    rows.sort_by_key(|row| row.item.parse::<cowl_domain::ItemId>().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_somebody_else_made_is_not_shown_as_the_patients() {
    let world = World::start().await;
    world.attacker.vault.create_record("injected").await.unwrap();
    world.attacker.vault.records().await.unwrap();
    let mut views: Vec<RecordView> = world.attacker.mallory.last_answer(&Method::GET, RECORDS).json();
    views[0].owner = world.patient.id().to_string();
    world.patient.mallory.alter(RECORDS, move |shown: &mut Vec<RecordView>| shown.extend(views.clone()));
    assert_matches!(
        tampering(world.patient.vault.records().await),
        Tampering::Misplaced { what: "record", .. }
    );
    assert_matches!(
        tampering(world.patient.vault.default_record().await),
        Tampering::Misplaced { what: "record", .. }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_genesis_signed_by_another_in_the_patients_name_is_refused() {
    let world = World::start().await;
    let record = one_item(&world).await;
    let attacker = world.attacker;
    world.patient.mallory.alter(RECORD, move |view: &mut RecordView| {
        view.genesis = impersonate::<RecordGenesis>(&view.genesis.0, &attacker, |_| {}).into();
    });
    assert_matches!(
        tampering(world.patient.vault.items(record).await),
        Tampering::Statement(StatementError::BadSignature { .. })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_record_of_the_same_owner_does_not_stand_in() {
    let world = World::start().await;
    let record = one_item(&world).await;
    let other = world.patient.vault.create_record("other").await.unwrap();
    world.patient.mallory.on_question(RECORD, move |question| {
        question.target = question.target.replace(&record.to_string(), &other.to_string());
        None
    });
    assert_matches!(
        tampering(world.patient.vault.items(record).await),
        Tampering::Misplaced { what: "record", .. }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_flagged_as_appended_by_somebody_without_a_grant_is_named() {
    let world = World::start().await;
    let record = one_item(&world).await;
    let row = ItemRow { appended: true, ..forged_row(&world, record).await };
    let item = row.item.parse().unwrap();
    world.patient.mallory.alter(ITEMS, move |page: &mut ItemPage| insert(&mut page.items, row.clone()));
    let by = "attacker".to_owned();
    assert_eq!(tampering(world.patient.vault.items(record).await), Tampering::Injected { item, by });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_the_cloud_calls_appended_is_not_taken_into_the_head() {
    let world = World::start().await;
    let record = one_item(&world).await;
    let powers = Powers::of([Power::Read, Power::Append]);
    let spec = GrantSpec { powers, ..grant_spec(record, &[], world.radiologist.handle) };
    world.patient.vault.grant(&spec).await.unwrap();
    let row = ItemRow { appended: true, ..forged_row(&world, record).await };
    let item = row.item.parse().unwrap();
    world.patient.mallory.forget();
    world.patient.mallory.alter(ITEMS, move |page: &mut ItemPage| insert(&mut page.items, row.clone()));
    let by = "attacker".to_owned();
    let refused = world.patient.vault.rekey_pending(&Silent).await;
    assert_eq!(tampering(refused), Tampering::Injected { item, by });
    assert!(world.patient.mallory.heard_on(&Method::POST, COMMITS).is_empty(), "no head was signed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_appended_item_whose_content_the_cloud_has_changed_is_not_taken_into_the_head() {
    let world = World::start().await;
    let record = one_item(&world).await;
    let powers = Powers::of([Power::Read, Power::Append]);
    let spec = GrantSpec { powers, ..grant_spec(record, &[], world.radiologist.handle) };
    world.patient.vault.grant(&spec).await.unwrap();
    let report = world.radiologist.add_bytes(record, "report.txt", b"no finding").await;
    world.patient.mallory.on_answer(PARTS_BATCH, |_, answer| {
        alter(answer, |frames| {
            *frames = frames.iter().map(|frame| frame.with_bytes(vec![7; frame.bytes.len()])).collect()
        });
    });
    let done = world.patient.vault.rekey_pending(&Silent).await.unwrap();
    assert_eq!(done.adopted, 0);
    let refused = done.refused.iter().find(|one| one.item == report).unwrap();
    assert!(refused.reason.contains("part 1"), "{refused:?}");
    assert_eq!(refused.by.as_str(), world.radiologist.handle);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_to_read_is_no_grant_to_append() {
    let world = World::start().await;
    let record = one_item(&world).await;
    world.patient.share(record, &[], &world.attacker).await;
    let row = ItemRow { appended: true, ..forged_row(&world, record).await };
    world.patient.mallory.alter(ITEMS, move |page: &mut ItemPage| insert(&mut page.items, row.clone()));
    assert_matches!(tampering(world.patient.vault.items(record).await), Tampering::Injected { .. });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_inserted_as_if_the_owner_had_accepted_it_does_not_fit_the_head() {
    let world = World::start().await;
    let record = one_item(&world).await;
    let row = forged_row(&world, record).await;
    world.patient.mallory.alter(ITEMS, move |page: &mut ItemPage| insert(&mut page.items, row.clone()));
    assert_eq!(tampering(world.patient.vault.items(record).await), Tampering::ItemsRoot(record));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_is_not_shown_what_the_owner_has_not_accepted() {
    let world = World::start().await;
    let record = one_item(&world).await;
    world.patient.share(record, &[], &world.radiologist).await;
    let row = ItemRow { appended: true, ..forged_row(&world, record).await };
    world.radiologist.mallory.alter(ITEMS, move |page: &mut ItemPage| insert(&mut page.items, row.clone()));
    assert_eq!(world.radiologist.names(record).await.unwrap(), ["one.txt"]);
}

/// The cloud adds an epoch whose key it has made itself.
fn add_epoch(view: &mut RecordView, sign: impl Fn(&[u8], Epoch) -> Vec<u8>) {
    let newest = view.epochs.last().unwrap().0.clone();
    let before = Signed::<Epoch>::from_bytes(&newest).unwrap().digest();
    let mut epoch: Epoch = read(&newest);
    epoch.number += 1;
    epoch.previous = Some(before);
    epoch.recipient = SealingKey::from_slice(&XWingIdentity::make().recipient().to_bytes()).unwrap();
    view.epochs.push(sign(&newest, epoch).into());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_seals_to_an_epoch_that_the_cloud_has_made() {
    let world = World::start().await;
    let record = one_item(&world).await;
    let attacker = world.attacker;
    world.patient.mallory.alter(RECORD, move |view: &mut RecordView| {
        add_epoch(view, |newest, made| {
            impersonate::<Epoch>(newest, &attacker, |epoch| *epoch = made.clone())
        });
    });
    let added = world.patient.try_add(record, "secret.txt", b"secret", &Default::default()).await;
    assert_matches!(tampering(added), Tampering::Statement(StatementError::BadSignature { what: "epoch" }));
    assert!(world.patient.mallory.heard_on(&Method::POST, COMMITS).len() == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_seals_to_an_epoch_that_somebody_else_has_signed_as_himself() {
    let world = World::start().await;
    let record = one_item(&world).await;
    let attacker = world.attacker;
    world.patient.mallory.alter(RECORD, move |view: &mut RecordView| {
        add_epoch(view, |_, epoch| attacker.sign(&epoch));
    });
    let added = world.patient.try_add(record, "secret.txt", b"secret", &Default::default()).await;
    assert_matches!(tampering(added), Tampering::Statement(StatementError::WrongSigner { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_appends_does_not_seal_to_the_clouds_epoch_either() {
    let world = World::start().await;
    let record = one_item(&world).await;
    let powers = Powers::of([Power::Read, Power::Append]);
    let spec = GrantSpec { powers, ..grant_spec(record, &[], world.radiologist.handle) };
    world.patient.vault.grant(&spec).await.unwrap();
    let attacker = world.attacker;
    world.radiologist.mallory.alter(RECORD, move |view: &mut RecordView| {
        add_epoch(view, |newest, made| {
            impersonate::<Epoch>(newest, &attacker, |epoch| *epoch = made.clone())
        });
    });
    let added = world.radiologist.try_add(record, "report.txt", b"secret", &Default::default()).await;
    assert_matches!(tampering(added), Tampering::Statement(StatementError::BadSignature { .. }));
    assert!(world.radiologist.mallory.heard_on(&Method::POST, COMMITS).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_that_the_head_does_not_name_is_refused() {
    let world = World::start().await;
    let record = one_item(&world).await;
    let patient_key = world.patient.new_device(&world.cloud).await;
    world.patient.mallory.alter(RECORD, move |view: &mut RecordView| {
        add_epoch(view, |_, epoch| patient_key.sign(&epoch));
    });
    // Even the owner's own signature does not help: the head says which epoch is the current one.
    assert_matches!(
        tampering(world.patient.vault.items(record).await),
        Tampering::RolledBack { what: "the epoch", .. }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_signed_by_somebody_else_is_refused() {
    let world = World::start().await;
    let record = one_item(&world).await;
    let attacker = world.attacker;
    world.patient.mallory.alter(RECORD, move |view: &mut RecordView| {
        view.head = resign::<RecordHead>(&view.head.0, &attacker, |head| head.sequence += 1).into();
    });
    assert_matches!(
        tampering(world.patient.vault.items(record).await),
        Tampering::Statement(StatementError::WrongSigner { .. })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_without_epochs_is_refused() {
    let world = World::start().await;
    let record = one_item(&world).await;
    world.patient.mallory.alter(RECORD, |view: &mut RecordView| view.epochs.clear());
    assert_matches!(tampering(world.patient.vault.items(record).await), Tampering::Forked(_));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_is_what_the_vault_signed() {
    let world = World::start().await;
    let record = one_item(&world).await;
    let sent: Vec<Commit> = world
        .patient
        .mallory
        .heard_on(&Method::POST, COMMITS)
        .iter()
        .map(|(question, _)| question.json())
        .collect();
    let head: RecordHead = read(&sent[0].head.as_ref().unwrap().0);
    assert_eq!((head.record, head.items), (record, sent[0].items.len() as u64));
}
