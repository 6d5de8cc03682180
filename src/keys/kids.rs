//! How many fetches unknown key ids may still cause: whoever makes up ids decides how many of them come.

use std::time::Duration;

use crate::time::MonoTime;

/// How many at once; one more with each cool-down.
const MOST: u8 = 5;

/// The fetches of one key set that unknown key ids have caused of late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kids {
    spent: u8,
    /// Since when the next one comes back.
    since: MonoTime,
}

impl Default for Kids {
    fn default() -> Self {
        Self {
            spent: 0,
            since: MonoTime::START,
        }
    }
}

impl Kids {
    /// What is left of them by then. A clock that goes back brings none back, and goes on from there.
    pub(super) fn at(self, cooldown: Duration, now: MonoTime) -> Self {
        let since = self.since.min(now);
        let mut spent = self.spent.min(MOST);
        let mut begun = since;
        while spent > 0 && now >= begun.plus(cooldown) {
            spent = spent.saturating_sub(1);
            begun = begun.plus(cooldown);
        }
        Self {
            spent,
            since: if spent == 0 { now } else { begun },
        }
    }

    /// One less, where there is one.
    pub(super) fn spend(self, cooldown: Duration, now: MonoTime) -> Option<Self> {
        let left = self.at(cooldown, now);
        (left.spent < MOST).then(|| Self {
            spent: left.spent.saturating_add(1),
            ..left
        })
    }

    /// Whether there is one.
    pub(super) fn are_left(self, cooldown: Duration, now: MonoTime) -> bool {
        self.spend(cooldown, now).is_some()
    }

    /// How long until one more comes back.
    pub(super) fn wait(self, cooldown: Duration, now: MonoTime) -> Duration {
        self.at(cooldown, now).since.plus(cooldown).since(now)
    }

    pub(super) fn encode(self) -> impl Iterator<Item = u8> {
        let since = self.since.as_millis().to_le_bytes();
        std::iter::once(self.spent).chain(since)
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (spent, rest) = bytes.split_first()?;
        let (since, rest) = rest.split_first_chunk::<8>()?;
        let since = MonoTime::from_millis(u64::from_le_bytes(*since));
        let spent = *spent;
        Some((Self { spent, since }, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOLDOWN: Duration = Duration::from_secs(30);

    fn at(secs: u64) -> MonoTime {
        MonoTime::from_secs(1_000_000 + secs)
    }

    fn spend_all(mut kids: Kids, now: MonoTime) -> (Kids, usize) {
        let mut many = 0;
        while let Some(left) = kids.spend(COOLDOWN, now) {
            (kids, many) = (left, many + 1);
        }
        (kids, many)
    }

    #[test]
    fn five_at_once_and_one_more_with_each_cool_down() {
        let (kids, many) = spend_all(Kids::default(), at(0));
        assert_eq!(many, 5);
        assert!(!kids.are_left(COOLDOWN, at(29)));
        assert_eq!(kids.wait(COOLDOWN, at(29)), Duration::from_secs(1));
        let (kids, many) = spend_all(kids, at(30));
        assert_eq!(many, 1);
        assert_eq!(kids.wait(COOLDOWN, at(31)), Duration::from_secs(29));
        let (_, many) = spend_all(kids, at(31 + 60));
        assert_eq!(many, 2);
        let (_, many) = spend_all(kids, at(1_000_000));
        assert_eq!(many, 5);
    }

    #[test]
    fn one_in_each_cool_down_never_empties_them() {
        let mut kids = Kids::default();
        for each in 0..1000 {
            kids = kids.spend(COOLDOWN, at(each * 30)).unwrap();
            assert!(kids.are_left(COOLDOWN, at(each * 30)));
        }
    }

    #[test]
    fn a_clock_that_goes_back_stops_nothing() {
        let (kids, _) = spend_all(Kids::default(), at(100_000));
        assert!(!kids.are_left(COOLDOWN, at(0)));
        let back = kids.at(COOLDOWN, at(0));
        assert!(back.are_left(COOLDOWN, at(30)));
    }
}
