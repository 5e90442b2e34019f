//! Grants: given, used, ended.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cowl_api::ProblemCode;
use cowl_domain::{ItemId, Power, Powers, Purpose, RecordId, Scope, Timestamp};
use cowl_vault::view::{Added, GrantState};
use cowl_vault::{AddOptions, GrantSpec, Silent, VaultError};

use crate::assert_matches;
use crate::support::party::grant_spec;
use crate::support::{Party, World};

async fn two_items(party: &Party) -> (RecordId, ItemId, ItemId) {
    let record = party.vault.create_record("shared").await.unwrap();
    let one = party.add_bytes(record, "one.txt", b"one").await;
    let two = party.add_bytes(record, "two.txt", b"two").await;
    (record, one, two)
}

fn in_seconds(seconds: u64) -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    Timestamp::from_millis(u64::try_from(now).unwrap() + seconds * 1000)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_on_one_item_opens_that_item_only() {
    let world = World::start().await;
    let (record, one, two) = two_items(&world.patient).await;
    let spec = GrantSpec {
        compute: None,
        purpose: Purpose::SecondOpinion,
        note: Some("the shadow on the left".to_owned()),
        ..grant_spec(record, &[one], world.radiologist.handle)
    };
    let given = world.patient.vault.grant(&spec).await.unwrap();
    assert_eq!(given.len(), 1);

    let reader = &world.radiologist;
    let seen = reader.vault.grants().await.unwrap();
    assert_eq!(seen[0].note.as_deref(), Some("the shadow on the left"));
    assert_eq!((seen[0].scope, seen[0].purpose), (Scope::Item(one), Purpose::SecondOpinion));
    assert_eq!((seen[0].owner.as_str(), seen[0].state), ("patient", GrantState::Active));
    let info = &reader.vault.records().await.unwrap()[0];
    assert_eq!((info.mine, info.name.as_deref()), (false, None), "the name is the record's readers' to know");
    assert_eq!(reader.names(record).await.unwrap(), ["one.txt"]);
    assert_eq!(reader.get(record, one).await.unwrap(), b"one");
    assert_matches!(reader.get(record, two).await, Err(VaultError::NotFound { .. } | VaultError::Refused(_)));
    let own = world.patient.vault.readers(&record, &one).await.unwrap();
    assert_eq!(own.iter().map(|info| info.grantee.as_str()).collect::<Vec<_>>(), [reader.handle]);
    assert!(world.patient.vault.readers(&record, &two).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_on_a_record_opens_what_is_added_later() {
    let world = World::start().await;
    let (record, one, _) = two_items(&world.patient).await;
    world.patient.share(record, &[], &world.insurer).await;
    assert_eq!(world.insurer.vault.find_record("shared").await.unwrap().record, record);
    assert_eq!(world.insurer.names(record).await.unwrap(), ["one.txt", "two.txt"]);
    let three = world.patient.add_bytes(record, "three.txt", b"three").await;
    assert_eq!(world.insurer.get(record, one).await.unwrap(), b"one");
    assert_eq!(world.insurer.get(record, three).await.unwrap(), b"three");
    let info = world.insurer.vault.find_item(None, "three.txt").await.unwrap();
    assert_eq!(info.sealer.as_str(), "patient");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_items_are_granted_at_once_and_found_by_the_beginning_of_their_identifiers() {
    let world = World::start().await;
    let (record, one, two) = two_items(&world.patient).await;
    let given = world.patient.share(record, &[one, two], &world.radiologist).await;
    assert_eq!(given.len(), 2);
    let first = given[0].grant;
    let found = world.radiologist.vault.find_grant(&first.to_string()[..8]).await.unwrap();
    assert_eq!(found.grant, first);
    assert_eq!(world.radiologist.names(record).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_may_append_puts_reports_in_that_the_owner_sees() {
    let world = World::start().await;
    let (record, ..) = two_items(&world.patient).await;
    let powers = Powers::of([Power::Read, Power::Append]);
    let spec = GrantSpec { powers, ..grant_spec(record, &[], world.radiologist.handle) };
    world.patient.vault.grant(&spec).await.unwrap();
    let report = world.radiologist.add_bytes(record, "report.txt", b"no finding").await;
    let info = world.patient.vault.find_item(Some(record), "report.txt").await.unwrap();
    assert_eq!((info.item, info.sealer.as_str()), (report, world.radiologist.handle));
    assert_eq!(world.patient.get(record, report).await.unwrap(), b"no finding");
    assert_eq!(world.radiologist.get(record, report).await.unwrap(), b"no finding");
    // The owner goes on adding meanwhile.
    let four = world.patient.add_bytes(record, "four.txt", b"four").await;
    assert_eq!(world.radiologist.get(record, four).await.unwrap(), b"four");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_read_may_neither_append_nor_share_nor_revoke() {
    let world = World::start().await;
    let (record, one, _) = two_items(&world.patient).await;
    let given = world.patient.share(record, &[], &world.radiologist).await[0].grant;
    let added = world.radiologist.try_add(record, "x", b"x", &AddOptions::default()).await;
    assert_matches!(added, Err(VaultError::Invalid(_)));
    let shared = world.radiologist.vault.grant(&grant_spec(record, &[one], "insurer")).await;
    assert_matches!(shared, Err(VaultError::Invalid(_)));
    assert_matches!(world.radiologist.vault.revoke(&[given]).await, Err(VaultError::Invalid(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn grants_that_make_no_sense_are_refused_before_anything_is_sent() {
    let world = World::start().await;
    let (record, one, _) = two_items(&world.patient).await;
    let good = grant_spec(record, &[one], "insurer");
    let bad = [
        GrantSpec { powers: Powers::default(), ..good.clone() },
        GrantSpec { powers: Powers::of([Power::Append]), ..good.clone() },
        GrantSpec { expires_at: Some(Timestamp::from_millis(1)), ..good.clone() },
    ];
    for spec in bad {
        assert_matches!(world.patient.vault.grant(&spec).await, Err(VaultError::Invalid(_)));
    }
    let nobody = GrantSpec { grantee: "nobody".to_owned(), ..good.clone() };
    assert_matches!(
        world.patient.vault.grant(&nobody).await,
        Err(VaultError::NotFound { what: "party", .. })
    );
    let gone = GrantSpec { items: vec![ItemId::from_bytes([9; 16])], ..good };
    assert_matches!(world.patient.vault.grant(&gone).await, Err(VaultError::NotFound { what: "item", .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_grant_opens_nothing_from_that_moment_on() {
    let world = World::start().await;
    let (record, one, _) = two_items(&world.patient).await;
    let given = world.patient.share(record, &[], &world.radiologist).await[0].grant;
    assert_eq!(world.radiologist.get(record, one).await.unwrap(), b"one");
    world.patient.vault.revoke(&[given]).await.unwrap();
    assert_matches!(
        world.radiologist.get(record, one).await,
        Err(VaultError::NotFound { what: "record", .. })
    );
    assert_matches!(world.radiologist.vault.items(record).await, Err(VaultError::NotFound { .. }));
    assert!(world.radiologist.vault.records().await.unwrap().is_empty());
    let seen = world.radiologist.vault.grants().await.unwrap();
    assert_matches!(seen[0].state, GrantState::Revoked { .. });
    // Taking it back once more changes nothing.
    world.patient.vault.revoke(&[given]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_grant_opens_nothing_and_is_re_keyed_like_a_revoked_one() {
    let world = World::start().await;
    let (record, one, _) = two_items(&world.patient).await;
    let spec = GrantSpec { expires_at: Some(in_seconds(2)), ..grant_spec(record, &[], "insurer") };
    world.patient.vault.grant(&spec).await.unwrap();
    assert_eq!(world.insurer.get(record, one).await.unwrap(), b"one");
    assert_eq!(world.patient.vault.pending().await.unwrap(), 0);
    while world.patient.vault.pending().await.unwrap() == 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_matches!(world.insurer.get(record, one).await, Err(VaultError::NotFound { .. }));
    let report = world.patient.vault.rekey_pending(&Silent).await.unwrap();
    assert!(report.grants == 1 && report.items >= 2, "{report:?}");
    let state = world.patient.vault.grants().await.unwrap()[0].state;
    assert_eq!(state, GrantState::Expired { rekeyed: true });
    assert_eq!(world.patient.get(record, one).await.unwrap(), b"one");
}

#[tokio::test(flavor = "multi_thread")]
async fn not_there_and_not_yours_get_the_same_answer() {
    let world = World::start().await;
    let (record, one, _) = two_items(&world.patient).await;
    let (no_record, no_item) = (RecordId::from_bytes([7; 16]), ItemId::from_bytes([7; 16]));
    let vault = &world.attacker.vault;
    let without_ids = |error: VaultError| {
        let ids = [record.to_string(), one.to_string(), no_record.to_string(), no_item.to_string()];
        ids.iter().fold(format!("{error:?}"), |text, id| text.replace(id, "ID"))
    };
    let listed = async |record| without_ids(vault.items(record).await.unwrap_err());
    assert_eq!(listed(record).await, listed(no_record).await);
    let opened = async |record, item| without_ids(world.attacker.get(record, item).await.unwrap_err());
    assert_eq!(opened(record, one).await, opened(no_record, no_item).await);
    let added = async |record| {
        let outcome = world.attacker.try_add(record, "x", b"x", &AddOptions::default()).await;
        without_ids(outcome.unwrap_err())
    };
    assert_eq!(added(record).await, added(no_record).await);
    let granted = async |record| {
        let spec = grant_spec(record, &[], "insurer");
        without_ids(vault.grant(&spec).await.unwrap_err())
    };
    assert_eq!(granted(record).await, granted(no_record).await);

    // The same over the wire, below what the vault makes of it.
    let answers = world.attacker.mallory.heard();
    let problems: Vec<_> = answers
        .iter()
        .filter(|(question, _)| question.names(&record) || question.names(&no_record))
        .map(|(_, answer)| (answer.status, answer.body.clone()))
        .collect();
    assert!(problems.len() >= 6 && problems.windows(2).all(|pair| pair[0] == pair[1]));
    let problem: cowl_api::Problem = serde_json::from_slice(&problems[0].1).unwrap();
    assert_eq!(problem.code, ProblemCode::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_several_patients_grants_is_seen_by_their_physician() {
    let world = World::start().await;
    let (record, one, _) = two_items(&world.patient).await;
    let (other, three, _) = two_items(&world.insurer).await;
    world.patient.share(record, &[], &world.radiologist).await;
    world.insurer.share(other, &[three], &world.radiologist).await;
    let records = world.radiologist.vault.records().await.unwrap();
    let owners: Vec<&str> = records.iter().map(|info| info.owner.as_str()).collect();
    assert_eq!(owners, ["insurer", "patient"]);
    assert_eq!(world.radiologist.get(record, one).await.unwrap(), b"one");
    assert_eq!(world.radiologist.get(other, three).await.unwrap(), b"one");
    assert_matches!(world.radiologist.vault.find_item(None, "one.txt").await, Err(VaultError::Invalid(_)));
    let report = world.patient.try_add(record, "one.txt", b"one", &AddOptions::default()).await.unwrap();
    assert_eq!(report.files[0].1, Added::Unchanged(one));
}
