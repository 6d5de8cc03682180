//! The callers at work, and what is looked at in each answer.

use super::callers::{Call, Expected, HONEST, Honest, Identity};
use super::hostile;
use super::ledger::Invariant;
use super::policy::HOLD;
use super::random::Random;
use super::schedule::Target;
use super::world::{HOSTILE, World};
use lab::client::{Connection, Request, Response};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How many callers call at once.
pub(super) const THREADS: u64 = 48;
/// How long each rests between two requests, on average, in milliseconds.
const REST: u64 = 250;
/// How much longer than `hold` an answer may take: ticks, and a machine that has other work too.
const SLACK: Duration = Duration::from_secs(3);
/// When a caller gives up.
const GIVES_UP: Duration = Duration::from_secs(10);
/// How many requests a caller remembers, to send them again.
const REMEMBERED: usize = 20;
/// What callers claim to be in headers that are the filter's.
const SPOOFED: &str = "root";

/// One caller after the other, over a connection to each listener.
pub(super) struct Caller<'w> {
    world: &'w World,
    random: Random,
    connections: Vec<Option<Connection>>,
    remembered: Vec<Call>,
}

impl<'w> Caller<'w> {
    pub(super) fn new(world: &'w World, stream: u64) -> Self {
        Self {
            world,
            random: Random::new(world.seed, stream),
            connections: world.addrs.iter().map(|_| None).collect(),
            remembered: Vec::new(),
        }
    }

    /// Calls until all is over.
    pub(super) fn work(mut self) {
        while !self.world.is_over() {
            thread::sleep(Duration::from_millis(self.random.below(2 * REST)));
            if let Some(call) = self.next() {
                self.call(&call);
            }
        }
    }

    fn next(&mut self) -> Option<Call> {
        if self.random.one_in(5) {
            return hostile::call(self.world, &mut self.random);
        }
        if self.random.one_in(2) && !self.remembered.is_empty() {
            let at = self.random.below(self.remembered.len() as u64) as usize;
            let call = self.remembered.swap_remove(at);
            return self.is_current(&call).then_some(call);
        }
        let kind = match self.world.planted {
            // New callers of one kind, whose answers are large.
            Some(Invariant::Memory) if self.random.one_in(2) => Honest::Opaque,
            _ => self.random.pick(HONEST),
        };
        Some(kind.call(&self.world.issuers, &mut self.random))
    }

    /// Whether it was signed with the key that its issuer signs with now.
    fn is_current(&self, call: &Call) -> bool {
        let issuers = &self.world.issuers;
        match call.signed {
            None => true,
            Some((Target::Ed, generation)) => issuers.ed.key().1 == generation,
            Some((_, generation)) => issuers.es.key().1 == generation,
        }
    }

    /// Leaves its connections: the next requests may come to another worker.
    pub(super) fn reconnect(&mut self) {
        self.connections.fill_with(|| None);
    }

    /// Sends a request and looks at its answer; whether it passed.
    pub(super) fn call(&mut self, call: &Call) -> bool {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let hostile = matches!(call.expected, Expected::Refused);
        let mark = format!("{}-{number}", if hostile { HOSTILE } else { "honest" });
        let mut request = call
            .request
            .clone()
            .header("x-mark", &mark)
            .timeout(GIVES_UP);
        if self.random.one_in(8) {
            request = request
                .header("x-auth-user-id", SPOOFED)
                .header("X_Auth_Groups", SPOOFED);
        }
        let from = Instant::now();
        let answer = self.send(&request);
        let to = Instant::now();
        self.wait(call, from, to, answer.is_ok());
        match answer {
            Ok(answer) => self.look_at(call, &mark, &answer, from, to),
            Err(error) => {
                self.must_be_disturbed(call, from, to, &error);
                false
            }
        }
    }

    fn send(&mut self, request: &Request) -> Result<Response, String> {
        let at = self.random.below(self.connections.len() as u64) as usize;
        if let Some(mut connection) = self.connections[at].take() {
            let from = Instant::now();
            match connection.send(request) {
                Ok(answer) => {
                    self.keep(at, connection, &answer);
                    return Ok(answer);
                }
                // It was waited for, and another try would hide that.
                Err(error) if from.elapsed() > HOLD => return Err(error),
                Err(_) => {}
            }
        }
        // None yet, or one that Envoy has closed meanwhile.
        let mut connection = Connection::open(self.world.addrs[at])?;
        let answer = connection.send(request)?;
        self.keep(at, connection, &answer);
        Ok(answer)
    }

    fn keep(&mut self, at: usize, connection: Connection, answer: &Response) {
        let closes = answer.header("connection").as_deref() == Some("close");
        self.connections[at] = (!closes).then_some(connection);
    }

