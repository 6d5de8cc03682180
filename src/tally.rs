//! Counts of what comes from many, in bounded memory.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::time::MonoTime;

/// What becomes of the smallest count where there is no room for one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Eviction {
    /// The smallest count is forgotten, and the newcomer begins at zero.
    Forgets,
    /// The newcomer takes it over and counts on, as in the algorithm Space-Saving (Metwally, Agrawal, El Abbadi 2005): no
    /// count is ever too low, so whoever makes up newcomers cannot lower anybody's; and none is too high by more than all
    /// that was counted divided by the places.
    Inherits,
}

/// Counts by keys, each for a time that begins with its first.
///
/// Where there is no room, the smallest count goes: newcomers push each other out, and a count that matters stays until
/// as many others as there are places matter as much.
#[derive(Debug)]
pub(crate) struct Tally<K> {
    places: usize,
    eviction: Eviction,
    counts: BTreeMap<K, (u32, MonoTime)>,
    by_count: BTreeSet<(u32, K)>,
    by_end: BTreeSet<(MonoTime, K)>,
}

impl<K: Copy + Ord> Tally<K> {
    /// A tally of at most so many counts, and of one at least.
    #[must_use]
    pub(crate) const fn new(places: usize, eviction: Eviction) -> Self {
        Self {
            places: if places == 0 { 1 } else { places },
            eviction,
            counts: BTreeMap::new(),
            by_count: BTreeSet::new(),
            by_end: BTreeSet::new(),
        }
    }

    /// A count and its end; `None` where nothing is counted, or no longer.
    #[must_use]
    pub(crate) fn get(&self, key: &K, now: MonoTime) -> Option<(u32, MonoTime)> {
        let (count, until) = self.counts.get(key)?;
        (now < *until).then_some((*count, *until))
    }

    /// How many counts there are.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.counts.len()
    }

    /// Adds so many; what is new counts for so long.
    pub(crate) fn add(&mut self, key: K, more: u32, now: MonoTime, lasts: Duration) {
        self.drop_ended(now);
        let (count, until) = match self.remove(&key) {
            Some(held) => held,
            None => (self.make_room(), now.plus(lasts)),
        };
        let count = count.saturating_add(more);
        self.counts.insert(key, (count, until));
        self.by_count.insert((count, key));
        self.by_end.insert((until, key));
    }

    /// Subtracts one from the key's count, where there is one.
    pub(crate) fn take_back(&mut self, key: &K) {
        if let Some((count, until)) = self.remove(key)
            && count > 1
        {
            let count = count.saturating_sub(1);
            self.counts.insert(*key, (count, until));
            self.by_count.insert((count, *key));
            self.by_end.insert((until, *key));
        }
    }

    /// Makes room for one more; with how much it begins.
    fn make_room(&mut self) -> u32 {
        if self.counts.len() < self.places {
            return 0;
        }
        let Some((count, smallest)) = self.by_count.first().copied() else {
            return 0;
        };
        self.remove(&smallest);
        match self.eviction {
            Eviction::Forgets => 0,
            Eviction::Inherits => count,
        }
    }

    /// Each count is dropped once, and was added before.
    pub(crate) fn drop_ended(&mut self, now: MonoTime) {
        while let Some((until, key)) = self.by_end.first().copied()
            && until <= now
        {
            self.remove(&key);
        }
    }

    fn remove(&mut self, key: &K) -> Option<(u32, MonoTime)> {
        let (count, until) = self.counts.remove(key)?;
        self.by_count.remove(&(count, *key));
        self.by_end.remove(&(until, *key));
        Some((count, until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(secs: u64) -> MonoTime {
        MonoTime::from_secs(secs)
    }

    #[test]
    fn a_count_lasts_from_its_first() {
        let mut tally = Tally::new(4, Eviction::Inherits);
        tally.add(1, 1, at(10), MINUTE);
        tally.add(1, 2, at(40), MINUTE);
        assert_eq!(tally.get(&1, at(69)), Some((3, at(70))));
        assert_eq!(tally.get(&1, at(70)), None);
        assert_eq!(tally.get(&2, at(40)), None);
        tally.add(1, 1, at(70), MINUTE);
        assert_eq!(tally.get(&1, at(71)), Some((1, at(130))));
        assert_eq!(tally.len(), 1);
    }

    #[test]
    fn what_is_taken_back_is_as_if_it_never_was() {
        let mut tally = Tally::new(4, Eviction::Inherits);
        tally.add(1, 2, at(0), MINUTE);
        tally.take_back(&1);
        assert_eq!(tally.get(&1, at(0)), Some((1, at(60))));
        tally.take_back(&1);
        tally.take_back(&1);
        assert!(tally.len() == 0 && tally.by_count.is_empty() && tally.by_end.is_empty());
    }

    #[test]
    fn newcomers_push_each_other_out_and_no_count_that_matters() {
        for eviction in [Eviction::Forgets, Eviction::Inherits] {
            let mut tally = Tally::new(64, eviction);
            tally.add(0, 100, at(0), MINUTE);
            for number in 1..5000 {
                tally.add(number, 1, at(1), MINUTE);
            }
            assert_eq!(tally.get(&0, at(2)), Some((100, at(60))));
            assert_eq!(
                (tally.len(), tally.by_count.len(), tally.by_end.len()),
                (64, 64, 64)
            );
        }
    }

    #[test]
    fn who_comes_again_and_again_is_found_among_more_than_there_is_room_for() {
        // A hundred names, each as often, and room for ten: so each takes over what others had.
        let mut inherits = Tally::new(10, Eviction::Inherits);
        for number in (0..100).cycle().take(10_000) {
            inherits.add(number, 1, at(0), MINUTE);
        }
        let most = |tally: &Tally<u32>| tally.counts.values().map(|(count, _)| *count).max();
        assert!(most(&inherits) >= Some(100), "{:?}", most(&inherits));
        // Never more than all of them divided by the places, and what it was itself.
        assert!(most(&inherits) <= Some(1000 + 1));
    }

    #[test]
    fn what_has_ended_makes_room_first() {
        let mut tally = Tally::new(2, Eviction::Inherits);
        tally.add(1, 50, at(0), MINUTE);
        tally.add(2, 1, at(30), MINUTE);
        tally.add(3, 1, at(61), MINUTE);
        assert_eq!(tally.get(&3, at(61)), Some((1, at(121))));
        assert_eq!(tally.get(&2, at(61)), Some((1, at(90))));
    }
}
