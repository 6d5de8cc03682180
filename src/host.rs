//! The host adapter: the only module that knows proxy-wasm. It translates and decides nothing.

mod call;
mod shared;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use log::{info, warn};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

use self::call::{Log, MapType};
use self::shared::HostData;
use crate::config::{Config, Mode};
use crate::exchange::{Grant, Refusal};
use crate::gateway::{Gateway, Outcome};
use crate::headers::Headers;
use crate::keys::{Fetch, FetchOutcome, KeySource, Notice};
use crate::policy::denial::{Answer, Challenge, Denial};
use crate::policy::{KeySourceId, Policy};

/// How often held requests and key sets are looked at. Fixed: some hosts trap when it is set twice.
const TICK: Duration = Duration::from_millis(50);

proxy_wasm::main! {{
    Log::install();
    proxy_wasm::set_root_context(|id| Box::new(Root { id, shared: Rc::new(RefCell::new(Shared::default())) }));
}}

/// What the contexts of one configuration share.
#[derive(Default)]
struct Shared {
    gateway: Option<Gateway>,
    fetches: BTreeMap<u32, (u32, Fetch)>,
}

struct Root {
    id: u32,
    shared: Rc<RefCell<Shared>>,
}

struct Stream {
    id: u32,
    refused: bool,
    shared: Rc<RefCell<Shared>>,
}

impl Context for Root {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body: usize, _: usize) {
        self.shared
            .borrow_mut()
            .handle_response(token, headers, body);
        let _ = call::set_effective_context(self.id);
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        match configure() {
            Ok(gateway) => {
                self.shared.borrow_mut().gateway = Some(gateway);
                call::set_tick_period(TICK);
                true
            }
            Err(error) => {
                call::log(
                    call::ERROR,
                    &format!("auth-filter: configuration refused: {error}"),
                );
                false
            }
        }
    }

    fn on_tick(&mut self) {
        self.shared.borrow_mut().tick(self.id);
        let _ = call::set_effective_context(self.id);
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream {
            id,
            refused: false,
            shared: Rc::clone(&self.shared),
        }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Context for Stream {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body: usize, _: usize) {
        self.shared
            .borrow_mut()
            .handle_response(token, headers, body);
        let _ = call::set_effective_context(self.id);
    }

    fn on_done(&mut self) -> bool {
        self.shared.borrow_mut().handle_done(self.id);
        true
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let action = self.shared.borrow_mut().handle_request(self.id);
        self.refused = action.is_none();
        action.unwrap_or(Action::Pause)
    }

    fn on_http_request_body(&mut self, _: usize, _: bool) -> Action {
        self.gate()
    }

    fn on_http_request_trailers(&mut self, count: usize) -> Action {
        if count > 0 {
            self.shared.borrow().strip_trailers();
        }
        self.gate()
    }
}

impl Stream {
    /// A body goes on only behind headers that did.
    fn gate(&self) -> Action {
        let held = self
            .shared
            .borrow()
            .gateway
            .as_ref()
            .is_none_or(|gateway| gateway.is_held(self.id));
        if self.refused || held {
            Action::Pause
        } else {
            Action::Continue
        }
    }
}

fn configure() -> Result<Gateway, String> {
    let text = call::plugin_configuration().unwrap_or_default();
    let config = Config::parse(&text).map_err(|error| error.to_string())?;
    let policy = Policy::compile(&config).map_err(|error| error.to_string())?;
    if policy.mode == Mode::Disabled {
        warn!("auth-filter: mode is \"disabled\": nothing is checked, every request goes through");
    }
    for warning in &policy.warnings {
        warn!("auth-filter: {warning}");
    }
    Ok(Gateway::new(policy))
}

impl Shared {
    /// `None` where the request is refused.
    fn handle_request(&mut self, id: u32) -> Option<Action> {
        let head = call::header_map(MapType::RequestHeaders).and_then(Headers::decode);
        let (Some(gateway), Some(head), Some(now)) = (&mut self.gateway, head, call::now()) else {
            reply(&Denial::Internal.answer(Challenge {
                realm: "api",
                scope: None,
            }));
            return None;
        };
        let outcome = match gateway.handle_request(id, head, now) {
            Outcome::Held => self.drive(id, Some(id)),
            other => Some(other),
        };
        match outcome {
            None | Some(Outcome::Held) => Some(Action::Pause),
            Some(Outcome::Forward(grant)) => {
                apply(&grant);
                Some(Action::Continue)
            }
            Some(Outcome::Reject(refusal)) => {
                reject(&refusal);
                None
            }
        }
    }

    fn handle_response(&mut self, token: u32, headers: usize, body: usize) {
        let Some((_, fetch)) = self.fetches.remove(&token) else {
            return;
        };
        let status = (headers > 0)
            .then(|| call::header_map(MapType::CalloutHeaders).and_then(Headers::decode))
            .flatten();
        let status = status
            .as_ref()
            .and_then(|headers| headers.first(":status"))
            .and_then(|status| std::str::from_utf8(status).ok()?.parse().ok());
        let body = call::callout_body(body);
        let outcome = match (status, &body) {
            (Some(status), Some(body)) => FetchOutcome::Answered { status, body },
            _ => FetchOutcome::Failed,
        };
        self.settle_fetch(fetch, outcome);
        let _ = self.drive(0, None);
    }

