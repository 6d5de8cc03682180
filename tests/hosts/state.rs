//! What the functions of a host do, one method each. What its real counterpart cannot stand is forbidden: it is recorded,
//! and ends the call with a trap.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::message::{Pairs, Request};
use crate::personality::Personality;
use crate::stream::{Answer, LINES, Stream};
use crate::world::{Flight, World};

/// Statuses of the ABI.
pub(crate) const OK: u32 = 0;
pub(crate) const NOT_FOUND: u32 = 1;
pub(crate) const BAD_ARGUMENT: u32 = 2;
pub(crate) const CAS_MISMATCH: u32 = 8;
pub(crate) const INTERNAL_FAILURE: u32 = 10;
pub(crate) const UNIMPLEMENTED: u32 = 12;

/// A host function's status, or a trap.
pub(crate) type Status = wasmtime::Result<u32>;

/// The callback that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Callback {
    CallResponse,
    Configure,
    Done,
    None,
    RequestHeaders,
    Start,
    Tick,
}

/// So many answers in one callback are far from what ends Envoy's stack, where each runs in the one before.
const MOST_SETTLED: usize = 32;

/// One VM's side of the host.
pub(crate) struct State {
    pub(crate) host: Personality,
    pub(crate) world: Rc<RefCell<World>>,
    /// Which of the process's VMs this is.
    pub(crate) vm: usize,
    pub(crate) callback: Callback,
    /// The context whose callback runs.
    pub(crate) current: u32,
    /// The context that host functions are about, where the host lets the filter choose.
    pub(crate) effective: u32,
    pub(crate) streams: BTreeMap<u32, Stream>,
    pub(crate) configuration: Vec<u8>,
    /// The answer of the callout whose callback runs.
    pub(crate) called: Option<(Pairs, Vec<u8>)>,
    pub(crate) tick_period: u32,
    pub(crate) alloc: Option<wasmtime::TypedFunc<u32, u32>>,
    /// How often each function was called.
    pub(crate) calls: BTreeMap<&'static str, usize>,
    /// How many requests were answered or let go on in the callback that runs.
    pub(crate) settled: usize,
    /// Bytes that the instance may have; more is refused.
    pub(crate) limits: wasmtime::StoreLimits,
}

impl State {
    pub(crate) fn new(
        host: Personality,
        world: Rc<RefCell<World>>,
        vm: usize,
        configuration: Vec<u8>,
        memory: usize,
    ) -> Self {
        Self {
            host,
            world,
            vm,
            callback: Callback::None,
            current: 0,
            effective: 0,
            streams: BTreeMap::new(),
            configuration,
            called: None,
            tick_period: 0,
            alloc: None,
            calls: BTreeMap::new(),
            settled: 0,
            limits: wasmtime::StoreLimitsBuilder::new()
                .memory_size(memory)
                .trap_on_grow_failure(false)
                .build(),
        }
    }

    /// Records what the real host would not survive.
    pub(crate) fn forbid(&self, what: &str) -> wasmtime::Error {
        let what = format!("{:?}, {:?}: {what}", self.host, self.callback);
        self.world.borrow_mut().forbidden.push(what.clone());
        wasmtime::Error::msg(what)
    }

    /// What the host hands on of its environment, as C has it: nginx hosts nothing.
    pub(crate) fn environment(&self) -> Vec<Vec<u8>> {
        let world = self.world.borrow();
        let entries = world.environment.iter().filter(|_| !self.host.is_nginx());
        let entries = entries.map(|(name, value)| format!("{name}={value}\0").into_bytes());
        entries.collect()
    }

