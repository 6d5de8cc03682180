//! What must always hold, how often it was looked at, and where it did not hold.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How many violations are told word for word.
const TOLD: usize = 12;

/// What must hold whatever is done to the filter's world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Invariant {
    Identity,
    Pass,
    Wait,
    Fetch,
    Memory,
    Recovery,
}

impl Invariant {
    pub(super) const ALL: [Self; 6] = [
        Self::Identity,
        Self::Pass,
        Self::Wait,
        Self::Fetch,
        Self::Memory,
        Self::Recovery,
    ];

    /// Its name on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Pass => "pass",
            Self::Wait => "wait",
            Self::Fetch => "fetch",
            Self::Memory => "memory",
            Self::Recovery => "recovery",
        }
    }

    pub(super) fn of(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|invariant| invariant.name() == name)
    }

    /// What it says.
    pub(super) fn says(self) -> &'static str {
        match self {
            Self::Identity => "nobody is answered as somebody else",
            Self::Pass => "nobody who must not pass passes",
            Self::Wait => "nobody waits longer than `hold`",
            Self::Fetch => "a process fetches a key set once, however many workers it has",
            Self::Memory => "memory stays flat",
            Self::Recovery => "whoever may pass passes, but for what is disturbed at that moment",
        }
    }
}

#[derive(Debug, Default)]
struct State {
    checked: BTreeMap<Invariant, u64>,
    violated: BTreeMap<Invariant, u64>,
    told: Vec<String>,
    /// Answers by the kind of caller and status.
    answers: BTreeMap<(&'static str, u16), u64>,
    longest_wait: Duration,
}

/// The book of one run.
pub(super) struct Ledger {
    start: Mutex<Instant>,
    state: Mutex<State>,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self {
            start: Mutex::new(Instant::now()),
            state: Mutex::default(),
        }
    }

    /// Counts the time from now on.
    pub(super) fn begin(&self) {
        *self.start.lock().unwrap() = Instant::now();
    }

    /// Writes down that an invariant was looked at, and what was seen where it did not hold.
    pub(super) fn check(&self, invariant: Invariant, holds: bool, seen: impl FnOnce() -> String) {
        let mut state = self.state.lock().unwrap();
        *state.checked.entry(invariant).or_default() += 1;
        if holds {
            return;
        }
        *state.violated.entry(invariant).or_default() += 1;
        let line = format!(
            "{:.1} s: {}: {}",
            self.start.lock().unwrap().elapsed().as_secs_f64(),
            invariant.name(),
            seen()
        );
        println!("!! {line}");
        if state.told.len() < TOLD {
            state.told.push(line);
        }
    }

    pub(super) fn answered(&self, kind: &'static str, status: u16, took: Duration) {
        let mut state = self.state.lock().unwrap();
        *state.answers.entry((kind, status)).or_default() += 1;
        state.longest_wait = state.longest_wait.max(took);
    }

    pub(super) fn checked(&self, invariant: Invariant) -> u64 {
        let state = self.state.lock().unwrap();
        state.checked.get(&invariant).copied().unwrap_or(0)
    }

    pub(super) fn violated(&self, invariant: Invariant) -> u64 {
        let state = self.state.lock().unwrap();
        state.violated.get(&invariant).copied().unwrap_or(0)
    }

    pub(super) fn is_clean(&self) -> bool {
        self.state.lock().unwrap().violated.is_empty()
    }

    /// The first violations, a line each.
    pub(super) fn told(&self) -> String {
        self.state.lock().unwrap().told.join("\n")
    }

    /// How many requests were answered.
    pub(super) fn answers(&self) -> u64 {
        self.state.lock().unwrap().answers.values().sum()
    }

    /// Answers by the kind of caller: `200: 12, 503: 1`.
    pub(super) fn answers_by_kind(&self) -> BTreeMap<&'static str, String> {
        let state = self.state.lock().unwrap();
        let mut kinds: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
        for ((kind, status), count) in &state.answers {
            let counts = kinds.entry(kind).or_default();
            counts.push(format!("{status}: {count}"));
        }
        kinds
            .into_iter()
            .map(|(kind, counts)| (kind, counts.join(", ")))
            .collect()
    }

    pub(super) fn longest_wait(&self) -> Duration {
        self.state.lock().unwrap().longest_wait
    }
}
