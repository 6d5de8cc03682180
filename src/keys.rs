//! The key sets of issuers: when to fetch, keep, serve stale, back off and discard them.
//!
//! Nothing here performs a callout or reads a clock. [`KeyStore::poll_fetch`] says what must go out,
//! [`KeyStore::handle_fetched`] takes what came back, and the VMs of one process agree through
//! [`SharedData`]: one of them holds the lease and fetches, the others import the result.

mod discovery;
mod endpoint;
mod error;
mod fetch;
mod freshness;
mod kids;
pub mod lease;
mod record;
mod shared;
mod slot;
mod snapshot;

use std::rc::Rc;

pub use self::discovery::WELL_KNOWN;
pub use self::endpoint::Endpoint;
pub use self::error::{DiscoveryError, FetchError};
pub use self::fetch::{Notice, Schedule};
pub use self::shared::{CommonSecret, Entry, NoStore, Seal, SharedData, Swap, Turn};
pub use self::slot::{Finding, KeyIdDigest, KeyState, Sought, Unavailable};

use self::slot::Slot;
use crate::callout::{CalloutOutcome, CalloutRequest, Leader};
use crate::jose::{KeySet, KeySetError, KeySetLimits, Thumbprint};
use crate::time::MonoTime;

/// A key set's place among those that are fetched: providers of one issuer share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeySourceId(pub u16);

/// Where one key set is fetched, which of its keys are trusted, and how long it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySource {
    /// The host's name for where the callout goes.
    pub upstream: String,
    /// The key set, or the issuer's OpenID configuration that says where it is.
    pub endpoint: Endpoint,
    /// The issuer whose OpenID configuration this is.
    pub issuer: Option<String>,
    /// The only keys that are trusted; all where there is no such list.
    pub pins: Option<Box<[Thumbprint]>>,
    /// How large a set may be.
    pub limits: KeySetLimits,
    /// How long the filter uses the key set, and when it fetches the next.
    pub schedule: Schedule,
}

impl KeySource {
    /// The URI that is fetched.
    #[must_use]
    pub fn uri(&self) -> String {
        self.endpoint.uri()
    }

    /// Reads what was fetched from here, by this VM or by another.
    ///
    /// # Errors
    /// What [`KeySet::parse`] refuses.
    pub fn read(&self, body: &[u8]) -> Result<KeySet, KeySetError> {
        match &self.pins {
            Some(pins) => KeySet::parse_pinned(body, &self.limits, pins),
            None => KeySet::parse(body, &self.limits),
        }
    }
}

/// A fetch that must go out. Its number tells its answer from the late answer of an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// The key set that must be fetched.
    pub source: KeySourceId,
    /// Which attempt this is.
    pub attempt: u32,
}

/// The key sets of one VM.
#[derive(Debug)]
pub struct KeyStore {
    slots: Vec<Slot>,
}

impl KeyStore {
    /// A store that holds no keys yet.
    #[must_use]
    pub fn new(sources: impl IntoIterator<Item = KeySource>) -> Self {
        Self {
            slots: sources.into_iter().map(Slot::new).collect(),
        }
    }

    /// The same in a VM that only tries a configuration out: unknown key ids cause no fetch that others would have to do
    /// without.
    #[must_use]
    pub fn apart(mut self) -> Self {
        self.slots.iter_mut().for_each(Slot::keep_kids);
        self
    }

    /// The source's own description.
    #[must_use]
    pub fn source(&self, id: KeySourceId) -> Option<&KeySource> {
        self.slot(id).map(Slot::source)
    }

    /// The keys to verify with at this time; `None` while a fetch is due or under way.
    ///
    /// # Errors
    /// [`Unavailable`] where the last fetch failed and the next must wait.
    pub fn lookup(
        &self,
        id: KeySourceId,
        now: MonoTime,
    ) -> Result<Option<&Rc<KeySet>>, Unavailable> {
        let slot = self.slot(id).ok_or(Unavailable { retry_after: 1 })?;
        slot.lookup(now)
    }

    /// What requests that wait for a key set depend on; `None` for a set that the policy does not have.
    #[must_use]
    pub fn state(&self, id: KeySourceId, now: MonoTime) -> Option<KeyState> {
        self.slot(id).map(|slot| slot.state(now))
    }

    /// What is known of a key that the set lacks.
    #[must_use]
    pub fn seek(&self, id: KeySourceId, sought: &Sought<'_>, now: MonoTime) -> Finding {
        self.slot(id)
            .map_or(Finding::Later(1), |slot| slot.seek(sought, now))
    }

