//! Memory of one VM, the size of the module, and the time until it answers.

use super::lab::Lab;
use super::load::Load;
use super::tokens::Tokens;
use super::variants::{self, PLAIN};
use lab::tools::wasm;
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

/// The linear memory of the VM.
fn mebibytes(process: u32) -> Result<String, String> {
    let bytes = lab::load::linear_memory(process)?;
    Ok(format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)))
}
