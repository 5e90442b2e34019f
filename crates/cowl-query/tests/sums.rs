//! Encrypted sums of groups, opened by an oracle that shares no arithmetic with them.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic where it fails")]

#[allow(dead_code, reason = "the schemas of the suite are used here, its oracle is not")]
mod conformance;
mod paillier_oracle;

use std::borrow::Cow;

use conformance::granted;
use cowl_paillier::{Plaintext, PublicKey, encrypt_textbook};
use cowl_query::{
    Answer, Catalog, Cell, CiphertextPages, Group, PageError, PagesInMemory, Query, Released, SumsError,
    encrypted_sums, parse,
};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use paillier_oracle::opened;

const ROWS: u64 = 23;

fn public_key() -> PublicKey {
    PublicKey::from_bytes(include_bytes!("../../../vectors/paillier/public-2048.cbor")).unwrap()
}

/// Two ciphertexts a row: of the row's number, and of its square.
fn pages(key: &PublicKey, rows_of_a_page: u64) -> PagesInMemory {
    let column = |power| {
        let plaintexts: Vec<_> = (0..ROWS).map(|row| Plaintext::from_u64(row.pow(power))).collect();
        encrypt_textbook(key, &plaintexts, &mut UnwrapErr(SysRng)).unwrap().to_rows(key).unwrap()
    };
    PagesInMemory {
        rows: ROWS,
        rows_of_a_page,
        ciphertext_bytes: key.ciphertext_bytes(),
        columns: vec![column(1), column(2)],
    }
}

fn query(outputs: &str) -> Query {
    let sql = format!("SELECT ward, {outputs} FROM stays GROUP BY ward");
    parse(&sql, &Catalog { tables: vec![granted("stays", ROWS)] }).unwrap()
}

/// Three groups; rows 21 and 22 are in none.
fn released() -> Released {
    let group = |ward: &str, rows: Vec<u64>| Group { keys: vec![Cell::Text(ward.to_owned())], rows };
    let groups = vec![
        group("C", (0..21).filter(|row| row % 2 == 1).collect()),
        group("A", (0..21).filter(|row| row % 2 == 0 && *row != 8).collect()),
        group("B", vec![8]),
    ];
    Released { groups, suppressed: 2 }
}

fn expected(group: &Group, power: u32) -> u64 {
    group.rows.iter().map(|row| row.pow(power)).sum()
}

#[test]
fn each_group_has_the_sums_of_its_rows_whatever_the_pages() {
    let (key, query) = (public_key(), query("enc_var(los), count(*), enc_avg(los), enc_sum(lactate)"));
    for rows_of_a_page in [1, 4, 1_000] {
        let pages = pages(&key, rows_of_a_page);
        let answer = encrypted_sums(&query, released(), &key, |_| Some(&pages)).unwrap();
        assert_eq!((answer.query, answer.suppressed), (query.digest(), 2));
        for (found, group) in answer.groups.iter().zip(&released().groups) {
            assert_eq!((&found.keys, found.rows), (&group.keys, group.rows.len() as u64));
            assert_eq!(found.sets.iter().map(|set| set.set).collect::<Vec<_>>(), query.sets());
            for set in &found.sets {
                let sums = set.ciphertexts.chunks_exact(key.ciphertext_bytes());
                let found: Vec<u64> = sums.map(opened).collect();
                assert_eq!(found, [expected(group, 1), expected(group, 2)]);
            }
        }
        assert_eq!(Answer::from_bytes(&answer.to_bytes()).unwrap(), answer);
    }
}

#[test]
fn a_query_that_only_counts_touches_no_ciphertext() {
    let answer = encrypted_sums(&query("count(*)"), released(), &public_key(), |_| None).unwrap();
    assert_eq!(answer.groups.iter().map(|group| group.rows).collect::<Vec<_>>(), [10, 10, 1]);
    assert!(answer.groups.iter().all(|group| group.sets.is_empty()));
}

#[test]
fn no_group_is_no_sum() {
    let (key, none) = (public_key(), Released { groups: vec![], suppressed: 4 });
    let pages = pages(&key, 4);
    let answer = encrypted_sums(&query("enc_avg(los)"), none, &key, |_| Some(&pages)).unwrap();
    assert_eq!((answer.groups.len(), answer.suppressed), (0, 4));
}

#[test]
fn a_set_that_is_not_there_or_shorter_than_the_table_is_named() {
    let key = public_key();
    let refused = encrypted_sums(&query("enc_avg(los)"), released(), &key, |_| None).unwrap_err();
    assert!(matches!(refused, SumsError::Set(1)), "{refused}");
    let short = PagesInMemory { rows: 10, ..pages(&key, 4) };
    let refused = encrypted_sums(&query("enc_avg(los)"), released(), &key, |_| Some(&short)).unwrap_err();
    assert!(matches!(refused, SumsError::Set(1)), "{refused}");
}

#[test]
fn damaged_pages_and_ciphertexts_are_named_by_place() {
    let (key, query) = (public_key(), query("enc_avg(los)"));
    let mut damaged = pages(&key, 4);
    damaged.columns[1].truncate(5 * key.ciphertext_bytes());
    let refused = encrypted_sums(&query, released(), &key, |_| Some(&damaged)).unwrap_err();
    assert!(matches!(refused, SumsError::Page(PageError::Missing { column: 1, .. })), "{refused}");
    let mut forged = pages(&key, 4);
    let size = key.ciphertext_bytes();
    forged.columns[0][7 * size..8 * size].fill(0xff);
    let refused = encrypted_sums(&query, released(), &key, |_| Some(&forged)).unwrap_err();
    assert!(matches!(refused, SumsError::Ciphertext { row: 7, column: 0, .. }), "{refused}");
}

#[test]
fn pages_without_a_selected_row_are_not_read() {
    struct LastPageIsGone(PagesInMemory);
    impl CiphertextPages for LastPageIsGone {
        fn rows(&self) -> u64 {
            self.0.rows()
        }
        fn columns(&self) -> u32 {
            self.0.columns()
        }
        fn rows_of_a_page(&self) -> u64 {
            self.0.rows_of_a_page()
        }
        fn page(&self, column: u32, page: u64) -> Result<Cow<'_, [u8]>, PageError> {
            assert!(page < 3, "rows from 21 are in no group");
            self.0.page(column, page)
        }
    }
    let key = public_key();
    let pages = LastPageIsGone(pages(&key, 7));
    assert!(encrypted_sums(&query("enc_avg(los)"), released(), &key, |_| Some(&pages)).is_ok());
}
