//! Frozen forms: a sealed table, a query over it, the cloud's answer, the opener's secrets and the result.
#![allow(clippy::unwrap_used, reason = "a test may stop at what it does not expect")]

#[allow(dead_code, reason = "each test file uses a part")]
mod sealed;

use std::path::PathBuf;

use cowl_domain::table::ColumnRole;
use cowl_query::parquet::TableFile;
use cowl_query::{
    Answer, Catalog, GrantedTable, Query, QueryTable, ScoreAnswer, ScoreProgram, encrypted_scores,
};
use cowl_tables::coding::{ColumnChoice, LayoutChoice, prepare};
use cowl_tables::technique::{PlacementDigest, QueryProof};
use cowl_tables::{CohortLedger, Opener, OpenerSecrets, QueryResult};
use sealed::{answer, opener_table, sample, seal, set, timing};

const SQL: &str = "SELECT death, count(*) AS patients, enc_avg(Age), enc_corr(LOS, Age), enc_linreg(LOS, Age) FROM \
                   stays WHERE SysABP IS NULL OR SysABP >= 80.5 GROUP BY death ORDER BY count(*) DESC LIMIT 2";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../vectors/query")
}

fn frozen(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap()
}

fn catalog(file: &[u8]) -> Catalog {
    let schema = TableFile::open(file.to_vec()).unwrap().schema().clone();
    Catalog { tables: vec![GrantedTable { name: "stays".into(), schema }] }
}

fn open(file: &[u8], query: &Query, answer: &Answer) -> QueryResult {
    let table = opener_table(file);
    let opener = Opener { table: &table, joined: &[], minimum_cohort: 2, timing: timing() };
    opener.open(query, answer, &CohortLedger::new(table.schema().rows, 2)).unwrap().result
}

#[test]
fn what_was_sealed_is_added_opened_and_named_as_ever() {
    let file = frozen("stays.parquet");
    let query = Query::from_bytes(&frozen("query.cbor"), &catalog(&file)).unwrap();
    assert_eq!(query.to_bytes(), frozen("query.cbor"));
    let added = answer(&file, &query, 2);
    assert_eq!(added.to_bytes(), frozen("answer.cbor"));
    let result = open(&file, &query, &Answer::from_bytes(&frozen("answer.cbor")).unwrap());
    assert_eq!(QueryResult::from_bytes(&frozen("result.cbor")), Ok(result.clone()));
    assert_eq!(result.to_bytes(), frozen("result.cbor"));
    let secrets = OpenerSecrets::from_bytes(&frozen("opener.cbor")).unwrap();
    assert_eq!(*secrets.to_bytes(), frozen("opener.cbor"));
    assert_eq!(TableFile::open(file).unwrap().sealed_opener(), frozen("opener.cbor"));
}

#[test]
fn scores_and_proofs_are_as_ever() {
    let file = frozen("stays.parquet");
    let program = ScoreProgram::from_bytes(&frozen("score.cbor"), &catalog(&file)).unwrap();
    assert_eq!(program.to_bytes(), frozen("score.cbor"));
    let table = TableFile::open(file).unwrap();
    let scores = encrypted_scores(&program, table.key(), &table.pages(1).unwrap()).unwrap();
    assert_eq!(ScoreAnswer::from_bytes(&frozen("scores.cbor")).unwrap(), scores);
    assert_eq!(scores.to_bytes(), frozen("scores.cbor"));
    let proof = QueryProof::from_bytes(&frozen("proof.cbor")).unwrap();
    assert_eq!(proof.to_bytes(), frozen("proof.cbor"));
}

/// Writes the files anew. Only for a new version of a form: whatever was sealed before must stay readable.
#[test]
#[ignore = "writes vectors/query"]
fn write_frozen_queries() {
    let choices = [
        ColumnChoice::new("death", ColumnRole::Open),
        ColumnChoice::new("ICU", ColumnRole::Token),
        ColumnChoice::new("SysABP", ColumnRole::Open),
        ColumnChoice::new("Age", ColumnRole::Secret),
        ColumnChoice::new("LOS", ColumnRole::Secret),
        ColumnChoice::new("Height", ColumnRole::Secret),
    ];
    let table = prepare(&sample(24), &choices).unwrap();
    let sets = [
        set("pair", LayoutChoice::Moments, &["Age", "LOS"]),
        set("scores", LayoutChoice::Columns { weight: 9 }, &["Age", "Height"]),
    ];
    let sealed = seal(&table, &sets);
    let query = sealed.parse(SQL);
    let added = answer(&sealed.file, &query, 2);
    let result = open(&sealed.file, &query, &added);
    let file = TableFile::open(sealed.file.clone()).unwrap();
    let table = QueryTable { name: "stays".into(), schema: sealed.catalog().tables[0].digest() };
    let program = ScoreProgram { table, set: 1, weights: vec![-2, 7] };
    let scores = encrypted_scores(&program, file.key(), &file.pages(1).unwrap()).unwrap();
    let placements = vec![PlacementDigest(cowl_crypto::digest::Digest::of(b"placement"))];
    let proof = QueryProof { query: query.digest(), placements, rows: 24, tags: 2 };
    for (name, bytes) in [
        ("stays.parquet", sealed.file.clone()),
        ("query.cbor", query.to_bytes()),
        ("answer.cbor", added.to_bytes()),
        ("result.cbor", result.to_bytes()),
        ("opener.cbor", sealed.opener.secrets().to_bytes().to_vec()),
        ("score.cbor", program.to_bytes()),
        ("scores.cbor", scores.to_bytes()),
        ("proof.cbor", proof.to_bytes()),
    ] {
        std::fs::write(folder().join(name), bytes).unwrap();
    }
}
