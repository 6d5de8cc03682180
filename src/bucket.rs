//! A bound on how often something is done per second.

use std::time::Duration;

use crate::time::MonoTime;

/// A bucket that fills by so many a second and holds a second's worth.
#[derive(Debug)]
pub(crate) struct Bucket {
    /// A second's worth, in thousandths; 0 for no limit.
    most: u64,
    left: u64,
    filled_at: MonoTime,
}

impl Bucket {
    /// A full bucket of so many a second, 0 for no limit.
    #[must_use]
    pub(crate) fn new(per_second: usize) -> Self {
        let most = u64::try_from(per_second)
            .unwrap_or(u64::MAX)
            .saturating_mul(1000);
        Self {
            most,
            left: most,
            filled_at: MonoTime::START,
        }
    }

    /// Whether there is one left.
    ///
    /// # Errors
    /// The seconds until there is one again.
    pub(crate) fn admit(&mut self, now: MonoTime) -> Result<(), u32> {
        if self.most == 0 {
            return Ok(());
        }
        let passed = now.since(self.filled_at);
        if passed >= Duration::from_millis(1) {
            let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
            // One a second is a thousandth a millisecond.
            let more = millis.saturating_mul(self.most / 1000);
            self.left = self.left.saturating_add(more).min(self.most);
            self.filled_at = now;
        }
        if self.left >= 1000 { Ok(()) } else { Err(1) }
    }

    /// Takes so many out.
    pub(crate) fn spend(&mut self, many: u8) {
        let spent = u64::from(many).saturating_mul(1000);
        self.left = self.left.saturating_sub(spent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> MonoTime {
        MonoTime::from_millis(1_000_000 + millis)
    }

    /// How many there are at this time.
    fn taken(budget: &mut Bucket, now: MonoTime) -> u32 {
        let mut count = 0;
        while count < 1000 && budget.admit(now).is_ok() {
            budget.spend(1);
            count += 1;
        }
        count
    }

    #[test]
    fn a_second_brings_a_seconds_worth_and_no_more() {
        let mut budget = Bucket::new(100);
        assert_eq!(taken(&mut budget, at(0)), 100);
        assert_eq!(taken(&mut budget, at(0)), 0);
        assert_eq!(taken(&mut budget, at(9)), 0);
        assert_eq!(taken(&mut budget, at(19)), 1);
        assert_eq!(taken(&mut budget, at(519)), 50);
        assert_eq!(taken(&mut budget, at(1_000_000)), 100);
    }

    #[test]
    fn a_clock_that_goes_back_brings_nothing() {
        let mut budget = Bucket::new(10);
        assert_eq!(taken(&mut budget, at(5000)), 10);
        assert_eq!(taken(&mut budget, at(0)), 0);
        assert_eq!(budget.admit(at(0)), Err(1));
        assert_eq!(taken(&mut budget, at(6000)), 10);
    }

    #[test]
    fn asking_costs_nothing_and_zero_is_no_limit() {
        let mut budget = Bucket::new(1);
        assert!((0..1000).all(|_| budget.admit(at(0)).is_ok()));
        let mut unlimited = Bucket::new(0);
        assert_eq!(taken(&mut unlimited, at(0)), 1000);
    }
}
