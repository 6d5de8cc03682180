//! `cargo xtask bench`: what a request costs, beside Envoy's own filter in the same run.
//!
//! One Envoy with one worker thread has a listener for each variant: a filter, or none, in front of a route that answers
//! by itself. wrk walks the variants in turn, round after round, so that a noisy minute falls on all of them. What
//! counts is the CPU time of the Envoy process over the requests that it answered, less that of the listener without
//! a filter in the same round.

mod authz;
mod chart;
mod lab;
mod load;
mod report;
mod stats;
mod tokens;
mod variants;

use self::lab::Lab;
use self::report::Report;
use self::stats::{Sample, Series};
use self::tokens::Tokens;
use self::variants::Variant;
use std::time::Duration;

/// How the command was asked to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// A second each, once: whether everything works, not how fast.
    pub short: bool,
    /// Only what has one of these words in its name; all where there are none.
    pub only: Vec<String>,
}

impl Options {
    /// Reads `--short` and `--only a,b`.
    ///
    /// # Errors
    /// With the argument that is not known.
    pub fn parse(arguments: &[&str]) -> Result<Self, String> {
        let mut options = Self {
            short: false,
            only: Vec::new(),
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match *argument {
                "--short" => options.short = true,
                "--only" => {
                    let names = arguments.next().ok_or("--only: which?")?;
                    options.only = names.split(',').map(str::to_owned).collect();
                }
                other => return Err(format!("bench: {other}: not --short or --only")),
            }
        }
        Ok(options)
    }

    fn takes(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|word| name.contains(word.as_str()))
    }

    /// Whether all was measured for long enough to be shown.
    fn is_whole(&self) -> bool {
        !self.short && self.only.is_empty()
    }

    const fn rounds(&self) -> usize {
        if self.short { 1 } else { 7 }
    }

    const fn slice(&self) -> Duration {
        Duration::from_secs(if self.short { 1 } else { 2 })
    }
}

/// Runs the benchmark, prints it, and writes it down: a whole run into `tests/bench`, any other into `target/bench`.
///
/// # Errors
/// When something cannot start, or an answer is not the expected one.
pub fn run(options: &Options) -> Result<(), String> {
    load::ensure_wrk()?;
    let tokens = Tokens::make(1000, 1000)?;
    let variants = variants::all(&tokens)?;
    let wanted: Vec<Variant> = variants
        .into_iter()
        .filter(|variant| variant.name == variants::PLAIN || options.takes(variant.name))
        .collect();
    let lab = Lab::start(&wanted, 1)?;
    let mut series: Vec<Series> = wanted.iter().map(|_| Series::default()).collect();
    println!("warming up: V8 compiles what runs often anew");
    let first = if options.short { 1 } else { wanted.len() };
    walk(&lab, &wanted[..first], Duration::from_secs(1), |_, _| {})?;
    for round in 1..=options.rounds() {
        println!("round {round} of {}", options.rounds());
        walk(&lab, &wanted, options.slice(), |index, sample| {
            series[index].push(sample);
        })?;
    }
    let report = Report::new(options, &wanted, &series);
    println!("{}", report.table());
    report.write(options.is_whole())
}

/// Sends requests to each variant in turn.
fn walk(
    lab: &Lab,
    variants: &[Variant],
    slice: Duration,
    mut take: impl FnMut(usize, Sample),
) -> Result<(), String> {
    for (index, variant) in variants.iter().enumerate() {
        let explain = |error| format!("{}: {error}", variant.name);
        let sample = lab.measure(index, variant, slice).map_err(explain)?;
        take(index, sample);
    }
    Ok(())
}
