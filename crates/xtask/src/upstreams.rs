//! `cargo xtask upstreams`: do real upstreams and the filter read requests alike?
//!
//! Behind one real Envoy with the module that ships stand real servers with the same resources. Each resource has a rule. A
//! seeded generator changes paths, authorities, methods, headers and queries; each upstream says which resource it served,
//! and whom it saw. Nothing may be served against the rule of that resource, and nobody seen whom the filter did not name.

mod case;
mod draft;
mod generate;
mod http2;
mod judge;
mod kinds;
mod lab;
mod parts;
mod paths;

mod tally;

use self::case::Case;
use self::generate::Made;
use self::judge::Verdict;
use self::kinds::KINDS;
use self::lab::{Client, Lab};
use self::tally::Tally;
use ::lab::tools::{wasm, wasm_without_readings};
use ::lab::upstreams::NAMES;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How many requests are on their way at once.
const CLIENTS: usize = 12;
/// How many cases of each kind each upstream gets in a run of [`WHOLE`].
const FLOOR: u64 = 500;
const WHOLE: Duration = Duration::from_secs(600);
/// How long a short run sends.
const SHORT: Duration = Duration::from_secs(35);
/// The seed of a short run: a step of a test sends the same every time.
const SHORT_SEED: u64 = 1;
/// Of a hundred cases so many must come to the upstream, else too little is tried.
const ADMITTED: u64 = 5;
/// How many divergences of one kind at one upstream are printed.
const PRINTED: usize = 3;
/// How long the planted fault has to show.
const FOUND_WITHIN: Duration = Duration::from_secs(60);

/// A fault that is planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    /// A module that reads each request in one way.
    Readings,
    /// A configuration that does not say what the upstreams on PHP do.
    Keys,
}

impl Broken {
    /// What must be found again.
    fn attacks(self) -> &'static [Attack] {
        match self {
            Self::Readings => &ATTACKS,
            Self::Keys => &ATTACKS_ON_PHP,
        }
    }
}

/// How the command was asked to run.
#[derive(Clone, Debug)]
pub struct Options {
    short: bool,
    length: Duration,
    seed: u64,
    only: Vec<String>,
    broken: Option<Broken>,
    replay: Option<String>,
}

impl Options {
    /// Reads `[minutes]`, `--short`, `--seed number`, `--only name ...`, `--break readings` or
    /// `--break keys`, and `--replay line`.
    ///
    /// # Errors
    /// With the argument that is not known.
    pub fn parse(arguments: &[&str]) -> Result<Self, String> {
        let mut options = Self {
            short: false,
            length: WHOLE,
            seed: 0,
            only: Vec::new(),
            broken: None,
            replay: None,
        };
        let (mut seed, mut arguments) = (None, arguments.iter().peekable());
        while let Some(argument) = arguments.next() {
            match *argument {
                "--short" => options.short = true,
                "--seed" => {
                    let number = arguments.next().and_then(|text| text.parse().ok());
                    seed = Some(number.ok_or("--seed: which number?")?);
                }
                "--only" => {
                    while let Some(name) = arguments.next_if(|text| !text.starts_with("--")) {
                        if !NAMES.contains(name) && kinds::place(name).is_none() {
                            let kinds: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
                            return Err(format!(
                                "--only: {name} is no upstream ({}) and no kind ({})",
                                NAMES.join(", "),
                                kinds.join(", ")
                            ));
                        }
                        options.only.push((*name).to_owned());
                    }
                }
                "--break" => match arguments.next() {
                    Some(&"readings") => options.broken = Some(Broken::Readings),
                    Some(&"keys") => options.broken = Some(Broken::Keys),
                    _ => return Err("--break: readings or keys".into()),
                },
                "--replay" => {
                    let line = arguments.next().ok_or("--replay: which line?")?;
                    options.replay = Some((*line).to_owned());
                }
                text => {
                    let minutes: u64 = text.parse().map_err(|_| {
                        format!("upstreams: {text}: not a number of minutes, --short, --seed, --only, --break or --replay")
                    })?;
                    options.length = Duration::from_secs(60 * minutes.max(1));
                }
            }
        }
        if options.short {
            options.length = SHORT;
        }
        options.seed = match seed {
            Some(seed) => seed,
            None if options.short || options.broken.is_some() => SHORT_SEED,
            None => fresh_seed()?,
        };
        Ok(options)
    }

