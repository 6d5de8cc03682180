//! How requests per second grow with worker threads.

use super::lab::Lab;
use super::tokens::Tokens;
use super::variants;
use std::fmt::Write as _;
use std::time::Duration;

/// The most worker threads.
const MOST: u32 = 4;

/// Measures an Envoy for each number of workers, and returns a table.
///
/// # Errors
/// When something does not start, or a caller is refused.
pub(super) fn measure(tokens: &Tokens, time: Duration) -> Result<String, String> {
    let variants = variants::flooded(tokens, &["RS256"])?;
    let mut out = String::from(
        "| worker threads | auth-filter, requests/s | `jwt_authn` with its cache, requests/s |\n|--:|--:|--:|\n",
    );
    for workers in 1..=MOST {
        let lab = Lab::start(&variants, workers)?;
        let mut line = format!("| {workers} |");
        for (index, variant) in variants.iter().enumerate() {
            lab.measure(index, variant, Duration::from_secs(1))?;
            let sample = lab.measure(index, variant, time)?;
            let rate = sample.requests as f64 / sample.time.as_secs_f64();
            // Writing to a String does not fail.
            let _ = write!(line, " {rate:.0} |");
        }
        let _ = writeln!(out, "{line}");
    }
    Ok(out)
}
