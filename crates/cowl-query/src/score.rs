//! Scores of rows by open weights, from a set in layout *columns*: Σ weight·variable, for all rows of a block at once.
//!
//! No row is selected, and no row's score is left out: whoever gets the opened scores gets them row by row. So they are
//! for the owner, or for whom the owner lets see single rows.

use cowl_crypto::digest::Digest;
use cowl_domain::wire::{self, WireError};
use cowl_paillier::{Ciphertexts, PublicKey};
use minicbor::{Decode, Encode};
use rayon::prelude::*;

use crate::check::Catalog;
use crate::limits::MOST_OUTPUTS;
use crate::pages::{CiphertextPages, PageError};
use crate::query::QueryTable;
use crate::refusal::QueryRefusal;
use crate::sums::SumsError;

/// Separates digests of these programs from all others.
const DIGEST_CONTEXT: &str = "cowl 2026 score v1";

/// Which weights a set's variables have.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ScoreProgram {
    /// The table.
    #[n(0)]
    pub table: QueryTable,
    /// The set's place in the schema.
    #[n(1)]
    pub set: u16,
    /// A weight for each of the set's variables, in their order.
    #[n(2)]
    pub weights: Vec<i64>,
}

/// The cloud's answer, for the opener.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ScoreAnswer {
    /// The program's digest.
    #[cbor(n(0), with = "wire::fixed")]
    pub program: Digest,
    /// One ciphertext for each block of rows, behind each other.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub ciphertexts: Vec<u8>,
}

impl ScoreProgram {
    /// Reads a program and checks it against the granted tables.
    ///
    /// # Errors
    /// [`QueryRefusal`].
    pub fn from_bytes(bytes: &[u8], catalog: &Catalog) -> Result<Self, QueryRefusal> {
        let program: Self = wire::decode("score", bytes)?;
        program.check(catalog)?;
        Ok(program)
    }

    /// Its canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// What job and evidence call it by.
    pub fn digest(&self) -> Digest {
        Digest::derive(DIGEST_CONTEXT, &self.to_bytes())
    }

    /// Whether it may be run over these tables.
    ///
    /// # Errors
    /// [`QueryRefusal`] names what is not allowed.
    pub fn check(&self, catalog: &Catalog) -> Result<(), QueryRefusal> {
        catalog.scored_table(&self.table, self.set)?;
        if self.weights.len() > MOST_OUTPUTS {
            return Err(QueryRefusal::TooLarge { what: "weights", most: MOST_OUTPUTS });
        }
        if self.weights.iter().all(|weight| *weight == 0) {
            return Err(QueryRefusal::Malformed("a score needs a weight that is not zero"));
        }
        Ok(())
    }
}

impl ScoreAnswer {
    /// Reads an answer.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        wire::decode("answer of scores", bytes)
    }

    /// Its canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }
}

/// The encrypted scores of all blocks of a set, on all cores. `pages` are the set's, with a column for each variable.
///
/// # Errors
/// [`SumsError`]; [`SumsError::Set`] where there are more or fewer weights than variables.
pub fn encrypted_scores(
    program: &ScoreProgram,
    key: &PublicKey,
    pages: &dyn CiphertextPages,
) -> Result<ScoreAnswer, SumsError> {
    if pages.columns() as usize != program.weights.len() || pages.rows_of_a_page() == 0 {
        return Err(SumsError::Set(program.set));
    }
    let count = pages.rows().div_ceil(pages.rows_of_a_page());
    let scores = (0..count).into_par_iter().map(|page| scores_of_page(program, key, pages, page));
    let scores: Vec<Vec<u8>> = scores.collect::<Result<_, _>>()?;
    Ok(ScoreAnswer { program: program.digest(), ciphertexts: scores.concat() })
}

fn scores_of_page(
    program: &ScoreProgram,
    key: &PublicKey,
    pages: &dyn CiphertextPages,
    page: u64,
) -> Result<Vec<u8>, SumsError> {
    let blocks = (pages.rows() - page * pages.rows_of_a_page()).min(pages.rows_of_a_page());
    let mut total: Option<Ciphertexts> = None;
    for (column, weight) in (0..).zip(&program.weights).filter(|(_, weight)| **weight != 0) {
        let bytes = pages.page(column, page)?;
        let bytes = bytes.get(..blocks as usize * key.ciphertext_bytes());
        let bytes = bytes.ok_or(PageError::Missing { column, page })?;
        let batch = Ciphertexts::from_rows(key, bytes)?;
        let term = batch.multiply(key, &vec![*weight; batch.len()])?;
        match &mut total {
            Some(total) => total.add_assign(key, &term)?,
            None => total = Some(term),
        }
    }
    total.map_or(Ok(Vec::new()), |total| Ok(total.to_rows(key)?))
}
