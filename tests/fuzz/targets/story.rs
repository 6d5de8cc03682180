//! Any story of the VMs of one process: a configuration, then requests, floods of them, answers of issuers and services,
//! ticks, wall clocks that jump and clients that leave.
//!
//! Whatever happens, each request is answered once and in time, a VM settles few at once, and nothing protected goes
//! upstream without a token of the issuer, or without the services' word where a rule asks for it.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use auth_filter::callout::{CalloutOutcome, Leader};
use auth_filter::exchange::{Grant, Outcome, Peer};
use auth_filter::gateway::{Callout, Gateway};
use auth_filter::headers::Headers;
use auth_filter::keys::Turn;
use auth_filter::time::{MonoTime, Now};
use fuzz::NOW;
use fuzz::scene::{Process, bound, good, refusal};
use fuzz::story::{Answer, Event, Name, Path, Request, Setup, Story};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

/// How many requests a host can take back between two ticks.
const STEPS: usize = 32;
/// How long a request may wait.
const HOLD: Duration = Duration::from_secs(10);

/// A callout that a host has sent.
struct Flight {
    vm: usize,
    callout: Callout,
    upstream: String,
}

/// One VM, and what is known of it.
struct Vm {
    gateway: Gateway,
    /// Requests that were held and not answered, with the time when they came.
    waiting: BTreeMap<u32, MonoTime>,
    /// How many were settled since the last tick.
    settled: usize,
}

struct World<'s> {
    setup: &'s Setup,
    now: Now,
    process: Process,
    vms: Vec<Vm>,
    flights: Vec<Flight>,
    /// Each with its VM.
    requests: Vec<(usize, &'s Request)>,
    /// The services that may have said yes to anybody.
    granted: BTreeSet<String>,
}

impl<'s> World<'s> {
    fn new(setup: &'s Setup) -> Self {
        let vm = |number| Vm {
            gateway: setup.gateway(number),
            waiting: BTreeMap::new(),
            settled: 0,
        };
        Self {
            setup,
            now: NOW,
            process: Process::default(),
            vms: (0..=setup.vms % 3).map(vm).collect(),
            flights: Vec::new(),
            requests: Vec::new(),
            granted: BTreeSet::new(),
        }
    }

    fn apply(&mut self, event: &'s Event) {
        match event {
            Event::Request { vm, request } => self.request(*vm, request),
            Event::Flood { vm, request, times } => {
                for _ in 0..=*times % 100 {
                    self.request(*vm, request);
                }
            }
            Event::Answer { callout, answer } => {
                if let Some(flight) = self.take(*callout) {
                    self.answer(&flight, answer);
                    self.settle(flight.vm);
                }
            }
            Event::Tick { millis } => self.tick(Duration::from_millis((*millis).into())),
            Event::Jump { back, seconds } => {
                self.jump(*back, Duration::from_secs((*seconds).into()))
            }
            Event::Wait { seconds } => self.tick(Duration::from_secs((*seconds).into())),
            Event::Leave { request } => {
                let id = u32::from(*request);
                if let Some((vm, _)) = self.requests.get(usize::from(*request).wrapping_sub(1)) {
                    self.vms[*vm].gateway.handle_done(id);
                    self.vms[*vm].waiting.remove(&id);
                }
            }
            Event::Abandon { callout } => {
                if let Some(Flight { vm, callout, .. }) = self.take(*callout) {
                    let gateway = &mut self.vms[vm].gateway;
                    gateway.abandon(
                        callout,
                        &mut Turn {
                            now: self.now,
                            shared: &mut self.process,
                        },
                    );
                }
            }
            Event::Lose { callout } => drop(self.take(*callout)),
        }
        for vm in &self.vms {
            assert!(vm.waiting.keys().all(|id| vm.gateway.is_held(*id)));
        }
    }

    fn request(&mut self, vm: u8, request: &'s Request) {
        let vm = usize::from(vm) % self.vms.len();
        self.requests.push((vm, request));
        let id = u32::try_from(self.requests.len()).expect("a short story");
        let Vm {
            gateway, waiting, ..
        } = &mut self.vms[vm];
        let (head, peer) = (request.head(), Peer::default());
        match gateway.handle_request(
            id,
            head,
            peer,
            &mut Turn {
                now: self.now,
                shared: &mut self.process,
            },
        ) {
            None => drop(waiting.insert(id, self.now.mono)),
            Some(outcome) => self.check(id, &outcome),
        }
        self.call_out(vm, Leader::Request);
        self.settle(vm);
    }

    fn take(&mut self, at: u8) -> Option<Flight> {
        let count = self.flights.len();
        (count > 0).then(|| self.flights.remove(usize::from(at) % count))
    }

