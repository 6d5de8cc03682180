//! One row: what strangers send, what it costs, and what honest callers get meanwhile.

use super::checks::{Checks, Invariant};
use super::lab::Lab;
use super::strangers::STRANGER;
use lab::load::{self, BOUND, FRESH, Flow, KNOWN, Kind, OPEN, Running, Shot, Tally, Usage};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Requests of honest callers a second.
const HONEST_RATE: f64 = 200.0;
/// An honest caller with a name and a password.
pub(super) const PASSWORD: &str = "password";
/// A core that is less busy has room for everybody.
const HALF: f64 = 0.5;
/// Above this part of the time without a core, because other programs had them, times say nothing of the filter.
const DISTURBED: f64 = 0.15;
/// How often a row is measured at the most, where other programs have disturbed its times.
const ATTEMPTS: usize = 2;
/// Within what an open path answers 99 of 100.
const OPEN_PATH: Duration = Duration::from_millis(100);
/// What Envoy may hold in memory, ten thousand connections and a hundred buffers of slow readers included.
pub(super) const RESIDENT: u64 = 512 << 20;
/// What the filter may hold.
const LINEAR: u64 = 128 << 20;

/// What one row came to.
pub(super) struct Row {
    pub(super) title: String,
    /// Requests of strangers a second; none where all came at once.
    pub(super) rate: Option<f64>,
    /// Which part of a core Envoy used.
    pub(super) cpu: f64,
    pub(super) strangers: Kind,
    pub(super) honest: Tally,
    pub(super) resident: u64,
    pub(super) linear: u64,
    /// Which part of the time Envoy's worker, or who asks in the name of honest callers, was ready to run and had no core.
    starved: f64,
}

/// Who is let loose.
pub(super) struct Attack<'a> {
    pub(super) title: String,
    pub(super) time: Duration,
    /// Whether they are callers whom the rules let pass.
    pub(super) may_pass: bool,
    /// Whether times are judged however disturbed they are: a fault was planted, and must be found.
    pub(super) always_judged: bool,
    pub(super) strangers: &'a dyn Fn(&Lab) -> Result<Act, String>,
}

/// What strangers do once they are there. Connections are opened before, and closed after it: that is not measured.
pub(super) type Act = Box<dyn FnOnce(&Lab, Duration) -> Result<Leave, String>>;
/// How they leave, and what became of their requests.
pub(super) type Leave = Box<dyn FnOnce() -> Result<Tally, String>>;

/// Measures, anew where other programs have taken the cores away meanwhile, and looks at every invariant.
///
/// # Errors
/// When the laboratory itself fails.
pub(super) fn measure(lab: &Lab, attack: &Attack<'_>, checks: &mut Checks) -> Result<Row, String> {
    let mut attempt = 1;
    let row = loop {
        let row = run(lab, attack)?;
        // What happens once is not measured twice.
        let is_last = attempt == ATTEMPTS || attack.time.is_zero();
        if row.late().is_none() || row.is_judged() || is_last {
            break row;
        }
        attempt += 1;
    };
    row.check(attack, checks);
    lab.check_alive(&attack.title, checks);
    Ok(row)
}

fn run(lab: &Lab, attack: &Attack<'_>) -> Result<Row, String> {
    let process = lab.envoy.id();
    lab.settle()?;
    let act = (attack.strangers)(lab)?;
    let honest = honest(lab)?;
    let (start, before) = (Instant::now(), load::usage(process)?);
    let leave = act(lab, attack.time)?;
    let (elapsed, after) = (start.elapsed().as_secs_f64(), load::usage(process)?);
    let share =
        |of: fn(&Usage) -> Duration| of(&after).saturating_sub(of(&before)).as_secs_f64() / elapsed;
    let linear = load::linear_memory(process)?;
    let honest = honest.stop()?;
    let strangers = leave()?;
    Ok(Row {
        title: attack.title.clone(),
        rate: (!attack.time.is_zero()).then(|| strangers.rate()),
        cpu: share(|usage| usage.cpu),
        starved: share(|usage| usage.starved).max(honest.starved().as_secs_f64() / elapsed),
        strangers: strangers.kind(STRANGER),
        honest,
        resident: after.resident,
        linear,
    })
}

