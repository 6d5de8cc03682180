//! One VM: the gateway of its configuration, and the host's token of each callout in flight.

use std::collections::BTreeMap;
use std::rc::Rc;

use log::{info, warn};
use proxy_wasm::types::Action;

use super::access_log::AccessLog;
use super::call::{self, MapType};
use super::clock;
use super::metrics::{self, Metrics};
use super::reply;
use super::shared::HostData;
use super::{AT_ONCE, TICK};
use crate::callout::{CalloutOutcome, CalloutRequest, Leader};
use crate::capabilities::{Capabilities, Waiting};
use crate::client::{Client, ClientNetwork, ClientSource};
use crate::config::{ClientAddress, HostName, NginxHost};
use crate::exchange::{Outcome, Peer};
use crate::gateway::{Callout, Gateway, Notice};
use crate::headers::Headers;
use crate::keys::{self, KeySource, Turn};
use crate::services;
use crate::text::hex_bytes;
use crate::time::{MonoTime, Now};

/// What the contexts of one configuration share.
pub(super) struct Vm {
    pub(super) host: Capabilities,
    /// Finds the client of the request whose callback runs, where the configuration says who tells.
    clients: Option<ClientSource>,
    pub(super) gateway: Option<Gateway>,
    /// What the VMs of the process share.
    store: HostData,
    /// By the host's token: the context that called out, and for what.
    pub(super) callouts: BTreeMap<u32, (u32, Callout)>,
    pub(super) access_log: AccessLog,
    /// Whether the next tick comes at once.
    hurries: bool,
    /// When all was last looked at that a tick looks at.
    ticked_at: MonoTime,
}

impl Vm {
    /// A VM without a configuration, in a host of which nothing is known yet.
    pub(super) fn new() -> Self {
        let host = Capabilities::of(HostName::Apisix, &NginxHost::default());
        Self {
            store: HostData {
                store: host.shared,
                seal: None,
            },
            host,
            clients: None,
            gateway: None,
            callouts: BTreeMap::new(),
            access_log: AccessLog::default(),
            hurries: false,
            ticked_at: MonoTime::START,
        }
    }

    pub(super) fn configure(&mut self, gateway: Gateway, host: Capabilities) {
        self.clients = clients(&gateway.policy().client_address, &host);
        self.store = HostData {
            store: host.shared,
            seal: gateway.policy().seal.clone(),
        };
        self.gateway = Some(gateway);
        self.host = host;
    }

    /// Whether a request waits; without a configuration all do.
    pub(super) fn is_held(&self, id: u32) -> bool {
        self.gateway
            .as_ref()
            .is_none_or(|gateway| gateway.is_held(id))
    }

    pub(super) fn shared(&self) -> HostData {
        self.store.clone()
    }

    /// The request's head by what the client sent, where the host tells that apart from what it made of it.
    fn head(&self) -> Option<Headers> {
        let mut head = call::header_map(MapType::RequestHeaders).and_then(Headers::decode)?;
        if let Some(property) = self.host.target {
            head = head.with_target(&call::property(property)?);
        }
        if !self.host.authority {
            let mut host = head.first("host").unwrap_or_default().to_vec();
            if let Some(property) = self.host.named_host
                && !is_same_host(&host, &call::property(property)?)
            {
                // The server and the filter must not mean two hosts: this is no authority, and refused as such.
                host = b"@".to_vec();
            }
            head = head.with(":authority", &host);
        }
        Some(head)
    }

    /// The other end of the connection, as far as the configuration asks.
    fn peer(&self, is_whole: bool) -> Peer {
        let Some(policy) = self.gateway.as_ref().map(Gateway::policy) else {
            return Peer::default();
        };
        let certificate = self
            .host
            .certificate
            .filter(|_| policy.asks_for_certificate());
        let digest = certificate.and_then(call::property).and_then(|digest| {
            let digest = hex_bytes(std::str::from_utf8(&digest).ok()?)?;
            <[u8; 32]>::try_from(digest).ok()
        });
        Peer {
            client: self.clients.clone().map(Client::of).unwrap_or_default(),
            certificate: digest,
            body_follows: self.host.host == HostName::Envoy && !is_whole,
        }
    }

