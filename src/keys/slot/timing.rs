//! When the next fetch of a key set is due.

use std::time::Duration;

use super::{Held, Slot};
use crate::callout::LONGEST_RETRY_AFTER;
use crate::keys::Schedule;
use crate::keys::lease::{LONGEST_BACKOFF, longest};
use crate::keys::record::Phase;
use crate::time::MonoTime;

impl Slot {
    /// Whether something should be fetched, were this the only VM.
    pub(super) fn is_due(&self, now: MonoTime) -> bool {
        !self.is_fetching() && now >= self.retry_at && (self.is_stale(now) || self.wanted)
    }

    /// Whether the set is missing or old enough to be fetched again; it may serve all the while.
    pub(super) fn is_stale(&self, now: MonoTime) -> bool {
        let schedule = &self.source.schedule;
        self.held.as_ref().is_none_or(|held| {
            let used_up = schedule.cache_usages.is_some_and(|most| held.uses >= most);
            used_up || now >= held.fetched_at.plus(self.refresh_after(held))
        })
    }

    /// The set's share of `refresh_after`, up to a tenth less: processes that started together do not ask together.
    fn refresh_after(&self, held: &Held) -> Duration {
        let Schedule {
            cache_duration,
            refresh_after,
            ..
        } = self.source.schedule;
        let share = |part: Duration, of: Duration| {
            held.times
                .fresh_for
                .as_millis()
                .saturating_mul(part.as_millis())
                / of.as_millis().max(1)
        };
        let whole = share(refresh_after, cache_duration);
        let less = whole.saturating_mul(self.jitter(held.fetched_at)) / 10_000;
        Duration::from_millis(u64::try_from(whole.saturating_sub(less)).unwrap_or(u64::MAX))
    }

    /// A number from 0 to 1000 that nobody chose, the same for the same time: the host offers no randomness that
    /// every host has, and a hash spreads as well.
    pub(super) fn jitter(&self, at: MonoTime) -> u128 {
        use sha2::{Digest, Sha256};
        let mut hash = Sha256::new();
        hash.update(self.record_key.as_bytes());
        hash.update(at.as_millis().to_le_bytes());
        let [first, second, ..] = <[u8; 32]>::from(hash.finalize());
        u128::from(u16::from_le_bytes([first, second])) * 1000 / u128::from(u16::MAX)
    }

    /// No record of this phase may ask for more: a VM whose clock is another one, or a foreign hand, would stop all
    /// fetches.
    pub(super) fn longest_wait(&self, phase: Phase) -> Duration {
        match phase {
            Phase::Limited => LONGEST_RETRY_AFTER.saturating_add(LONGEST_RETRY_AFTER / 10),
            Phase::Failed | Phase::Fetching | Phase::Idle | Phase::Orphaned => {
                longest(self.source.schedule.timeout).max(LONGEST_BACKOFF)
            }
        }
    }

    pub(super) const fn cooldown(&self) -> Duration {
        self.source.schedule.unknown_kid_cooldown
    }
}
