//! The filter's questions.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::{Shared, answer, failed, refusal, unavailable};
use crate::users::VerifyError;
use crate::{entry, keys, users};

/// `GET /v1/subjects/{subject}`: groups, roles, permissions and profile, or 404 for one of whom nothing is known.
pub(super) async fn subject(
    State(app): Shared,
    subject: Result<Path<String>, PathRejection>,
) -> Response {
    let Ok(Path(subject)) = subject else {
        return refusal(StatusCode::BAD_REQUEST, "Malformed subject");
    };
    match entry::find(&app.database, &subject).await {
        Ok(Some(entry)) => answer(StatusCode::OK, &entry.to_json()),
        Ok(None) => refusal(StatusCode::NOT_FOUND, "Unknown subject"),
        Err(error) => failed(&error),
    }
}

/// A credential, as the filter posts it.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Credential {
    Basic { username: String, password: String },
    ApiKey { key: String },
}

/// `POST /v1/verify`: 200 with the caller's claims, or 401.
pub(super) async fn verify(State(app): Shared, body: Result<Bytes, BytesRejection>) -> Response {
    let credential = match body {
        Ok(body) => serde_json::from_slice(&body),
        Err(rejection) => return refusal(rejection.status(), "Malformed request"),
    };
    // What stands in the body is a secret: nothing of it is said.
    let verified = match credential {
        Ok(Credential::Basic { username, password }) => {
            users::verify(&app.database, &app.checker, &username, &password).await
        }
        Ok(Credential::ApiKey { key }) => keys::verify(&app.database, &key)
            .await
            .map_err(VerifyError::Database),
        Err(_) => return refusal(StatusCode::BAD_REQUEST, "Malformed request"),
    };
    match verified {
        Ok(Some(claims)) => answer(StatusCode::OK, &claims),
        Ok(None) => refusal(StatusCode::UNAUTHORIZED, "Invalid credentials"),
        Err(VerifyError::Database(error)) => failed(&error),
        Err(VerifyError::Unchecked(error)) => {
            crate::log::warn(&error.to_string());
            unavailable()
        }
    }
}
