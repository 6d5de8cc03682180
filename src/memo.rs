//! A value that is derived from another once, and kept beside it.

use std::cell::RefCell;
use std::collections::VecDeque;

/// The last few things that were made of what this stands beside. They follow from it and from what they were found by,
/// so that nobody can tell whether one was kept or is made anew: this alone is written behind a shared reference.
#[derive(Debug)]
pub(crate) struct Memo<T>(RefCell<VecDeque<T>>);

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<T> Memo<T> {
    /// What `find` makes of the first that it takes.
    pub(crate) fn find<R>(&self, find: impl FnMut(&T) -> Option<R>) -> Option<R> {
        self.0.borrow().iter().find_map(find)
    }

    /// Drops those that are not to stay.
    pub(crate) fn retain(&self, stays: impl FnMut(&T) -> bool) {
        self.0.borrow_mut().retain(stays);
    }

    /// Keeps one more, in the place of the oldest where there are so many.
    pub(crate) fn keep(&self, one: T, most: usize) {
        let mut kept = self.0.borrow_mut();
        while kept.len() >= most.max(1) {
            kept.pop_front();
        }
        kept.push_back(one);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        let memo = Memo::default();
        for number in 0..5 {
            memo.keep(number, 3);
        }
        let has = |number| memo.find(|held| (*held == number).then_some(())).is_some();
        assert_eq!([0, 1, 2, 3, 4].map(has), [false, false, true, true, true]);
        memo.retain(|held| *held == 3);
        assert_eq!([2, 3, 4].map(has), [false, true, false]);
    }
}
