//! What payers have spent of late. Bounded: the lightest make room, the heavy ones are kept.

use crate::time::MonoTime;

/// Places in which one payer can be.
const WAYS: usize = 8;
/// How many payers are kept.
const MOST: usize = 4096;
/// After how many milliseconds half of what was spent is forgotten.
const HALF_LIFE: u64 = 500;

#[derive(Clone, Copy, Debug)]
struct Share {
    payer: u64,
    /// Nanoseconds, so that what little is forgotten in a millisecond is not lost in rounding.
    spent: u64,
    at: MonoTime,
}

impl Share {
    /// What is left of it by then.
    fn spent(&self, now: MonoTime) -> u64 {
        let passed = u64::try_from(now.since(self.at).as_millis()).unwrap_or(u64::MAX);
        let halvings = u32::try_from(passed / HALF_LIFE).unwrap_or(u32::MAX);
        let rest = self.spent.checked_shr(halvings).unwrap_or(0);
        let part = u128::from(rest) * u128::from(passed % HALF_LIFE) / u128::from(2 * HALF_LIFE);
        rest.saturating_sub(u64::try_from(part).unwrap_or(rest))
    }
}

/// What payers have spent of late. Nothing is kept before somebody has spent something.
#[derive(Debug, Default)]
pub(super) struct Shares(Vec<Share>);

impl Shares {
    /// What a payer has spent, in microseconds.
    pub(super) fn spent(&self, payer: u64, now: MonoTime) -> i64 {
        let held = self.places(payer).iter().find(|held| held.payer == payer);
        let spent = held.map_or(0, |held| held.spent(now));
        i64::try_from(spent.div_ceil(1000)).unwrap_or(i64::MAX)
    }

    /// Adds to what a payer has spent, or takes back from it, in microseconds.
    pub(super) fn add(&mut self, payer: u64, amount: i64, now: MonoTime) {
        if self.0.is_empty() {
            let none = Share {
                payer: 0,
                spent: 0,
                at: now,
            };
            self.0 = vec![none; MOST];
        }
        let first = first_place(payer);
        let Some(places) = self.0.get_mut(first..first.saturating_add(WAYS)) else {
            return;
        };
        let Some(held) = places
            .iter_mut()
            .min_by_key(|held| (held.payer != payer, held.spent(now)))
        else {
            return;
        };
        let before = if held.payer == payer {
            held.spent(now)
        } else {
            0
        };
        *held = Share {
            payer,
            spent: before.saturating_add_signed(amount.saturating_mul(1000)),
            at: now,
        };
    }

    fn places(&self, payer: u64) -> &[Share] {
        let first = first_place(payer);
        self.0
            .get(first..first.saturating_add(WAYS))
            .unwrap_or_default()
    }
}

/// A payer's number is a keyed digest: nobody can choose the place.
fn first_place(payer: u64) -> usize {
    let low = payer
        .to_le_bytes()
        .first_chunk()
        .map_or(0, |low| u16::from_le_bytes(*low));
    usize::from(low) % (MOST / WAYS) * WAYS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> MonoTime {
        MonoTime::from_millis(1_000_000 + millis)
    }

    #[test]
    fn what_was_spent_is_forgotten_by_halves() {
        let mut shares = Shares::default();
        assert_eq!(shares.spent(7, at(0)), 0);
        shares.add(7, 8000, at(0));
        for (millis, want) in [
            (0, 8000),
            (250, 6000),
            (500, 4000),
            (750, 3000),
            (1000, 2000),
            (5000, 8),
            (500_000, 0),
        ] {
            assert_eq!(shares.spent(7, at(millis)), want, "{millis}");
        }
        // A clock that goes back forgets nothing.
        assert_eq!(shares.spent(7, MonoTime::START), 8000);
    }

    #[test]
    fn who_spends_all_the_time_is_forgotten_no_slower() {
        let mut shares = Shares::default();
        for millis in 0..10_000 {
            shares.add(7, 10, at(millis));
        }
        // 10 milliseconds a second, of which between a half and all are there.
        let spent = shares.spent(7, at(10_000));
        assert!((7_000..11_000).contains(&spent), "{spent}");
    }

    #[test]
    fn what_is_taken_back_leaves_nothing() {
        let mut shares = Shares::default();
        shares.add(7, 100, at(0));
        shares.add(7, -100, at(0));
        shares.add(7, -100, at(1));
        assert_eq!(shares.spent(7, at(1)), 0);
    }

    #[test]
    fn however_many_pass_the_heavy_ones_are_kept() {
        let mut shares = Shares::default();
        let heavy: Vec<u64> = (0..100).map(|each| each * 0x9e37_79b9 + 5).collect();
        for payer in &heavy {
            shares.add(*payer, 10_000, at(0));
        }
        for each in 0..100_000_u64 {
            shares.add(each.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, 30, at(1));
        }
        assert_eq!(shares.0.len(), MOST);
        let kept = heavy
            .iter()
            .filter(|one| shares.spent(**one, at(1)) > 9_000);
        assert_eq!(kept.count(), 100);
    }
}
