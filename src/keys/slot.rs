//! One key set: a state machine over the set that was fetched, the fetch in flight, and what other VMs did.

mod answer;
mod fetching;
mod timing;
mod unknown;

use std::rc::Rc;

use sha2::{Digest as _, Sha256};

pub use self::unknown::{Finding, KeyIdDigest, Sought};

use self::unknown::Asked;
use super::kids::Kids;
use super::lease::{Attempts, GRACE, Lease};
use super::record::Record;
use super::snapshot::{Snapshot, Times};
use super::{Endpoint, KeySource, Turn};
use crate::callout::CalloutRequest;
use crate::jose::{Allowance, KeySet, KeySetLimits, SkippedKey};
use crate::text::{LONGEST_PATH_TOLD, cut, hex_text};
use crate::time::{MonoTime, whole_seconds};

/// All of a key set on which a request that waits for it depends: while it stays the same, so does what the request is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyState {
    ready: bool,
    changes: u64,
    fetched_at: Option<MonoTime>,
    failures: u32,
    failing: bool,
    may_refetch: bool,
}

/// A key set that cannot be had: the last fetch failed, and the next must wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// Seconds until the next attempt, at least 1.
    pub retry_after: u32,
}

#[derive(Debug)]
struct Held {
    set: Rc<KeySet>,
    /// The digest of the document that it was read from.
    document: [u8; 32],
    fetched_at: MonoTime,
    times: Times,
    etag: Option<String>,
    /// Tokens that it has verified.
    uses: u64,
}

/// A fetch that this VM makes.
#[derive(Clone, Debug)]
struct Fetching {
    /// Its callout, or its last one, and until when the others leave it to this VM.
    lease: Lease,
    /// When that went out.
    asked_at: MonoTime,
    /// When its next callout goes out, while none is under way.
    resumes_at: Option<MonoTime>,
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
    /// What all sets of the issuer may take of the VM.
    allowance: Allowance,
    /// The newest shared set that was looked at, good or not.
    seen: MonoTime,
    fetching: Option<Fetching>,
    attempts: Attempts,
    failures: u32,
    retry_at: MonoTime,
    /// The fetches that unknown key ids have caused, as far as this VM knows.
    kids: Kids,
    /// Whether those are its own: what is only tried out takes nothing from those who rely on it.
    keeps_kids: bool,
    asked: Asked,
    wanted: bool,
    /// The client whose request made the last fetch went away. Until then only a tick makes it again: clients
    /// that come and go must not buy a fetch each.
    orphaned_until: MonoTime,
    /// How many different sets there were.
    changes: u64,
}

impl Slot {
    pub(super) fn new(source: KeySource) -> Self {
        let mut hash = Sha256::new();
        hash.update(source.upstream.as_bytes());
        hash.update([0]);
        hash.update(source.uri().as_bytes());
        hash.update([0]);
        // One address may say where the keys of two issuers are that differ in a slash: who reads it for one has not
        // read it for the other.
        hash.update(source.issuer.as_deref().unwrap_or_default().as_bytes());
        // What is too large for one is not for another, who need not wait for its back-off.
        let KeySetLimits {
            max_bytes,
            max_keys,
        } = source.limits;
        hash.update(format!("\0{max_bytes} {max_keys}").as_bytes());
        let name = hex_text(&hash.finalize());
        let epoch = MonoTime::START;
        Self {
            source,
            record_key: format!("auth-filter/keys/v4/{name}/record"),
            snapshot_key: format!("auth-filter/keys/v4/{name}/set"),
            held: None,
            allowance: Allowance::new(),
            seen: epoch,
            fetching: None,
            attempts: Attempts::default(),
            failures: 0,
            retry_at: epoch,
            kids: Kids::default(),
            keeps_kids: false,
            asked: Asked::default(),
            wanted: false,
            orphaned_until: epoch,
            changes: 0,
        }
    }

    /// A number that is another one once the keys are others.
    pub(super) const fn changes(&self) -> u64 {
        self.changes
    }

    pub(super) fn source(&self) -> &KeySource {
        &self.source
    }

    pub(super) fn lookup(&self, now: MonoTime) -> Result<Option<&Rc<KeySet>>, Unavailable> {
        let schedule = &self.source.schedule;
        if let Some(held) = &self.held {
            let expires_at = held.fetched_at.plus(held.times.fresh_for);
            if now < expires_at || self.failures > 0 && now < expires_at.plus(schedule.stale_for) {
                return Ok(Some(&held.set));
            }
        }
        match self.failing(now) {
            Some(retry_after) => Err(Unavailable { retry_after }),
            None => Ok(None),
        }
    }

    pub(super) fn state(&self, now: MonoTime) -> KeyState {
        KeyState {
            ready: matches!(self.lookup(now), Ok(Some(_))),
            changes: self.changes,
            fetched_at: self.held.as_ref().map(|held| held.fetched_at),
            failures: self.failures,
            failing: self.failing(now).is_some(),
            may_refetch: self.may_refetch(now),
        }
    }

