//! The services that know more of callers. Whom they know follows from the names: a caller `x-7` has the group `g-x-7`.

use super::Planted;
use super::ledger::Invariant;
use super::service::Service;
use lab::server::{Answer, Received};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// How large the answers are with which a planted fault fills memory.
const LARGE: usize = 60_000;

/// The opaque tokens whose callers were signed out, and when.
pub(super) type Revoked = Arc<Mutex<Vec<(String, Instant)>>>;

/// Knows what everybody may but those whose names begin with `nobody`.
pub(super) fn directory() -> Result<Service, String> {
    Service::start(|request, lies| {
        let subject = request.target.rsplit('/').next().unwrap_or_default();
        if lies || subject.starts_with("nobody") {
            return Answer::json(200, &json!({ "permissions": [] }));
        }
        let permissions = ["report.read".to_owned(), format!("p-{subject}")];
        Answer::json(200, &json!({ "permissions": permissions }))
    })
}

/// A token is `tok.SUBJECT.SERIAL`.
pub(super) fn introspection(planted: Planted, revoked: &Revoked) -> Result<Service, String> {
    let revoked = Arc::clone(revoked);
    Service::start(move |request, lies| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let token = body
            .split('&')
            .find_map(|pair| pair.strip_prefix("token="))
            .unwrap_or_default();
        let revoked = revoked.lock().unwrap();
        let is_revoked = revoked.iter().any(|(known, _)| known == token);
        let subject = token
            .strip_prefix("tok.")
            .and_then(|rest| rest.split('.').next());
        let Some(subject) = subject.filter(|_| !lies && !is_revoked) else {
            return Answer::json(200, &json!({ "active": false }));
        };
        let mut answer =
            json!({ "active": true, "sub": subject, "groups": [format!("g-{subject}")] });
        if planted == Some(Invariant::Memory) {
            let many: Vec<_> = (0..LARGE / 12).map(|n| format!("group-{n:04}")).collect();
            answer["more"] = json!(many);
        }
        Answer::json(200, &answer)
    })
}

/// Lets everybody do everything but those whose names begin with `nobody`.
pub(super) fn decision() -> Result<Service, String> {
    Service::start(|request, lies| {
        let asked: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let subject = asked["input"]["subject"]["id"].as_str().unwrap_or("nobody");
        Answer::json(
            200,
            &json!({ "result": !lies && !subject.starts_with("nobody") }),
        )
    })
}

/// Knows the API keys `rk.SUBJECT`, and users whose password is `pw-` and their name.
pub(super) fn verifier() -> Result<Service, String> {
    Service::start(|request, lies| match (lies, verified(request)) {
        (false, Some(subject)) => Answer::json(
            200,
            &json!({ "sub": subject, "groups": [format!("g-{subject}")] }),
        ),
        _ => Answer::text(401, "no"),
    })
}

fn verified(request: &Received) -> Option<String> {
    let asked: Value = serde_json::from_slice(&request.body).ok()?;
    if let Some(key) = asked["key"].as_str() {
        return key.strip_prefix("rk.").map(str::to_owned);
    }
    let (name, password) = (asked["username"].as_str()?, asked["password"].as_str()?);
    (password.strip_prefix("pw-") == Some(name)).then(|| name.to_owned())
}
