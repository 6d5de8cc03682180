//! A process with VMs, issuers and a clock that only the test moves.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::{Callout, Gateway, STEPS};
use crate::callout::{CalloutOutcome, Leader};
use crate::capabilities::Capabilities;
use crate::client::ClientNetwork;
use crate::config::Config;
use crate::exchange::{Outcome, Peer};
use crate::headers::Headers;
use crate::jose::testing;
use crate::keys::testing::Process;
use crate::keys::testing::turn;
use crate::policy::Policy;
use crate::time::{MonoTime, Now, UnixTime, jumps};

/// How often the host ticks.
const TICK: Duration = Duration::from_millis(50);
/// How long an issuer takes.
const LATENCY: Duration = Duration::from_millis(100);
/// When the story begins, in seconds since the epoch.
pub(super) const START: u64 = 1_800_000_000;

/// The same by the clock that never jumps.
const BEGUN: MonoTime = MonoTime::from_secs(1000);

/// The same moment by the wall clock as it is set now: what clients whose clocks go with it count from.
pub(super) fn start() -> u64 {
    jumps::shown(UnixTime::from_secs(START)).as_secs()
}

/// A story that has lasted so long.
fn moment(lasted: Duration) -> Now {
    Now {
        wall: jumps::wall(UnixTime::from_secs(START).plus(lasted), lasted),
        mono: BEGUN.plus(lasted),
    }
}

/// How an issuer answers.
#[derive(Clone, Debug)]
pub(super) enum Mood {
    Answers(u16, Vec<u8>),
    /// With these headers.
    Says(u16, &'static [(&'static str, &'static str)], Vec<u8>),
    /// The host cannot even send.
    Unreachable,
    /// No answer, and the host never says so.
    Silent,
}

impl Mood {
    pub(super) fn keys(jwks: &[&str]) -> Self {
        Self::Answers(
            200,
            format!("{{\"keys\":[{}]}}", jwks.join(",")).into_bytes(),
        )
    }
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Held,
    /// With the headers that were set and those that were removed.
    Forwarded(BTreeMap<String, String>, Vec<String>),
    /// With the status and all answer headers.
    Refused(u16, BTreeMap<&'static str, String>),
    /// With the body.
    Served(String),
}

struct Flight {
    vm: usize,
    /// The request that sent it, or none for the tick.
    leader: Option<u32>,
    callout: Callout,
    uri: String,
    arrives: MonoTime,
}

pub(super) struct World {
    pub(super) now: Now,
    pub(super) issuers: BTreeMap<String, Mood>,
    /// URIs in the order in which they were fetched.
    pub(super) fetched: Vec<String>,
    /// The entity tags that these fetches named.
    pub(super) etags: Vec<Option<String>>,
    /// The bodies that they sent.
    pub(super) bodies: Vec<String>,
    pub(super) process: Process,
    /// Where clients are; nobody tells where there is none.
    pub(super) network: Option<ClientNetwork>,
    /// The SHA-256 of what clients show.
    pub(super) certificate: Option<[u8; 32]>,
    vms: Vec<Gateway>,
    flights: Vec<Flight>,
    fates: BTreeMap<u32, Fate>,
    /// Why requests were refused.
    reasons: BTreeMap<u32, &'static str>,
}

impl World {
    pub(super) fn new(vms: usize, config: &Value) -> Self {
        let config = Config::parse(config.to_string().as_bytes()).unwrap();
        let policy = Policy::compile(&config, &Capabilities::envoy()).unwrap();
        Self {
            now: moment(Duration::ZERO),
            issuers: BTreeMap::new(),
            fetched: Vec::new(),
            etags: Vec::new(),
            bodies: Vec::new(),
            process: Process::default(),
            network: Some(ClientNetwork::V4(0xc000_0201)),
            certificate: None,
            vms: (0_u8..)
                .take(vms)
                .map(|vm| Gateway::new(policy.clone(), [vm; 32]))
                .collect(),
            flights: Vec::new(),
            fates: BTreeMap::new(),
            reasons: BTreeMap::new(),
        }
    }

    pub(super) fn issuer(&mut self, uri: &str, mood: Mood) {
        self.issuers.insert(uri.to_owned(), mood);
    }

    /// A request arrives; its number.
    pub(super) fn request(&mut self, vm: usize, path: &str, headers: &[(&str, &str)]) -> u32 {
        let mut pseudo = vec![(":authority", "api"), (":path", path)];
        if !headers.iter().any(|(name, _)| *name == ":method") {
            pseudo.push((":method", "GET"));
        }
        let head = Headers::from_pairs(&[&pseudo[..], headers].concat());
        let id = u32::try_from(self.fates.len()).unwrap() + 1;
        let peer = Peer {
            client: self.network.map(Into::into).unwrap_or_default(),
            certificate: self.certificate,
            body_follows: false,
        };
        let outcome =
            self.vms[vm].handle_request(id, head, peer, &mut turn(&mut self.process, self.now));
        self.fates.insert(id, Fate::Held);
        match outcome {
            None => self.drive(vm, Some(id)),
            Some(outcome) => self.settle(id, outcome),
        }
        id
    }

    /// The client of a request goes away.
    pub(super) fn leave(&mut self, vm: usize, id: u32) {
        self.vms[vm].handle_done(id);
        let led = |flight: &Flight| flight.vm == vm && flight.leader == Some(id);
        if let Some(at) = self.flights.iter().position(led) {
            let flight = self.flights.remove(at);
            self.vms[vm].abandon(flight.callout, &mut turn(&mut self.process, self.now));
        }
    }

