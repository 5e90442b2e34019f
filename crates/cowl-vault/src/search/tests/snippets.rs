use std::path::Path;

use proptest::prelude::*;

use super::*;

fn first(texts: &[&str], query: &str) -> Hit {
    index_of(texts).search(query, 1).unwrap().remove(0)
}

#[test]
fn the_passage_around_the_best_match_is_shown_with_its_words_lit() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/notes/ct-thorax.txt");
    let hit = first(&[&std::fs::read_to_string(path).unwrap()], "metastatis lung");
    let snippet = shown(&hit);
    assert!(snippet.contains("There is no [metastasis] in the left [lung], and no new"), "{snippet}");
    assert!(snippet.starts_with("… ") && snippet.ends_with(" …"), "{snippet}");
    assert_eq!(hit.matched, ["metastasis", "lung"]);
}

#[test]
fn a_short_text_is_shown_whole() {
    assert_eq!(shown(&first(&["High  fever\nsince\tMonday."], "feber")), "High [fever] since Monday.");
}

#[test]
fn a_passage_with_both_words_is_better_than_one_with_an_exact_match() {
    let far = "other words here ".repeat(30);
    let snippet = shown(&first(&[&format!("fever {far} fevers and cough")], "fever cough "));
    assert!(snippet.contains("[fevers] and [cough]"), "{snippet}");
}

#[test]
fn where_only_the_title_matches_the_text_begins() {
    let mut index = Index::new().unwrap();
    index.add(item(200), &[document(0, "Thorax CT", &"nothing to see ".repeat(50))]).unwrap();
    index.commit().unwrap();
    let hit = index.search("thorax", 1).unwrap().remove(0);
    assert!(shown(&hit).starts_with("nothing to see nothing"), "{}", shown(&hit));
    assert!(shown(&hit).len() < 200);
    assert_eq!(hit.matched, ["Thorax"]);
}

#[test]
fn accented_words_are_lit_as_they_are_written() {
    let hit = first(&["Verdacht auf Lungenentzu\u{308}ndung rechts"], "lungenentzündung rechts");
    assert_eq!(shown(&hit), "Verdacht auf [Lungenentzu\u{308}ndung] [rechts]");
}

#[test]
fn the_document_keeps_its_title_record_and_date() {
    let mut index = Index::new().unwrap();
    let date = Some("2026-03-12".to_owned());
    index.add(item(200), &[TextDocument { date: date.clone(), ..document(5, "a.txt", "fever") }]).unwrap();
    index.commit().unwrap();
    let hit = index.search("fever", 1).unwrap().remove(0);
    assert_eq!((hit.item, hit.record, hit.title.as_str(), hit.date), (item(5), record(1), "a.txt", date));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_text_and_query_have_an_answer(text in "[a-zäßé\u{301}日本 \n.]{0,400}", query in ".{0,30}") {
        let index = index_of(&[&text, "fever"]);
        for hit in index.search(&format!("{query} fever ä"), 5).unwrap() {
            prop_assert!(hit.snippet.iter().all(|piece| !piece.text.is_empty()));
        }
    }
}
