use super::*;

#[test]
fn a_word_with_a_typing_error_is_found() {
    let index = index_of(&["no metastasis in the left lung", "fracture of the left wrist"]);
    for query in
        ["metastatis lung", "metastsis", "metastaasis", "lugn metastasis", "metastasis", "METASTASIS"]
    {
        assert_eq!(found(&index, query), [0], "{query}");
    }
}

#[test]
fn exact_matches_rank_above_prefixes_and_those_above_typing_errors() {
    let index = index_of(&[
        "lunge",
        "lungs of a long and winding text about many other things",
        "lang",
        "lung",
        "long lung",
    ]);
    assert_eq!(found(&index, "lung "), [3, 4, 0, 2, 1]);
    let unfinished = found(&index, "lung");
    assert_eq!(&unfinished[..2], [3, 4]);
    assert_eq!(unfinished[2..4].iter().copied().collect::<std::collections::BTreeSet<_>>(), [0, 1].into());
    assert_eq!(unfinished[4], 2);
}

#[test]
fn all_words_are_wanted_if_any_document_has_them() {
    let index = index_of(&["fever cough", "fever", "cough", "rash"]);
    assert_eq!(found(&index, "fever cough "), [0]);
}

#[test]
fn without_such_a_document_more_words_are_better() {
    let index = index_of(&["fever", "fever cough", "rash", "nothing"]);
    assert_eq!(found(&index, "cough fever rash ")[0], 1);
    assert_eq!(found(&index, "cough fever rash ").len(), 3);
    assert_eq!(found(&index, "fever xylophone "), [0, 1]);
}

#[test]
fn the_last_word_may_be_unfinished_unless_a_space_ends_it() {
    let index = index_of(&["hypertension", "hyper"]);
    assert_eq!(found(&index, "hyperte"), [0]);
    assert_eq!(found(&index, "hyperte "), [] as [u8; 0]);
    assert_eq!(found(&index, "hipertens"), [0]);
}

#[test]
fn two_edits_are_forgiven_in_long_words_where_nothing_is_closer() {
    let index = index_of(&["hypotension", "amoxicillin"]);
    assert_eq!(found(&index, "amoksicillin "), [1]);
    assert_eq!(found(&index, "hypertension "), [0]);
    let index = index_of(&["hypotension", "hypertension"]);
    assert_eq!(found(&index, "hypertension "), [1], "a word that is there stands for itself");
}

#[test]
fn short_words_and_numbers_must_be_right() {
    let index = index_of(&["ct of 2024", "mr of 2025"]);
    assert_eq!(found(&index, "2023 "), [] as [u8; 0]);
    assert_eq!(found(&index, "cx "), [] as [u8; 0]);
    assert_eq!(found(&index, "2024 "), [0]);
}

#[test]
fn accents_and_case_do_not_matter_composed_or_not() {
    let index = index_of(&["LUNGENENTZÜNDUNG", "ste\u{301}atose", "Erguß"]);
    assert_eq!(found(&index, "lungenentzundung "), [0]);
    assert_eq!(found(&index, "Lungenentzu\u{308}ndung "), [0]);
    assert_eq!(found(&index, "stéatose "), [1]);
    assert_eq!(found(&index, "erguss "), [2]);
}

#[test]
fn words_of_other_scripts_are_found_with_a_typing_error() {
    let index = index_of(&["ανεπάρκεια καρδιάς", "воспаление лёгких"]);
    assert_eq!(found(&index, "воспалениэ "), [1]);
    assert_eq!(found(&index, "καρδιας "), [0]);
}

#[test]
fn titles_are_searched_like_texts() {
    let mut index = Index::new().unwrap();
    index.add(item(200), &[document(7, "knee-mr.dcm", "")]).unwrap();
    index.commit().unwrap();
    let hits = index.search("kneee", 5).unwrap();
    assert_eq!(hits[0].item, item(7));
    assert_eq!(hits[0].matched, ["knee"]);
}

#[test]
fn an_empty_index_and_an_empty_query_find_nothing() {
    assert!(Index::new().unwrap().search("fever", 10).unwrap().is_empty());
    assert!(found(&index_of(&["fever"]), " .,").is_empty());
    assert!(index_of(&["fever"]).search("fever", 0).unwrap().is_empty());
}

#[test]
fn a_document_takes_the_place_of_the_one_before() {
    let mut index = index_of(&["fever"]);
    index.add(item(201), &[document(0, "note", "cough")]).unwrap();
    index.commit().unwrap();
    assert!(found(&index, "fever ").is_empty());
    assert_eq!(found(&index, "cough "), [0]);
    assert_eq!(index.document_count(), 1);
}

#[test]
fn removed_items_segments_and_records_are_not_found() {
    let mut index = index_of(&["fever", "fever"]);
    index.add(item(201), &[document(2, "note", "fever")]).unwrap();
    let other = TextDocument { record: record(9), ..document(3, "note", "fever") };
    index.add(item(202), &[other]).unwrap();
    index.remove_item(item(0)).unwrap();
    index.remove_segment(item(201)).unwrap();
    index.remove_record(record(9)).unwrap();
    index.commit().unwrap();
    assert_eq!(found(&index, "fever"), [1]);
    assert_eq!(index.segments().collect::<Vec<_>>(), [&item(200), &item(202)]);
}

#[test]
fn changes_are_seen_after_a_commit() {
    let mut index = Index::new().unwrap();
    index.add(item(200), &[document(0, "note", "fever")]).unwrap();
    assert!(found(&index, "fever").is_empty());
    index.commit().unwrap();
    assert_eq!(found(&index, "fever"), [0]);
}

#[test]
fn a_saved_index_is_the_same_again_and_can_be_changed() {
    let mut index = index_of(&["fever", "cough"]);
    index.remove_item(item(1)).unwrap();
    let mut again = Index::load(&index.save().unwrap()).unwrap();
    assert_eq!(again.search("fevr", 5).unwrap(), index.search("fevr", 5).unwrap());
    assert!(found(&again, "cough").is_empty());
    assert_eq!(again.segments().collect::<Vec<_>>(), [&item(200)]);
    again.add(item(201), &[document(2, "note", "cough")]).unwrap();
    let third = Index::load(&again.save().unwrap()).unwrap();
    assert_eq!(found(&third, "cough"), [2]);
}

#[test]
fn many_small_changes_leave_few_files() {
    let mut index = Index::new().unwrap();
    for number in 0..100 {
        index.add(item(100), &[document(number, "note", "fever")]).unwrap();
        index.commit().unwrap();
    }
    assert_eq!(index.search("fever", 1000).unwrap().len(), 100);
    assert!(index.save().unwrap().len() < 200_000);
}

#[test]
fn a_saved_index_with_any_changed_byte_is_refused() {
    let saved = index_of(&["fever"]).save().unwrap();
    for place in [0, 15, 16, 47, 48, saved.len() / 2, saved.len() - 1] {
        let mut damaged = saved.clone();
        damaged[place] ^= 1;
        assert!(Index::load(&damaged).is_err(), "byte {place}");
    }
    assert!(Index::load(&saved[..saved.len() - 1]).is_err());
    assert!(Index::load(b"").is_err());
}

#[test]
fn words_of_a_query_that_repeat_count_once() {
    let index = index_of(&["fever", "fever fever"]);
    assert_eq!(index.search("fever fever ", 5).unwrap()[0].matched, ["fever"]);
    assert_eq!(index.search(&"fever ".repeat(1000), 5).unwrap().len(), 2);
}
