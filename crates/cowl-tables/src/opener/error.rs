//! Why nothing is opened.

use cowl_query::EngineError;

use crate::cohort::CohortError;
use crate::layout::LayoutError;
use crate::moments::MomentsError;

/// Why a query is not answered, or an answer not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The asker's to mend: too few rows, or too few compared with what was answered before.
    #[error(transparent)]
    Cohort(#[from] CohortError),
    /// The asker's to mend: a figure of one variable, asked of a category that has several.
    #[error(
        "'{column}' is a category of {levels} levels, so {function} has no one number of it; as one of the other \
         columns of enc_linreg it brings an indicator for each level but one"
    )]
    Category {
        /// The column.
        column: String,
        /// Its levels, the reference included.
        levels: usize,
        /// The aggregate.
        function: &'static str,
    },
    /// The asker's to mend, or of this machine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The cloud's fault: an answer to something else, or from before.
    #[error("the cloud answered another query; nothing is shown")]
    OtherQuery,
    /// The cloud's fault: other groups, keys or counts than the table has.
    #[error("the cloud's groups are not those of this query over this table; nothing is shown")]
    OtherGroups,
    /// The cloud's fault: sums that are not those of the selected rows.
    #[error("the cloud did not add the rows of this query: {0}")]
    Forged(LayoutError),
    /// The cloud's fault: ciphertexts that are none of this key.
    #[error("the cloud's ciphertexts do not open: {0}")]
    Ciphertexts(cowl_paillier::Error),
    /// The cloud's fault if the tags fit by chance: sums that no rows have.
    #[error(transparent)]
    Sums(MomentsError),
    /// Parts that are not of one table: the owner's profile, or its vault, mixed them up.
    #[error("the {what} is not of this table")]
    OtherTable {
        /// Which part.
        what: &'static str,
    },
    /// A codebook that does not say where values lie: the table must be sealed again.
    #[error(transparent)]
    Plan(LayoutError),
}

impl OpenError {
    /// Whether the cloud did not do what it was asked. To be logged, and not to be told to the cloud: an opener that
    /// says when a forgery failed helps to make the next one.
    pub fn is_the_clouds_fault(&self) -> bool {
        matches!(
            self,
            Self::OtherQuery | Self::OtherGroups | Self::Forged(_) | Self::Ciphertexts(_) | Self::Sums(_)
        )
    }

    /// What the asker is told. Counts of few rows are not in it: they would say what the refusal is to hide.
    pub fn to_asker(&self) -> String {
        match self {
            Self::Cohort(why) => why.to_asker(),
            Self::Category { .. } | Self::Engine(_) => self.to_string(),
            _ => "the query could not be answered now; its owner knows why".to_owned(),
        }
    }
}
