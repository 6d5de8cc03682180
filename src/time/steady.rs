//! A clock that never goes back, made of what a host has.

use std::time::Duration;

use super::{MonoTime, Now, UnixTime};

/// For how long after the monotonic clock was read the wall clock tells how much time has passed: longer than the time
/// between two ticks, so that requests read one clock. A jump within it is a small one.
const TRUSTED: Duration = Duration::from_millis(100);

/// What a reading was taken from: only readings of one clock compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Monotonic,
    Wall,
}

/// A reading of the source.
#[derive(Clone, Copy, Debug)]
struct Reading {
    source: Source,
    /// What it said, in milliseconds.
    raw: u64,
    /// What the wall clock said.
    wall: UnixTime,
    /// What was made of it.
    mono: MonoTime,
}

/// Both times, of hosts whose monotonic clock may be missing, or be the wall clock by another name.
///
/// Where there is none, the wall clock stands in: time that it skips counts as passed, and when it is put back, time goes
/// on from where it was. So each wait ends in time but for what a jump forward cuts short.
#[derive(Debug, Default)]
pub struct Steady {
    last: Option<Reading>,
    latest: MonoTime,
}

impl Steady {
    /// A clock that was never read.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            last: None,
            latest: MonoTime::START,
        }
    }

    /// What time it is, by what the wall clock says now and what the monotonic one would say, in milliseconds, if the
    /// host has one.
    pub fn read(&mut self, wall: UnixTime, monotonic: impl FnOnce() -> Option<u64>) -> Now {
        let mono = self.passed(wall).unwrap_or_else(|| {
            let (source, raw) = monotonic().map_or_else(
                || (Source::Wall, wall.as_millis()),
                |raw| (Source::Monotonic, raw),
            );
            self.take(source, raw, wall)
        });
        // What the wall clock seemed to have told since the last reading may be more than has passed.
        self.latest = self.latest.max(mono);
        Now {
            wall,
            mono: self.latest,
        }
    }

    /// The time by the wall clock alone, a moment after both were read.
    fn passed(&self, wall: UnixTime) -> Option<MonoTime> {
        let last = self.last.filter(|last| wall >= last.wall)?;
        let passed = wall.since(last.wall);
        (passed < TRUSTED).then(|| last.mono.plus(passed))
    }

    /// Takes a new reading in.
    fn take(&mut self, source: Source, raw: u64, wall: UnixTime) -> MonoTime {
        let mono = match self.last {
            None => MonoTime::from_millis(raw),
            Some(last) if last.source == source && raw >= last.raw => {
                last.mono.plus(Duration::from_millis(raw - last.raw))
            }
            // It went back, or is another clock.
            Some(_) => self.latest,
        };
        self.last = Some(Reading {
            source,
            raw,
            wall,
            mono,
        });
        mono
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Readings of both clocks, in milliseconds, and what is made of them.
    fn told(readings: &[(u64, Option<u64>)]) -> Vec<u64> {
        let mut clock = Steady::new();
        let mut read = |(wall, mono): &(u64, Option<u64>)| {
            let now = clock.read(UnixTime::from_millis(*wall), || *mono);
            assert_eq!(now.wall.as_millis(), *wall);
            now.mono.as_millis()
        };
        readings.iter().map(&mut read).collect()
    }

    #[test]
    fn a_monotonic_clock_is_believed_whatever_the_wall_clock_does() {
        let hour = 3_600_000;
        let walls = [9 * hour, 9 * hour + 1000, 8 * hour, 10 * hour, hour];
        let readings: Vec<_> = walls
            .into_iter()
            .zip([7000, 8000, 9000, 9001, 9002].map(Some))
            .collect();
        assert_eq!(told(&readings), [7000, 8000, 9000, 9001, 9002]);
    }

    #[test]
    fn between_two_readings_the_wall_clock_tells_how_much_has_passed() {
        let mut clock = Steady::new();
        let mut asked = 0;
        for millis in 0..1000 {
            let now = clock.read(UnixTime::from_millis(50_000 + millis), || {
                asked += 1;
                Some(700 + millis)
            });
            assert_eq!(now.mono.as_millis(), 700 + millis);
        }
        assert_eq!(asked, 10);
    }

    #[test]
    fn a_small_jump_is_made_up_for() {
        // 90 of the first 100 milliseconds never passed.
        let readings = [
            (1000, Some(10)),
            (1090, Some(10)),
            (1100, Some(20)),
            (1200, Some(120)),
        ];
        assert_eq!(told(&readings), [10, 100, 100, 120]);
    }

    #[test]
    fn without_a_monotonic_clock_time_goes_on_where_it_was() {
        let readings = [5_000_000, 5_000_500, 1_000_000, 1_000_700, 9_000_000];
        let readings = readings.map(|wall| (wall, None));
        assert_eq!(
            told(&readings),
            [5_000_000, 5_000_500, 5_000_500, 5_001_200, 13_000_500]
        );
    }

    #[test]
    fn a_wall_clock_by_another_name_is_found_out_when_it_goes_back() {
        let readings = [5_000_000, 5_000_500, 1_000_000, 1_000_700];
        let readings = readings.map(|wall| (wall, Some(wall)));
        assert_eq!(
            told(&readings),
            [5_000_000, 5_000_500, 5_000_500, 5_001_200]
        );
    }

    #[test]
    fn a_clock_that_comes_and_goes_takes_nothing_back() {
        let readings = [
            (9_000_000, Some(100)),
            (9_001_000, None),
            (9_002_000, None),
            (9_003_000, Some(50)),
            (9_004_000, Some(1050)),
        ];
        assert_eq!(told(&readings), [100, 100, 1100, 1100, 2100]);
    }

    #[test]
    fn time_never_goes_back() {
        let mut clock = Steady::new();
        let mut before = MonoTime::START;
        let mut seed = 1_u64;
        for _ in 0..10_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (wall, mono) = (seed >> 40, (seed >> 20) & 0xff_ffff);
            let host = (seed & 1 == 0).then_some(mono);
            let now = clock.read(UnixTime::from_millis(wall), || host).mono;
            assert!(now >= before);
            before = now;
        }
    }
}
