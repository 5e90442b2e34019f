//! Fuzzy search over many notes.

use std::path::Path;

use cowl_domain::ItemId;
use cowl_vault::search::{Index, TextDocument};

use super::queries::{Query, Vocabulary, recombine};
use crate::bench::notes;
use crate::bench::random::Random;
use crate::bench::row::Row;
use crate::bench::timing::{Clock, median};
use crate::failure::{Failure, Result};

pub(super) fn rows() -> Result<Vec<Row>> {
    let sources = match std::env::var_os("COWL_BENCH_NOTES") {
        Some(folder) => notes::of_folder(Path::new(&folder))?,
        None => notes::of_samples(),
    };
    let mut random = Random::new(42);
    let documents = recombine(&sources.texts, NOTES, &mut random);
    let vocabulary = Vocabulary::of(&documents);
    let index = build_and_reload(&documents).map_err(failed)?;
    let queries: Vec<Query> = (0..QUERIES).map(|_| vocabulary.query(&mut random)).collect();
    let about = format!(
        "{QUERIES} queries of two words, an edit in each, over {NOTES} notes recombined from {}, {} words",
        sources.from,
        vocabulary.len()
    );
    let mut times = times(&index, &queries)?;
    let (median, recall) = (median(&mut times), recall(&index, &queries)?);
    let row = |id: &str, what: &str, unit: &str, ours: f64| {
        Row::new(format!("vault.search.{id}"), format!("{what}; {about}"), unit, ours)
    };
    Ok(vec![
        row("median", "the best 10 with snippets", "µs", median).own_goal(1000.0),
        row("p99", "the same, 99 of 100 are faster", "µs", times[times.len() * 99 / 100]),
        row("recall", "of the notes with both words", "% found", recall).own_goal(99.0),
    ])
}

/// As after a restart of the program.
fn build_and_reload(
    documents: &[TextDocument],
) -> std::result::Result<Index, cowl_vault::search::SearchError> {
    let mut index = Index::new()?;
    for (number, segment) in (0..).zip(documents.chunks(500)) {
        index.add(ItemId::from_bytes(u128::to_be_bytes(number)), segment)?;
    }
    Index::load(&index.save()?)
}

/// Microseconds of each query.
fn times(index: &Index, queries: &[Query]) -> Result<Vec<f64>> {
    let mut times = Vec::with_capacity(queries.len());
    for query in queries {
        let (seconds, hits) = Clock::Wall.time(|| index.search(&query.typed, SHOWN));
        hits.map_err(failed)?;
        times.push(seconds * 1e6);
    }
    Ok(times)
}

/// Of all notes that hold both words as they were before the edit, how many are found, in percent.
fn recall(index: &Index, queries: &[Query]) -> Result<f64> {
    let (mut expected, mut found) = (0, 0);
    for query in queries {
        let hits = index.search(&query.typed, usize::MAX).map_err(failed)?;
        let items = hits.iter().map(|hit| hit.item).collect();
        expected += query.answers.len();
        found += query.answers.intersection(&items).count();
    }
    Ok(100.0 * found as f64 / expected.max(1) as f64)
}

fn failed(error: cowl_vault::search::SearchError) -> Failure {
    Failure::no(error.to_string())
}

const NOTES: usize = 10_000;
const QUERIES: usize = 1_000;
const SHOWN: usize = 10;
