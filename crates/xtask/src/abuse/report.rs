//! The table: what so many anonymous requests a second cost.

use super::row::Row;
use lab::load::{KNOWN, Kind, OPEN};
use lab::tools::workspace;
use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

/// Where a whole run is written down, between these marks.
const PAGE: &str = "tests/bench/abuse.md";
const BEGIN: &str = "<!-- cargo xtask abuse -->";
const END: &str = "<!-- /cargo xtask abuse -->";

/// The row without strangers.
pub(super) const NOBODY: &str = "nobody";

/// One line while a run goes on.
pub(super) fn line(row: &Row) -> String {
    let honest = row.refused().map_or_else(
        || format!("all {} answered", row.honest.all().sent),
        |refused| format!("REFUSED {refused}"),
    );
    format!(
        "{:<50} {:>6} {:>4.0} % of a core; strangers: {}; honest: {honest}; open path p99 {} ms{}",
        row.title,
        row.rate
            .map_or_else(|| "at once".into(), |rate| format!("{rate:.0}/s")),
        row.cpu * 100.0,
        row.strangers.describe(),
        millis(row.honest.kind(OPEN).quantile(0.99)),
        if row.is_judged() {
            ""
        } else {
            " (disturbed, not judged)"
        },
    )
}

/// The table of all rows. What honest callers cost alone is taken off.
pub(super) fn table(rows: &[Row]) -> String {
    let mut out = String::from(
        "| what strangers send | requests/s | CPU, % of a core | CPU per request, µs | their answers | honest callers | open path p50, p99, ms | known token p50, p99, ms | Envoy, filter, MiB |\n\
         |---|--:|--:|--:|---|---|--:|--:|--:|\n",
    );
    let alone = rows.iter().find(|row| row.title == NOBODY);
    let alone = alone.map_or(0.0, |row| row.cpu);
    for row in rows {
        let added = if row.title == NOBODY {
            row.cpu
        } else {
            (row.cpu - alone).max(0.0)
        };
        let paced = row.rate.filter(|rate| *rate > 1.0);
        let cost = paced.map(|rate| format!("{:.0}", added * 1e6 / rate));
        let rate = match row.rate {
            None => "at once".into(),
            Some(_) => paced.map(|rate| format!("{rate:.0}")).unwrap_or_default(),
        };
        let honest = row
            .refused()
            .unwrap_or_else(|| format!("all {} answered", row.honest.all().sent));
        let disturbed = if row.is_judged() { "" } else { " (disturbed)" };
        // Writing to a String does not fail.
        let _ = writeln!(
            out,
            "| {} | {rate} | {:.0} | {} | {} | {honest} | {}{disturbed} | {} | {}, {} |",
            row.title,
            added * 100.0,
            cost.unwrap_or_default(),
            row.strangers.describe(),
            times(&row.honest.kind(OPEN)),
            times(&row.honest.kind(KNOWN)),
            row.resident >> 20,
            row.linear >> 20,
        );
    }
    out
}

/// Puts the table between the marks of its page.
///
/// # Errors
/// When the page cannot be read or written, or has no marks.
pub(super) fn write(text: &str) -> Result<(), String> {
    let path = workspace().join(PAGE);
    let io = |error| format!("{}: {error}", path.display());
    let page = fs::read_to_string(&path).map_err(io)?;
    let (before, rest) = page.split_once(BEGIN).ok_or("the page has no mark")?;
    let (_, after) = rest.split_once(END).ok_or("the page has no second mark")?;
    fs::write(&path, format!("{before}{BEGIN}\n{text}{END}{after}")).map_err(io)?;
    println!("{}", path.display());
    Ok(())
}

fn times(kind: &Kind) -> String {
    format!(
        "{}, {}",
        millis(kind.quantile(0.5)),
        millis(kind.quantile(0.99))
    )
}

fn millis(time: Option<Duration>) -> String {
    time.map_or_else(
        || "none".into(),
        |time| format!("{:.1}", time.as_secs_f64() * 1e3),
    )
}