    fn wait(&self, call: &Call, from: Instant, to: Instant, answered: bool) {
        // What a VM held when it trapped gets no answer: nobody is left who would resume it.
        if !answered && !self.world.weather.was_calm(&[Target::Worker], from, to) {
            return;
        }
        // What other programs took from Envoy is no wait of the filter's.
        let took = (to - from).saturating_sub(self.world.weather.stalls(from, to));
        self.world
            .ledger
            .check(Invariant::Wait, took <= HOLD + SLACK, || {
                format!("{} waited {:.1} s", call.kind, took.as_secs_f64())
            });
    }

    fn look_at(
        &mut self,
        call: &Call,
        mark: &str,
        answer: &Response,
        from: Instant,
        to: Instant,
    ) -> bool {
        let ledger = &self.world.ledger;
        ledger.answered(call.kind, answer.status, to - from);
        let passed = answer.status == 200;
        let Expected::Passes(identity) = &call.expected else {
            ledger.check(Invariant::Pass, !passed, || {
                format!("{} passes: {}", call.kind, answer.text())
            });
            return passed;
        };
        if !passed {
            let seen = format!("{}: {}", answer.status, answer.text());
            self.must_be_disturbed(call, from, to, &seen);
            return false;
        }
        let seen = difference(identity.as_ref(), mark, answer);
        ledger.check(Invariant::Identity, seen.is_none(), || {
            format!("{}: {}", call.kind, seen.unwrap_or_default())
        });
        ledger.check(Invariant::Recovery, true, String::new);
        self.remember(call);
        true
    }

    fn remember(&mut self, call: &Call) {
        if !call.again {
            return;
        }
        // Who was signed out may not come again.
        if let Some(token) = &call.opaque
            && self.random.one_in(50)
            // The planted fault makes answers serve for an hour.
            && self.world.planted != Some(Invariant::Memory)
        {
            let mut revoked = self.world.revoked.lock().unwrap();
            revoked.push((token.clone(), Instant::now()));
            return;
        }
        if self.remembered.len() < REMEMBERED {
            self.remembered.push(call.clone());
        }
    }

    /// An honest caller was refused: only what is disturbed excuses that.
    fn must_be_disturbed(&self, call: &Call, from: Instant, to: Instant, seen: &str) {
        if matches!(call.expected, Expected::Refused) {
            return;
        }
        let calm = self.world.was_calm(call.needs, from, to);
        self.world.ledger.check(Invariant::Recovery, !calm, || {
            format!(
                "{} is refused while nothing is disturbed: {seen}",
                call.kind
            )
        });
    }
}

/// What the application saw and should not have seen; none where all is right.
fn difference(expected: Option<&Identity>, mark: &str, answer: &Response) -> Option<String> {
    let said = match answer.json() {
        Ok(said) => said,
        Err(error) => return Some(error),
    };
    let seen = owned(&said);
    if header(&said, "x-mark").as_deref() != Some(mark) {
        return Some(format!("the answer to another request than {mark}: {said}"));
    }
    let Some(expected) = expected else {
        return (!seen.is_empty()).then(|| format!("nobody is seen as {seen:?}"));
    };
    let wanted = [
        ("x-auth-user-id", Some(&expected.user)),
        ("x-auth-groups", Some(&expected.groups)),
        ("x-auth-permissions", expected.permissions.as_ref()),
    ];
    let right = wanted.iter().all(|(name, value)| {
        let value: Vec<_> = value.iter().map(|value| value.as_str()).collect();
        let seen = seen.get(*name).map(Vec::as_slice).unwrap_or_default();
        seen == value
    });
    let provider = seen.get("x-auth-provider").map(Vec::as_slice);
    let right = right
        && provider == Some(&[expected.provider.to_owned()])
        && !seen.values().flatten().any(|value| value == SPOOFED);
    (!right).then(|| format!("{expected:?} is seen as {seen:?}"))
}

/// The headers that are the filter's, in whatever spelling they arrived.
fn owned(said: &Value) -> BTreeMap<String, Vec<String>> {
    let mut owned: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in headers(said) {
        let name = name.to_ascii_lowercase().replace('_', "-");
        if name.starts_with("x-auth-") {
            owned.entry(name).or_default().push(value);
        }
    }
    owned
}

fn header(said: &Value, wanted: &str) -> Option<String> {
    headers(said)
        .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
        .map(|(_, value)| value)
}

fn headers(said: &Value) -> impl Iterator<Item = (String, String)> {
    let all = said["headers"].as_array().into_iter().flatten();
    all.filter_map(|pair| Some((pair[0].as_str()?.to_owned(), pair[1].as_str()?.to_owned())))
}
