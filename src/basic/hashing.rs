//! How much of a worker's time goes into hashing passwords.
//!
//! A worker of a proxy is one thread: while it hashes it answers nobody. So a hash is followed by a rest of about its own
//! length, and whoever comes meanwhile waits for a turn. What a hash costs is known from its parameters
//! ([`PasswordHash::cost`](crate::password::PasswordHash::cost)), so no clock is read for it.

use std::time::Duration;

use crate::client::ClientNetwork;
use crate::tally::{Eviction, Tally};
use crate::time::MonoTime;

/// Addresses whose shares are known at one time.
const PLACES: usize = 1024;
/// For how long a hash counts against its address.
const SECOND: Duration = Duration::from_secs(1);
/// The microseconds of a second.
const MICROS: i64 = 1_000_000;

/// The part of the time that hashes may take while some wait, as a divisor: no more than half, so that others are answered
/// between two of them.
const BUSY: i64 = 2;

/// A second's time for hashes, which time fills up again. One hash may take more than is left, which is then owed.
#[derive(Debug)]
pub(super) struct HashTime {
    /// The time for hashes within a second, in microseconds.
    most: i64,
    left: i64,
    filled_at: MonoTime,
    /// When the next hash may begin.
    rests_until: MonoTime,
    /// What each address took within a second of its first hash.
    taken: Tally<Option<ClientNetwork>>,
}

impl HashTime {
    /// So much a second.
    pub(super) fn new(a_second: Duration) -> Self {
        let most = i64::try_from(a_second.as_micros()).unwrap_or(i64::MAX);
        Self {
            most,
            left: most,
            filled_at: MonoTime::START,
            rests_until: MonoTime::START,
            taken: Tally::new(PLACES, Eviction::Inherits),
        }
    }

    /// Whether there is time for one more hash of somebody at this address. Where more than half of a second's time is
    /// gone, addresses that have taken their share leave the rest to those that have not.
    ///
    /// # Errors
    /// The seconds until there may be.
    pub(super) fn admit(
        &mut self,
        client: Option<ClientNetwork>,
        now: MonoTime,
    ) -> Result<(), u32> {
        self.fill(now);
        self.taken.drop_ended(now);
        if self.left <= 0 {
            // It fills by `most` a second.
            let seconds = self.left.saturating_neg() / self.most.max(1);
            return Err(u32::try_from(seconds).unwrap_or(u32::MAX).saturating_add(1));
        }
        let half = self.most / 2;
        if self.left > half || client.is_none() {
            return Ok(());
        }
        let taken = self.taken.get(&client, now).map_or(0, |(taken, _)| taken);
        let others = i64::try_from(self.taken.len()).unwrap_or(i64::MAX);
        let share = half / others.saturating_add(1);
        if taken == 0 || i64::from(taken) < share {
            Ok(())
        } else {
            Err(1)
        }
    }

    /// Takes what a hash costs, in microseconds, and says when it may begin: now, or after those that were admitted before
    /// it and the rest that follows each.
    pub(super) fn book(
        &mut self,
        cost: u32,
        client: Option<ClientNetwork>,
        now: MonoTime,
    ) -> MonoTime {
        self.left = self.left.saturating_sub(i64::from(cost));
        self.taken.add(client, cost, now, SECOND);
        // Where more than half of each second is for hashes, there is less to rest.
        let length = |micros: i64| {
            let busy = self.most.saturating_mul(BUSY).max(MICROS);
            let micros = micros.saturating_mul(BUSY).saturating_mul(MICROS) / busy;
            Duration::from_micros(u64::try_from(micros).unwrap_or_default())
        };
        // No more can be booked than a second's time and one hash: what lies beyond was booked before the clock went back.
        let beyond = length(self.most.saturating_add(i64::from(cost)));
        let begins = if self.rests_until.since(now) > beyond {
            now
        } else {
            self.rests_until.max(now)
        };
        self.rests_until = begins.plus(length(i64::from(cost)));
        begins
    }

