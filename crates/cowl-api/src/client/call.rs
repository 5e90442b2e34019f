//! One call: build, send, repeat where that is harmless, read within bounds.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Client, ClientError};
use crate::problem::{MEDIA_TYPE, Problem, ProblemCode};

/// Most bytes of a JSON answer.
const MAX_JSON: usize = 64 * 1024 * 1024;
/// Most bytes of a problem.
const MAX_PROBLEM: usize = 64 * 1024;
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What may be done about a call that got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Doing it twice is as good as once.
    Freely,
    /// Only when it certainly never arrived.
    IfUnsent,
}

/// A route with its parameters filled in, and what errors call it.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) route: &'static str,
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) repeat: Repeat,
}

impl Call {
    pub(super) fn read(route: &'static str) -> Self {
        Self::new(Method::GET, route, Repeat::Freely)
    }

    pub(super) fn post(route: &'static str) -> Self {
        Self::new(Method::POST, route, Repeat::IfUnsent)
    }

    pub(super) fn delete(route: &'static str) -> Self {
        Self::new(Method::DELETE, route, Repeat::IfUnsent)
    }

    fn new(method: Method, route: &'static str, repeat: Repeat) -> Self {
        Self { method, route, path: route.to_owned(), query: Vec::new(), repeat }
    }

    /// Fills in `{name}`; the text must need no escaping in a path.
    pub(super) fn with(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.path = self.path.replace(&format!("{{{name}}}"), &value.to_string());
        self
    }

    pub(super) fn query(mut self, name: &'static str, value: Option<impl std::fmt::Display>) -> Self {
        self.query.extend(value.map(|value| (name, value.to_string())));
        self
    }

    /// A post that only asks.
    pub(super) fn freely(mut self) -> Self {
        self.repeat = Repeat::Freely;
        self
    }

    pub(super) fn bad_answer(&self, detail: impl std::fmt::Display) -> ClientError {
        ClientError::BadAnswer { call: format!("{} {}", self.method, self.route), detail: detail.to_string() }
    }
}

impl Client {
    /// Calls without a body and reads JSON.
    pub(super) async fn fetch<R: DeserializeOwned>(&self, call: Call) -> Result<R, ClientError> {
        let body = self.exchange(&call, MAX_JSON, |request| request).await?;
        serde_json::from_slice(&body).map_err(|e| call.bad_answer(e))
    }

    /// Sends JSON and reads JSON.
    pub(super) async fn send<B: Serialize, R: DeserializeOwned>(
        &self,
        call: Call,
        body: &B,
    ) -> Result<R, ClientError> {
        let bytes = encode(body);
        let body = self.exchange(&call, MAX_JSON, |request| json(request, &bytes)).await?;
        serde_json::from_slice(&body).map_err(|e| call.bad_answer(e))
    }

    /// Sends JSON; the answer has no body.
    pub(super) async fn tell<B: Serialize>(&self, call: Call, body: &B) -> Result<(), ClientError> {
        let bytes = encode(body);
        self.exchange(&call, MAX_PROBLEM, |request| json(request, &bytes)).await.map(drop)
    }

    /// Sends and reads nothing but the status.
    pub(super) async fn touch(&self, call: Call) -> Result<(), ClientError> {
        self.exchange(&call, MAX_PROBLEM, |request| request).await.map(drop)
    }

    /// Calls, repeats where allowed, and reads the whole answer of at most `limit` bytes.
    pub(super) async fn exchange(
        &self,
        call: &Call,
        limit: usize,
        prepare: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Bytes, ClientError> {
        let mut attempt = 1;
        loop {
            let outcome = self.attempt(call, limit, &prepare).await;
            match outcome {
                Err(Failure { again: true, .. }) if attempt < self.config.attempts => pause(attempt).await,
                other => return other.map_err(|failure| failure.error),
            }
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        call: &Call,
        limit: usize,
        prepare: &impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Bytes, Failure> {
        let response = self.open(call, prepare).await?;
        let again = call.repeat == Repeat::Freely;
        self.read(call, response, limit)
            .await
            .map_err(|error| Failure { again: again && error.is_passing(), error })
    }

    /// Calls once, and hands out the answer unread if it is a good one.
    pub(super) async fn open(
        &self,
        call: &Call,
        prepare: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, Failure> {
        let freely = call.repeat == Repeat::Freely;
        let sent = prepare(self.request(call)).send().await;
        let response =
            sent.map_err(|e| Failure { again: freely || e.is_connect(), error: self.unreachable(&e) })?;
        if response.status().is_success() {
            return Ok(response);
        }
        let error = self.problem(call, response).await;
        Err(Failure { again: freely && error.code() == Some(ProblemCode::Unavailable), error })
    }

    fn request(&self, call: &Call) -> RequestBuilder {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{}", self.base.path().trim_end_matches('/'), call.path));
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let request = self.http.request(call.method.clone(), url).timeout(self.config.timeouts.request);
        self.authorize(request)
    }

    async fn problem(&self, call: &Call, response: Response) -> ClientError {
        let status = response.status();
        let is_problem = response.headers().get(CONTENT_TYPE).is_some_and(|value| value == MEDIA_TYPE);
        let body = self.read(call, response, MAX_PROBLEM).await;
        match body.map(|body| serde_json::from_slice::<Problem>(&body)) {
            Ok(Ok(problem)) if is_problem => ClientError::Problem(problem),
            Ok(_) => call.bad_answer(format!("status {status} without a problem document")),
            Err(error) => error,
        }
    }

    async fn read(&self, call: &Call, mut response: Response, limit: usize) -> Result<Bytes, ClientError> {
        let announced = response.content_length().unwrap_or(0).min(limit.min(LARGEST_AT_ONCE) as u64);
        let mut body = BytesMut::with_capacity(announced as usize);
        while let Some(chunk) = response.chunk().await.map_err(|e| self.unreachable(&e))? {
            if body.len() + chunk.len() > limit {
                return Err(call.bad_answer(format!("more than {limit} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    pub(super) fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        ClientError::Unreachable { server: self.base.to_string(), detail: causes(error) }
    }
}

/// Bytes that are reserved on the server's word.
const LARGEST_AT_ONCE: usize = 16 << 20;

/// A call that failed, and whether it may be tried again.
pub(super) struct Failure {
    again: bool,
    pub(super) error: ClientError,
}

fn encode<B: Serialize>(body: &B) -> Bytes {
    serde_json::to_vec(body).expect("bodies have string keys only").into()
}

fn json(request: RequestBuilder, bytes: &Bytes) -> RequestBuilder {
    request.header(CONTENT_TYPE, "application/json").body(bytes.clone())
}

/// The innermost cause says what happened; the outer ones repeat the address.
fn causes(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// Doubles with each attempt; the random half keeps clients from coming back all at once.
async fn pause(attempt: u32) {
    let full = FIRST_PAUSE * 2u32.saturating_pow(attempt.min(6) - 1);
    let [random] = cowl_crypto::id::random_bytes::<1>();
    tokio::time::sleep(full / 2 + full * u32::from(random) / 512).await;
}
