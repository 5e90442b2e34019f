//! What a call can come back with instead of an answer.

use crate::problem::Problem;
use crate::problem::ProblemCode;

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The server said no, and why.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// No answer came: no connection, a cut one, or none in time.
    #[error("no answer from {server}: {detail}")]
    Unreachable {
        /// The server's address.
        server: String,
        /// What happened.
        detail: String,
    },
    /// The server answered something that is not of the contract.
    #[error("the server's answer to {call} is not to be understood: {detail}")]
    BadAnswer {
        /// Method and route.
        call: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The client was set up wrongly.
    #[error("{detail}")]
    Config {
        /// What is wrong.
        detail: String,
    },
}

impl ClientError {
    /// The problem's code, if the server named one.
    pub fn code(&self) -> Option<ProblemCode> {
        match self {
            Self::Problem(problem) => Some(problem.code),
            _ => None,
        }
    }

    /// Whether the same call may succeed later without any change.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
            || matches!(self.code(), Some(ProblemCode::Unavailable | ProblemCode::TooManyRequests))
    }
}
