//! What becomes of a token whose key the set lacks: the issuer may have a new one.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::Slot;
use crate::time::{MonoTime, UnixTime, whole_seconds};

/// How much older than the key set a token must be, so that its key cannot have come later: issuers predate tokens and
/// publish keys late, and caches serve old sets.
const OLDER: Duration = Duration::from_secs(600);
/// How many key ids are kept that were asked for.
const MOST: usize = 256;

/// A key that the set lacks.
#[derive(Clone, Copy, Debug)]
pub struct Sought<'t> {
    /// The key id in the token's header (`kid`); `None` where it has none.
    pub key_id: Option<&'t str>,
    /// When the token was issued, as it says.
    pub issued_at: Option<UnixTime>,
    /// When the request came.
    pub arrived: MonoTime,
}

/// A key id of any length, by its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyIdDigest([u8; 16]);

/// What is known of a key that the set lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The issuer does not have it, which is [to be noted](crate::keys::KeyStore::note_absent).
    Absent(KeyIdDigest),
    /// A fetch would tell, and the request must wait for it.
    Fetch,
    /// The issuer may have it, and cannot be asked for so many seconds.
    Later(u32),
}

/// The key ids for which the issuer was asked in vain while the document was the same.
#[derive(Debug, Default)]
pub(super) struct Asked {
    ids: Vec<KeyIdDigest>,
    next: usize,
}

impl Asked {
    fn has(&self, id: KeyIdDigest) -> bool {
        self.ids.contains(&id)
    }

    fn add(&mut self, digest: KeyIdDigest) {
        if self.ids.contains(&digest) {
            return;
        }
        match self.ids.get_mut(self.next) {
            Some(oldest) => *oldest = digest,
            None => self.ids.push(digest),
        }
        self.next = self.next.saturating_add(1) % MOST;
    }
}

impl KeyIdDigest {
    fn of(id: Option<&str>) -> Self {
        let hash: [u8; 32] = Sha256::digest(id.unwrap_or_default()).into();
        Self(hash.first_chunk().copied().unwrap_or_default())
    }
}

impl Slot {
    /// Notes that the issuer was asked for a key id in vain.
    pub(in crate::keys) fn note_absent(&mut self, id: KeyIdDigest) {
        self.asked.add(id);
    }

    /// What is known of a key that the set lacks.
    pub(in crate::keys) fn seek(&self, sought: &Sought<'_>, now: MonoTime) -> Finding {
        let Some(held) = &self.held else {
            return Finding::Fetch;
        };
        let id = KeyIdDigest::of(sought.key_id);
        if held.times.asked_at >= sought.arrived {
            return Finding::Absent(id);
        }
        let older = |issued_at: UnixTime| issued_at.plus(OLDER) < held.times.made_at;
        if sought.issued_at.is_some_and(older) && self.asked.has(id) {
            return Finding::Absent(id);
        }
        if let Some(retry_after) = self.failing(now) {
            return Finding::Later(retry_after);
        }
        if self.may_refetch(now) {
            return Finding::Fetch;
        }
        Finding::Later(whole_seconds(self.kids.wait(self.cooldown(), now)))
    }
}
