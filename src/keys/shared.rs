//! What the VMs of a process share: a map with compare-and-swap.

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
