//! Time as the core knows it: an argument, never a reading of a clock.
//!
//! There are two times, and the compiler tells them apart. [`UnixTime`] is the wall clock's: it is held against dates,
//! such as the end of a token, and operators and NTP put it back and forward while requests wait. [`MonoTime`] only ever
//! grows, as fast as time passes: whatever has a length (a cached answer, a wait, a budget for a second) is measured by
//! it. [`Now`] is both at one moment.

#[cfg(test)]
pub(crate) mod jumps;
mod steady;

use std::time::Duration;

use chrono::{DateTime, SecondsFormat};

pub use self::steady::Steady;

/// One moment, by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// By the wall clock: for dates.
    pub wall: UnixTime,
    /// By the clock that never goes back: for lengths of time.
    pub mono: MonoTime,
}

impl Now {
    /// A moment of which only the date matters: nothing is measured from one to another, or nobody touches the clock in
    /// between.
    #[must_use]
    pub const fn on(date: UnixTime) -> Self {
        Self {
            wall: date,
            mono: MonoTime(date.0),
        }
    }

    /// This moment later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self {
            wall: self.wall.plus(duration),
            mono: self.mono.plus(duration),
        }
    }
}

/// Milliseconds of a clock that never goes back, since a moment that nobody knows: it tells how long something lasts, and
/// not when it is. The VMs of a process have it in common where they have anything in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonoTime(u64);

impl MonoTime {
    /// Before all that is measured.
    pub const START: Self = Self(0);

    /// A time from whole milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// A time from whole seconds, saturating.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Its milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Its whole seconds, rounded down.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// This time plus `duration`; stays at the far end of time instead of wrapping.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// How long after `earlier` this is; zero where it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Milliseconds since the Unix epoch, handed in by whoever reads a clock.
///
/// There is no constructor from "now": an unknown clock is an error of the host adapter, never the
/// epoch itself, which would make every expired token valid again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(u64);

impl UnixTime {
    /// A time from whole milliseconds since the epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// A time from whole seconds since the epoch, saturating.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// The time as `YYYY-MM-DDTHH:MM:SSZ` (RFC 3339), for the years that have four digits.
    #[must_use]
    pub fn rfc3339(self) -> String {
        i64::try_from(self.as_secs())
            .ok()
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
            .map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
            .unwrap_or_default()
    }

    /// A time as [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339#section-5.6) writes it, from the epoch on.
    #[must_use]
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let time = DateTime::parse_from_rfc3339(text).ok()?;
        u64::try_from(time.timestamp()).ok().map(Self::from_secs)
    }

    /// This time plus `duration`; stays at the far end of time instead of wrapping.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// This time minus `duration`; stays at the epoch instead of wrapping.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }

    /// How long after `earlier` this is; zero where it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        let end = UnixTime::from_millis(u64::MAX);
        assert_eq!(end.plus(Duration::from_secs(1)), end);
        assert_eq!(
            UnixTime::from_millis(5).minus(Duration::from_secs(1)),
            UnixTime::from_millis(0)
        );
        assert_eq!(
            UnixTime::from_secs(1).since(UnixTime::from_secs(9)),
            Duration::ZERO
        );
        assert_eq!(UnixTime::from_secs(u64::MAX), end);
    }
}
