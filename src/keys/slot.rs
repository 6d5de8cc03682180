//! One key set: a state machine over what was fetched, what goes on, and what other VMs did.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use super::fetch::{self, FetchOutcome, FetchRequest, Fetched, Leader, Notice};
use super::record::{Phase, Record};
use super::snapshot::Snapshot;
use super::{Endpoint, KeySource, Schedule, SharedData, Swap};
use crate::jose::KeySet;
use crate::text::hex_text;
use crate::time::UnixTime;

/// How much longer than its timeout a callout is waited for, before its lease can be taken by another.
const GRACE: Duration = Duration::from_secs(1);
/// The wait after the first failure; each further one doubles it.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The wait before a fetch makes its next callout after one without a good answer.
const RETRY: Duration = Duration::from_millis(200);
/// The longest wait between attempts, so that an issuer that comes back is noticed.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// What is known of a key set.
#[derive(Clone, Copy, Debug)]
pub enum Lookup<'k> {
    /// A fetch is due or under way.
    Pending,
    /// Keys to verify with.
    Ready(&'k KeySet),
    /// The last fetch failed and the next must wait so many seconds.
    Unavailable {
        /// Seconds until the next attempt, at least 1.
        retry_after: u32,
    },
}

#[derive(Debug)]
struct Held {
    set: Rc<KeySet>,
    fetched_at: UnixTime,
    fresh_for: Duration,
    etag: Option<String>,
    /// Tokens that it has verified.
    uses: Cell<u64>,
}

/// A fetch that this VM makes, and until when the others leave it to it.
#[derive(Clone, Debug)]
struct Lease {
    attempt: u32,
    until: UnixTime,
    /// When its next callout goes out, while none is under way.
    resumes_at: Option<UnixTime>,
    retries: u8,
    /// Where the OpenID configuration said that the keys are.
    discovered: Option<Endpoint>,
}

/// One key set of one VM.
#[derive(Debug)]
pub(super) struct Slot {
    source: KeySource,
    record_key: String,
    snapshot_key: String,
    held: Option<Held>,
    /// The newest shared set that was looked at, good or not.
    seen: UnixTime,
    lease: Option<Lease>,
    attempts: u32,
    failures: u32,
    retry_at: UnixTime,
    refetched_at: UnixTime,
    wanted: bool,
    /// The client whose request made the last fetch went away. Until then only a tick makes it again: clients
    /// that come and go must not buy a fetch each.
    orphaned_until: UnixTime,
}

impl Slot {
    pub(super) fn new(source: KeySource) -> Self {
        use sha2::{Digest, Sha256};
        let mut hash = Sha256::new();
        hash.update(source.upstream.as_bytes());
        hash.update([0]);
        hash.update(source.uri().as_bytes());
        let name = hex_text(&hash.finalize());
        let epoch = UnixTime::from_millis(0);
        Self {
            source,
            record_key: format!("auth-filter/keys/v2/{name}/record"),
            snapshot_key: format!("auth-filter/keys/v2/{name}/set"),
            held: None,
            seen: epoch,
            lease: None,
            attempts: 0,
            failures: 0,
            retry_at: epoch,
            refetched_at: epoch,
            wanted: false,
            orphaned_until: epoch,
        }
    }

    pub(super) fn source(&self) -> &KeySource {
        &self.source
    }

