//! Tokens that were verified before.

use std::collections::HashMap;
use std::rc::{Rc, Weak};

use super::{ByDigest, TokenPlace};
use crate::jose::KeySet;
use crate::policy::principal::Identity;

/// What an entry takes besides the token and its claims: itself, its place in the index.
const OVERHEAD: usize = 160;
/// How many entries that are in use the hand passes by before it takes one of them.
const MAX_SKIPS: usize = 16;

#[derive(Debug)]
struct Entry {
    place: TokenPlace,
    token: Box<str>,
    /// Which set verified it. A weak reference keeps the place of the set taken, so no later set has it.
    set: Weak<KeySet>,
    identity: Rc<Identity>,
    bytes: usize,
    /// Whether it was asked for since the hand last passed.
    visited: bool,
}

/// Verified tokens, bounded in number and in bytes. The hand of a clock goes round and takes what was not asked for
/// since it last passed: tokens that come once push out one another, not those that come again.
#[derive(Debug)]
pub(super) struct Verified {
    most: usize,
    most_bytes: usize,
    bytes: usize,
    index: ByDigest<TokenPlace, usize>,
    entries: Vec<Option<Entry>>,
    /// Places without an entry.
    free: Vec<usize>,
    hand: usize,
}

impl Verified {
    pub(super) fn new(most: usize, most_bytes: usize) -> Self {
        Self {
            most,
            most_bytes,
            bytes: 0,
            index: HashMap::default(),
            entries: Vec::new(),
            free: Vec::new(),
            hand: 0,
        }
    }

    pub(super) fn find(
        &mut self,
        place: TokenPlace,
        token: &str,
        set: &Rc<KeySet>,
    ) -> Option<Rc<Identity>> {
        let index = *self.index.get(&place)?;
        let entry = self.entries.get_mut(index)?.as_mut()?;
        // A token that ends like this one comes this far; that it is the same, all bytes must say.
        if !is_same(entry.token.as_bytes(), token.as_bytes()) {
            return None;
        }
        if entry.set.as_ptr() != Rc::as_ptr(set) {
            self.remove(place);
            return None;
        }
        entry.visited = true;
        Some(Rc::clone(&entry.identity))
    }

    pub(super) fn insert(
        &mut self,
        place: TokenPlace,
        token: &str,
        set: &Rc<KeySet>,
        identity: &Rc<Identity>,
    ) {
        let bytes = OVERHEAD
            .saturating_add(token.len())
            .saturating_add(identity.weight());
        if bytes > self.most_bytes || self.most == 0 {
            return;
        }
        self.remove(place);
        while self.index.len() >= self.most || self.bytes.saturating_add(bytes) > self.most_bytes {
            self.make_room();
        }
        let entry = Some(Entry {
            place,
            token: token.into(),
            set: Rc::downgrade(set),
            identity: Rc::clone(identity),
            bytes,
            visited: false,
        });
        let free = self.free.pop();
        let index = free.unwrap_or(self.entries.len());
        match self.entries.get_mut(index) {
            Some(held) => *held = entry,
            None => self.entries.push(entry),
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.index.insert(place, index);
    }

    pub(super) fn remove(&mut self, place: TokenPlace) {
        let Some(index) = self.index.remove(&place) else {
            return;
        };
        if let Some(gone) = self.entries.get_mut(index).and_then(Option::take) {
            self.bytes = self.bytes.saturating_sub(gone.bytes);
            self.free.push(index);
        }
    }

    /// Removes the next token that was not used since the last round.
    fn make_room(&mut self) {
        let mut passed = 0;
        loop {
            let index = self.hand;
            self.hand = index
                .checked_add(1)
                .filter(|next| *next < self.entries.len())
                .unwrap_or(0);
            let Some(Some(entry)) = self.entries.get_mut(index) else {
                continue;
            };
            if passed == MAX_SKIPS || !std::mem::take(&mut entry.visited) {
                let place = entry.place;
                return self.remove(place);
            }
            passed += 1;
        }
    }
}

/// Whether two texts are the same; it takes as long wherever they differ.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let (words, rest) = one.as_chunks::<8>();
    let (other_words, other_rest) = other.as_chunks::<8>();
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    let words = words.iter().zip(other_words);
    let difference = words.fold(0, |all, (one, other)| all | (word(one) ^ word(other)));
    let rest = rest.iter().zip(other_rest);
    let difference = rest.fold(difference, |all, (one, other)| all | u64::from(one ^ other));
    one.len() == other.len() && std::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_the_same_only_byte_for_byte() {
        let text: Vec<u8> = (0..100).collect();
        for length in 0..text.len() {
            let mut other = text[..length].to_vec();
            assert!(is_same(&text[..length], &other));
            assert!(!is_same(&text, &other), "{length}");
            for at in 0..length {
                other[at] ^= 0x80;
                assert!(!is_same(&text[..length], &other), "{length} {at}");
                other[at] ^= 0x80;
            }
        }
    }
}
