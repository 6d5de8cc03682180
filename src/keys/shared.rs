//! What the VMs of a process share: a map with compare-and-swap.

use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use crate::expiring::keyed_digest;
use crate::time::Now;

/// A value and the version that a swap must name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The value of the key, as some VM wrote it.
    pub value: Vec<u8>,
    /// The version of the value, which the next swap must name.
    pub version: u32,
}

/// How a swap ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swap {
    /// The swap succeeded: the store has the new value.
    Done,
    /// Somebody else wrote first.
    Lost,
    /// The host has no store: each VM is on its own.
    Unavailable,
}

/// A map that all VMs of a process see. Its values are input, like any other.
pub trait SharedData {
    /// The value of a key, or `None` where there is none or no store.
    fn read(&mut self, key: &str) -> Option<Entry>;

    /// Writes a value if the key still has the version that was seen, `None` being absent.
    fn swap(&mut self, key: &str, value: &[u8], seen: Option<u32>) -> Swap;
}

/// A moment in which a VM acts, with what it shares with the others of its process.
pub struct Turn<'t> {
    /// The time, by both clocks.
    pub now: Now,
    /// What the VMs share.
    pub shared: &'t mut dyn SharedData,
}

impl Turn<'_> {
    /// The same moment, for somebody who keeps it.
    pub fn again(&mut self) -> Turn<'_> {
        Turn {
            now: self.now,
            shared: &mut *self.shared,
        }
    }
}

/// The key by which VMs know each other's values in a store that others may write.
#[derive(Clone)]
pub struct Seal(Rc<[u8; 32]>);

impl Seal {
    /// The seal of everybody who knows this text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Rc::new(Sha256::digest(text.as_bytes()).into()))
    }

    /// A value as it is stored: behind its digest, which also holds its key, so that no value passes for another key's.
    #[must_use]
    pub fn close(&self, key: &str, value: &[u8]) -> Vec<u8> {
        [&keyed_digest(&self.0, &[key.as_bytes(), value])[..], value].concat()
    }

    /// The value of what is stored; nothing of what somebody else has written.
    #[must_use]
    pub fn open(&self, key: &str, stored: &[u8]) -> Vec<u8> {
        let parts = stored.split_first_chunk::<32>();
        let own = parts.filter(|(digest, value)| {
            let right = keyed_digest(&self.0, &[key.as_bytes(), value]);
            // Whoever may write here may also measure.
            digest
                .iter()
                .zip(right)
                .fold(0, |all, (held, right)| all | (held ^ right))
                == 0
        });
        own.map(|(_, value)| value.to_vec()).unwrap_or_default()
    }
}

/// Keys are not for logs.
impl std::fmt::Debug for Seal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Seal(..)")
    }
}

/// What VMs share whose host has no store.
#[derive(Clone, Copy, Debug)]
pub struct NoStore;

impl SharedData for NoStore {
    fn read(&mut self, _: &str) -> Option<Entry> {
        None
    }

    fn swap(&mut self, _: &str, _: &[u8], _: Option<u32>) -> Swap {
        Swap::Unavailable
    }
}

/// The first byte of the common secret's value: what this version writes.
const LAYOUT: u8 = 1;
/// The key of the shared entry with the secret.
const SECRET: &str = "auth-filter/entries/v1/secret";

/// A secret that the VMs of a process agree on, by which they name what no client may aim at.
pub struct CommonSecret {
    own: [u8; 32],
    common: Option<[u8; 32]>,
}

impl CommonSecret {
    /// What a VM with this secret proposes.
    #[must_use]
    pub const fn new(own: [u8; 32]) -> Self {
        Self { own, common: None }
    }

    /// The VM's own secret, which no other knows.
    #[must_use]
    pub const fn own(&self) -> [u8; 32] {
        self.own
    }

    /// The secret of all VMs: the first that one of them wrote. `None` where the host has no store.
    pub fn agree(&mut self, shared: &mut dyn SharedData) -> Option<[u8; 32]> {
        if self.common.is_some() {
            return self.common;
        }
        let secret = |entry: &Entry| {
            let secret = entry.value.strip_prefix(&[LAYOUT])?;
            <[u8; 32]>::try_from(secret).ok()
        };
        let held = shared.read(SECRET);
        self.common = held.as_ref().and_then(secret);
        if self.common.is_none() {
            let proposal = [&[LAYOUT][..], &keyed_digest(&self.own, &[b"slots"])].concat();
            // Another version's value, if any, is written over: versions are not mixed for long. It must be the one that was
            // seen: what another VM has just written stands, or two secrets would be in use.
            let seen = held.map(|entry| entry.version);
            if shared.swap(SECRET, &proposal, seen) != Swap::Unavailable {
                self.common = shared.read(SECRET).as_ref().and_then(secret);
            }
        }
        self.common
    }
}

/// Secrets are not for logs.
impl std::fmt::Debug for CommonSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("CommonSecret")
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::testing::Process;

    #[test]
    fn what_others_have_written_under_a_seal_is_nothing() {
        let (seal, other) = (Seal::new("one"), Seal::new("two"));
        for value in [&b""[..], b"x", &[7; 4096]] {
            let stored = seal.close("key", value);
            assert_eq!(seal.open("key", &stored), value);
            assert_eq!(seal.open("another", &stored), b"");
            assert_eq!(other.open("key", &stored), b"");
            for at in [0, 31, stored.len() - 1] {
                let mut changed = stored.clone();
                changed[at] ^= 1;
                assert_eq!(seal.open("key", &changed), b"");
            }
        }
        assert_eq!(seal.open("key", b"short"), b"");
        assert_eq!(seal.open("key", &[0; 100]), b"");
        // The parts do not run into each other.
        assert_eq!(seal.open("ke", &seal.close("k", b"ey")), b"");
    }

    /// A store in which another VM agrees between any two calls of this one.
    struct Overtaken {
        process: Process,
        other: CommonSecret,
        calls: usize,
        at: usize,
    }

    impl Overtaken {
        fn step(&mut self) {
            if self.calls == self.at {
                self.other.agree(&mut self.process);
            }
            self.calls += 1;
        }
    }

    impl SharedData for Overtaken {
        fn read(&mut self, key: &str) -> Option<Entry> {
            self.step();
            self.process.read(key)
        }

        fn swap(&mut self, key: &str, value: &[u8], seen: Option<u32>) -> Swap {
            self.step();
            self.process.swap(key, value, seen)
        }
    }

    #[test]
    fn two_vms_have_one_secret_whenever_the_other_writes() {
        for stale in [None, Some(vec![LAYOUT + 1; 33])] {
            for at in 0..4 {
                let mut store = Overtaken {
                    process: Process::default(),
                    other: CommonSecret::new([1; 32]),
                    calls: 0,
                    at,
                };
                if let Some(value) = &stale {
                    assert_eq!(store.process.swap(SECRET, value, None), Swap::Done);
                }
                let own = CommonSecret::new([2; 32]).agree(&mut store);
                let other = store.other.agree(&mut store.process);
                assert!(own.is_some());
                assert_eq!(own, other, "{at} {stale:?}");
            }
        }
    }
}
