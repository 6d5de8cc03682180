//! Plays the schedule.

use super::callers::Honest;
use super::ledger::Invariant;
use super::policy::{ANSWERS_SERVE, KEYS_SERVE};
use super::random::Random;
use super::schedule::{Event, Fault, Target};
use super::traffic::Caller;
use super::world::World;
use lab::client::Request;
use std::collections::BTreeMap;
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

/// How much later than all that is known to delay it a recovery may be.
const SLACK: Duration = Duration::from_secs(4);
/// How long Envoy takes until a new VM serves in place of one that trapped.
const COMES_BACK: Duration = Duration::from_secs(4);
/// So many requests in a row, each over a connection of its own, have come to every worker.
const ALL_WORKERS: usize = 12;
/// How often a caller tries whether something is well again.
const TRIES: Duration = Duration::from_millis(200);

/// What was played, and how long it was felt.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Played {
    pub(super) times: u64,
    /// From the end of a fault until an honest caller passed.
    pub(super) slowest: Duration,
}

/// What was played, by what it was done to.
pub(super) type Program = BTreeMap<(Target, Fault), Played>;

enum Step {
    Begin(Event),
    End(Event),
}

/// Plays the events, each at its time, until all is over. What takes longer than planned delays what comes behind it.
///
/// # Errors
/// When something does not come back.
pub(super) fn play<'scope, 'w: 'scope>(
    scope: &'scope Scope<'scope, 'w>,
    world: &'w World,
    events: &[Event],
) -> Result<Program, String> {
    let (start, mut late) = (Instant::now(), Duration::ZERO);
    let mut began: BTreeMap<Target, Instant> = BTreeMap::new();
    let mut program = Program::new();
    let mut trials = Vec::new();
    for (at, step) in steps(events) {
        while !world.is_over() && start.elapsed() < at + late {
            thread::sleep(Duration::from_millis(20));
        }
        if world.is_over() {
            break;
        }
        late = start.elapsed().saturating_sub(at);
        match step {
            Step::Begin(event) => {
                say(start, event, &event.fault.to_string());
                began.insert(event.target, Instant::now());
                world.weather.begin(event.target);
                begin(world, event)?;
                program
                    .entry((event.target, event.fault))
                    .or_default()
                    .times += 1;
            }
            Step::End(event) => {
                end(world, event)?;
                let lasted = began[&event.target].elapsed();
                let now = Instant::now();
                let until = now + patience(event, lasted);
                // Wrong keys, and new ones, are asked for anew where a caller shows that they are missing; an issuer that
                // only failed is asked when its keys are due.
                let fetched_until = match event.fault {
                    Fault::Lie | Fault::Rotate | Fault::Trap | Fault::Restart => until,
                    _ => now,
                };
                world.weather.end(event.target, until, fetched_until);
                say(start, event, "is well again");
                trials.push((event, scope.spawn(move || recovery(world, event, until))));
            }
        }
    }
    while !world.is_over() {
        thread::sleep(Duration::from_millis(50));
    }
    Ok(gathered(program, trials))
}

fn say(start: Instant, event: Event, what: &str) {
    let at = start.elapsed().as_secs_f64();
    println!("{at:.1} s: {} {what}", event.target.name());
}

type Trial<'scope> = (Event, thread::ScopedJoinHandle<'scope, Option<Duration>>);

fn gathered(mut program: Program, trials: Vec<Trial<'_>>) -> Program {
    for (event, trial) in trials {
        let played = program.entry((event.target, event.fault)).or_default();
        let took = trial.join().unwrap().unwrap_or_default();
        played.slowest = played.slowest.max(took);
    }
    program
}

fn steps(events: &[Event]) -> Vec<(Duration, Step)> {
    let mut steps: Vec<_> = events
        .iter()
        .flat_map(|event| {
            let end = match event.target {
                // They are over when they are done.
                Target::Configuration | Target::Worker | Target::Process => event.at,
                _ => event.at + event.lasts,
            };
            [(event.at, Step::Begin(*event)), (end, Step::End(*event))]
        })
        .collect();
    steps.sort_by_key(|(at, _)| *at);
    steps
}

