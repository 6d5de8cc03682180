//! The host's shared data as a map with compare-and-swap.

use super::call::{self, Stored};
use crate::capabilities::SharedStore;
use crate::keys::{Entry, SharedData, Swap};

/// The store that the host's VMs share, if any.
pub(super) struct HostData(pub(super) SharedStore);

impl SharedData for HostData {
    fn read(&mut self, key: &str) -> Option<Entry> {
        match self.0 {
            SharedStore::None => None,
            SharedStore::Map { .. } => {
                call::shared_data(key).map(|(value, version)| Entry { value, version })
            }
        }
    }

    fn swap(&mut self, key: &str, value: &[u8], seen: Option<u32>) -> Swap {
        let SharedStore::Map { absent } = self.0 else {
            return Swap::Unavailable;
        };
        match call::set_shared_data(key, value, seen.unwrap_or(absent)) {
            Stored::Done => Swap::Done,
            Stored::Lost => Swap::Lost,
            Stored::Unavailable => Swap::Unavailable,
        }
    }
}
