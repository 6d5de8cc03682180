//! Memory of one VM, the size of the module, and the time until it answers.

use super::lab::Lab;
use super::load::Load;
use super::tokens::Tokens;
use super::variants::{self, PLAIN};
use crate::tools::wasm;
use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

/// Requests with tokens that the VM does not remember: it keeps a thousand, and they come twenty thousand in turn.
const MANY: u64 = 1_000_000;

/// Measures, and returns a table.
///
/// # Errors
/// When something does not start, or a caller is refused.
pub(super) fn measure(tokens: &Tokens) -> Result<String, String> {
    let start = Instant::now();
    let plain = variants::variant(PLAIN, "", Vec::new(), Load::Anonymous);
    drop(Lab::start(&[plain], 1)?);
    let without = start.elapsed();
    let known = variants::known(tokens, Load::Listed(tokens.first(1000)?))?;
    let new = variants::known(tokens, Load::Listed(tokens.file("new")))?;
    let start = Instant::now();
    let lab = Lab::start(std::slice::from_ref(&known), 1)?;
    let with = start.elapsed();
    let size = fs::metadata(wasm()?)
        .map_err(|error| error.to_string())?
        .len();
    let mut out = String::from("| what | value |\n|---|--:|\n");
    let mut row = |what: &str, value: String| {
        // Writing to a String does not fail.
        let _ = writeln!(out, "| {what} | {value} |");
    };
    row("size of the module", format!("{size} bytes"));
    row(
        "start of Envoy until it is ready, with the filter (without)",
        format!("{} ms ({} ms)", with.as_millis(), without.as_millis()),
    );
    row("linear memory of the VM, unused", mebibytes(lab.id())?);
    lab.measure(0, &known, Duration::from_secs(2))?;
    row(
        "linear memory, 1,000 tokens remembered",
        mebibytes(lab.id())?,
    );
    let mut sent = 0;
    for goal in [MANY / 10, MANY / 2, MANY] {
        while sent < goal {
            sent += lab.measure(0, &new, Duration::from_secs(5))?.requests;
        }
        row(
            &format!("linear memory after {sent} requests with tokens that it does not remember"),
            mebibytes(lab.id())?,
        );
    }
    Ok(out)
}

/// The largest linear memory of a process: V8 reserves eight gibibytes for each, and what is in use is the readable
/// part at their beginning.
fn mebibytes(process: u32) -> Result<String, String> {
    let path = format!("/proc/{process}/maps");
    let maps = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let bytes = largest_memory(&maps).ok_or("Envoy has no linear memory that could be seen")?;
    Ok(format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)))
}

fn largest_memory(maps: &str) -> Option<u64> {
    let regions: Vec<(u64, u64, &str)> = maps.lines().filter_map(region).collect();
    regions
        .windows(2)
        .filter_map(|two| {
            let [(start, end, "rw-p"), (next, last, "---p")] = *two else {
                return None;
            };
            (end == next && last - next > 4 << 30).then_some(end - start)
        })
        .max()
}

/// Start, end and permissions of a line.
fn region(line: &str) -> Option<(u64, u64, &str)> {
    let mut words = line.split(' ');
    let (start, end) = words.next()?.split_once('-')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    Some((number(start)?, number(end)?, words.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_in_front_of_the_largest_reservation_is_found() {
        let maps = "\
7fe3d8f80000-7fe3d90b0000 rw-p 00000000 00:00 0
7fe3d90b0000-7fe5d8f80000 ---p 00000000 00:00 0
7fe60af90000-7fe60b000000 rw-p 00000000 00:00 0
7fe60b000000-7fe80af90000 ---p 00000000 00:00 0
7fe900000000-7fe910000000 rw-p 00000000 00:00 0 [heap]
7fe910000000-7fe910001000 ---p 00000000 00:00 0
";
        assert_eq!(largest_memory(maps), Some(0x13_0000));
        assert_eq!(largest_memory(""), None);
    }
}
