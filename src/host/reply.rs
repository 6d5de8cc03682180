//! What a request and its client see of a decision.

use super::call::{self, MapType};
use super::journal::Journal;
use crate::exchange::{Grant, Refusal};
use crate::gateway::Outcome;
use crate::policy::denial::Answer;
use crate::policy::resource_metadata::Document;
use crate::time::UnixTime;

/// Ends the wait of a request whose callback this is not; its context is in effect.
pub(super) fn wake(outcome: &Outcome, journal: &mut Journal, now: UnixTime) {
    match outcome {
        Outcome::Held => {}
        Outcome::Forward(grant) => {
            forward(grant, journal, now);
            call::resume_request();
        }
        Outcome::Reject(refusal) => reject(refusal, journal, now),
        Outcome::Serve(document) => serve(document),
    }
}

/// Changes the request as the grant says.
pub(super) fn forward(grant: &Grant, journal: &mut Journal, now: UnixTime) {
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
        Some(denial) => journal.shadow_denied(denial, now),
        None => journal.allowed(),
    }
}

/// Answers in the upstream's place.
pub(super) fn reject(refusal: &Refusal, journal: &mut Journal, now: UnixTime) {
    journal.denied(refusal.denial, refusal.rule.as_deref(), now);
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