/// Honest callers of every kind, each with an address of their own.
fn honest(lab: &Lab) -> Result<Running, String> {
    let callers = Arc::clone(&lab.callers);
    let flow = Flow::new(lab.envoy.addr(), HONEST_RATE, move |number| {
        let kind = match number % 10 {
            0..4 => OPEN,
            4..6 => KNOWN,
            6..8 => FRESH,
            8 => BOUND,
            _ => PASSWORD,
        };
        let request = match kind {
            OPEN => callers.request(kind, "/public"),
            PASSWORD => Lab::password(),
            _ => callers.request(kind, "/api"),
        };
        let bytes = request.to_bytes();
        Shot { kind, bytes }
    });
    flow.connections(2000)
        .from(load::addresses(1, 40))
        .patience(Duration::from_secs(5))
        .start()
}

impl Row {
    /// Which honest callers were refused, or not answered.
    pub(super) fn refused(&self) -> Option<String> {
        let failed = self.honest.kinds().filter(|(_, kind)| kind.failed() > 0);
        let failed: Vec<String> = failed
            .map(|(name, kind)| format!("{name} {}", kind.describe()))
            .collect();
        (!failed.is_empty()).then(|| failed.join("; "))
    }

    fn late(&self) -> Option<Duration> {
        let p99 = self.honest.kind(OPEN).quantile(0.99);
        p99.filter(|p99| *p99 > OPEN_PATH)
    }

    /// Whether its times say something: other programs have left the cores to Envoy.
    pub(super) fn is_judged(&self) -> bool {
        self.starved < DISTURBED
    }

    /// Which part of a core Envoy would have used, had it been given one whenever it wanted it.
    fn busy(&self) -> f64 {
        self.cpu / (1.0 - self.starved).max(0.05)
    }

    fn check(&self, attack: &Attack<'_>, checks: &mut Checks) {
        let title = &self.title;
        if self.busy() < HALF {
            let refused = self.refused().map(|refused| {
                format!(
                    "{title}: {refused}, with {:.0} % of a core busy",
                    self.cpu * 100.0
                )
            });
            checks.note(Invariant::Honest, self.honest.all().sent, refused);
        }
        // In time is in time, whatever else the machine had to do.
        let judged = self.is_judged() || attack.always_judged || self.late().is_none();
        let late = self.late().filter(|_| judged).map(|p99| {
            format!(
                "{title}: p99 {} ms, {:.0} % of a core busy, {:.0} % of the time without a core",
                p99.as_millis(),
                self.cpu * 100.0,
                self.starved * 100.0
            )
        });
        let looked_at = if judged {
            self.honest.kind(OPEN).sent
        } else {
            0
        };
        checks.note(Invariant::OpenPath, looked_at, late);
        if !attack.may_pass {
            let passed = self.strangers.passed();
            let wrong = (passed > 0).then(|| format!("{title}: {passed} passed"));
            checks.note(Invariant::NobodyIn, self.strangers.answered(), wrong);
        }
        let wrong = (self.resident > RESIDENT || self.linear > LINEAR).then(|| {
            format!(
                "{title}: Envoy holds {} MiB, the filter {} MiB",
                self.resident >> 20,
                self.linear >> 20
            )
        });
        checks.note(Invariant::Memory, 2, wrong);
    }
}

/// Strangers who send requests at a rate for as long as the row lasts.
pub(super) fn at_rate(
    lab: &Lab,
    time: Duration,
    rate: f64,
    make: impl FnMut(u64) -> Shot + Send + 'static,
) -> Result<Leave, String> {
    let flow = Flow::new(lab.envoy.addr(), rate, make);
    let flow = flow
        .connections(500)
        .from(load::addresses(2, 10))
        .patience(Duration::from_secs(5));
    let running = flow.start()?;
    thread::sleep(time);
    Ok(Box::new(|| running.stop()))
}
