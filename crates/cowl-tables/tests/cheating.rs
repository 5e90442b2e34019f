//! Clouds that cheat, and askers that try to single patients out: each meets a refusal by name.
#![allow(clippy::unwrap_used, reason = "a test may stop at what it does not expect")]

#[allow(dead_code, reason = "each test file uses a part")]
mod sealed;

use std::collections::BTreeSet;

use cowl_paillier::{Ciphertexts, Plaintext, PublicKey, encrypt_textbook};
use cowl_query::parquet::TableFile;
use cowl_query::{
    Answer, Catalog, CiphertextPages, EngineLimits, GrantedTable, Group, Query, Released, SelectionEngine,
    SqliteEngine, encrypted_sums,
};
use cowl_tables::coding::LayoutChoice;
use cowl_tables::layout::LayoutError;
use cowl_tables::{CohortError, CohortLedger, OpenError, Opener, TagError};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealed::{Sealed, answer, prepared, seal, set};

const ROWS: usize = 60;
const FROZEN: &str = "../../vectors/query/stays.parquet";

fn table() -> Sealed {
    seal(&prepared(ROWS), &[set("pair", LayoutChoice::Moments, &["Age", "LOS"])])
}

fn average(sealed: &Sealed) -> Query {
    sealed.parse("SELECT count(*), enc_avg(Age) FROM stays WHERE death = 0")
}

/// What a cloud answers that takes these rows instead of the selected ones, and says that they are so many.
fn answer_with(sealed: &Sealed, query: &Query, change: impl Fn(&mut Vec<u64>)) -> Answer {
    let honest = sealed.answer(query, 10);
    let file = TableFile::open(sealed.file.clone()).unwrap();
    let mut rows = selected(sealed);
    change(&mut rows);
    let pages = file.pages(0).unwrap();
    let sum = |rows: Vec<u64>| {
        let released = Released { groups: vec![Group { keys: vec![], rows }], suppressed: 0 };
        encrypted_sums(query, released, file.key(), |_| Some(&pages)).unwrap()
    };
    // An honest program adds a row once: what is doubled is added by the cloud's own.
    let mut once = BTreeSet::new();
    let again: Vec<u64> = rows.into_iter().filter(|row| !once.insert(*row)).collect();
    let mut answer = sum(once.into_iter().collect());
    if !again.is_empty() {
        let read = |answer: &Answer| {
            Ciphertexts::from_rows(file.key(), &answer.groups[0].sets[0].ciphertexts).unwrap()
        };
        let both = read(&answer).add(file.key(), &read(&sum(again))).unwrap();
        answer.groups[0].sets[0].ciphertexts = both.to_rows(file.key()).unwrap();
    }
    answer.groups[0].rows = honest.groups[0].rows;
    answer
}

fn selected(sealed: &Sealed) -> Vec<u64> {
    let cells = sealed.opener.clear().columns()[0].cells.iter().zip(0u64..);
    cells.filter(|(cell, _)| **cell == cowl_query::Cell::Integer(0)).map(|(_, row)| row).collect()
}

fn refusal(sealed: &Sealed, query: &Query, answer: &Answer) -> OpenError {
    let refused = sealed.opener(10).open(query, answer, &sealed.ledger()).unwrap_err();
    assert!(refused.is_the_clouds_fault(), "{refused}");
    assert!(!refused.to_asker().contains("tag"), "the asker, and the cloud through it, is told what failed");
    refused
}

fn is_forged(error: &OpenError) -> bool {
    matches!(error, OpenError::Forged(LayoutError::Tag(TagError::Mismatch) | LayoutError::OutOfRange { .. }))
}

