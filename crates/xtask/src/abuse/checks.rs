//! What must hold whatever strangers do, and how often it was looked at.

use std::fmt::Write as _;

/// A promise about every row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Invariant {
    Honest,
    OpenPath,
    NobodyIn,
    Alive,
    Memory,
    InTime,
}

impl Invariant {
    pub(super) const ALL: [Self; 6] = [
        Self::Honest,
        Self::OpenPath,
        Self::NobodyIn,
        Self::Alive,
        Self::Memory,
        Self::InTime,
    ];

    /// The word by which `--break` knows it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::OpenPath => "open-path",
            Self::NobodyIn => "nobody-in",
            Self::Alive => "alive",
            Self::Memory => "memory",
            Self::InTime => "in-time",
        }
    }

    fn says(self) -> &'static str {
        match self {
            Self::Honest => "honest callers are answered while a core is less than half busy",
            Self::OpenPath => "an open path answers 99 of 100 requests within 100 ms",
            Self::NobodyIn => "no stranger passes",
            Self::Alive => "the filter lives afterwards",
            Self::Memory => "memory stays bounded",
            Self::InTime => "refusals that are due at once are answered within 200 ms",
        }
    }
}

/// One invariant's record.
#[derive(Clone, Debug, Default)]
struct Record {
    checked: u64,
    failures: Vec<String>,
}

/// The record of all invariants.
#[derive(Clone, Debug, Default)]
pub(super) struct Checks([Record; Invariant::ALL.len()]);

impl Checks {
    /// Notes that an invariant was looked at so many times, and what was wrong.
    pub(super) fn note(&mut self, invariant: Invariant, checked: u64, wrong: Option<String>) {
        let place = Invariant::ALL.iter().position(|other| *other == invariant);
        if let Some(record) = place.and_then(|place| self.0.get_mut(place)) {
            record.checked += checked;
            record.failures.extend(wrong);
        }
    }

    /// Whether this invariant was seen not to hold.
    pub(super) fn has_failed(&self, invariant: Invariant) -> bool {
        let records = Invariant::ALL.iter().zip(&self.0);
        records
            .filter(|(other, _)| **other == invariant)
            .any(|(_, record)| !record.failures.is_empty())
    }

    /// A line for each invariant.
    pub(super) fn describe(&self) -> String {
        let mut out = String::new();
        for (invariant, record) in Invariant::ALL.iter().zip(&self.0) {
            let verdict = match (record.failures.len(), record.checked) {
                (0, 0) => "never checked".to_owned(),
                (0, checked) => format!("held, checked {checked} times"),
                (failed, checked) => format!("BROKEN in {failed} places, checked {checked} times"),
            };
            // Writing to a String does not fail.
            let _ = writeln!(
                out,
                "{:<10} {}: {verdict}",
                invariant.name(),
                invariant.says()
            );
            for failure in &record.failures {
                let _ = writeln!(out, "           - {failure}");
            }
        }
        out
    }

    /// Whether everything held, and in a whole run was looked at.
    ///
    /// # Errors
    /// With the names of what did not hold, or was never looked at.
    pub(super) fn verdict(&self, is_whole: bool) -> Result<(), String> {
        let wrong = |(invariant, record): (&Invariant, &Record)| {
            let why = match (record.failures.len(), record.checked) {
                (0, 0) if is_whole => "was never checked",
                (0, _) => return None,
                _ => "is broken",
            };
            Some(format!("{} {why}", invariant.name()))
        };
        let wrong: Vec<String> = Invariant::ALL
            .iter()
            .zip(&self.0)
            .filter_map(wrong)
            .collect();
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(wrong.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invariant_that_nobody_looked_at_does_not_hold() {
        let mut checks = Checks::default();
        for invariant in Invariant::ALL {
            assert!(checks.verdict(true).is_err());
            checks.verdict(false).unwrap();
            checks.note(invariant, 3, None);
        }
        checks.verdict(true).unwrap();
        checks.note(Invariant::Memory, 1, Some("a gigabyte".into()));
        assert_eq!(checks.verdict(true), Err("memory is broken".into()));
        assert!(checks.has_failed(Invariant::Memory));
        assert!(!checks.has_failed(Invariant::Alive));
        assert!(checks.describe().contains("- a gigabyte"));
    }
}
