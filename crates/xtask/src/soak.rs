//! `cargo xtask soak`: the module that ships in a real Envoy, thousands of different callers, and everything around it
//! failing and coming back at random.
//!
//! The module is the one that ships but for one callback, at which it traps: no honest request has trailers.

mod callers;
mod conduct;
mod hostile;
mod issuer;
mod ledger;
mod policy;
mod proof;
pub(crate) mod random;
mod report;
mod schedule;
mod service;
mod services;
mod traffic;
mod watch;
mod weather;
mod world;

use self::ledger::Invariant;
use self::report::Report;
use self::schedule::{Event, Pace};
use self::traffic::{Caller, THREADS};
use self::world::World;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

/// The seed of a short run: every part of the world is disturbed, and each for itself at some time.
const SHORT_SEED: u64 = 5366;
/// How long a short run is.
const SHORT: Duration = Duration::from_secs(36);
/// A run of this length is shown on the page.
const SHOWN: Duration = Duration::from_secs(30 * 60);

/// The invariant that a planted fault violates.
type Planted = Option<Invariant>;

/// How the command was asked to run.
#[derive(Clone, Debug)]
pub struct Options {
    short: bool,
    length: Duration,
    seed: u64,
    planted: Planted,
    /// Whether each planted fault is to be found in turn.
    breaks: bool,
}

impl Options {
    /// Reads `[minutes]`, `--short`, `--seed number`, `--break name` and `--breaks`.
    ///
    /// # Errors
    /// With the argument that is not known.
    pub fn parse(arguments: &[&str]) -> Result<Self, String> {
        let (mut short, mut minutes, mut seed) = (false, None, None);
        let (mut planted, mut breaks) = (None, false);
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match *argument {
                "--short" => short = true,
                "--seed" => {
                    let text = arguments.next().and_then(|text| text.parse().ok());
                    seed = Some(text.ok_or("--seed: which number?")?);
                }
                "--break" => {
                    let name = arguments.next().and_then(|name| Invariant::of(name));
                    let names = Invariant::ALL.map(Invariant::name).join(", ");
                    planted = Some(name.ok_or_else(|| format!("--break: one of {names}"))?);
                }
                "--breaks" => breaks = true,
                text => {
                    let number: u64 = text
                        .parse()
                        .map_err(|_| format!("soak: {text}: not a number of minutes, --short, --seed, --break or --breaks"))?;
                    minutes = Some(number.max(1));
                }
            }
        }
        // A planted fault shows at once.
        let short = short || minutes.is_none() && (planted.is_some() || breaks);
        let seed = seed.map_or_else(|| fresh_seed(short), Ok)?;
        let length = if short {
            SHORT
        } else {
            Duration::from_secs(60 * minutes.unwrap_or(5))
        };
        Ok(Self {
            short,
            length,
            seed,
            planted,
            breaks,
        })
    }

    /// The line that plays the same schedule again.
    fn again(&self) -> String {
        let mut line = "cargo xtask soak".to_owned();
        if self.short {
            line.push_str(" --short");
        } else {
            line.push_str(&format!(" {}", self.length.as_secs() / 60));
        }
        line.push_str(&format!(" --seed {}", self.seed));
        if let Some(planted) = self.planted {
            line.push_str(&format!(" --break {}", planted.name()));
        }
        line
    }
}

fn fresh_seed(short: bool) -> Result<u64, String> {
    if short {
        return Ok(SHORT_SEED);
    }
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(u32::from_le_bytes(bytes).into())
}

/// Runs as asked and prints what it came to; a run of half an hour is written into `tests/soak.md`.
///
/// # Errors
/// With what did not hold, the seed and the line that plays it again; of several planted faults, with one that was not
/// found.
pub fn run(options: &Options) -> Result<(), String> {
    if !options.breaks {
        return one(options);
    }
    for planted in Invariant::ALL {
        let name = planted.name();
        let broken = Options {
            planted: Some(planted),
            ..options.clone()
        };
        match one(&broken) {
            Err(error) if error.contains(&format!(" s: {name}: ")) => {
                println!("{name}: the planted fault was found\n");
            }
            Err(error) => return Err(format!("{name} was planted, and this was found:\n{error}")),
            Ok(()) => return Err(format!("{name} was planted, and nothing was found")),
        }
    }
    Ok(())
}

fn one(options: &Options) -> Result<(), String> {
    println!(
        "soak: seed {}, {} s",
        options.seed,
        options.length.as_secs()
    );
    let world = World::start(options.seed, options.planted)?;
    let (pace, warm_up) = if options.short {
        (Pace::SHORT, Duration::from_secs(10))
    } else {
        (Pace::LONG, Duration::from_secs(45))
    };
    let events = schedule::schedule(options.seed, options.length, pace);
    let (program, memory, fetches, stalls) = thread::scope(|scope| {
        for stream in 0..THREADS {
            let world = &world;
            scope.spawn(move || Caller::new(world, 1000 + stream).work());
        }
        // Envoy is slow to start: what is done to it delays nothing else.
        let (envoys, others) = events
            .iter()
            .partition::<Vec<Event>, _>(|event| event.target.is_everybodys());
        let lanes = [envoys, others].map(|events| {
            let world = &world;
            scope.spawn(move || conduct::play(scope, world, &events))
        });
        let memory = scope.spawn(|| watch::memory(&world, warm_up));
        let fetches = scope.spawn(|| watch::fetches(&world));
        let stalls = scope.spawn(|| watch::stalls(&world));
        let start = Instant::now();
        while start.elapsed() < options.length && !is_found(&world) {
            if lanes.iter().any(ScopedJoinHandle::is_finished) {
                break;
            }
            thread::sleep(Duration::from_millis(100));
        }
        world.end();
        let [one, other] = lanes.map(|lane| lane.join().unwrap());
        let program = one.and_then(|mut one| {
            one.extend(other?);
            Ok(one)
        });
        (
            program,
            memory.join().unwrap(),
            fetches.join().unwrap(),
            stalls.join().unwrap(),
        )
    });
    world.look_at_log();
    let report = Report {
        seed: options.seed,
        length: options.length,
        ledger: &world.ledger,
        program: program?,
        memory,
        fetches,
        stalls,
    };
    println!("{}", report.markdown());
    judge(options, &report)
}

/// Whether the planted fault has shown.
fn is_found(world: &World) -> bool {
    world
        .planted
        .is_some_and(|planted| world.ledger.violated(planted) > 0)
}

fn judge(options: &Options, report: &Report<'_>) -> Result<(), String> {
    let again = options.again();
    let ledger = report.ledger;
    if !ledger.is_clean() {
        let told = ledger.told();
        return Err(format!(
            "soak failed, seed {}:\n{told}\nagain: {again}",
            options.seed
        ));
    }
    if options.planted.is_some() {
        return Ok(());
    }
    // A check that was never made has shown nothing.
    for invariant in Invariant::ALL {
        if ledger.checked(invariant) == 0 {
            return Err(format!(
                "{} was never looked at\nagain: {again}",
                invariant.name()
            ));
        }
    }
    // A refusal is excused while the machine has no time: then a run that is clean says nothing.
    if report.stalls > options.length / 2 {
        return Err(format!(
            "other programs had the cores for {} of {} s: nothing was shown\nagain: {again}",
            report.stalls.as_secs(),
            options.length.as_secs()
        ));
    }
    if options.length >= SHOWN {
        report.write()?;
    }
    Ok(())
}
