//! Which VM of the process fetches, and until when the others leave it to that one.

use std::time::Duration;

use super::{Fetching, Slot};
use crate::callout::Leader;
use crate::keys::kids::Kids;
use crate::keys::lease::{GRACE, longest};
use crate::keys::record::{Phase, Record};
use crate::keys::{Entry, Swap, Turn};
use crate::time::MonoTime;

impl Slot {
    pub(in crate::keys) fn is_fetching(&self) -> bool {
        self.fetching.is_some()
    }

    pub(super) fn leads(&self, attempt: u32) -> bool {
        let fetching = self.fetching.as_ref();
        fetching.is_some_and(|fetching| {
            fetching.lease.attempt == attempt && fetching.resumes_at.is_none()
        })
    }

    /// Takes in what other VMs did; the number of the attempt where this VM must fetch.
    pub(in crate::keys) fn poll(&mut self, leader: Leader, turn: &mut Turn<'_>) -> Option<u32> {
        let now = turn.now.mono;
        if self.is_fetching() {
            return self.resume(leader, turn);
        }
        // The tick looks in any case: what another VM has fetched may lack a key that is gone. It also refreshes keys
        // that serve: the host would cancel a request's callout with the request, which waits for something else.
        if leader == Leader::Request && !(self.is_due(now) && self.is_awaited(now)) {
            return None;
        }
        let (entry, record) = self.record(turn);
        // Without a store, or before anybody has written there, the VM's own count goes on.
        let record = record.unwrap_or_else(|| Record {
            kids: self.kids,
            ..Record::default()
        });
        self.kids = self.kids_of(&record);
        self.import(record, turn);
        if !self.is_due(now) {
            return None;
        }
        let in_force = now < record.until;
        if matches!(record.phase, Phase::Failed | Phase::Limited) && in_force {
            self.adopt_failure(record);
            return None;
        }
        let orphaned = now < self.orphaned_until || record.phase == Phase::Orphaned && in_force;
        if record.phase == Phase::Fetching && in_force || orphaned && leader == Leader::Request {
            return None;
        }
        let refetches = self.wanted && !self.is_stale(now);
        let mut kids = self.kids;
        if refetches && !orphaned {
            let Some(left) = kids.spend(self.cooldown(), now) else {
                self.wanted = false;
                return None;
            };
            kids = left;
        }
        let taken = Record {
            phase: Phase::Fetching,
            until: now.plus(longest(self.source.schedule.timeout)),
            kids: if self.keeps_kids { record.kids } else { kids },
            ..record
        };
        if turn.shared.swap(
            &self.record_key,
            &taken.encode(),
            entry.map(|entry| entry.version),
        ) == Swap::Lost
        {
            return None;
        }
        self.kids = kids;
        self.orphaned_until = MonoTime::START;
        Some(self.lead(now))
    }

    /// The attempt whose callout a request makes for itself: the one under way once more, or a new one whoever else
    /// is at it. Of its answers the first counts.
    pub(in crate::keys) fn join(&mut self, turn: &mut Turn<'_>) -> Option<u32> {
        let now = turn.now.mono;
        if let Some(fetching) = &mut self.fetching {
            if fetching.resumes_at.is_none() {
                return Some(fetching.lease.attempt);
            }
            fetching.resumes_at = Some(now);
            return self.resume(Leader::Tick, turn);
        }
        if self.failing(now).is_some() {
            return None;
        }
        if self.wanted && !self.is_stale(now) {
            let Some(kids) = self.kids.spend(self.cooldown(), now) else {
                self.wanted = false;
                return None;
            };
            self.kids = kids;
            if !self.keeps_kids {
                let cooldown = self.cooldown();
                self.publish(turn.shared, |record| {
                    record.kids = record.kids.spend(cooldown, now).unwrap_or(record.kids);
                });
            }
        }
        Some(self.lead(now))
    }

    /// Begins a fetch that is this VM's until it is overdue.
    pub(super) fn lead(&mut self, now: MonoTime) -> u32 {
        let schedule = &self.source.schedule;
        let lease = self.attempts.begin(schedule.timeout, now);
        self.fetching = Some(Fetching {
            lease,
            asked_at: now,
            resumes_at: None,
            retries: schedule.retry,
            discovered: None,
        });
        lease.attempt
    }

    /// The next callout of the fetch under way, when its time has come.
    pub(super) fn resume(&mut self, leader: Leader, turn: &mut Turn<'_>) -> Option<u32> {
        let now = turn.now.mono;
        let fetching = self.fetching.as_mut()?;
        // The tick is due at once; where nobody ticks, a request waits for it and then goes on without.
        let patience = match leader {
            Leader::Tick => Duration::ZERO,
            Leader::Request => GRACE,
        };
        fetching.resumes_at.filter(|at| now >= at.plus(patience))?;
        let lease = self.attempts.begin(self.source.schedule.timeout, now);
        fetching.lease = lease;
        fetching.asked_at = now;
        fetching.resumes_at = None;
        self.publish(turn.shared, |record| {
            record.phase = Phase::Fetching;
            record.until = lease.until;
        });
        Some(lease.attempt)
    }

    /// The shared record with its entry.
    pub(super) fn record(&self, turn: &mut Turn<'_>) -> (Option<Entry>, Option<Record>) {
        let now = turn.now.mono;
        let entry = turn.shared.read(&self.record_key);
        let record = entry
            .as_ref()
            .and_then(|entry| Record::decode(&entry.value))
            .filter(|record| record.until <= now.plus(self.longest_wait(record.phase)));
        (entry, record)
    }

    /// Takes in what other VMs did, and nothing else.
    pub(in crate::keys) fn look(&mut self, turn: &mut Turn<'_>) {
        if let (_, Some(record)) = self.record(turn) {
            self.kids = self.kids_of(&record);
            self.import(record, turn);
        }
    }

    /// The fetches that unknown key ids have caused, by what all VMs know.
    pub(super) const fn kids_of(&self, record: &Record) -> Kids {
        if self.keeps_kids {
            self.kids
        } else {
            record.kids
        }
    }

    pub(super) fn adopt_failure(&mut self, record: Record) {
        self.fetching = None;
        self.orphaned_until = MonoTime::START;
        self.failures = record.failures.max(1);
        self.retry_at = record.until;
        self.wanted = false;
    }
}
