//! One VM: the gateway of its configuration, and which host token stands for which fetch.

use std::collections::BTreeMap;

use log::{info, warn};
use proxy_wasm::types::Action;

use super::call::{self, MapType};
use super::journal::Journal;
use super::metrics::{self, Metrics};
use super::reply;
use super::shared::HostData;
use crate::callout::{CalloutOutcome, CalloutRequest, LONGEST_BODY, Leader};
use crate::gateway::{Callout, Gateway, Notice, Outcome};
use crate::headers::Headers;
use crate::keys::{self, KeySource};
use crate::policy::denial::{Challenge, Denial};
use crate::services;

/// What the contexts of one configuration share.
#[derive(Default)]
pub(super) struct Vm {
    gateway: Option<Gateway>,
    /// By the host's token: the context that called out, and for what.
    callouts: BTreeMap<u32, (u32, Callout)>,
    journal: Journal,
}

impl Vm {
    pub(super) fn configure(&mut self, gateway: Gateway) {
        self.gateway = Some(gateway);
    }

    /// Whether a request waits; without a configuration all do.
    pub(super) fn is_held(&self, id: u32) -> bool {
        self.gateway
            .as_ref()
            .is_none_or(|gateway| gateway.is_held(id))
    }

    /// `None` where the request is refused.
    pub(super) fn handle_request(&mut self, id: u32) -> Option<Action> {
        let head = call::header_map(MapType::RequestHeaders).and_then(Headers::decode);
        let (Some(gateway), Some(head), Some(now)) = (&mut self.gateway, head, call::now()) else {
            let answer = Denial::Internal.answer(Challenge {
                schemes: &[],
                realm: "api",
                scope: None,
                resource_metadata: None,
            });
            self.journal.metrics.count(metrics::DENIED, answer.reason);
            reply::send(&answer);
            return None;
        };
        let client = if gateway.policy().counts_by_address() {
            call::client_address()
        } else {
            String::new()
        };
        let outcome = match gateway.handle_request(id, head, client, now) {
            Outcome::Held => {
                self.call_out(Leader::Request, id);
                self.answer_held(Some(id))
            }
            other => Some(other),
        };
        match outcome {
            None | Some(Outcome::Held) => Some(Action::Pause),
            Some(Outcome::Forward(grant)) => {
                reply::forward(&grant, &mut self.journal, now);
                Some(Action::Continue)
            }
            Some(Outcome::Reject(refusal)) => {
                reply::reject(&refusal, &mut self.journal, now);
                None
            }
            Some(Outcome::Serve(document)) => {
                reply::serve(&document);
                None
            }
        }
    }

    pub(super) fn handle_response(&mut self, token: u32, headers: usize, body: usize) {
        let Some((_, callout)) = self.callouts.remove(&token) else {
            return;
        };
        let headers = (headers > 0)
            .then(|| call::header_map(MapType::CalloutHeaders).and_then(Headers::decode))
            .flatten();
        // One byte more than anybody reads tells that there is more; the rest stays with the host.
        let body = call::callout_body(body.min(LONGEST_BODY.saturating_add(1)));
        let outcome = match (&headers, &body) {
            (Some(headers), Some(body)) => answered(headers, body),
            _ => CalloutOutcome::Failed,
        };
        self.settle_callout(callout, outcome);
        let _ = self.answer_held(None);
    }

    pub(super) fn handle_done(&mut self, id: u32) {
        let Some(gateway) = &mut self.gateway else {
            return;
        };
        gateway.handle_done(id);
        // Hardly any request has called out: the clock is not read for the others.
        if !self.callouts.values().any(|(leader, _)| *leader == id) {
            return;
        }
        let Some(now) = call::now() else {
            return;
        };
        // The host has cancelled its callouts with the request.
        self.callouts.retain(|_, (leader, callout)| {
            if *leader == id {
                gateway.abandon(*callout, &mut HostData, now);
            }
            *leader != id
        });
    }

    pub(super) fn tick(&mut self, root: u32) {
        let (Some(gateway), Some(now)) = (&mut self.gateway, call::now()) else {
            return;
        };
        let notices = gateway.handle_tick(&mut HostData, now);
        for (callout, notice) in notices {
            self.callouts.retain(|_, (_, known)| *known != callout);
            report(gateway, &notice, &mut self.journal.metrics);
        }
        self.call_out(Leader::Tick, root);
        let _ = self.answer_held(None);
    }

