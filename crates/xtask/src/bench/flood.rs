//! What callers get while ten times as many forgers ask.

use super::lab::Lab;
use super::load::{self, Load, Seen};
use super::tokens::Tokens;
use super::variants::{self, Variant};
use lab::process::run;
use std::fmt::Write as _;
use std::process::Stdio;
use std::time::Duration;

/// Connections of callers, and of forgers.
const CALLERS: u32 = 8;
const FORGERS: u32 = 80;

/// Measures both filters and returns a table.
///
/// # Errors
/// When something does not start, or a caller is refused.
pub(super) fn measure(tokens: &Tokens, time: Duration) -> Result<String, String> {
    // The most common algorithm, and a dear one.
    let variants = variants::flooded(tokens, &["RS256", "ES384"])?;
    let lab = Lab::start(&variants, 1)?;
    let mut out = String::from(
        "| filter | callers alone, requests/s | with forgers, requests/s | kept | p99, µs | forged requests/s |\n\
         |---|--:|--:|--:|--:|--:|\n",
    );
    for (index, variant) in variants.iter().enumerate() {
        let addr = lab.addr(index);
        let callers = || load::command(addr, variant.path, &variant.load, time, CALLERS);
        lab.try_one(addr, variant)?;
        let alone = calm(&run(&mut callers())?, variant)?;
        let Load::Token(token) = &variant.load else {
            return Err(format!("{}: callers have one token", variant.name));
        };
        let forged = Load::Forged(token.clone());
        // They begin before the callers and end after them.
        let forgers = load::command(
            addr,
            variant.path,
            &forged,
            time + Duration::from_secs(2),
            FORGERS,
        )
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("wrk: {error}"))?;
        std::thread::sleep(Duration::from_secs(1));
        let flooded = calm(&run(&mut callers())?, variant)?;
        let forgers = forgers
            .wait_with_output()
            .map_err(|error| format!("wrk: {error}"))?;
        let forgers = load::read(&String::from_utf8_lossy(&forgers.stdout))?;
        if forgers.refused != forgers.requests {
            return Err(format!("{}: a forged token held", variant.name));
        }
        // Writing to a String does not fail.
        let _ = writeln!(
            out,
            "| {} | {:.0} | {:.0} | {:.0} % | {} | {:.0} |",
            variant.title,
            alone.per_second(),
            flooded.per_second(),
            100.0 * flooded.per_second() / alone.per_second(),
            flooded.p99.as_micros(),
            forgers.per_second(),
        );
    }
    Ok(out)
}

fn calm(report: &str, variant: &Variant) -> Result<Seen, String> {
    let seen = load::read(report)?;
    if seen.refused == 0 {
        Ok(seen)
    } else {
        Err(format!(
            "{}: {} callers were refused",
            variant.name, seen.refused
        ))
    }
}
