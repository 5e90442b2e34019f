//! Which handler serves which route, and what surrounds all of them.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use cowl_api::{Problem, ProblemCode, paths};
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::Shared;
use crate::refusal::Refusal;
use crate::{
    accounts, commits, downloads, grants, jobs, log, ops, reads, records, requests, tables, trace, uploads,
};

pub(crate) fn router(app: Shared) -> Router {
    let limit = usize::try_from(app.config.limits.max_body).unwrap_or(usize::MAX);
    let calls = account_routes()
        .merge(record_routes())
        .merge(grant_routes())
        .merge(job_routes())
        .merge(log_routes())
        .merge(ops_routes());
    calls
        .layer(from_fn_with_state(Arc::clone(&app), bound_time))
        .merge(transfer_routes())
        .fallback(nothing_here)
        .method_not_allowed_fallback(nothing_here)
        .layer(DefaultBodyLimit::max(limit))
        .layer(CatchPanicLayer::custom(after_panic))
        .layer(from_fn(trace::observe))
        .with_state(app)
}

/// What is for the operator's own network.
pub(crate) fn metrics_router(app: Shared) -> Router {
    Router::new().route(ops::METRICS, get(ops::metrics)).fallback(nothing_here).with_state(app)
}

fn account_routes() -> Router<Shared> {
    Router::new()
        .route(paths::REGISTER_START, post(accounts::register_start))
        .route(paths::REGISTER_FINISH, post(accounts::register_finish))
        .route(paths::LOGIN_START, post(accounts::login_start))
        .route(paths::LOGIN_FINISH, post(accounts::login_finish))
        .route(paths::SESSION, delete(accounts::logout))
        .route(paths::ACCOUNT, get(accounts::account).delete(accounts::delete_account))
        .route(paths::PASSWORD_START, post(accounts::password_start))
        .route(paths::PASSWORD_FINISH, post(accounts::password_finish))
        .route(paths::PARTY, get(accounts::party))
        .route(paths::PARTIES, get(accounts::parties))
        .route(paths::KEYS, post(accounts::next_keys))
}

fn record_routes() -> Router<Shared> {
    Router::new()
        .route(paths::RECORDS, get(records::records).post(records::new_record))
        .route(paths::RECORD, get(records::record))
        .route(paths::ITEMS, get(records::items))
        .route(paths::PARTS_KNOWN, post(uploads::parts_known))
        .route(paths::COMMITS, post(commits::commit))
        .route(paths::READS, post(reads::open_reads))
}

fn job_routes() -> Router<Shared> {
    Router::new()
        .route(paths::JOBS, get(jobs::jobs).post(jobs::make_job))
        .route(paths::JOB, get(jobs::job).delete(jobs::withdraw))
        .route(paths::CONSENT, post(jobs::consent))
        .route(paths::REFUSAL, post(jobs::refuse))
        .route(paths::SETTLEMENT, post(jobs::settle))
        .route(paths::TABLE, get(tables::table))
}

/// Bodies of many megabytes, and long computations: they may take their time, but must not stand still.
fn transfer_routes() -> Router<Shared> {
    Router::new()
        .route(paths::PARTS, post(uploads::upload))
        .route(paths::PART, get(downloads::part))
        .route(paths::PARTS_BATCH, post(downloads::parts_batch))
        .route(paths::COMPUTATION, post(jobs::answer))
}

fn grant_routes() -> Router<Shared> {
    Router::new()
        .route(paths::GRANTS, get(grants::grants).post(grants::make_grants))
        .route(paths::GRANT, get(grants::grant))
        .route(paths::REVOCATION, post(grants::revoke))
        .route(paths::REKEYED, post(grants::rekeyed))
        .route(paths::REQUESTS, get(requests::requests).post(requests::make_request))
        .route(paths::ANSWER, post(requests::answer))
}

fn log_routes() -> Router<Shared> {
    Router::new()
        .route(paths::CHECKPOINT, get(log::checkpoint))
        .route(paths::CONSISTENCY, get(log::consistency))
        .route(paths::INCLUSION, get(log::inclusion))
        .route(paths::EVENTS, get(log::events))
        .route(paths::BINDINGS, get(log::bindings))
}

fn ops_routes() -> Router<Shared> {
    Router::new()
        .route(paths::SERVER, get(ops::server))
        .route(paths::HEALTH, get(ops::health))
        .route(paths::READY, get(ops::ready))
        .route(paths::OPENAPI, get(ops::openapi))
}

async fn nothing_here() -> Refusal {
    Refusal::not_found()
}

async fn bound_time(State(app): State<Shared>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(app.config.limits.call(), next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let problem =
                Problem::new(ProblemCode::Unavailable, "the call took too long").with_hint("try again later");
            Refusal::from(problem).into_response()
        }
    }
}

/// What the panic says stays here: it may hold what came with the request.
fn after_panic(_: Box<dyn Any + Send>) -> Response {
    Refusal::internal().into_response()
}
