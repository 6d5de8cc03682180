//! The host's shared data as a map with compare-and-swap.

use super::call::{self, Stored};
use crate::capabilities::SharedStore;
use crate::keys::{Entry, Seal, SharedData, Swap};

/// The store that the host's VMs share, if any, and the seal of what is there, if the configuration has a key for it.
#[derive(Clone)]
pub(super) struct HostData {
    pub(super) store: SharedStore,
    pub(super) seal: Option<Seal>,
}

impl SharedData for HostData {
    fn read(&mut self, key: &str) -> Option<Entry> {
        let SharedStore::Map { .. } = self.store else {
            return None;
        };
        let (value, version) = call::shared_data(key)?;
        let value = match &self.seal {
            Some(seal) => seal.open(key, &value),
            None => value,
        };
        Some(Entry { value, version })
    }

    fn swap(&mut self, key: &str, value: &[u8], seen: Option<u32>) -> Swap {
        let SharedStore::Map { absent } = self.store else {
            return Swap::Unavailable;
        };
        let sealed = self.seal.as_ref().map(|seal| seal.close(key, value));
        let value = sealed.as_deref().unwrap_or(value);
        match call::set_shared_data(key, value, seen.unwrap_or(absent)) {
            Stored::Done => Swap::Done,
            Stored::Lost => Swap::Lost,
            Stored::Unavailable => Swap::Unavailable,
        }
    }
}
