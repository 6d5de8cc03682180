//! Entries of directories that the VMs of a process share, and who of them asks.
//!
//! Some hosts' stores never shrink, so there is a fixed number of slots: an entry's slot follows from a keyed digest
//! of whom it is about, which no client can aim at, and the slot's value says in full whose it is. Another VM's bytes
//! are input: each is parsed again, and none may ask for more time than this VM would give. A slot that another
//! subject holds is simply taken; while somebody asks on its behalf, a VM goes on alone.

use std::rc::Rc;
use std::time::Duration;

use super::{Ask, Attributes};
use crate::expiring::{Digest, keyed_digest};
use crate::keys::{CommonSecret, SharedData, Swap, Turn, lease};
use crate::time::MonoTime;

/// The first byte of every value: what this version writes.
const LAYOUT: u8 = 2;
/// The longest value, in bytes: slots times this is all that the store can hold.
pub(super) const LONGEST: usize = 4096;
/// Layout, kind, digest, end, holder.
const HEAD: usize = 2 + 32 + 8 + 8;

/// One VM's view of the slots.
pub(super) struct Slots {
    /// How many there are.
    many: u64,
    secret: CommonSecret,
    /// Tells this VM's leases from others'.
    holder: u64,
}

/// Whose slot, and its key.
#[derive(Clone, Debug)]
pub(super) struct Place {
    key: String,
    digest: Digest,
}

/// What a slot says of a question.
#[derive(Debug, PartialEq)]
pub(super) enum Seen {
    /// Its answer, until then.
    Known(Rc<Attributes>, MonoTime),
    /// It could not be answered; until then it need not be asked.
    Failed(MonoTime),
    /// Another VM asks, and has until then.
    Asked(MonoTime),
    /// Its answer is too long for a slot.
    TooLong,
    /// Somebody asks on behalf of another subject with the same slot.
    Taken,
    /// Nothing that counts; the version that a lease must name.
    Free(Option<u32>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Answer,
    Failure,
    Lease,
    TooLong,
}

struct Record<'b> {
    kind: Kind,
    digest: Digest,
    until: MonoTime,
    holder: u64,
    body: &'b [u8],
}

impl<'b> Record<'b> {
    fn encode(&self) -> Vec<u8> {
        let kind = match self.kind {
            Kind::Answer => 1,
            Kind::Failure => 2,
            Kind::Lease => 3,
            Kind::TooLong => 4,
        };
        [
            &[LAYOUT, kind][..],
            &self.digest,
            &self.until.as_millis().to_le_bytes(),
            &self.holder.to_le_bytes(),
            self.body,
        ]
        .concat()
    }

    /// Reads a value; anything that is not one counts as absent.
    fn decode(bytes: &'b [u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<2>()?;
        let (digest, rest) = rest.split_first_chunk::<32>()?;
        let (until, rest) = rest.split_first_chunk::<8>()?;
        let (holder, body) = rest.split_first_chunk::<8>()?;
        let kind = match head {
            [LAYOUT, 1] => Kind::Answer,
            [LAYOUT, 2] => Kind::Failure,
            [LAYOUT, 3] => Kind::Lease,
            [LAYOUT, 4] => Kind::TooLong,
            _ => return None,
        };
        let sound = bytes.len() <= LONGEST && (kind == Kind::Answer || body.is_empty());
        sound.then(|| Self {
            kind,
            digest: *digest,
            until: MonoTime::from_millis(u64::from_le_bytes(*until)),
            holder: u64::from_le_bytes(*holder),
            body,
        })
    }
}

/// The longest times that a record may claim.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) answer: Duration,
    pub(super) failure: Duration,
    pub(super) lease: Duration,
}

impl Slots {
    pub(super) fn new(many: usize, own: [u8; 32]) -> Self {
        let [first, ..] = split(&keyed_digest(&own, &[b"holder"]));
        Self {
            many: u64::try_from(many).unwrap_or(1).max(1),
            secret: CommonSecret::new(own),
            holder: first,
        }
    }

