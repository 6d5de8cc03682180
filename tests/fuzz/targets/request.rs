//! Any story of one VM: a configuration, then requests, answers of the issuer, ticks and clients that leave.
//!
//! Whatever happens, each request is answered once and in time, and nothing protected goes upstream without a
//! token of the issuer.
#![no_main]

use std::collections::BTreeSet;
use std::time::Duration;

use arbitrary::Arbitrary;
use auth_filter::callout::{CalloutOutcome, Leader};
use auth_filter::config::Config;
use auth_filter::exchange::{Grant, Peer};
use auth_filter::gateway::{Callout, Gateway, Outcome};
use auth_filter::headers::Headers;
use auth_filter::keys::NoStore;
use auth_filter::policy::Policy;
use auth_filter::time::Now;
use fuzz::{JWKS, NOW, TOKENS};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

#[derive(Arbitrary, Debug)]
struct Story {
    setup: Setup,
    events: Vec<Event>,
}

#[derive(Arbitrary, Debug)]
struct Setup {
    discovery: bool,
    forward: bool,
    cookie: bool,
    websocket: bool,
    preflight: bool,
    retry: u8,
    cache_seconds: u16,
    stale_seconds: u16,
    usages: Option<u8>,
    held: u8,
}

#[derive(Arbitrary, Debug)]
enum Event {
    Request(Request),
    Answer { fetch: u8, answer: Answer },
    Tick { millis: u16 },
    Wait { seconds: u16 },
    Leave { request: u8 },
    Abandon { fetch: u8 },
}

#[derive(Arbitrary, Debug)]
struct Request {
    path: Path,
    method: Option<Vec<u8>>,
    credential: Credential,
    headers: Vec<(Name, Vec<u8>)>,
}

#[derive(Arbitrary, Debug)]
enum Path {
    Public,
    Protected,
    Raw(Vec<u8>),
}

#[derive(Arbitrary, Debug)]
enum Credential {
    None,
    Good {
        token: u8,
    },
    /// One byte of a good token is another.
    Damaged {
        token: u8,
        at: u16,
        byte: u8,
    },
    Raw(Vec<u8>),
}

#[derive(Arbitrary, Debug)]
enum Name {
    UserId,
    Groups,
    Cookie,
    Origin,
    RequestMethod,
    WebSocket,
    Authorization,
    Raw(Vec<u8>),
}

#[derive(Arbitrary, Debug)]
enum Answer {
    Keys { cache_control: Vec<u8> },
    Configuration,
    NotModified,
    Failed,
    Raw { status: u16, body: Vec<u8> },
}

impl Setup {
    fn gateway(&self) -> Gateway {
        let mut provider = json!({
            "kind": "jwt", "issuer": "https://issuer", "audiences": ["orders"], "forward": self.forward,
            "groups": [{ "claim": "groups" }],
            "jwks": {
                "upstream": "idp", "retry": self.retry % 4,
                "cache_duration": format!("{}s", u32::from(self.cache_seconds) + 60),
                "stale_for": format!("{}s", self.stale_seconds),
            },
        });
        match self.discovery {
            true => provider["jwks"]["discovery"] = json!(true),
            false => provider["jwks"]["uri"] = json!("https://issuer/keys"),
        }
        if let Some(usages) = self.usages {
            provider["jwks"]["cache_usages"] = json!(u16::from(usages) + 1);
        }
        if self.cookie {
            provider["from_cookies"] = json!(["session"]);
            provider["from_headers"] =
                json!([{ "name": "authorization", "value_prefix": "Bearer " }]);
        }
        if self.websocket {
            provider["from_websocket_protocol"] = json!(true);
        }
        let config = json!({
            "providers": { "main": provider },
            "bypass_cors_preflight": self.preflight,
            "rules": [
                { "match": { "path_prefix": "/public" }, "require": "public" },
                { "match": { "path_prefix": "/" }, "require": "user" },
            ],
            "limits": { "held_requests": u16::from(self.held) + 1 },
        });
        let config = Config::parse(config.to_string().as_bytes()).expect("a good configuration");
        Gateway::new(Policy::compile(&config).expect("a good policy"), [7; 32])
    }
}

