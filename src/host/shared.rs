//! The host's shared data as a map with compare-and-swap.

use super::call::{self, Stored};
use crate::keys::{Entry, SharedData, Swap};

/// A version that no host gives out first: Envoy creates an absent key whatever the version, and refuses this
/// one where the key exists. Zero would overwrite there.
const ABSENT: u32 = u32::MAX;

/// The store that the host's VMs share.
pub(super) struct HostData;

impl SharedData for HostData {
    fn read(&mut self, key: &str) -> Option<Entry> {
        call::shared_data(key).map(|(value, version)| Entry { value, version })
    }

    fn swap(&mut self, key: &str, value: &[u8], seen: Option<u32>) -> Swap {
        let stored = call::set_shared_data(key, value, seen.unwrap_or(ABSENT));
        match stored {
            Stored::Done => Swap::Done,
            Stored::Unavailable => Swap::Unavailable,
            // nginx hosts want zero for a key that is absent, and check that it is.
            Stored::Lost if seen.is_none() && call::shared_data(key).is_none() => {
                match call::set_shared_data(key, value, 0) {
                    Stored::Done => Swap::Done,
                    Stored::Lost => Swap::Lost,
                    Stored::Unavailable => Swap::Unavailable,
                }
            }
            Stored::Lost => Swap::Lost,
        }
    }
}
