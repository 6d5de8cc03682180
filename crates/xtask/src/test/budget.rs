//! How long the steps of `cargo xtask test` may take.

use std::time::Duration;

/// Above how many times its budget a group fails the command. Above the budget it is told; a machine may be slower than the
/// one that the budgets are of, and begin with nothing compiled, and neither is a fault of the change at hand.
const TOLERATED: u32 = 3;

/// What belongs together, and may take so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Build,
    Units,
    Envoy,
    Floods,
    Chromium,
    Service,
    Rest,
}

impl Group {
    /// In the order in which their sums are told.
    const ALL: [Self; 7] = [
        Self::Build,
        Self::Units,
        Self::Floods,
        Self::Chromium,
        Self::Service,
        Self::Rest,
        Self::Envoy,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Build => "builds, formats and lints",
            Self::Units => "unit tests, natively and on WebAssembly",
            Self::Envoy => "real Envoy",
            Self::Floods => "strangers and failures",
            Self::Chromium => "Chromium",
            Self::Service => "reference directory",
            Self::Rest => "the rest",
        }
    }

    /// How long its steps may take together.
    fn budget(self) -> Duration {
        let minutes = match self {
            Self::Build => 9,
            Self::Units => 6,
            Self::Envoy => 7,
            Self::Floods | Self::Chromium => 4,
            Self::Service | Self::Rest => 5,
        };
        Duration::from_secs(60 * minutes)
    }
}

/// How long the steps of each group took.
#[derive(Debug, Default)]
pub(super) struct Spent(Vec<(Group, Duration)>);

impl Spent {
    pub(super) fn add(&mut self, group: Group, time: Duration) {
        self.0.push((group, time));
    }

    fn of(&self, group: Group) -> Duration {
        let own = self.0.iter().filter(|(other, _)| *other == group);
        own.map(|(_, time)| *time).sum()
    }

    /// A line for each group that has run.
    pub(super) fn describe(&self) -> String {
        let ran = Group::ALL
            .into_iter()
            .filter(|group| !self.of(*group).is_zero());
        ran.map(|group| {
            let (spent, budget) = (self.of(group).as_secs(), group.budget().as_secs());
            let over = if spent > budget {
                ", which is too long"
            } else {
                ""
            };
            format!("== {}: {spent} s of {budget} s{over}\n", group.name())
        })
        .collect()
    }

    /// Whether no group took [`TOLERATED`] times its budget.
    pub(super) fn verdict(&self) -> Result<(), String> {
        let over = |group: &Group| self.of(*group) > group.budget() * TOLERATED;
        let over: Vec<String> = Group::ALL
            .into_iter()
            .filter(over)
            .map(|group| {
                let (spent, most) = (self.of(group), group.budget() * TOLERATED);
                let (spent, most) = (spent.as_secs(), most.as_secs());
                format!("{}: {spent} s, and {most} s at most", group.name())
            })
            .collect();
        if over.is_empty() {
            return Ok(());
        }
        Err(format!("the steps took too long: {}", over.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_takes_too_long_is_named() {
        let mut spent = Spent::default();
        spent.add(Group::Chromium, Duration::from_secs(200));
        spent.add(Group::Build, Duration::from_secs(60));
        spent.verdict().unwrap();
        assert_eq!(
            spent.describe(),
            "== builds, formats and lints: 60 s of 540 s\n== Chromium: 200 s of 240 s\n"
        );
        spent.add(Group::Chromium, Duration::from_secs(521));
        let error = spent.verdict().unwrap_err();
        assert_eq!(
            error,
            "the steps took too long: Chromium: 721 s, and 720 s at most"
        );
    }
}