    /// Where the answer to a question is, among all that are asked of this service; `None` where the host has no
    /// store.
    pub(super) fn place(
        &mut self,
        service: &Digest,
        ask: &Ask,
        shared: &mut dyn SharedData,
    ) -> Option<Place> {
        let secret = self.secret.agree(shared)?;
        let digest = ask.digest(service, &secret);
        let [first, ..] = split(&digest);
        let slot = first % self.many;
        Some(Place {
            key: format!("auth-filter/entries/v2/{slot}"),
            digest,
        })
    }

    /// What the slot says now.
    pub(super) fn look(&self, place: &Place, bounds: Bounds, turn: &mut Turn<'_>) -> Seen {
        let now = turn.now.mono;
        let Some(entry) = turn.shared.read(&place.key) else {
            return Seen::Free(None);
        };
        let free = Seen::Free(Some(entry.version));
        let Some(record) = Record::decode(&entry.value).filter(|record| now < record.until) else {
            return free;
        };
        let own = record.digest == place.digest;
        // A VM whose clock is another one, or a foreign hand, must not hold anything for long.
        let within = |most: Duration| record.until <= now.plus(most);
        match record.kind {
            Kind::Lease if !within(bounds.lease) || own && record.holder == self.holder => free,
            Kind::Lease if own => Seen::Asked(record.until),
            Kind::Lease => Seen::Taken,
            _ if !own => free,
            Kind::Answer if within(bounds.answer) => match Attributes::parse(record.body) {
                Some(entry) => Seen::Known(Rc::new(entry), record.until),
                None => free,
            },
            Kind::Failure if within(bounds.failure) => Seen::Failed(record.until),
            Kind::TooLong if within(bounds.answer) => Seen::TooLong,
            Kind::Answer | Kind::Failure | Kind::TooLong => free,
        }
    }

    /// Takes the lease: this VM asks, and the others wait for it until then.
    pub(super) fn lease(
        &self,
        place: &Place,
        version: Option<u32>,
        until: MonoTime,
        shared: &mut dyn SharedData,
    ) -> Swap {
        let lease = self.record(place, Kind::Lease, until, &[]);
        shared.swap(&place.key, &lease, version)
    }

    /// Tells the others the answer, or that there is none, where this VM still has the lease.
    pub(super) fn publish(
        &self,
        place: &Place,
        answer: Option<&Attributes>,
        until: MonoTime,
        shared: &mut dyn SharedData,
    ) {
        // Whoever was faster has the slot.
        lease::change(shared, &place.key, 1, |held| {
            let held = held.and_then(Record::decode);
            let mine = held.is_some_and(|record| {
                record.kind == Kind::Lease
                    && record.digest == place.digest
                    && record.holder == self.holder
            });
            mine.then(|| self.said(place, answer, until))
        });
    }

    fn said(&self, place: &Place, answer: Option<&Attributes>, until: MonoTime) -> Vec<u8> {
        let Some(answer) = answer else {
            return self.record(place, Kind::Failure, until, &[]);
        };
        match serde_json::to_vec(answer) {
            Ok(body) if body.len() <= LONGEST.saturating_sub(HEAD) => {
                self.record(place, Kind::Answer, until, &body)
            }
            _ => self.record(place, Kind::TooLong, until, &[]),
        }
    }

    fn record(&self, place: &Place, kind: Kind, until: MonoTime, body: &[u8]) -> Vec<u8> {
        let record = Record {
            kind,
            digest: place.digest,
            until,
            holder: self.holder,
            body,
        };
        record.encode()
    }
}

/// Secrets are not for logs.
impl std::fmt::Debug for Slots {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Slots").finish_non_exhaustive()
    }
}

/// A digest as numbers.
fn split(digest: &Digest) -> [u64; 4] {
    let mut numbers = [0; 4];
    let (chunks, _) = digest.as_chunks::<8>();
    for (number, chunk) in numbers.iter_mut().zip(chunks) {
        *number = u64::from_le_bytes(*chunk);
    }
    numbers
}
