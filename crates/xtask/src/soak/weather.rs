//! Which parts of the filter's world are disturbed, or have just been, and when the machine had no time for it.

use super::schedule::Target;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// When something was disturbed: from when, and until when its callers may still feel it.
#[derive(Clone, Copy, Debug)]
struct Window {
    from: Instant,
    /// None while it goes on.
    until: Option<Instant>,
    /// Until when its keys may be fetched out of turn; none while it goes on.
    fetched_until: Option<Instant>,
}

/// All that was disturbed in a run.
#[derive(Default)]
pub(super) struct Weather {
    windows: Mutex<BTreeMap<Target, Vec<Window>>>,
    /// When other programs had the cores.
    stalls: Mutex<Vec<(Instant, Instant)>>,
}

impl Weather {
    /// Something is about to be disturbed.
    pub(super) fn begin(&self, target: Target) {
        let window = Window {
            from: Instant::now(),
            until: None,
            fetched_until: None,
        };
        self.windows
            .lock()
            .unwrap()
            .entry(target)
            .or_default()
            .push(window);
    }

    /// It is no longer; until then its callers may feel that it was, and its keys may be fetched out of turn.
    pub(super) fn end(&self, target: Target, until: Instant, fetched_until: Instant) {
        let mut windows = self.windows.lock().unwrap();
        let last = windows.get_mut(&target).and_then(|all| all.last_mut());
        if let Some(window) = last {
            window.until = Some(until);
            window.fetched_until = Some(fetched_until);
        }
    }

    /// Whether none of these was disturbed at any moment of this time.
    pub(super) fn was_calm(&self, targets: &[Target], from: Instant, to: Instant) -> bool {
        self.has_none(targets, from, to, |window| window.until)
    }

    /// Whether none of these was a reason to fetch keys out of turn at any moment of this time.
    pub(super) fn fetches_in_turn(&self, targets: &[Target], from: Instant, to: Instant) -> bool {
        self.has_none(targets, from, to, |window| window.fetched_until)
    }

    /// Other programs had the cores for this time.
    pub(super) fn stalled(&self, from: Instant, to: Instant) {
        self.stalls.lock().unwrap().push((from, to));
    }

    /// How much of this time other programs had the cores.
    pub(super) fn stalls(&self, from: Instant, to: Instant) -> Duration {
        let stalls = self.stalls.lock().unwrap();
        stalls
            .iter()
            .map(|(begin, end)| (*end.min(&to)).saturating_duration_since(*begin.max(&from)))
            .sum()
    }

    fn has_none(
        &self,
        targets: &[Target],
        from: Instant,
        to: Instant,
        end: fn(&Window) -> Option<Instant>,
    ) -> bool {
        let windows = self.windows.lock().unwrap();
        targets
            .iter()
            .filter_map(|target| windows.get(target))
            .flatten()
            .all(|window| window.from > to || end(window).is_some_and(|end| end < from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_stall_counts_what_falls_into_the_time() {
        let (weather, start) = (Weather::default(), Instant::now());
        let at = |secs| start + Duration::from_secs(secs);
        weather.stalled(at(2), at(4));
        weather.stalled(at(8), at(9));
        for (from, to, seconds) in [(0, 1, 0), (0, 3, 1), (3, 20, 2), (4, 8, 0), (0, 20, 3)] {
            assert_eq!(weather.stalls(at(from), at(to)).as_secs(), seconds);
        }
    }

    #[test]
    fn a_time_is_calm_where_it_meets_no_window() {
        let (weather, before) = (Weather::default(), Instant::now());
        let soon = |millis| Instant::now() + Duration::from_millis(millis);
        weather.begin(Target::Es);
        assert!(!weather.was_calm(&[Target::Ed, Target::Es], before, soon(0)));
        assert!(weather.was_calm(&[Target::Ed], before, soon(0)));
        assert!(!weather.fetches_in_turn(&[Target::Es], before, soon(0)));
        weather.end(
            Target::Es,
            before + Duration::from_secs(5),
            before + Duration::from_secs(2),
        );
        let after = |secs| before + Duration::from_secs(secs);
        assert!(!weather.was_calm(&[Target::Es], after(3), after(9)));
        assert!(weather.was_calm(&[Target::Es], after(6), after(9)));
        assert!(!weather.fetches_in_turn(&[Target::Es], after(1), after(9)));
        assert!(weather.fetches_in_turn(&[Target::Es], after(3), after(9)));
    }
}
