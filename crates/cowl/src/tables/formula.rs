//! The formula of scores, for the people who are to consent to them.

use std::fmt;

use cowl_query::{ScoreRequest, ScoreTerm};
use cowl_tables::regression::INTERCEPT;

use super::wording::identifier;

/// A request for scores with the name that its reader has for the table.
pub(crate) struct Formula<'a> {
    pub(crate) request: &'a ScoreRequest,
    pub(crate) table: &'a str,
}

impl fmt::Display for Formula<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the score of each row of {}: ", identifier(self.table))?;
        for (place, ScoreTerm { name, coefficient }) in self.request.terms.iter().enumerate() {
            let sign = if *coefficient < 0.0 { "− " } else { "+ " };
            let sign = if place == 0 && sign == "+ " { "" } else { sign };
            let space = if place == 0 { "" } else { " " };
            write!(f, "{space}{sign}{}", coefficient.abs())?;
            if name != INTERCEPT {
                write!(f, " · {}", identifier(name))?;
            }
        }
        match self.request.decimals {
            0 => write!(f, ", in whole numbers"),
            decimals => write!(f, ", with {decimals} digits after the point"),
        }
    }
}

#[cfg(test)]
mod tests {
    use cowl_crypto::digest::Digest;
    use cowl_query::QueryTable;

    use super::*;

    #[test]
    fn a_formula_reads_as_it_is_written_on_paper() {
        let term = |(name, coefficient): (&str, f64)| ScoreTerm { name: name.to_owned(), coefficient };
        let request = |terms: &[(&str, f64)], decimals| ScoreRequest {
            table: QueryTable { name: "t1".to_owned(), schema: Digest::of(b"schema") },
            set: 0,
            terms: terms.iter().copied().map(term).collect(),
            decimals,
        };
        let words = |request| Formula { request: &request, table: "stays" }.to_string();
        assert_eq!(
            words(request(&[("age", 2.5), ("ward=MICU", -3.0)], 2)),
            "the score of each row of stays: 2.5 · age − 3 · \"ward=MICU\", with 2 digits after the point"
        );
        assert_eq!(
            words(request(&[("a", -1.0), ("(intercept)", 2.0)], 0)),
            "the score of each row of stays: − 1 · a + 2, in whole numbers"
        );
    }
}