#[test]
fn a_cloud_that_drops_doubles_or_swaps_rows_is_caught() {
    let sealed = table();
    let query = average(&sealed);
    let changes: [fn(&mut Vec<u64>); 5] = [
        |rows| rows.retain(|row| *row != 3),
        |rows| rows.push(rows[5]),
        |rows| rows[1] = rows[0],
        |rows| {
            let outside = (0..ROWS as u64).find(|row| !rows.contains(row)).unwrap();
            rows[4] = outside;
        },
        |rows| rows.clear(),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let refused = refusal(&sealed, &query, &answer_with(&sealed, &query, change));
        assert!(is_forged(&refused), "change {at}: {refused}");
    }
    let honest = answer_with(&sealed, &query, |_| ());
    assert!(sealed.opener(10).open(&query, &honest, &sealed.ledger()).is_ok());
}

#[test]
fn a_cloud_that_forges_sums_is_caught() {
    let sealed = table();
    let query = average(&sealed);
    let honest = sealed.answer(&query, 10);
    let key: &PublicKey = sealed.opener.secrets().key().public();
    let own = |number| encrypt_textbook(key, &[Plaintext::from_u64(number)], &mut UnwrapErr(SysRng)).unwrap();
    let sums = Ciphertexts::from_rows(key, &honest.groups[0].sets[0].ciphertexts).unwrap();
    assert_eq!(sums.len(), 1);
    let forged = [
        own(12_345).to_rows(key).unwrap(),
        sums.add(key, &own(1)).unwrap().to_rows(key).unwrap(),
        sums.add(key, &sums).unwrap().to_rows(key).unwrap(),
        sums.negate(key).unwrap().to_rows(key).unwrap(),
    ];
    for (at, ciphertexts) in forged.into_iter().enumerate() {
        let mut answer = honest.clone();
        answer.groups[0].sets[0].ciphertexts = ciphertexts;
        let refused = refusal(&sealed, &query, &answer);
        let named = is_forged(&refused) || matches!(refused, OpenError::Forged(LayoutError::Overflow(_)));
        assert!(named, "forgery {at}: {refused}");
    }
}

#[test]
fn ciphertexts_that_are_none_of_the_key_are_refused() {
    let sealed = table();
    let query = average(&sealed);
    let honest = sealed.answer(&query, 10);
    for bytes in [vec![0; 512], vec![0xff; 512]] {
        let mut answer = honest.clone();
        answer.groups[0].sets[0].ciphertexts = bytes;
        assert!(matches!(refusal(&sealed, &query, &answer), OpenError::Ciphertexts(_)));
    }
    for length in [0, 511, 513, 1_024] {
        let mut answer = honest.clone();
        answer.groups[0].sets[0].ciphertexts.resize(length, 1);
        assert!(matches!(refusal(&sealed, &query, &answer), OpenError::OtherGroups), "{length} bytes");
    }
}

#[test]
fn an_answer_to_another_query_or_from_before_is_refused() {
    let sealed = table();
    let query = average(&sealed);
    let other = sealed.parse("SELECT count(*), enc_avg(Age) FROM stays WHERE death = 1");
    let to_other = answer(&sealed.file, &other, 1);
    assert!(matches!(refusal(&sealed, &query, &to_other), OpenError::OtherQuery));
    let mut renamed = to_other;
    renamed.query = query.digest();
    assert!(matches!(refusal(&sealed, &query, &renamed), OpenError::OtherGroups));
    // The same rows under the same key in a table that was sealed anew: the tags are others.
    let again = table();
    let stale = Answer { query: query.digest(), ..answer(&again.file, &average(&again), 10) };
    assert!(is_forged(&refusal(&sealed, &query, &stale)));
}

#[test]
fn other_keys_counts_groups_or_sets_are_refused() {
    let sealed = table();
    let query = sealed.parse("SELECT death, enc_avg(Age) FROM stays GROUP BY death");
    let ledger = CohortLedger::new(ROWS as u64, 1);
    let honest = sealed.answer(&query, 1);
    assert_eq!(honest.groups.len(), 2);
    let changes: [fn(&mut Answer); 7] = [
        |answer| answer.groups[0].rows += 1,
        |answer| answer.groups.swap(0, 1),
        |answer| drop(answer.groups.pop()),
        |answer| answer.groups.push(answer.groups[0].clone()),
        |answer| answer.groups[0].keys.clear(),
        |answer| answer.groups[1].sets.clear(),
        |answer| answer.suppressed += 1,
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut answer = honest.clone();
        change(&mut answer);
        let refused = sealed.opener(1).open(&query, &answer, &ledger).unwrap_err();
        assert!(matches!(refused, OpenError::OtherGroups), "change {at}: {refused}");
    }
    let mut swapped = honest.clone();
    let first = swapped.groups[0].sets.clone();
    swapped.groups[0].sets = std::mem::replace(&mut swapped.groups[1].sets, first);
    let refused = sealed.opener(1).open(&query, &swapped, &ledger).unwrap_err();
    assert!(is_forged(&refused), "{refused}");
}

