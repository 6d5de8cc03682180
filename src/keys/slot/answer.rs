//! What the answer to a callout, or its absence, does to a key set.

use std::time::Duration;

use super::{Fetching, Held, Slot};
use crate::callout::CalloutOutcome;
use crate::jose::KeySet;
use crate::keys::fetch::{self, Fetched, Notice};
use crate::keys::lease::{self, GRACE};
use crate::keys::record::{Phase, Record};
use crate::keys::snapshot::{Snapshot, Times};
use crate::keys::{FetchError, SharedData, Turn};
use crate::time::whole_seconds;

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
        let asked_at = self.fetching.as_ref()?.asked_at;
        let asked = (self.discovers(), asked_at);
        let read = fetch::read(&self.source, asked, outcome, now.wall);
        let stated = outcome.retry_after(now.wall);
        let now = now.mono;
        match read {
            Ok(Fetched::Endpoint(endpoint)) => {
                let fetching = self.fetching.as_mut()?;
                fetching.discovered = Some(endpoint);
                fetching.resumes_at = Some(now);
                None
            }
            Ok(Fetched::Keys(set, snapshot)) => Some(self.succeed(set, &snapshot, turn)),
            Ok(Fetched::NotModified(times)) => Some(self.revalidate(times, turn)),
            Err(why) => match &mut self.fetching {
                Some(fetching) if fetching.retries > 0 && stated.is_none() => {
                    fetching.retries = fetching.retries.saturating_sub(1);
                    fetching.discovered = None;
                    fetching.resumes_at = Some(now.plus(RETRY));
                    None
                }
                _ => Some(self.fail(why, stated, turn)),
            },
        }
    }

    pub(in crate::keys) fn handle_tick(&mut self, turn: &mut Turn<'_>) -> Option<(u32, Notice)> {
        let now = turn.now.mono;
        let lease = self.fetching.as_ref()?.lease;
        if !lease.is_overdue(now) {
            return None;
        }
        let notice = self.fail(FetchError::Overdue, None, turn);
        Some((lease.attempt, notice))
    }

    pub(in crate::keys) fn abandon(&mut self, attempt: u32, turn: &mut Turn<'_>) {
        let now = turn.now.mono;
        if self.leads(attempt) {
            self.fetching = None;
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
        let Some(Fetching { lease, .. }) = self.fetching.take() else {
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
            // What the VMs share is something else: this VM's keys are no news to the others.
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
        let whole = lease::backoff(self.failures.saturating_sub(1));
        // Up to a fifth less, for the sake of an issuer that comes back.
        let jitter = u32::try_from(self.jitter(now)).unwrap_or_default();
        let own = whole.saturating_sub(whole.saturating_mul(jitter) / 5000);
        let phase = stated.map_or(Phase::Failed, |_| Phase::Limited);
        // Never before it says so; up to a tenth later, as it says the same to all processes.
        let stated = stated.map(|wait| wait.saturating_add(wait.saturating_mul(jitter) / 10_000));
        let wait = stated.map_or(own, |stated| stated.max(own));
        self.retry_at = now.plus(wait);
        let uri = self.address();
        self.fetching = None;
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
        lease::change(shared, &self.record_key, 4, |held| {
            let mut record = held.and_then(Record::decode).unwrap_or_default();
            change(&mut record);
            Some(record.encode().to_vec())
        });
    }
}
