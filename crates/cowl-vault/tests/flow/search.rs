//! Search over own and granted items, words misspelt or not.

use axum::http::Method;
use cowl_api::paths::ITEMS;
use cowl_api::types::ItemPage;
use cowl_domain::{ItemId, Power, Powers, RecordId};
use cowl_vault::view::SearchHit;
use cowl_vault::{AddOptions, GrantSpec, Silent, Source};

use crate::support::party::grant_spec;
use crate::support::{Party, World};

async fn titles(party: &Party, query: &str) -> Vec<String> {
    party.vault.search(query, 10).await.unwrap().into_iter().map(|hit| hit.title).collect()
}

/// A record with three notes.
async fn notes(party: &Party) -> cowl_domain::RecordId {
    let record = party.vault.create_record("notes").await.unwrap();
    for (name, text) in [
        ("lung.txt", "No sign of metastasis in the left lung."),
        ("knee.md", "# Knee\nThe meniscus is torn."),
        ("heart.html", "<p>Atrial fibrillation, known since 2011.</p>"),
    ] {
        party.add_bytes(record, name, text.as_bytes()).await;
    }
    record
}

#[tokio::test(flavor = "multi_thread")]
async fn misspelt_words_find_what_was_meant_with_a_snippet() {
    let world = World::start().await;
    notes(&world.patient).await;
    let hits: Vec<SearchHit> = world.patient.vault.search("metastatis lung", 10).await.unwrap();
    assert!(hits[0].title.starts_with("lung.txt"), "{hits:?}");
    let marked: Vec<&str> =
        hits[0].snippet.iter().filter(|(_, marked)| *marked).map(|(text, _)| text.as_str()).collect();
    assert!(marked.iter().any(|word| word.contains("metastasis")), "{hits:?}");
    assert_eq!(titles(&world.patient, "fibrilation").await, ["heart.html"]);
    assert!(titles(&world.patient, "appendix").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn descriptions_are_searched_and_removed_items_are_not_found() {
    let world = World::start().await;
    let record = world.patient.vault.create_record("notes").await.unwrap();
    let options =
        AddOptions { description: Some("angiogram of the carotid".to_owned()), ..AddOptions::default() };
    let item = world.patient.add_with(record, "a.bin", &[0, 1, 2, 3], &options).await;
    assert_eq!(titles(&world.patient, "carotid").await.len(), 1);
    world.patient.vault.remove(record, &[item]).await.unwrap();
    assert!(titles(&world.patient, "carotid").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_finds_what_was_granted_and_nothing_after_revocation() {
    let world = World::start().await;
    let record = notes(&world.patient).await;
    let items = world.patient.vault.items(record).await.unwrap();
    let knee = items.iter().find(|info| info.label.name == "knee.md").unwrap().item;
    let whole = world.patient.share(record, &[], &world.radiologist).await[0].grant;
    let single = world.patient.share(record, &[knee], &world.insurer).await[0].grant;

    assert_eq!(titles(&world.radiologist, "metastasis").await, ["lung.txt"]);
    assert_eq!(titles(&world.insurer, "meniscus").await, ["knee.md"]);
    assert!(titles(&world.insurer, "metastasis").await.is_empty());
    world.patient.add_bytes(record, "late.txt", b"cholecystitis").await;
    assert_eq!(titles(&world.radiologist, "cholecystitis").await, ["late.txt"]);

    world.patient.vault.revoke(&[whole, single]).await.unwrap();
    for (party, word) in [(world.radiologist, "metastasis"), (world.insurer, "meniscus")] {
        assert!(titles(&party, word).await.is_empty(), "{word}");
        assert!(titles(&party.reopen(), word).await.is_empty(), "{word}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_device_builds_its_own_index_from_the_sealed_segments() {
    let world = World::start().await;
    notes(&world.patient).await;
    let second = world.patient.new_device(&world.cloud).await;
    assert_eq!(titles(&second, "meniscus").await, ["knee.md"]);
    // And keeps it: sealed, the words are not in the file.
    let saved = std::fs::read(second.device.path().join("index.sealed")).unwrap();
    assert!(!saved.windows(8).any(|window| window == b"meniscus"));
}

/// Whatever the record's search segments say: each item with its text.
async fn sealed_texts(party: &Party, record: RecordId) -> Vec<(ItemId, String)> {
    let shown: Vec<ItemId> =
        party.vault.items(record).await.unwrap().into_iter().map(|info| info.item).collect();
    let page: ItemPage = party.mallory.last_answer(&Method::GET, ITEMS).json();
    let rows = page.items.iter().map(|row| row.item.parse().unwrap());
    let mut texts = Vec::new();
    for item in rows.filter(|item| !shown.contains(item)) {
        let content = party.get(record, item).await.unwrap();
        let documents = cowl_vault::search::segment::decode(&content).unwrap();
        texts.extend(documents.into_iter().map(|document| (document.item, document.text)));
    }
    texts
}

#[tokio::test(flavor = "multi_thread")]
async fn the_text_of_a_removed_item_leaves_the_sealed_segments_with_it() {
    let world = World::start().await;
    let record = world.patient.vault.create_record("notes").await.unwrap();
    let note = |name: &str, text: &str| Source::bytes(name, text.as_bytes().to_vec());
    let sources =
        vec![note("lung.txt", "metastasis"), note("knee.txt", "meniscus"), note("ear.txt", "otitis")];
    world.patient.vault.add(record, sources, &AddOptions::default(), &Silent).await.unwrap();
    let find = async |name| world.patient.vault.find_item(Some(record), name).await.unwrap().item;
    let (lung, knee) = (find("lung.txt").await, find("knee.txt").await);
    assert_eq!(sealed_texts(&world.patient, record).await.len(), 3);

    world.patient.vault.remove(record, &[lung]).await.unwrap();
    let left = sealed_texts(&world.patient, record).await;
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|(item, text)| *item != lung && text != "metastasis"), "{left:?}");

    // An item that is replaced takes its text with it as well.
    let replace = AddOptions { replace: true, ..AddOptions::default() };
    world.patient.add_with(record, "knee.txt", b"ligament", &replace).await;
    let left = sealed_texts(&world.patient, record).await;
    assert!(left.len() == 2 && left.iter().all(|(item, _)| *item != knee), "{left:?}");

    let second = world.patient.new_device(&world.cloud).await;
    for device in [&world.patient, &second] {
        assert_eq!(titles(device, "ligament").await, ["knee.txt"]);
        assert_eq!(titles(device, "otitis").await, ["ear.txt"]);
        assert!(titles(device, "metastasis").await.is_empty() && titles(device, "meniscus").await.is_empty());
    }
    let last: Vec<ItemId> =
        world.patient.vault.items(record).await.unwrap().into_iter().map(|info| info.item).collect();
    world.patient.vault.remove(record, &last).await.unwrap();
    assert!(sealed_texts(&world.patient, record).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_segments_become_one_and_nothing_is_forgotten() {
    let world = World::start().await;
    let record = world.patient.vault.create_record("notes").await.unwrap();
    for letter in 'a'..='z' {
        let word = letter.to_string().repeat(8);
        world.patient.add_bytes(record, &format!("{letter}.txt"), word.as_bytes()).await;
    }
    let items = world.patient.vault.items(record).await.unwrap();
    let page: ItemPage = world.patient.mallory.last_answer(&Method::GET, ITEMS).json();
    let segments = page.items.len() - items.len();
    assert!(segments < 5, "{segments} segments");
    let mut texts = sealed_texts(&world.patient, record).await;
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), 26);
    let second = world.patient.new_device(&world.cloud).await;
    assert_eq!(titles(&second, "cccccccc").await, ["c.txt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_that_others_sealed_stay_and_go_with_their_items() {
    let world = World::start().await;
    let record = notes(&world.patient).await;
    let powers = Powers::of([Power::Read, Power::Append]);
    let spec = GrantSpec { powers, ..grant_spec(record, &[], world.radiologist.handle) };
    world.patient.vault.grant(&spec).await.unwrap();
    world.radiologist.add_bytes(record, "report.txt", b"sarcoidosis").await;
    world.patient.vault.rekey_pending(&Silent).await.unwrap();
    assert_eq!(titles(&world.patient, "sarcoidosis").await, ["report.txt"]);
    // The owner's segments speak of all items, and go on doing so after they were written anew.
    let report = world.patient.vault.find_item(Some(record), "report.txt").await.unwrap().item;
    let lung = world.patient.vault.find_item(Some(record), "lung.txt").await.unwrap().item;
    world.patient.vault.remove(record, &[lung]).await.unwrap();
    assert_eq!(titles(&world.radiologist, "sarcoidosis").await, ["report.txt"]);
    world.patient.vault.remove(record, &[report]).await.unwrap();
    assert!(titles(&world.radiologist, "sarcoidosis").await.is_empty());
    assert!(sealed_texts(&world.patient, record).await.iter().all(|(item, _)| *item != report));
}