    /// Takes a request in, whose head is all of it or not; `None` where it is refused.
    pub(super) fn handle_request(&mut self, id: u32, is_whole: bool) -> Option<Action> {
        let peer = self.peer(is_whole);
        let head = self.head();
        let (Some(gateway), Some(head), Some(now)) = (&mut self.gateway, head, clock::now()) else {
            self.refuse();
            return None;
        };
        if !self.host.tick {
            // Nobody else ends what is overdue.
            for (_, notice) in gateway.handle_tick(&mut turn(&mut self.store, now)) {
                report(gateway, &notice, &mut self.access_log.metrics);
            }
            report_found_out(gateway, &mut self.access_log.metrics);
        }
        let outcome = match gateway.handle_request(id, head, peer, &mut turn(&mut self.store, now))
        {
            None if self.host.waiting == Waiting::OwnCallout => self.wait_with_own_callout(id),
            None => {
                self.call_out(Leader::Request, id);
                let outcome = self.answer_held(Some(id));
                self.pace();
                outcome
            }
            answered => answered,
        };
        match outcome {
            Some(outcome) => self.act(&outcome, now.mono),
            None => Some(Action::Pause),
        }
    }

    /// Takes the answer to a callout that this context made.
    pub(super) fn handle_response(
        &mut self,
        context: u32,
        token: u32,
        headers: usize,
        body: usize,
    ) {
        if let Some((_, callout)) = self.callouts.remove(&token) {
            self.take(callout, headers, body);
        }
        match self.host.waiting {
            Waiting::OwnCallout => {
                self.decide_alone(context, headers > 0 || self.host.calls_again);
            }
            Waiting::Woken => {
                let _ = self.answer_held(None);
                self.pace();
            }
        }
    }

    fn take(&mut self, callout: Callout, headers: usize, body: usize) {
        let headers = (headers > 0)
            .then(|| call::header_map(MapType::CalloutHeaders).and_then(Headers::decode))
            .flatten();
        // One byte more than anybody reads tells that there is more; the rest stays with the host.
        let longest = self
            .gateway
            .as_ref()
            .map_or(0, |gateway| gateway.longest_answer(callout));
        let body = call::callout_body(body.min(longest.saturating_add(1)));
        let outcome = match (&headers, &body) {
            (Some(headers), Some(body)) => answered(headers, body),
            _ => CalloutOutcome::Failed,
        };
        self.settle_callout(callout, outcome);
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
        let Some(now) = clock::now() else {
            return;
        };
        // The host has cancelled its callouts with the request. Another request may have the same one under way.
        let (gone, left): (BTreeMap<_, _>, BTreeMap<_, _>) = std::mem::take(&mut self.callouts)
            .into_iter()
            .partition(|(_, (leader, _))| *leader == id);
        self.callouts = left;
        for (_, callout) in gone.into_values() {
            if !self.callouts.values().any(|(_, other)| *other == callout) {
                gateway.abandon(callout, &mut turn(&mut self.store, now));
            }
        }
    }

    /// Ends with the root context: the host cancels its callouts, and a new configuration waits for nothing of them.
    pub(super) fn handle_end(&mut self) {
        let shared = &mut self.shared();
        if let (Some(gateway), Some(now)) = (&mut self.gateway, clock::now()) {
            self.callouts.clear();
            gateway.release(&mut turn(shared, now));
        }
    }

    pub(super) fn tick(&mut self, root: u32) {
        let (Some(gateway), Some(now)) = (&mut self.gateway, clock::now()) else {
            return;
        };
        gateway.begin_tick();
        // A tick that comes early is only for what was left.
        let is_early = self.hurries && now.mono.since(self.ticked_at) < TICK;
        if !is_early {
            self.ticked_at = now.mono;
            let shared = &mut self.store;
            for (callout, notice) in gateway.handle_tick(&mut turn(shared, now)) {
                self.callouts.retain(|_, (_, known)| *known != callout);
                report(gateway, &notice, &mut self.access_log.metrics);
            }
        }
        report_found_out(gateway, &mut self.access_log.metrics);
        self.call_out(Leader::Tick, root);
        if self.host.waiting == Waiting::Woken {
            let _ = self.answer_held(None);
            self.pace();
        }
    }

    /// Has the next tick come at once while something is left for it, and in its time otherwise.
    fn pace(&mut self) {
        let hurries = self.gateway.as_ref().is_some_and(Gateway::wants_tick);
        if self.host.tick && hurries != self.hurries {
            self.hurries = hurries;
            call::set_tick_period(if hurries { AT_ONCE } else { TICK });
        }
    }