    /// The upstreams that are asked.
    fn upstreams(&self) -> Vec<&'static str> {
        self.chosen(&NAMES, |name| name)
    }

    /// The kinds that are tried, by their places.
    fn kinds(&self) -> Vec<usize> {
        let places: Vec<usize> = (0..KINDS.len()).collect();
        self.chosen(&places, |place| KINDS[place].name)
    }

    /// Those that are named, or all where none is.
    fn chosen<T: Copy>(&self, all: &[T], name: impl Fn(T) -> &'static str) -> Vec<T> {
        let is_named = |one: &T| self.only.iter().any(|own| own == name(*one));
        let named: Vec<T> = all.iter().copied().filter(is_named).collect();
        if named.is_empty() {
            all.to_vec()
        } else {
            named
        }
    }
}

fn fresh_seed() -> Result<u64, String> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(u32::from_le_bytes(bytes).into())
}

/// Runs as asked, and prints what was sent and what became of it.
///
/// # Errors
/// With what should not be, and the lines that send it again; with the kinds that were tried too seldom.
pub fn run(options: &Options) -> Result<(), String> {
    let (module, paths) = match options.broken {
        None => (wasm()?, lab::paths()),
        Some(Broken::Readings) => (wasm_without_readings()?, lab::paths()),
        Some(Broken::Keys) => (wasm()?, lab::paths_without_keys()),
    };
    let lab = Lab::start(module, &paths)?;
    if let Some(line) = &options.replay {
        return replay(&lab, line);
    }
    println!(
        "upstreams: seed {}, {} s",
        options.seed,
        options.length.as_secs()
    );
    let run = Run {
        options,
        lab: &lab,
        next: AtomicU64::new(0),
        ends: AtomicBool::new(false),
        found: Mutex::default(),
    };
    let start = Instant::now();
    let tally = run.all(start);
    println!(
        "\n{}\n{}, in {:.0} s",
        tally.table(),
        tally.describe(),
        start.elapsed().as_secs_f64()
    );
    if let Some(broken) = options.broken {
        return run.is_found(broken, start.elapsed());
    }
    run.verdict(&tally)
}

/// Sends one case again and says what becomes of it.
fn replay(lab: &Lab, line: &str) -> Result<(), String> {
    let case = Case::parse(line)?;
    let (verdict, answer) = Client::new(lab).judge(&case);
    println!("status {}", answer.status);
    if let Some(told) = &answer.told {
        println!("the upstream says: {told}");
    }
    let told = match verdict {
        Verdict::Wrong(why) => return Err(why),
        Verdict::Refused => "refused before the upstream",
        Verdict::Admitted => "admitted; the upstream served no resource",
        Verdict::Served => "served, to somebody who may have it",
    };
    println!("{told}");
    Ok(())
}

/// What was found, by the kinds of changes and the upstream: how often, and the first lines.
type Found = BTreeMap<(String, String), (u64, Vec<String>)>;

/// The clients of one run, and what they share.
struct Run<'r> {
    options: &'r Options,
    lab: &'r Lab,
    next: AtomicU64,
    ends: AtomicBool,
    found: Mutex<Found>,
}