impl Request {
    fn head(&self) -> Headers {
        let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = vec![
            (
                b":method".to_vec(),
                self.method.clone().unwrap_or_else(|| b"GET".to_vec()),
            ),
            (b":authority".to_vec(), b"api".to_vec()),
            (b":path".to_vec(), self.path.bytes()),
        ];
        if let Some(value) = self.credential.value() {
            pairs.push((b"authorization".to_vec(), value));
        }
        pairs.extend(
            self.headers
                .iter()
                .map(|(name, value)| (name.bytes(), value.clone())),
        );
        Headers::from_pairs(&pairs)
    }

    /// Whether a token of ours is anywhere in it.
    fn has_good_token(&self) -> bool {
        let holds = |value: &[u8]| {
            // Of an ECDSA or PSS token the signature may have another spelling.
            TOKENS
                .iter()
                .filter_map(|good| good.rsplit_once('.'))
                .any(|(signed, _)| {
                    value
                        .windows(signed.len())
                        .any(|window| window == signed.as_bytes())
                })
        };
        self.credential.value().is_some_and(|value| holds(&value))
            || self.headers.iter().any(|(_, value)| holds(value))
    }

    fn may_pass_without(&self, setup: &Setup) -> bool {
        match &self.path {
            Path::Public => true,
            Path::Protected => setup.preflight && self.method.as_deref() == Some(b"OPTIONS"),
            // Which spellings are public is for the tests of paths; here, that the open prefix is named at all.
            Path::Raw(path) => {
                path.windows(2)
                    .any(|pair| pair.eq_ignore_ascii_case(b"pu") || pair.contains(&b'%'))
                    || setup.preflight && self.method.as_deref() == Some(b"OPTIONS")
            }
        }
    }
}

impl Path {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Public => b"/public".to_vec(),
            Self::Protected => b"/orders".to_vec(),
            Self::Raw(bytes) => bytes.clone(),
        }
    }
}

impl Credential {
    fn value(&self) -> Option<Vec<u8>> {
        let good = |token: u8| {
            format!("Bearer {}", TOKENS[usize::from(token) % TOKENS.len()]).into_bytes()
        };
        match self {
            Self::None => None,
            Self::Good { token } => Some(good(*token)),
            Self::Damaged { token, at, byte } => {
                let mut value = good(*token);
                let at = usize::from(*at) % value.len();
                value[at] = *byte;
                Some(value)
            }
            Self::Raw(bytes) => Some(bytes.clone()),
        }
    }
}

impl Name {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::UserId => b"x-auth-user-id".to_vec(),
            Self::Groups => b"X_Auth_Groups".to_vec(),
            Self::Cookie => b"cookie".to_vec(),
            Self::Origin => b"origin".to_vec(),
            Self::RequestMethod => b"access-control-request-method".to_vec(),
            Self::WebSocket => b"sec-websocket-protocol".to_vec(),
            Self::Authorization => b"authorization".to_vec(),
            Self::Raw(bytes) => bytes.clone(),
        }
    }
}

/// What the test knows of the VM.
struct Vm<'s> {
    setup: &'s Setup,
    gateway: Gateway,
    now: Now,
    /// Requests that were held and not answered, with their place in the story.
    waiting: BTreeSet<u32>,
    callouts: Vec<Callout>,
    requests: Vec<&'s Request>,
}

impl<'s> Vm<'s> {
    fn apply(&mut self, event: &'s Event) {
        match event {
            Event::Request(request) => {
                self.requests.push(request);
                let id = u32::try_from(self.requests.len()).expect("a short story");
                match self.gateway.handle_request(
                    id,
                    request.head(),
                    Peer::default(),
                    &mut NoStore,
                    self.now,
                ) {
                    Outcome::Held => drop(self.waiting.insert(id)),
                    outcome => self.check(id, &outcome),
                }
                self.drive(Leader::Request);
            }
            Event::Answer { fetch, answer } => {
                if let Some(callout) = self.take(*fetch) {
                    self.answer(callout, answer);
                    self.drive(Leader::Tick);
                }
            }
            Event::Tick { millis } => self.tick(Duration::from_millis((*millis).into())),
            Event::Wait { seconds } => self.tick(Duration::from_secs((*seconds).into())),
            Event::Leave { request } => {
                let id = u32::from(*request);
                self.gateway.handle_done(id);
                self.waiting.remove(&id);
            }
            Event::Abandon { fetch } => {
                if let Some(callout) = self.take(*fetch) {
                    self.gateway.abandon(callout, &mut NoStore, self.now);
                }
            }
        }
        for id in &self.waiting {
            assert!(self.gateway.is_held(*id));
        }
    }

