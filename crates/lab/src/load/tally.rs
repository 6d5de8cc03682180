//! What became of requests, by their kind.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// What became of the requests of one kind.
#[derive(Clone, Debug, Default)]
pub struct Kind {
    /// How many were sent.
    pub sent: u64,
    /// How many were answered with each status.
    pub statuses: BTreeMap<u16, u64>,
    /// How many were not answered in time, or lost their connection.
    pub lost: u64,
    /// How long each answer took, in microseconds.
    micros: Vec<u32>,
}

impl Kind {
    /// How many were answered with a status below 400.
    pub fn passed(&self) -> u64 {
        self.statuses.range(..400).map(|(_, count)| count).sum()
    }

    /// How many were answered.
    pub fn answered(&self) -> u64 {
        self.statuses.values().sum()
    }

    /// How many were answered with a status of 400 or above, or not at all.
    pub fn failed(&self) -> u64 {
        self.answered() - self.passed() + self.lost
    }

    /// The time within which this share of the answers came; none where there is no answer.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let mut micros = self.micros.clone();
        micros.sort_unstable();
        let last = micros.len().checked_sub(1)?;
        let index = (share * last as f64).ceil() as usize;
        let value = micros.get(index.min(last))?;
        Some(Duration::from_micros(u64::from(*value)))
    }

    /// The statuses as text: `200: 12, 429: 3, none: 1`.
    pub fn describe(&self) -> String {
        let mut out = String::new();
        for (status, count) in &self.statuses {
            let comma = if out.is_empty() { "" } else { ", " };
            // Writing to a String does not fail.
            let _ = write!(out, "{comma}{status}: {count}");
        }
        if self.lost > 0 {
            let comma = if out.is_empty() { "" } else { ", " };
            let _ = write!(out, "{comma}none: {}", self.lost);
        }
        out
    }

    fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.lost += other.lost;
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        self.micros.extend(&other.micros);
    }
}

/// What became of all requests of a flow.
#[derive(Clone, Debug)]
pub struct Tally {
    kinds: BTreeMap<&'static str, Kind>,
    started: Instant,
    /// When the last request was sent.
    ended: Instant,
    last_answer: Option<Instant>,
    starved: Duration,
}

impl Default for Tally {
    fn default() -> Self {
        Self::new()
    }
}

impl Tally {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            kinds: BTreeMap::new(),
            started: now,
            ended: now,
            last_answer: None,
            starved: Duration::ZERO,
        }
    }

    /// One kind of requests.
    pub fn kind(&self, kind: &str) -> Kind {
        self.kinds.get(kind).cloned().unwrap_or_default()
    }

    /// Every kind by its name.
    pub fn kinds(&self) -> impl Iterator<Item = (&'static str, &Kind)> {
        self.kinds.iter().map(|(name, kind)| (*name, kind))
    }

    /// All kinds together.
    pub fn all(&self) -> Kind {
        let mut sum = Kind::default();
        for kind in self.kinds.values() {
            sum.add(kind);
        }
        sum
    }

    /// Requests sent a second.
    pub fn rate(&self) -> f64 {
        let time = self.ended.duration_since(self.started).as_secs_f64();
        self.all().sent as f64 / time.max(1e-3)
    }

    /// When the last answer came.
    pub fn last_answer(&self) -> Option<Instant> {
        self.last_answer
    }

    /// How long the sender was ready to run and had no CPU: so late it may have been itself.
    pub fn starved(&self) -> Duration {
        self.starved
    }

    pub(super) fn set_starved(&mut self, starved: Duration) {
        self.starved = starved;
    }

    pub(super) fn sent(&mut self, kind: &'static str) {
        self.kinds.entry(kind).or_default().sent += 1;
        self.ended = Instant::now();
    }

    pub(super) fn answered(&mut self, kind: &'static str, status: u16, took: Duration) {
        let kind = self.kinds.entry(kind).or_default();
        *kind.statuses.entry(status).or_default() += 1;
        kind.micros
            .push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        self.last_answer = Some(Instant::now());
    }

    pub(super) fn lost(&mut self, kind: &'static str) {
        self.kinds.entry(kind).or_default().lost += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_kind_and_status() {
        let mut tally = Tally::new();
        for (status, micros) in [(200, 100), (200, 300), (429, 200)] {
            tally.sent("fresh");
            tally.answered("fresh", status, Duration::from_micros(micros));
        }
        tally.sent("open");
        tally.lost("open");
        let fresh = tally.kind("fresh");
        assert_eq!((fresh.sent, fresh.passed(), fresh.failed()), (3, 2, 1));
        assert_eq!(fresh.quantile(0.5), Some(Duration::from_micros(200)));
        assert_eq!(fresh.quantile(0.99), Some(Duration::from_micros(300)));
        assert_eq!(tally.all().describe(), "200: 2, 429: 1, none: 1");
        assert_eq!(tally.kind("open").failed(), 1);
        assert_eq!(tally.kind("open").quantile(0.5), None);
    }
}