    /// Sends the callouts that are due, in the name of the context whose callback this is: a request that waits
    /// or the tick. Other callbacks may not call out on every host.
    fn call_out(&mut self, leader: Leader, context: u32) {
        let Some(now) = clock::now() else {
            return;
        };
        while let Some(gateway) = &mut self.gateway
            && let Some(callout) = gateway.poll_callout(leader, &mut turn(&mut self.store, now))
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
        let now = clock::now()?;
        let mut mine = None;
        let mut shared = self.shared();
        for (id, outcome) in self
            .gateway
            .as_mut()?
            .poll_settled(&mut turn(&mut shared, now))
        {
            if Some(id) == own {
                mine = Some(outcome);
            } else if call::set_effective_context(id) {
                let Some(gateway) = &self.gateway else { break };
                reply::wake(
                    &outcome,
                    &self.host,
                    gateway.policy(),
                    &mut self.access_log,
                    now.mono,
                );
            }
        }
        if let Some(own) = own {
            let _ = call::set_effective_context(own);
        }
        mine
    }

    pub(super) fn settle_callout(&mut self, callout: Callout, outcome: CalloutOutcome<'_>) {
        let shared = &mut self.shared();
        let (Some(gateway), Some(now)) = (&mut self.gateway, clock::now()) else {
            return;
        };
        if let Some(notice) = gateway.handle_answered(callout, outcome, &mut turn(shared, now)) {
            report(gateway, &notice, &mut self.access_log.metrics);
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

/// The moment of a callback, with the data that it may share with other VMs.
pub(super) fn turn(shared: &mut HostData, now: Now) -> Turn<'_> {
    Turn { now, shared }
}

/// What finds a request's client in the host.
fn clients(address: &ClientAddress, host: &Capabilities) -> Option<ClientSource> {
    let property = match address {
        ClientAddress::FilterState(name) => format!("filter_state\0{name}"),
        ClientAddress::Nobody => return None,
        ClientAddress::Proxy => host.address.to_owned(),
    };
    Some(Rc::new(move || {
        let address = call::property(&property)?;
        ClientNetwork::parse(std::str::from_utf8(&address).ok()?)
    }))
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

pub(super) fn dispatch(request: CalloutRequest<'_>) -> Option<u32> {
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

fn report_found_out(gateway: &Gateway, metrics: &mut Metrics) {
    for notice in gateway.take_found_out() {
        report(gateway, &notice, metrics);
    }
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
                services::Notice::Refused { why } => {
                    metrics.count(metrics::SERVICE, "answered");
                    warn!("auth-filter: {name} gives a caller no credentials: {why}");
                }
                services::Notice::Failed { why } => {
                    metrics.count(metrics::SERVICE, "failed");
                    metrics.count(metrics::SERVICE_FAILED, why.cause());
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
            reasons,
        } => {
            metrics.count(metrics::FETCH, "success");
            if *not_pinned > 0 {
                metrics.count(metrics::FETCH, "not_pinned");
                warn!("auth-filter: {not_pinned} keys of {uri} are not among the pinned ones");
            }
            metrics.count_all(metrics::KEYS, "skipped", *skipped);
            info!("auth-filter: keys fetched from {uri}, {skipped} of them ignored{reasons}");
        }
        keys::Notice::FoundOut(key) => {
            metrics.count(metrics::KEYS, "refused");
            warn!("auth-filter: a key of {uri} is used no more: {key}");
        }
        keys::Notice::NotModified => {
            metrics.count(metrics::FETCH, "not_modified");
            info!("auth-filter: keys of {uri} are the same");
        }
        keys::Notice::Failed {
            uri,
            why,
            retry_after,
        } => {
            metrics.count(metrics::FETCH, "failed");
            metrics.count(metrics::FETCH_FAILED, why.cause());
            warn!(
                "auth-filter: keys not fetched from {uri}: {why}; next attempt in {retry_after}s"
            );
        }
    }
}

/// Whether a `Host` header, with or without a port, is for this host in lower case.
fn is_same_host(header: &[u8], served: &[u8]) -> bool {
    let end = match header.first() {
        Some(b'[') => header
            .iter()
            .position(|byte| *byte == b']')
            .map(|at| at.saturating_add(1)),
        _ => header.iter().position(|byte| *byte == b':'),
    };
    let named = header
        .get(..end.unwrap_or(header.len()))
        .unwrap_or_default();
    let named = named.strip_suffix(b".").unwrap_or(named);
    // Without the header, which HTTP/1.0 allows, the server takes the name of its own.
    header.is_empty() || named.eq_ignore_ascii_case(served)
}