    /// Time passes, tick by tick; answers arrive on their way.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now.mono.plus(time);
        while self.now.mono < end {
            self.now = moment(self.now.mono.plus(TICK).since(BEGUN));
            while let Some(at) = self.flights.iter().position(|f| f.arrives <= self.now.mono) {
                let flight = self.flights.remove(at);
                self.arrive(&flight);
            }
            for vm in 0..self.vms.len() {
                self.vms[vm].begin_tick();
                drop(self.vms[vm].handle_tick(&mut turn(&mut self.process, self.now)));
                self.drive(vm, None);
                // The ticks that come at once.
                while self.vms[vm].wants_tick() {
                    self.vms[vm].begin_tick();
                    self.drive(vm, None);
                }
            }
        }
    }

    pub(super) fn fate(&self, id: u32) -> &Fate {
        &self.fates[&id]
    }

    /// Why a request was refused; empty for one that was not.
    pub(super) fn reason(&self, id: u32) -> &'static str {
        self.reasons.get(&id).copied().unwrap_or_default()
    }

    /// The status that the client sees, 200 for what went upstream; 0 for what waits.
    pub(super) fn status(&self, id: u32) -> u16 {
        match self.fate(id) {
            Fate::Held => 0,
            Fate::Forwarded(..) | Fate::Served(_) => 200,
            Fate::Refused(status, _) => *status,
        }
    }

    /// How many bad tokens a VM remembers.
    pub(super) fn refusals(&self, vm: usize) -> usize {
        self.vms[vm].stores.accounts.tokens.refusals()
    }

    fn drive(&mut self, vm: usize, leader: Option<u32>) {
        let who = leader.map_or(Leader::Tick, |_| Leader::Request);
        while let Some(callout) =
            self.vms[vm].poll_callout(who, &mut turn(&mut self.process, self.now))
        {
            let request = self.vms[vm].request(callout).unwrap();
            let uri = request.uri();
            let etag = request
                .headers
                .iter()
                .find(|(name, _)| *name == "if-none-match");
            self.etags.push(etag.map(|(_, etag)| etag.clone()));
            let body = String::from_utf8(request.body.unwrap_or_default()).unwrap();
            self.bodies.push(body);
            match self.issuers.get(&uri) {
                Some(Mood::Answers(..) | Mood::Says(..)) => self.flights.push(Flight {
                    vm,
                    leader,
                    callout,
                    uri: uri.clone(),
                    arrives: self.now.mono.plus(LATENCY),
                }),
                Some(Mood::Silent) => {}
                Some(Mood::Unreachable) | None => {
                    let failed = CalloutOutcome::Failed;
                    self.vms[vm].handle_answered(
                        callout,
                        failed,
                        &mut turn(&mut self.process, self.now),
                    );
                }
            }
            self.fetched.push(uri);
        }
        self.answer(vm);
    }

    fn answer(&mut self, vm: usize) {
        let settled = self.vms[vm].poll_settled(&mut turn(&mut self.process, self.now));
        assert!(settled.len() <= STEPS, "{} at once", settled.len());
        for (id, outcome) in settled {
            self.settle(id, outcome);
        }
    }

    fn arrive(&mut self, flight: &Flight) {
        let vm = &mut self.vms[flight.vm];
        let (status, headers, body) = match &self.issuers[&flight.uri] {
            Mood::Answers(status, body) => (*status, Headers::default(), body.as_slice()),
            Mood::Says(status, headers, body) => {
                (*status, Headers::from_pairs(headers), body.as_slice())
            }
            Mood::Silent | Mood::Unreachable => (0, Headers::default(), &b""[..]),
        };
        let outcome = match status {
            0 => CalloutOutcome::Failed,
            status => CalloutOutcome::Answered {
                status,
                headers: &headers,
                body,
            },
        };
        vm.handle_answered(
            flight.callout,
            outcome,
            &mut turn(&mut self.process, self.now),
        );
        self.answer(flight.vm);
    }

    fn settle(&mut self, id: u32, outcome: Outcome) {
        if let Outcome::Reject(refusal) = &outcome {
            self.reasons.insert(id, refusal.answer.reason);
        }
        let fate = match outcome {
            Outcome::Forward(grant) => Fate::Forwarded(
                grant
                    .set()
                    .map(|(name, value)| {
                        (name.to_owned(), String::from_utf8_lossy(value).into_owned())
                    })
                    .collect(),
                grant
                    .remove()
                    .map(|name| String::from_utf8_lossy(name).into_owned())
                    .collect(),
            ),
            Outcome::Reject(refusal) => Fate::Refused(
                refusal.answer.status,
                refusal.answer.headers.into_iter().collect(),
            ),
            Outcome::Serve(document) => Fate::Served(document.body),
        };
        let before = self.fates.insert(id, fate);
        assert_eq!(before, Some(Fate::Held), "request {id} is answered once");
    }
}

/// A token of the elliptic key with this `kid`, valid for days, whichever way the clock jumps.
pub(super) fn token(kid: &str, claims: &Value) -> String {
    let mut all = serde_json::json!({
        "iss": "https://issuer", "aud": "orders", "sub": "alice", "exp": START + 200_000,
    });
    for (name, value) in claims.as_object().unwrap() {
        all[name] = value.clone();
    }
    testing::es256(
        &serde_json::json!({ "alg": "ES256", "kid": kid }).to_string(),
        &all.to_string(),
    )
}

/// The elliptic key as a JWK of this `kid`.
pub(super) fn jwk(kid: &str) -> String {
    testing::EC_JWK.replace("\"kid\":\"ec\"", &format!("\"kid\":\"{kid}\""))
}
