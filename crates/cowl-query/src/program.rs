//! What a job over sealed tables asks for: figures of groups, or scores of rows. Its technique says which.
//!
//! The two are techniques of their own, because they are granted apart: a figure is of many rows, a score is of one.

use cowl_crypto::digest::Digest;

use crate::check::Catalog;
use crate::query::{Query, QueryTable};
use crate::refusal::QueryRefusal;
use crate::scoring::ScoreRequest;

/// The technique of figures over groups of rows.
pub const FIGURES: &str = "additive-he";
/// The technique of scores of single rows.
pub const SCORES: &str = "additive-score";

/// The program of a job.
#[derive(Debug, Clone, PartialEq)]
pub enum Program {
    /// Figures of groups, by technique [`FIGURES`].
    Figures(Query),
    /// Scores of all rows, by technique [`SCORES`].
    Scores(ScoreRequest),
}

impl Program {
    /// Reads a program of a technique. Nothing may be done with it before [`Program::check`].
    ///
    /// # Errors
    /// [`QueryRefusal`] names what is not canonical; `None` for a technique that has no programs here.
    pub fn decode(technique: &str, bytes: &[u8]) -> Option<Result<Self, QueryRefusal>> {
        match technique {
            FIGURES => Some(Query::decode(bytes).map(Self::Figures)),
            SCORES => Some(ScoreRequest::decode(bytes).map(Self::Scores)),
            _ => None,
        }
    }

    /// Whether it may be run over these tables.
    ///
    /// # Errors
    /// [`QueryRefusal`] names what is not granted or not allowed.
    pub fn check(&self, catalog: &Catalog) -> Result<(), QueryRefusal> {
        match self {
            Self::Figures(query) => query.check(catalog),
            Self::Scores(request) => request.check(catalog),
        }
    }

    /// The name of its technique.
    pub fn technique(&self) -> &'static str {
        match self {
            Self::Figures(_) => FIGURES,
            Self::Scores(_) => SCORES,
        }
    }

    /// The tables that it names.
    pub fn tables(&self) -> &[QueryTable] {
        match self {
            Self::Figures(query) => &query.tables,
            Self::Scores(request) => std::slice::from_ref(&request.table),
        }
    }

    /// The tables that it names, to be named anew.
    pub fn tables_mut(&mut self) -> &mut [QueryTable] {
        match self {
            Self::Figures(query) => &mut query.tables,
            Self::Scores(request) => std::slice::from_mut(&mut request.table),
        }
    }

    /// Its canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Figures(query) => query.to_bytes(),
            Self::Scores(request) => request.to_bytes(),
        }
    }

    /// What job and evidence call it by.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Figures(query) => query.digest(),
            Self::Scores(request) => request.digest(),
        }
    }
}

impl From<Query> for Program {
    fn from(query: Query) -> Self {
        Self::Figures(query)
    }
}

impl From<ScoreRequest> for Program {
    fn from(request: ScoreRequest) -> Self {
        Self::Scores(request)
    }
}
