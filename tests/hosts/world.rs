//! What the VMs of a process have in common: time, data, services, and what went wrong.

use std::collections::{BTreeMap, BTreeSet};

use crate::message::Pairs;

/// How long a service takes, in milliseconds.
pub(crate) const LATENCY: u64 = 100;

/// What a service does with a callout.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// The connection breaks.
    Broken,
    /// Nothing comes until the callout's timeout.
    Silent,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self::Answer(status, headers, body.to_string().into_bytes())
    }
}

/// A callout under way.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    pub(crate) vm: usize,
    /// The instance of the VM that sent it.
    pub(crate) instance: usize,
    pub(crate) context: u32,
    pub(crate) token: u32,
    pub(crate) upstream: String,
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) body: Vec<u8>,
    timeout: u64,
    pub(crate) arrives: u64,
    pub(crate) reply: Option<Reply>,
}

impl Flight {
    pub(crate) fn new(
        vm: usize,
        context: u32,
        upstream: String,
        headers: &Pairs,
        body: Vec<u8>,
        timeout: u32,
    ) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let headers: BTreeMap<_, _> = headers
            .iter()
            .map(|(name, value)| (text(name), text(value)))
            .collect();
        let part = |name: &str| headers.get(name).cloned().unwrap_or_default();
        let uri = format!(
            "{}://{}{}",
            part(":scheme"),
            part(":authority"),
            part(":path")
        );
        Self {
            vm,
            instance: 0,
            context,
            token: 0,
            upstream,
            method: part(":method"),
            uri,
            body,
            timeout: timeout.into(),
            arrives: 0,
            reply: None,
        }
    }
}

pub(crate) type Service = Box<dyn FnMut(&Flight) -> Reply>;

/// What an instance may have of memory, in bytes, where a test does not say it.
pub(crate) const MEMORY: usize = 64 << 20;

/// The process around the VMs.
#[derive(Default)]
pub(crate) struct World {
    /// What an instance may have of memory, in bytes.
    pub(crate) memory: usize,
    /// Whether instances count their steps.
    pub(crate) metered: bool,
    /// Milliseconds since the epoch, by a clock that nobody touches.
    pub(crate) now: u64,
    /// By how many milliseconds the wall clock was put forward.
    pub(crate) ahead: i64,
    /// Whether the host says that it has no monotonic clock.
    pub(crate) has_no_monotonic_clock: bool,
    /// Entries of the shared data with their versions.
    pub(crate) data: BTreeMap<String, (Vec<u8>, u32)>,
    pub(crate) versions: u32,
    /// Envoy's clusters.
    pub(crate) clusters: BTreeSet<String>,
    pub(crate) services: BTreeMap<String, Service>,
    /// Whether the host refuses each callout.
    pub(crate) refuses_callouts: bool,
    /// Whether the host fails at shared data.
    pub(crate) refuses_data: bool,
    /// Whether the host says that it has none of its clocks.
    pub(crate) has_no_clock: bool,
    pub(crate) tokens: u32,
    pub(crate) flights: Vec<Flight>,
    /// Every callout so far.
    pub(crate) sent: Vec<Flight>,
    /// Timers of each VM, by their periods: on nginx one more with each instance.
    pub(crate) tickers: Vec<Vec<u32>>,
    /// Instances of each VM so far.
    pub(crate) instances: Vec<usize>,
    pub(crate) metrics: Vec<(String, i64)>,
    /// Variables of the host's environment that it hands on where it does.
    pub(crate) environment: Vec<(&'static str, String)>,
    pub(crate) log: Vec<(u32, String)>,
    /// Why instances ended.
    pub(crate) traps: Vec<String>,
    /// What no filter may do.
    pub(crate) forbidden: Vec<String>,
}

impl World {
    /// Has a service answer at this URI, also in place of another.
    pub(crate) fn serve(&mut self, uri: &str, service: impl FnMut(&Flight) -> Reply + 'static) {
        self.services.insert(uri.to_owned(), Box::new(service));
    }

    pub(crate) fn take_off(&mut self, mut flight: Flight) -> u32 {
        self.tokens += 1;
        flight.token = self.tokens;
        flight.instance = self.instances[flight.vm];
        self.sent.push(flight.clone());
        let base = flight.uri.split('?').next().unwrap_or_default().to_owned();
        let reply = match self.services.get_mut(&base) {
            Some(service) => service(&flight),
            None => Reply::Broken,
        };
        flight.arrives = match reply {
            Reply::Silent => self.now + flight.timeout,
            _ => self.now + LATENCY,
        };
        flight.reply = Some(reply);
        self.flights.push(flight);
        self.tokens
    }

    /// What the wall clock says.
    pub(crate) fn wall(&self) -> u64 {
        self.now.saturating_add_signed(self.ahead)
    }

    /// How often this URI was asked.
    pub(crate) fn asked(&self, uri: &str) -> usize {
        self.sent.iter().filter(|flight| flight.uri == uri).count()
    }

    /// A counter's value.
    pub(crate) fn metric(&self, name: &str) -> i64 {
        let held = self.metrics.iter().find(|(held, _)| held == name);
        held.map_or(0, |(_, value)| *value)
    }

    /// Whether a line of the log contains this.
    pub(crate) fn logged(&self, text: &str) -> bool {
        self.log.iter().any(|(_, line)| line.contains(text))
    }
}
