//! Errors as they travel: RFC 9457 problem details with a fixed list of codes.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// What went wrong, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ProblemCode {
    /// The request is not of the contract's form.
    BadRequest,
    /// Nobody is logged in, or the session has ended.
    Unauthenticated,
    /// Handle or password are wrong; which of them is not said.
    WrongCredentials,
    /// It is not there, or it is not the caller's to see; which of them is not said.
    NotFound,
    /// The caller sees it but may not do this.
    NotAllowed,
    /// Somebody else was first: a name is taken, a head has moved on.
    Conflict,
    /// Too many attempts; try again later.
    TooManyRequests,
    /// The caller's quota is used up.
    QuotaExceeded,
    /// The body is larger than the server takes.
    TooLarge,
    /// A part does not have the hash or size that was announced for it.
    PartMismatch,
    /// A part that was acknowledged is no longer there, or no longer whole.
    PartLost,
    /// The item is no sealed table, or a damaged one.
    NotATable,
    /// The query is not allowed over these tables, or takes too much; the detail says what would be.
    QueryRefused,
    /// Database or part store do not answer; nothing was acknowledged.
    Unavailable,
    /// A fault of the server.
    Internal,
}

impl ProblemCode {
    /// Its HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest | Self::PartMismatch => 400,
            Self::Unauthenticated | Self::WrongCredentials => 401,
            Self::NotAllowed => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::PartLost => 410,
            Self::TooLarge => 413,
            Self::NotATable | Self::QueryRefused => 422,
            Self::TooManyRequests => 429,
            Self::QuotaExceeded => 507,
            Self::Unavailable => 503,
            Self::Internal => 500,
        }
    }
}

/// A problem: what happened, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, thiserror::Error)]
pub struct Problem {
    /// For programs.
    pub code: ProblemCode,
    /// For people: what happened. Holds no name and no content, except names of tables and columns that the caller may
    /// see.
    pub detail: String,
    /// For people: what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    /// A problem without a hint.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), hint: None }
    }

    /// The same with a hint what to do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The one answer for "not there" and "not yours".
    pub fn not_found() -> Self {
        Self::new(ProblemCode::NotFound, "there is nothing here that you may see")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)?;
        self.hint.iter().try_for_each(|hint| write!(f, "; {hint}"))
    }
}
