//! What is written down of each request: method, route, status, time. No name, no identifier, no query.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use cowl_crypto::id::{encode_id, random_bytes};

/// Ties an answer to its line in the log.
const REQUEST_ID: &str = "x-request-id";

pub(crate) async fn observe(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = method_name(request.method());
    // The template, `/v1/records/{record}`: what stands in its place in the request is nobody's business.
    let route = request.extensions().get::<MatchedPath>().map_or("none", |path| known(path.as_str()));
    let id = encode_id(&random_bytes());
    let mut response = next.run(request).await;
    let seconds = started.elapsed().as_secs_f64();
    let status = response.status().as_u16();
    metrics::counter!("cowl_http_requests_total", "method" => method, "route" => route, "status" => status.to_string())
        .increment(1);
    metrics::histogram!("cowl_http_request_seconds", "method" => method, "route" => route).record(seconds);
    tracing::info!(request = %id, method, route, status, milliseconds = seconds * 1000.0, "request");
    response.headers_mut().insert(REQUEST_ID, HeaderValue::from_str(&id).expect("base32 fits in a header"));
    response
}

/// Routes are few; anything else would be a label that callers choose.
fn known(path: &str) -> &'static str {
    cowl_api::paths::ALL.iter().find(|known| **known == path).copied().unwrap_or("none")
}

fn method_name(method: &axum::http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "DELETE" => "DELETE",
        _ => "other",
    }
}
