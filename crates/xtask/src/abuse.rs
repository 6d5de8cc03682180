//! `cargo xtask abuse`: what strangers can do to the filter, and what it costs.
//!
//! One real Envoy with one worker thread and the module that ships. Strangers flood it in every way, one after the
//! other, while honest callers of every kind go on. After each row a set of invariants is held against what was seen.

mod breaks;
mod checks;
mod lab;
mod mass;
mod moods;
mod pipe;
mod policy;
mod report;
mod row;
mod rows;
mod strangers;

use self::checks::{Checks, Invariant};
use self::lab::{Lab, Plan};
use self::mass::End;
use self::row::Row;
use self::rows::Rows;
use ::lab::load;
use std::time::Duration;

/// Files and connections that a run needs open, and some to spare.
const FILES: u64 = 12_000;

/// How the command was asked to run.
#[derive(Debug, Default)]
struct Options {
    /// A second or so each, and every planted fault.
    short: bool,
    /// Only rows that have one of these words in their title.
    only: Vec<String>,
    /// The invariant whose fault is planted.
    fault: Option<Invariant>,
}

impl Options {
    fn parse(arguments: &[&str]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match *argument {
                "--short" => options.short = true,
                "--only" => {
                    let words = arguments.next().ok_or("--only: which?")?;
                    options.only = words.split(',').map(str::to_owned).collect();
                }
                "--break" => {
                    let name = arguments.next().copied().unwrap_or_default();
                    let known = Invariant::ALL
                        .into_iter()
                        .find(|known| known.name() == name);
                    let names = Invariant::ALL.map(Invariant::name).join(", ");
                    options.fault = Some(known.ok_or_else(|| format!("--break: one of {names}"))?);
                }
                other => {
                    return Err(format!("abuse: {other}: not --short, --only or --break"));
                }
            }
        }
        Ok(options)
    }
}

/// Reads `--short`, `--only a,b` and `--break name`, runs all rows, prints the table and what was checked, and writes a whole run down.
///
/// # Errors
/// With the argument that is not known, or the invariants that did not hold or were never checked.
pub fn run(arguments: &[&str]) -> Result<(), String> {
    let options = &Options::parse(arguments)?;
    load::raise_file_limit(FILES)?;
    if let Some(invariant) = options.fault {
        let checks = breaks::plant(invariant)?;
        println!("{}", checks.describe());
        return Err(if checks.has_failed(invariant) {
            format!("{} is broken, as it was meant to be", invariant.name())
        } else {
            format!("{} held although its fault was planted", invariant.name())
        });
    }
    let mut checks = Checks::default();
    let rows = everything(options, &mut checks)?;
    let table = report::table(&rows);
    println!("\n{table}\n{}", checks.describe());
    if options.short && options.only.is_empty() {
        every_fault_is_found()?;
    }
    checks.verdict(options.only.is_empty())?;
    if !options.short && options.only.is_empty() {
        report::write(&format!("{table}\n{}.\n", crate::bench::machine()))?;
    }
    Ok(())
}

fn everything(options: &Options, checks: &mut Checks) -> Result<Vec<Row>, String> {
    let lab = Lab::start(Plan {
        sets: true,
        ..Plan::default()
    })?;
    let time = Duration::from_millis(if options.short { 800 } else { 10_000 });
    let mut rows = Rows {
        lab: &lab,
        time,
        only: &options.only,
        checks,
        rows: Vec::new(),
    };
    rows.all()?;
    rows.mass("1,024 at once with unknown key ids", End::Answers)?;
    let mut done = rows.rows;
    drop(lab);
    let fails = "1,024 at once wait for an issuer that fails";
    let hangs_up = "1,024 at once wait for an issuer that hangs up";
    // A short run has time for one of them.
    let ends = [(fails, End::Answers), (hangs_up, End::Closes)];
    for (title, end) in ends.into_iter().take(if options.short { 1 } else { 2 }) {
        let lab = Lab::start(Plan {
            late_fails: true,
            ..Plan::default()
        })?;
        let mut rows = Rows {
            lab: &lab,
            time,
            only: &options.only,
            checks,
            rows: done,
        };
        if title == fails {
            // After it the service is not asked again for a while.
            rows.mass("1,024 at once wait for a service that hangs", End::Never)?;
        }
        rows.mass(title, end)?;
        done = rows.rows;
    }
    if done.is_empty() {
        return Err("--only: no row has such a word in its title".into());
    }
    Ok(done)
}

/// Plants the fault of each invariant and sees it fail.
fn every_fault_is_found() -> Result<(), String> {
    for invariant in Invariant::ALL {
        let checks = breaks::plant(invariant)?;
        if !checks.has_failed(invariant) {
            return Err(format!(
                "{} held although its fault was planted\n{}",
                invariant.name(),
                checks.describe()
            ));
        }
        println!("--break {}: found", invariant.name());
    }
    Ok(())
}
