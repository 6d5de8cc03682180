//! Which parts of the filter's world are disturbed, or have just been.

use super::schedule::Target;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

/// When something was disturbed: from when, and until when its callers may still feel it.
#[derive(Clone, Copy, Debug)]
struct Window {
    from: Instant,
    /// None while it goes on.
    until: Option<Instant>,
}

/// All that was disturbed in a run.
#[derive(Default)]
pub(super) struct Weather(Mutex<BTreeMap<Target, Vec<Window>>>);

impl Weather {
    /// Something is about to be disturbed.
    pub(super) fn begin(&self, target: Target) {
        let window = Window {
            from: Instant::now(),
            until: None,
        };
        self.0
            .lock()
            .unwrap()
            .entry(target)
            .or_default()
            .push(window);
    }

    /// It is no longer; until then its callers may feel that it was.
    pub(super) fn end(&self, target: Target, until: Instant) {
        let mut windows = self.0.lock().unwrap();
        let last = windows.get_mut(&target).and_then(|all| all.last_mut());
        if let Some(window) = last {
            window.until = Some(until);
        }
    }

    /// Whether none of these was disturbed at any moment of this time.
    pub(super) fn was_calm(&self, targets: &[Target], from: Instant, to: Instant) -> bool {
        let windows = self.0.lock().unwrap();
        targets
            .iter()
            .filter_map(|target| windows.get(target))
            .flatten()
            .all(|window| window.from > to || window.until.is_some_and(|until| until < from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_time_is_calm_where_it_meets_no_window() {
        let (weather, before) = (Weather::default(), Instant::now());
        let soon = |millis| Instant::now() + Duration::from_millis(millis);
        weather.begin(Target::Es);
        assert!(!weather.was_calm(&[Target::Ed, Target::Es], before, soon(0)));
        assert!(weather.was_calm(&[Target::Ed], before, soon(0)));
        weather.end(Target::Es, soon(50));
        assert!(!weather.was_calm(&[Target::Es], soon(0), soon(100)));
        assert!(weather.was_calm(&[Target::Es], soon(60), soon(100)));
    }
}
