//! Which proofs came before: in the store that the VMs of a process share, or in the VM's own where there is none.
//!
//! Both are buckets of a fixed number and size, so that nothing that comes makes them grow. A proof's bucket follows from
//! a keyed digest, which no client can aim at; a part of the digest and the proof's end are what is kept of it. A proof has ended
//! once the wall clock is past its date and its time has passed: a clock that is put forward and back makes none count anew. A bucket
//! that is full of proofs that still count takes no other one: forgetting one would let it be used again.

use std::time::Duration;

use crate::expiring::keyed_digest;
use crate::keys::{CommonSecret, Entry, SharedData, Swap, Turn};
use crate::time::{Now, UnixTime};

/// The first byte of every bucket: what this version writes.
const LAYOUT: u8 = 2;
/// How many buckets there are.
const BUCKETS: u16 = 4096;
/// How many proofs are in one at the most.
const ROOM: usize = 128;
/// Five bytes of the digest, and the second of the end by each clock. That two of a bucket have the same five by chance
/// refuses one good proof in billions.
const RECORD: usize = 12;
/// Seconds of the monotonic clock are kept modulo this; half of it is 97 days.
const WRAPS: u32 = 1 << 24;
/// How often somebody else may write first.
const TRIES: usize = 16;

/// The proofs that one VM knows of.
#[derive(Debug)]
pub struct Replays {
    secret: CommonSecret,
    own: Own,
}

impl Replays {
    /// A VM's view, with its own secret.
    #[must_use]
    pub const fn new(secret: [u8; 32]) -> Self {
        Self {
            secret: CommonSecret::new(secret),
            own: Own(Vec::new()),
        }
    }

    /// Takes a proof in that counts until then, by its key and its `jti`.
    ///
    /// # Errors
    /// [`ReplayError`], whose two cases these are.
    pub fn admit(
        &mut self,
        (key, id): (&str, &str),
        until: UnixTime,
        turn: &mut Turn<'_>,
    ) -> Result<(), ReplayError> {
        let now = turn.now;
        let Self { secret, own } = self;
        let proof = |secret| {
            let digest = keyed_digest(&secret, &[b"proof", key.as_bytes(), id.as_bytes()]);
            Proof::new(&digest, until, now)
        };
        let entered = secret
            .agree(turn.shared)
            .map_or(Entered::Nowhere, |common| {
                proof(common).enter(turn.shared, now)
            });
        match entered {
            Entered::Nowhere => proof(secret.own()).enter(own, now).into(),
            entered => entered.into(),
        }
    }
}

/// Why a proof is not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayError {
    /// It was taken in before.
    Replayed,
    /// So many proofs came that no more can be told from those that come again.
    NoRoom,
}

/// What became of a proof at a store.
enum Entered {
    Before,
    New,
    /// There is no store.
    Nowhere,
    NoRoom,
}

impl From<Entered> for Result<(), ReplayError> {
    fn from(entered: Entered) -> Self {
        match entered {
            Entered::New => Ok(()),
            Entered::Before => Err(ReplayError::Replayed),
            Entered::NoRoom | Entered::Nowhere => Err(ReplayError::NoRoom),
        }
    }
}

/// A proof as it is kept.
struct Proof {
    bucket: String,
    record: [u8; RECORD],
}

impl Proof {
    fn new(digest: &[u8; 32], until: UnixTime, now: Now) -> Self {
        let [low, high, digest @ ..] = digest;
        let bucket = u16::from_le_bytes([*low, *high]) % BUCKETS;
        let mut record = [0; RECORD];
        let whole = Duration::from_millis(999);
        let date = second(until.plus(whole).as_secs());
        let lasts = until.since(now.wall).saturating_add(whole);
        let [_, end @ ..] = second(now.mono.plus(lasts).as_secs() % u64::from(WRAPS)).to_be_bytes();
        let ends = date.to_be_bytes().into_iter().chain(end);
        let bytes = digest.iter().take(5).copied().chain(ends);
        for (place, byte) in record.iter_mut().zip(bytes) {
            *place = byte;
        }
        Self {
            bucket: format!("auth-filter/proofs/v2/{bucket}"),
            record,
        }
    }

    /// Adds the proof to its bucket, in place of those that no longer count.
    fn enter(&self, store: &mut dyn SharedData, now: Now) -> Entered {
        for _ in 0..TRIES {
            let held = store.read(&self.bucket);
            let (version, value) = match &held {
                Some(entry) => (Some(entry.version), entry.value.as_slice()),
                None => (None, &[][..]),
            };
            let value = match self.beside(value, now) {
                Ok(value) => value,
                Err(entered) => return entered,
            };
            match store.swap(&self.bucket, &value, version) {
                Swap::Done => return Entered::New,
                Swap::Lost => {}
                Swap::Unavailable => return Entered::Nowhere,
            }
        }
        Entered::NoRoom
    }

    /// The bucket with this proof and those in it that still count; what is no bucket counts as an empty one.
    fn beside(&self, bucket: &[u8], now: Now) -> Result<Vec<u8>, Entered> {
        let records = bucket.strip_prefix(&[LAYOUT]).unwrap_or_default();
        let mut value = vec![LAYOUT];
        for record in records.as_chunks::<RECORD>().0 {
            let [digest @ .., a, b, c, d, e, f, g] = record;
            let date = u32::from_be_bytes([*a, *b, *c, *d]);
            if date <= second(now.wall.as_secs())
                && has_passed(u32::from_be_bytes([0, *e, *f, *g]), now)
            {
                continue;
            }
            if self.record.starts_with(digest) {
                return Err(Entered::Before);
            }
            value.extend_from_slice(record);
        }
        if value.len() > ROOM * RECORD {
            return Err(Entered::NoRoom);
        }
        value.extend_from_slice(&self.record);
        Ok(value)
    }
}

fn second(seconds: u64) -> u32 {
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

/// Whether a second of the monotonic clock is over, which is known modulo [`WRAPS`].
fn has_passed(end: u32, now: Now) -> bool {
    let now = second(now.mono.as_secs() % u64::from(WRAPS));
    let passed = now.wrapping_sub(end) % WRAPS;
    passed < WRAPS / 2
}

/// The store of a VM that has none in common with others, in the order of its buckets.
#[derive(Debug)]
struct Own(Vec<(String, Vec<u8>)>);

impl Own {
    /// Where a bucket is, or belongs.
    fn place(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(held, _)| held.as_str().cmp(key))
    }
}

impl SharedData for Own {
    fn read(&mut self, key: &str) -> Option<Entry> {
        let at = self.place(key).ok()?;
        let (_, value) = self.0.get(at)?;
        Some(Entry {
            value: value.clone(),
            version: 0,
        })
    }

    fn swap(&mut self, key: &str, value: &[u8], _: Option<u32>) -> Swap {
        let at = self.place(key).unwrap_or_else(|at| {
            self.0.insert(at, (key.to_owned(), Vec::new()));
            at
        });
        if let Some((_, held)) = self.0.get_mut(at) {
            *held = value.to_vec();
        }
        Swap::Done
    }
}

#[cfg(test)]
mod tests;