fn begin(world: &World, event: Event) -> Result<(), String> {
    match event.fault {
        Fault::Reload | Fault::Refused => {
            let valid = event.fault == Fault::Reload;
            let taken = world.reconfigure(valid);
            world.ledger.check(Invariant::Pass, taken == valid, || {
                format!("a configuration: {}: taken: {taken}", event.fault)
            });
            Ok(())
        }
        Fault::Trap => {
            trap(world);
            Ok(())
        }
        Fault::Restart => world.restart(),
        Fault::Step(seconds) => world.shift_clock(i64::from(seconds)),
        // With the planted fault a long wait is to be had.
        _ if event.target == Target::Introspection && world.planted == Some(Invariant::Wait) => {
            world.disturb(event.target, Some(Fault::Hang))
        }
        fault => world.disturb(event.target, Some(fault)),
    }
}

fn end(world: &World, event: Event) -> Result<(), String> {
    match event.target {
        Target::Configuration | Target::Worker | Target::Process => Ok(()),
        Target::Clock => world.shift_clock(0),
        // The planted fault: one that does not end.
        Target::Introspection if world.planted == Some(Invariant::Recovery) => {
            world.disturb(event.target, Some(Fault::Down))
        }
        target => world.disturb(target, None),
    }
}

/// A request at whose trailers the module traps. Its worker is the one that the kernel chose.
fn trap(world: &World) {
    let body = "1\r\nx\r\n0\r\nx-trailer: 1\r\n\r\n";
    let request = Request::post("/public/trap", body)
        .header("transfer-encoding", "chunked")
        .header("x-mark", "trap");
    // Whatever it is answered.
    drop(request.send(world.addrs[0]));
}

/// Within what time callers pass again, from what the filter is known to do: attempts are as far apart as the fault was
/// long, one that is under way ends by its timeout, and what was learnt from a liar serves as long as anything.
fn patience(event: Event, lasted: Duration) -> Duration {
    let timeout = Duration::from_secs(2);
    match event.target {
        Target::Es | Target::Ed | Target::Rs => lasted + timeout + KEYS_SERVE + SLACK,
        Target::Directory | Target::Introspection | Target::Decision | Target::Verifier => {
            lasted + timeout + ANSWERS_SERVE + SLACK
        }
        Target::Worker => COMES_BACK + SLACK,
        Target::Configuration | Target::Process | Target::Clock => SLACK,
    }
}

/// Tries until honest callers pass; how long that took.
fn recovery(world: &World, event: Event, until: Instant) -> Option<Duration> {
    let ended = Instant::now();
    let stream = 1_000_000 + event.at.as_millis() as u64;
    let mut random = Random::new(world.seed, stream);
    let mut caller = Caller::new(world, stream);
    let mut passed = 0;
    while !world.is_over() {
        let call = Honest::of(event.target).call(&world.issuers, &mut random);
        passed = if caller.call(&call) { passed + 1 } else { 0 };
        if passed == 1 && !event.target.is_everybodys() || passed == ALL_WORKERS {
            world.ledger.check(Invariant::Recovery, true, String::new);
            if event.target.is_everybodys() {
                // From now on nothing excuses a refusal.
                let now = Instant::now();
                world.weather.end(event.target, now, now);
            }
            return Some(ended.elapsed());
        }
        if passed > 0 {
            caller.reconnect();
            continue;
        }
        if Instant::now() > until && world.was_calm(call.needs, until, Instant::now()) {
            world.ledger.check(Invariant::Recovery, false, || {
                format!(
                    "{} {} and does not recover",
                    event.target.name(),
                    event.fault
                )
            });
            return None;
        }
        thread::sleep(TRIES);
    }
    None
}