    pub(super) fn lookup(&self, now: UnixTime) -> Lookup<'_> {
        let schedule = &self.source.schedule;
        if let Some(held) = &self.held {
            let expires_at = held.fetched_at.plus(held.fresh_for);
            if now < expires_at || self.failures > 0 && now < expires_at.plus(schedule.stale_for) {
                return Lookup::Ready(&held.set);
            }
        }
        self.failing(now)
            .map_or(Lookup::Pending, |retry_after| Lookup::Unavailable {
                retry_after,
            })
    }

    pub(super) fn failing(&self, now: UnixTime) -> Option<u32> {
        let waiting = self.failures > 0 && now < self.retry_at;
        waiting.then(|| whole_seconds(self.retry_at.since(now)))
    }

    /// Whether a fetch may still bring a key that the set lacks: one is under way, or may start.
    pub(super) fn may_refetch(&self, now: UnixTime) -> bool {
        self.is_fetching()
            || now < self.orphaned_until
            || self.failing(now).is_none() && self.cooled_down(self.refetched_at, now)
    }

    pub(super) fn want_refetch(&mut self) {
        self.wanted = true;
    }

    pub(super) fn request(&self, attempt: u32) -> Option<FetchRequest<'_>> {
        let lease = self
            .lease
            .as_ref()
            .filter(|lease| lease.attempt == attempt)?;
        let held = self.held.as_ref().filter(|_| !self.discovers());
        Some(FetchRequest {
            upstream: &self.source.upstream,
            endpoint: lease.discovered.as_ref().unwrap_or(&self.source.endpoint),
            etag: held.and_then(|held| held.etag.as_deref()),
            timeout: self.source.schedule.timeout,
        })
    }

    pub(super) fn count_use(&self) {
        if let Some(held) = &self.held {
            held.uses.set(held.uses.get().saturating_add(1));
        }
    }

    /// Whether the fetch under way is for the OpenID configuration.
    fn discovers(&self) -> bool {
        self.source.issuer.is_some()
            && self
                .lease
                .as_ref()
                .is_none_or(|lease| lease.discovered.is_none())
    }

    /// The next callout of the fetch under way, when its time has come.
    fn resume(
        &mut self,
        leader: Leader,
        shared: &mut dyn SharedData,
        now: UnixTime,
    ) -> Option<u32> {
        let lease = self.lease.as_mut()?;
        // The tick is due at once; where nobody ticks, a request waits for it and then goes on without.
        let patience = match leader {
            Leader::Tick => Duration::ZERO,
            Leader::Request => GRACE,
        };
        lease.resumes_at.filter(|at| now >= at.plus(patience))?;
        self.attempts = self.attempts.wrapping_add(1);
        lease.attempt = self.attempts;
        lease.resumes_at = None;
        let until = now.plus(self.source.schedule.timeout).plus(GRACE);
        lease.until = until;
        self.publish(shared, |record| {
            record.phase = Phase::Fetching;
            record.until = until;
        });
        Some(self.attempts)
    }

    /// Takes in what other VMs did; the number of the attempt where this VM must fetch.
    pub(super) fn poll(
        &mut self,
        leader: Leader,
        shared: &mut dyn SharedData,
        now: UnixTime,
    ) -> Option<u32> {
        if self.is_fetching() {
            return self.resume(leader, shared, now);
        }
        // The tick looks in any case: what another VM has fetched may lack a key that is gone.
        if leader == Leader::Request && !self.is_due(now) {
            return None;
        }
        let entry = shared.read(&self.record_key);
        let record = entry
            .as_ref()
            .and_then(|entry| Record::decode(&entry.value))
            .filter(|record| record.until <= now.plus(self.longest_wait()))
            .unwrap_or_default();
        self.import(record, shared, now);
        if !self.is_due(now) {
            return None;
        }
        let in_force = now < record.until;
        if record.phase == Phase::Failed && in_force {
            self.adopt_failure(record);
            return None;
        }
        let orphaned = now < self.orphaned_until || record.phase == Phase::Orphaned && in_force;
        if record.phase == Phase::Fetching && in_force || orphaned && leader == Leader::Request {
            return None;
        }
        let refetches = self.wanted && !self.is_stale(now);
        if refetches && !orphaned && !self.cooled_down(record.refetched_at, now) {
            self.refetched_at = record.refetched_at;
            self.wanted = false;
            return None;
        }
        let until = now.plus(self.source.schedule.timeout).plus(GRACE);
        let refetched_at = if refetches { now } else { record.refetched_at };
        let taken = Record {
            phase: Phase::Fetching,
            until,
            refetched_at,
            ..record
        };
        if shared.swap(
            &self.record_key,
            &taken.encode(),
            entry.map(|entry| entry.version),
        ) == Swap::Lost
        {
            return None;
        }
        self.refetched_at = refetched_at;
        self.orphaned_until = UnixTime::from_millis(0);
        self.attempts = self.attempts.wrapping_add(1);
        self.lease = Some(Lease {
            attempt: self.attempts,
            until,
            resumes_at: None,
            retries: self.source.schedule.retry,
            discovered: None,
        });
        Some(self.attempts)
    }

    pub(super) fn handle_fetched(
        &mut self,
        attempt: u32,
        outcome: FetchOutcome<'_>,
        shared: &mut dyn SharedData,
        now: UnixTime,
    ) -> Option<Notice> {
        if !self.leads(attempt) {
            return None;
        }
        match fetch::read(&self.source, self.discovers(), outcome, now) {
            Ok(Fetched::Endpoint(endpoint)) => {
                let lease = self.lease.as_mut()?;
                lease.discovered = Some(endpoint);
                lease.resumes_at = Some(now);
                None
            }
            Ok(Fetched::Keys(set, snapshot)) => Some(self.succeed(set, &snapshot, shared, now)),
            Ok(Fetched::NotModified(fresh_for)) => Some(self.revalidate(fresh_for, shared, now)),
            Err(why) => match &mut self.lease {
                Some(lease) if lease.retries > 0 => {
                    lease.retries = lease.retries.saturating_sub(1);
                    lease.discovered = None;
                    lease.resumes_at = Some(now.plus(RETRY));
                    None
                }
                _ => Some(self.fail(why, shared, now)),
            },
        }
    }

    pub(super) fn handle_tick(
        &mut self,
        shared: &mut dyn SharedData,
        now: UnixTime,
    ) -> Option<(u32, Notice)> {
        let attempt = self
            .lease
            .as_ref()
            .filter(|lease| now >= lease.until)?
            .attempt;
        let notice = self.fail("no answer in time".to_owned(), shared, now);
        Some((attempt, notice))
    }

    pub(super) fn abandon(&mut self, attempt: u32, shared: &mut dyn SharedData, now: UnixTime) {
        if self.leads(attempt) {
            self.lease = None;
            let until = now.plus(GRACE);
            self.orphaned_until = until;
            self.publish(shared, |record| {
                record.phase = Phase::Orphaned;
                record.until = until;
            });
        }
    }

    pub(super) fn is_fetching(&self) -> bool {
        self.lease.is_some()
    }

    fn leads(&self, attempt: u32) -> bool {
        self.lease
            .as_ref()
            .is_some_and(|lease| lease.attempt == attempt && lease.resumes_at.is_none())
    }

    /// Whether something should be fetched, were this the only VM.
    fn is_due(&self, now: UnixTime) -> bool {
        !self.is_fetching() && now >= self.retry_at && (self.is_stale(now) || self.wanted)
    }

    /// Whether the set is missing or old enough to be fetched again; it may serve all the while.
    fn is_stale(&self, now: UnixTime) -> bool {
        let schedule = &self.source.schedule;
        self.held.as_ref().is_none_or(|held| {
            let used_up = schedule
                .cache_usages
                .is_some_and(|most| held.uses.get() >= most);
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
            held.fresh_for.as_millis().saturating_mul(part.as_millis()) / of.as_millis().max(1)
        };
        let whole = share(refresh_after, cache_duration);
        let less = whole.saturating_mul(self.lot(held.fetched_at)) / 10_000;
        Duration::from_millis(u64::try_from(whole.saturating_sub(less)).unwrap_or(u64::MAX))
    }

    /// A number from 0 to 1000 that nobody chose, the same for the same time: the host offers no randomness that
    /// every host has, and a hash spreads as well.
    fn lot(&self, at: UnixTime) -> u128 {
        use sha2::{Digest, Sha256};
        let mut hash = Sha256::new();
        hash.update(self.record_key.as_bytes());
        hash.update(at.as_millis().to_le_bytes());
        let [first, second, ..] = <[u8; 32]>::from(hash.finalize());
        u128::from(u16::from_le_bytes([first, second])) * 1000 / u128::from(u16::MAX)
    }

    /// No record may ask for more: a clock that went back, or a foreign hand, would stop all fetches.
    fn longest_wait(&self) -> Duration {
        let lease = self.source.schedule.timeout.saturating_add(GRACE);
        lease.max(LONGEST_BACKOFF)
    }

    fn cooled_down(&self, refetched_at: UnixTime, now: UnixTime) -> bool {
        now >= refetched_at.plus(self.source.schedule.unknown_kid_cooldown)
    }

    /// Takes over a newer shared set. Another VM's bytes are parsed like an issuer's.
    fn import(&mut self, record: Record, shared: &mut dyn SharedData, now: UnixTime) {
        if record.fetched_at <= self.seen || record.fetched_at > now.plus(GRACE) {
            return;
        }
        self.seen = record.fetched_at;
        let Some(entry) = shared.read(&self.snapshot_key) else {
            return;
        };
        let Some(snapshot) = Snapshot::decode(&entry.value) else {
            return;
        };
        if let Ok(set) = self.source.read(snapshot.body) {
            self.hold(set, &snapshot, record.fetched_at);
        }
    }

    fn hold(&mut self, set: KeySet, snapshot: &Snapshot<'_>, fetched_at: UnixTime) {
        self.keep(Held {
            set: Rc::new(set),
            fetched_at,
            // Another configuration's VM may have allowed more.
            fresh_for: snapshot.fresh_for.min(self.source.schedule.cache_duration),
            etag: snapshot.etag.clone(),
            uses: Cell::new(0),
        });
    }

    fn keep(&mut self, held: Held) {
        let fetched_at = held.fetched_at;
        self.held = Some(held);
        self.seen = fetched_at;
        self.lease = None;
        self.orphaned_until = UnixTime::from_millis(0);
        self.failures = 0;
        self.retry_at = UnixTime::from_millis(0);
        self.wanted = false;
    }

    fn adopt_failure(&mut self, record: Record) {
        self.lease = None;
        self.orphaned_until = UnixTime::from_millis(0);
        self.failures = record.failures.max(1);
        self.retry_at = record.until;
        self.wanted = false;
    }

    fn succeed(
        &mut self,
        set: KeySet,
        snapshot: &Snapshot<'_>,
        shared: &mut dyn SharedData,
        now: UnixTime,
    ) -> Notice {
        let (skipped, not_pinned) = (set.skipped().len(), set.not_pinned());
        self.hold(set, snapshot, now);
        let seen = shared.read(&self.snapshot_key).map(|entry| entry.version);
        // A set that another VM wrote meanwhile is as good.
        let _ = shared.swap(&self.snapshot_key, &snapshot.encode(), seen);
        self.publish_success(shared, now);
        Notice::Fetched {
            skipped,
            not_pinned,
        }
    }

    /// The issuer says that its keys are the same: they begin anew, here and for the others.
    fn revalidate(
        &mut self,
        fresh_for: Duration,
        shared: &mut dyn SharedData,
        now: UnixTime,
    ) -> Notice {
        let Some(held) = self.held.take() else {
            return self.fail("status 304 without a question".to_owned(), shared, now);
        };
        let entry = shared.read(&self.snapshot_key);
        if let Some(entry) = &entry
            && let Some(snapshot) = Snapshot::decode(&entry.value)
            && snapshot.etag == held.etag
        {
            let snapshot = Snapshot {
                fresh_for,
                ..snapshot
            };
            let _ = shared.swap(&self.snapshot_key, &snapshot.encode(), Some(entry.version));
            self.publish_success(shared, now);
        } else {
            // What is shared is something else: this VM's keys are no news to the others.
            self.publish(shared, |record| record.phase = Phase::Idle);
        }
        self.keep(Held {
            fetched_at: now,
            fresh_for,
            uses: Cell::new(0),
            ..held
        });
        Notice::NotModified
    }

    fn publish_success(&self, shared: &mut dyn SharedData, now: UnixTime) {
        self.publish(shared, |record| {
            *record = Record {
                phase: Phase::Idle,
                failures: 0,
                until: now,
                fetched_at: now,
                ..*record
            };
        });
    }

    fn fail(&mut self, why: String, shared: &mut dyn SharedData, now: UnixTime) -> Notice {
        self.failures = self.failures.saturating_add(1);
        let doublings = self.failures.saturating_sub(1).min(16);
        let whole = FIRST_BACKOFF
            .saturating_mul(1 << doublings)
            .min(LONGEST_BACKOFF);
        // Up to a fifth less, for the sake of an issuer that comes back.
        let lot = u32::try_from(self.lot(now)).unwrap_or_default();
        let wait = whole.saturating_sub(whole.saturating_mul(lot) / 5000);
        self.retry_at = now.plus(wait);
        self.lease = None;
        self.wanted = false;
        let (failures, until) = (self.failures, self.retry_at);
        self.publish(shared, |record| {
            *record = Record {
                phase: Phase::Failed,
                failures,
                until,
                ..*record
            }
        });
        Notice::Failed {
            why,
            retry_after: whole_seconds(wait),
        }
    }

    /// Changes the shared record, whoever wrote to it meanwhile.
    fn publish(&self, shared: &mut dyn SharedData, change: impl Fn(&mut Record)) {
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

/// Whole seconds, rounded up, at least 1: what `Retry-After` can say.
fn whole_seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1000))
        .unwrap_or(u32::MAX)
        .max(1)
}
