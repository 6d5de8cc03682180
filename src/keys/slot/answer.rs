//! What the answer to a callout, or its absence, does to a key set.

use std::time::Duration;

use super::{GRACE, Held, LONGEST_BACKOFF, Slot};
use crate::callout::CalloutOutcome;
use crate::jose::KeySet;
use crate::keys::fetch::{self, Fetched, Notice};
use crate::keys::record::{Phase, Record};
use crate::keys::snapshot::{Snapshot, Times};
use crate::keys::{FetchError, SharedData, Swap, Turn};
use crate::time::whole_seconds;

/// The wait after the first failure; each further one doubles it.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The wait before a fetch makes its next callout after one without a good answer.
const RETRY: Duration = Duration::from_millis(200);

impl Slot {
    pub(in crate::keys) fn handle_fetched(
        &mut self,
        attempt: u32,
        outcome: CalloutOutcome<'_>,
        turn: &mut Turn<'_>,
    ) -> Option<Notice> {
        let now = turn.now;
        if !self.leads(attempt) {
            return None;
        }
        let asked_at = self.lease.as_ref()?.asked_at;
        let asked = (self.discovers(), asked_at);
        let read = fetch::read(&self.source, asked, outcome, now.wall);
        let stated = outcome.retry_after(now.wall);
        let now = now.mono;
        match read {
            Ok(Fetched::Endpoint(endpoint)) => {
                let lease = self.lease.as_mut()?;
                lease.discovered = Some(endpoint);
                lease.resumes_at = Some(now);
                None
            }
            Ok(Fetched::Keys(set, snapshot)) => Some(self.succeed(set, &snapshot, turn)),
            Ok(Fetched::NotModified(times)) => Some(self.revalidate(times, turn)),
            Err(why) => match &mut self.lease {
                Some(lease) if lease.retries > 0 && stated.is_none() => {
                    lease.retries = lease.retries.saturating_sub(1);
                    lease.discovered = None;
                    lease.resumes_at = Some(now.plus(RETRY));
                    None
                }
                _ => Some(self.fail(why, stated, turn)),
            },
        }
    }

    pub(in crate::keys) fn handle_tick(&mut self, turn: &mut Turn<'_>) -> Option<(u32, Notice)> {
        let now = turn.now.mono;
        let attempt = self
            .lease
            .as_ref()
            .filter(|lease| now >= lease.until)?
            .attempt;
        let notice = self.fail(FetchError::Overdue, None, turn);
        Some((attempt, notice))
    }

    pub(in crate::keys) fn abandon(&mut self, attempt: u32, turn: &mut Turn<'_>) {
        let now = turn.now.mono;
        if self.leads(attempt) {
            self.lease = None;
            let until = now.plus(GRACE);
            self.orphaned_until = until;
            self.publish(turn.shared, |record| {
                record.phase = Phase::Orphaned;
                record.until = until;
            });
        }
    }

    /// Ends with its configuration: the others need not wait for a lease that nobody serves any more. One that another VM
    /// has taken since stays.
    pub(in crate::keys) fn release(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now.mono;
        let Some(lease) = self.lease.take() else {
            return;
        };
        self.publish(turn.shared, |record| {
            if record.phase == Phase::Fetching && record.until == lease.until {
                record.phase = Phase::Idle;
                record.until = now;
            }
        });
    }

    fn succeed(&mut self, set: KeySet, snapshot: &Snapshot<'_>, turn: &mut Turn<'_>) -> Notice {
        let now = turn.now.mono;
        let (skipped, not_pinned) = (set.skipped().len(), set.not_pinned());
        let reasons = set.skipped_reasons();
        self.hold(set, snapshot, now);
        let seen = turn
            .shared
            .read(&self.snapshot_key)
            .map(|entry| entry.version);
        // A set that another VM wrote meanwhile is as good.
        let _ = turn
            .shared
            .swap(&self.snapshot_key, &snapshot.encode(), seen);
        self.publish_success(turn);
        Notice::Fetched {
            skipped,
            not_pinned,
            reasons,
        }
    }

    /// The issuer says that its keys are the same: they begin anew, here and for the others.
    fn revalidate(&mut self, times: Times, turn: &mut Turn<'_>) -> Notice {
        let now = turn.now.mono;
        let Some(held) = self.held.take() else {
            return self.fail(FetchError::Unasked, None, turn);
        };
        let entry = turn.shared.read(&self.snapshot_key);
        if let Some(entry) = &entry
            && let Some(snapshot) = Snapshot::decode(&entry.value)
            && snapshot.etag == held.etag
        {
            let snapshot = Snapshot { times, ..snapshot };
            let _ = turn
                .shared
                .swap(&self.snapshot_key, &snapshot.encode(), Some(entry.version));
            self.publish_success(turn);
        } else {
            // What is turn.shared is something else: this VM's keys are no news to the others.
            self.publish(turn.shared, |record| record.phase = Phase::Idle);
        }
        self.keep(Held {
            fetched_at: now,
            times,
            uses: 0,
            ..held
        });
        Notice::NotModified
    }

    fn publish_success(&self, turn: &mut Turn<'_>) {
        let now = turn.now.mono;
        self.publish(turn.shared, |record| {
            *record = Record {
                phase: Phase::Idle,
                failures: 0,
                until: now,
                fetched_at: now,
                ..*record
            };
        });
    }

    /// `stated` is for how long the issuer wants to be left alone.
    fn fail(&mut self, why: FetchError, stated: Option<Duration>, turn: &mut Turn<'_>) -> Notice {
        let now = turn.now.mono;
        self.failures = self.failures.saturating_add(1);
        let doublings = self.failures.saturating_sub(1).min(16);
        let whole = FIRST_BACKOFF
            .saturating_mul(1 << doublings)
            .min(LONGEST_BACKOFF);
        // Up to a fifth less, for the sake of an issuer that comes back.
        let jitter = u32::try_from(self.jitter(now)).unwrap_or_default();
        let own = whole.saturating_sub(whole.saturating_mul(jitter) / 5000);
        let phase = stated.map_or(Phase::Failed, |_| Phase::Limited);
        // Never before it says so; up to a tenth later, as it says the same to all processes.
        let stated = stated.map(|wait| wait.saturating_add(wait.saturating_mul(jitter) / 10_000));
        let wait = stated.map_or(own, |stated| stated.max(own));
        self.retry_at = now.plus(wait);
        let uri = self.address();
        self.lease = None;
        self.wanted = false;
        let (failures, until) = (self.failures, self.retry_at);
        self.publish(turn.shared, |record| {
            *record = Record {
                phase,
                failures,
                until,
                ..*record
            }
        });
        Notice::Failed {
            uri,
            why,
            retry_after: whole_seconds(wait),
        }
    }

    /// Changes the shared record, whoever wrote to it meanwhile.
    pub(super) fn publish(&self, shared: &mut dyn SharedData, change: impl Fn(&mut Record)) {
        for _ in 0..4 {
            let entry = shared.read(&self.record_key);
            let mut record = entry
                .as_ref()
                .and_then(|entry| Record::decode(&entry.value))
                .unwrap_or_default();
            change(&mut record);
            if shared.swap(
                &self.record_key,
                &record.encode(),
                entry.map(|entry| entry.version),
            ) != Swap::Lost
            {
                return;
            }
        }
    }
}
