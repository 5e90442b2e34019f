//! What the asker of scores signs: coefficients by the names of variables.
//!
//! Names and scales of variables are in the codebook, which only the owner can read. So the owner's opener turns the
//! coefficients into the integer weights of a [`ScoreProgram`](crate::ScoreProgram), and has the cloud run that.

use std::collections::HashSet;

use cowl_crypto::digest::Digest;
use cowl_domain::table::MOST_DECIMALS;
use cowl_domain::wire;
use minicbor::{Decode, Encode};

use crate::check::Catalog;
use crate::limits::{MOST_OUTPUTS, MOST_SCORED_ROWS};
use crate::query::QueryTable;
use crate::refusal::QueryRefusal;

/// Separates digests of these requests from all others.
const DIGEST_CONTEXT: &str = "cowl 2026 score request v1";
/// Most bytes of a variable's name.
const LONGEST_NAME: usize = 512;

/// A coefficient of one variable.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct ScoreTerm {
    /// The variable's name, as results of regressions have it; `(intercept)` is added to each score.
    #[n(0)]
    pub name: String,
    /// Its coefficient.
    #[n(1)]
    pub coefficient: f64,
}

/// A score for each row of a table, by open coefficients.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct ScoreRequest {
    /// The table.
    #[n(0)]
    pub table: QueryTable,
    /// The place, in the schema, of a set in layout *columns*.
    #[n(1)]
    pub set: u16,
    /// The coefficients, no variable twice.
    #[n(2)]
    pub terms: Vec<ScoreTerm>,
    /// Digits after the point of the scores; coefficients are rounded so that they have these.
    #[n(3)]
    pub decimals: u8,
}

impl ScoreRequest {
    /// Reads a request. Nothing may be done with it before [`ScoreRequest::check`].
    ///
    /// # Errors
    /// [`QueryRefusal::Wire`].
    pub fn decode(bytes: &[u8]) -> Result<Self, QueryRefusal> {
        Ok(wire::decode("request for scores", bytes)?)
    }

    /// Its canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// What job and evidence call it by.
    pub fn digest(&self) -> Digest {
        Digest::derive(DIGEST_CONTEXT, &self.to_bytes())
    }

    /// Whether it may be asked of these tables. Whether there are such variables only the owner can say.
    ///
    /// # Errors
    /// [`QueryRefusal`] names what is not allowed.
    pub fn check(&self, catalog: &Catalog) -> Result<(), QueryRefusal> {
        let schema = catalog.scored_table(&self.table, self.set)?;
        if schema.rows > MOST_SCORED_ROWS {
            return Err(QueryRefusal::TooLarge { what: "rows to score", most: MOST_SCORED_ROWS as usize });
        }
        if self.terms.len() > MOST_OUTPUTS {
            return Err(QueryRefusal::TooLarge { what: "coefficients", most: MOST_OUTPUTS });
        }
        if self.decimals > MOST_DECIMALS {
            return Err(QueryRefusal::TooLarge { what: "decimals", most: MOST_DECIMALS.into() });
        }
        self.check_terms()
    }

    fn check_terms(&self) -> Result<(), QueryRefusal> {
        let mut names = HashSet::new();
        if !self.terms.iter().all(|term| term.name.len() <= LONGEST_NAME && names.insert(&term.name)) {
            return Err(QueryRefusal::Malformed("a score has one coefficient a variable"));
        }
        if !self.terms.iter().all(|term| term.coefficient.is_finite()) {
            return Err(QueryRefusal::Malformed("a coefficient is a number"));
        }
        if self.terms.iter().all(|term| term.coefficient == 0.0) {
            return Err(QueryRefusal::Malformed("a score needs a coefficient that is not zero"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use cowl_domain::table::{Column, ColumnRole, ColumnType, Layout, SealedSet, TableSchema};

    use super::*;
    use crate::check::GrantedTable;

    fn catalog(layout: Layout, rows: u64) -> Catalog {
        let column = Column { name: "age".into(), role: ColumnRole::Secret, kind: ColumnType::Integer };
        let set = SealedSet { name: "scores".into(), layout, columns: vec![0] };
        let (key, codebook) = (Digest::of(b"key"), Digest::of(b"codebook"));
        let schema = TableSchema { rows, columns: vec![column], sets: vec![set], key, codebook };
        Catalog { tables: vec![GrantedTable { name: "t".into(), schema }] }
    }

    fn request(catalog: &Catalog, terms: &[(&str, f64)]) -> ScoreRequest {
        let term = |(name, coefficient): &(&str, f64)| ScoreTerm {
            name: (*name).to_owned(),
            coefficient: *coefficient,
        };
        ScoreRequest {
            table: QueryTable { name: "t".into(), schema: catalog.tables[0].digest() },
            set: 0,
            terms: terms.iter().map(term).collect(),
            decimals: 3,
        }
    }

    #[test]
    fn a_request_is_read_back_as_it_was_signed() {
        let catalog = catalog(Layout::Columns { rows: 8 }, 20);
        let request = request(&catalog, &[("age", -0.25), ("(intercept)", 1.0)]);
        request.check(&catalog).unwrap();
        assert_eq!(ScoreRequest::decode(&request.to_bytes()).unwrap(), request);
        let other = ScoreRequest { decimals: 4, ..request.clone() };
        assert_ne!(other.digest(), request.digest());
        for end in 0..request.to_bytes().len() {
            assert!(ScoreRequest::decode(&request.to_bytes()[..end]).is_err(), "{end} bytes");
        }
    }

    #[test]
    fn what_is_no_score_is_refused_by_name() {
        let fine = catalog(Layout::Columns { rows: 8 }, 20);
        for terms in
            [&[][..], &[("age", 0.0)], &[("age", f64::NAN)], &[("age", f64::INFINITY)], &[("age", 1.0); 2]]
        {
            let refused = request(&fine, terms).check(&fine).unwrap_err();
            assert!(matches!(refused, QueryRefusal::Malformed(_)), "{refused}");
        }
        let moments = catalog(Layout::Moments { ciphertexts: 1 }, 20);
        assert!(request(&moments, &[("age", 1.0)]).check(&moments).is_err());
        let long = catalog(Layout::Columns { rows: 8 }, MOST_SCORED_ROWS + 1);
        let refused = request(&long, &[("age", 1.0)]).check(&long).unwrap_err();
        assert!(refused.to_string().contains("rows to score"), "{refused}");
        let other = ScoreRequest { set: 1, ..request(&fine, &[("age", 1.0)]) };
        assert!(other.check(&fine).is_err());
    }
}