    pub(crate) fn count(&mut self, function: &'static str) {
        *self.calls.entry(function).or_default() += 1;
        if ["send_local_response", "continue_stream"].contains(&function) {
            self.settled += 1;
            if self.settled > MOST_SETTLED {
                drop(self.forbid("more requests are settled than the host's stack is for"));
            }
        }
        let id = self.about();
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.host_calls += 1;
        }
    }

    /// The context that a function is about: nginx hosts know the one whose callback runs and no other.
    fn about(&self) -> u32 {
        match self.host {
            Personality::Envoy => self.effective,
            _ => self.current,
        }
    }

    pub(crate) fn stream(&mut self) -> Option<&mut Stream> {
        let id = self.about();
        self.streams.get_mut(&id)
    }

    pub(crate) fn open(&mut self, id: u32, request: Request) {
        self.streams.insert(id, Stream::new(request, self.host));
    }

    pub(crate) fn set_effective_context(&mut self, id: u32) -> u32 {
        if self.host != Personality::Envoy {
            return OK;
        }
        if id != self.current && !self.streams.contains_key(&id) {
            return BAD_ARGUMENT;
        }
        self.effective = id;
        OK
    }

    pub(crate) fn set_tick_period(&mut self, period: u32) -> Status {
        match self.host {
            Personality::Apisix => return Ok(UNIMPLEMENTED),
            Personality::Nginx { .. } if period != 0 && self.tick_period != 0 => {
                return Err(self.forbid("tick_period already set"));
            }
            _ => {}
        }
        self.tick_period = period;
        let tickers = &mut self.world.borrow_mut().tickers[self.vm];
        // nginx keeps the timers of instances that are gone.
        if !self.host.is_nginx() {
            tickers.clear();
        }
        tickers.push(period);
        Ok(OK)
    }

    /// A map's pairs, or the status that says why not.
    pub(crate) fn pairs(&mut self, map: u32) -> wasmtime::Result<Result<Pairs, u32>> {
        let called = self.called.as_ref().map(|(headers, _)| headers.clone());
        match map {
            0 => Ok(self
                .stream()
                .map(|stream| stream.seen.clone())
                .ok_or(BAD_ARGUMENT)),
            6 => Ok(called.ok_or(NOT_FOUND)),
            1 if self.host == Personality::Envoy => Ok(Ok(Pairs::new())),
            _ => Err(self.forbid(&format!("header map {map} is asked for"))),
        }
    }

    /// A buffer's bytes, or the status that says why not.
    pub(crate) fn buffer(&self, kind: u32) -> Result<Vec<u8>, u32> {
        let bytes = match kind {
            4 => self.called.as_ref().map(|(_, body)| body.clone()),
            7 => Some(self.configuration.clone()),
            _ => None,
        };
        bytes.filter(|bytes| !bytes.is_empty()).ok_or(NOT_FOUND)
    }

    pub(crate) fn replace_header(&mut self, map: u32, name: &[u8], value: &[u8]) -> Status {
        let host = self.host;
        if map != 0 || host == Personality::Apisix && name.starts_with(b":") {
            return Err(self.forbid(&format!("map {map} is written to")));
        }
        let Some(stream) = self.stream() else {
            return Ok(BAD_ARGUMENT);
        };
        stream.replace(host, name, value);
        Ok(OK)
    }

    pub(crate) fn remove_header(&mut self, map: u32, name: &[u8]) -> Status {
        let host = self.host;
        if map != 0 {
            return Err(self.forbid(&format!("map {map} is written to")));
        }
        let Some(stream) = self.stream() else {
            return Ok(BAD_ARGUMENT);
        };
        stream.remove(host, name);
        Ok(OK)
    }

    /// A property, or the status that says why not.
    pub(crate) fn property(&mut self, path: &str) -> wasmtime::Result<Result<Vec<u8>, u32>> {
        let host = self.host;
        if host.is_nginx() && !self.streams.contains_key(&self.current) {
            return Err(self.forbid(&format!("property {path:?} outside a request")));
        }
        let Some(stream) = self.stream() else {
            return Ok(Err(NOT_FOUND));
        };
        let target = stream.request.target.clone();
        Ok(match (host, path) {
            (Personality::Envoy, "source\0address") => Ok(b"192.0.2.1:5000".to_vec()),
            (Personality::Envoy, "filter_state\0client") => Ok(b"2001:db8::1".to_vec()),
            (Personality::Nginx { .. }, "source\0address") => Ok(b"192.0.2.1".to_vec()),
            (Personality::Nginx { .. }, "ngx\0host") => Ok(stream.request.served_host()),
            (Personality::Apisix, "remote_addr") => Ok(b"192.0.2.1".to_vec()),
            (Personality::Apisix, "host") => Ok(stream.request.served_host()),
            (Personality::Apisix, "request_uri") => Ok(target),
            (Personality::Envoy | Personality::Nginx { .. }, "request\0path") => Ok(target),
            _ => Err(NOT_FOUND),
        })
    }

    pub(crate) fn set_property(&mut self, path: &str, value: &[u8]) -> Status {
        let host = self.host;
        let value = String::from_utf8_lossy(value).into_owned();
        let known = |name: &str| LINES.iter().any(|(_, variable)| *variable == name);
        match (host, path.split_once('\0')) {
            (Personality::Envoy, _) => match self.stream() {
                Some(stream) => drop(stream.state.insert(path.to_owned(), value)),
                None => return Ok(NOT_FOUND),
            },
            (Personality::Nginx { .. }, Some(("ngx", name))) => {
                if matches!(name, "request_uri" | "host" | "remote_addr") {
                    return Err(self.forbid(&format!("${name} is not for writing")));
                }
                if !known(name) {
                    return Ok(NOT_FOUND);
                }
                match self.stream() {
                    Some(stream) => drop(stream.variables.insert(name.to_owned(), value)),
                    None => return Err(self.forbid("a variable outside a request")),
                }
            }
            (Personality::Nginx { .. }, Some(("wasmx", _))) => {}
            _ => {
                // An error line per request there, and a status that the SDK does not expect.
                return Err(self.forbid(&format!("property {path:?} is set")));
            }
        }
        Ok(OK)
    }

    pub(crate) fn respond(&mut self, mut answer: Answer) -> Status {
        let host = self.host;
        if answer.status == 0 {
            return Err(self.forbid("an answer without a status"));
        }
        if host.is_nginx() {
            if !answer.body.is_empty() {
                answer.body.push('\n');
            }
            let headers = std::mem::take(&mut answer.headers);
            for (name, value) in headers {
                answer.headers.retain(|(held, _)| *held != name);
                answer.headers.push((name, value));
            }
        }
        match self.stream() {
            Some(stream) if stream.answer.is_none() && !stream.resumed => {
                stream.answer = Some(answer);
                Ok(OK)
            }
            Some(_) => Err(self.forbid("an answer to a request that has one")),
            None => Err(self.forbid("an answer to no request")),
        }
    }

    pub(crate) fn resume(&mut self, stream_type: u32) -> Status {
        if stream_type != 0 {
            return Err(self.forbid("another stream than the request is resumed"));
        }
        match self.stream() {
            Some(stream) if stream.answer.is_none() => {
                stream.resumed = true;
                Ok(OK)
            }
            Some(_) => Err(self.forbid("a request is resumed that was answered")),
            None => Err(self.forbid("no request is resumed")),
        }
    }

    /// Sends a callout; its token, or the status that says why not.
    pub(crate) fn call_out(
        &mut self,
        upstream: String,
        headers: Pairs,
        body: Vec<u8>,
        timeout: u32,
    ) -> wasmtime::Result<Result<u32, u32>> {
        let find = |name: &str| headers.iter().any(|(held, _)| held == name.as_bytes());
        let (method, path, authority) = (find(":method"), find(":path"), find(":authority"));
        match self.host {
            Personality::Envoy => {
                let known = self.world.borrow().clusters.contains(&upstream);
                if !(known && method && path && authority) {
                    return Ok(Err(BAD_ARGUMENT));
                }
            }
            Personality::Nginx { .. } => {
                if matches!(
                    self.callback,
                    Callback::Configure | Callback::Start | Callback::Done
                ) {
                    return Err(self.forbid("a callout"));
                }
                if !(method && path) {
                    return Err(self.forbid("a callout without method and path"));
                }
                if self.stream().is_some_and(|stream| stream.unanswered) {
                    return Err(self.forbid("a callout after one without an answer"));
                }
            }
            Personality::Apisix => {
                let callbacks = [Callback::RequestHeaders, Callback::CallResponse];
                let idle = self.stream().is_some_and(|stream| stream.pending == 0);
                if !callbacks.contains(&self.callback) || !idle {
                    return Ok(Err(BAD_ARGUMENT));
                }
            }
        }
        if self.world.borrow().refuses_callouts {
            return Ok(Err(INTERNAL_FAILURE));
        }
        let context = self.current;
        if let Some(stream) = self.streams.get_mut(&context) {
            stream.pending += 1;
            stream.callouts += 1;
        }
        let flight = Flight::new(self.vm, context, upstream, &headers, body, timeout);
        Ok(Ok(self.world.borrow_mut().take_off(flight)))
    }

    /// A value and its version, or the status that says why not.
    pub(crate) fn shared_data(
        &mut self,
        key: &str,
    ) -> wasmtime::Result<Result<(Vec<u8>, u32), u32>> {
        if !self.host.shares_data() {
            return Err(self.forbid("shared data is read"));
        }
        let world = self.world.borrow();
        if world.refuses_data {
            return Ok(Err(INTERNAL_FAILURE));
        }
        Ok(world.data.get(key).cloned().ok_or(NOT_FOUND))
    }

    pub(crate) fn set_shared_data(&mut self, key: &str, value: Vec<u8>, cas: u32) -> Status {
        if !self.host.shares_data() {
            return Err(self.forbid("shared data is written"));
        }
        let mut world = self.world.borrow_mut();
        if world.refuses_data {
            return Ok(INTERNAL_FAILURE);
        }
        let held = world.data.get(key).map(|(_, version)| *version);
        let fits = match (self.host, held) {
            // Envoy creates what is absent whatever the version, and takes 0 for "whatever there is".
            (Personality::Envoy, None) => true,
            (Personality::Envoy, Some(version)) => cas == 0 || cas == version,
            (_, held) => cas == held.unwrap_or(0),
        };
        if !fits {
            return Ok(CAS_MISMATCH);
        }
        world.versions += 1;
        let version = world.versions;
        world.data.insert(key.to_owned(), (value, version));
        Ok(OK)
    }

    pub(crate) fn define_metric(&mut self, kind: u32, name: String) -> Result<u32, u32> {
        if kind > 2 {
            return Err(BAD_ARGUMENT);
        }
        let mut world = self.world.borrow_mut();
        if let Some(at) = world.metrics.iter().position(|(held, _)| *held == name) {
            return Ok(at as u32);
        }
        world.metrics.push((name, 0));
        Ok(world.metrics.len() as u32 - 1)
    }

    pub(crate) fn increment_metric(&mut self, id: u32, by: i64) -> Status {
        if by <= 0 {
            return Err(self.forbid("a counter that does not grow"));
        }
        let silent = self.host == Personality::Apisix;
        match self.world.borrow_mut().metrics.get_mut(id as usize) {
            Some(_) if silent => Ok(OK),
            Some((_, value)) => {
                *value += by;
                Ok(OK)
            }
            None => Ok(NOT_FOUND),
        }
    }
}
