//! A store for tests: a process with shared data.

use std::collections::BTreeMap;

use super::{Entry, SharedData, Swap, Turn};
use crate::time::{MonoTime, Now, UnixTime};

/// The store of a process, as Envoy has it.
#[derive(Default)]
pub(crate) struct Process {
    pub(crate) entries: BTreeMap<String, Entry>,
    writes: u32,
}

impl SharedData for Process {
    fn read(&mut self, key: &str) -> Option<Entry> {
        self.entries.get(key).cloned()
    }

    fn swap(&mut self, key: &str, value: &[u8], seen: Option<u32>) -> Swap {
        if self.entries.get(key).map(|entry| entry.version) != seen {
            return Swap::Lost;
        }
        self.writes += 1;
        self.entries.insert(
            key.to_owned(),
            Entry {
                value: value.to_vec(),
                version: self.writes,
            },
        );
        Swap::Done
    }
}

/// A moment by either clock.
pub(crate) trait Moment {
    /// This moment on both clocks.
    fn now(self) -> Now;
}

impl Moment for Now {
    fn now(self) -> Now {
        self
    }
}

impl Moment for MonoTime {
    fn now(self) -> Now {
        Now {
            wall: UnixTime::from_secs(0),
            mono: self,
        }
    }
}

/// A moment in which a VM acts.
pub(crate) fn turn(shared: &mut dyn SharedData, at: impl Moment) -> Turn<'_> {
    Turn {
        now: at.now(),
        shared,
    }
}