    fn take(&mut self, at: u8) -> Option<Callout> {
        let count = self.callouts.len();
        (count > 0).then(|| self.callouts.remove(usize::from(at) % count))
    }

    fn answer(&mut self, callout: Callout, answer: &Answer) {
        let keys = JWKS.to_string();
        let configuration =
            json!({ "issuer": "https://issuer", "jwks_uri": "https://issuer/keys" }).to_string();
        let (status, cache_control, body): (u16, &[u8], &[u8]) = match answer {
            Answer::Keys { cache_control } => (200, cache_control, keys.as_bytes()),
            Answer::Configuration => (200, b"", configuration.as_bytes()),
            Answer::NotModified => (304, b"", b""),
            Answer::Raw { status, body } => (*status, b"", body),
            Answer::Failed => {
                self.gateway.handle_answered(
                    callout,
                    CalloutOutcome::Failed,
                    &mut NoStore,
                    self.now,
                );
                return;
            }
        };
        let headers = Headers::from_pairs(&[(&b"cache-control"[..], cache_control)]);
        let outcome = CalloutOutcome::Answered {
            status,
            headers: &headers,
            body,
        };
        self.gateway
            .handle_answered(callout, outcome, &mut NoStore, self.now);
    }

    fn tick(&mut self, time: Duration) {
        self.now = self.now.plus(time);
        drop(self.gateway.handle_tick(&mut NoStore, self.now));
        self.drive(Leader::Tick);
    }

    fn drive(&mut self, leader: Leader) {
        for round in 0.. {
            assert!(round < 8, "callouts without an end");
            let Some(callout) = self.gateway.poll_callout(leader, &mut NoStore, self.now) else {
                break;
            };
            let request = self
                .gateway
                .request(callout)
                .expect("a callout that was asked for");
            assert_eq!(request.upstream, "idp");
            self.callouts.push(callout);
        }
        for (id, outcome) in self.gateway.poll_settled(&mut NoStore, self.now) {
            assert!(self.waiting.remove(&id), "request {id} is answered twice");
            self.check(id, &outcome);
        }
    }

    fn check(&self, id: u32, outcome: &Outcome) {
        let request = self.requests[usize::try_from(id - 1).expect("a short story")];
        match outcome {
            Outcome::Held => panic!("held is no answer"),
            Outcome::Serve(_) => panic!("there is nothing to serve"),
            Outcome::Forward(grant) => {
                assert!(
                    request.has_good_token() || request.may_pass_without(self.setup),
                    "{request:?}"
                );
                no_spoofed_identity(request, grant);
            }
            Outcome::Reject(refusal) => {
                assert!([400, 401, 403, 404, 413, 429, 431, 503].contains(&refusal.answer.status));
                for (_, value) in &refusal.answer.headers {
                    assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
                }
            }
        }
    }
}

fn no_spoofed_identity(request: &Request, grant: &Grant) {
    for (name, _) in &request.headers {
        if matches!(name, Name::UserId | Name::Groups) {
            assert!(
                grant.remove().any(|gone| gone == name.bytes()),
                "{name:?} gets through"
            );
        }
    }
}

fuzz_target!(|story: Story| {
    let mut vm = Vm {
        setup: &story.setup,
        gateway: story.setup.gateway(),
        now: NOW,
        waiting: BTreeSet::new(),
        callouts: Vec::new(),
        requests: Vec::new(),
    };
    for event in story.events.iter().take(64) {
        vm.apply(event);
    }
    // Nobody waits for ever: half a minute without any answer ends it all.
    for _ in 0..60 {
        vm.tick(Duration::from_millis(500));
    }
    assert!(vm.waiting.is_empty(), "{:?} still wait", vm.waiting);
});
