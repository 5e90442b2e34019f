//! Notes recombined from others, and queries with typing errors whose answers are known.

use std::collections::{BTreeMap, BTreeSet};

use cowl_domain::{ItemId, RecordId};
use cowl_vault::search::TextDocument;

use crate::bench::random::Random;

/// Two words with typing errors, and the notes that hold them without.
pub(super) struct Query {
    pub(super) typed: String,
    pub(super) answers: BTreeSet<ItemId>,
}

/// Words of at least four letters, and the notes that hold them.
pub(super) struct Vocabulary {
    words_of: Vec<Vec<String>>,
    notes_with: BTreeMap<String, BTreeSet<ItemId>>,
}

impl Vocabulary {
    /// That of these notes.
    pub(super) fn of(notes: &[TextDocument]) -> Self {
        let mut vocabulary = Self { words_of: Vec::new(), notes_with: BTreeMap::new() };
        for note in notes {
            let words: BTreeSet<String> = words(&note.text).collect();
            for word in &words {
                vocabulary.notes_with.entry(word.clone()).or_default().insert(note.item);
            }
            if !words.is_empty() {
                vocabulary.words_of.push(words.into_iter().collect());
            }
        }
        vocabulary
    }

    /// How many different words there are.
    pub(super) fn len(&self) -> usize {
        self.notes_with.len()
    }

    /// Two words of one note, each with one edit.
    pub(super) fn query(&self, random: &mut Random) -> Query {
        let words = random.pick(&self.words_of);
        let (first, second) = (random.pick(words), random.pick(words));
        let answers = &self.notes_with[first] & &self.notes_with[second];
        Query { typed: format!("{} {}", misspell(first, random), misspell(second, random)), answers }
    }
}

/// Notes made of random runs of lines.
pub(super) fn recombine(sources: &[String], count: usize, random: &mut Random) -> Vec<TextDocument> {
    let record = RecordId::from_bytes([1; 16]);
    let sources: Vec<Vec<&str>> = sources.iter().map(|source| source.lines().collect()).collect();
    let note = |number: usize| {
        let mut text = String::new();
        while text.len() < NOTE_SIZE {
            let lines = random.pick(&sources);
            let start = random.below(lines.len());
            text.extend(lines[start..].iter().take(8).flat_map(|line| [*line, "\n"]));
        }
        let item = ItemId::from_bytes((number as u128).to_be_bytes());
        TextDocument { item, record, title: format!("note {number}.txt"), date: None, text }
    };
    (0..count).map(note).collect()
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.len() >= 4 && word.bytes().all(|byte| byte.is_ascii_alphabetic()))
        .map(str::to_ascii_lowercase)
}

/// A substitution, insertion, deletion or transposition at a random place.
fn misspell(word: &str, random: &mut Random) -> String {
    let mut letters: Vec<u8> = word.bytes().collect();
    let place = random.below(letters.len());
    let letter = b'a' + random.below(26) as u8;
    match random.below(4) {
        0 => letters[place] = letter,
        1 => letters.insert(place, letter),
        2 => drop(letters.remove(place)),
        _ => letters.swap(place.min(word.len() - 2), place.min(word.len() - 2) + 1),
    }
    String::from_utf8(letters).expect("letters are ASCII")
}

/// Bytes of a note, about.
const NOTE_SIZE: usize = 2_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_word_is_one_edit_away() {
        let mut random = Random::new(3);
        for _ in 0..1000 {
            let typed = misspell("metastasis", &mut random);
            assert!(typed.len().abs_diff(10) <= 1, "{typed}");
        }
    }

    #[test]
    fn the_answers_to_a_query_hold_the_words_before_the_edit() {
        let mut random = Random::new(4);
        let notes = recombine(&["alpha bravo\ncharlie delta\n".to_owned()], 5, &mut random);
        let vocabulary = Vocabulary::of(&notes);
        assert_eq!((notes.len(), vocabulary.len()), (5, 4));
        assert!(!vocabulary.query(&mut random).answers.is_empty());
    }
}
