//! Splits text into words, the same way for documents, queries and snippets.
//!
//! A word is a run of letters and digits of any script, in lower case and without accents: "Ödème" is
//! "odeme". There is no stemming, since one record may hold several languages; typing tolerance and
//! prefixes find most inflected forms. Scripts without spaces between words are not split.

use std::str::CharIndices;

use tantivy::tokenizer::{AsciiFoldingFilter, TextAnalyzer, Token, TokenStream, Tokenizer};

/// Longer runs, in bytes, are no words that somebody searches for.
const LONGEST_WORD: usize = 64;

/// The analyzer that makes words; its tokens carry their places in the text.
pub(super) fn analyzer() -> TextAnalyzer {
    TextAnalyzer::builder(Words::default()).filter(AsciiFoldingFilter).build()
}

#[derive(Clone, Default)]
struct Words {
    token: Token,
}

impl Tokenizer for Words {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        self.token.reset();
        WordStream { text, characters: text.char_indices(), token: &mut self.token }
    }
}

struct WordStream<'a> {
    text: &'a str,
    characters: CharIndices<'a>,
    token: &'a mut Token,
}

impl WordStream<'_> {
    /// Reads on to the end of the word that began with the last character; returns where it ends.
    fn read_word(&mut self) -> usize {
        for (position, character) in self.characters.by_ref() {
            if character.is_ascii_alphanumeric() {
                self.token.text.push(character.to_ascii_lowercase());
            } else if character.is_alphanumeric() {
                push_lower(&mut self.token.text, character);
            } else if !is_silent(character) {
                return position;
            }
        }
        self.text.len()
    }
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        while let Some((start, first)) = self.characters.next() {
            if !first.is_alphanumeric() {
                continue;
            }
            self.token.text.clear();
            push_lower(&mut self.token.text, first);
            let end = self.read_word();
            if end - start <= LONGEST_WORD {
                self.token.position = self.token.position.wrapping_add(1);
                self.token.offset_from = start;
                self.token.offset_to = end;
                return true;
            }
        }
        false
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

fn push_lower(word: &mut String, character: char) {
    if character.is_ascii() {
        word.push(character.to_ascii_lowercase());
    } else {
        word.extend(character.to_lowercase().filter(|&lower| !is_silent(lower)));
    }
}

/// Combining accents, as decomposed text has them; soft hyphens and joiners within words.
fn is_silent(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{200c}' | '\u{200d}')
}
