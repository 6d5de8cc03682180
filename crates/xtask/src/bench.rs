//! `cargo xtask bench`: what a request costs, beside Envoy's own filter in the same run.
//!
//! One Envoy with one worker thread has a listener for each variant: a filter, or none, in front of a route that answers
//! by itself. wrk walks the variants in turn, round after round, so that a noisy minute falls on all of them. What
//! counts is the CPU time of the Envoy process over the requests that it answered, less that of the listener without
//! a filter in the same round.

mod authz;
mod chart;
pub mod directory;
mod flood;
mod lab;
mod load;
mod memory;
mod profile;
mod readings;
mod report;
mod stats;
mod sweeps;
mod tokens;
mod variants;
mod workers;

pub(crate) use self::report::machine;

use self::lab::Lab;
use self::report::Report;
use self::stats::Series;
use self::tokens::Tokens;
use self::variants::Variant;
use std::path::PathBuf;
use std::time::Duration;

/// Envoy's own filters that a short run tries too.
const NATIVE: &[&str] = &["native-rs256", "native-cached-rs256", "native-rbac"];

/// How the command was asked to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// A second each, once: whether everything works, not how fast.
    pub short: bool,
    /// Only what has one of these words in its name; all where there are none.
    pub only: Vec<String>,
    /// Another module than the one that ships, to be compared with it.
    pub module: Option<PathBuf>,
    /// How many rounds of the comparison, where it is said.
    pub rounds: Option<usize>,
    /// Samples Envoy in place of comparing: where the time of a request goes.
    pub profile: bool,
}

/// How long a variant is walked at once.
const SLICE: Duration = Duration::from_secs(1);
/// How long it is sampled.
const SAMPLED: Duration = Duration::from_secs(10);

impl Options {
    /// Reads `--short`, `--only a,b`, `--module file`, `--rounds n` and `--profile`.
    ///
    /// # Errors
    /// With the argument that is not known.
    pub fn parse(arguments: &[&str]) -> Result<Self, String> {
        let mut options = Self {
            short: false,
            only: Vec::new(),
            module: None,
            rounds: None,
            profile: false,
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match *argument {
                "--short" => options.short = true,
                "--profile" => options.profile = true,
                "--only" => {
                    let names = arguments.next().ok_or("--only: which?")?;
                    options.only = names.split(',').map(str::to_owned).collect();
                }
                "--module" => options.module = arguments.next().map(PathBuf::from),
                "--rounds" => {
                    let many = arguments.next().and_then(|many| many.parse().ok());
                    options.rounds =
                        Some(many.filter(|many| *many > 0).ok_or("--rounds: how many?")?);
                }
                other => {
                    return Err(format!(
                        "bench: {other}: not --short, --only, --module, --rounds or --profile"
                    ));
                }
            }
        }
        Ok(options)
    }

    fn takes(&self, name: &str) -> bool {
        if self.only.is_empty() {
            // Envoy's own filters work; a short run tries one of each kind of them.
            return !self.short || !name.starts_with("native-") || NATIVE.contains(&name);
        }
        self.only.iter().any(|word| name.contains(word.as_str()))
    }

    /// Whether all was measured for long enough to be shown.
    fn is_whole(&self) -> bool {
        !self.short && self.only.is_empty() && self.module.is_none() && self.rounds.is_none()
    }

    fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.short { 1 } else { 7 })
    }
}

/// Runs the benchmark, prints it, and writes it down: a whole run into `tests/bench`, any other into `target/bench`.
///
/// # Errors
/// When something cannot start, or an answer is not the expected one.
pub fn run(options: &Options) -> Result<(), String> {
    ::lab::debian::program("wrk")?;
    let many = if options.short {
        1000
    } else {
        sweeps::MOST_TOKENS
    };
    if let Some(module) = &options.module {
        variants::measure_instead(module);
    }
    let tokens = Tokens::make(many, 20_000)?;
    let mut report = Report::new(options);
    let compared = variants::all(&tokens)?;
    let wanted = wanted(options, compared);
    if options.profile {
        println!("{}", profile::measure(&wanted, SAMPLED)?);
        return Ok(());
    }
    if !wanted.is_empty() {
        let series = rounds(options, &wanted, options.rounds())?;
        report.compare(&wanted, &series);
    }
    if !options.short {
        for sweep in sweeps::all(&tokens)? {
            if options.takes(sweep.name) {
                println!("{}", sweep.title);
                let series = rounds(options, &sweep.variants, 3)?;
                report.grow(sweep.title, &sweep.variants, &series);
            }
        }
        if options.takes(readings::NAME) {
            println!("{}", readings::TITLE);
            let variants = readings::variants(&tokens)?;
            let series = rounds(options, &variants, options.rounds())?;
            report.grow(readings::TITLE, &variants, &series);
            report.add("Readings of a clean path", &readings::hot_loop(&tokens)?);
        }
        if options.takes("workers") {
            report.add("Worker threads", &workers::measure(&tokens, SLICE)?);
        }
        if options.takes("memory") {
            report.add("Memory and start", &memory::measure(&tokens)?);
        }
    }
    if options.takes("flood") {
        let time = SLICE * if options.short { 1 } else { 3 };
        report.add("Callers among forgers", &flood::measure(&tokens, time)?);
    }
    println!("{}", report.markdown());
    report.write(options.is_whole())
}

/// The wanted variants and the one that they are compared with; none where none is wanted.
fn wanted(options: &Options, mut all: Vec<Variant>) -> Vec<Variant> {
    let is_wanted = |variant: &Variant| options.takes(variant.name);
    if all.iter().any(is_wanted) {
        all.retain(|variant| variant.name == variants::PLAIN || is_wanted(variant));
        all
    } else {
        Vec::new()
    }
}

/// Starts Envoy and walks the variants so many times.
fn rounds(options: &Options, variants: &[Variant], rounds: usize) -> Result<Vec<Series>, String> {
    let lab = Lab::start(variants, 1)?;
    let mut series: Vec<Series> = variants.iter().map(|_| Series::default()).collect();
    println!("warming up: V8 compiles what runs often anew");
    let first = if options.short { 1 } else { variants.len() };
    for (index, variant) in variants[..first].iter().enumerate() {
        let time = Duration::from_secs(if variant.load.is_long() { 12 } else { 1 });
        lab.measure(index, variant, time)
            .map_err(|error| format!("{}: {error}", variant.name))?;
    }
    for round in 1..=rounds {
        println!("round {round} of {rounds}");
        for (index, variant) in variants.iter().enumerate() {
            let sample = lab.measure(index, variant, SLICE);
            series[index].push(sample.map_err(|error| format!("{}: {error}", variant.name))?);
        }
    }
    Ok(series)
}