impl Run<'_> {
    fn all(&self, start: Instant) -> Tally {
        let tally = Mutex::new(Tally::new());
        thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| self.client(&tally));
            }
            while !self.is_over(start, &tally.lock().unwrap()) {
                thread::sleep(Duration::from_millis(200));
            }
            self.ends.store(true, Ordering::Relaxed);
        });
        tally.into_inner().unwrap()
    }

    fn client(&self, tally: &Mutex<Tally>) {
        let (upstreams, kinds) = (self.options.upstreams(), self.options.kinds());
        let mut client = Client::new(self.lab);
        while !self.ends.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let made = generate::make(self.options.seed, number, &upstreams, &kinds);
            let (verdict, _) = client.judge(&made.case);
            tally
                .lock()
                .unwrap()
                .add(&made.case.upstream, &made.kinds, &verdict);
            if let Verdict::Wrong(why) = verdict {
                self.note(&made, &why);
            }
        }
    }

    /// Writes a divergence down, and prints the first of each sort.
    fn note(&self, made: &Made, why: &str) {
        let kinds: Vec<&str> = made.kinds.iter().map(|kind| KINDS[*kind].name).collect();
        let key = (kinds.join(" and "), made.case.upstream.clone());
        let mut found = self.found.lock().unwrap();
        let (count, lines) = found.entry(key).or_default();
        *count += 1;
        if lines.len() < PRINTED {
            let line = format!(
                "{why}\n  --replay '{}'",
                made.case.line().replace('\'', "'\\''")
            );
            println!("{} at {}: {line}", kinds.join(" and "), made.case.upstream);
            lines.push(line);
        }
    }

    /// Whether the time is over and everything was tried often enough, or the time has passed twice.
    fn is_over(&self, start: Instant, tally: &Tally) -> bool {
        let elapsed = start.elapsed();
        if let Some(broken) = self.options.broken {
            return elapsed > FOUND_WITHIN || self.missing(broken).is_empty();
        }
        let length = self.options.length;
        elapsed > 2 * length || elapsed > length && self.short_of(tally).is_empty()
    }

    fn short_of(&self, tally: &Tally) -> Vec<String> {
        let floor = FLOOR * self.options.length.as_secs() / WHOLE.as_secs();
        tally.short_of(
            floor.max(1),
            &self.options.upstreams(),
            &self.options.kinds(),
        )
    }

    fn verdict(&self, tally: &Tally) -> Result<(), String> {
        let found = self.found.lock().unwrap();
        let mut wrong: Vec<String> = found
            .iter()
            .map(|((kinds, upstream), (count, lines))| {
                let first = lines.first().map(String::as_str).unwrap_or_default();
                format!("{kinds} at {upstream}, {count} times: {first}")
            })
            .collect();
        wrong.extend(self.lab.complaints());
        wrong.extend(self.short_of(tally));
        let total = tally.total();
        if total.admitted * 100 < total.sent * ADMITTED && self.options.only.is_empty() {
            wrong.push(format!("too few cases were admitted: {}", tally.describe()));
        }
        if wrong.is_empty() {
            return Ok(());
        }
        let seed = self.options.seed;
        Err(format!(
            "upstreams failed, seed {seed}:\n{}",
            wrong.join("\n")
        ))
    }

    /// The known attacks that have not been found.
    fn missing(&self, broken: Broken) -> Vec<&'static str> {
        let found = self.found.lock().unwrap();
        let is_found = |(_, (kind, sign)): &&Attack| {
            found.iter().any(|((kinds, _), (_, lines))| {
                kinds == kind && lines.iter().any(|line| line.contains(sign))
            })
        };
        let attacks = broken.attacks().iter();
        let missing = attacks.filter(|attack| !is_found(attack));
        missing.map(|(name, _)| *name).collect()
    }

    fn is_found(&self, broken: Broken, elapsed: Duration) -> Result<(), String> {
        let missing = self.missing(broken);
        let what = match broken {
            Broken::Readings => "readings",
            Broken::Keys => "keys",
        };
        if !missing.is_empty() {
            return Err(format!(
                "the {what} are off, and this was not found: {}",
                missing.join("; ")
            ));
        }
        let names: Vec<&str> = broken.attacks().iter().map(|(name, _)| *name).collect();
        println!(
            "found again without {what}, in {:.0} s: {}",
            elapsed.as_secs_f64(),
            names.join("; ")
        );
        Ok(())
    }
}

/// What gets past a filter: by its name, the kind of change that finds it, and what is said of it.
type Attack = (&'static str, (&'static str, &'static str));

/// Past one whose configuration does not say where the upstream takes its path from.
const ATTACKS_ON_PHP: [Attack; 2] = [
    (
        "a path behind a front controller",
        ("front-controller", "was served"),
    ),
    ("a path in a parameter", ("query-path", "was served")),
];

/// Past one that reads each request in one way.
const ATTACKS: [Attack; 7] = [
    (
        "two slashes in front of the path",
        ("leading-slashes", "admin"),
    ),
    ("a host with an empty port", ("authority-port", "host")),
    ("a method in lower case", ("method-case", "delete-item")),
    ("a method in a header", ("method-header", "delete-item")),
    (
        "a header of the filter's name with other bytes between its words",
        ("identity-fold", "forged-"),
    ),
    ("a path with capitals", ("path-case", "was served")),
    ("a path with a suffix", ("suffix", "was served")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_wrong_ones_named() {
        let options = Options::parse(&[
            "2", "--seed", "7", "--only", "node", "suffix", "--break", "readings",
        ])
        .unwrap();
        assert_eq!(
            (options.length.as_secs(), options.seed, options.broken),
            (120, 7, Some(Broken::Readings))
        );
        assert_eq!(options.upstreams(), ["node"]);
        assert_eq!(options.kinds(), [kinds::place("suffix").unwrap()]);
        let options = Options::parse(&["--short"]).unwrap();
        assert_eq!((options.length, options.seed), (SHORT, SHORT_SEED));
        assert_eq!(options.upstreams().len(), NAMES.len());
        for wrong in [
            &["--only", "nose"][..],
            &["--break"],
            &["x"],
            &["--seed"],
            &["--replay"],
        ] {
            Options::parse(wrong).unwrap_err();
        }
    }

    #[test]
    fn each_attack_has_a_kind() {
        for (_, (kind, _)) in ATTACKS.iter().chain(&ATTACKS_ON_PHP) {
            assert!(kinds::place(kind).is_some(), "{kind}");
        }
    }
}
