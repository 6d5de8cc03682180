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
    /// The token's `kid`.
    pub key_id: Option<&'t str>,
    /// When the token was issued, as it says.
    pub issued_at: Option<UnixTime>,
    /// When the request came.
    pub arrived: MonoTime,
}

/// What is known of a key that the set lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The issuer does not have it.
    Absent,
    /// A fetch tells.
    Fetch,
    /// The issuer may have it, and cannot be asked for so many seconds.
    Later(u32),
}

/// The key ids for which the issuer was asked in vain while the document was the same.
#[derive(Debug, Default)]
pub(super) struct Asked {
    ids: Vec<[u8; 16]>,
    next: usize,
}

impl Asked {
    fn has(&self, id: Option<&str>) -> bool {
        self.ids.contains(&digest(id))
    }

    fn add(&mut self, id: Option<&str>) {
        let digest = digest(id);
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

fn digest(id: Option<&str>) -> [u8; 16] {
    let hash: [u8; 32] = Sha256::digest(id.unwrap_or_default()).into();
    hash.first_chunk().copied().unwrap_or_default()
}

impl Slot {
    /// What is known of a key that the set lacks.
    pub(in crate::keys) fn seek(&self, sought: &Sought<'_>, now: MonoTime) -> Finding {
        let Some(held) = &self.held else {
            return Finding::Fetch;
        };
        if held.times.asked_at >= sought.arrived {
            self.asked.borrow_mut().add(sought.key_id);
            return Finding::Absent;
        }
        let older = |issued_at: UnixTime| issued_at.plus(OLDER) < held.times.made_at;
        if sought.issued_at.is_some_and(older) && self.asked.borrow().has(sought.key_id) {
            return Finding::Absent;
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
