//! What a request and its client see of a decision.

use log::info;

use super::call::{self, MapType};
use super::metrics::{ALLOWED, DENIED, Metrics, SHADOW_DENIED};
use crate::exchange::{Grant, Refusal};
use crate::gateway::Outcome;
use crate::policy::denial::Answer;
use crate::policy::resource_metadata::Document;

/// Ends the wait of a request whose callback this is not; its context is in effect.
pub(super) fn wake(outcome: &Outcome, metrics: &mut Metrics) {
    match outcome {
        Outcome::Held => {}
        Outcome::Forward(grant) => {
            forward(grant, metrics);
            call::resume_request();
        }
        Outcome::Reject(refusal) => reject(refusal, metrics),
        Outcome::Serve(document) => serve(document),
    }
}

/// Changes the request as the grant says.
pub(super) fn forward(grant: &Grant, metrics: &mut Metrics) {
    for name in grant.remove() {
        call::remove_header(MapType::RequestHeaders, name);
    }
    for (name, value) in grant.set() {
        call::set_header(name, value);
    }
    for (name, value) in grant.state() {
        call::set_state(name, value);
    }
    match grant.shadowed() {
        Some(denial) => {
            metrics.count(SHADOW_DENIED, denial.reason());
            info!(
                "auth-filter: would be denied reason={} status={}",
                denial.reason(),
                denial.status()
            );
        }
        None => metrics.count(ALLOWED, ""),
    }
}

/// Answers in the upstream's place.
pub(super) fn reject(refusal: &Refusal, metrics: &mut Metrics) {
    let rule = refusal.rule.as_deref().unwrap_or("-");
    metrics.count(DENIED, refusal.answer.reason);
    info!(
        "auth-filter: denied reason={} status={} rule={rule}",
        refusal.answer.reason, refusal.answer.status
    );
    send(&refusal.answer);
}

/// Sends an answer; the request goes no further.
pub(super) fn send(answer: &Answer) {
    let details = format!("auth_filter.{}", answer.reason);
    call::send_local_response(
        answer.status,
        &details,
        &answer.headers,
        answer.body,
        answer.grpc_status,
    );
}

/// Answers with a document of the filter's own.
pub(super) fn serve(document: &Document) {
    let Document { headers, body } = document;
    call::send_local_response(200, "auth_filter.resource_metadata", headers, body, 0);
}
