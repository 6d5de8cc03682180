//! The order in which questions go out.

use std::collections::{BTreeMap, VecDeque};

use super::question::{Open, Stage};
use crate::callout::Leader;
use crate::expiring::Digest;

/// How many entries may be of no use before they are cleared away.
const SLACK: usize = 64;

/// Questions that are due, oldest first. What a question's stage says counts: an entry whose question was answered,
/// dropped or sent meanwhile is passed over, so that taking a question out of the middle costs nothing.
#[derive(Debug, Default)]
pub(super) struct Due {
    by_anybody: VecDeque<Digest>,
    by_tick: VecDeque<Digest>,
}

impl Due {
    /// Adds a question that has this stage now.
    pub(super) fn push(&mut self, digest: Digest, stage: Stage, open: &BTreeMap<Digest, Open>) {
        let queue = match stage {
            Stage::Wanted => &mut self.by_anybody,
            Stage::WantedByTick => &mut self.by_tick,
            Stage::Elsewhere | Stage::Flying(..) => return,
        };
        // Clients that come and go leave entries behind. Each clearing is paid for by as many entries as it looks at.
        if queue.len() > open.len().saturating_mul(2).saturating_add(SLACK) {
            queue.retain(|digest| is_at(digest, stage, open));
        }
        queue.push_back(digest);
    }

    /// The next question that this callback may send.
    pub(super) fn pop(&mut self, leader: Leader, open: &BTreeMap<Digest, Open>) -> Option<Digest> {
        let of_tick = match leader {
            Leader::Tick => pop(&mut self.by_tick, Stage::WantedByTick, open),
            Leader::Request => None,
        };
        of_tick.or_else(|| pop(&mut self.by_anybody, Stage::Wanted, open))
    }

    /// The first so many questions that this callback may send; they stay.
    pub(super) fn peek<'d>(
        &'d self,
        leader: Leader,
        many: usize,
        open: &'d BTreeMap<Digest, Open>,
    ) -> impl Iterator<Item = Digest> + 'd {
        let by_tick = self.by_tick.iter().filter(move |_| leader == Leader::Tick);
        let by_tick = by_tick.map(|digest| (digest, Stage::WantedByTick));
        let by_anybody = self.by_anybody.iter().map(|digest| (digest, Stage::Wanted));
        by_tick
            .chain(by_anybody)
            .take(many)
            .filter(|(digest, stage)| is_at(digest, *stage, open))
            .map(|(digest, _)| *digest)
    }
}

fn pop(
    queue: &mut VecDeque<Digest>,
    stage: Stage,
    open: &BTreeMap<Digest, Open>,
) -> Option<Digest> {
    loop {
        let digest = queue.pop_front()?;
        if is_at(&digest, stage, open) {
            return Some(digest);
        }
    }
}

fn is_at(digest: &Digest, stage: Stage, open: &BTreeMap<Digest, Open>) -> bool {
    open.get(digest).is_some_and(|open| open.stage == stage)
}
