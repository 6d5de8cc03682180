//! What the VMs of a process share: a map with compare-and-swap.

use crate::expiring::keyed_digest;

/// A value and the version that a swap must name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The value.
    pub value: Vec<u8>,
    /// Its version.
    pub version: u32,
}

/// How a swap ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swap {
    /// The value stands.
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
/// Where it is.
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
        let read = |shared: &mut dyn SharedData| {
            let entry = shared.read(SECRET)?;
            let (layout, secret) = entry.value.split_first()?;
            let secret = <[u8; 32]>::try_from(secret).ok()?;
            (*layout == LAYOUT).then_some(secret)
        };
        self.common = read(shared).or_else(|| {
            let proposal = [&[LAYOUT][..], &keyed_digest(&self.own, &[b"slots"])].concat();
            // Another version's value, if any, is written over: versions are not mixed for long.
            let seen = shared.read(SECRET).map(|entry| entry.version);
            match shared.swap(SECRET, &proposal, seen) {
                Swap::Unavailable => None,
                Swap::Done | Swap::Lost => read(shared),
            }
        });
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
