//! Whoever stands between a vault and the cloud, or runs the cloud: sees everything, changes anything.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use cowl_api::{Problem, ProblemCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Cloud;

/// A proxy that passes everything on until it is told otherwise.
pub struct Mallory {
    url: String,
    shared: Arc<Shared>,
}

/// What the vault asked.
#[derive(Clone)]
pub struct Question {
    pub method: Method,
    /// Path and query.
    pub target: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// What it is told.
#[derive(Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// A question with the answer that the vault got.
pub type Exchange = (Question, Answer);

type OnQuestion = Box<dyn FnMut(&mut Question) -> Option<Answer> + Send>;
type OnAnswer = Box<dyn FnMut(&Question, &mut Answer) + Send>;

struct Shared {
    http: reqwest::Client,
    upstream: Mutex<String>,
    /// Routes that lead to another cloud.
    detours: Mutex<HashMap<&'static str, String>>,
    questions: Mutex<Vec<(&'static str, OnQuestion)>>,
    answers: Mutex<Vec<(&'static str, OnAnswer)>>,
    heard: Mutex<Vec<Exchange>>,
    /// Longer bodies are not kept.
    kept: AtomicUsize,
}

impl Mallory {
    pub async fn before(cloud: &Cloud) -> Self {
        let shared = Arc::new(Shared {
            http: reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap(),
            upstream: Mutex::new(cloud.url()),
            detours: Mutex::default(),
            questions: Mutex::default(),
            answers: Mutex::default(),
            heard: Mutex::default(),
            kept: AtomicUsize::new(KEPT),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(relay).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Everything goes to this cloud from now on.
    pub fn lead_to(&self, cloud: &Cloud) {
        *self.shared.upstream.lock().unwrap() = cloud.url();
    }

    /// One route goes to this cloud from now on.
    pub fn detour(&self, route: &'static str, cloud: &Cloud) {
        self.shared.detours.lock().unwrap().insert(route, cloud.url());
    }

    /// Changes good JSON answers of a route.
    pub fn alter<T: Serialize + DeserializeOwned>(
        &self,
        route: &'static str,
        mut change: impl FnMut(&mut T) + Send + 'static,
    ) {
        self.on_answer(route, move |_, answer| {
            if answer.status.is_success() && !answer.body.is_empty() {
                let mut value: T = serde_json::from_slice(&answer.body).unwrap();
                change(&mut value);
                answer.body = serde_json::to_vec(&value).unwrap();
            }
        });
    }

    /// Changes any answers of a route.
    pub fn on_answer(
        &self,
        route: &'static str,
        change: impl FnMut(&Question, &mut Answer) + Send + 'static,
    ) {
        self.shared.answers.lock().unwrap().push((route, Box::new(change)));
    }

    /// Answers questions of a route itself, or lets them through, changed or not.
    pub fn on_question(
        &self,
        route: &'static str,
        decide: impl FnMut(&mut Question) -> Option<Answer> + Send + 'static,
    ) {
        self.shared.questions.lock().unwrap().push((route, Box::new(decide)));
    }

    /// Says to every question of a route what it said before.
    pub fn replay(&self, route: &'static str, answer: Answer) {
        self.on_question(route, move |_| Some(answer.clone()));
    }

    /// Lets `passed` questions of a route through and fails all after them.
    pub fn fail_after(&self, route: &'static str, passed: usize) {
        let mut left = passed;
        self.on_question(route, move |_| match left.checked_sub(1) {
            Some(less) => {
                left = less;
                None
            }
            None => Some(Answer::failure()),
        });
    }

    /// Behaves from now on.
    pub fn relent(&self) {
        self.shared.detours.lock().unwrap().clear();
        self.shared.questions.lock().unwrap().clear();
        self.shared.answers.lock().unwrap().clear();
    }

    /// Keeps bodies of any length from now on.
    pub fn keep_everything(&self) {
        self.shared.kept.store(usize::MAX, Ordering::Relaxed);
    }

    /// All that passed, in order. Bodies of more than a few megabytes are kept only after
    /// [`Mallory::keep_everything`].
    pub fn heard(&self) -> Vec<Exchange> {
        self.shared.heard.lock().unwrap().clone()
    }

    /// The exchanges of one route.
    pub fn heard_on(&self, method: &Method, route: &str) -> Vec<Exchange> {
        let fits = |(question, _): &Exchange| question.method == *method && leads(route, &question.target);
        self.heard().into_iter().filter(fits).collect()
    }

    /// The last good answer on a route.
    pub fn last_answer(&self, method: &Method, route: &str) -> Answer {
        let good = self.heard_on(method, route).into_iter().filter(|(_, answer)| answer.status.is_success());
        good.last().unwrap_or_else(|| panic!("nothing was heard on {route}")).1
    }

    pub fn forget(&self) {
        self.shared.heard.lock().unwrap().clear();
    }
}

impl Answer {
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn with_json(&self, value: &impl Serialize) -> Self {
        Self { body: serde_json::to_vec(value).unwrap(), ..self.clone() }
    }

    /// A problem that no client repeats.
    pub fn failure() -> Self {
        let problem = Problem::new(ProblemCode::Internal, "this was cut by the test");
        let mut headers = HeaderMap::new();
        headers.insert("content-type", cowl_api::problem::MEDIA_TYPE.parse().unwrap());
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self { status, headers, body: serde_json::to_vec(&problem).unwrap() }
    }
}

impl Question {
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Whether it is about this (identifier in the path or query).
    pub fn names(&self, id: &impl ToString) -> bool {
        self.target.contains(&id.to_string())
    }
}

/// Whether a target is of a route with `{…}` in it.
fn leads(route: &str, target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    let (mut wanted, mut found) = (route.split('/'), path.split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some(w), Some(f)) if w == f || w.starts_with('{') => {}
            _ => return false,
        }
    }
}

async fn relay(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default().to_vec();
    let target = head.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let mut question = Question { method: head.method, target, headers: head.headers, body };
    let own = decide(&shared, &mut question);
    let mut answer = match own {
        Some(answer) => answer,
        None => shared.ask(&question).await,
    };
    for (route, change) in shared.answers.lock().unwrap().iter_mut() {
        if leads(route, &question.target) {
            change(&question, &mut answer);
        }
    }
    shared.note(question, &answer);
    respond(answer)
}

fn decide(shared: &Shared, question: &mut Question) -> Option<Answer> {
    let mut rules = shared.questions.lock().unwrap();
    rules.iter_mut().find_map(
        |(route, decide)| {
            if leads(route, &question.target) { decide(question) } else { None }
        },
    )
}

impl Shared {
    async fn ask(&self, question: &Question) -> Answer {
        let detour = {
            let detours = self.detours.lock().unwrap();
            detours.iter().find(|(route, _)| leads(route, &question.target)).map(|(_, url)| url.clone())
        };
        let base = detour.unwrap_or_else(|| self.upstream.lock().unwrap().clone());
        let mut headers = question.headers.clone();
        for own in [HOST, CONTENT_LENGTH, TRANSFER_ENCODING] {
            headers.remove(own);
        }
        let request = self.http.request(question.method.clone(), format!("{base}{}", question.target));
        let sent = request.headers(headers).body(question.body.clone()).send().await;
        let Ok(response) = sent else { return Answer::failure() };
        let (status, headers) = (response.status(), response.headers().clone());
        match response.bytes().await {
            Ok(body) => Answer { status, headers, body: body.to_vec() },
            Err(_) => Answer::failure(),
        }
    }

    fn note(&self, question: Question, answer: &Answer) {
        let kept = self.kept.load(Ordering::Relaxed);
        let short = |body: &[u8]| if body.len() <= kept { body.to_vec() } else { Vec::new() };
        let question = Question { body: short(&question.body), ..question };
        let answer = Answer { body: short(&answer.body), ..answer.clone() };
        self.heard.lock().unwrap().push((question, answer));
    }
}

fn respond(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(Bytes::from(answer.body)));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    // What was changed may have another length.
    response.headers_mut().remove(CONTENT_LENGTH);
    response.headers_mut().remove(TRANSFER_ENCODING);
    response
}

const KEPT: usize = 4 << 20;
