//! What an evaluation has changed, as values: it reads keys and what services said, and changes neither.

use crate::basic::Counters;
use crate::keys::{KeyIdDigest, KeySourceId};

/// One thing that an evaluation has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A caller relies on this key set.
    KeysUsed(KeySourceId),
    /// The issuer of this key set was asked for a key id, and does not have it.
    KeyAbsent(KeySourceId, KeyIdDigest),
    /// A password was wrong, or counts as wrong until it was found to be right.
    PasswordWrong(Counters),
    /// A password that counts as wrong was not: one wrong password is taken back.
    PasswordRefunded(Counters),
}

/// What an evaluation has changed, in its order. [`super::Stores::apply`] makes it so.
#[must_use]
#[derive(Debug, Default)]
pub struct Effects {
    /// The first few: a usual request has no more, and costs no allocation.
    first: [Option<Effect>; 2],
    more: Vec<Effect>,
}

impl Effects {
    /// Adds one effect behind the others.
    pub(super) fn add(&mut self, effect: Effect) {
        match self.first.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = Some(effect),
            None => self.more.push(effect),
        }
    }
}

impl IntoIterator for Effects {
    type Item = Effect;
    type IntoIter = std::iter::Chain<
        std::iter::Flatten<std::array::IntoIter<Option<Effect>, 2>>,
        std::vec::IntoIter<Effect>,
    >;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().flatten().chain(self.more)
    }
}