/// The parts' hashes refuse a stored table with another byte. Where somebody got past them, the tags do.
#[test]
fn a_flipped_bit_in_any_stored_ciphertext_is_refused() {
    let sealed = table();
    let query = sealed.parse("SELECT enc_avg(Age) FROM stays");
    let file = TableFile::open(sealed.file.clone()).unwrap();
    let first = file.pages(0).unwrap().page(0, 0).unwrap()[..64].to_vec();
    let start = sealed.file.windows(64).position(|window| window == first).unwrap();
    for row in [0, 17, ROWS - 1] {
        for byte in [0, 100, 300, 511] {
            let mut forged = sealed.file.clone();
            forged[start + 512 * row + byte] ^= 1;
            let pages_of = TableFile::open(forged.clone()).unwrap();
            let pages = pages_of.pages(0).unwrap();
            let groups = vec![Group { keys: vec![], rows: (0..ROWS as u64).collect() }];
            let released = Released { groups, suppressed: 0 };
            // The kernels refuse a number beyond n.
            let Ok(answer) = encrypted_sums(&query, released, pages_of.key(), |_| Some(&pages)) else {
                continue;
            };
            let refused = refusal(&sealed, &query, &answer);
            assert!(matches!(refused, OpenError::Forged(_) | OpenError::Ciphertexts(_)), "{refused}");
        }
    }
}

/// Every byte of a stored table: another one is refused as a file, makes another schema, is caught by the opener, or
/// stands where this query does not look and changes nothing of its answer.
#[test]
fn no_flipped_byte_of_a_stored_table_changes_a_result() {
    let bytes = std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(FROZEN)).unwrap();
    let owner = sealed::opener_table(&bytes);
    let opener = Opener { table: &owner, joined: &[], minimum_cohort: 2, timing: sealed::timing() };
    let ledger = CohortLedger::new(owner.schema().rows, 2);
    let tables = vec![GrantedTable { name: "stays".into(), schema: owner.schema().clone() }];
    let query = cowl_query::parse("SELECT count(*), enc_avg(Age) FROM stays", &Catalog { tables }).unwrap();
    let honest = opener.open(&query, &answer(&bytes, &query, 2), &ledger).unwrap().result;
    let start =
        bytes.windows(4).rposition(|window| window == b"hAFZ").expect("the opener's secrets, in base64");
    let mut counts = [0; 4];
    // The opener's secrets are sealed where they are stored, and refuse another byte themselves.
    for at in (0..start).filter(|at| at % 512 < 12 || at % 23 == 0) {
        let mut forged = bytes.clone();
        forged[at] ^= 1 << (at % 8);
        let read = TableFile::open(forged.clone()).and_then(|file| Ok((file.clear_table("stays")?, file)));
        let Ok((_, file)) = read else {
            counts[0] += 1;
            continue;
        };
        if file.schema() != owner.schema() {
            counts[1] += 1;
            continue;
        }
        let Some(added) = try_answer(&forged, &query) else {
            counts[0] += 1;
            continue;
        };
        match opener.open(&query, &added, &ledger) {
            Err(refused) => {
                assert!(refused.is_the_clouds_fault(), "byte {at}: {refused}");
                counts[2] += 1;
            }
            Ok(opened) => {
                assert_eq!(opened.result, honest, "byte {at}");
                // An open cell, or a ciphertext that the query does not need.
                counts[3] += 1;
            }
        }
    }
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}

