//! Time as the core knows it: an argument, never a reading of a clock.
//!
//! There are two times, and the compiler tells them apart. [`UnixTime`] is the wall clock's: it is held against dates,
//! such as the end of a token, and operators and NTP put it back and forward while requests wait. [`MonoTime`] only ever
//! grows, as fast as time passes: whatever has a length (a cached answer, a wait, a budget for a second) is measured by
//! it. [`Now`] is both at one moment.

#[cfg(test)]
pub(crate) mod jumps;
mod steady;

use std::marker::PhantomData;
use std::time::{Duration, SystemTime};

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
            mono: MonoTime::from_millis(date.millis),
        }
    }

    /// The moment so much later, on both clocks.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self {
            wall: self.wall.plus(duration),
            mono: self.mono.plus(duration),
        }
    }
}

/// The clock of [`UnixTime`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall;

/// The clock of [`MonoTime`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monotonic;

/// Milliseconds since the Unix epoch, handed in by whoever reads a clock.
///
/// There is no constructor from "now": an unknown clock is an error of the host adapter, never the
/// epoch itself, which would make every expired token valid again.
pub type UnixTime = Time<Wall>;

/// Milliseconds of a clock that never goes back, since a moment that nobody knows: it tells how long something lasts, and
/// not when it is. The VMs of a process have it in common where they have anything in common.
pub type MonoTime = Time<Monotonic>;

/// A moment by one of the clocks, in milliseconds. Moments of two clocks do not compare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time<C> {
    millis: u64,
    clock: PhantomData<C>,
}

impl<C: Copy> Time<C> {
    /// A time from whole milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self {
            millis,
            clock: PhantomData,
        }
    }

    /// A time from whole seconds, saturating.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self::from_millis(secs.saturating_mul(1000))
    }

    /// The milliseconds since the beginning of the clock.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.millis
    }

    /// Its whole seconds, rounded down.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.millis / 1000
    }

    /// This time plus `duration`; stays at the far end of time instead of wrapping.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self::from_millis(self.millis.saturating_add(millis(duration)))
    }

    /// This time minus `duration`; stays at the beginning of time instead of wrapping.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self::from_millis(self.millis.saturating_sub(millis(duration)))
    }

    /// How long after `earlier` this is; zero where it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.millis.saturating_sub(earlier.millis))
    }
}

impl MonoTime {
    /// Before all that is measured.
    pub const START: Self = Self::from_millis(0);
}

impl UnixTime {
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

    /// A time as HTTP writes it in any of its three forms ([RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7)),
    /// from the epoch on.
    #[must_use]
    pub fn from_http_date(text: &[u8]) -> Option<Self> {
        let date = httpdate::parse_http_date(std::str::from_utf8(text).ok()?).ok()?;
        let since = date.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(Self::from_secs(since.as_secs()))
    }
}

/// Whole seconds of a wait, rounded up, at least 1: what `Retry-After` can say.
#[must_use]
pub fn whole_seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1000))
        .unwrap_or(u32::MAX)
        .max(1)
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

    #[test]
    fn a_wait_is_told_in_seconds_that_are_no_less() {
        let cases = [
            (Duration::ZERO, 1),
            (Duration::from_millis(1), 1),
            (Duration::from_secs(1), 1),
            (Duration::from_millis(1001), 2),
            (Duration::from_secs(120), 120),
            (Duration::MAX, u32::MAX),
        ];
        for (wait, want) in cases {
            assert_eq!(whole_seconds(wait), want, "{wait:?}");
        }
    }
}
