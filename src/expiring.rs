//! A map with a bound, whose entries end.

use std::collections::{BTreeMap, BTreeSet};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::time::MonoTime;

/// The name of an entry: a keyed digest, so that what was asked is not kept.
pub(crate) type Digest = [u8; 32];

/// HMAC-SHA-256 over the parts, each behind its length: no two lists of parts have one digest, and nobody without
/// the secret can tell from a digest what it is of.
#[must_use]
pub(crate) fn keyed_digest(secret: &[u8; 32], parts: &[&[u8]]) -> Digest {
    // RFC 2104 §2 fills a short key with zeros.
    let mut key = [0_u8; 64];
    for (place, byte) in key.iter_mut().zip(secret) {
        *place = *byte;
    }
    let mut mac = Hmac::<Sha256>::new(&key.into());
    for part in parts {
        mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Entries by their digests. Where there is no room, the one that would end first goes, unless it is pinned.
#[derive(Debug)]
pub(crate) struct Expiring<V> {
    most: usize,
    entries: BTreeMap<Digest, Entry<V>>,
    /// The entries that may go, by their ends.
    ends: BTreeSet<(MonoTime, Digest)>,
    /// What the entries take, in bytes.
    bytes: usize,
    /// What of it the pinned ones take.
    pinned_bytes: usize,
}

#[derive(Debug)]
struct Entry<V> {
    until: MonoTime,
    value: V,
    /// What it takes, with its places in the two maps.
    weight: usize,
    is_pinned: bool,
}

impl<V> Expiring<V> {
    /// A map of at most so many entries, and of one at least.
    #[must_use]
    pub(crate) const fn new(most: usize) -> Self {
        Self {
            most: if most == 0 { 1 } else { most },
            entries: BTreeMap::new(),
            ends: BTreeSet::new(),
            bytes: 0,
            pinned_bytes: 0,
        }
    }

    /// What an entry takes for itself in both maps, whose nodes are half full at the least.
    const OVERHEAD: usize =
        2 * (size_of::<(Digest, Entry<V>)>() + size_of::<(MonoTime, Digest)>()) + 16;

    /// An entry that has not ended, and its end.
    #[must_use]
    pub(crate) fn get(&self, digest: &Digest, now: MonoTime) -> Option<(&V, MonoTime)> {
        let entry = self.entries.get(digest)?;
        (now < entry.until).then_some((&entry.value, entry.until))
    }

    /// Sets an entry, which is not pinned. It stays until others push it out, however soon it ends.
    pub(crate) fn insert(&mut self, digest: Digest, value: V, until: MonoTime) {
        self.insert_weighing(digest, value, until, 0);
    }

    /// The same for a value that takes so many bytes besides its own size.
    pub(crate) fn insert_weighing(
        &mut self,
        digest: Digest,
        value: V,
        until: MonoTime,
        weight: usize,
    ) {
        self.remove(&digest);
        if self.entries.len() >= self.most {
            self.make_room();
        }
        let weight = weight.saturating_add(Self::OVERHEAD);
        self.bytes = self.bytes.saturating_add(weight);
        let entry = Entry {
            until,
            value,
            weight,
            is_pinned: false,
        };
        self.entries.insert(digest, entry);
        self.ends.insert((until, digest));
    }

    /// Keeps an entry until it is unpinned: others do not push it out.
    pub(crate) fn pin(&mut self, digest: &Digest) {
        if let Some(entry) = self.entries.get_mut(digest)
            && !std::mem::replace(&mut entry.is_pinned, true)
        {
            self.ends.remove(&(entry.until, *digest));
            self.pinned_bytes = self.pinned_bytes.saturating_add(entry.weight);
        }
    }

    /// Lets others push an entry out again.
    pub(crate) fn unpin(&mut self, digest: &Digest) {
        if let Some(entry) = self.entries.get_mut(digest)
            && std::mem::replace(&mut entry.is_pinned, false)
        {
            self.ends.insert((entry.until, *digest));
            self.pinned_bytes = self.pinned_bytes.saturating_sub(entry.weight);
        }
    }

    /// What the pinned entries take, in bytes.
    #[must_use]
    pub(crate) const fn pinned_bytes(&self) -> usize {
        self.pinned_bytes
    }

    /// Removes the entry that ends first of those that are not pinned; `false` where there is none.
    pub(crate) fn make_room(&mut self) -> bool {
        let first = self.ends.first().copied();
        first.inspect(|(_, digest)| self.remove(digest)).is_some()
    }

    /// How many entries there are.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// What the entries take, in bytes.
    #[must_use]
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Removes the entry of this digest, where there is one.
    pub(crate) fn remove(&mut self, digest: &Digest) {
        if let Some(gone) = self.entries.remove(digest) {
            self.ends.remove(&(gone.until, *digest));
            self.bytes = self.bytes.saturating_sub(gone.weight);
            if gone.is_pinned {
                self.pinned_bytes = self.pinned_bytes.saturating_sub(gone.weight);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_tells_parts_and_secrets_apart() {
        let digests = [
            keyed_digest(&[0; 32], &[b"ab", b"c"]),
            keyed_digest(&[0; 32], &[b"a", b"bc"]),
            keyed_digest(&[0; 32], &[b"abc"]),
            keyed_digest(&[0; 32], &[b"abc", b""]),
            keyed_digest(&[1; 32], &[b"abc"]),
        ];
        assert_eq!(BTreeSet::from(digests).len(), digests.len());
    }

    #[test]
    fn an_entry_serves_until_its_end() {
        let mut map = Expiring::new(4);
        let at = MonoTime::from_secs;
        map.insert([1; 32], "a", at(10));
        assert_eq!(map.get(&[1; 32], at(9)), Some((&"a", at(10))));
        assert_eq!(map.get(&[1; 32], at(10)), None);
        assert_eq!(map.get(&[2; 32], at(9)), None);
        map.insert([1; 32], "b", at(5));
        assert_eq!(map.get(&[1; 32], at(4)), Some((&"b", at(5))));
        map.remove(&[1; 32]);
        assert_eq!(map.get(&[1; 32], at(4)), None);
        assert!(map.ends.is_empty());
    }

    #[test]
    fn what_ends_first_makes_room() {
        let mut map = Expiring::new(3);
        let at = MonoTime::from_secs;
        for (name, end) in [(1, 30), (2, 10), (3, 20), (4, 5), (5, 40)] {
            map.insert([name; 32], name, at(end));
        }
        let held: Vec<u8> = map.entries.values().map(|entry| entry.value).collect();
        assert_eq!(held, [1, 3, 5]);
        assert_eq!((map.entries.len(), map.ends.len()), (3, 3));
    }

    #[test]
    fn what_entries_take_is_counted() {
        let mut map = Expiring::new(3);
        let at = MonoTime::from_secs;
        let own = Expiring::<u8>::OVERHEAD;
        map.insert_weighing([1; 32], 1, at(1), 100);
        map.insert_weighing([2; 32], 2, at(2), 20);
        assert_eq!(map.bytes(), 120 + 2 * own);
        map.insert_weighing([1; 32], 1, at(3), 5);
        assert_eq!(map.bytes(), 25 + 2 * own);
        assert!(map.make_room());
        assert_eq!((map.bytes(), map.len()), (5 + own, 1));
        assert!(map.make_room() && !map.make_room());
        assert_eq!(map.bytes(), 0);
    }

    #[test]
    fn what_is_pinned_is_not_pushed_out() {
        let mut map = Expiring::new(2);
        let at = MonoTime::from_secs;
        map.insert_weighing([1; 32], 1, at(1), 100);
        map.pin(&[1; 32]);
        map.pin(&[1; 32]);
        for number in 2..9 {
            map.insert([number; 32], 0, at(50));
        }
        assert_eq!((map.len(), map.get(&[1; 32], at(0)).is_some()), (2, true));
        assert_eq!(map.pinned_bytes(), 100 + Expiring::<u8>::OVERHEAD);
        map.unpin(&[1; 32]);
        assert_eq!(map.pinned_bytes(), 0);
        map.insert([9; 32], 0, at(50));
        assert_eq!((map.len(), map.get(&[1; 32], at(0))), (2, None));
        // What is set anew or removed is pinned no more.
        for number in [9, 8] {
            map.pin(&[number; 32]);
        }
        map.insert([9; 32], 0, at(60));
        map.remove(&[8; 32]);
        assert_eq!(map.pinned_bytes(), 0);
        assert_eq!(map.ends.len(), map.len());
    }
}
