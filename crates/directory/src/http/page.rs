//! Pages for people: who has what, and why. Plain HTML, made here; no script.

mod html;

use std::sync::LazyLock;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use self::html::{STYLE, document, escape, link, refused};
use super::Shared;
use crate::browse::{self, PAGE};
use crate::database::DatabaseError;
use crate::entry;

/// Nothing but this service's own style: no script, no picture, no frame, no form that leads elsewhere.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// What the list is narrowed to.
#[derive(Deserialize)]
pub(super) struct Search {
    /// How the names begin.
    #[serde(default)]
    q: String,
    /// The last name of the page before.
    #[serde(default)]
    after: String,
}

/// Whom the other page is about.
#[derive(Deserialize)]
pub(super) struct Subject {
    name: String,
}

/// `GET /`: the subjects, some at a time.
pub(super) async fn list(
    State(app): Shared,
    search: Result<Query<Search>, QueryRejection>,
) -> Response {
    let Ok(Query(Search { q, after })) = search else {
        return page(
            StatusCode::BAD_REQUEST,
            &refused("This address is not well-formed."),
        );
    };
    let found = browse::subjects(&app.database, &q, &after).await;
    let (subjects, more) = match found {
        Ok(found) => found,
        Err(error) => return unavailable(&error),
    };
    let mut body = html::search(&q);
    body.push_str(&html::subjects(&subjects));
    body.push_str("<nav>");
    if !after.is_empty() {
        let first = link("/", &[("q", &q)]);
        body.push_str(&format!("<a href=\"{first}\">First page</a> "));
    }
    if let Some(last) = subjects.last().filter(|_| more) {
        let next = link("/", &[("q", &q), ("after", last)]);
        body.push_str(&format!("<a href=\"{next}\" rel=\"next\">Next {PAGE}</a>"));
    }
    body.push_str("</nav>\n");
    page(StatusCode::OK, &document("Subjects", &body))
}

/// `GET /subject?name=…`: what one subject has, and why.
pub(super) async fn subject(
    State(app): Shared,
    subject: Result<Query<Subject>, QueryRejection>,
) -> Response {
    let Ok(Query(Subject { name })) = subject else {
        return page(
            StatusCode::BAD_REQUEST,
            &refused("This address is not well-formed."),
        );
    };
    let found = async {
        let entry = entry::find(&app.database, &name).await?;
        let credentials = browse::credentials(&app.database, &name).await?;
        Ok::<_, DatabaseError>((entry, credentials))
    };
    let (entry, credentials) = match found.await {
        Ok(found) => found,
        Err(error) => return unavailable(&error),
    };
    let (status, known) = match &entry {
        Some(entry) => (StatusCode::OK, html::entry(entry)),
        None => (StatusCode::NOT_FOUND, html::UNKNOWN.to_owned()),
    };
    let (shown, credentials) = (escape(&name), html::credentials(&credentials));
    let body = format!(
        "<nav><a href=\"/\">All subjects</a></nav>\n<h1><bdi>{shown}</bdi></h1>\n{known}{credentials}"
    );
    page(status, &document(&name, &body))
}

fn unavailable(error: &DatabaseError) -> Response {
    crate::log::warn(&error.to_string());
    let text = refused("The database gives no answer. The service's log says why.");
    page(StatusCode::SERVICE_UNAVAILABLE, &text)
}

fn page(status: StatusCode, html: &str) -> Response {
    let headers: [(HeaderName, HeaderValue); 4] = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
    ];
    (status, headers, html.to_owned()).into_response()
}
