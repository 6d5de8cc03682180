//! Applies a decision to a request, or answers its client.

use super::access_log::AccessLog;
use super::call::{self, MapType};
use crate::capabilities::{Capabilities, IdentityOutput};
use crate::exchange::{Grant, Outcome, Refusal};
use crate::policy::Policy;
use crate::policy::denial::Answer;
use crate::policy::resource_metadata::Document;
use crate::time::MonoTime;

/// Ends the wait of a request whose headers' callback is over; its context is in effect.
pub(super) fn wake(
    outcome: &Outcome,
    host: &Capabilities,
    policy: &Policy,
    access_log: &mut AccessLog,
    now: MonoTime,
) {
    match outcome {
        Outcome::Forward(grant) => {
            forward(grant, host, policy, access_log, now);
            call::resume_request();
        }
        Outcome::Reject(refusal) => reject(refusal, host, access_log, now),
        Outcome::Serve(document) => serve(document, host),
    }
}

/// Changes the request as the grant says.
pub(super) fn forward(
    grant: &Grant,
    host: &Capabilities,
    policy: &Policy,
    access_log: &mut AccessLog,
    now: MonoTime,
) {
    if host.removes_headers {
        for name in grant.remove() {
            call::remove_header(MapType::RequestHeaders, name);
        }
    }
    for (name, value) in grant.set() {
        match &host.identity_output {
            IdentityOutput::Variables(prefix) if !host.sets_headers => {
                // Identity is among the facts below.
                if !policy.upstream.is_identity(name) {
                    let name = name.replace('-', "_");
                    call::set_property(&format!("ngx\0{prefix}header_{name}"), value);
                }
            }
            _ => call::set_header(name, value),
        }
    }
    for (name, whole, cut) in grant.state() {
        match &host.identity_output {
            IdentityOutput::FilterState => call::set_property(name, cut.as_bytes()),
            IdentityOutput::None => {}
            IdentityOutput::Variables(prefix) => {
                let name = name.rsplit('.').next().unwrap_or(name);
                call::set_property(&format!("ngx\0{prefix}{name}"), whole.as_bytes());
            }
        }
    }
    match grant.shadowed() {
        Some(denial) => access_log.shadow_denied(denial, grant.remark(), now),
        None => access_log.allowed(),
    }
}

/// Answers in the upstream's place.
pub(super) fn reject(
    refusal: &Refusal,
    host: &Capabilities,
    access_log: &mut AccessLog,
    now: MonoTime,
) {
    access_log.denied(refusal, now);
    send(&refusal.answer, host);
}

/// Sends an answer; the request goes no further.
pub(super) fn send(answer: &Answer, host: &Capabilities) {
    let details = if host.reason_phrase {
        String::new()
    } else {
        format!("auth_filter.{}", answer.reason)
    };
    call::send_local_response(
        answer.status,
        &details,
        &once(&answer.headers, host),
        answer.body,
        answer.grpc_status,
    );
}

/// Answers with a document of the filter's own.
pub(super) fn serve(document: &Document, host: &Capabilities) {
    let Document { headers, body } = document;
    let headers = once(headers, host);
    let details = if host.reason_phrase {
        ""
    } else {
        "auth_filter.resource_metadata"
    };
    call::send_local_response(200, details, &headers, body, 0);
}

/// Headers as the host can send them: where it keeps one of a name, its values become a list (RFC 9110 §5.3).
fn once<'h>(headers: &[(&'h str, String)], host: &Capabilities) -> Vec<(&'h str, String)> {
    if host.repeats_headers {
        return headers.to_vec();
    }
    let mut joined: Vec<(&str, String)> = Vec::new();
    for (name, value) in headers {
        match joined.iter_mut().find(|(held, _)| held == name) {
            Some((_, held)) => {
                held.push_str(", ");
                held.push_str(value);
            }
            None => joined.push((*name, value.clone())),
        }
    }
    joined
}