    /// A number that is another one once any of the key sets is.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.slots.iter().map(Slot::changes).sum()
    }

    /// What must be sent for a fetch; `None` for one that nobody waits for any more.
    #[must_use]
    pub fn request(&self, fetch: Fetch) -> Option<CalloutRequest<'_>> {
        self.slot(fetch.source)?.request(fetch.attempt)
    }

    /// How much of the answer to a fetch is read, in bytes: what the set may have, or the document that leads to it.
    #[must_use]
    pub fn longest_answer(&self, fetch: Fetch) -> usize {
        let set = self
            .source(fetch.source)
            .map_or(0, |source| source.limits.max_bytes);
        set.max(discovery::MAX_BYTES)
    }

    /// Counts a token that one of the set's keys has verified.
    pub fn count_use(&mut self, id: KeySourceId) {
        if let Some(slot) = self.slot_mut(id) {
            slot.count_use();
        }
    }

    /// Notes that the issuer does not have a key that [`Self::seek`] found to be [`Finding::Absent`].
    pub fn note_absent(&mut self, id: KeySourceId, key: KeyIdDigest) {
        if let Some(slot) = self.slot_mut(id) {
            slot.note_absent(key);
        }
    }

    /// Asks for a fetch because of an unknown key id.
    pub fn want_refetch(&mut self, id: KeySourceId) {
        if let Some(slot) = self.slot_mut(id) {
            slot.want_refetch();
        }
    }

    /// The next fetch that this VM must make; takes the lease for it. Also imports what other VMs fetched:
    /// look again with [`Self::lookup`] after it.
    pub fn poll_fetch(&mut self, leader: Leader, turn: &mut Turn<'_>) -> Option<Fetch> {
        (0_u16..).zip(&mut self.slots).find_map(|(index, slot)| {
            let attempt = slot.poll(leader, turn)?;
            Some(Fetch {
                source: KeySourceId(index),
                attempt,
            })
        })
    }

    /// The same for one key set.
    pub fn poll_fetch_of(
        &mut self,
        source: KeySourceId,
        leader: Leader,
        turn: &mut Turn<'_>,
    ) -> Option<Fetch> {
        let attempt = self.slot_mut(source)?.poll(leader, turn)?;
        Some(Fetch { source, attempt })
    }

    /// Takes in what another VM has fetched.
    pub fn import(&mut self, source: KeySourceId, turn: &mut Turn<'_>) {
        if let Some(slot) = self.slot_mut(source) {
            slot.look(turn);
        }
    }

    /// The fetch that a request makes for itself, because nobody can wake it when another's has its answer: the one under
    /// way once more, or a new one without asking the other VMs. `None` while none is due.
    pub fn join(&mut self, source: KeySourceId, turn: &mut Turn<'_>) -> Option<Fetch> {
        let attempt = self.slot_mut(source)?.join(turn)?;
        Some(Fetch { source, attempt })
    }

    /// Takes the answer to a fetch. An answer that nobody waits for any more is dropped.
    pub fn handle_fetched(
        &mut self,
        fetch: Fetch,
        outcome: CalloutOutcome<'_>,
        turn: &mut Turn<'_>,
    ) -> Option<Notice> {
        self.slot_mut(fetch.source)?
            .handle_fetched(fetch.attempt, outcome, turn)
    }

    /// How many fetches are under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.slots.iter().filter(|slot| slot.is_fetching()).count()
    }

    /// Ends fetches whose answer is overdue: a host may never call back.
    pub fn handle_tick(&mut self, turn: &mut Turn<'_>) -> Vec<(Fetch, Notice)> {
        (0_u16..)
            .zip(&mut self.slots)
            .filter_map(|(index, slot)| {
                let (attempt, notice) = slot.handle_tick(turn)?;
                let source = KeySourceId(index);
                Some((Fetch { source, attempt }, notice))
            })
            .collect()
    }

    /// The keys that verified a signature since the last time, and turned out to be no better than no key.
    pub fn take_found_out(&self) -> impl Iterator<Item = (KeySourceId, Notice)> {
        let found_out = |slot: &Slot| slot.take_found_out();
        (0_u16..).zip(&self.slots).flat_map(move |(index, slot)| {
            let keys = found_out(slot).into_iter();
            keys.map(move |key| (KeySourceId(index), Notice::FoundOut(key)))
        })
    }

    /// Gives all leases back: the configuration is gone, and with it whatever it has under way.
    pub fn release(&mut self, turn: &mut Turn<'_>) {
        for slot in &mut self.slots {
            slot.release(turn);
        }
    }

    /// Gives the lease back: whoever made this fetch is gone, and its answer will not come.
    pub fn abandon(&mut self, fetch: Fetch, turn: &mut Turn<'_>) {
        if let Some(slot) = self.slot_mut(fetch.source) {
            slot.abandon(fetch.attempt, turn);
        }
    }

    fn slot(&self, id: KeySourceId) -> Option<&Slot> {
        self.slots.get(usize::from(id.0))
    }

    fn slot_mut(&mut self, id: KeySourceId) -> Option<&mut Slot> {
        self.slots.get_mut(usize::from(id.0))
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