    /// Sends the callouts that are due, in the name of the context whose callback this is: a request that waits
    /// or the tick. Other callbacks may not call out on every host.
    fn call_out(&mut self, leader: Leader, context: u32) {
        let Some(now) = call::now() else {
            return;
        };
        while let Some(gateway) = &mut self.gateway
            && let Some(callout) = gateway.poll_callout(leader, &mut HostData, now)
        {
            match gateway.request(callout).and_then(dispatch) {
                Some(token) => {
                    self.callouts.insert(token, (context, callout));
                }
                None => self.settle_callout(callout, CalloutOutcome::Failed),
            }
        }
    }

    /// Answers every held request that can be answered. The outcome of `own`, whose callback this is, is
    /// returned; the others are woken.
    fn answer_held(&mut self, own: Option<u32>) -> Option<Outcome> {
        let now = call::now()?;
        let mut mine = None;
        for (id, outcome) in self.gateway.as_mut()?.poll_settled(now) {
            if Some(id) == own {
                mine = Some(outcome);
            } else if call::set_effective_context(id) {
                reply::wake(&outcome, &mut self.journal, now);
            }
        }
        if let Some(own) = own {
            let _ = call::set_effective_context(own);
        }
        mine
    }

    fn settle_callout(&mut self, callout: Callout, outcome: CalloutOutcome<'_>) {
        let (Some(gateway), Some(now)) = (&mut self.gateway, call::now()) else {
            return;
        };
        if let Some(notice) = gateway.handle_answered(callout, outcome, &mut HostData, now) {
            report(gateway, &notice, &mut self.journal.metrics);
        }
    }

    /// Trailers reach the upstream too, and some upstreams read them as headers.
    pub(super) fn strip_trailers(&self) {
        let (Some(gateway), Some(trailers)) = (
            &self.gateway,
            call::header_map(MapType::RequestTrailers).and_then(Headers::decode),
        ) else {
            return;
        };
        for name in gateway.policy().upstream.spoofed(&trailers) {
            call::remove_header(MapType::RequestTrailers, &name);
        }
    }
}

/// A response has a status; what has none is a failure that the host dressed as one.
fn answered<'b>(headers: &'b Headers, body: &'b [u8]) -> CalloutOutcome<'b> {
    let status = headers
        .first(":status")
        .and_then(|status| std::str::from_utf8(status).ok()?.parse().ok());
    status.map_or(CalloutOutcome::Failed, |status| CalloutOutcome::Answered {
        status,
        headers,
        body,
    })
}

fn dispatch(request: CalloutRequest<'_>) -> Option<u32> {
    let mut headers = vec![
        (":method", request.method),
        (":path", request.path.as_str()),
        (":scheme", request.scheme),
        (":authority", request.authority),
        ("accept", "application/json"),
        (
            "user-agent",
            concat!("auth-filter/", env!("CARGO_PKG_VERSION")),
        ),
    ];
    let further = request.headers.iter();
    headers.extend(further.map(|(name, value)| (*name, value.as_str())));
    // The SDK must learn of the token to route the answer; the statuses of this call are the ones it expects.
    proxy_wasm::hostcalls::dispatch_http_call(
        request.upstream,
        headers,
        request.body.as_deref(),
        Vec::new(),
        request.timeout,
    )
    .ok()
}

fn report(gateway: &Gateway, notice: &Notice, metrics: &mut Metrics) {
    match notice {
        Notice::Keys(source, notice) => {
            let uri = gateway
                .source(*source)
                .map(KeySource::uri)
                .unwrap_or_default();
            report_keys(&uri, notice, metrics);
        }
        Notice::Service(id, notice) => {
            let name = gateway.service(*id).map_or("", |service| &service.name);
            match notice {
                services::Notice::Answered => metrics.count(metrics::SERVICE, "answered"),
                services::Notice::Failed { why } => {
                    metrics.count(metrics::SERVICE, "failed");
                    warn!("auth-filter: no answer from {name}: {why}");
                }
            }
        }
    }
}

fn report_keys(uri: &str, notice: &keys::Notice, metrics: &mut Metrics) {
    match notice {
        keys::Notice::Fetched {
            skipped,
            not_pinned,
        } => {
            metrics.count(metrics::FETCH, "success");
            if *not_pinned > 0 {
                metrics.count(metrics::FETCH, "not_pinned");
                warn!("auth-filter: {not_pinned} keys of {uri} are not among the pinned ones");
            }
            info!("auth-filter: keys fetched from {uri}, {skipped} of them of no use");
        }
        keys::Notice::NotModified => {
            metrics.count(metrics::FETCH, "not_modified");
            info!("auth-filter: keys of {uri} are the same");
        }
        keys::Notice::Failed { why, retry_after } => {
            metrics.count(metrics::FETCH, "failed");
            warn!(
                "auth-filter: keys not fetched from {uri}: {why}; next attempt in {retry_after}s"
            );
        }
    }
}
