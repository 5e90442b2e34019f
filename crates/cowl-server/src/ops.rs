//! For operators: is it up, how is it doing, what does it speak.

use std::sync::OnceLock;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use cowl_api::types::ServerInfo;
use cowl_api::{Problem, ProblemCode};

use crate::app::Shared;
use crate::extract::Json;
use crate::refusal::Refusal;

/// Version of the HTTP contract.
const API: u32 = 1;
/// How long database and part store may take to say that they are there.
const READY_WITHIN: Duration = Duration::from_secs(3);

pub(crate) async fn server(State(app): State<Shared>) -> Json<ServerInfo> {
    Json(ServerInfo {
        origin: app.log.origin().to_owned(),
        log_key: app.log.verifying_key().as_bytes().as_slice().into(),
        api: API,
        max_upload: app.config.limits.max_upload,
    })
}

pub(crate) async fn health() -> &'static str {
    "ok\n"
}

pub(crate) async fn ready(State(app): State<Shared>) -> Result<&'static str, Refusal> {
    let both = async { tokio::try_join!(app.ledger.ping(), app.parts.ping()) };
    match tokio::time::timeout(READY_WITHIN, both).await {
        Ok(Ok(_)) => Ok("ready\n"),
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready");
            Err(not_ready())
        }
        Err(_) => Err(not_ready()),
    }
}

fn not_ready() -> Refusal {
    Problem::new(ProblemCode::Unavailable, "database or part store do not answer").into()
}

/// Prometheus text, on a listener of its own: no part of the contract with clients.
pub(crate) const METRICS: &str = "/metrics";

pub(crate) async fn metrics(State(app): State<Shared>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.render())
}

pub(crate) async fn openapi() -> impl IntoResponse {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    let document = DOCUMENT
        .get_or_init(|| cowl_api::openapi::document().to_json().expect("the document has string keys only"));
    ([(CONTENT_TYPE, "application/json")], document.as_str())
}
