//! Search over own and granted items, words misspelt or not.

use cowl_vault::AddOptions;
use cowl_vault::view::SearchHit;

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
