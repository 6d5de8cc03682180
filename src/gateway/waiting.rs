//! Which held requests can go on: what a request waits for wakes it, and nothing evaluates it before.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::expiring::Digest;
use crate::keys::{KeySourceId, KeyState, KeyStore};
use crate::time::MonoTime;

/// What wakes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wakers {
    /// The answer to one of these questions.
    Answers(Vec<Digest>),
    /// Any change of this key set.
    Keys(KeySourceId),
    /// The end of its time alone.
    Time,
}

/// The requests that wait, by what wakes them.
///
/// Each request that arrives, each answer and each tick costs what it changes, however many requests wait.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    by_question: BTreeMap<Digest, BTreeSet<u32>>,
    by_source: BTreeMap<KeySourceId, (Option<KeyState>, BTreeSet<u32>)>,
    deadlines: BTreeSet<(MonoTime, u32)>,
    /// Those that can be looked at, oldest first.
    ready: VecDeque<u32>,
    is_ready: BTreeSet<u32>,
}

impl Waiting {
    /// Adds a request that was found to wait.
    pub(super) fn add(
        &mut self,
        id: u32,
        wakers: &Wakers,
        deadline: MonoTime,
        keys: &KeyStore,
        now: MonoTime,
    ) {
        self.deadlines.insert((deadline, id));
        match wakers {
            Wakers::Answers(questions) => {
                for digest in questions {
                    self.by_question.entry(*digest).or_default().insert(id);
                }
            }
            Wakers::Keys(source) => {
                let state = || (keys.state(*source, now), BTreeSet::new());
                let (_, ids) = self.by_source.entry(*source).or_insert_with(state);
                ids.insert(id);
            }
            Wakers::Time => {}
        }
    }

    /// Removes a request, which must have been added with these.
    pub(super) fn remove(&mut self, id: u32, wakers: &Wakers, deadline: MonoTime) {
        self.deadlines.remove(&(deadline, id));
        // Its place in the queue is passed over.
        self.is_ready.remove(&id);
        match wakers {
            Wakers::Answers(questions) => {
                for digest in questions {
                    if let Some(ids) = self.by_question.get_mut(digest) {
                        ids.remove(&id);
                        if ids.is_empty() {
                            self.by_question.remove(digest);
                        }
                    }
                }
            }
            Wakers::Keys(source) => {
                if let Some((_, ids)) = self.by_source.get_mut(source) {
                    ids.remove(&id);
                    if ids.is_empty() {
                        self.by_source.remove(source);
                    }
                }
            }
            Wakers::Time => {}
        }
    }

    /// Whether a request waits for the answer to this question.
    pub(super) fn is_awaited(&self, question: &Digest) -> bool {
        self.by_question.contains_key(question)
    }

    /// Wakes the requests that wait for the answer to this question.
    pub(super) fn answered(&mut self, question: &Digest) {
        let ids = self.by_question.get(question).into_iter().flatten();
        wake(ids, &mut self.ready, &mut self.is_ready);
    }

    /// Wakes the requests whose key set is not what it was, and those that may wait no longer.
    pub(super) fn look(&mut self, keys: &KeyStore, now: MonoTime) {
        for (source, (seen, ids)) in &mut self.by_source {
            let state = keys.state(*source, now);
            if std::mem::replace(seen, state) != state {
                wake(&*ids, &mut self.ready, &mut self.is_ready);
            }
        }
        while let Some((at, id)) = self.deadlines.pop_first() {
            if at > now {
                self.deadlines.insert((at, id));
                break;
            }
            wake([&id], &mut self.ready, &mut self.is_ready);
        }
    }

    /// The next request that can be looked at.
    pub(super) fn pop(&mut self) -> Option<u32> {
        loop {
            let id = self.ready.pop_front()?;
            if self.is_ready.remove(&id) {
                return Some(id);
            }
        }
    }

    /// Whether a request can be looked at.
    pub(super) fn has_ready(&self) -> bool {
        !self.is_ready.is_empty()
    }
}

fn wake<'i>(
    ids: impl IntoIterator<Item = &'i u32>,
    ready: &mut VecDeque<u32>,
    is_ready: &mut BTreeSet<u32>,
) {
    for id in ids {
        if is_ready.insert(*id) {
            ready.push_back(*id);
        }
    }
}
