//! Which words of the index a word of the query stands for.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, LazyLock};

use levenshtein_automata::{DFA, Distance, LevenshteinAutomatonBuilder, SINK_STATE};
use tantivy::InvertedIndexReader;
use tantivy::postings::TermInfo;
use tantivy_fst::Automaton;

/// How a word of the index relates to the word of the query, best last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Closeness {
    /// Two edits away.
    TwoEdits = 1,
    /// One edit away, or begins like it but for one edit.
    OneEdit = 2,
    /// Begins with it.
    Prefix = 3,
    /// The same.
    Exact = 4,
}

/// A word of the index.
#[derive(Debug)]
pub(super) struct Term {
    pub(super) text: String,
    pub(super) closeness: Closeness,
    /// Where its postings are: number of the engine's segment, and place there.
    pub(super) postings: Vec<(usize, TermInfo)>,
}

impl Term {
    /// How many documents contain it.
    pub(super) fn document_count(&self) -> u64 {
        self.postings.iter().map(|(_, info)| u64::from(info.doc_freq)).sum()
    }
}

/// A word may stand for so many; the closest and most frequent are kept.
const MAX_TERMS: usize = 256;

/// Words from this many letters on are also looked for with one edit …
const LETTERS_FOR_ONE_EDIT: usize = 4;
/// … and if not even that finds any, from this many on with two.
const LETTERS_FOR_TWO_EDITS: usize = 8;
const LETTERS_FOR_PREFIX: usize = 2;

/// The words that `word` stands for; `unfinished` when more letters may follow.
pub(super) fn expand(
    word: &str,
    unfinished: bool,
    indexes: &[Arc<InvertedIndexReader>],
) -> io::Result<Vec<Term>> {
    let mut found = Found { indexes, terms: HashMap::new() };
    let letters = word.chars().count();
    // Another number is another number, not a typing error.
    let editable = !word.chars().any(char::is_numeric);
    found.exact(word)?;
    let known = !found.terms.is_empty();
    if unfinished && letters >= LETTERS_FOR_PREFIX {
        found.prefix(word)?;
    }
    // A letter short of a word of four: only if it is no word itself.
    if editable && (letters >= LETTERS_FOR_ONE_EDIT || (letters + 1 == LETTERS_FOR_ONE_EDIT && !known)) {
        found.matching(ONE_EDIT.build_dfa(word))?;
    }
    if editable && found.terms.is_empty() && letters >= LETTERS_FOR_ONE_EDIT {
        found.last_resort(word, letters, unfinished)?;
    }
    Ok(found.best())
}

static ONE_EDIT: LazyLock<LevenshteinAutomatonBuilder> =
    LazyLock::new(|| LevenshteinAutomatonBuilder::new(1, true));
static TWO_EDITS: LazyLock<LevenshteinAutomatonBuilder> =
    LazyLock::new(|| LevenshteinAutomatonBuilder::new(2, true));

struct Found<'a> {
    indexes: &'a [Arc<InvertedIndexReader>],
    terms: HashMap<String, Term>,
}

impl Found<'_> {
    fn exact(&mut self, word: &str) -> io::Result<()> {
        for (number, index) in self.indexes.iter().enumerate() {
            if let Some(info) = index.terms().get(word)? {
                self.note(word.as_bytes(), Closeness::Exact, number, info);
            }
        }
        Ok(())
    }

    fn prefix(&mut self, word: &str) -> io::Result<()> {
        for (number, index) in self.indexes.iter().enumerate() {
            // No UTF-8 text contains the byte FF: all that begin with the word sort before this.
            let end = [word.as_bytes(), &[0xff]].concat();
            let mut terms = index.terms().range().gt(word).lt(end).into_stream()?;
            while let Some((text, info)) = terms.next() {
                self.note(text, Closeness::Prefix, number, info.clone());
            }
        }
        Ok(())
    }

    fn matching(&mut self, automaton: DFA) -> io::Result<()> {
        let automaton = Edits(automaton);
        for (number, index) in self.indexes.iter().enumerate() {
            let mut terms = index.terms().search(&automaton).into_stream()?;
            while let Some((text, info)) = terms.next() {
                let closeness = match automaton.0.eval(text) {
                    Distance::Exact(0) => continue,
                    Distance::Exact(1) => Closeness::OneEdit,
                    _ => Closeness::TwoEdits,
                };
                self.note(text, closeness, number, info.clone());
            }
        }
        Ok(())
    }

    /// Nothing is close: two edits, or one in the beginning of a longer word.
    fn last_resort(&mut self, word: &str, letters: usize, unfinished: bool) -> io::Result<()> {
        if unfinished {
            self.matching(ONE_EDIT.build_prefix_dfa(word))?;
        }
        if self.terms.is_empty() && letters >= LETTERS_FOR_TWO_EDITS {
            self.matching(TWO_EDITS.build_dfa(word))?;
        }
        Ok(())
    }

    fn note(&mut self, text: &[u8], closeness: Closeness, number: usize, info: TermInfo) {
        let Ok(text) = std::str::from_utf8(text) else { return };
        match self.terms.get_mut(text) {
            // Found before in this segment, with a better closeness.
            Some(term) if term.postings.iter().any(|(noted, _)| *noted == number) => {}
            Some(term) => term.postings.push((number, info)),
            None => {
                let term = Term { text: text.to_owned(), closeness, postings: vec![(number, info)] };
                self.terms.insert(text.to_owned(), term);
            }
        }
    }

    fn best(self) -> Vec<Term> {
        let mut terms: Vec<Term> = self.terms.into_values().collect();
        let rank = |term: &Term| (term.closeness, term.document_count());
        terms.sort_unstable_by(|a, b| rank(b).cmp(&rank(a)).then_with(|| a.text.cmp(&b.text)));
        terms.truncate(MAX_TERMS);
        terms
    }
}

/// A Levenshtein automaton as the engine's dictionary takes it.
struct Edits(DFA);

impl Automaton for &Edits {
    type State = u32;

    fn start(&self) -> u32 {
        self.0.initial_state()
    }

    fn is_match(&self, state: &u32) -> bool {
        matches!(self.0.distance(*state), Distance::Exact(_))
    }

    fn can_match(&self, state: &u32) -> bool {
        *state != SINK_STATE
    }

    fn accept(&self, state: &u32, byte: u8) -> u32 {
        self.0.transition(*state, byte)
    }
}
