//! The passage of a document that shows why it was found.

use std::cmp::Reverse;
use std::ops::Range;

use tantivy::tokenizer::TextAnalyzer;

use super::Piece;
use super::expansion::{Closeness, Term};

/// How long a snippet is, in bytes, more or less: about two lines of a terminal.
const LENGTH: usize = 160;

/// Matches further into a document are not looked at …
const MAX_SCANNED: usize = 1 << 20;
/// … nor those after so many.
const MAX_MATCHES: usize = 1000;

/// What the words of the query stand for, to be found again in texts.
pub(super) struct Sought<'a> {
    /// Sorted by the word of the index: to which word of the query it belongs, and how close it is to that.
    terms: Vec<(&'a str, usize, Closeness)>,
    words: usize,
}

/// A word of the document that matches.
struct Match {
    place: Range<usize>,
    word: usize,
    closeness: Closeness,
}

impl<'a> Sought<'a> {
    pub(super) fn new(words: &'a [Vec<Term>]) -> Self {
        let numbered =
            words.iter().enumerate().flat_map(|(word, terms)| terms.iter().map(move |term| (word, term)));
        let mut terms: Vec<_> =
            numbered.map(|(word, term)| (term.text.as_str(), word, term.closeness)).collect();
        // A term of several words of the query counts for that which it fits best.
        terms.sort_unstable_by_key(|&(text, word, closeness)| (text, Reverse(closeness), word));
        terms.dedup_by_key(|(text, ..)| *text);
        Self { terms, words: words.len() }
    }

    fn find(&self, word: &str) -> Option<(usize, Closeness)> {
        let place = self.terms.binary_search_by_key(&word, |(text, ..)| text).ok()?;
        let (_, word, closeness) = self.terms[place];
        Some((word, closeness))
    }

    /// The snippet of a document, and for each word that was found how it is written there.
    pub(super) fn show(
        &self,
        analyzer: &mut TextAnalyzer,
        title: &str,
        text: &str,
    ) -> (Vec<Piece>, Vec<String>) {
        let in_text = self.matches(analyzer, text);
        let in_title = self.matches(analyzer, title);
        let matched = self.best_spellings(&[(title, &in_title), (text, &in_text)]);
        let window = self.best_window(&in_text);
        (pieces(text, widen(text, window), &in_text), matched)
    }

    fn matches(&self, analyzer: &mut TextAnalyzer, text: &str) -> Vec<Match> {
        let mut found = Vec::new();
        let mut words = analyzer.token_stream(&text[..text.floor_char_boundary(MAX_SCANNED)]);
        while words.advance() && found.len() < MAX_MATCHES {
            let token = words.token();
            if let Some((word, closeness)) = self.find(&token.text) {
                found.push(Match { place: token.offset_from..token.offset_to, word, closeness });
            }
        }
        found
    }

    fn best_spellings(&self, places: &[(&str, &[Match])]) -> Vec<String> {
        let mut best: Vec<Option<(Closeness, &str)>> = vec![None; self.words];
        for (text, found) in
            places.iter().flat_map(|(text, matches)| matches.iter().map(move |found| (*text, found)))
        {
            let better = best[found.word].is_none_or(|(closeness, _)| found.closeness > closeness);
            if better {
                best[found.word] = Some((found.closeness, &text[found.place.clone()]));
            }
        }
        best.into_iter().flatten().map(|(_, spelling)| spelling.to_owned()).collect()
    }

    /// From the first to the last match of the passage with the most different and closest matches.
    fn best_window(&self, matches: &[Match]) -> Range<usize> {
        let mut best = (0, 0..0);
        for (first, start) in matches.iter().enumerate() {
            let within =
                matches[first..].iter().take_while(|found| found.place.end <= start.place.start + LENGTH);
            let mut closeness = vec![0u8; self.words];
            let mut end = start.place.end;
            for found in within {
                if closeness[found.word] < found.closeness as u8 {
                    closeness[found.word] = found.closeness as u8;
                    end = found.place.end;
                }
            }
            // A word more outweighs any closeness.
            let worth: u32 = closeness
                .iter()
                .filter(|&&closeness| closeness > 0)
                .map(|&closeness| 8 + u32::from(closeness))
                .sum();
            if worth > best.0 {
                best = (worth, start.place.start..end);
            }
        }
        best.1
    }
}

/// Adds what stands around, up to [`LENGTH`], without cutting words.
fn widen(text: &str, window: Range<usize>) -> Range<usize> {
    let spare = LENGTH.saturating_sub(window.len());
    let start = text.floor_char_boundary(window.start.saturating_sub(spare / 2));
    let end = text.ceil_char_boundary((start + LENGTH).max(window.end).min(text.len()));
    let before = &text[start..window.start];
    let after = &text[window.end..end];
    let start = if start == 0 {
        0
    } else {
        before.find(char::is_whitespace).map_or(window.start, |space| start + space)
    };
    let end = if end == text.len() {
        end
    } else {
        after.rfind(char::is_whitespace).map_or(window.end, |space| window.end + space)
    };
    start..end
}

fn pieces(text: &str, window: Range<usize>, matches: &[Match]) -> Vec<Piece> {
    let mut pieces = Pieces::default();
    if window.start > 0 {
        pieces.push("… ", false);
    }
    let mut at = window.start;
    for found in
        matches.iter().filter(|found| window.start <= found.place.start && found.place.end <= window.end)
    {
        pieces.push(&text[at..found.place.start], false);
        pieces.push(&text[found.place.clone()], true);
        at = found.place.end;
    }
    pieces.push(&text[at..window.end], false);
    if window.end < text.len() {
        pieces.push(" …", false);
    }
    pieces.0
}

#[derive(Default)]
struct Pieces(Vec<Piece>);

impl Pieces {
    /// Adds text, with white space made single spaces, to the last piece if that is of the same sort.
    fn push(&mut self, text: &str, highlighted: bool) {
        for character in text.chars() {
            let character = if character.is_whitespace() || character.is_control() { ' ' } else { character };
            if character == ' ' && self.0.last().is_none_or(|piece| piece.text.ends_with(' ')) {
                continue;
            }
            match self.0.last_mut() {
                Some(piece) if piece.highlighted == highlighted => piece.text.push(character),
                _ => self.0.push(Piece { text: character.to_string(), highlighted }),
            }
        }
    }
}
