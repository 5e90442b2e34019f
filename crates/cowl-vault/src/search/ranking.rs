//! Orders documents: more of the words first, then closer matches, then BM25.
//!
//! The engine's own queries score each spelling of a word by its own rarity, which puts rare misspellings
//! first. Here all that a word stands for counts as that word.

use std::cmp::Reverse;
use std::sync::Arc;

use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::TermInfo;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocAddress, InvertedIndexReader, Searcher};

use super::expansion::Term;

/// A document that contains at least one of the words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ranked {
    pub(super) address: DocAddress,
    total: Total,
}

impl Ranked {
    /// Sum of BM25 over the words.
    pub(super) fn score(&self) -> f32 {
        self.total.score
    }
}

/// The best `limit` documents for words that stand for these terms. Documents with only some of the words
/// are among them only if none has all.
pub(super) fn rank(
    searcher: &Searcher,
    field: Field,
    indexes: &[Arc<InvertedIndexReader>],
    words: &[Vec<Term>],
    limit: usize,
) -> tantivy::Result<Vec<Ranked>> {
    let statistics = Statistics::of(searcher, indexes);
    let mut totals = Vec::with_capacity(indexes.len());
    for (number, segment) in searcher.segment_readers().iter().enumerate() {
        let lengths = segment.get_fieldnorms_reader(field)?;
        let mut scores = Scores::new(segment.max_doc(), &statistics, &lengths);
        for terms in words {
            scores.word(number, &indexes[number], terms)?;
        }
        totals.push(scores.totals);
    }
    Ok(best(collect(searcher, &totals, words.len() as u32), limit))
}

/// The documents with all words; if there are none, those with any.
fn collect(searcher: &Searcher, totals: &[Vec<Total>], words: u32) -> Vec<Ranked> {
    let with_at_least = |least: u32| {
        let segments = (0..).zip(searcher.segment_readers()).zip(totals);
        let documents = segments.flat_map(move |((number, segment), totals)| {
            let found = (0..).zip(totals).filter(move |(_, total)| total.words >= least);
            let alive = found.filter(|(document, _)| !segment.is_deleted(*document));
            alive.map(move |(document, &total)| Ranked { address: DocAddress::new(number, document), total })
        });
        documents.collect::<Vec<_>>()
    };
    let complete = with_at_least(words.max(1));
    if complete.is_empty() { with_at_least(1) } else { complete }
}

fn best(mut ranked: Vec<Ranked>, limit: usize) -> Vec<Ranked> {
    let order = |a: &Ranked, b: &Ranked| {
        let key = |document: &Ranked| Reverse((document.total.words, document.total.closeness));
        key(a).cmp(&key(b)).then(b.total.score.total_cmp(&a.total.score)).then(a.address.cmp(&b.address))
    };
    if limit < ranked.len() {
        ranked.select_nth_unstable_by(limit, order);
        ranked.truncate(limit);
    }
    ranked.sort_unstable_by(order);
    ranked
}

/// What BM25 needs to know of all documents.
struct Statistics {
    documents: u64,
    average_length: f32,
}

impl Statistics {
    fn of(searcher: &Searcher, indexes: &[Arc<InvertedIndexReader>]) -> Self {
        let documents: u64 =
            searcher.segment_readers().iter().map(|segment| u64::from(segment.max_doc())).sum();
        let words: u64 = indexes.iter().map(|index| index.total_num_tokens()).sum();
        Self { documents, average_length: (words as f32 / documents.max(1) as f32).max(1.0) }
    }

    /// How much a word tells, given how many documents contain the most frequent of its terms.
    fn inverse_document_frequency(&self, terms: &[Term]) -> f32 {
        let containing = terms.iter().map(Term::document_count).max().unwrap_or(0) as f32;
        ((self.documents as f32 - containing + 0.5) / (containing + 0.5)).ln_1p()
    }
}

/// BM25's parameters as everybody has them.
const SATURATION: f32 = 1.2;
const LENGTH_WEIGHT: f32 = 0.75;

/// Scores of one segment's documents.
struct Scores<'a> {
    statistics: &'a Statistics,
    lengths: &'a FieldNormReader,
    /// The term of BM25 that grows with a document's length, by the code under which the engine keeps lengths.
    length_terms: [f32; 256],
    /// For the word at hand: closeness of the best match, plus its saturated frequency, which is below one.
    match_of_word: Vec<f32>,
    totals: Vec<Total>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Total {
    score: f32,
    words: u32,
    closeness: u32,
}

impl<'a> Scores<'a> {
    fn new(documents: u32, statistics: &'a Statistics, lengths: &'a FieldNormReader) -> Self {
        let length_terms = std::array::from_fn(|code| {
            let length = FieldNormReader::id_to_fieldnorm(code as u8) as f32 / statistics.average_length;
            SATURATION * (1.0 - LENGTH_WEIGHT + LENGTH_WEIGHT * length)
        });
        let documents = documents as usize;
        let (match_of_word, totals) = (vec![0.0; documents], vec![Total::default(); documents]);
        Self { statistics, lengths, length_terms, match_of_word, totals }
    }

    fn word(&mut self, segment: usize, index: &InvertedIndexReader, terms: &[Term]) -> tantivy::Result<()> {
        self.match_of_word.fill(0.0);
        for term in terms {
            for (_, place) in term.postings.iter().filter(|(number, _)| *number == segment) {
                self.term(index, place, f32::from(term.closeness as u8))?;
            }
        }
        let weight = self.statistics.inverse_document_frequency(terms);
        for (total, &found) in self.totals.iter_mut().zip(&self.match_of_word) {
            if found > 0.0 {
                total.words += 1;
                let closeness = found as u8;
                total.closeness += u32::from(closeness);
                total.score += weight * (found - f32::from(closeness));
            }
        }
        Ok(())
    }

    fn term(&mut self, index: &InvertedIndexReader, place: &TermInfo, closeness: f32) -> tantivy::Result<()> {
        let mut postings = index.read_block_postings_from_terminfo(place, IndexRecordOption::WithFreqs)?;
        while !postings.docs().is_empty() {
            for (&document, &frequency) in postings.docs().iter().zip(postings.freqs()) {
                let frequency = frequency as f32;
                let length_term = self.length_terms[usize::from(self.lengths.fieldnorm_id(document))];
                let found = closeness + (frequency / (frequency + length_term)).min(0.999);
                let best = &mut self.match_of_word[document as usize];
                *best = best.max(found);
            }
            postings.advance();
        }
        Ok(())
    }
}