    fn handle_done(&mut self, id: u32) {
        let Some(gateway) = &mut self.gateway else {
            return;
        };
        gateway.handle_done(id);
        let led = self
            .fetches
            .iter()
            .find(|(_, (leader, _))| *leader == id)
            .map(|(token, (_, fetch))| (*token, *fetch));
        if let Some((token, fetch)) = led {
            self.fetches.remove(&token);
            gateway.abandon(fetch, &mut HostData);
        }
    }

    fn tick(&mut self, root: u32) {
        let (Some(gateway), Some(now)) = (&mut self.gateway, call::now()) else {
            return;
        };
        let notices = gateway.handle_tick(&mut HostData, now);
        for (source, notice) in notices {
            report(gateway, source, &notice);
        }
        let _ = self.drive(root, None);
    }

    /// Sends the fetches that are due for `context`, then answers every held request that can be answered. The
    /// outcome of `own`, whose callback this is, is returned; the others are woken.
    fn drive(&mut self, context: u32, own: Option<u32>) -> Option<Outcome> {
        let now = call::now()?;
        // Only a request that waits and the tick may call out: see the hosts' rules.
        while context != 0
            && let Some(fetch) = self.gateway.as_mut()?.poll_fetch(&mut HostData, now)
        {
            let token = self
                .gateway
                .as_ref()?
                .source(fetch.source)
                .and_then(dispatch);
            match token {
                Some(token) => {
                    self.fetches.insert(token, (context, fetch));
                }
                None => self.settle_fetch(fetch, FetchOutcome::Failed),
            }
        }
        let mut mine = None;
        for (id, outcome) in self.gateway.as_mut()?.poll_settled(now) {
            if Some(id) == own {
                mine = Some(outcome);
            } else if call::set_effective_context(id) {
                wake(&outcome);
            }
        }
        if let Some(own) = own {
            let _ = call::set_effective_context(own);
        }
        mine
    }

    fn settle_fetch(&mut self, fetch: Fetch, outcome: FetchOutcome<'_>) {
        let (Some(gateway), Some(now)) = (&mut self.gateway, call::now()) else {
            return;
        };
        if let Some(notice) = gateway.handle_fetched(fetch, outcome, &mut HostData, now) {
            report(gateway, fetch.source, &notice);
        }
    }

    /// Trailers reach the upstream too, and some upstreams read them as headers.
    fn strip_trailers(&self) {
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

fn dispatch(source: &KeySource) -> Option<u32> {
    let headers = vec![
        (":method", "GET"),
        (":path", source.path.as_str()),
        (":scheme", source.scheme),
        (":authority", source.authority.as_str()),
        ("accept", "application/json"),
        (
            "user-agent",
            concat!("auth-filter/", env!("CARGO_PKG_VERSION")),
        ),
    ];
    // The SDK must learn of the token to route the answer; the statuses of this call are the ones it expects.
    proxy_wasm::hostcalls::dispatch_http_call(
        &source.upstream,
        headers,
        None,
        Vec::new(),
        source.schedule.timeout,
    )
    .ok()
}

fn report(gateway: &Gateway, source: KeySourceId, notice: &Notice) {
    let uri = gateway
        .source(source)
        .map(KeySource::uri)
        .unwrap_or_default();
    match notice {
        Notice::Fetched { skipped } => {
            call::count("auth_filter.jwks_fetch_success");
            info!("auth-filter: keys fetched from {uri}, {skipped} of them of no use");
        }
        Notice::Failed { why, retry_after } => {
            call::count("auth_filter.jwks_fetch_failed");
            warn!(
                "auth-filter: keys not fetched from {uri}: {why}; next attempt in {retry_after}s"
            );
        }
    }
}

fn wake(outcome: &Outcome) {
    match outcome {
        Outcome::Held => {}
        Outcome::Forward(grant) => {
            apply(grant);
            call::resume_request();
        }
        Outcome::Reject(refusal) => reject(refusal),
    }
}

fn apply(grant: &Grant) {
    for name in grant.remove() {
        call::remove_header(MapType::RequestHeaders, name);
    }
    for (name, value) in grant.set() {
        call::set_header(name, value);
    }
    match grant.shadowed() {
        Some(denial) => {
            call::count(&format!("auth_filter.shadow_denied.{}", denial.reason()));
            info!(
                "auth-filter: would be denied reason={} status={}",
                denial.reason(),
                denial.status()
            );
        }
        None => call::count("auth_filter.allowed"),
    }
}

fn reject(refusal: &Refusal) {
    let rule = refusal.rule.as_deref().unwrap_or("-");
    call::count(&format!("auth_filter.denied.{}", refusal.answer.reason));
    info!(
        "auth-filter: denied reason={} status={} rule={rule}",
        refusal.answer.reason, refusal.answer.status
    );
    reply(&refusal.answer);
}

fn reply(answer: &Answer) {
    let details = format!("auth_filter.{}", answer.reason);
    call::send_local_response(
        answer.status,
        &details,
        &answer.headers,
        answer.body,
        answer.grpc_status,
    );
}