    fn fill(&mut self, now: MonoTime) {
        let passed = now.since(self.filled_at);
        if passed.is_zero() {
            return;
        }
        let millis = i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
        let more = millis.saturating_mul(self.most) / 1000;
        self.left = self.left.saturating_add(more).min(self.most);
        self.filled_at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a usual hash costs.
    const HASH: u32 = 40_000;

    fn at(millis: u64) -> MonoTime {
        MonoTime::from_millis(1_000_000_000 + millis)
    }

    fn client(number: u32) -> Option<ClientNetwork> {
        Some(ClientNetwork::V4(number))
    }

    fn hash(time: &mut HashTime, client: Option<ClientNetwork>, now: MonoTime) -> bool {
        let admitted = time.admit(client, now).is_ok();
        if admitted {
            time.book(HASH, client, now);
        }
        admitted
    }

    #[test]
    fn hashes_follow_each_other_with_rests() {
        let starts = |budget, hashes: usize| {
            let mut time = HashTime::new(Duration::from_millis(budget));
            let started = (0..hashes).map(|_| {
                let begins = time.book(HASH, None, at(0));
                begins.since(at(0)).as_millis()
            });
            started.collect::<Vec<_>>()
        };
        assert_eq!(starts(250, 4), [0, 80, 160, 240]);
        assert_eq!(starts(500, 3), [0, 80, 160]);
        // All of a worker's time is for hashes.
        assert_eq!(starts(1000, 3), [0, 40, 80]);
        assert_eq!(starts(800, 3), [0, 50, 100]);

        let mut time = HashTime::new(Duration::from_millis(250));
        assert_eq!(time.book(HASH, None, at(0)), at(0));
        assert_eq!(time.book(HASH, None, at(30)), at(80));
        assert_eq!(time.book(HASH, None, at(1000)), at(1000));
    }

    #[test]
    fn nobody_waits_for_longer_than_the_hashes_of_a_second_take_with_their_rests() {
        for budget in [10, 100, 250, 500, 750, 1000] {
            let mut time = HashTime::new(Duration::from_millis(budget));
            let mut longest = Duration::ZERO;
            for millis in 0..20_000 {
                if time.admit(None, at(millis)).is_ok() {
                    let begins = time.book(HASH, None, at(millis));
                    longest = longest.max(begins.since(at(millis)));
                }
            }
            let most = Duration::from_millis(2 * (budget + 40));
            assert!(longest <= most, "{budget} {longest:?}");
        }
    }

    #[test]
    fn a_second_brings_a_seconds_time_and_no_more() {
        let mut time = HashTime::new(Duration::from_millis(250));
        let hashes = |time: &mut HashTime, now| (0..100).filter(|_| hash(time, None, now)).count();
        // The last one owes 30 ms.
        assert_eq!(hashes(&mut time, at(0)), 7);
        assert_eq!(time.admit(None, at(0)), Err(1));
        assert_eq!(hashes(&mut time, at(100)), 0);
        assert_eq!(hashes(&mut time, at(200)), 1);
        assert_eq!(hashes(&mut time, at(500_000)), 7);
        let many: usize = (0..60)
            .map(|second| hashes(&mut time, at(600_000 + second * 1000)))
            .sum();
        assert!((375..=382).contains(&many), "{many}");
    }

    #[test]
    fn who_owes_more_than_a_second_waits_for_more() {
        let mut time = HashTime::new(Duration::from_millis(10));
        assert!(hash(&mut time, None, at(0)));
        assert_eq!(time.admit(None, at(0)), Err(4));
        assert_eq!(time.admit(None, at(2900)), Err(1));
        assert_eq!(time.admit(None, at(3100)), Ok(()));
    }

    #[test]
    fn an_address_leaves_half_of_the_time_to_others() {
        let mut time = HashTime::new(Duration::from_millis(250));
        let mut honest = 0;
        // One address asks every ten milliseconds, and ten others once a second.
        for millis in (0..10_000).step_by(10) {
            hash(&mut time, client(0), at(millis));
            if millis % 100 == 50 {
                honest += usize::from(hash(
                    &mut time,
                    client(1 + u32::try_from(millis / 100 % 10).unwrap()),
                    at(millis),
                ));
            }
        }
        // Ten a second would take 400 ms of 250.
        assert!(honest >= 40, "{honest}");
        let mut alone = HashTime::new(Duration::from_millis(250));
        for millis in (0..10_000).step_by(10) {
            hash(&mut alone, client(0), at(millis));
        }
        assert!(hash(&mut alone, client(1), at(10_000)));
        assert!(hash(&mut alone, client(2), at(10_000)));
    }

    #[test]
    fn a_clock_that_goes_back_brings_nothing() {
        let mut time = HashTime::new(Duration::from_millis(40));
        assert!(hash(&mut time, None, at(5000)));
        assert_eq!(time.admit(None, at(0)), Err(1));
        assert_eq!(time.admit(None, at(4000)), Err(1));
        assert_eq!(time.admit(None, at(6000)), Ok(()));
        // What was booked in what is now the future keeps nobody waiting.
        assert_eq!(time.book(HASH, None, at(0)), at(0));
    }
}
