//! Counts the bytes of kept values that grow after their store has weighed them.

use std::cell::Cell;
use std::rc::Rc;

/// How many bytes may be kept, and how many are.
#[derive(Clone, Debug)]
pub struct Ledger {
    most: usize,
    used: Rc<Cell<usize>>,
}

/// Bytes that are kept: they are free again when it is dropped, with what it stands beside.
#[derive(Debug)]
pub struct Charge {
    bytes: usize,
    used: Rc<Cell<usize>>,
}

impl Ledger {
    /// A ledger for so many bytes.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            used: Rc::default(),
        }
    }

    /// The right to keep so many bytes more; `None` where there is no room.
    #[must_use]
    pub fn charge(&self, bytes: usize) -> Option<Charge> {
        let used = self.used.get().checked_add(bytes)?;
        (used <= self.most).then(|| {
            self.used.set(used);
            Charge {
                bytes,
                used: Rc::clone(&self.used),
            }
        })
    }

    /// How many are kept.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.get()
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.used.set(self.used.get().saturating_sub(self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_makes_room() {
        let ledger = Ledger::new(10);
        let first = ledger.charge(6);
        assert!(first.is_some() && ledger.charge(5).is_none());
        let second = ledger.charge(4);
        assert_eq!(ledger.used(), 10);
        drop(first);
        assert_eq!(ledger.used(), 4);
        assert!(ledger.charge(usize::MAX).is_none());
        drop(second);
        assert_eq!(ledger.used(), 0);
    }
}
