//! How a request is turned down.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use cowl_api::problem::MEDIA_TYPE;
use cowl_api::{Problem, ProblemCode};
use cowl_crypto::opaque::OpaqueError;
use cowl_domain::party::BindingError;
use cowl_domain::{IdError, StatementError, WireError};
use cowl_store::StoreError;

/// A problem on its way to the client.
#[derive(Debug)]
pub(crate) struct Refusal {
    problem: Problem,
    retry_after: Option<u64>,
}

impl Refusal {
    pub(crate) fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Problem::new(code, detail).into()
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(ProblemCode::BadRequest, detail)
    }

    pub(crate) fn not_found() -> Self {
        Problem::not_found().into()
    }

    pub(crate) fn unauthenticated() -> Self {
        Problem::new(ProblemCode::Unauthenticated, "no session, or one that has ended")
            .with_hint("log in again")
            .into()
    }

    /// One text for a wrong password, an unknown handle, and an attempt that is used up or too old.
    pub(crate) fn wrong_credentials() -> Self {
        Self::new(ProblemCode::WrongCredentials, "handle or password are wrong")
    }

    pub(crate) fn too_many_requests(seconds: u64) -> Self {
        let problem = Problem::new(ProblemCode::TooManyRequests, "too many attempts")
            .with_hint(format!("try again in {seconds} s"));
        Self { problem, retry_after: Some(seconds) }
    }

    pub(crate) fn too_large(detail: impl Into<String>) -> Self {
        Self::new(ProblemCode::TooLarge, detail)
    }

    pub(crate) fn internal() -> Self {
        Self::new(ProblemCode::Internal, "a fault of the server; nothing was acknowledged")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.code.status()).expect("the codes are HTTP statuses");
        let body = serde_json::to_vec(&self.problem).expect("a problem has string keys only");
        let mut response = (status, body).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { problem, retry_after: None }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::not_found(),
            StoreError::Conflict { what } => {
                Problem::new(ProblemCode::Conflict, format!("the {what} has changed meanwhile or is taken"))
                    .with_hint("look again, then try again")
                    .into()
            }
            StoreError::Refused { reason } => Self::new(ProblemCode::NotAllowed, reason),
            StoreError::QuotaExceeded { .. } => Self::new(ProblemCode::QuotaExceeded, error.to_string()),
            StoreError::Full { what } => unavailable(format!("no space is left for the {what}"), &error),
            StoreError::Unavailable { what, .. } => {
                unavailable(format!("the {what} does not answer"), &error)
            }
            StoreError::Contended { what } => unavailable(format!("the {what} is too busy"), &error),
            other => {
                tracing::error!(error = %other, "the store failed");
                Self::internal()
            }
        }
    }
}

fn unavailable(what: impl std::fmt::Display, error: &StoreError) -> Refusal {
    tracing::error!(%error, "the store does not serve");
    Problem::new(ProblemCode::Unavailable, format!("{what}; nothing was acknowledged"))
        .with_hint("try again later")
        .into()
}

impl From<StatementError> for Refusal {
    fn from(error: StatementError) -> Self {
        match error {
            StatementError::WrongKeyVersion { .. } => Problem::new(
                ProblemCode::Conflict,
                "the statement is signed with keys that are not the newest",
            )
            .with_hint("sign it again with the newest keys")
            .into(),
            StatementError::WrongSigner { what, .. } => Self::new(
                ProblemCode::NotAllowed,
                format!("this {what} is not signed by the party that must sign it"),
            ),
            other => Self::bad_request(other.to_string()),
        }
    }
}

impl From<BindingError> for Refusal {
    fn from(error: BindingError) -> Self {
        match error {
            BindingError::Statement(inner) => inner.into(),
            BindingError::NotContinuing { .. } => {
                Self::new(ProblemCode::Conflict, "the keys do not continue the version that is known")
            }
            _ => Self::bad_request("the keys do not yield the party's identifier"),
        }
    }
}

impl From<WireError> for Refusal {
    fn from(error: WireError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<IdError> for Refusal {
    fn from(error: IdError) -> Self {
        Self::bad_request(format!("this is not the identifier of a kind '{}'", error.kind))
    }
}

impl From<OpaqueError> for Refusal {
    fn from(error: OpaqueError) -> Self {
        match error {
            OpaqueError::Refused => Self::wrong_credentials(),
            OpaqueError::Memory => Self::internal(),
            other => Self::bad_request(other.to_string()),
        }
    }
}
