//! What the service answers: questions of the filter, pages for people, and how it is itself.

mod access;
mod api;
mod metrics;
mod page;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

pub(crate) use self::access::Tokens;
pub(crate) use self::metrics::Metrics;
use crate::database::{Database, DatabaseError};
use crate::password::Checker;

/// The longest body that is read, in bytes: a name and a password.
const LONGEST_BODY: usize = 64 * 1024;

/// What every request needs.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) database: Database,
    pub(crate) checker: Checker,
    pub(crate) metrics: Metrics,
    /// Whom the filter's side of the service knows; nobody is asked where it is empty.
    pub(crate) tokens: Tokens,
    /// Whom the page knows; `None` where there is no page.
    pub(crate) page_tokens: Option<Tokens>,
    /// How long an answer may take.
    pub(crate) timeout: Duration,
    /// Whether the service is about to end.
    pub(crate) ending: AtomicBool,
}

type Shared = State<Arc<App>>;

/// Who may ask for a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Area {
    /// The filter.
    Api,
    /// Whoever watches the service.
    Health,
    /// People.
    Page,
}

impl Area {
    fn of(path: &str) -> Self {
        match path {
            "/healthz" | "/readyz" | "/metrics" => Self::Health,
            "/" | "/subject" => Self::Page,
            _ => Self::Api,
        }
    }
}

/// The whole service.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/healthz", get(async || StatusCode::OK))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/v1/subjects/{subject}", get(api::subject))
        .route("/v1/verify", post(api::verify))
        .route("/", get(page::list))
        .route("/subject", get(page::subject))
        .fallback(async || refusal(StatusCode::NOT_FOUND, "Not found"))
        .method_not_allowed_fallback(async || {
            refusal(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
        })
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(from_fn_with_state(Arc::clone(&app), guard))
        .with_state(app)
}

/// Lets in whoever may ask, ends what takes too long, and counts.
async fn guard(State(app): Shared, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let endpoint = metrics::endpoint(request.uri().path());
    let refused = match Area::of(request.uri().path()) {
        Area::Health => None,
        Area::Api => app.tokens.refuse_bearer(request.headers()),
        Area::Page => match &app.page_tokens {
            Some(tokens) => tokens.refuse_basic(request.headers()),
            None => Some(refusal(StatusCode::NOT_FOUND, "Not found")),
        },
    };
    let mut response = match refused {
        Some(refused) => refused,
        None => tokio::time::timeout(app.timeout, next.run(request))
            .await
            .unwrap_or_else(|_| unavailable()),
    };
    // What is said of people is for who asked, and true now.
    response
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    app.metrics
        .count(endpoint, response.status(), start.elapsed());
    response
}

/// Ready where the database answers, and not about to end.
async fn ready(State(app): Shared) -> Response {
    if app.ending.load(Ordering::Relaxed) {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "Ending");
    }
    match app
        .database
        .rows("SELECT 'yes' FROM authz_users WHERE id = ''", &[])
        .await
    {
        Ok(_) => StatusCode::OK.into_response(),
        Err(error) => failed(&error),
    }
}

async fn metrics(State(app): Shared) -> Response {
    let (connections, idle) = app.database.connections();
    let text = app.metrics.text(connections, idle);
    let kind = HeaderValue::from_static("text/plain; version=0.0.4");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// JSON of any status.
fn answer(status: StatusCode, body: &Value) -> Response {
    let kind = HeaderValue::from_static("application/json");
    let body = Body::from(body.to_string());
    (status, [(header::CONTENT_TYPE, kind)], body).into_response()
}

/// An answer that is none.
fn refusal(status: StatusCode, detail: &str) -> Response {
    answer(status, &json!({ "detail": detail }))
}

/// 503: the filter takes it for an outage, and nobody gets in.
fn unavailable() -> Response {
    let mut response = refusal(StatusCode::SERVICE_UNAVAILABLE, "Directory unavailable");
    let soon = HeaderValue::from_static("1");
    response.headers_mut().insert(header::RETRY_AFTER, soon);
    response
}

/// The database gave no answer. Why is for the log, and for nobody who asks.
fn failed(error: &DatabaseError) -> Response {
    crate::log::warn(&error.to_string());
    unavailable()
}
