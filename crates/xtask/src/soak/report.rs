//! What a run came to, as a table, and the page that shows the last long one.

use super::conduct::Program;
use super::ledger::{Invariant, Ledger};
use super::watch::Memory;
use lab::tools::workspace;
use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

/// Between these marks the page shows the last long run.
const BEGIN: &str = "<!-- cargo xtask soak -->";
const END: &str = "<!-- /cargo xtask soak -->";
/// The page.
const PAGE: &str = "tests/soak.md";

/// What a run came to.
pub(super) struct Report<'l> {
    pub(super) seed: u64,
    pub(super) length: Duration,
    pub(super) ledger: &'l Ledger,
    pub(super) program: Program,
    pub(super) memory: Memory,
    pub(super) fetches: usize,
    /// How long the machine had no time for Envoy or its services.
    pub(super) stalls: Duration,
}

impl Report<'_> {
    /// As Markdown.
    pub(super) fn markdown(&self) -> String {
        let mut out = format!(
            "Seed {}, {} s, {} requests answered, the slowest after {:.1} s. Keys were fetched {} times. Envoy had {} MiB when it was warm, {} MiB at the most. Other programs had the cores for {:.1} s.\n\n",
            self.seed,
            self.length.as_secs(),
            self.ledger.answers(),
            self.ledger.longest_wait().as_secs_f64(),
            self.fetches,
            self.memory.warm / 1024,
            self.memory.most / 1024,
            self.stalls.as_secs_f64(),
        );
        out.push_str("| invariant | | checked | violated |\n|---|---|--:|--:|\n");
        for invariant in Invariant::ALL {
            // Writing to a String does not fail.
            let _ = writeln!(
                out,
                "| `{}` | {} | {} | {} |",
                invariant.name(),
                invariant.says(),
                self.ledger.checked(invariant),
                self.ledger.violated(invariant),
            );
        }
        out.push_str("\n| what was disturbed | how | times | longest until a caller passed again, ms |\n|---|---|--:|--:|\n");
        for ((target, fault), played) in &self.program {
            let _ = writeln!(
                out,
                "| {} | {fault} | {} | {} |",
                target.name(),
                played.times,
                played.slowest.as_millis()
            );
        }
        out.push_str("\n| callers | answers by status |\n|---|---|\n");
        for (kind, answers) in self.ledger.answers_by_kind() {
            let _ = writeln!(out, "| {kind} | {answers} |");
        }
        out
    }

    /// Shows the run on the page.
    ///
    /// # Errors
    /// When the page cannot be read or written, or has no place for it.
    pub(super) fn write(&self) -> Result<(), String> {
        let path = workspace().join(PAGE);
        let io = |error: std::io::Error| format!("{}: {error}", path.display());
        let page = fs::read_to_string(&path).map_err(io)?;
        let shown = shown(&page, &self.markdown()).ok_or_else(|| format!("{PAGE}: no {BEGIN}"))?;
        fs::write(&path, shown).map_err(io)
    }
}

fn shown(page: &str, run: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{run}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_takes_the_place_of_the_one_before() {
        let page = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let wanted = format!("a\n{BEGIN}\nnew\n{END}\nb\n");
        assert_eq!(shown(&page, "new\n"), Some(wanted));
        assert_eq!(shown("a", "new"), None);
    }
}