    fn answer(&mut self, flight: &Flight, answer: &Answer) {
        let upstream = flight.upstream.as_str();
        let (status, cache_control, body): (u16, &[u8], Vec<u8>) = match answer {
            Answer::Good { cache_control } => {
                (200, cache_control, good(upstream).to_string().into())
            }
            Answer::Configuration => {
                let document =
                    json!({ "issuer": "https://issuer", "jwks_uri": "https://issuer/keys" });
                (200, b"", document.to_string().into())
            }
            Answer::NotModified => (304, b"", Vec::new()),
            Answer::Refusal => {
                let (status, body) = refusal(upstream);
                (status, b"", body.to_string().into())
            }
            Answer::Bound { shape, beyond } => (200, b"", bound(upstream, *shape, *beyond)),
            Answer::Raw { status, body } => (*status, b"", body.clone()),
            Answer::Failed => (0, b"", Vec::new()),
        };
        if status == 200 && !matches!(answer, Answer::Refusal) {
            self.granted.insert(upstream.to_owned());
        }
        let headers = Headers::from_pairs(&[(&b"cache-control"[..], cache_control)]);
        let outcome = match answer {
            Answer::Failed => CalloutOutcome::Failed,
            _ => CalloutOutcome::Answered {
                status,
                headers: &headers,
                body: &body,
            },
        };
        let gateway = &mut self.vms[flight.vm].gateway;
        gateway.handle_answered(
            flight.callout,
            outcome,
            &mut Turn {
                now: self.now,
                shared: &mut self.process,
            },
        );
    }

    /// Somebody sets the wall clock; no time passes.
    fn jump(&mut self, back: bool, by: Duration) {
        let wall = self.now.wall;
        self.now.wall = if back { wall.minus(by) } else { wall.plus(by) };
    }

    /// Time passes, and each VM has its tick; where something is left, another at once.
    fn tick(&mut self, time: Duration) {
        self.now = self.now.plus(time);
        for vm in 0..self.vms.len() {
            let most = (self.vms[vm].waiting.len() + self.flights.len()) / STEPS + 8;
            self.begin_tick(vm);
            let gateway = &mut self.vms[vm].gateway;
            for (callout, _) in gateway.handle_tick(&mut Turn {
                now: self.now,
                shared: &mut self.process,
            }) {
                self.flights
                    .retain(|flight| flight.vm != vm || flight.callout != callout);
            }
            self.call_out(vm, Leader::Tick);
            self.settle(vm);
            for round in 0.. {
                if !self.vms[vm].gateway.wants_tick() {
                    break;
                }
                assert!(round < most, "ticks without an end");
                self.begin_tick(vm);
                self.call_out(vm, Leader::Tick);
                self.settle(vm);
            }
            let late = |came: &MonoTime| self.now.mono.since(*came) >= HOLD;
            assert!(
                !self.vms[vm].waiting.values().any(late),
                "somebody waits longer than a request may"
            );
        }
    }

    fn begin_tick(&mut self, vm: usize) {
        self.vms[vm].gateway.begin_tick();
        self.vms[vm].settled = 0;
    }

    fn call_out(&mut self, vm: usize, leader: Leader) {
        for sent in 0.. {
            assert!(sent <= STEPS, "callouts without an end");
            let gateway = &mut self.vms[vm].gateway;
            let Some(callout) = gateway.poll_callout(
                leader,
                &mut Turn {
                    now: self.now,
                    shared: &mut self.process,
                },
            ) else {
                break;
            };
            let request = gateway
                .request(callout)
                .expect("a callout that was asked for");
            let upstream = request.upstream.to_owned();
            self.flights.push(Flight {
                vm,
                callout,
                upstream,
            });
        }
    }

    fn settle(&mut self, at: usize) {
        let vm = &mut self.vms[at];
        let settled = vm.gateway.poll_settled(&mut Turn {
            now: self.now,
            shared: &mut self.process,
        });
        vm.settled += settled.len();
        assert!(vm.settled <= STEPS, "{} between two ticks", vm.settled);
        for (id, outcome) in settled {
            let waited = self.vms[at].waiting.remove(&id);
            assert!(waited.is_some(), "request {id} is answered twice");
            self.check(id, &outcome);
        }
    }

    fn check(&self, id: u32, outcome: &Outcome) {
        let (_, request) = self.requests[usize::try_from(id - 1).expect("a short story")];
        match outcome {
            Outcome::Serve(_) => panic!("there is nothing to serve"),
            Outcome::Forward(grant) => {
                assert!(self.may_pass(request), "{request:?}");
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

    fn may_pass(&self, request: &Request) -> bool {
        let token = request.has_good_token();
        if request.may_pass_without(self.setup) || !self.setup.services && token {
            return true;
        }
        let granted = |service: &str| self.granted.contains(service);
        match request.path {
            Path::Public => true,
            Path::Protected => token,
            Path::Reports => token && granted("people"),
            Path::Decide => token && granted("pdp"),
            Path::Opaque => granted("introspection"),
            Path::Key => granted("verifier"),
            Path::Raw(_) => token || granted("introspection") || granted("verifier"),
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
    let mut world = World::new(&story.setup);
    for event in story.events.iter().take(64) {
        world.apply(event);
    }
    // Nobody waits for ever: half a minute without any answer ends it all.
    for _ in 0..60 {
        world.tick(Duration::from_millis(500));
    }
    for vm in &world.vms {
        assert!(vm.waiting.is_empty(), "{:?} still wait", vm.waiting);
    }
});