fn try_answer(file: &[u8], query: &Query) -> Option<Answer> {
    let file = TableFile::open(file.to_vec()).ok()?;
    let clear = std::sync::Arc::new(file.clear_table("stays").ok()?);
    let engine = SqliteEngine::build(vec![clear], EngineLimits::default()).ok()?;
    let released = engine.select(query).ok()?.release(query, 1);
    let pages: Vec<_> = (0..file.schema().sets.len() as u16).map(|set| file.pages(set).unwrap()).collect();
    encrypted_sums(query, released, file.key(), |set| Some(&pages[usize::from(set)])).ok()
}

#[test]
fn a_group_below_the_minimum_is_suppressed_and_nobody_is_told_how_small_it_is() {
    let sealed = table();
    let sql = "SELECT death, enc_avg(Age) FROM stays GROUP BY death";
    let opened = sealed.ask(sql, &sealed.ledger()).unwrap();
    let died = ROWS - selected(&sealed).len();
    assert!(died < 10 && died > 0, "{died} of the sample died");
    assert_eq!((opened.result.rows.len(), opened.withheld), (1, 1));
    let refused = sealed.ask("SELECT enc_avg(Age) FROM stays WHERE death = 1", &sealed.ledger()).unwrap_err();
    assert!(matches!(refused, OpenError::Cohort(CohortError::SmallGroup { minimum: 10, .. })), "{refused}");
    let words = refused.to_asker();
    assert!(words.contains("fewer than 10") && !words.contains(&died.to_string()), "{words}");
}

/// The sum over all less the sum over those who live is that of the few who died.
#[test]
fn a_tracker_of_two_queries_is_refused_and_told_the_nearest_group() {
    let sealed = table();
    let alive = sealed.ask("SELECT enc_sum(Age) FROM stays WHERE death = 0", &sealed.ledger()).unwrap();
    let refused = sealed.ask("SELECT enc_sum(Age) FROM stays", &alive.ledger).unwrap_err();
    let OpenError::Cohort(CohortError::Difference { nearest: Some(nearest), .. }) = &refused else {
        panic!("{refused}")
    };
    assert_eq!(nearest.rows.iter().collect::<Vec<_>>(), selected(&sealed));
    assert!(refused.to_asker().contains("the nearest group that is allowed"), "{}", refused.to_asker());
    // The same group again is no news.
    assert!(sealed.ask("SELECT enc_sum(LOS) FROM stays WHERE death = 0", &alive.ledger).is_ok());
}

/// A + B and B + C are answered; A + C would then, with them, give each of the three. One of them is small.
#[test]
fn a_tracker_of_three_queries_is_refused() {
    let raw = sealed::sample(ROWS);
    let choices = [
        cowl_tables::coding::ColumnChoice::new("LOS", cowl_domain::table::ColumnRole::Open),
        cowl_tables::coding::ColumnChoice::new("Age", cowl_domain::table::ColumnRole::Secret),
    ];
    let table = cowl_tables::coding::prepare(&raw, &choices).unwrap();
    let sealed = seal(&table, &[set("age", LayoutChoice::Moments, &["Age"])]);
    let mut stays: Vec<i64> =
        table.clear[0].texts.iter().map(|text| text.as_deref().unwrap().parse().unwrap()).collect();
    stays.sort_unstable();
    // Cut points with about 20, 25 and the rest of the rows, and a fourth with a handful beyond the first.
    let (first, second) = (stays[20], stays[45]);
    let ask = |condition: String, ledger: &CohortLedger| {
        sealed.ask(&format!("SELECT enc_sum(Age) FROM stays WHERE {condition}"), ledger)
    };
    let one = ask(format!("LOS <= {second}"), &sealed.ledger()).unwrap();
    let two = ask(format!("LOS > {first}"), &one.ledger).unwrap();
    let few = stays[23].max(first + 1);
    let refused = ask(format!("LOS <= {first} OR LOS > {few}"), &two.ledger).unwrap_err();
    assert!(matches!(refused, OpenError::Cohort(CohortError::Difference { .. })), "{refused}");
}
