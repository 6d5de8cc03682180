//! What the keys of one issuer may take of the VM, which verifies for others too.

use super::algorithm::Patience;
use super::kernel::Share;

/// An issuer's share of the room for what is made of keys ahead, and its time to examine them in. It outlives the key
/// sets: one that comes often buys no more with that.
#[derive(Clone, Debug)]
pub struct Allowance {
    pub(super) share: Share,
    pub(super) patience: Patience,
}

impl Allowance {
    /// That of an issuer which has taken nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            share: Share::default(),
            patience: Patience::limited(),
        }
    }
}

impl Default for Allowance {
    fn default() -> Self {
        Self::new()
    }
}
