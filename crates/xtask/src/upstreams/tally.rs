//! What was sent and what became of it, by upstream and kind.

use super::judge::Verdict;
use super::kinds::KINDS;
use lab::upstreams::NAMES;
use std::fmt::Write as _;

/// Counts of one upstream and kind.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cell {
    pub(super) sent: u64,
    pub(super) admitted: u64,
    pub(super) served: u64,
}

/// All counts.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    /// By upstream, then by kind.
    cells: Vec<Vec<Cell>>,
    total: Cell,
    pairs: u64,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            cells: vec![vec![Cell::default(); KINDS.len()]; NAMES.len()],
            total: Cell::default(),
            pairs: 0,
        }
    }

    /// Counts one case, once for each of its kinds.
    pub(super) fn add(&mut self, upstream: &str, kinds: &[usize], verdict: &Verdict) {
        let row = NAMES
            .iter()
            .position(|name| *name == upstream)
            .unwrap_or_default();
        let count = |cell: &mut Cell| {
            cell.sent += 1;
            cell.admitted += u64::from(*verdict != Verdict::Refused);
            cell.served += u64::from(*verdict == Verdict::Served);
        };
        for kind in kinds {
            count(&mut self.cells[row][*kind]);
        }
        count(&mut self.total);
        self.pairs += u64::from(kinds.len() > 1);
    }

    pub(super) fn total(&self) -> Cell {
        self.total
    }

    /// Those of these upstreams and kinds that were sent fewer times than this.
    pub(super) fn short_of(&self, floor: u64, upstreams: &[&str], kinds: &[usize]) -> Vec<String> {
        let mut short = Vec::new();
        for (name, row) in NAMES.iter().zip(&self.cells) {
            for kind in kinds.iter().filter(|_| upstreams.contains(name)) {
                let sent = row[*kind].sent;
                if sent < floor {
                    short.push(format!(
                        "{} to {name}: {sent} of {floor}",
                        KINDS[*kind].name
                    ));
                }
            }
        }
        short
    }

    /// A table: a row for each kind, a column for each upstream, in each cell how many were admitted of how many.
    pub(super) fn table(&self) -> String {
        let mut out = format!(
            "| kind | {} |\n|---|{}\n",
            NAMES.join(" | "),
            "--:|".repeat(NAMES.len())
        );
        for (place, kind) in KINDS.iter().enumerate() {
            let cells = self.cells.iter().map(|row| {
                let cell = row[place];
                format!("{}/{}", cell.admitted, cell.sent)
            });
            let cells: Vec<String> = cells.collect();
            // Writing to a String does not fail.
            let _ = writeln!(out, "| {} | {} |", kind.name, cells.join(" | "));
        }
        out
    }

    /// One sentence of the whole.
    pub(super) fn describe(&self) -> String {
        let Cell {
            sent,
            admitted,
            served,
        } = self.total;
        let share = |part: u64| 100.0 * part as f64 / sent.max(1) as f64;
        format!(
            "{sent} cases, {} of them products of two changes; {admitted} admitted ({:.1} %), {served} of those served a resource ({:.1} %)",
            self.pairs,
            share(admitted),
            share(served),
        )
    }
}