    /// Whether requests may wait for a fetch.
    fn is_awaited(&self, now: MonoTime) -> bool {
        self.wanted || !matches!(self.lookup(now), Ok(Some(_)))
    }

    pub(super) fn failing(&self, now: MonoTime) -> Option<u32> {
        let waiting = self.failures > 0 && now < self.retry_at;
        waiting.then(|| whole_seconds(self.retry_at.since(now)))
    }

    /// Whether a fetch may still bring a key that the set lacks: one is under way, or may start.
    pub(super) fn may_refetch(&self, now: MonoTime) -> bool {
        self.is_fetching()
            || now < self.orphaned_until
            || self.failing(now).is_none() && self.kids.are_left(self.cooldown(), now)
    }

    /// Has unknown key ids cause no fetch that another VM's would have to do without.
    pub(super) const fn keep_kids(&mut self) {
        self.keeps_kids = true;
    }

    pub(super) fn want_refetch(&mut self) {
        self.wanted = true;
    }

    /// Keys that verified a signature, and were found out then.
    pub(super) fn take_found_out(&self) -> Vec<SkippedKey> {
        let held = self.held.as_ref();
        held.map(|held| held.set.take_found_out())
            .unwrap_or_default()
    }

    /// What the fetch under way asks, for people.
    fn address(&self) -> String {
        let fetching = self.fetching.as_ref();
        let discovered = fetching.and_then(|fetching| fetching.discovered.as_ref());
        let source = self.source.uri();
        match discovered.map(Endpoint::uri) {
            Some(keys) => format!(
                "{}, the jwks_uri of {source}",
                cut(&keys, LONGEST_PATH_TOLD)
            ),
            None => source,
        }
    }

    pub(super) fn request(&self, attempt: u32) -> Option<CalloutRequest<'_>> {
        let fetching = self.fetching.as_ref();
        let fetching = fetching.filter(|fetching| fetching.lease.attempt == attempt)?;
        let held = self.held.as_ref().filter(|_| !self.discovers());
        let endpoint = fetching
            .discovered
            .as_ref()
            .unwrap_or(&self.source.endpoint);
        let etag = held.and_then(|held| held.etag.clone());
        Some(CalloutRequest {
            upstream: &self.source.upstream,
            method: "GET",
            scheme: endpoint.scheme,
            authority: &endpoint.authority,
            path: endpoint.path.clone(),
            headers: etag
                .map(|etag| ("if-none-match", etag))
                .into_iter()
                .collect(),
            body: None,
            timeout: self.source.schedule.timeout,
        })
    }

    pub(super) fn count_use(&mut self) {
        if let Some(held) = &mut self.held {
            held.uses = held.uses.saturating_add(1);
        }
    }

    /// Whether the fetch under way is for the OpenID configuration.
    fn discovers(&self) -> bool {
        self.source.issuer.is_some()
            && self
                .fetching
                .as_ref()
                .is_none_or(|fetching| fetching.discovered.is_none())
    }

    /// Takes over a newer shared set. Another VM's bytes are parsed like an issuer's.
    fn import(&mut self, record: Record, turn: &mut Turn<'_>) {
        let now = turn.now.mono;
        if record.fetched_at <= self.seen || record.fetched_at > now.plus(GRACE) {
            return;
        }
        self.seen = record.fetched_at;
        let Some(entry) = turn.shared.read(&self.snapshot_key) else {
            return;
        };
        let Some(snapshot) = Snapshot::decode(&entry.value) else {
            return;
        };
        if let Ok(set) = self.source.read(snapshot.body) {
            self.hold(set, &snapshot, record.fetched_at);
        }
    }

    fn hold(&mut self, set: KeySet, snapshot: &Snapshot<'_>, fetched_at: MonoTime) {
        let document: [u8; 32] = Sha256::digest(snapshot.body).into();
        let times = snapshot.times;
        // Of the same document the set stays, with all that was verified by it.
        let same = self.held.take().filter(|held| held.document == document);
        let set = same.map_or_else(
            || {
                self.changes = self.changes.saturating_add(1);
                self.asked = Asked::default();
                Rc::new(set.with_allowance(&self.allowance))
            },
            |held| held.set,
        );
        self.keep(Held {
            set,
            document,
            fetched_at,
            times: Times {
                // Another configuration's VM may have allowed more.
                fresh_for: times.fresh_for.min(self.source.schedule.cache_duration),
                asked_at: times.asked_at.min(fetched_at),
                made_at: times.made_at,
            },
            etag: snapshot.etag.clone(),
            uses: 0,
        });
    }

    fn keep(&mut self, held: Held) {
        let fetched_at = held.fetched_at;
        self.held = Some(held);
        self.seen = fetched_at;
        self.fetching = None;
        self.orphaned_until = MonoTime::START;
        self.failures = 0;
        self.retry_at = MonoTime::START;
        self.wanted = false;
    }
}
