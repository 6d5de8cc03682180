//! How many bad signatures are looked at.

use std::cell::Cell;
use std::time::Duration;

use crate::time::UnixTime;

/// A bucket that fills by so many a second and holds a second's worth. Good signatures cost nothing, so that callers
/// who come back after a restart all get in; what empties it is garbage.
#[derive(Debug)]
pub(super) struct SignatureBudget {
    /// A second's worth, in thousandths of a signature; 0 for no limit.
    most: u64,
    left: Cell<u64>,
    filled_at: Cell<UnixTime>,
}

impl SignatureBudget {
    pub(super) fn new(per_second: usize) -> Self {
        let most = u64::try_from(per_second)
            .unwrap_or(u64::MAX)
            .saturating_mul(1000);
        Self {
            most,
            left: Cell::new(most),
            filled_at: Cell::new(UnixTime::from_millis(0)),
        }
    }

    /// # Errors
    /// The seconds until one more is looked at, while there is none left.
    pub(super) fn admit(&self, now: UnixTime) -> Result<(), u32> {
        if self.most == 0 {
            return Ok(());
        }
        let passed = now.since(self.filled_at.get());
        if passed >= Duration::from_millis(1) {
            let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
            // A signature a second is a thousandth a millisecond.
            let more = millis.saturating_mul(self.most / 1000);
            self.left
                .set(self.left.get().saturating_add(more).min(self.most));
            self.filled_at.set(now);
        }
        if self.left.get() >= 1000 {
            Ok(())
        } else {
            Err(1)
        }
    }

    pub(super) fn spend(&self, many: u8) {
        let spent = u64::from(many).saturating_mul(1000);
        self.left.set(self.left.get().saturating_sub(spent));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> UnixTime {
        UnixTime::from_millis(1_000_000 + millis)
    }

    /// How many bad signatures are looked at at this time.
    fn looked_at(budget: &SignatureBudget, now: UnixTime) -> u32 {
        let mut count = 0;
        while count < 1000 && budget.admit(now).is_ok() {
            budget.spend(1);
            count += 1;
        }
        count
    }

    #[test]
    fn a_second_brings_a_seconds_worth_and_no_more() {
        let budget = SignatureBudget::new(100);
        assert_eq!(looked_at(&budget, at(0)), 100);
        assert_eq!(looked_at(&budget, at(0)), 0);
        assert_eq!(looked_at(&budget, at(9)), 0);
        assert_eq!(looked_at(&budget, at(19)), 1);
        assert_eq!(looked_at(&budget, at(519)), 50);
        assert_eq!(looked_at(&budget, at(1_000_000)), 100);
    }

    #[test]
    fn a_clock_that_goes_back_brings_nothing() {
        let budget = SignatureBudget::new(10);
        assert_eq!(looked_at(&budget, at(5000)), 10);
        assert_eq!(looked_at(&budget, at(0)), 0);
        assert_eq!(budget.admit(at(0)), Err(1));
        assert_eq!(looked_at(&budget, at(6000)), 10);
    }

    #[test]
    fn good_signatures_cost_nothing_and_zero_is_no_limit() {
        let budget = SignatureBudget::new(1);
        assert!((0..1000).all(|_| budget.admit(at(0)).is_ok()));
        let unlimited = SignatureBudget::new(0);
        assert_eq!(looked_at(&unlimited, at(0)), 1000);
    }
}
