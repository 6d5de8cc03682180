//! Who makes a callout, and for how long others leave it to its maker: the same for keys and for services.
//!
//! Within a VM a lease is an attempt with a number and an end. Between the VMs of a process it is a record in what they
//! share, which the first to write has, and which counts until its time: none may claim more than its reader would.

use std::time::Duration;

use super::{SharedData, Swap};
use crate::time::MonoTime;

/// How much longer than its timeout a callout is waited for, before another may make it.
pub const GRACE: Duration = Duration::from_secs(1);
/// The wait after the first failure that counts; each further one doubles it.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The longest wait between attempts, so that what comes back is noticed.
pub const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// The attempts of a VM. Their numbers tell an answer from the late answer to an earlier one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attempts(u32);

impl Attempts {
    /// The last one; 0 before the first.
    #[must_use]
    pub const fn last(self) -> u32 {
        self.0
    }

    /// Whether one was made before another, or is it. Numbers begin anew after the largest.
    #[must_use]
    pub const fn reaches(self, attempt: u32, other: u32) -> bool {
        self.0.wrapping_sub(attempt) >= self.0.wrapping_sub(other)
    }

    /// Begins a callout that may take so long.
    pub fn begin(&mut self, timeout: Duration, now: MonoTime) -> Lease {
        self.0 = self.0.wrapping_add(1);
        Lease {
            attempt: self.0,
            until: now.plus(longest(timeout)),
        }
    }
}

/// A callout that its maker is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    /// The callout's number, which tells its answer from late answers to earlier ones.
    pub attempt: u32,
    /// Until when it is left to its maker.
    pub until: MonoTime,
}

impl Lease {
    /// Whether its answer can be waited for no longer.
    #[must_use]
    pub fn is_overdue(&self, now: MonoTime) -> bool {
        now >= self.until
    }
}

/// For how long a callout with this timeout may be left to its maker.
#[must_use]
pub const fn longest(timeout: Duration) -> Duration {
    timeout.saturating_add(GRACE)
}

/// How long to wait after so many failures beyond the first that counts.
#[must_use]
pub fn backoff(further: u32) -> Duration {
    let whole = FIRST_BACKOFF.saturating_mul(1 << further.min(16));
    whole.min(LONGEST_BACKOFF)
}

/// Changes a value that the VMs share: `change` has what is there, and says what is to be there, or that it stays. Who
/// writes first has it; the others look again, so many times.
pub fn change(
    shared: &mut dyn SharedData,
    key: &str,
    tries: usize,
    change: impl Fn(Option<&[u8]>) -> Option<Vec<u8>>,
) {
    for _ in 0..tries {
        let entry = shared.read(key);
        let held = entry.as_ref().map(|entry| entry.value.as_slice());
        let Some(value) = change(held) else {
            return;
        };
        let seen = entry.map(|entry| entry.version);
        if shared.swap(key, &value, seen) != Swap::Lost {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::testing::Process;

    #[test]
    fn attempts_have_an_order_that_outlasts_their_numbers() {
        let mut attempts = Attempts(u32::MAX - 1);
        let now = MonoTime::from_secs(10);
        let leases: Vec<Lease> = (0..3)
            .map(|_| attempts.begin(Duration::from_secs(5), now))
            .collect();
        let numbers: Vec<u32> = leases.iter().map(|lease| lease.attempt).collect();
        assert_eq!(numbers, [u32::MAX, 0, 1]);
        assert!(attempts.reaches(u32::MAX, 0) && attempts.reaches(0, 0));
        assert!(!attempts.reaches(1, 0));
        assert!(!leases[0].is_overdue(MonoTime::from_secs(15)));
        assert!(leases[0].is_overdue(MonoTime::from_secs(16)));
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let waits: Vec<u64> = [0, 1, 4, 5, u32::MAX]
            .map(|further| backoff(further).as_secs())
            .to_vec();
        assert_eq!(waits, [1, 2, 16, 30, 30]);
    }

    #[test]
    fn a_change_is_made_of_what_is_there() {
        let mut process = Process::default();
        let add = |held: Option<&[u8]>| Some([held.unwrap_or_default(), b"x"].concat());
        change(&mut process, "key", 1, add);
        change(&mut process, "key", 1, add);
        change(&mut process, "key", 1, |_| None);
        let entry = process.read("key").unwrap();
        assert_eq!(entry.value, b"xx");
    }
}
