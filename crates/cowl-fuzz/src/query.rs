//! `cowl-query`: queries as bytes and as SQL, answers, files of sealed tables.

use cowl_domain::table::TableSchema;
use cowl_query::parquet::TableFile;
use cowl_query::{
    Answer, Catalog, CiphertextPages, GrantedTable, Query, ScoreAnswer, ScoreProgram, ScoreRequest, parse,
};
use cowl_tables::QueryResult;
use cowl_tables::technique::QueryProof;

/// A table that queries are read for.
const TABLE: &[u8] = include_bytes!("../../../vectors/query/stays.parquet");

fn catalog() -> Catalog {
    let file = TableFile::open(TABLE.to_vec()).expect("the vector is a table");
    let schema: TableSchema = file.schema().clone();
    Catalog { tables: vec![GrantedTable { name: "stays".into(), schema }] }
}

thread_local! {
    static CATALOG: Catalog = catalog();
}

/// Queries, scores, answers, results and proofs.
pub fn forms(bytes: &[u8]) {
    CATALOG.with(|catalog| {
        if let Ok(query) = Query::from_bytes(bytes, catalog) {
            assert_eq!(query.to_bytes(), bytes);
        }
        if let Ok(score) = ScoreProgram::from_bytes(bytes, catalog) {
            assert_eq!(score.to_bytes(), bytes);
        }
        if let Ok(request) = ScoreRequest::decode(bytes) {
            let _ = request.check(catalog);
            assert_eq!(request.to_bytes(), bytes);
        }
    });
    if let Ok(answer) = Answer::from_bytes(bytes) {
        assert_eq!(answer.to_bytes(), bytes);
    }
    if let Ok(answer) = ScoreAnswer::from_bytes(bytes) {
        assert_eq!(answer.to_bytes(), bytes);
    }
    if let Ok(result) = QueryResult::from_bytes(bytes) {
        assert_eq!(result.to_bytes(), bytes);
    }
    if let Ok(proof) = QueryProof::from_bytes(bytes) {
        assert_eq!(proof.to_bytes(), bytes);
    }
}

/// SQL: what is allowed is a query over the wire, too.
pub fn sql(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    CATALOG.with(|catalog| {
        if let Ok(query) = parse(text, catalog) {
            assert_eq!(Query::from_bytes(&query.to_bytes(), catalog).as_ref(), Ok(&query));
        }
    });
}

/// Files of sealed tables: footer, open columns, and each page.
pub fn table_files(bytes: &[u8]) {
    let Ok(file) = TableFile::open(bytes.to_vec()) else { return };
    let _ = file.clear_table("stays");
    for set in 0..file.schema().sets.len() {
        let Some(pages) = file.pages(set as u16) else { continue };
        for column in 0..pages.columns() {
            for page in 0..pages.rows().div_ceil(pages.rows_of_a_page()) {
                let _ = pages.page(column, page);
            }
        }
    }
}
