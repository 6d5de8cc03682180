//! What is done to the filter's world, and when: a pure function of a seed.

use super::random::Random;
use std::fmt;
use std::time::Duration;

/// What can be disturbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// The issuer of ES256 tokens.
    Es,
    /// The issuer of EdDSA tokens, whose keys are found by discovery.
    Ed,
    /// The issuer of RS256 tokens.
    Rs,
    Directory,
    Introspection,
    Decision,
    Verifier,
    /// The filter's configuration.
    Configuration,
    /// The VM of one worker.
    Worker,
    /// Envoy itself.
    Process,
    /// Envoy's wall clock.
    Clock,
}

impl Target {
    pub(super) const ALL: [Self; 11] = [
        Self::Es,
        Self::Ed,
        Self::Rs,
        Self::Directory,
        Self::Introspection,
        Self::Decision,
        Self::Verifier,
        Self::Configuration,
        Self::Worker,
        Self::Process,
        Self::Clock,
    ];

    /// As the report says it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Es => "the issuer of ES256 tokens",
            Self::Ed => "the issuer of EdDSA tokens, found by discovery",
            Self::Rs => "the issuer of RS256 tokens",
            Self::Directory => "the directory",
            Self::Introspection => "introspection",
            Self::Decision => "the decision point",
            Self::Verifier => "the service that verifies keys and passwords",
            Self::Configuration => "the configuration",
            Self::Worker => "the VM of a worker",
            Self::Process => "Envoy",
            Self::Clock => "Envoy's wall clock",
        }
    }

    /// Whether it is Envoy or a part of it: all callers feel what is done to it.
    pub(super) fn is_everybodys(self) -> bool {
        self >= Self::Configuration
    }

    fn faults(self) -> &'static [Fault] {
        use Fault::{
            Down, Garbage, Hang, Huge, Lie, Refused, Reload, Restart, Rotate, Slow, Step, Trap,
            Unavailable,
        };
        match self {
            Self::Es | Self::Ed => &[
                Down,
                Unavailable,
                Hang,
                Slow,
                Garbage,
                Huge,
                Lie,
                Rotate,
                Rotate,
            ],
            Self::Rs => &[Down, Unavailable, Hang, Slow, Garbage, Huge, Lie],
            Self::Directory | Self::Introspection | Self::Decision | Self::Verifier => {
                &[Down, Unavailable, Hang, Slow, Garbage, Huge, Lie]
            }
            Self::Configuration => &[Reload, Refused],
            Self::Worker => &[Trap],
            Self::Process => &[Restart],
            Self::Clock => &[Step(-1800), Step(-60), Step(60), Step(1800)],
        }
    }
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// Connections are refused.
    Down,
    /// Every answer is 503.
    Unavailable,
    /// Requests are taken and never answered.
    Hang,
    /// Answers take 400 ms.
    Slow,
    /// Answers are no JSON.
    Garbage,
    /// Answers are of 300 KB, more than the filter reads.
    Huge,
    /// Answers are well-formed and wrong: other keys, refusals of everybody.
    Lie,
    /// New keys, and the ones before the last are withdrawn.
    Rotate,
    /// A valid configuration takes the place of the one that runs.
    Reload,
    /// A configuration that would open every path, and is not valid.
    Refused,
    /// A request at which the module traps.
    Trap,
    /// Envoy is killed and started again.
    Restart,
    /// The wall clock is wrong by so many seconds, and comes back.
    Step(i32),
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down => formatter.write_str("refuses connections"),
            Self::Unavailable => formatter.write_str("answers 503"),
            Self::Hang => formatter.write_str("hangs"),
            Self::Slow => formatter.write_str("is slow"),
            Self::Garbage => formatter.write_str("answers garbage"),
            Self::Huge => formatter.write_str("answers 300 KB"),
            Self::Lie => formatter.write_str("lies"),
            Self::Rotate => formatter.write_str("rotates its keys"),
            Self::Reload => formatter.write_str("is replaced"),
            Self::Refused => formatter.write_str("is replaced by one that is refused"),
            Self::Trap => formatter.write_str("traps"),
            Self::Restart => formatter.write_str("is killed and started again"),
            Self::Step(seconds) => write!(formatter, "is wrong by {seconds} s"),
        }
    }
}

/// Something that is done for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) at: Duration,
    pub(super) lasts: Duration,
    pub(super) target: Target,
    pub(super) fault: Fault,
}

/// How soon one follows the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// The shortest and the longest fault, in milliseconds.
    fault: (u64, u64),
    /// The same of the rest behind it, for a service of others.
    rest: (u64, u64),
    /// The same for Envoy and its parts.
    rest_of_envoy: (u64, u64),
}

impl Pace {
    pub(super) const LONG: Self = Self {
        fault: (500, 8_000),
        rest: (30_000, 90_000),
        rest_of_envoy: (60_000, 180_000),
    };
    /// All that a minute has room for.
    pub(super) const SHORT: Self = Self {
        fault: (500, 1_500),
        rest: (10_000, 16_000),
        rest_of_envoy: (25_000, 40_000),
    };
}

/// All events of so much time, in their order. Of one target none begins before the one before it is over and has
/// been followed by a rest.
pub(super) fn schedule(seed: u64, length: Duration, pace: Pace) -> Vec<Event> {
    let mut events: Vec<Event> = Target::ALL
        .iter()
        .enumerate()
        .flat_map(|(index, target)| {
            let random = Random::new(seed, index as u64 + 1);
            line(*target, random, length, pace)
        })
        .collect();
    events.sort_by_key(|event| (event.at, event.target));
    events
}

fn line(target: Target, mut random: Random, length: Duration, pace: Pace) -> Vec<Event> {
    let rest = if target.is_everybodys() {
        pace.rest_of_envoy
    } else {
        pace.rest
    };
    // The first fault of each comes early, so that a short run has all of them.
    let mut at = Duration::from_millis(random.between(500, rest.0));
    let mut events = Vec::new();
    while at < length {
        let fault = random.pick(target.faults());
        let lasts = Duration::from_millis(random.between(pace.fault.0, pace.fault.1));
        events.push(Event {
            at,
            lasts,
            target,
            fault,
        });
        at += lasts + Duration::from_millis(random.between(rest.0, rest.1));
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const HALF_AN_HOUR: Duration = Duration::from_secs(1800);

    #[test]
    fn the_schedule_follows_from_the_seed() {
        let of = |seed| schedule(seed, HALF_AN_HOUR, Pace::LONG);
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
        // A longer run begins as the shorter one does.
        let minute = schedule(7, Duration::from_secs(60), Pace::LONG);
        assert!(!minute.is_empty());
        assert_eq!(of(7)[..minute.len()], minute[..]);
    }

    #[test]
    fn half_an_hour_has_every_fault_and_none_of_one_target_meets_the_next() {
        let events = schedule(1, HALF_AN_HOUR, Pace::LONG);
        let kinds: BTreeSet<_> = events.iter().map(|event| event.fault).collect();
        for target in Target::ALL {
            for fault in target.faults() {
                assert!(kinds.contains(fault), "{fault:?}");
            }
            let own: Vec<_> = events
                .iter()
                .filter(|event| event.target == target)
                .collect();
            for two in own.windows(2) {
                assert!(two[0].at + two[0].lasts < two[1].at, "{two:?}");
            }
        }
    }

    #[test]
    fn a_short_run_disturbs_everything() {
        let events = schedule(super::super::SHORT_SEED, super::super::SHORT, Pace::SHORT);
        let targets: BTreeSet<_> = events.iter().map(|event| event.target).collect();
        assert_eq!(targets.len(), Target::ALL.len());
    }
}
