//! Wall clocks that jump under stories: each story is told again under each of them, and must come out the same.
//!
//! What has a length goes by the monotonic clock, which the stories move themselves; a story that ends differently when
//! the wall clock jumps measures something by dates. Stories about dates say so, and are told under a clock that nobody
//! touches.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use super::UnixTime;

const HOUR: i64 = 3_600_000;
/// When the clock jumps at the earliest: while the first answers are on their way.
const FIRST: Duration = Duration::from_millis(50);
/// How often a restless clock jumps.
const OFTEN: Duration = Duration::from_millis(700);

/// What happens to the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Jump {
    /// The clock runs evenly.
    None,
    /// It is put back an hour when the story has lasted so long.
    Back(Duration),
    /// It is put forward an hour.
    Forward(Duration),
    /// It is put back and forward all the time.
    Restless,
}

thread_local! {
    static JUMP: Cell<Jump> = const { Cell::new(Jump::None) };
    /// By how many milliseconds the wall clock is ahead now.
    static AHEAD: Cell<i64> = const { Cell::new(0) };
    /// How long the story has lasted at the most.
    static LASTED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

impl Jump {
    fn ahead(self, lasted: Duration) -> i64 {
        match self {
            Self::Back(at) if lasted >= at => -HOUR,
            Self::Forward(at) if lasted >= at => HOUR,
            Self::None | Self::Back(_) | Self::Forward(_) => 0,
            Self::Restless => match lasted.as_millis() / OFTEN.as_millis() % 3 {
                0 => 0,
                1 => HOUR,
                _ => -HOUR,
            },
        }
    }
}

/// What the wall clock says that nobody has touched, as the jumps make it in a story that has lasted so long.
pub(crate) fn wall(untouched: UnixTime, lasted: Duration) -> UnixTime {
    LASTED.set(LASTED.get().max(lasted));
    AHEAD.set(JUMP.get().ahead(lasted));
    shown(untouched)
}

/// What the wall clock, as it is set now, would say at such a time: clients whose clocks go with it count by this.
pub(crate) fn shown(untouched: UnixTime) -> UnixTime {
    UnixTime::from_millis(untouched.as_millis().saturating_add_signed(AHEAD.get()))
}

/// Tells the stories of a file under each jump, at moments spread over each; but not those that are about dates. All that
/// the file has must be named.
pub(crate) fn tell(file: &str, stories: &[(&str, fn())], dated: &[&str]) {
    let told = stories.iter().map(|(name, _)| *name);
    let named: BTreeSet<&str> = told.chain(dated.iter().copied()).collect();
    let all = file.split("#[test]\nfn ").skip(1);
    let all: BTreeSet<&str> = all.filter_map(|rest| rest.split('(').next()).collect();
    assert_eq!(named, all, "each story is named once under `under_jumps!`");
    let mut changed = Vec::new();
    for (name, story) in stories {
        let mut tell = |jump| {
            JUMP.set(jump);
            if std::panic::catch_unwind(story).is_err() {
                changed.push(format!("{name} under {jump:?}"));
            }
            JUMP.set(Jump::None);
        };
        LASTED.set(Duration::ZERO);
        tell(Jump::Back(FIRST));
        let half = LASTED.get() / 2;
        tell(Jump::Forward(FIRST));
        tell(Jump::Restless);
        if half > FIRST {
            tell(Jump::Back(half));
            tell(Jump::Forward(half));
        }
    }
    assert!(changed.is_empty(), "{changed:#?}");
}

/// Tells the stories of this file again under clocks that jump.
macro_rules! under_jumps {
    ($file:literal, [$($story:ident),* $(,)?], by_date: [$($dated:ident),* $(,)?] $(,)?) => {
        /// Those that are about dates are left out.
        #[test]
        fn no_jump_of_the_wall_clock_changes_a_story() {
            let stories: &[(&str, fn())] = &[$((stringify!($story), $story)),*];
            crate::time::jumps::tell(include_str!($file), stories, &[$(stringify!($dated)),*]);
        }
    };
}

pub(crate) use under_jumps;

#[test]
fn a_clock_jumps_when_it_should() {
    let late = Duration::from_millis(900);
    for (jump, want) in [
        (Jump::None, [0, 0, 0, 0]),
        (Jump::Back(FIRST), [0, -HOUR, -HOUR, -HOUR]),
        (Jump::Forward(FIRST), [0, HOUR, HOUR, HOUR]),
        (Jump::Forward(late), [0, 0, 0, HOUR]),
        (Jump::Restless, [0, 0, HOUR, -HOUR]),
    ] {
        let ahead = |millis| jump.ahead(Duration::from_millis(millis));
        assert_eq!([0, 50, 700, 1400].map(ahead), want, "{jump:?}");
    }
}

/// A story that measures by the wall clock is found out, and one whose clock is left alone is not.
#[test]
fn a_story_that_measures_by_dates_changes() {
    fn measures(clock: fn(Duration) -> UnixTime) {
        let start = clock(Duration::ZERO);
        let passed = clock(Duration::from_secs(10)).since(start);
        assert_eq!(passed, Duration::from_secs(10));
    }
    fn by_dates() {
        measures(|lasted| wall(UnixTime::from_secs(1_000_000).plus(lasted), lasted));
    }
    fn by_length() {
        measures(|lasted| UnixTime::from_secs(1_000_000).plus(lasted));
    }
    let named = "#[test]\nfn story() {}";
    tell(named, &[("story", by_length)], &[]);
    let told = std::panic::catch_unwind(|| tell(named, &[("story", by_dates)], &[]));
    assert!(told.is_err());
    let told = std::panic::catch_unwind(|| tell(named, &[("another", by_length)], &[]));
    assert!(told.is_err());
}
