//! Faults that are planted, so that each invariant is seen to fail.

use super::checks::{Checks, Invariant};
use super::lab::{Fault, Lab, Plan};
use super::mass::{self, End};
use super::policy::ISSUER;
use super::row::{Act, Attack, Leave, RESIDENT, measure};
use super::rows::{self, paced};
use super::strangers::Forger;
use lab::client::Request;
use lab::load::{self, Tally};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Who comes, and what they do then.
type Strangers = dyn Fn(&Lab) -> Result<Act, String>;

/// How long strangers are there.
const TIME: Duration = Duration::from_millis(1000);

/// Runs with the fault of one invariant and returns the record.
///
/// # Errors
/// When the laboratory itself fails.
pub(super) fn plant(invariant: Invariant) -> Result<Checks, String> {
    let fault = match invariant {
        Invariant::Honest => Some(Fault::NoNewcomers),
        Invariant::NobodyIn => Some(Fault::OpenRule),
        Invariant::Alive => Some(Fault::Trap),
        Invariant::Memory => Some(Fault::WideBuffers),
        Invariant::OpenPath | Invariant::InTime => None,
    };
    let lab = Lab::start(Plan {
        fault,
        ..Plan::default()
    })?;
    let mut checks = Checks::default();
    if invariant == Invariant::InTime {
        mass::row(
            &lab,
            "a proxy that stops for two seconds",
            End::Stops,
            &mut checks,
        )?;
        return Ok(checks);
    }
    let strangers: Box<Strangers> = match invariant {
        Invariant::Honest => {
            let forger = Forger::new(ISSUER, "RS256", "rs", 256);
            let make = move |number| Request::get("/api").bearer(&forger.token(number));
            Box::new(paced(200.0, Arc::new(make)))
        }
        Invariant::OpenPath => Box::new(|_| Ok(Box::new(stalls))),
        Invariant::Memory => Box::new(hoarders),
        Invariant::Alive => Box::new(paced(20.0, Arc::new(rows::with_body))),
        _ => Box::new(paced(20.0, Arc::new(|_| Request::get("/api")))),
    };
    let attack = Attack {
        title: format!("a planted fault ({})", invariant.name()),
        time: TIME,
        may_pass: invariant != Invariant::NobodyIn,
        always_judged: true,
        strangers: &strangers,
    };
    measure(&lab, &attack, &mut checks)?;
    Ok(checks)
}

/// Slow readers who stay until Envoy has taken in all that they leave.
fn hoarders(lab: &Lab) -> Result<Act, String> {
    let act = rows::slow_readers(lab)?;
    Ok(Box::new(move |lab, time| {
        let start = Instant::now();
        let leave = act(lab, time)?;
        while load::usage(lab.envoy.id())?.resident <= RESIDENT && start.elapsed() < 10 * time {
            thread::sleep(Duration::from_millis(50));
        }
        Ok(leave)
    }))
}

/// Envoy stands still for a while, again and again.
fn stalls(lab: &Lab, time: Duration) -> Result<Leave, String> {
    let process = lab.envoy.id();
    let rounds = time.as_millis() / 500;
    for _ in 0..rounds {
        load::pause(process)?;
        thread::sleep(Duration::from_millis(250));
        load::resume(process)?;
        thread::sleep(Duration::from_millis(250));
    }
    Ok(Box::new(|| Ok(Tally::default())))
}
