//! A thousand requests that wait for the same thing, and are all refused when it fails.

use super::checks::{Checks, Invariant};
use super::lab::Lab;
use super::moods::Mood;
use super::policy::HOLD_SECONDS;
use super::row::{Attack, Row, measure};
use super::strangers::{STRANGER, opaque, shot, unknown_to_late};
use lab::client::Request;
use lab::load::{self, Flow, Tally};
use std::cell::Cell;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

/// As many as wait in one VM.
const HELD: usize = 1024;
/// Within what all of them are answered once they are due, and what a machine may add that has other things to do.
const AT_ONCE: Duration = Duration::from_millis(200);

/// An issuer that fails is asked once more so long afterwards (`jwks.retry`): nobody is refused before.
const ASKED_AGAIN: Duration = Duration::from_millis(200);

/// How what they wait for ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The issuer answers, with what it was asked for or with an error.
    Answers,
    /// The issuer hangs up.
    Closes,
    /// The service never answers.
    Never,
    /// As the first, and Envoy is stopped for two seconds at that moment.
    Stops,
}

/// Measures the row.
///
/// # Errors
/// When the laboratory itself fails.
pub(super) fn row(lab: &Lab, title: &str, end: End, checks: &mut Checks) -> Result<Row, String> {
    let took = Rc::new(Cell::new(None));
    let attack = Attack {
        title: title.to_owned(),
        time: Duration::ZERO,
        may_pass: false,
        always_judged: false,
        strangers: &|_| {
            let took = Rc::clone(&took);
            Ok(Box::new(move |lab, _| {
                let (tally, time) = all_at_once(lab, end)?;
                took.set(time);
                Ok(Box::new(|| Ok(tally)))
            }))
        },
    };
    let row = measure(lab, &attack, checks)?;
    if let Some((time, answered)) = took.get() {
        let wrong = (time > AT_ONCE).then(|| {
            format!(
                "{title}: the last of {answered} came after {} ms",
                time.as_millis()
            )
        });
        checks.note(Invariant::InTime, answered, wrong);
        println!(
            "{title}: {answered} refusals due at once took {} ms",
            time.as_millis()
        );
    }
    let held = row.strangers.quantile(1.0).unwrap_or_default();
    let most = Duration::from_secs(HOLD_SECONDS + 1);
    let wrong = (held > most || row.strangers.lost > 0).then(|| {
        format!(
            "{title}: {}, the last after {} ms",
            row.strangers.describe(),
            held.as_millis()
        )
    });
    checks.note(Invariant::InTime, row.strangers.sent, wrong);
    Ok(row)
}

type Settled = Option<(Duration, u64)>;

/// Sends them, lets what they wait for end, and says how long the answers took from then on, and how many there were.
fn all_at_once(lab: &Lab, end: End) -> Result<(Tally, Settled), String> {
    let make: fn(u64) -> Request = match end {
        End::Never => opaque,
        _ => unknown_to_late,
    };
    lab.late.set_open(false);
    lab.set_mood(if end == End::Never {
        Mood::Hang
    } else {
        Mood::Well
    });
    let flow = Flow::new(lab.envoy.addr(), 1e6, move |number| shot(&make(number)));
    let flow = flow.connections(HELD).opened().limit(HELD as u64);
    let patience = Duration::from_secs(HOLD_SECONDS + 4);
    let running = flow
        .from(load::addresses(2, 10))
        .patience(patience)
        .start()?;
    while running.sent() < HELD as u64 {
        thread::sleep(Duration::from_millis(2));
    }
    // Until Envoy has read them.
    thread::sleep(Duration::from_millis(400));
    let before = load::usage(lab.envoy.id())?;
    let mut due = Instant::now();
    match end {
        End::Answers => lab.late.set_open(true),
        End::Closes => {
            lab.late.server.down();
            due += ASKED_AGAIN;
        }
        End::Never => {}
        End::Stops => {
            lab.late.set_open(true);
            load::pause(lab.envoy.id())?;
            thread::sleep(Duration::from_secs(2));
            load::resume(lab.envoy.id())?;
        }
    }
    let tally = running.finish()?;
    lab.set_mood(Mood::Well);
    lab.late.set_open(true);
    if end == End::Never {
        return Ok((tally, None));
    }
    let starved = load::usage(lab.envoy.id())?
        .starved
        .saturating_sub(before.starved);
    let late = tally
        .last_answer()
        .map(|last| last.saturating_duration_since(due));
    let answered = tally.kind(STRANGER).answered();
    // What other programs took from Envoy, or from who reads the answers, is no delay of the filter.
    let starved = starved.max(tally.starved());
    Ok((
        tally,
        late.map(|late| (late.saturating_sub(starved), answered)),
    ))
}
